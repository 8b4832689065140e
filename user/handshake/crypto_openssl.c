// SPDX-License-Identifier: MIT
/*
 * crypto_openssl.c - crypto.h on libcrypto 3
 *
 * Hashes, HMAC, key shares (RFC 8446 section 4.2.8, RFC 7748, SEC 1) and signatures
 * (section 4.4.3). Algorithms are fetched once: a fetch costs more than the hash it is
 * for. It must never leave an entry in libcrypto's error queue behind.
 */
#include "crypto.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#define PUBLIC_MAX 97
#define SCALAR_MAX 48
#define SCALAR_TRIES 64

static struct {
	bool ready;
	EVP_MD *md[3];
	EVP_MAC_CTX *hmac[3]; /* by hash, without a key: to set the hash is to fetch it */
	EVP_CIPHER *aes_gcm;
	EC_GROUP *p256;
	EC_GROUP *p384;
} algorithms;

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static const char *const hash_names[] = { "SHA256", "SHA384", "SHA512" };

static EVP_MAC_CTX *fetch_hmac(const char *hash)
{
	char name[8] = { 0 };
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

	memcpy(name, hash, strlen(hash));
	if (ctx && EVP_MAC_CTX_set_params(ctx, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_MAC_free(mac); /* the context holds it */
	return ctx;
}

static void fetch_algorithms(void)
{
	bool ready = true;

	for (size_t i = 0; i < 3; i++) {
		algorithms.md[i] = EVP_MD_fetch(NULL, hash_names[i], NULL);
		algorithms.hmac[i] = fetch_hmac(hash_names[i]);
		ready = ready && algorithms.md[i] && algorithms.hmac[i];
	}
	algorithms.aes_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	algorithms.p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	algorithms.p384 = EC_GROUP_new_by_curve_name(NID_secp384r1);
	algorithms.ready = ready && algorithms.aes_gcm && algorithms.p256 && algorithms.p384;
	ERR_clear_error();
}

int crypto_init(void)
{
	if (!CRYPTO_THREAD_run_once(&once, fetch_algorithms) || !algorithms.ready)
		return -EIO;
	return 0;
}

/* Ends a function that may have left errors in the queue. */
static int result(bool good, int error)
{
	if (good)
		return 0;
	ERR_clear_error();
	return -error;
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

struct crypto_hash {
	enum hash hash;
	EVP_MD_CTX *run;
	EVP_MD_CTX *copy;
};

struct crypto_hash *crypto_hash_new(enum hash hash)
{
	struct crypto_hash *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->hash = hash;
	h->run = EVP_MD_CTX_new();
	h->copy = EVP_MD_CTX_new();
	if (!h->run || !h->copy || crypto_hash_restart(h) < 0) {
		crypto_hash_free(h);
		return NULL;
	}
	return h;
}

void crypto_hash_free(struct crypto_hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->run);
	EVP_MD_CTX_free(h->copy);
	free(h);
}

int crypto_hash_restart(struct crypto_hash *h)
{
	return result(EVP_DigestInit_ex2(h->run, algorithms.md[h->hash], NULL) == 1, EIO);
}

int crypto_hash_update(struct crypto_hash *h, const void *bytes, size_t len)
{
	return result(EVP_DigestUpdate(h->run, bytes, len) == 1, EIO);
}

int crypto_hash_value(struct crypto_hash *h, uint8_t *out)
{
	return result(EVP_MD_CTX_copy_ex(h->copy, h->run) == 1 &&
			      EVP_DigestFinal_ex(h->copy, out, NULL) == 1,
		      EIO);
}

int crypto_hash_value_with(struct crypto_hash *h, const void *bytes, size_t len, uint8_t *out)
{
	return result(EVP_MD_CTX_copy_ex(h->copy, h->run) == 1 &&
			      EVP_DigestUpdate(h->copy, bytes, len) == 1 &&
			      EVP_DigestFinal_ex(h->copy, out, NULL) == 1,
		      EIO);
}

int crypto_digest(enum hash hash, const void *bytes, size_t len, uint8_t *out)
{
	return result(EVP_Digest(bytes, len, out, NULL, algorithms.md[hash], NULL) == 1, EIO);
}

#define TAG_LEN 16

int crypto_seal(const uint8_t *key, const uint8_t *nonce, const void *aad, size_t aad_len,
		const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;
	bool good;

	if (!ctx || len > INT32_MAX || aad_len > INT32_MAX) {
		EVP_CIPHER_CTX_free(ctx);
		return -ENOMEM;
	}
	good = EVP_EncryptInit_ex2(ctx, algorithms.aes_gcm, key, nonce, NULL) == 1 &&
	       EVP_EncryptUpdate(ctx, NULL, &n, aad, (int)aad_len) == 1 &&
	       EVP_EncryptUpdate(ctx, out, &n, in, (int)len) == 1 &&
	       EVP_EncryptFinal_ex(ctx, out + len, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, out + len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return result(good, EIO);
}

int crypto_open(const uint8_t *key, const uint8_t *nonce, const void *aad, size_t aad_len,
		const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx;
	int n;
	bool good;

	if (len < TAG_LEN || len > INT32_MAX || aad_len > INT32_MAX)
		return -EBADMSG;
	len -= TAG_LEN;
	ctx = EVP_CIPHER_CTX_new();
	good = ctx && EVP_DecryptInit_ex2(ctx, algorithms.aes_gcm, key, nonce, NULL) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
				   (void *)(uintptr_t)(in + len)) == 1 &&
	       EVP_DecryptUpdate(ctx, NULL, &n, aad, (int)aad_len) == 1 &&
	       EVP_DecryptUpdate(ctx, out, &n, in, (int)len) == 1 &&
	       EVP_DecryptFinal_ex(ctx, out + len, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!good)
		explicit_bzero(out, len);
	return result(good, EBADMSG);
}

struct crypto_hmac {
	EVP_MAC_CTX *ctx;
};

struct crypto_hmac *crypto_hmac_new(enum hash hash)
{
	struct crypto_hmac *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->ctx = EVP_MAC_CTX_dup(algorithms.hmac[hash]);
	if (!h->ctx) {
		crypto_hmac_free(h);
		ERR_clear_error();
		return NULL;
	}
	return h;
}

void crypto_hmac_free(struct crypto_hmac *h)
{
	if (!h)
		return;
	EVP_MAC_CTX_free(h->ctx);
	free(h);
}

int crypto_hmac_start(struct crypto_hmac *h, const void *key, size_t len)
{
	return result(EVP_MAC_init(h->ctx, key, len, NULL) == 1, EIO);
}

int crypto_hmac_update(struct crypto_hmac *h, const void *bytes, size_t len)
{
	return result(EVP_MAC_update(h->ctx, bytes, len) == 1, EIO);
}

int crypto_hmac_finish(struct crypto_hmac *h, uint8_t *out)
{
	size_t len;

	return result(EVP_MAC_final(h->ctx, out, &len, HASH_MAX) == 1, EIO);
}

struct crypto_share {
	const struct group *group;
	EVP_PKEY *key;
	uint8_t public_bytes[PUBLIC_MAX];
};

/* Both curves by name; NULL for X25519. */
static const EC_GROUP *curve_of(const struct group *group)
{
	switch (group->code) {
	case HS_SECP256R1:
		return algorithms.p256;
	case HS_SECP384R1:
		return algorithms.p384;
	}
	return NULL;
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

static int x25519_share(struct crypto_share *share, int (*random)(void *, uint8_t *, size_t),
			void *ctx)
{
	size_t len = share->group->public_len;
	uint8_t bytes[32];
	int rc = random(ctx, bytes, sizeof(bytes));

	if (rc == 0) {
		share->key = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, bytes,
							     sizeof(bytes));
		if (!share->key ||
		    EVP_PKEY_get_raw_public_key(share->key, share->public_bytes, &len) != 1)
			rc = -EIO;
	}
	explicit_bzero(bytes, sizeof(bytes));
	return rc;
}

int crypto_share_new(const struct group *group, int (*random)(void *, uint8_t *, size_t), void *ctx,
		     struct crypto_share **out)
{
	struct crypto_share *share = calloc(1, sizeof(*share));
	int rc;

	if (!share)
		return -ENOMEM;
	share->group = group;
	if (curve_of(group))
		rc = curve_share(share, random, ctx);
	else
		rc = x25519_share(share, random, ctx);
	ERR_clear_error();
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
	free(share);
}

const uint8_t *crypto_share_public(const struct crypto_share *share)
{
	return share->public_bytes;
}

/*
 * A point in any form but the uncompressed one is refused (RFC 8446 section 4.2.8.2).
 * libcrypto checks that the point is on the curve when it takes it in.
 */
static EVP_PKEY *peer_key(const struct group *group, const uint8_t *peer, size_t len)
{
	if (len != group->public_len)
		return NULL;
	if (!curve_of(group))
		return EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, peer, len);
	if (peer[0] != POINT_CONVERSION_UNCOMPRESSED)
		return NULL;
	return curve_key(group, peer, NULL);
}

/*
 * RFC 8446 section 7.4.2: an all-zero X25519 result means a point of small order. On the NIST
 * curves, of prime order, it is a coordinate like any other.
 */
static bool all_zero(const struct secret *s)
{
	uint8_t any = 0;

	for (size_t i = 0; i < s->len; i++)
		any |= s->bytes[i];
	return any == 0;
}

int crypto_share_derive(const struct crypto_share *share, const uint8_t *peer, size_t len,
			struct secret *out)
{
	EVP_PKEY *key = peer_key(share->group, peer, len);
	EVP_PKEY_CTX *ctx = NULL;
	int rc = -EBADMSG;

	out->len = share->group->secret_len;
	if (!key)
		goto out;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, share->key, NULL);
	if (!ctx || EVP_PKEY_derive_init(ctx) != 1) {
		rc = -EIO;
		goto out;
	}
	if (EVP_PKEY_derive_set_peer(ctx, key) == 1 &&
	    EVP_PKEY_derive(ctx, out->bytes, &out->len) == 1 &&
	    out->len == share->group->secret_len && (curve_of(share->group) || !all_zero(out)))
		rc = 0;
out:
	if (rc < 0)
		secret_wipe(out);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return result(rc == 0, -rc);
}

enum key_type crypto_key_type(const struct evp_pkey_st *key)
{
	char curve[32];

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		return KEY_RSA;
	case EVP_PKEY_RSA_PSS:
		return KEY_RSA_PSS;
	case EVP_PKEY_ED25519:
		return KEY_ED25519;
	case EVP_PKEY_EC:
		if (EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) != 1)
			break;
		if (!strcmp(curve, "prime256v1"))
			return KEY_ECDSA_P256;
		if (!strcmp(curve, "secp384r1"))
			return KEY_ECDSA_P384;
		break;
	}
	ERR_clear_error();
	return KEY_OTHER;
}

/* RFC 8446 section 4.2.3: PSS with a salt as long as the hash, MGF1 with the same hash. */
static bool set_padding(EVP_PKEY_CTX *ctx, const struct scheme *scheme)
{
	if (scheme->key != KEY_RSA && scheme->key != KEY_RSA_PSS)
		return true;
	if (!scheme->handshake)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static const EVP_MD *scheme_md(const struct scheme *scheme)
{
	return scheme->hash == HASH_INTRINSIC ? NULL : algorithms.md[scheme->hash];
}

int crypto_verify(struct evp_pkey_st *key, const struct scheme *scheme, const uint8_t *bytes,
		  size_t len, const uint8_t *signature, size_t signature_len)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL;
	bool good = false;

	if (!md)
		return -ENOMEM;
	/* the looser rule; the stricter one is the caller's to keep */
	if (scheme_takes_key(scheme, crypto_key_type(key), HS_TLS_1_2) &&
	    EVP_DigestVerifyInit(md, &ctx, scheme_md(scheme), NULL, key) == 1 &&
	    set_padding(ctx, scheme))
		good = EVP_DigestVerify(md, signature, signature_len, bytes, len) == 1;
	EVP_MD_CTX_free(md);
	return result(good, EBADMSG);
}

int crypto_sign(struct evp_pkey_st *key, const struct scheme *scheme, const uint8_t *bytes,
		size_t len, uint8_t *signature, size_t *signature_len)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL;
	bool good = false;

	if (!md)
		return -ENOMEM;
	/* the looser rule; the stricter one is the caller's to keep */
	if (scheme_takes_key(scheme, crypto_key_type(key), HS_TLS_1_2) &&
	    EVP_DigestSignInit(md, &ctx, scheme_md(scheme), NULL, key) == 1 &&
	    set_padding(ctx, scheme))
		good = EVP_DigestSign(md, signature, signature_len, bytes, len) == 1;
	EVP_MD_CTX_free(md);
	return result(good, EIO);
}

size_t crypto_signature_max(const struct evp_pkey_st *key)
{
	int size = EVP_PKEY_get_size(key);

	return size > 0 ? (size_t)size : 0;
}
