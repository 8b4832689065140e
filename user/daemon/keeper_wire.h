/* SPDX-License-Identifier: MIT */
/*
 * keeper_wire.h - what is said between the keeper and those who ask it
 *
 * SOCK_SEQPACKET: a message is whole or not at all. Through the door, which all share, come new sockets
 * (a byte with SCM_RIGHTS); through each socket requests and their answers. Must never be spoken with
 * another machine: the bytes are in the order of this one.
 */
#ifndef DAEMON_KEEPER_WIRE_H
#define DAEMON_KEEPER_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "keeper.h"
#include "token_uri.h"

enum keeper_operation {
	KEEPER_LOAD = 1, /* the loader's alone: a URI, NUL, and a PIN with its NUL or nothing */
	KEEPER_SIGN,
	KEEPER_DECRYPT,
};

/* What a client signs in TLS 1.2 is all of the handshake so far. */
#define KEEPER_BYTES_MAX (160U * 1024)
#define KEEPER_ANSWER_MAX 1024U /* a signature, a number, a reason */

struct keeper_request {
	uint32_t number; /* comes back */
	uint16_t operation;
	uint16_t scheme;
	uint32_t key; /* in the order of loading, from 0 */
	uint32_t room; /* for the answer */
	uint8_t bytes[];
};

struct keeper_answer {
	uint32_t number;
	int32_t error; /* 0: the bytes are what was asked for; else a reason, without a NUL */
	uint32_t asked; /* KEEPER_LOAD: the token has seen the PIN */
	uint8_t bytes[KEEPER_ANSWER_MAX];
};

#define KEEPER_ANSWER_HEADER (sizeof(struct keeper_answer) - KEEPER_ANSWER_MAX)

/* The process, until it ends. @loader: the socket that may load. */
void keeper_run(const struct keeper_settings *settings, int door, int loader)
	__attribute__((noreturn));

#endif
