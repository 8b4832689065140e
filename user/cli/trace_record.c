// SPDX-License-Identifier: MIT
/*
 * trace_record.c - see trace.h: AES-GCM and ChaCha20-Poly1305 of TLS 1.2 (RFC 5288, RFC 7905) and
 * TLS 1.3 (RFC 8446 section 5.2)
 */
#include "trace.h"

#include <openssl/evp.h>
#include <string.h>

#define HEADER 5
#define TAG 16
#define EXPLICIT 8 /* of the nonce of AES-GCM in TLS 1.2 */

static bool is_tls13(const struct hs_key *key)
{
	return key->version == HS_TLS_1_3;
}

static const EVP_CIPHER *cipher_of(const struct hs_key *key)
{
	switch (key->suite) {
	case HS_CHACHA20_POLY1305_SHA256:
	case HS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:
	case HS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256:
	case HS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256:
		return EVP_chacha20_poly1305();
	}
	return key->key_len == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
}

/* Has each record a part of the nonce of its own? */
static size_t explicit_len(const struct hs_key *key)
{
	return key->iv_len == 4 ? EXPLICIT : 0;
}

static void put64(uint8_t *out, uint64_t value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		out[i] = (uint8_t)value;
}

static void nonce_of(const struct hs_key *key, const uint8_t *explicit_part, uint8_t nonce[12])
{
	uint8_t seq[8];

	memset(nonce, 0, 12);
	memcpy(nonce, key->iv, key->iv_len);
	if (explicit_len(key)) {
		memcpy(nonce + 4, explicit_part, EXPLICIT);
		return;
	}
	put64(seq, key->seq);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] ^= seq[i];
}

/* The header that is authenticated; its length */
static size_t additional(const struct hs_key *key, uint8_t type, size_t len, uint8_t out[13])
{
	size_t at = 0;

	if (!is_tls13(key)) {
		put64(out, key->seq);
		at = 8;
	}
	out[at++] = type;
	out[at++] = 3;
	out[at++] = 3;
	out[at++] = (uint8_t)(len >> 8);
	out[at++] = (uint8_t)len;
	return at;
}

struct crypt {
	const uint8_t *nonce, *aad;
	size_t aad_len;
	uint8_t *bytes; /* in place; the tag lies behind them */
	size_t len;
};

static bool crypt(const struct hs_key *key, bool seal, const struct crypt *c)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool good = ctx && EVP_CipherInit_ex(ctx, cipher_of(key), NULL, NULL, NULL, seal) &&
		    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL) &&
		    (seal ||
		     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, c->bytes + c->len)) &&
		    EVP_CipherInit_ex(ctx, NULL, NULL, key->key, c->nonce, seal) &&
		    EVP_CipherUpdate(ctx, NULL, &n, c->aad, (int)c->aad_len) &&
		    EVP_CipherUpdate(ctx, c->bytes, &n, c->bytes, (int)c->len) &&
		    EVP_CipherFinal_ex(ctx, c->bytes + n, &n) > 0 &&
		    (!seal ||
		     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, c->bytes + c->len));

	EVP_CIPHER_CTX_free(ctx);
	return good;
}

size_t trace_seal(struct hs_key *key, uint8_t type, const uint8_t *bytes, size_t len,
		  uint8_t *record)
{
	size_t before = explicit_len(key), whole = before + len + is_tls13(key) + TAG;
	uint8_t *content = record + HEADER + before;
	uint8_t nonce[12], aad[13], part[EXPLICIT];
	struct crypt c = { .nonce = nonce, .aad = aad, .bytes = content, .len = len };

	if (len > TRACE_PLAIN_MAX)
		return 0;
	memcpy(content, bytes, len);
	if (is_tls13(key))
		content[c.len++] = type;
	put64(part, key->seq);
	memcpy(record + HEADER, part, before);
	nonce_of(key, part, nonce);
	record[0] = is_tls13(key) ? 23 : type;
	record[1] = record[2] = 3;
	record[3] = (uint8_t)(whole >> 8);
	record[4] = (uint8_t)whole;
	c.aad_len = additional(key, record[0], is_tls13(key) ? whole : len, aad);
	if (!crypt(key, true, &c))
		return 0;
	key->seq++;
	return HEADER + whole;
}

int trace_open(struct hs_key *key, uint8_t *record, size_t len, uint8_t *type, uint8_t **content)
{
	size_t before = explicit_len(key);
	uint8_t nonce[12], aad[13];
	struct crypt c = { .nonce = nonce, .aad = aad };

	*type = record[0];
	if (len < before + TAG)
		return -1;
	c.bytes = *content = record + HEADER + before;
	c.len = len - before - TAG;
	nonce_of(key, record + HEADER, nonce);
	c.aad_len = additional(key, record[0], is_tls13(key) ? len : c.len, aad);
	if (!crypt(key, false, &c))
		return -1;
	key->seq++;
	if (!is_tls13(key))
		return (int)c.len;
	while (c.len && !c.bytes[c.len - 1])
		c.len--;
	if (!c.len)
		return -1;
	*type = c.bytes[c.len - 1];
	return (int)c.len - 1;
}
