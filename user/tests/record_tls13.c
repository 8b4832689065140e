// SPDX-License-Identifier: MIT
/*
 * record_tls13.c - a small record layer for tests, RFC 8446 section 5.2
 *
 * See record_tls13.h. No fragmentation, no padding out; padding in is taken off.
 */
#include "record_tls13.h"

#include <string.h>

#include <openssl/evp.h>

#include "hkdf.h"
#include "tap.h"

#define TAG 16
#define CONTENT_MAX 16384

static const EVP_CIPHER *cipher_of(uint16_t suite)
{
	switch (suite) {
	case HS_AES_128_GCM_SHA256:
		return EVP_aes_128_gcm();
	case HS_AES_256_GCM_SHA384:
		return EVP_aes_256_gcm();
	case HS_CHACHA20_POLY1305_SHA256:
		return EVP_chacha20_poly1305();
	}
	return NULL;
}

/* RFC 8446 section 5.3 */
static void nonce_of(struct hs_key *key, uint8_t *nonce)
{
	memcpy(nonce, key->iv, HS_MAX_IV);
	for (unsigned int i = 0; i < 8; i++)
		nonce[HS_MAX_IV - 1 - i] ^= (uint8_t)(key->seq >> (8 * i));
	key->seq++;
}

static EVP_CIPHER_CTX *context(struct hs_key *key, int encrypt, const uint8_t *header)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[HS_MAX_IV];
	int n;

	nonce_of(key, nonce);
	if (!ctx ||
	    EVP_CipherInit_ex(ctx, cipher_of(key->suite), NULL, key->key, nonce, encrypt) != 1 ||
	    EVP_CipherUpdate(ctx, NULL, &n, header, RECORD_HEADER) != 1)
		bail("record: cipher");
	return ctx;
}

size_t record_seal(struct hs_key *key, uint8_t type, const uint8_t *bytes, size_t len, uint8_t *out)
{
	size_t body = len + 1 + TAG;
	uint8_t header[RECORD_HEADER] = { 23, 3, 3, (uint8_t)(body >> 8), (uint8_t)body };
	uint8_t *at = out + RECORD_HEADER;
	EVP_CIPHER_CTX *ctx;
	int n;

	if (key->version == HS_TLS_1_2)
		return record_seal_tls12(key, type, bytes, len, out);
	ctx = context(key, 1, header);
	memcpy(out, header, RECORD_HEADER);
	if (EVP_CipherUpdate(ctx, at, &n, bytes, (int)len) != 1 ||
	    EVP_CipherUpdate(ctx, at + len, &n, &type, 1) != 1 ||
	    EVP_CipherFinal_ex(ctx, at + len + 1, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, at + len + 1) != 1)
		bail("record: seal");
	EVP_CIPHER_CTX_free(ctx);
	return RECORD_HEADER + body;
}

int record_open(struct hs_key *key, const uint8_t *record, size_t len, uint8_t *out, uint8_t *type)
{
	EVP_CIPHER_CTX *ctx;
	int n, plain;
	bool good;

	if (key->version == HS_TLS_1_2)
		return record_open_tls12(key, record, len, out, type);
	if (len < RECORD_HEADER + TAG + 1 || len > RECORD_HEADER + RECORD_MAX || record[0] != 23)
		return -1;
	ctx = context(key, 0, record);
	plain = (int)(len - RECORD_HEADER - TAG);
	good = EVP_CipherUpdate(ctx, out, &n, record + RECORD_HEADER, plain) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG,
				   (void *)(uintptr_t)(record + len - TAG)) == 1 &&
	       EVP_CipherFinal_ex(ctx, out + plain, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!good)
		return -1;
	if (plain > CONTENT_MAX + 1)
		return RECORD_OVERFLOW;
	while (plain && !out[plain - 1])
		plain--;
	if (!plain)
		return RECORD_EMPTY;
	*type = out[plain - 1];
	return plain - 1;
}

bool record_next_key(struct hs_key *key)
{
	struct secret old = { .len = key->secret_len }, next = { .len = key->secret_len };
	struct hkdf hkdf = { 0 };
	bool good;

	memcpy(old.bytes, key->secret, old.len);
	good = hkdf_init(&hkdf, suite_find(key->suite)->hash) == 0 &&
	       hkdf_expand_label(&hkdf, &old, "traffic upd", NULL, 0, next.bytes, next.len) == 0 &&
	       hkdf_expand_label(&hkdf, &next, "key", NULL, 0, key->key, key->key_len) == 0 &&
	       hkdf_expand_label(&hkdf, &next, "iv", NULL, 0, key->iv, key->iv_len) == 0;
	memcpy(key->secret, next.bytes, next.len);
	key->seq = 0;
	hkdf_release(&hkdf);
	return good;
}
