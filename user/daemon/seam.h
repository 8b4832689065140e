/* SPDX-License-Identifier: MIT */
/*
 * seam.h - a generic netlink socket to the kernel module
 *
 * Part 2 of <linux/tlsock.h>: REGISTER, PULL, PUSH, DOORBELL, LIMITS. Requests are answered before
 * the next one is made. It must never keep a copy of a message that was sent: a PUSH has keys.
 */
#ifndef DAEMON_SEAM_H
#define DAEMON_SEAM_H

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

struct seam {
	struct nl_sock *socket;
	int fd; /* for poll(): readable when the doorbell rings */
	int family;
	uint8_t *buffer; /* one message as it is received */
	uint8_t *queue; /* the messages of the last PULL */
	size_t queue_len;
	size_t queue_at;
	char reason[256]; /* what the kernel said to the last refusal, or "" */
};

/*
 * All of them return 0 or a negative errno. seam_open(): -ENOENT: the module is not loaded.
 * seam_request() fills in the port and a sequence number and waits for the acknowledgement.
 */
int seam_open(struct seam *seam);
void seam_close(struct seam *seam); /* takes a zeroed one */
int seam_request(struct seam *seam, struct nl_msg *message);

int seam_register(struct seam *seam);
int seam_set_limits(struct seam *seam, const struct limits *limits);

/*
 * Asks for work, with at most @max_conns new connections (0: none, now or by doorbell), and
 * collects the answer. Returns the number of messages: 0 means that the doorbell is armed;
 * -EAGAIN: the kernel had no room or memory, try again in a moment.
 */
int seam_pull(struct seam *seam, uint32_t max_conns);
struct nlmsghdr *seam_next(struct seam *seam); /* of the answer; NULL at its end */

/* Reads and drops what lies in the socket: doorbells. */
int seam_drain(struct seam *seam);

/* A socket that hears when a family comes or goes. */
int seam_watch_open(struct nl_sock **socket, int *fd);
/* Reads all news; true: the family "tlsock" has gone. */
bool seam_watch_gone(struct nl_sock *socket);

#endif
