/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The constant table of cipher suites that the record layer can protect records
 * with. Pure data: compiles in the kernel and on the host.
 */
#ifndef _TLSOCK_CIPHER_SUITE_H
#define _TLSOCK_CIPHER_SUITE_H

#include <linux/types.h>

#define TLSOCK_TLS_1_2		0x0303
#define TLSOCK_TLS_1_3		0x0304

#define TLSOCK_KEY_MAX		32	/* bytes of write key */
#define TLSOCK_NONCE_LEN	12	/* of every AEAD here (RFC 5116 N_MIN = N_MAX) */
#define TLSOCK_BLOCK		16	/* of AES, and what suits ChaCha20 */
#define TLSOCK_TAG_LEN		16
#define TLSOCK_SECRET_MAX	48	/* SHA-384 */

/* The AEAD of a family of suites, in one protocol version */
struct tlsock_cipher {
	__u16 version;		/* TLSOCK_TLS_1_2 or TLSOCK_TLS_1_3 */
	__u16 kernel_type;	/* TLS_CIPHER_* of <linux/tls.h> */
	__u8 key_len;		/* bytes */
	__u8 iv_len;		/* bytes of write IV that come from the key block */
	__u8 salt_len;		/* bytes of it that <linux/tls.h> calls the salt */
	__u8 explicit_len;	/* bytes of nonce that each record carries */
	__u8 hash_len;		/* bytes of the suite's hash, 0 when unknown */
	__u8 nonce_flags;	/* RFC 3610 section 2.3: L - 1, in front of CCM's nonce; else 0 */
	const char *aead;	/* name for crypto_alloc_aead() */
	const char *hmac;	/* name for crypto_alloc_shash() */
};

/* By IANA number; NULL: not one of ours. */
const struct tlsock_cipher *tlsock_cipher_by_suite(__u16 suite, __u16 version);

/* By upstream's TLS_CIPHER_* number, for keys set by hand; NULL: not one of ours. */
const struct tlsock_cipher *tlsock_cipher_by_kernel_type(__u16 type, __u16 version);

#endif /* _TLSOCK_CIPHER_SUITE_H */
