/* SPDX-License-Identifier: MIT */
/*
 * prf.h - the key derivation of TLS 1.2: RFC 5246 sections 5, 6.3 and 8.1, RFC 7627
 *
 * pre-master secret -> master secret -> key block. Over one HMAC context of the caller's. It
 * must never allocate. All return 0 or a negative errno, and wipe what they would have
 * returned on failure.
 */
#ifndef HANDSHAKE_PRF_H
#define HANDSHAKE_PRF_H

#include "hkdf.h"

#define MASTER_SECRET_LEN 48
#define VERIFY_DATA_LEN 12
#define KEY_BLOCK_MAX (2 * (48 + 32 + 16)) /* SHA-384 MAC, AES-256, a CBC block */

/* PRF(secret, label, a + b) */
int prf(struct hkdf *h, const void *secret, size_t secret_len, const char *label, const void *a,
	size_t a_len, const void *b, size_t b_len, uint8_t *out, size_t len);

/* @session_hash: NULL without extended_master_secret */
int master_secret(struct hkdf *h, const void *premaster, size_t len, const uint8_t *session_hash,
		  const uint8_t *client_random, const uint8_t *server_random, struct secret *out);

/* RFC 5246 section 6.3. A suite's lengths come first; AEAD suites have a mac_len of 0. */
struct key_block {
	size_t mac_len;
	size_t key_len;
	size_t iv_len;
	const uint8_t *client_mac;
	const uint8_t *server_mac;
	const uint8_t *client_key;
	const uint8_t *server_key;
	const uint8_t *client_iv;
	const uint8_t *server_iv;
	uint8_t bytes[KEY_BLOCK_MAX];
};

int key_block_make(struct hkdf *h, const struct secret *master, const uint8_t *client_random,
		   const uint8_t *server_random, struct key_block *block);
void key_block_wipe(struct key_block *block);

/* Finished: @label is "client finished" or "server finished" */
int verify_data(struct hkdf *h, const struct secret *master, const char *label,
		const uint8_t *transcript, uint8_t *out);

#endif
