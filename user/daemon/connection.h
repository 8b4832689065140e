/* SPDX-License-Identifier: MIT */
/*
 * connection.h - the handshakes of one worker
 *
 * From an event of the kernel to the engine of RFC 8446 section 4, and from the engine's actions to
 * one PUSH. A connection lives from its CONN_NEW until a PUSH with COMPLETE or FAIL, or its
 * CONN_GONE. Must never send anything but through push(): the tests stand in for the kernel there.
 */
#ifndef DAEMON_CONNECTION_H
#define DAEMON_CONNECTION_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "event.h"
#include "keylog.h"
#include "push.h"
#include "sessions.h"

#define CONNECTIONS_MAX ((size_t)32768)
#define CONNECTION_BUCKETS ((size_t)4096)

struct connection;

struct connections {
	const struct config *config;
	int family; /* of the netlink messages */
	const struct keylog *keylog;
	const struct feed *live; /* where handshakes are told, or NULL */
	const struct tickets *tickets; /* or NULL */
	struct sessions *sessions; /* of clients; or NULL, then none are kept */
	/*
	 * Gives a finished message to the kernel: 0 or its negative errno; *@reason: what the kernel
	 * says to a refusal, or "".
	 */
	int (*push)(void *ctx, struct nl_msg *message, const char **reason);
	int64_t (*now_us)(void *ctx); /* monotonic */
	void *ctx;

	/* connections_init() and what follows it */
	struct push message;
	struct hs_credential **usable; /* scratch for policy_apply() */
	const struct hs_engine *active; /* that may have a session for the store */
	struct log_limit failures; /* lines about handshakes that failed */
	size_t count;
	struct connection *buckets[CONNECTION_BUCKETS];
};

/* The fields above the line are the caller's to fill before. 0 or -ENOMEM. */
int connections_init(struct connections *all);
void connections_free(struct connections *all);

/* Logs how many failures were not logged, if it is time; how many ms until then, -1: none were. */
int connections_tell(struct connections *all);

void connections_event(struct connections *all, const struct event *event);

#endif
