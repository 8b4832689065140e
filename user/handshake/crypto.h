/* SPDX-License-Identifier: MIT */
/*
 * crypto.h - the primitives that the engine takes from libcrypto
 *
 * Hashes, HMAC (RFC 2104), (EC)DHE shares (RFC 8446 section 4.2.8) and signatures (section
 * 4.4.3). Everything that names OpenSSL is behind this header and certificate.h. It must
 * never draw a random byte of its own for a key share.
 *
 * Functions that return int give 0 or a negative errno: -EIO when libcrypto refuses,
 * -ENOMEM, -EBADMSG when the peer's bytes are wrong.
 */
#ifndef HANDSHAKE_CRYPTO_H
#define HANDSHAKE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "parameters.h"
#include "secret.h"

struct evp_pkey_st; /* OpenSSL's EVP_PKEY */
struct evp_pkey_ctx_st; /* and EVP_PKEY_CTX */

/* Fetches the algorithms, the first time. */
int crypto_init(void);

bool crypto_equal(const void *a, const void *b, size_t len); /* in constant time */

/* A running hash. */
struct crypto_hash;
struct crypto_hash *crypto_hash_new(enum hash hash);
void crypto_hash_free(struct crypto_hash *h);
int crypto_hash_restart(struct crypto_hash *h);
int crypto_hash_update(struct crypto_hash *h, const void *bytes, size_t len);
/* The hash of all bytes so far; the run goes on. @out takes hash_len() bytes. */
int crypto_hash_value(struct crypto_hash *h, uint8_t *out);

/* The hash of all bytes so far and @bytes, which stay out of the run. */
int crypto_hash_value_with(struct crypto_hash *h, const void *bytes, size_t len, uint8_t *out);

int crypto_digest(enum hash hash, const void *bytes, size_t len, uint8_t *out);

/*
 * AES-256-GCM, for tickets. @key: 32 bytes, @nonce: 12. @out of crypto_seal() takes the 16
 * bytes of the tag, too; @len of crypto_open() counts them. -EBADMSG: not authentic.
 */
int crypto_seal(const uint8_t *key, const uint8_t *nonce, const void *aad, size_t aad_len,
		const uint8_t *in, size_t len, uint8_t *out);
int crypto_open(const uint8_t *key, const uint8_t *nonce, const void *aad, size_t aad_len,
		const uint8_t *in, size_t len, uint8_t *out);

/* One context, reused for each HMAC of a connection. */
struct crypto_hmac;
struct crypto_hmac *crypto_hmac_new(enum hash hash);
void crypto_hmac_free(struct crypto_hmac *h);
int crypto_hmac_start(struct crypto_hmac *h, const void *key, size_t len);
int crypto_hmac_update(struct crypto_hmac *h, const void *bytes, size_t len);
int crypto_hmac_finish(struct crypto_hmac *h, uint8_t *out);

bool crypto_share_init(void); /* crypto_init() calls it */
/* Hybrid groups need an ML-KEM, which not every libcrypto has. After crypto_init(). */
bool crypto_has_group(const struct group *group);

/* An ephemeral key pair made from the bytes that @random returns; the client's side of it. */
struct crypto_share;
int crypto_share_new(const struct group *group, int (*random)(void *, uint8_t *, size_t), void *ctx,
		     struct crypto_share **out);
void crypto_share_free(struct crypto_share *share);
/* A share of a hybrid group serves as one of its curve, too. */
bool crypto_share_serves(const struct crypto_share *share, const struct group *group);
/* @group: one that it serves */
const uint8_t *crypto_share_public(const struct crypto_share *share, const struct group *group,
				   size_t *len);
/* -EBADMSG: a share of a wrong length, off the curve, or of small order */
int crypto_share_derive(const struct crypto_share *share, const struct group *group,
			const uint8_t *peer, size_t len, struct shared_secret *out);
/*
 * The server's side: a share of our own for the client's, and the secret of both.
 * -EBADMSG: as above, or an ML-KEM key that is none
 */
int crypto_share_answer(const struct group *group, const uint8_t *peer, size_t len,
			int (*random)(void *, uint8_t *, size_t), void *ctx,
			struct crypto_share **out, struct shared_secret *secret);

/*
 * Diffie-Hellman over a prime, for TLS 1.2: the peer's parameters, or ffdhe2048 or
 * ffdhe3072 of RFC 7919. -EBADMSG: less than 2048 or more than 4096 bits, or no parameters.
 */
struct crypto_dh;
int crypto_dh_new(const uint8_t *prime, size_t prime_len, const uint8_t *generator,
		  size_t generator_len, int (*random)(void *, uint8_t *, size_t), void *ctx,
		  struct crypto_dh **out);
int crypto_dh_named(unsigned int bits, int (*random)(void *, uint8_t *, size_t), void *ctx,
		    struct crypto_dh **out);
void crypto_dh_free(struct crypto_dh *dh); /* takes NULL */
const uint8_t *crypto_dh_prime(const struct crypto_dh *dh, size_t *len);
const uint8_t *crypto_dh_generator(const struct crypto_dh *dh, size_t *len);
/* The code point of RFC 7919's group, if its parameters are one's that we know; else 0 */
uint16_t crypto_dh_group(const struct crypto_dh *dh);
const uint8_t *crypto_dh_public(const struct crypto_dh *dh, size_t *len);
/* Without leading zeros (RFC 5246 section 8.1.2). @out takes 512 bytes. */
int crypto_dh_derive(const struct crypto_dh *dh, const uint8_t *peer, size_t len, uint8_t *out,
		     size_t *out_len);

enum key_type crypto_key_type(const struct evp_pkey_st *key);
int crypto_verify(struct evp_pkey_st *key, const struct scheme *scheme, const uint8_t *bytes,
		  size_t len, const uint8_t *signature, size_t signature_len);
/*
 * RFC 8446 section 4.2.3: an RSA signature's padding, PSS with a salt as long as the hash and MGF1 with the
 * same hash; PKCS#1 for a scheme that no handshake may use. True for what has no padding.
 */
bool crypto_set_padding(struct evp_pkey_ctx_st *ctx, const struct scheme *scheme);
/* On entry *@signature_len is the room in @signature. */
int crypto_sign(struct evp_pkey_st *key, const struct scheme *scheme, const uint8_t *bytes,
		size_t len, uint8_t *signature, size_t *signature_len);
size_t crypto_signature_max(const struct evp_pkey_st *key);

/* RSA key exchange of TLS 1.2. Bytes of a modulus */
#define RSA_SIZE_MIN 128
#define RSA_SIZE_MAX 1024
/* RFC 8017 section 7.2.1. The padding is libcrypto's random bytes. @out takes RSA_SIZE_MAX. */
int crypto_rsa_encrypt(struct evp_pkey_st *key, const uint8_t *bytes, size_t len, uint8_t *out,
		       size_t *out_len);
/*
 * The private operation alone, for @len and @out of the modulus' size. Nothing is taken off, so
 * that nothing can be told by how: that is the caller's, in constant time. -EIO: a number that is
 * no less than the modulus, which its sender knew, or a key that is not to be had.
 */
int crypto_rsa_decrypt_raw(struct evp_pkey_st *key, const uint8_t *bytes, size_t len, uint8_t *out);

#endif
