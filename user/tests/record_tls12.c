// SPDX-License-Identifier: MIT
/*
 * record_tls12.c - the AEAD records of TLS 1.2 for tests, RFC 5246 section 6.2.3.3
 *
 * RFC 5288 (AES-GCM, with an explicit nonce) and RFC 7905 (ChaCha20-Poly1305). See
 * record_tls13.h.
 */
#include "record_tls13.h"

#include <string.h>

#include <openssl/evp.h>

#include "tap.h"

#define TAG 16
#define EXPLICIT 8
#define CONTENT_MAX 16384

static const EVP_CIPHER *cipher_of(const struct hs_key *key)
{
	if (key->iv_len == HS_MAX_IV)
		return EVP_chacha20_poly1305();
	return key->key_len == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
}

static size_t explicit_len(const struct hs_key *key)
{
	return key->iv_len == HS_MAX_IV ? 0 : EXPLICIT;
}

static void put_seq(uint64_t seq, uint8_t *out)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(seq >> (56 - 8 * i));
}

/* @wire: the explicit nonce as it stands in the record */
static EVP_CIPHER_CTX *context(struct hs_key *key, int encrypt, uint8_t type, size_t len,
			       const uint8_t *wire)
{
	uint8_t aad[13], nonce[HS_MAX_IV], seq[8];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	put_seq(key->seq++, seq);
	memcpy(aad, seq, 8);
	aad[8] = type;
	aad[9] = 3;
	aad[10] = 3;
	aad[11] = (uint8_t)(len >> 8);
	aad[12] = (uint8_t)len;
	memcpy(nonce, key->iv, key->iv_len);
	if (explicit_len(key))
		memcpy(nonce + key->iv_len, wire, EXPLICIT);
	else
		for (int i = 0; i < 8; i++)
			nonce[4 + i] ^= seq[i];
	if (!ctx || EVP_CipherInit_ex(ctx, cipher_of(key), NULL, key->key, nonce, encrypt) != 1 ||
	    EVP_CipherUpdate(ctx, NULL, &n, aad, sizeof(aad)) != 1)
		bail("record: cipher");
	return ctx;
}

size_t record_seal_tls12(struct hs_key *key, uint8_t type, const uint8_t *bytes, size_t len,
			 uint8_t *out)
{
	size_t body = explicit_len(key) + len + TAG;
	uint8_t header[RECORD_HEADER] = { type, 3, 3, (uint8_t)(body >> 8), (uint8_t)body };
	uint8_t *at = out + RECORD_HEADER;
	EVP_CIPHER_CTX *ctx;
	int n;

	memcpy(out, header, RECORD_HEADER);
	put_seq(key->seq, at);
	ctx = context(key, 1, type, len, at);
	at += explicit_len(key);
	if (EVP_CipherUpdate(ctx, at, &n, bytes, (int)len) != 1 ||
	    EVP_CipherFinal_ex(ctx, at + len, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, at + len) != 1)
		bail("record: seal");
	EVP_CIPHER_CTX_free(ctx);
	return RECORD_HEADER + body;
}

int record_open_tls12(struct hs_key *key, const uint8_t *record, size_t len, uint8_t *out,
		      uint8_t *type)
{
	size_t overhead = RECORD_HEADER + explicit_len(key) + TAG;
	const uint8_t *at = record + RECORD_HEADER;
	EVP_CIPHER_CTX *ctx;
	int n, plain;
	bool good;

	if (len < overhead || len > RECORD_HEADER + RECORD_MAX)
		return -1;
	plain = (int)(len - overhead);
	ctx = context(key, 0, record[0], (size_t)plain, at);
	good = EVP_CipherUpdate(ctx, out, &n, at + explicit_len(key), plain) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG,
				   (void *)(uintptr_t)(record + len - TAG)) == 1 &&
	       EVP_CipherFinal_ex(ctx, out + plain, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	*type = record[0];
	if (good && plain > CONTENT_MAX)
		return RECORD_OVERFLOW;
	return good ? plain : -1;
}
