// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cipher suites and the AEADs behind them: RFC 8446 appendix B.4, RFC 5288,
 * RFC 5289, RFC 6655, RFC 7905. Owns the table and nothing else; must never touch a key.
 */
#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/stddef.h>
#include <uapi/linux/tls.h>
#else
#include <stddef.h>
#include <linux/tls.h>
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif
#include "cipher_suite.h"

enum {
	AES_128_GCM_13, AES_256_GCM_13, CHACHA20_POLY1305_13, AES_128_CCM_13,
	AES_128_GCM_12, AES_256_GCM_12, CHACHA20_POLY1305_12, AES_128_CCM_12,
};

static const struct tlsock_cipher ciphers[] = {
	[AES_128_GCM_13] = {
		.version = TLSOCK_TLS_1_3, .kernel_type = TLS_CIPHER_AES_GCM_128,
		.key_len = 16, .iv_len = 12, .salt_len = 4, .hash_len = 32,
		.aead = "gcm(aes)", .hmac = "hmac(sha256)",
	},
	[AES_256_GCM_13] = {
		.version = TLSOCK_TLS_1_3, .kernel_type = TLS_CIPHER_AES_GCM_256,
		.key_len = 32, .iv_len = 12, .salt_len = 4, .hash_len = 48,
		.aead = "gcm(aes)", .hmac = "hmac(sha384)",
	},
	[CHACHA20_POLY1305_13] = {
		.version = TLSOCK_TLS_1_3, .kernel_type = TLS_CIPHER_CHACHA20_POLY1305,
		.key_len = 32, .iv_len = 12, .hash_len = 32,
		.aead = "rfc7539(chacha20,poly1305)", .hmac = "hmac(sha256)",
	},
	[AES_128_CCM_13] = {
		.version = TLSOCK_TLS_1_3, .kernel_type = TLS_CIPHER_AES_CCM_128,
		.key_len = 16, .iv_len = 12, .salt_len = 4, .hash_len = 32, .nonce_flags = 2,
		.aead = "ccm(aes)", .hmac = "hmac(sha256)",
	},
	/* RFC 5288 section 3: a salt of 4 bytes and an explicit nonce of 8 */
	[AES_128_GCM_12] = {
		.version = TLSOCK_TLS_1_2, .kernel_type = TLS_CIPHER_AES_GCM_128,
		.key_len = 16, .iv_len = 4, .salt_len = 4, .explicit_len = 8,
		.aead = "gcm(aes)",
	},
	[AES_256_GCM_12] = {
		.version = TLSOCK_TLS_1_2, .kernel_type = TLS_CIPHER_AES_GCM_256,
		.key_len = 32, .iv_len = 4, .salt_len = 4, .explicit_len = 8,
		.aead = "gcm(aes)",
	},
	/* RFC 7905 section 2: the nonce is made as in TLS 1.3 */
	[CHACHA20_POLY1305_12] = {
		.version = TLSOCK_TLS_1_2, .kernel_type = TLS_CIPHER_CHACHA20_POLY1305,
		.key_len = 32, .iv_len = 12,
		.aead = "rfc7539(chacha20,poly1305)",
	},
	/* RFC 6655 section 3 */
	[AES_128_CCM_12] = {
		.version = TLSOCK_TLS_1_2, .kernel_type = TLS_CIPHER_AES_CCM_128,
		.key_len = 16, .iv_len = 4, .salt_len = 4, .explicit_len = 8, .nonce_flags = 2,
		.aead = "ccm(aes)",
	},
};

static const struct {
	__u16 suite;
	__u8 cipher;
} suites[] = {
	{ 0x1301, AES_128_GCM_13 },	/* TLS_AES_128_GCM_SHA256 */
	{ 0x1302, AES_256_GCM_13 },	/* TLS_AES_256_GCM_SHA384 */
	{ 0x1303, CHACHA20_POLY1305_13 }, /* TLS_CHACHA20_POLY1305_SHA256 */
	{ 0x1304, AES_128_CCM_13 },	/* TLS_AES_128_CCM_SHA256 */
	{ 0x009c, AES_128_GCM_12 },	/* TLS_RSA_WITH_AES_128_GCM_SHA256 */
	{ 0x009d, AES_256_GCM_12 },	/* TLS_RSA_WITH_AES_256_GCM_SHA384 */
	{ 0x009e, AES_128_GCM_12 },	/* TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 */
	{ 0x009f, AES_256_GCM_12 },	/* TLS_DHE_RSA_WITH_AES_256_GCM_SHA384 */
	{ 0xc02b, AES_128_GCM_12 },	/* TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 */
	{ 0xc02c, AES_256_GCM_12 },	/* TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 */
	{ 0xc02f, AES_128_GCM_12 },	/* TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 */
	{ 0xc030, AES_256_GCM_12 },	/* TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 */
	{ 0xc09c, AES_128_CCM_12 },	/* TLS_RSA_WITH_AES_128_CCM */
	{ 0xc09e, AES_128_CCM_12 },	/* TLS_DHE_RSA_WITH_AES_128_CCM */
	{ 0xc0ac, AES_128_CCM_12 },	/* TLS_ECDHE_ECDSA_WITH_AES_128_CCM */
	{ 0xcca8, CHACHA20_POLY1305_12 }, /* TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 */
	{ 0xcca9, CHACHA20_POLY1305_12 }, /* TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 */
	{ 0xccaa, CHACHA20_POLY1305_12 }, /* TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256 */
};

const struct tlsock_cipher *tlsock_cipher_by_suite(__u16 suite, __u16 version)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].suite == suite && ciphers[suites[i].cipher].version == version)
			return &ciphers[suites[i].cipher];
	return NULL;
}

const struct tlsock_cipher *tlsock_cipher_by_kernel_type(__u16 type, __u16 version)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (ciphers[i].kernel_type == type && ciphers[i].version == version)
			return &ciphers[i];
	return NULL;
}
