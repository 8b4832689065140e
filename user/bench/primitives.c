// SPDX-License-Identifier: MIT
/*
 * primitives.c - what the cryptography of a handshake takes by itself
 *
 * RFC 8446 sections 4.2.8, 4.4.3 and 7.1, RFC 5246 section 5. See bench.h. Each primitive of
 * libcrypto as cheap as it can be had: keys, contexts and algorithms are there already. The
 * bound of a side is the sum of those it cannot do without; no implementation on this libcrypto
 * gets below it.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "tap.h"

#define ROUNDS 200
#define HMACS 20 /* one is shorter than a look at the clock */

enum primitive { KEYGEN, DERIVE, ECDSA_SIGN, ECDSA_VERIFY, RSA_SIGN, RSA_VERIFY, HMAC, COUNT };

static const char *const names[COUNT] = {
	"X25519 key",	      "X25519 shared secret", "ECDSA P-256 signature", "ECDSA P-256 check",
	"RSA-2048 signature", "RSA-2048 check",	      "HMAC-SHA-256",
};

static double cost[COUNT];

static void must(int good)
{
	if (good != 1)
		bail("a primitive fails");
}

static void exchange(void)
{
	double keygen[ROUNDS] = { 0 }, derive[ROUNDS] = { 0 };
	EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL), *ctx;
	EVP_PKEY *mine = NULL, *peer = NULL;
	uint8_t out[32];
	size_t len;

	must(EVP_PKEY_keygen_init(make));
	must(EVP_PKEY_generate(make, &peer));
	for (int i = 0; i < ROUNDS; i++) {
		EVP_PKEY_free(mine);
		mine = NULL;
		TIMED(keygen[i], must(EVP_PKEY_generate(make, &mine)));
	}
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL);
	must(EVP_PKEY_derive_init(ctx));
	must(EVP_PKEY_derive_set_peer(ctx, peer));
	for (int i = 0; i < ROUNDS; i++) {
		len = sizeof(out);
		TIMED(derive[i], must(EVP_PKEY_derive(ctx, out, &len)));
	}
	cost[KEYGEN] = median(keygen, ROUNDS);
	cost[DERIVE] = median(derive, ROUNDS);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_CTX_free(make);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(peer);
}

static void signature(EVP_PKEY *key, enum primitive sign, enum primitive verify)
{
	EVP_PKEY_CTX *s = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	EVP_PKEY_CTX *v = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	double made[ROUNDS] = { 0 }, checked[ROUNDS] = { 0 };
	uint8_t digest[32] = { 1 }, bytes[512];
	size_t len = 0;

	must(EVP_PKEY_sign_init(s));
	must(EVP_PKEY_verify_init(v));
	must(EVP_PKEY_CTX_set_signature_md(s, EVP_sha256()));
	must(EVP_PKEY_CTX_set_signature_md(v, EVP_sha256()));
	if (sign == RSA_SIGN) {
		must(EVP_PKEY_CTX_set_rsa_padding(s, RSA_PKCS1_PSS_PADDING));
		must(EVP_PKEY_CTX_set_rsa_padding(v, RSA_PKCS1_PSS_PADDING));
	}
	for (int i = 0; i < ROUNDS; i++) {
		len = sizeof(bytes);
		TIMED(made[i], must(EVP_PKEY_sign(s, bytes, &len, digest, sizeof(digest))));
		TIMED(checked[i], must(EVP_PKEY_verify(v, bytes, len, digest, sizeof(digest))));
	}
	cost[sign] = median(made, ROUNDS);
	cost[verify] = median(checked, ROUNDS);
	EVP_PKEY_CTX_free(s);
	EVP_PKEY_CTX_free(v);
}

static void hmac(void)
{
	char name[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	uint8_t key[32] = { 1 }, out[32], bytes[54] = { 2 };
	double took[ROUNDS] = { 0 };
	size_t len;

	must(EVP_MAC_CTX_set_params(ctx, params));
	for (int i = 0; i < ROUNDS; i++)
		TIMED(
			took[i], for (int j = 0; j < HMACS; j++) {
				must(EVP_MAC_init(ctx, key, sizeof(key), NULL));
				must(EVP_MAC_update(ctx, bytes, sizeof(bytes)));
				must(EVP_MAC_final(ctx, out, &len, sizeof(out)));
			});
	cost[HMAC] = median(took, ROUNDS) / HMACS;
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
}

void primitives_measure(void)
{
	exchange();
	signature(test_leaf(KEY_ECDSA_P256)->key, ECDSA_SIGN, ECDSA_VERIFY);
	signature(test_leaf(KEY_RSA)->key, RSA_SIGN, RSA_VERIFY);
	hmac();
}

/*
 * HMACs: in TLS 1.3 three extracts, the eleven secrets of a side, four keys and IVs in each
 * epoch, two Finished; a resumption adds the binder. In TLS 1.2 two blocks of the master secret,
 * of the key block, and two Finished, two HMACs a block.
 */
double primitives_of(const struct bench_case *c, int side)
{
	bool rsa = c->key == KEY_RSA, new = c->version == HS_TLS_1_3;
	double sum = cost[HMAC] * (new ? 28 + 4 * c->resumed : 12 - 4 * c->resumed);

	if (new || !c->resumed)
		sum += cost[KEYGEN] + cost[DERIVE];
	if (c->resumed)
		return sum;
	if (side == SERVER)
		return sum + cost[rsa ? RSA_SIGN : ECDSA_SIGN];
	/* the certificate is signed by a root with a key on P-256 */
	return sum + cost[rsa ? RSA_VERIFY : ECDSA_VERIFY] + cost[ECDSA_VERIFY];
}

void primitives_print(void)
{
	for (int i = 0; i < COUNT; i++)
		printf("%s%s %.1f", i ? ", " : "primitives in us: ", names[i], cost[i]);
	printf("\n");
}
