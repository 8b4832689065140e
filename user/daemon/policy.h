/* SPDX-License-Identifier: MIT */
/*
 * policy.h - what a connection may use: from the names an application gave to objects
 *
 * The application names a credential, a trust store and a profile; the kernel says whose it is; the
 * configuration decides. Must never fall back to something that was not named.
 */
#ifndef DAEMON_POLICY_H
#define DAEMON_POLICY_H

#include "config.h"
#include "event.h"
#include "sessions.h"

struct refusal {
	int error; /* positive errno for the application */
	char text[320];
};

#define POLICY_SESSION_MAX (16 + 4 * (TLSOCK_NAME_MAX + 1))

/*
 * What a resumed connection has to share with the one that made the session, besides what the engine
 * sees to: whose the socket is, what it may use, what it asks of the peer. Returns its length.
 */
size_t policy_session(const struct event *event, uint8_t out[POLICY_SESSION_MAX]);

/* Whose a client's session is. 0, or -1: @context is no client's. */
int policy_session_owner(const uint8_t *context, size_t len, struct session_owner *owner);

/*
 * Fills @out for the connection of @event, but for its callbacks; pointers lead into @config and
 * @event. @usable has room for all credentials and must live as long as @out. Returns 0, or -1 with
 * the reason: ENOKEY: no such thing; EPERM: not for this user.
 */
int policy_apply(const struct config *config, const struct event *event,
		 struct hs_credential **usable, struct hs_config *out, struct refusal *refusal);

#endif
