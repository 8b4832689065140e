// SPDX-License-Identifier: MIT
/*
 * crypto_openssl.c - crypto.h on libcrypto 3
 *
 * Hashes, HMAC and signatures (RFC 8446 section 4.4.3). Algorithms are fetched once: a fetch
 * costs more than the hash it is for. It must never leave an entry in libcrypto's error queue behind.
 */
#include "crypto.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

static struct {
	bool ready;
	EVP_MD *md[3];
	EVP_MAC_CTX *hmac[3]; /* by hash, without a key: to set the hash is to fetch it */
	EVP_CIPHER *aes_gcm;
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
	algorithms.ready = ready && algorithms.aes_gcm && crypto_share_init();
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

bool crypto_set_padding(EVP_PKEY_CTX *ctx, const struct scheme *scheme)
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
	    crypto_set_padding(ctx, scheme))
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
	    crypto_set_padding(ctx, scheme))
		good = EVP_DigestSign(md, signature, signature_len, bytes, len) == 1;
	EVP_MD_CTX_free(md);
	return result(good, EIO);
}

size_t crypto_signature_max(const struct evp_pkey_st *key)
{
	int size = EVP_PKEY_get_size(key);

	return size > 0 ? (size_t)size : 0;
}

/* An operation with @key and this padding; NULL: not to be had. */
static EVP_PKEY_CTX *rsa_start(EVP_PKEY *key, int (*init)(EVP_PKEY_CTX *), int padding)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	if (ctx && init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

int crypto_rsa_encrypt(EVP_PKEY *key, const uint8_t *bytes, size_t len, uint8_t *out,
		       size_t *out_len)
{
	EVP_PKEY_CTX *ctx = rsa_start(key, EVP_PKEY_encrypt_init, RSA_PKCS1_PADDING);
	bool good;

	*out_len = RSA_SIZE_MAX;
	good = ctx && crypto_signature_max(key) <= RSA_SIZE_MAX &&
	       EVP_PKEY_encrypt(ctx, out, out_len, bytes, len) == 1;
	EVP_PKEY_CTX_free(ctx);
	return result(good, EIO);
}

int crypto_rsa_decrypt_raw(EVP_PKEY *key, const uint8_t *bytes, size_t len, uint8_t *out)
{
	EVP_PKEY_CTX *ctx = rsa_start(key, EVP_PKEY_decrypt_init, RSA_NO_PADDING);
	size_t out_len = len;
	bool good = ctx && EVP_PKEY_decrypt(ctx, out, &out_len, bytes, len) == 1 && out_len == len;

	EVP_PKEY_CTX_free(ctx);
	return result(good, EIO);
}
