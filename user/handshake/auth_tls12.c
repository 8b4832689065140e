// SPDX-License-Identifier: MIT
/*
 * auth_tls12.c - certificates and signatures of TLS 1.2, both roles
 *
 * RFC 5246 sections 7.4.1.4.1, 7.4.2 and 7.4.8, RFC 8422. It must never take a signature by
 * a scheme that was not offered, nor one made with a key of another kind than the suite's.
 */
#include "tls12.h"

bool is_rsa(enum key_type key)
{
	return key == KEY_RSA || key == KEY_RSA_PSS;
}

bool suite_takes_key(const struct suite *suite, enum key_type key)
{
	bool ecdsa = key == KEY_ECDSA_P256 || key == KEY_ECDSA_P384 || key == KEY_ED25519;

	if (suite->exchange == EXCHANGE_RSA)
		return key ==
		       KEY_RSA; /* a key for RSA-PSS encrypts nothing, RFC 4055 section 1.2 */

	return suite->auth == AUTH_ECDSA ? ecdsa : suite->auth == AUTH_RSA && is_rsa(key);
}

/* RFC 8422 section 5.1: the curve of an ECDSA key has to be one of the groups. */
bool curve_allowed(const struct config *c, enum key_type key)
{
	if (key == KEY_ECDSA_P256)
		return group_index(c, HS_SECP256R1) >= 0;
	if (key == KEY_ECDSA_P384)
		return group_index(c, HS_SECP384R1) >= 0;
	return true;
}

int parse_certificate_tls12(struct hs_engine *e, struct reader *r)
{
	struct reader list, cert;

	if (!reader_vec24(r, &list, 0, CHAIN_BYTES_MAX))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "Certificate is malformed");
	while (!reader_done(&list)) {
		if (e->in.chain_count == CHAIN_MAX)
			return engine_fail(e, ALERT_BAD_CERTIFICATE, EKEYREJECTED,
					   "a chain of more than %d certificates", CHAIN_MAX);
		if (!reader_vec24(&list, &cert, 1, CHAIN_BYTES_MAX))
			return engine_fail(e, ALERT_DECODE_ERROR, EPROTO,
					   "Certificate is malformed");
		e->in.chain[e->in.chain_count++] = (struct hs_der){ .data = cert.at,
								    .len = cert.left };
	}
	return 0;
}

int write_certificate_tls12(struct hs_engine *e, const struct hs_credential *c)
{
	struct writer *out = &e->actions.out;
	size_t mark = message_begin(e, MESSAGE_CERTIFICATE), list;
	const struct hs_der *chain = NULL;
	size_t count = 0;

	if (c)
		chain = credential_chain(c, &count);
	list = writer_open(out, 3);
	for (size_t i = 0; i < count; i++) {
		writer_u24(out, (uint32_t)chain[i].len);
		writer_bytes(out, chain[i].data, chain[i].len);
	}
	writer_close(out, list, 3);
	return message_end(e, mark, HS_EPOCH_PLAINTEXT);
}

int parse_certificate_verify_tls12(struct hs_engine *e, struct reader *r)
{
	if (!reader_u16(r, &e->in.scheme) || !reader_vec16(r, &e->in.signature, 0, UINT16_MAX))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "CertificateVerify is malformed");
	return 0;
}

int check_signature_tls12(struct hs_engine *e, const uint8_t *content, size_t len)
{
	struct evp_pkey_st *key = certificates_key(e->peer);
	int i = scheme_index(&e->config, e->in.scheme), rc;

	if (i < 0)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "signature scheme 0x%04x was not offered", e->in.scheme);
	if (!scheme_takes_key(e->config.schemes[i], crypto_key_type(key), HS_TLS_1_2))
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "signature scheme %s does not fit the certificate's key",
				   hs_scheme_name(e->in.scheme));
	e->peer_scheme = e->config.schemes[i];
	rc = crypto_verify(key, e->peer_scheme, content, len, e->in.signature.at,
			   e->in.signature.left);
	if (rc == -EBADMSG)
		return engine_fail(
			e, ALERT_DECRYPT_ERROR, EKEYREJECTED,
			"the signature does not prove possession of the certificate's key");
	return engine_check(e, rc, "signature");
}

/* The messages so far, as they were: a scheme brings a hash of its own. */
int write_certificate_verify_tls12(struct hs_engine *e)
{
	const struct writer *log = &e->transcript.pending;
	size_t mark = message_begin(e, MESSAGE_CERTIFICATE_VERIFY);
	int rc = write_signature(e, log->bytes, log->len);

	return rc < 0 ? rc : message_end(e, mark, HS_EPOCH_PLAINTEXT);
}

int act_certificate_verify_tls12(struct hs_engine *e)
{
	const struct writer *log = &e->transcript.pending;
	int rc = check_signature_tls12(e, log->bytes, log->len);

	if (rc == 0)
		rc = engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
				  "transcript");
	if (rc == 0)
		rc = action_continue(e);
	if (rc == 0)
		e->state = SERVER12_WAIT_FINISHED;
	return rc;
}
