/* SPDX-License-Identifier: MIT */
/*
 * record_tls13.h - a small record layer for tests, RFC 8446 section 5, RFC 5246 section 6
 *
 * One record at a time, in memory. The real one is the kernel module's; this must never be
 * used outside of tests.
 */
#ifndef TESTS_RECORD_TLS13_H
#define TESTS_RECORD_TLS13_H

#include "handshake.h"

#define RECORD_HEADER 5
#define RECORD_MAX (16384 + 256)
#define RECORD_OVERFLOW (-2)
#define RECORD_EMPTY (-3)

/*
 * Protects @len bytes of @type with @key, whose sequence number it advances. @out takes
 * RECORD_HEADER + len + 24 bytes; returns how many were written.
 */
size_t record_seal(struct hs_key *key, uint8_t type, const uint8_t *bytes, size_t len,
		   uint8_t *out);
/*
 * Opens a whole record, header included. @out takes its length. Returns the length of the
 * plaintext and its content type in @type; RECORD_OVERFLOW: there is too much in it,
 * RECORD_EMPTY: there is only padding, another negative number: it does not open.
 */
int record_open(struct hs_key *key, const uint8_t *record, size_t len, uint8_t *out, uint8_t *type);

/* The same for TLS 1.2; the two above call these by the key's version. */
size_t record_seal_tls12(struct hs_key *key, uint8_t type, const uint8_t *bytes, size_t len,
			 uint8_t *out);
int record_open_tls12(struct hs_key *key, const uint8_t *record, size_t len, uint8_t *out,
		      uint8_t *type);

/* The key that a KeyUpdate brings, RFC 8446 section 7.2. */
bool record_next_key(struct hs_key *key);

#endif
