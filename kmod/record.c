// SPDX-License-Identifier: GPL-2.0-only
/*
 * The record format of RFC 8446 section 5 and RFC 5246 section 6.2: headers,
 * nonces, additional data. Pure functions over bytes that may come from an attacker;
 * must never allocate, lock or know a socket.
 */
#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif
#include "record.h"

size_t tlsock_head_len(const struct tlsock_cipher *cipher)
{
	return TLSOCK_HEADER_LEN + cipher->explicit_len;
}

size_t tlsock_overhead(const struct tlsock_cipher *cipher)
{
	if (!cipher)
		return 0;
	return cipher->explicit_len + (cipher->version == TLSOCK_TLS_1_3) + TLSOCK_TAG_LEN;
}

/* A type that TLS 1.3 shows on the outside of unprotected records alone */
static int is_bare(__u8 type)
{
	return type >= TLSOCK_CT_CCS && type < TLSOCK_CT_DATA;
}

int tlsock_header_parse_any(struct tlsock_header *h, const __u8 *in,
			    const struct tlsock_cipher *cipher)
{
	size_t max = TLSOCK_FRAGMENT_MAX;

	h->type = in[0];
	h->version = get_unaligned_be16(in + 1);
	h->len = get_unaligned_be16(in + 3);

	/* legacy_record_version must be ignored (RFC 8446 section 5.1), but a major
	 * version other than 3 is no TLS at all, and in TLS 1.2 what is authentic has the
	 * version that was agreed on (RFC 5246 section 6.2.3.3).
	 */
	if (h->version >> 8 != 3 || (cipher && cipher->version == TLSOCK_TLS_1_2 &&
				     h->version != TLSOCK_TLS_1_2))
		return TLSOCK_ALERT_PROTOCOL_VERSION;
	/* RFC 8446 section 5.2: 2^14 + 256; RFC 5246 section 6.2.3: 2^14 + 2048, of
	 * which an AEAD uses no more than its overhead.
	 */
	if (cipher && cipher->version == TLSOCK_TLS_1_3 && !is_bare(h->type))
		max += 256;
	else if (cipher && cipher->version == TLSOCK_TLS_1_2)
		max += tlsock_overhead(cipher);
	if (h->len > max)
		return TLSOCK_ALERT_RECORD_OVERFLOW;
	return -1;
}

int tlsock_header_parse(struct tlsock_header *h, const __u8 *in,
			const struct tlsock_cipher *cipher)
{
	int alert = tlsock_header_parse_any(h, in, cipher);

	if (!is_bare(h->type) && h->type != TLSOCK_CT_DATA)
		return TLSOCK_ALERT_UNEXPECTED_MESSAGE;
	return alert;
}

void tlsock_header_put(__u8 *out, __u8 type, size_t len)
{
	out[0] = type;
	put_unaligned_be16(TLSOCK_TLS_1_2, out + 1);
	put_unaligned_be16(len, out + 3);
}

void tlsock_nonce(__u8 *nonce, const struct tlsock_cipher *cipher, const __u8 *iv,
		  const __u8 *expl, __u64 seq)
{
	if (cipher->explicit_len) {
		memcpy(nonce, iv, cipher->iv_len);
		memcpy(nonce + cipher->iv_len, expl, cipher->explicit_len);
		return;
	}
	memcpy(nonce, iv, TLSOCK_NONCE_LEN - sizeof(seq));
	put_unaligned_be64(get_unaligned_be64(iv + TLSOCK_NONCE_LEN - sizeof(seq)) ^ seq,
			   nonce + TLSOCK_NONCE_LEN - sizeof(seq));
}

size_t tlsock_aad(__u8 *aad, const struct tlsock_cipher *cipher, __u8 type, __u64 seq,
		  size_t content_len, size_t record_len)
{
	if (cipher->version == TLSOCK_TLS_1_3) {
		tlsock_header_put(aad, TLSOCK_CT_DATA, record_len);
		return TLSOCK_HEADER_LEN;
	}
	put_unaligned_be64(seq, aad);
	tlsock_header_put(aad + 8, type, content_len);
	return TLSOCK_AAD_MAX;
}
