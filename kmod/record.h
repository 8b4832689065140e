/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record format of RFC 8446 section 5 and RFC 5246 section 6.2, as pure
 * functions over bytes. Compiles in the kernel and on the host.
 */
#ifndef _TLSOCK_RECORD_H
#define _TLSOCK_RECORD_H

#include <linux/types.h>

#include "cipher_suite.h"

#define TLSOCK_HEADER_LEN	5
#define TLSOCK_FRAGMENT_MAX	16384	/* 2^14 bytes of content */
#define TLSOCK_PAYLOAD_MIN	64	/* the least that a peer can ask for, RFC 8449 section 4 */
/* the most that a record can carry behind its header (RFC 5246 section 6.2.3) */
#define TLSOCK_CIPHERTEXT_MAX	(TLSOCK_FRAGMENT_MAX + 2048)
#define TLSOCK_AAD_MAX		13
/* the most that protection adds: header, explicit nonce, inner type, tag */
#define TLSOCK_OVERHEAD_MAX	(TLSOCK_HEADER_LEN + 8 + 1 + TLSOCK_TAG_LEN)

enum tlsock_content_type {
	TLSOCK_CT_CCS = 20,
	TLSOCK_CT_ALERT = 21,
	TLSOCK_CT_HANDSHAKE = 22,
	TLSOCK_CT_DATA = 23,
};

enum tlsock_handshake_type {
	TLSOCK_HT_HELLO_REQUEST = 0,
	TLSOCK_HT_CLIENT_HELLO = 1,
	TLSOCK_HT_NEW_SESSION_TICKET = 4,
	TLSOCK_HT_ENCRYPTED_EXTENSIONS = 8,
	TLSOCK_HT_CERTIFICATE = 11,
	TLSOCK_HT_SERVER_KEY_EXCHANGE = 12,
	TLSOCK_HT_CERTIFICATE_REQUEST = 13,
	TLSOCK_HT_CERTIFICATE_VERIFY = 15,
	TLSOCK_HT_CERTIFICATE_STATUS = 22,
	TLSOCK_HT_KEY_UPDATE = 24,
};

/* AlertDescription, RFC 8446 section 6 */
enum tlsock_alert {
	TLSOCK_ALERT_CLOSE_NOTIFY = 0,
	TLSOCK_ALERT_UNEXPECTED_MESSAGE = 10,
	TLSOCK_ALERT_BAD_RECORD_MAC = 20,
	TLSOCK_ALERT_RECORD_OVERFLOW = 22,
	TLSOCK_ALERT_ILLEGAL_PARAMETER = 47,
	TLSOCK_ALERT_DECODE_ERROR = 50,
	TLSOCK_ALERT_PROTOCOL_VERSION = 70,
	TLSOCK_ALERT_INTERNAL_ERROR = 80,
	TLSOCK_ALERT_USER_CANCELED = 90,
	TLSOCK_ALERT_NO_RENEGOTIATION = 100,
};

struct tlsock_header {
	__u8 type;
	__u16 version;		/* legacy_record_version */
	__u16 len;		/* bytes that follow the header */
};

/*
 * Read the header in @in (TLSOCK_HEADER_LEN bytes) and judge it. @cipher is what
 * protects records now, NULL before any key.
 * Returns -1 when the record may be read, else the alert it deserves.
 */
int tlsock_header_parse(struct tlsock_header *h, const __u8 *in,
			const struct tlsock_cipher *cipher);

/* The same, but for keys set by hand: any content type will do. */
int tlsock_header_parse_any(struct tlsock_header *h, const __u8 *in,
			    const struct tlsock_cipher *cipher);

/* Write a header for @len bytes behind it. @out: TLSOCK_HEADER_LEN bytes. */
void tlsock_header_put(__u8 *out, __u8 type, size_t len);

/* Header and explicit nonce: how many bytes lie in front of a protected record's content. */
size_t tlsock_head_len(const struct tlsock_cipher *cipher);

/* How many bytes of @cipher's records are not content (header not counted). */
size_t tlsock_overhead(const struct tlsock_cipher *cipher);

/*
 * The nonce of record @seq: RFC 8446 section 5.3 (IV xor sequence number), or
 * RFC 5288 section 3 (salt, then the explicit part @expl; our own explicit part is
 * the sequence number). @iv: cipher->iv_len bytes. @nonce: TLSOCK_NONCE_LEN bytes.
 */
void tlsock_nonce(__u8 *nonce, const struct tlsock_cipher *cipher, const __u8 *iv,
		  const __u8 *expl, __u64 seq);

/*
 * The additional data: RFC 8446 section 5.2 (the header as sent) or RFC 5246 section
 * 6.2.3.3. @content_len: bytes of plaintext. @record_len: bytes behind the header.
 * @aad: TLSOCK_AAD_MAX bytes. Returns how many are used.
 */
size_t tlsock_aad(__u8 *aad, const struct tlsock_cipher *cipher, __u8 type, __u64 seq,
		  size_t content_len, size_t record_len);

#endif /* _TLSOCK_RECORD_H */
