/* SPDX-License-Identifier: MIT */
/*
 * secret.h - the one type that secrets live in
 *
 * Pre-master secrets, and every secret of the key schedule of RFC 8446 section 7.1. A
 * secret is wiped by secret_wipe() on every way out of the function that owns it. It must
 * never be printed, compared with memcmp() or copied into a buffer that grows.
 */
#ifndef HANDSHAKE_SECRET_H
#define HANDSHAKE_SECRET_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SECRET_MAX 64

struct secret {
	uint8_t bytes[SECRET_MAX];
	size_t len;
};

/* What a key exchange makes, before a key schedule takes it in. */
#define SHARED_SECRET_MAX 384 /* ffdhe3072 */

struct shared_secret {
	uint8_t bytes[SHARED_SECRET_MAX];
	size_t len;
};

static inline void shared_secret_wipe(struct shared_secret *s)
{
	explicit_bzero(s, sizeof(*s));
}

static inline void secret_wipe(struct secret *s)
{
	explicit_bzero(s, sizeof(*s));
}

#endif
