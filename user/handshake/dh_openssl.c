// SPDX-License-Identifier: MIT
/*
 * dh_openssl.c - Diffie-Hellman over a prime on libcrypto's numbers
 *
 * RFC 5246 sections 7.4.3 and 8.1.2, RFC 8446 section 4.2.8.1, RFC 7919. See crypto.h. Keys serve once. It must never
 * compute with the peer's number before that is known to lie in range.
 */
#include "crypto.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define DH_MAX 512 /* bytes */
#define DH_BITS_MIN 2048
#define DH_BITS_MAX 4096
#define DH_EXPONENT 40 /* bytes: more than RFC 7919 section 5.2 asks of ffdhe3072 */

static BIGNUM *ffdhe[2]; /* the primes of ffdhe2048 and ffdhe3072 */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static BIGNUM *named_prime(char *name)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	EVP_PKEY *key = NULL;
	BIGNUM *p = NULL;

	if (ctx && EVP_PKEY_paramgen_init(ctx) == 1 && EVP_PKEY_CTX_set_params(ctx, params) == 1 &&
	    EVP_PKEY_paramgen(ctx, &key) == 1)
		EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_P, &p);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	return p;
}

static void fetch_primes(void)
{
	char ffdhe2048[] = "ffdhe2048", ffdhe3072[] = "ffdhe3072";

	ffdhe[0] = named_prime(ffdhe2048);
	ffdhe[1] = named_prime(ffdhe3072);
	ERR_clear_error();
}

struct crypto_dh {
	BIGNUM *p;
	BIGNUM *g;
	BIGNUM *x;
	uint8_t prime[DH_MAX];
	size_t prime_len;
	uint8_t generator[DH_MAX];
	size_t generator_len;
	uint8_t public_bytes[DH_MAX];
};

/* 2 <= @n <= p - 2: all others make a secret that anybody can guess. */
static bool dh_in_range(const struct crypto_dh *dh, const BIGNUM *n)
{
	BIGNUM *most = BN_dup(dh->p);
	bool good = most && BN_sub_word(most, 2) == 1 && BN_cmp(n, most) <= 0 &&
		    BN_cmp(n, BN_value_one()) > 0;

	BN_free(most);
	return good;
}

static int dh_draw(struct crypto_dh *dh, int (*random)(void *, uint8_t *, size_t), void *ctx)
{
	uint8_t bytes[DH_EXPONENT];
	int rc = random(ctx, bytes, sizeof(bytes));

	if (rc == 0) {
		bytes[0] |= 0x80;
		dh->x = BN_secure_new();
		if (!dh->x || !BN_bin2bn(bytes, sizeof(bytes), dh->x))
			rc = -ENOMEM;
		else
			BN_set_flags(dh->x, BN_FLG_CONSTTIME);
	}
	explicit_bzero(bytes, sizeof(bytes));
	return rc;
}

/* @base to the power of our exponent */
static BIGNUM *dh_power(const struct crypto_dh *dh, const BIGNUM *base)
{
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *n = BN_secure_new();

	if (!ctx || !n || BN_mod_exp_mont_consttime(n, base, dh->x, dh->p, ctx, NULL) != 1) {
		BN_clear_free(n);
		n = NULL;
	}
	BN_CTX_free(ctx);
	return n;
}

static int dh_make(struct crypto_dh *dh, int (*random)(void *, uint8_t *, size_t), void *ctx)
{
	BIGNUM *n;
	int rc = -EBADMSG, bits = BN_num_bits(dh->p);

	if (bits < DH_BITS_MIN || bits > DH_BITS_MAX || !BN_is_odd(dh->p) ||
	    !dh_in_range(dh, dh->g))
		return rc;
	dh->prime_len = (size_t)BN_bn2bin(dh->p, dh->prime);
	dh->generator_len = (size_t)BN_bn2bin(dh->g, dh->generator);
	rc = dh_draw(dh, random, ctx);
	if (rc < 0)
		return rc;
	n = dh_power(dh, dh->g);
	if (!n || BN_bn2binpad(n, dh->public_bytes, (int)dh->prime_len) < 0)
		rc = -EIO;
	BN_clear_free(n);
	return rc;
}

/* Takes @p and @g, which may be NULL. */
static int dh_from(BIGNUM *p, BIGNUM *g, int (*random)(void *, uint8_t *, size_t), void *ctx,
		   struct crypto_dh **out)
{
	struct crypto_dh *dh = calloc(1, sizeof(*dh));
	int rc = -ENOMEM;

	if (dh) {
		dh->p = p;
		dh->g = g;
	} else {
		BN_free(p);
		BN_free(g);
	}
	if (dh && p && g)
		rc = dh_make(dh, random, ctx);
	if (rc == 0)
		*out = dh;
	else
		crypto_dh_free(dh);
	ERR_clear_error();
	return rc;
}

int crypto_dh_new(const uint8_t *prime, size_t prime_len, const uint8_t *generator,
		  size_t generator_len, int (*random)(void *, uint8_t *, size_t), void *ctx,
		  struct crypto_dh **out)
{
	if (prime_len > DH_MAX || generator_len > DH_MAX)
		return -EBADMSG;
	return dh_from(BN_bin2bn(prime, (int)prime_len, NULL),
		       BN_bin2bn(generator, (int)generator_len, NULL), random, ctx, out);
}

int crypto_dh_named(unsigned int bits, int (*random)(void *, uint8_t *, size_t), void *ctx,
		    struct crypto_dh **out)
{
	BIGNUM *g;

	if (!CRYPTO_THREAD_run_once(&once, fetch_primes) || !ffdhe[bits == 3072])
		return -EIO;
	g = BN_new();
	if (g && BN_set_word(g, 2) != 1) {
		BN_free(g);
		g = NULL;
	}
	return dh_from(BN_dup(ffdhe[bits == 3072]), g, random, ctx, out);
}

void crypto_dh_free(struct crypto_dh *dh)
{
	if (!dh)
		return;
	BN_free(dh->p);
	BN_free(dh->g);
	BN_clear_free(dh->x);
	free(dh);
}

const uint8_t *crypto_dh_prime(const struct crypto_dh *dh, size_t *len)
{
	*len = dh->prime_len;
	return dh->prime;
}

const uint8_t *crypto_dh_generator(const struct crypto_dh *dh, size_t *len)
{
	*len = dh->generator_len;
	return dh->generator;
}

uint16_t crypto_dh_group(const struct crypto_dh *dh)
{
	static const uint16_t codes[] = { HS_FFDHE2048, HS_FFDHE3072 };

	if (!CRYPTO_THREAD_run_once(&once, fetch_primes) || !BN_is_word(dh->g, 2))
		return 0;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (ffdhe[i] && !BN_cmp(dh->p, ffdhe[i]))
			return codes[i];
	return 0;
}

const uint8_t *crypto_dh_public(const struct crypto_dh *dh, size_t *len)
{
	*len = dh->prime_len;
	return dh->public_bytes;
}

int crypto_dh_derive(const struct crypto_dh *dh, const uint8_t *peer, size_t len, uint8_t *out,
		     size_t *out_len)
{
	BIGNUM *y = len <= dh->prime_len ? BN_bin2bn(peer, (int)len, NULL) : NULL, *z = NULL;
	int rc = -EBADMSG;

	if (y && dh_in_range(dh, y)) {
		z = dh_power(dh, y);
		if (z && dh_in_range(dh, z)) {
			*out_len = (size_t)BN_bn2bin(z, out);
			rc = 0;
		}
	}
	BN_free(y);
	BN_clear_free(z);
	ERR_clear_error();
	return rc;
}
