/* SPDX-License-Identifier: MIT */
/*
 * transcript.h - the transcript hash, RFC 8446 section 4.4.1
 *
 * Messages are kept as they are until the suite, and so the hash, is known. It must never
 * be fed a message before that message has been taken in whole, header included.
 */
#ifndef HANDSHAKE_TRANSCRIPT_H
#define HANDSHAKE_TRANSCRIPT_H

#include "crypto.h"
#include "writer.h"

struct transcript {
	struct writer pending;
	bool keep; /* messages stay in pending: TLS 1.2 signs them as they were */
	enum hash alg;
	struct crypto_hash *hash;
};

int transcript_add(struct transcript *t, const uint8_t *bytes, size_t len);
/* Fixes the hash. Once. */
int transcript_start(struct transcript *t, enum hash alg);
/* Puts a message_hash in the place of the first ClientHello; after transcript_start(). */
int transcript_retry(struct transcript *t);
int transcript_value(struct transcript *t, uint8_t *out);
/* As if @bytes had been added. */
int transcript_value_with(struct transcript *t, const uint8_t *bytes, size_t len, uint8_t *out);
void transcript_release(struct transcript *t);

#endif
