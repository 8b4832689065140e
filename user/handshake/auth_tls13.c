// SPDX-License-Identifier: MIT
/*
 * auth_tls13.c - Certificate, CertificateVerify and Finished, for both roles
 *
 * RFC 8446 section 4.4: the messages by which each side proves who it is and that both saw
 * the same handshake. It must never take a signature by a scheme that was not offered, and
 * never compare a MAC with memcmp().
 */
#include "tls12.h"

#include <stdlib.h>

#define CONTEXT_LEN 33 /* of "TLS 1.3, server CertificateVerify" */
#define SIGNED_MAX (64 + CONTEXT_LEN + 1 + HASH_MAX)

/* --- Certificate, RFC 8446 section 4.4.2 --- */

int parse_certificate(struct hs_engine *e, struct reader *r)
{
	struct reader context, list, cert;
	int rc;

	if (!reader_vec8(r, &context, 0, UINT8_MAX) || !reader_vec24(r, &list, 0, CHAIN_BYTES_MAX))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "Certificate is malformed");
	if (context.left)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "Certificate answers a request that was not made");
	while (!reader_done(&list)) {
		if (e->in.chain_count == CHAIN_MAX)
			return engine_fail(e, ALERT_BAD_CERTIFICATE, EKEYREJECTED,
					   "a chain of more than %d certificates", CHAIN_MAX);
		if (!reader_vec24(&list, &cert, 1, CHAIN_BYTES_MAX))
			return engine_fail(e, ALERT_DECODE_ERROR, EPROTO,
					   "Certificate is malformed");
		e->in.chain[e->in.chain_count++] = (struct hs_der){ .data = cert.at,
								    .len = cert.left };
		rc = extensions_parse(e, IN_CERTIFICATE, &list);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The chain outlives the delivery it came in: the summary shows it. */
int keep_chain(struct hs_engine *e)
{
	size_t total = 0, at = 0;

	for (size_t i = 0; i < e->in.chain_count; i++)
		total += e->in.chain[i].len;
	e->peer_bytes = malloc(total + 1);
	if (!e->peer_bytes)
		return engine_check(e, -ENOMEM, "certificates");
	for (size_t i = 0; i < e->in.chain_count; i++) {
		memcpy(e->peer_bytes + at, e->in.chain[i].data, e->in.chain[i].len);
		e->peer_chain[i] = (struct hs_der){ .data = e->peer_bytes + at,
						    .len = e->in.chain[i].len };
		at += e->in.chain[i].len;
	}
	e->summary.peer_chain_count = e->in.chain_count;
	return 0;
}

int certificates_judge(struct hs_engine *e, char *text)
{
	struct certificate_check check = {
		.trust = e->config.trust,
		.now = e->config.now(e->config.ctx),
		.peer = e->role == HS_CLIENT ? HS_SERVER : HS_CLIENT,
		.name = e->config.server_name,
	};

	return certificates_verify(e->peer, &check, text);
}

/* @code of @what about the peer's certificates: its effect on the handshake */
static int chain_verdict(struct hs_engine *e, int code, const char *what, const char *text)
{
	if (code < 0)
		return engine_check(e, code, what);
	e->summary.verify_code = code;
	e->chain_verified = code == 0;
	if (code && e->config.verify == HS_VERIFY_REQUIRED)
		return engine_fail_verify(e, code, text);
	return 0;
}

static int judge_chain(struct hs_engine *e)
{
	char text[HS_MAX_TEXT] = "";
	int code;

	if (e->config.verify == HS_VERIFY_NONE)
		return 0;
	code = certificates_judge(e, text);
	return chain_verdict(e, code, "certificate verification", text);
}

int judge_staple(struct hs_engine *e)
{
	struct certificate_check check = { .trust = e->config.trust,
					   .now = e->config.now(e->config.ctx) };
	char text[HS_MAX_TEXT] = "";
	struct hs_der staple = { NULL, e->in.staple.left };
	int code;

	if (staple.len) {
		e->staple_bytes = malloc(staple.len);
		if (!e->staple_bytes)
			return engine_check(e, -ENOMEM, "OCSP response");
		memcpy(e->staple_bytes, e->in.staple.at, staple.len);
		staple.data = e->staple_bytes;
		e->summary.staple = staple;
	}
	if (!e->chain_verified || e->role != HS_CLIENT)
		return 0;
	code = certificates_staple(e->peer, &check, &staple, text);
	return chain_verdict(e, code, "OCSP response", text);
}

static bool credential_serves(struct hs_engine *e, struct hs_credential *c,
			      bool (*fits)(const struct hs_engine *e,
					   const struct hs_credential *c))
{
	if (fits && !fits(e, c))
		return false;
	e->scheme = choose_scheme(e, c);
	if (e->scheme)
		e->credential = c;
	return e->scheme;
}

/* One that the server's authorities have issued, before any other (RFC 8446 section 4.2.4). */
void choose_client_credential(struct hs_engine *e, bool (*fits)(const struct hs_engine *e,
								const struct hs_credential *c))
{
	const struct reader *names = &e->in.authorities;
	size_t count = e->config.credential_count;

	for (size_t i = 0; names->left && i < count; i++)
		if (credential_issued_by(e->config.credentials[i], names->at, names->left) &&
		    credential_serves(e, e->config.credentials[i], fits))
			return;
	for (size_t i = 0; i < 2 * count; i++)
		if ((i >= count || chain_fits(e, e->config.credentials[i])) &&
		    credential_serves(e, e->config.credentials[i % count], fits))
			return;
}

int take_certificate(struct hs_engine *e)
{
	struct evp_pkey_st *key;
	size_t bad = 0;
	int rc = keep_chain(e);

	if (rc < 0)
		return rc;
	rc = certificates_parse(e->config.trust, e->peer_chain, e->in.chain_count, &e->peer, &bad);
	if (rc == -EBADMSG)
		return engine_fail(e, ALERT_BAD_CERTIFICATE, EKEYREJECTED,
				   "certificate number %zu of the chain does not parse", bad + 1);
	if (rc < 0)
		return engine_check(e, rc, "certificates");
	rc = judge_chain(e);
	if (rc < 0)
		return rc;
	key = certificates_key(e->peer);
	if (!key || crypto_key_type(key) == KEY_OTHER)
		return engine_fail(e, ALERT_UNSUPPORTED_CERTIFICATE, EKEYREJECTED,
				   "the certificate holds a key of an unsupported kind");
	if (e->role == HS_CLIENT && e->suite->exchange == EXCHANGE_RSA) {
		if (!certificates_may_encrypt(e->peer))
			return engine_fail(e, ALERT_UNSUPPORTED_CERTIFICATE, EKEYREJECTED,
					   "the certificate's key usage forbids key exchange");
	} else if (!certificates_may_sign(e->peer)) {
		return engine_fail(e, ALERT_UNSUPPORTED_CERTIFICATE, EKEYREJECTED,
				   "the certificate's key usage forbids signatures");
	}
	return 0;
}

static int act_no_certificate(struct hs_engine *e)
{
	if (e->role == HS_CLIENT)
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO,
				   "the server sent no certificate at all");
	if (e->config.verify == HS_VERIFY_REQUIRED)
		return engine_fail(e, ALERT_CERTIFICATE_REQUIRED, EKEYREJECTED,
				   "the client sent no certificate, and one is required");
	e->state = SERVER_WAIT_FINISHED;
	return engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
			    "transcript");
}

int act_certificate(struct hs_engine *e)
{
	int rc;

	if (!e->in.chain_count)
		return act_no_certificate(e);
	rc = take_certificate(e);
	if (rc == 0)
		rc = judge_staple(e);
	if (rc < 0)
		return rc;
	e->state = e->role == HS_CLIENT ? CLIENT_WAIT_CERTIFICATE_VERIFY :
					  SERVER_WAIT_CERTIFICATE_VERIFY;
	return engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
			    "transcript");
}

int write_certificate(struct hs_engine *e, const struct hs_credential *c)
{
	struct writer *out = &e->actions.out;
	size_t mark = message_begin(e, MESSAGE_CERTIFICATE), list;
	const struct hs_der *chain = NULL;
	size_t count = 0, extensions, at;

	if (c)
		chain = credential_chain(c, &count);
	writer_u8(out, 0); /* certificate_request_context */
	list = writer_open(out, 3);
	for (size_t i = 0; i < count; i++) {
		writer_u24(out, (uint32_t)chain[i].len);
		writer_bytes(out, chain[i].data, chain[i].len);
		extensions = writer_open(out, 2);
		if (i == 0 && has_staple(e)) {
			writer_u16(out, EXTENSION_STATUS_REQUEST);
			at = writer_open(out, 2);
			write_certificate_status(e, out);
			writer_close(out, at, 2);
		}
		writer_close(out, extensions, 2);
	}
	writer_close(out, list, 3);
	return message_end(e, mark, HS_EPOCH_HANDSHAKE);
}

/* --- CertificateVerify, RFC 8446 section 4.4.3 --- */

/* What @signer signs: the context keeps a signature from meaning anything elsewhere. */
static int signed_content(struct hs_engine *e, enum hs_role signer, uint8_t *out, size_t *len)
{
	static const char contexts[2][CONTEXT_LEN + 1] = {
		[HS_CLIENT] = "TLS 1.3, client CertificateVerify",
		[HS_SERVER] = "TLS 1.3, server CertificateVerify",
	};

	memset(out, ' ', 64);
	memcpy(out + 64, contexts[signer], CONTEXT_LEN + 1); /* and the zero byte */
	*len = 64 + CONTEXT_LEN + 1 + hash_len(e->suite->hash);
	return engine_check(e, transcript_value(&e->transcript, out + 64 + CONTEXT_LEN + 1),
			    "transcript");
}

int parse_certificate_verify(struct hs_engine *e, struct reader *r)
{
	if (!reader_u16(r, &e->in.scheme) || !reader_vec16(r, &e->in.signature, 0, UINT16_MAX))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "CertificateVerify is malformed");
	return 0;
}

static int check_scheme(struct hs_engine *e, struct evp_pkey_st *key)
{
	int i = scheme_index(&e->config, e->in.scheme);

	if (i < 0 || !e->config.schemes[i]->handshake)
		return engine_fail(
			e, ALERT_ILLEGAL_PARAMETER, EPROTO,
			"signature scheme %s (0x%04x) was not offered for CertificateVerify",
			hs_scheme_name(e->in.scheme), e->in.scheme);
	if (!scheme_takes_key(e->config.schemes[i], crypto_key_type(key), HS_TLS_1_3))
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "signature scheme %s does not fit the certificate's key",
				   hs_scheme_name(e->in.scheme));
	e->peer_scheme = e->config.schemes[i];
	return 0;
}

int act_certificate_verify(struct hs_engine *e)
{
	enum hs_role signer = e->role == HS_CLIENT ? HS_SERVER : HS_CLIENT;
	struct evp_pkey_st *key = certificates_key(e->peer);
	uint8_t content[SIGNED_MAX];
	size_t len;
	int rc = check_scheme(e, key);

	if (rc == 0)
		rc = signed_content(e, signer, content, &len);
	if (rc < 0)
		return rc;
	rc = crypto_verify(key, e->peer_scheme, content, len, e->in.signature.at,
			   e->in.signature.left);
	if (rc == -EBADMSG)
		return engine_fail(
			e, ALERT_DECRYPT_ERROR, EKEYREJECTED,
			"the signature does not prove possession of the certificate's key");
	if (rc < 0)
		return engine_check(e, rc, "signature");
	e->state = e->role == HS_CLIENT ? CLIENT_WAIT_FINISHED : SERVER_WAIT_FINISHED;
	return engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
			    "transcript");
}

/* What TLS 1.2 ties a server's key to besides: the suite, and the groups of both sides. */
static bool key_fits_tls12(const struct hs_engine *e, enum key_type key)
{
	int i = group_index(&e->config, key == KEY_ECDSA_P256 ? HS_SECP256R1 : HS_SECP384R1);

	if (!curve_allowed(&e->config, key))
		return false;
	if (e->role == HS_CLIENT)
		return true;
	return suite_takes_key(e->suite, key) &&
	       ((key != KEY_ECDSA_P256 && key != KEY_ECDSA_P384) ||
		!extension_seen(e, EXTENSION_SUPPORTED_GROUPS) ||
		(i >= 0 && (e->in.groups_shared & 1u << i)));
}

/* RFC 8017 section 9.1.1: room for a hash, a salt as long, and two bytes */
static bool key_large_enough(const struct scheme *scheme, const struct hs_credential *c)
{
	bool pss = (scheme->key == KEY_RSA && scheme->handshake) || scheme->key == KEY_RSA_PSS;

	return !pss || credential_signature_max(c) >= 2 * hash_len(scheme->hash) + 2;
}

const struct scheme *choose_scheme(const struct hs_engine *e, const struct hs_credential *c)
{
	enum key_type key = credential_key_type(c);

	if (e->version == HS_TLS_1_2 && !key_fits_tls12(e, key))
		return NULL;
	for (size_t i = 0; i < e->config.scheme_count; i++)
		if ((e->peer_schemes & 1u << i) &&
		    scheme_takes_key(e->config.schemes[i], key, e->version) &&
		    key_large_enough(e->config.schemes[i], c))
			return e->config.schemes[i];
	return NULL;
}

/* RFC 8446 section 4.2.3: signature_algorithms is for certificates, too, if that is all. */
bool chain_fits(const struct hs_engine *e, const struct hs_credential *c)
{
	const struct incoming *in = &e->in;
	struct reader list = in->schemes_cert.left ? in->schemes_cert : in->schemes;

	return !list.left || credential_signed_by(c, list);
}

int write_signature(struct hs_engine *e, const uint8_t *content, size_t len)
{
	struct writer *out = &e->actions.out;
	size_t signature_len = credential_signature_max(e->credential), at;
	uint8_t *signature = malloc(signature_len + 1);
	int rc;

	if (!signature)
		return engine_check(e, -ENOMEM, "signature");
	rc = engine_check(e,
			  credential_sign(e->credential, e->scheme, content, len, signature,
					  &signature_len),
			  "the private key does not sign");
	if (rc == 0) {
		writer_u16(out, e->scheme->code);
		at = writer_open(out, 2);
		writer_bytes(out, signature, signature_len);
		writer_close(out, at, 2);
	}
	free(signature);
	return rc;
}

int write_certificate_verify(struct hs_engine *e)
{
	size_t mark = message_begin(e, MESSAGE_CERTIFICATE_VERIFY), len;
	uint8_t content[SIGNED_MAX];
	int rc = signed_content(e, e->role, content, &len);

	if (rc == 0)
		rc = write_signature(e, content, len);
	return rc < 0 ? rc : message_end(e, mark, HS_EPOCH_HANDSHAKE);
}

/* --- Finished, RFC 8446 section 4.4.4 --- */

int parse_finished(struct hs_engine *e, struct reader *r)
{
	if (!reader_span(r, hash_len(e->suite->hash), &e->in.signature))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "Finished is too short");
	return 0;
}

static int expect_finished(struct hs_engine *e, const struct secret *base, uint8_t *out)
{
	uint8_t hash[HASH_MAX];
	int rc = transcript_value(&e->transcript, hash);

	if (rc == 0)
		rc = key_schedule_finished(&e->keys, base, hash, out);
	return engine_check(e, rc, "Finished");
}

int check_finished(struct hs_engine *e, const struct secret *base)
{
	uint8_t expected[HASH_MAX];
	int rc = expect_finished(e, base, expected);

	if (rc < 0)
		return rc;
	if (!crypto_equal(expected, e->in.signature.at, hash_len(e->suite->hash)))
		rc = engine_fail(e, ALERT_DECRYPT_ERROR, EPROTO,
				 "Finished does not fit the handshake that was seen here");
	explicit_bzero(expected, sizeof(expected));
	if (rc < 0)
		return rc;
	return engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
			    "transcript");
}

int write_finished(struct hs_engine *e, const struct secret *base)
{
	size_t mark = message_begin(e, MESSAGE_FINISHED);
	uint8_t verify_data[HASH_MAX];
	int rc = expect_finished(e, base, verify_data);

	if (rc < 0)
		return rc;
	writer_bytes(&e->actions.out, verify_data, hash_len(e->suite->hash));
	return message_end(e, mark, HS_EPOCH_HANDSHAKE);
}
