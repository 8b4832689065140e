/* SPDX-License-Identifier: MIT */
/*
 * live_words.h - what a worker tells of its handshakes to `tlsock trace --live', a message each
 *
 * Between two programs of one installation on one machine: the layout is the compiler's. Must never carry
 * a secret.
 */
#ifndef DAEMON_LIVE_WORDS_H
#define DAEMON_LIVE_WORDS_H

#include <stdint.h>

enum live_kind {
	LIVE_BEGIN, /* text: who and with whom */
	LIVE_RECEIVED, /* whole handshake messages */
	LIVE_SENT, /* likewise */
	LIVE_CHANGE, /* change_cipher_spec is sent */
	LIVE_KEY,
	LIVE_COMPLETE,
	LIVE_FAILED, /* text: why */
	LIVE_GONE, /* closed before */
};

/* What it is followed by is the rest of the message. A field that a kind has no use for is 0. */
struct live_head {
	uint32_t size; /* of this, so that another version is known */
	uint32_t kind;
	uint64_t id;
	uint32_t server; /* our side is the server */
	uint32_t epoch; /* of messages, of a key */
	uint32_t direction; /* enum hs_direction, of a key */
	uint32_t key_len, iv_len;
	uint16_t version, suite, group, scheme;
	uint32_t resumed, psk, authenticated;
	int32_t verify_code;
	uint32_t alert;
};

#endif
