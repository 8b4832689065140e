// SPDX-License-Identifier: MIT
/*
 * share_openssl.c - key shares on libcrypto 3
 *
 * RFC 8446 section 4.2.8 (P-256, P-384: SEC 1; X25519: RFC 7748; ffdhe: RFC 7919) and the hybrid
 * X25519MLKEM768 of draft-ietf-tls-ecdhe-mlkem (FIPS 203), where libcrypto has ML-KEM. See
 * crypto.h. It must never draw a random byte but by callback, nor leave an entry in libcrypto's
 * error queue behind.
 */
#include "crypto.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>

#define SCALAR_MAX 48
#define SCALAR_TRIES 64
#define X25519_LEN 32

/* FIPS 203 section 8, table 3 */
#define KEM_KEY_LEN 1184
#define KEM_CIPHERTEXT_LEN 1088
#define KEM_SECRET_LEN 32
#define KEM_SEED_LEN 64 /* d and z of section 7.1 */
#define KEM_MESSAGE_LEN 32 /* m of section 7.2 */

#define KEM_NAME "ML-KEM-768"
#define PARAM_SEED "seed" /* younger than the headers of OpenSSL 3.0 */
#define PARAM_MESSAGE "ikme"

static struct {
	EC_GROUP *p256;
	EC_GROUP *p384;
	EVP_KEM *kem; /* NULL: libcrypto has none */
} algorithms;

bool crypto_share_init(void)
{
	algorithms.p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	algorithms.p384 = EC_GROUP_new_by_curve_name(NID_secp384r1);
	algorithms.kem = EVP_KEM_fetch(NULL, KEM_NAME, NULL);
	return algorithms.p256 && algorithms.p384;
}

bool crypto_has_group(const struct group *group)
{
	return group->kind != GROUP_HYBRID || algorithms.kem;
}

struct crypto_share {
	const struct group *group;
	EVP_PKEY *key;
	struct crypto_dh *dh;
	EVP_PKEY *kem; /* of a hybrid group: the side that asks */
	uint8_t public_bytes[PUBLIC_MAX];
	size_t public_len;
};

/* Result of a function that may have left errors in the queue. */
static int result(int rc)
{
	if (rc < 0)
		ERR_clear_error();
	return rc;
}

static const EC_GROUP *curve_of(const struct group *group)
{
	return group->code == HS_SECP384R1 ? algorithms.p384 : algorithms.p256;
}

/*
 * A private key of a NIST curve is a number between 1 and the order less one; other draws
 * are thrown away (FIPS 186-5 appendix A.2.2).
 */
static int draw_scalar(const struct group *group, int (*random)(void *, uint8_t *, size_t),
		       void *ctx, BIGNUM *scalar)
{
	const BIGNUM *order = EC_GROUP_get0_order(curve_of(group));
	uint8_t bytes[SCALAR_MAX];
	int rc = -EIO;

	for (int tries = 0; tries < SCALAR_TRIES; tries++) {
		rc = random(ctx, bytes, group->scalar_len);
		if (rc < 0)
			break;
		rc = -EIO;
		if (!BN_bin2bn(bytes, (int)group->scalar_len, scalar))
			break;
		if (!BN_is_zero(scalar) && BN_cmp(scalar, order) < 0) {
			rc = 0;
			break;
		}
	}
	explicit_bzero(bytes, sizeof(bytes));
	return rc;
}

/* An EVP_PKEY of a NIST curve: a public point, and the private number when there is one. */
static EVP_PKEY *curve_key(const struct group *group, const uint8_t *point, const uint8_t *scalar)
{
	char name[] = "P-256";
	uint8_t native[SCALAR_MAX];
	OSSL_PARAM params[4];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	int selection = scalar ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
	size_t n = 0;

	if (group->code == HS_SECP384R1)
		memcpy(name, "P-384", sizeof(name));
	params[n++] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0);
	params[n++] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point,
							group->public_len);
	if (scalar) {
		/* OSSL_PARAM integers are in the machine's byte order */
		for (size_t i = 0; i < group->scalar_len; i++)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
			native[i] = scalar[group->scalar_len - 1 - i];
#else
			native[i] = scalar[i];
#endif
		params[n++] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native,
						      group->scalar_len);
	}
	params[n] = OSSL_PARAM_construct_end();
	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, selection, params) != 1)
		key = NULL;
	explicit_bzero(native, sizeof(native));
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static int curve_share(struct crypto_share *share, int (*random)(void *, uint8_t *, size_t),
		       void *ctx)
{
	const struct group *group = share->group;
	const EC_GROUP *curve = curve_of(group);
	EC_POINT *point = EC_POINT_new(curve);
	BIGNUM *scalar = BN_secure_new();
	uint8_t bytes[SCALAR_MAX];
	int rc = -ENOMEM;

	if (!point || !scalar)
		goto out;
	BN_set_flags(scalar, BN_FLG_CONSTTIME);
	rc = draw_scalar(group, random, ctx, scalar);
	if (rc < 0)
		goto out;
	rc = -EIO;
	if (EC_POINT_mul(curve, point, scalar, NULL, NULL, NULL) != 1 ||
	    EC_POINT_point2oct(curve, point, POINT_CONVERSION_UNCOMPRESSED, share->public_bytes,
			       sizeof(share->public_bytes), NULL) != group->public_len ||
	    BN_bn2binpad(scalar, bytes, (int)group->scalar_len) < 0)
		goto out;
	share->key = curve_key(group, share->public_bytes, bytes);
	if (share->key)
		rc = 0;
out:
	explicit_bzero(bytes, sizeof(bytes));
	BN_clear_free(scalar);
	EC_POINT_free(point);
	return rc;
}

/* @out: where the public key goes */
static int x25519_share(struct crypto_share *share, int (*random)(void *, uint8_t *, size_t),
			void *ctx, uint8_t *out)
{
	size_t len = X25519_LEN;
	uint8_t bytes[X25519_LEN];
	int rc = random(ctx, bytes, sizeof(bytes));

	if (rc == 0) {
		share->key = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, bytes,
							     sizeof(bytes));
		if (!share->key || EVP_PKEY_get_raw_public_key(share->key, out, &len) != 1)
			rc = -EIO;
	}
	explicit_bzero(bytes, sizeof(bytes));
	return rc;
}

/* --- ML-KEM-768 --- */

static EVP_PKEY *kem_key(char *param, uint8_t *bytes, size_t len, int selection)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(param, bytes, len),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, KEM_NAME, NULL);
	EVP_PKEY *key = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, selection, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* A key pair from the two seeds, d and z. */
static int kem_share(struct crypto_share *share, int (*random)(void *, uint8_t *, size_t),
		     void *ctx)
{
	char param[] = PARAM_SEED;
	uint8_t seed[KEM_SEED_LEN];
	size_t len = 0;
	int rc = random(ctx, seed, sizeof(seed));

	if (rc == 0) {
		share->kem = kem_key(param, seed, sizeof(seed), EVP_PKEY_KEYPAIR);
		if (!share->kem ||
		    EVP_PKEY_get_octet_string_param(share->kem, OSSL_PKEY_PARAM_PUB_KEY,
						    share->public_bytes, KEM_KEY_LEN, &len) != 1 ||
		    len != KEM_KEY_LEN)
			rc = -EIO;
	}
	explicit_bzero(seed, sizeof(seed));
	return rc;
}

/*
 * To @peer, a whole encapsulation key. libcrypto makes the check of FIPS 203 section 7.2 (numbers
 * below q) when it takes the key in.
 */
static int kem_encapsulate(const uint8_t *peer, int (*random)(void *, uint8_t *, size_t),
			   void *random_ctx, uint8_t *ciphertext, uint8_t *secret)
{
	char pub[] = OSSL_PKEY_PARAM_PUB_KEY, param[] = PARAM_MESSAGE;
	uint8_t message[KEM_MESSAGE_LEN];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(param, message, sizeof(message)),
		OSSL_PARAM_construct_end(),
	};
	size_t len = KEM_CIPHERTEXT_LEN, secret_len = KEM_SECRET_LEN;
	EVP_PKEY *key = kem_key(pub, (uint8_t *)(uintptr_t)peer, KEM_KEY_LEN, EVP_PKEY_PUBLIC_KEY);
	EVP_PKEY_CTX *ctx = NULL;
	int rc = -EBADMSG;

	if (!key)
		return rc;
	rc = random(random_ctx, message, sizeof(message));
	if (rc == 0) {
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
		if (!ctx || EVP_PKEY_encapsulate_init(ctx, params) != 1 ||
		    EVP_PKEY_encapsulate(ctx, ciphertext, &len, secret, &secret_len) != 1 ||
		    len != KEM_CIPHERTEXT_LEN || secret_len != KEM_SECRET_LEN)
			rc = -EIO;
	}
	explicit_bzero(message, sizeof(message));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return rc;
}

/* Implicit rejection (FIPS 203 section 6.3): a wrong ciphertext makes another secret. */
static int kem_decapsulate(EVP_PKEY *key, const uint8_t *ciphertext, uint8_t *secret)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	size_t len = KEM_SECRET_LEN;
	int rc = -EIO;

	if (ctx && EVP_PKEY_decapsulate_init(ctx, NULL) == 1 &&
	    EVP_PKEY_decapsulate(ctx, secret, &len, ciphertext, KEM_CIPHERTEXT_LEN) == 1 &&
	    len == KEM_SECRET_LEN)
		rc = 0;
	EVP_PKEY_CTX_free(ctx);
	return rc;
}

/* --- ffdhe, RFC 8446 section 4.2.8.1: numbers are as long as the prime --- */

static int dh_share(struct crypto_share *share, int (*random)(void *, uint8_t *, size_t), void *ctx)
{
	unsigned int bits = (unsigned int)share->group->public_len * 8;
	const uint8_t *bytes;
	size_t len;
	int rc = crypto_dh_named(bits, random, ctx, &share->dh);

	if (rc < 0)
		return rc;
	bytes = crypto_dh_public(share->dh, &len);
	if (len != share->group->public_len)
		return -EIO;
	memcpy(share->public_bytes, bytes, len);
	return 0;
}

/* With leading zeros, RFC 8446 section 7.4.1 */
static int derive_dh(const struct crypto_share *share, const uint8_t *peer, size_t len,
		     uint8_t *out)
{
	size_t full = share->group->secret_len, got;
	int rc;

	if (len != share->group->public_len)
		return -EBADMSG;
	rc = crypto_dh_derive(share->dh, peer, len, out, &got);
	if (rc < 0)
		return rc;
	memmove(out + full - got, out, got);
	memset(out, 0, full - got);
	return 0;
}

/* --- shares --- */

static int make(struct crypto_share *share, int (*random)(void *, uint8_t *, size_t), void *ctx)
{
	int rc;

	switch (share->group->kind) {
	case GROUP_X25519:
		return x25519_share(share, random, ctx, share->public_bytes);
	case GROUP_CURVE:
		return curve_share(share, random, ctx);
	case GROUP_FFDHE:
		return dh_share(share, random, ctx);
	case GROUP_HYBRID:
		rc = kem_share(share, random, ctx);
		if (rc < 0)
			return rc;
		return x25519_share(share, random, ctx, share->public_bytes + KEM_KEY_LEN);
	}
	return -EIO;
}

int crypto_share_new(const struct group *group, int (*random)(void *, uint8_t *, size_t), void *ctx,
		     struct crypto_share **out)
{
	struct crypto_share *share = calloc(1, sizeof(*share));
	int rc;

	if (!share)
		return -ENOMEM;
	share->group = group;
	share->public_len = group->public_len;
	rc = result(make(share, random, ctx));
	if (rc < 0) {
		crypto_share_free(share);
		return rc;
	}
	*out = share;
	return 0;
}

void crypto_share_free(struct crypto_share *share)
{
	if (!share)
		return;
	EVP_PKEY_free(share->key);
	EVP_PKEY_free(share->kem);
	crypto_dh_free(share->dh);
	free(share);
}

const uint8_t *crypto_share_public(const struct crypto_share *share, const struct group *group,
				   size_t *len)
{
	size_t skip = group == share->group ? 0 : KEM_KEY_LEN;

	*len = share->public_len - skip;
	return share->public_bytes + skip;
}

bool crypto_share_serves(const struct crypto_share *share, const struct group *group)
{
	return share->group == group ||
	       (share->kem && share->group->kind == GROUP_HYBRID && group->kind == GROUP_X25519);
}

/*
 * A point in any form but the uncompressed one is refused (RFC 8446 section 4.2.8.2).
 * libcrypto checks that the point is on the curve when it takes it in.
 */
static EVP_PKEY *peer_key(const struct group *group, const uint8_t *peer, size_t len)
{
	if (group->kind != GROUP_CURVE)
		return len == X25519_LEN ?
			       EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, peer, len) :
			       NULL;
	if (len != group->public_len || peer[0] != POINT_CONVERSION_UNCOMPRESSED)
		return NULL;
	return curve_key(group, peer, NULL);
}

/*
 * RFC 8446 section 7.4.2: an all-zero X25519 result means a point of small order. On the NIST
 * curves, of prime order, it is a coordinate like any other.
 */
static bool all_zero(const uint8_t *bytes, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return any == 0;
}

/* On a curve; @out takes @secret_len bytes. */
static int derive(const struct crypto_share *share, const struct group *group, const uint8_t *peer,
		  size_t len, uint8_t *out, size_t secret_len)
{
	EVP_PKEY *key = peer_key(group, peer, len);
	EVP_PKEY_CTX *ctx = NULL;
	size_t got = secret_len;
	int rc = -EBADMSG;

	if (!key)
		return rc;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, share->key, NULL);
	if (!ctx || EVP_PKEY_derive_init(ctx) != 1)
		rc = -EIO;
	else if (EVP_PKEY_derive_set_peer(ctx, key) == 1 && EVP_PKEY_derive(ctx, out, &got) == 1 &&
		 got == secret_len && (group->kind == GROUP_CURVE || !all_zero(out, got)))
		rc = 0;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return rc;
}

/* The secret of ML-KEM stands first (draft-ietf-tls-ecdhe-mlkem, section 4.3). */
static int derive_hybrid(const struct crypto_share *share, const uint8_t *peer, size_t len,
			 uint8_t *out)
{
	int rc;

	if (len != KEM_CIPHERTEXT_LEN + X25519_LEN)
		return -EBADMSG;
	rc = kem_decapsulate(share->kem, peer, out);
	if (rc < 0)
		return rc;
	return derive(share, share->group, peer + KEM_CIPHERTEXT_LEN, X25519_LEN,
		      out + KEM_SECRET_LEN, X25519_LEN);
}

int crypto_share_derive(const struct crypto_share *share, const struct group *group,
			const uint8_t *peer, size_t len, struct shared_secret *out)
{
	int rc = -EIO;

	out->len = group->secret_len;
	switch (group->kind) {
	case GROUP_X25519:
	case GROUP_CURVE:
		rc = derive(share, group, peer, len, out->bytes, out->len);
		break;
	case GROUP_FFDHE:
		rc = derive_dh(share, peer, len, out->bytes);
		break;
	case GROUP_HYBRID:
		rc = derive_hybrid(share, peer, len, out->bytes);
		break;
	}
	if (rc < 0)
		shared_secret_wipe(out);
	return result(rc);
}

static int answer_hybrid(struct crypto_share *share, const uint8_t *peer, size_t len,
			 int (*random)(void *, uint8_t *, size_t), void *ctx, uint8_t *out)
{
	int rc;

	if (len != KEM_KEY_LEN + X25519_LEN)
		return -EBADMSG;
	rc = kem_encapsulate(peer, random, ctx, share->public_bytes, out);
	if (rc == 0)
		rc = x25519_share(share, random, ctx, share->public_bytes + KEM_CIPHERTEXT_LEN);
	if (rc < 0)
		return rc;
	share->public_len = KEM_CIPHERTEXT_LEN + X25519_LEN;
	return derive(share, share->group, peer + KEM_KEY_LEN, X25519_LEN, out + KEM_SECRET_LEN,
		      X25519_LEN);
}

int crypto_share_answer(const struct group *group, const uint8_t *peer, size_t len,
			int (*random)(void *, uint8_t *, size_t), void *ctx,
			struct crypto_share **out, struct shared_secret *secret)
{
	struct crypto_share *share = NULL;
	int rc;

	if (group->kind != GROUP_HYBRID) {
		rc = crypto_share_new(group, random, ctx, &share);
		if (rc == 0)
			rc = crypto_share_derive(share, group, peer, len, secret);
	} else {
		share = calloc(1, sizeof(*share));
		if (!share)
			return -ENOMEM;
		share->group = group;
		secret->len = group->secret_len;
		rc = result(answer_hybrid(share, peer, len, random, ctx, secret->bytes));
	}
	if (rc == 0) {
		*out = share;
		return 0;
	}
	shared_secret_wipe(secret);
	crypto_share_free(share);
	return rc;
}
