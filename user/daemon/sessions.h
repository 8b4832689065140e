/* SPDX-License-Identifier: MIT */
/*
 * sessions.h - the sessions that clients keep (RFC 8446 section 4.6.1, RFC 5077), in memory that
 * all workers of one configuration share
 *
 * A session is known by a key that says all of what it is bound to (policy_session()) and given out
 * once (RFC 8446 appendix C.4). Bounded: in all, for each user and for each key; the oldest goes.
 * Must never be written to a disk, nor outlive the configuration that it was made under.
 */
#ifndef DAEMON_SESSIONS_H
#define DAEMON_SESSIONS_H

#include <stddef.h>
#include <stdint.h>

#include "tickets.h"

#define SESSIONS_MAX 512
#define SESSIONS_PER_USER 64
#define SESSIONS_PER_KEY 4
#define SESSIONS_SIZE ((size_t)8192) /* of one with its key; a longer one is not kept */

struct sessions;

struct session_owner {
	uint64_t netns;
	uint32_t uid;
};

struct sessions *sessions_new(void); /* NULL: errno */
/* Wipes what there is, for every process; takes NULL. */
void sessions_free(struct sessions *all);

/* @expires, @now: seconds since 1970-01-01 UTC */
void sessions_put(struct sessions *all, const struct session_owner *owner, const uint8_t *key,
		  size_t key_len, const uint8_t *session, size_t len, int64_t expires, int64_t now);
/* The newest, which is gone from the store then: its length in @out of SESSIONS_SIZE; 0: none. */
size_t sessions_take(struct sessions *all, const struct session_owner *owner, const uint8_t *key,
		     size_t key_len, int64_t now, uint8_t *out);
size_t sessions_count(struct sessions *all, int64_t now); /* of those that have not expired */

/* Keys for hs_engine_park(), as hs_config.ticket_key and tickets_rotate() */
int sessions_key(const struct sessions *all, bool seal, uint8_t name[HS_TICKET_NAME_LEN],
		 uint8_t key[HS_TICKET_KEY_LEN]);
int sessions_rotate(struct sessions *all);

#endif
