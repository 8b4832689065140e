/* SPDX-License-Identifier: MIT */
/*
 * event.h - one CONN_* message of the kernel, taken apart
 *
 * Part 2 of <linux/tlsock.h>. Pointers lead into the message, which must outlive the event.
 * The kernel is trusted, but a message of another version of it may lack things: what a
 * message has to carry is checked here, once.
 */
#ifndef DAEMON_EVENT_H
#define DAEMON_EVENT_H

#include <linux/tlsock.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"

struct event {
	uint8_t command; /* TLSOCK_CMD_CONN_NEW, _DATA, _GONE or _TICKET */
	uint64_t id;
	uint32_t generation; /* but for CONN_TICKET */

	/* CONN_NEW; a name the application did not give is "" */
	bool server;
	const char *server_name;
	const char *credential;
	const char *trust;
	const char *profile;
	const uint8_t *alpn;
	size_t alpn_len;
	uint8_t verify; /* enum tlsock_verify */
	uint32_t uid;
	uint32_t gid;
	uint32_t pid;
	uint64_t netns;
	uint32_t netns_inode; /* 0: it is the daemon's own */
	const void *local; /* struct sockaddr_in or sockaddr_in6 */
	size_t local_len;
	const void *peer;
	size_t peer_len;

	/* CONN_DATA; CONN_TICKET has data too */
	uint8_t epoch;
	const uint8_t *data;
	size_t data_len;
	bool more;

	/* CONN_TICKET */
	const uint8_t *cookie;
	size_t cookie_len;
};

/* Returns 0, -EOPNOTSUPP (no CONN_* command) or -EBADMSG (an attribute is missing or wrong). */
int event_parse(struct nlmsghdr *header, struct event *event);

/* What the log says about the connection of a CONN_NEW. */
void event_subject(const struct event *event, struct log_subject *subject);

#endif
