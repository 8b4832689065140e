// SPDX-License-Identifier: GPL-2.0-only
/*
 * record.c: see record.h.
 */
#include "record.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define TAG 16
#define EXPLICIT_NONCE 8

struct rec_key key_of(uint16_t version, uint16_t suite, int epoch, bool server)
{
	struct rec_key k = { .version = version, .suite = suite };
	bool big = suite == SUITE_AES_256 || suite == SUITE_12_AES_256;
	int seed = epoch * 64 + (server ? 32 : 0);

	k.key_len = big ? 32 : 16;
	k.secret_len = big ? 48 : 32;
	for (size_t i = 0; i < sizeof(k.key); i++)
		k.key[i] = (uint8_t)(seed + (int)i);
	for (size_t i = 0; i < sizeof(k.iv); i++)
		k.iv[i] = (uint8_t)(seed + 101 + (int)i);
	for (size_t i = 0; i < sizeof(k.secret); i++)
		k.secret[i] = (uint8_t)(seed + 7 + (int)i);
	return k;
}

/* HKDF-Expand-Label of RFC 8446 section 7.1 with an empty context, for one block of output. */
static void expand_label(const struct rec_key *k, const char *label, uint8_t *out, size_t len)
{
	const EVP_MD *md = k->secret_len == 48 ? EVP_sha384() : EVP_sha256();
	uint8_t info[64], block[EVP_MAX_MD_SIZE];
	size_t n = strlen(label), at = 0;
	unsigned int block_len = 0;

	info[at++] = 0;
	info[at++] = (uint8_t)len;
	info[at++] = (uint8_t)(6 + n);
	memcpy(info + at, "tls13 ", 6);
	memcpy(info + at + 6, label, n);
	at += 6 + n;
	info[at++] = 0;
	info[at++] = 1;
	HMAC(md, k->secret, (int)k->secret_len, info, at, block, &block_len);
	memcpy(out, block, len);
}

void key_next(struct rec_key *k)
{
	uint8_t next[48];

	expand_label(k, "traffic upd", next, k->secret_len);
	memcpy(k->secret, next, k->secret_len);
	expand_label(k, "key", k->key, k->key_len);
	expand_label(k, "iv", k->iv, sizeof(k->iv));
	k->seq = 0;
}

static void put_be64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

static void put_header(uint8_t *p, uint8_t type, size_t len)
{
	p[0] = type;
	p[1] = 3;
	p[2] = 3;
	p[3] = (uint8_t)(len >> 8);
	p[4] = (uint8_t)len;
}

static void nonce_of(const struct rec_key *k, const uint8_t *explicit_nonce, uint8_t *nonce)
{
	uint8_t seq[8];

	memcpy(nonce, k->iv, 12);
	if (k->version == TLS12) {
		memcpy(nonce + 4, explicit_nonce, EXPLICIT_NONCE);
		return;
	}
	put_be64(seq, k->seq);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] ^= seq[i];
}

/* Additional data: RFC 8446 section 5.2, RFC 5246 section 6.2.3.3. Its length. */
static int aad_of(const struct rec_key *k, const uint8_t *header, size_t plain_len, uint8_t *aad)
{
	if (k->version == TLS13) {
		memcpy(aad, header, REC_HEADER);
		return REC_HEADER;
	}
	put_be64(aad, k->seq);
	put_header(aad + 8, header[0], plain_len);
	return 13;
}

static const EVP_CIPHER *cipher_of(const struct rec_key *k)
{
	return k->key_len == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
}

size_t rec_plain(uint8_t type, const void *data, size_t len, uint8_t *out)
{
	put_header(out, type, len);
	memcpy(out + REC_HEADER, data, len);
	return REC_HEADER + len;
}

size_t rec_seal(struct rec_key *k, uint8_t type, const void *data, size_t len, size_t pad,
		uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	size_t skip = k->version == TLS12 ? EXPLICIT_NONCE : 0;
	size_t inner = k->version == TLS12 ? len : len + 1 + pad;
	uint8_t *body = out + REC_HEADER + skip, nonce[12], aad[13];
	int n, aad_len;

	put_header(out, k->version == TLS12 ? type : REC_DATA, skip + inner + TAG);
	if (skip)
		put_be64(out + REC_HEADER, k->seq);
	memmove(body, data, len);
	if (k->version == TLS13) {
		body[len] = type;
		memset(body + len + 1, 0, pad);
	}
	nonce_of(k, out + REC_HEADER, nonce);
	aad_len = aad_of(k, out, inner, aad);
	if (!ctx || !EVP_EncryptInit_ex(ctx, cipher_of(k), NULL, k->key, nonce) ||
	    !EVP_EncryptUpdate(ctx, NULL, &n, aad, aad_len) ||
	    !EVP_EncryptUpdate(ctx, body, &n, body, (int)inner) ||
	    !EVP_EncryptFinal_ex(ctx, body + inner, &n) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, body + inner))
		abort();
	EVP_CIPHER_CTX_free(ctx);
	k->seq++;
	return REC_HEADER + skip + inner + TAG;
}

static ssize_t strip(const struct rec_key *k, const uint8_t *rec, size_t inner, uint8_t *type,
		     const uint8_t *out)
{
	if (k->version == TLS12) {
		*type = rec[0];
		return (ssize_t)inner;
	}
	while (inner && out[inner - 1] == 0)
		inner--;
	if (!inner || rec[0] != REC_DATA)
		return -1;
	*type = out[inner - 1];
	return (ssize_t)inner - 1;
}

ssize_t rec_open(struct rec_key *k, const uint8_t *rec, size_t len, uint8_t *type, uint8_t *out)
{
	size_t skip = k->version == TLS12 ? EXPLICIT_NONCE : 0, inner;
	const uint8_t *body = rec + REC_HEADER + skip;
	uint8_t nonce[12], aad[13], tag[TAG];
	EVP_CIPHER_CTX *ctx;
	int n, aad_len;
	bool good;

	if (len < REC_HEADER + skip + TAG)
		return -1;
	inner = len - REC_HEADER - skip - TAG;
	memcpy(tag, body + inner, TAG);
	nonce_of(k, rec + REC_HEADER, nonce);
	aad_len = aad_of(k, rec, inner, aad);
	ctx = EVP_CIPHER_CTX_new();
	good = ctx && EVP_DecryptInit_ex(ctx, cipher_of(k), NULL, k->key, nonce) &&
	       EVP_DecryptUpdate(ctx, NULL, &n, aad, aad_len) &&
	       EVP_DecryptUpdate(ctx, out, &n, body, (int)inner) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) &&
	       EVP_DecryptFinal_ex(ctx, out + inner, &n);
	EVP_CIPHER_CTX_free(ctx);
	if (!good)
		return -1;
	k->seq++;
	return strip(k, rec, inner, type, out);
}

ssize_t rec_read(int fd, uint8_t *rec)
{
	ssize_t n = read_all(fd, rec, REC_HEADER);
	size_t len;

	if (n != REC_HEADER)
		return n == 0 ? 0 : -1;
	len = (size_t)(rec[3] << 8 | rec[4]);
	if (read_all(fd, rec + REC_HEADER, len) != (ssize_t)len)
		return -1;
	return (ssize_t)(REC_HEADER + len);
}

int rec_send(int fd, struct rec_key *k, uint8_t type, const void *data, size_t len)
{
	static __thread uint8_t rec[REC_MAX];
	size_t n = rec_seal(k, type, data, len, 0, rec);

	return write_all(fd, rec, n) == (ssize_t)n ? 0 : -1;
}

ssize_t rec_recv(int fd, struct rec_key *k, uint8_t *type, uint8_t *out)
{
	static __thread uint8_t rec[REC_MAX];
	ssize_t n = rec_read(fd, rec);

	if (n <= 0)
		return n;
	return rec_open(k, rec, (size_t)n, type, out);
}

int rec_alert(int fd, struct rec_key *k, int *level)
{
	static __thread uint8_t rec[REC_MAX], plain[REC_MAX];
	ssize_t n;

	for (;;) {
		uint8_t type = 0;

		n = rec_read(fd, rec);
		if (n <= 0)
			return -1;
		if (k) {
			n = rec_open(k, rec, (size_t)n, &type, plain);
		} else {
			type = rec[0];
			n -= REC_HEADER;
			memcpy(plain, rec + REC_HEADER, (size_t)n);
		}
		if (n < 0)
			return -1;
		if (type != REC_ALERT)
			continue;
		if (n != 2)
			return -1;
		if (level)
			*level = plain[0];
		return plain[1];
	}
}
