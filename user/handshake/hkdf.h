/* SPDX-License-Identifier: MIT */
/*
 * hkdf.h - HKDF (RFC 5869) and HKDF-Expand-Label (RFC 8446 section 7.1)
 *
 * Over one HMAC context that the caller keeps for the connection. It must never allocate.
 * All return 0 or a negative errno, and wipe what they would have returned on failure.
 */
#ifndef HANDSHAKE_HKDF_H
#define HANDSHAKE_HKDF_H

#include "crypto.h"

struct hkdf {
	enum hash hash;
	size_t hash_len;
	struct crypto_hmac *hmac;
};

int hkdf_init(struct hkdf *h, enum hash hash);
void hkdf_release(struct hkdf *h);

/* A salt of no bytes stands for hash_len() zeros, RFC 5869 section 2.2. */
int hkdf_extract(struct hkdf *h, const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
		 struct secret *prk);
int hkdf_expand(struct hkdf *h, const struct secret *prk, const void *info, size_t info_len,
		uint8_t *out, size_t len);
int hkdf_expand_label(struct hkdf *h, const struct secret *secret, const char *label,
		      const void *context, size_t context_len, uint8_t *out, size_t len);

#endif
