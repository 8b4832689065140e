/* SPDX-License-Identifier: MIT */
/*
 * push.h - the engine's actions as one PUSH message
 *
 * Part 2 of <linux/tlsock.h>. The kernel applies a PUSH all or nothing, so what one call of
 * the engine asked for goes into one message. The message holds keys: it is made in one
 * buffer that lives as long as the worker, and wiped by push_wipe() after every use.
 */
#ifndef DAEMON_PUSH_H
#define DAEMON_PUSH_H

#include <netlink/msg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handshake/handshake.h"

struct push {
	struct nl_msg *message;
	struct nlattr *nest; /* the open ACTIONS, or NULL */
	size_t actions; /* in the message */
	const uint8_t *cookie; /* for COMPLETE, the caller's; forgotten with the message */
	size_t cookie_len;
};

/* 0 or -ENOMEM */
int push_new(struct push *push);
void push_free(struct push *push); /* wipes */

void push_begin(struct push *push, int family, uint64_t id, uint32_t generation);

/*
 * Returns 0; -EMSGSIZE: the message is full; -E2BIG: the peer's certificates are more than a
 * COMPLETE can carry.
 */
int push_action(struct push *push, const struct hs_action *action);

/* CONTINUE, where the engine asks for more without saying so. 0 or -EMSGSIZE. */
int push_continue(struct push *push);

/* A FAIL of the daemon's own. @alert: AlertDescription, or -1 for none. */
int push_fail(struct push *push, int error, int alert, int verify_code, const char *text);

void push_end(struct push *push);
void push_wipe(struct push *push);

#endif
