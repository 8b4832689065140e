// SPDX-License-Identifier: MIT
/*
 * test_cipher_suite.c - the module's table of cipher suites
 *
 * What RFC 8446 appendix B.4, RFC 5288, RFC 5289, RFC 6655, RFC 7251 and RFC 7905 say of each
 * suite, a row each; every other number has to be unknown. Numbers and names are also compared
 * with libssl's. A new suite is a new row here. Must never take an expectation from the module.
 */
#include <stdio.h>
#include <string.h>

#include <linux/tls.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "cipher_suite.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* An AEAD in a version. What a cipher with a salt calls its IV is salt and explicit part. */
struct aead {
	uint16_t version, kernel_type;
	uint8_t key_len, iv_len, explicit_len, salt_len, nonce_flags;
	const char *name;
};

/* RFC 8446 section 5.3: 12 bytes of IV, nothing in the record */
#define TLS13_IV 12, 0
/* RFC 5288 section 3, RFC 6655 section 3: 4 bytes of salt, 8 in the record */
#define TLS12_IV 4, 8

static const struct aead
	gcm_128_13 = { 0x0304, TLS_CIPHER_AES_GCM_128, 16, TLS13_IV, 4, 0, "gcm(aes)" },
	gcm_256_13 = { 0x0304, TLS_CIPHER_AES_GCM_256, 32, TLS13_IV, 4, 0, "gcm(aes)" },
	chacha_13 = { 0x0304, TLS_CIPHER_CHACHA20_POLY1305, 32, TLS13_IV, 0,
		      0,      "rfc7539(chacha20,poly1305)" },
	/* RFC 3610 section 2.3: a nonce of 12 bytes leaves L = 3 */
	ccm_128_13 = { 0x0304, TLS_CIPHER_AES_CCM_128, 16, TLS13_IV, 4, 2, "ccm(aes)" },
	gcm_128_12 = { 0x0303, TLS_CIPHER_AES_GCM_128, 16, TLS12_IV, 4, 0, "gcm(aes)" },
	gcm_256_12 = { 0x0303, TLS_CIPHER_AES_GCM_256, 32, TLS12_IV, 4, 0, "gcm(aes)" },
	/* RFC 7905 section 2 */
	chacha_12 = { 0x0303, TLS_CIPHER_CHACHA20_POLY1305, 32, TLS13_IV, 0,
		      0,      "rfc7539(chacha20,poly1305)" },
	ccm_128_12 = { 0x0303, TLS_CIPHER_AES_CCM_128, 16, TLS12_IV, 4, 2, "ccm(aes)" };

static const struct aead *const aeads[] = { &gcm_128_13, &gcm_256_13, &chacha_13, &ccm_128_13,
					    &gcm_128_12, &gcm_256_12, &chacha_12, &ccm_128_12 };

static const struct row {
	uint16_t suite;
	const char *name;
	const struct aead *aead;
	const char *hash; /* NULL: the module has no use for it, in TLS 1.2 */
} rows[] = {
	{ 0x1301, "TLS_AES_128_GCM_SHA256", &gcm_128_13, "sha256" },
	{ 0x1302, "TLS_AES_256_GCM_SHA384", &gcm_256_13, "sha384" },
	{ 0x1303, "TLS_CHACHA20_POLY1305_SHA256", &chacha_13, "sha256" },
	{ 0x1304, "TLS_AES_128_CCM_SHA256", &ccm_128_13, "sha256" },
	{ 0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", &gcm_128_12, NULL },
	{ 0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384", &gcm_256_12, NULL },
	{ 0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", &gcm_128_12, NULL },
	{ 0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", &gcm_256_12, NULL },
	{ 0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", &gcm_128_12, NULL },
	{ 0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", &gcm_256_12, NULL },
	{ 0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", &gcm_128_12, NULL },
	{ 0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", &gcm_256_12, NULL },
	{ 0xc09c, "TLS_RSA_WITH_AES_128_CCM", &ccm_128_12, NULL },
	{ 0xc09e, "TLS_DHE_RSA_WITH_AES_128_CCM", &ccm_128_12, NULL },
	{ 0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", &ccm_128_12, NULL },
	{ 0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", &chacha_12, NULL },
	{ 0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", &chacha_12, NULL },
	{ 0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", &chacha_12, NULL },
};

static bool is(const struct tlsock_cipher *c, const struct aead *a)
{
	return c && c->version == a->version && c->kernel_type == a->kernel_type &&
	       c->key_len == a->key_len && c->iv_len == a->iv_len &&
	       c->explicit_len == a->explicit_len && c->salt_len == a->salt_len &&
	       c->nonce_flags == a->nonce_flags && !strcmp(c->aead, a->name);
}

/* RFC 8446 section 4.4.1: the suite's hash drives the key schedule, and so KeyUpdate. */
static bool has_hash(const struct tlsock_cipher *c, const char *hash)
{
	char hmac[32];

	if (!hash)
		return c && !c->hash_len && !c->hmac;
	snprintf(hmac, sizeof(hmac), "hmac(%s)", hash);
	return c && c->hash_len == EVP_MD_get_size(EVP_get_digestbyname(hash)) && c->hmac &&
	       !strcmp(c->hmac, hmac);
}

static void one_row(SSL *ssl, const struct row *r)
{
	const struct tlsock_cipher *c = tlsock_cipher_by_suite(r->suite, r->aead->version);
	const uint8_t number[] = { (uint8_t)(r->suite >> 8), (uint8_t)r->suite };
	const SSL_CIPHER *theirs = SSL_CIPHER_find(ssl, number);

	ok(is(c, r->aead), "%s: its AEAD", r->name);
	ok(has_hash(c, r->hash), "%s: its hash", r->name);
	ok(!tlsock_cipher_by_suite(r->suite, r->aead->version ^ 0x0303 ^ 0x0304),
	   "%s is none of the other version's", r->name);
	ok(theirs && SSL_CIPHER_is_aead(theirs) &&
		   !strcmp(SSL_CIPHER_standard_name(theirs), r->name),
	   "%s has number 0x%04x in libssl too", r->name, r->suite);
}

static const struct row *row_of(unsigned int suite, unsigned int version)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].suite == suite && rows[i].aead->version == version)
			return &rows[i];
	return NULL;
}

static const struct aead *aead_of(unsigned int type, unsigned int version)
{
	for (size_t i = 0; i < COUNT(aeads); i++)
		if (aeads[i]->kernel_type == type && aeads[i]->version == version)
			return aeads[i];
	return NULL;
}

/* All numbers there are, in @version */
static void all_numbers(uint16_t version)
{
	unsigned int suites = 0, types = 0;

	for (unsigned int n = 0; n <= UINT16_MAX; n++) {
		const struct row *r = row_of(n, version);
		const struct aead *a = aead_of(n, version);
		const struct tlsock_cipher *by_suite = tlsock_cipher_by_suite((uint16_t)n, version);
		const struct tlsock_cipher *by_type = tlsock_cipher_by_kernel_type((uint16_t)n,
										   version);

		if (r ? !is(by_suite, r->aead) : !!by_suite)
			suites += (unsigned int)!!printf("# suite 0x%04x\n", n);
		if (a ? !is(by_type, a) : !!by_type)
			types += (unsigned int)!!printf("# type %u\n", n);
	}
	ok(!suites, "version 0x%04x has these suites and no others", version);
	ok(!types, "version 0x%04x has these types of <linux/tls.h> and no others", version);
}

/* What the record layer relies on, and <linux/tls.h> lays out */
static void limits(const struct aead *a)
{
	const struct tlsock_cipher *c = tlsock_cipher_by_kernel_type(a->kernel_type, a->version);

	if (!ok(!!c, "%s, 0x%04x, by its type", a->name, a->version))
		return;
	ok(c->iv_len + c->explicit_len == TLSOCK_NONCE_LEN, "%s: IV and explicit part make a nonce",
	   a->name);
	ok(c->key_len <= TLSOCK_KEY_MAX && c->hash_len <= TLSOCK_SECRET_MAX &&
		   c->salt_len <= c->iv_len,
	   "%s: nothing longer than there is room for", a->name);
}

int main(void)
{
	static const uint16_t versions[] = { 0x0303, 0x0304, 0,	     0x0002, 0x0300,
					     0x0301, 0x0302, 0x0305, 0xfefd, 0xffff };
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	SSL *ssl = ctx ? SSL_new(ctx) : NULL;

	if (!ssl)
		bail("libssl");
	for (size_t i = 0; i < COUNT(rows); i++)
		one_row(ssl, &rows[i]);
	for (size_t i = 0; i < COUNT(aeads); i++)
		limits(aeads[i]);
	for (size_t i = 0; i < COUNT(versions); i++)
		all_numbers(versions[i]);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return tap_done();
}
