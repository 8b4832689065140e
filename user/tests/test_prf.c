// SPDX-License-Identifier: MIT
/*
 * test_prf.c - the key derivation of TLS 1.2 against known answers
 *
 * PRF: the vectors for TLS 1.2 that the IETF's TLS working group published in 2009 (they are
 * in no RFC). Master secret, extended master secret and key block against a PRF written
 * down once more, with libcrypto's own TLS1-PRF (RFC 5246 sections 5, 6.3 and 8.1).
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "prf.h"
#include "tap.h"

static void known_answer(enum hash hash, const char *name, const char *secret, const char *seed,
			 const char *out)
{
	struct hkdf h;
	size_t secret_len, seed_len, len;
	uint8_t *secret_bytes = unhex(secret, &secret_len), *seed_bytes = unhex(seed, &seed_len);
	uint8_t *expected = unhex(out, &len), *got = malloc(len);

	if (hkdf_init(&h, hash) < 0)
		bail("no HMAC");
	prf(&h, secret_bytes, secret_len, "test label", seed_bytes, seed_len, NULL, 0, got, len);
	ok_bytes(got, len, expected, len, "PRF with %s", name);
	prf(&h, secret_bytes, secret_len, "test label", seed_bytes, 5, seed_bytes + 5, seed_len - 5,
	    got, len);
	ok_bytes(got, len, expected, len, "PRF with %s, the seed in two parts", name);
	hkdf_release(&h);
	free(secret_bytes);
	free(seed_bytes);
	free(expected);
	free(got);
}

/* libcrypto's */
static void other_prf(const char *digest, const uint8_t *secret, size_t secret_len,
		      const uint8_t *seed, size_t seed_len, uint8_t *out, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)digest,
						 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)secret,
						  secret_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)seed,
						  seed_len),
		OSSL_PARAM_construct_end(),
	};

	if (EVP_KDF_derive(ctx, out, len, params) != 1)
		bail("libcrypto has no TLS1-PRF");
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static void with_label(const char *digest, const uint8_t *secret, size_t secret_len,
		       const char *label, const uint8_t *a, size_t a_len, const uint8_t *b,
		       size_t b_len, uint8_t *out, size_t len)
{
	uint8_t seed[256];
	size_t n = strlen(label);

	memcpy(seed, label, n);
	memcpy(seed + n, a, a_len);
	n += a_len;
	if (b_len)
		memcpy(seed + n, b, b_len);
	other_prf(digest, secret, secret_len, seed, n + b_len, out, len);
}

static void derivation(enum hash hash, const char *digest, size_t premaster_len)
{
	struct key_block block = { .mac_len = 20, .key_len = 32, .iv_len = 16 };
	struct key_block aead = { .key_len = 16, .iv_len = 4 };
	uint8_t premaster[512], c[32], s[32], session[HASH_MAX], expected[256], got[12];
	struct secret master;
	struct hkdf h;
	size_t len = hash_len(hash);

	for (size_t i = 0; i < sizeof(premaster); i++)
		premaster[i] = (uint8_t)(i * 7 + 3);
	memset(c, 0xc1, sizeof(c));
	memset(s, 0x5e, sizeof(s));
	memset(session, 0xab, sizeof(session));
	if (hkdf_init(&h, hash) < 0)
		bail("no HMAC");
	master_secret(&h, premaster, premaster_len, NULL, c, s, &master);
	with_label(digest, premaster, premaster_len, "master secret", c, 32, s, 32, expected, 48);
	ok_bytes(master.bytes, master.len, expected, 48, "master secret, %s, from %zu bytes",
		 digest, premaster_len);
	master_secret(&h, premaster, premaster_len, session, c, s, &master);
	with_label(digest, premaster, premaster_len, "extended master secret", session, len, NULL,
		   0, expected, 48);
	ok_bytes(master.bytes, master.len, expected, 48, "extended master secret, %s", digest);

	with_label(digest, master.bytes, 48, "key expansion", s, 32, c, 32, expected, 136);
	key_block_make(&h, &master, c, s, &block);
	ok(!memcmp(block.client_mac, expected, 20) &&
		   !memcmp(block.server_mac, expected + 20, 20) &&
		   !memcmp(block.client_key, expected + 40, 32) &&
		   !memcmp(block.server_key, expected + 72, 32) &&
		   !memcmp(block.client_iv, expected + 104, 16) &&
		   !memcmp(block.server_iv, expected + 120, 16),
	   "key block of a suite with a MAC, %s", digest);
	key_block_make(&h, &master, c, s, &aead);
	ok(!memcmp(aead.client_key, expected, 16) && !memcmp(aead.server_key, expected + 16, 16) &&
		   !memcmp(aead.client_iv, expected + 32, 4) &&
		   !memcmp(aead.server_iv, expected + 36, 4) &&
		   aead.client_mac == aead.server_mac && aead.client_mac == aead.client_key,
	   "key block of an AEAD suite, whose MAC keys are empty, %s", digest);
	block.key_len = 65;
	ok(key_block_make(&h, &master, c, s, &block) < 0,
	   "a key block that is too long is refused");

	verify_data(&h, &master, "client finished", session, got);
	with_label(digest, master.bytes, 48, "client finished", session, len, NULL, 0, expected,
		   12);
	ok_bytes(got, 12, expected, 12, "verify_data, %s", digest);
	hkdf_release(&h);
}

int main(void)
{
	if (crypto_init() < 0)
		bail("no algorithms");
	known_answer(HASH_SHA256, "SHA-256", "9bbe436ba940f017b17652849a71db35",
		     "a0ba9f936cda311827a6f796ffd5198c",
		     "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
		     "6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab"
		     "4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701"
		     "87347b66");
	known_answer(HASH_SHA384, "SHA-384", "b80b733d6ceefcdc71566ea48e5567df",
		     "cd665cf6a8447dd6ff8b27555edb7465",
		     "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cd"
		     "e9ca0faa60be9fe34f82b1233c9146a0e534cb400fed2700884f9dc236f80edd"
		     "8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d918425"
		     "9b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee6"
		     "91c8f3a26854308d5eaa3be85e0990703d73e56f");
	for (size_t len = 32; len <= 512; len *= 4) {
		derivation(HASH_SHA256, "SHA256", len);
		derivation(HASH_SHA384, "SHA384", len);
	}
	return tap_done();
}
