// SPDX-License-Identifier: MIT
/*
 * client_tls12.c - the client's side of a TLS 1.2 handshake
 *
 * RFC 5246 sections 7.3 and 7.4, RFC 8422, RFC 7627, RFC 5746. From the ServerHello that
 * chose this version on. It must never accept a choice it did not offer, nor a server that
 * could have spoken TLS 1.3.
 */
#include "tls12.h"

#define CURVE_NAMED 3
#define DH_PRIME_MAX 512 /* bytes */

static int refuse_old(struct hs_engine *e, const char *what)
{
	return engine_fail(e, ALERT_HANDSHAKE_FAILURE, EPERM, "the server does not speak %s", what);
}

static int check_server_hello_tls12(struct hs_engine *e)
{
	const struct incoming *in = &e->in;
	int i = suite_index(&e->config, in->suite);

	if (e->retried)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the server changed the version after HelloRetryRequest");
	if (i < 0 || e->config.suites[i]->version != HS_TLS_1_2)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the server chose suite 0x%04x, which was not offered",
				   in->suite);
	/* An echo resumes a session (RFC 8446 appendix D.4: also where none was offered). */
	e->resumed = in->session_id.left && in->session_id.left == e->session_id_len &&
		     !memcmp(in->session_id.at, e->session_id, e->session_id_len);
	if (e->resumed && !e->session_offered)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the server resumes a session that was not offered");
	if (!extension_seen(e, EXTENSION_RENEGOTIATION_INFO))
		return refuse_old(e, "secure renegotiation (RFC 5746)");
	e->extended_master_secret = extension_seen(e, EXTENSION_EXTENDED_MASTER_SECRET);
	if (!e->extended_master_secret && !e->config.plain_master_secret)
		return refuse_old(e, "extended_master_secret (RFC 7627)");
	e->suite = e->config.suites[i];
	return 0;
}

int client_await_finished_tls12(struct hs_engine *e)
{
	int rc = action_key_tls12(e, HS_RX);

	if (rc == 0)
		rc = action_continue(e);
	e->epoch_ended = true;
	e->state = CLIENT12_WAIT_FINISHED;
	return rc;
}

/* A server that has promised a ticket sends it before its change_cipher_spec. */
static int client_await_ticket(struct hs_engine *e)
{
	if (!e->ticket_promised)
		return client_await_finished_tls12(e);
	e->state = CLIENT12_WAIT_TICKET;
	return action_continue(e);
}

int act_server_hello_tls12(struct hs_engine *e)
{
	int rc = check_server_hello_tls12(e);

	if (rc < 0)
		return rc;
	e->version = HS_TLS_1_2;
	memcpy(e->server_random, e->in.random, HS_RANDOM_LEN);
	take_record_limit(e);
	crypto_share_free(e->share);
	e->share = NULL;
	e->group = NULL; /* that one was for TLS 1.3 */
	if (!e->resumed) {
		forget_session(e);
		e->server_session_id_len = e->in.session_id.left;
		memcpy(e->server_session_id, e->in.session_id.at, e->in.session_id.left);
	}
	e->ticket_promised = extension_seen(e, EXTENSION_SESSION_TICKET);
	e->staple_promised = extension_seen(e, EXTENSION_STATUS_REQUEST);
	if (extension_seen(e, EXTENSION_ALPN))
		rc = client_take_alpn(e);
	if (rc == 0 && e->resumed)
		rc = client_resume_tls12(e);
	if (rc < 0)
		return rc;
	e->transcript.keep = !e->resumed; /* for a CertificateVerify */
	rc = transcript_start(&e->transcript, e->suite->hash);
	if (rc == 0)
		rc = transcript_add(&e->transcript, e->in.bytes, e->in.len);
	rc = engine_check(e, rc, "transcript");
	if (rc == 0 && e->resumed)
		return client_await_ticket(e);
	if (rc == 0)
		rc = action_continue(e);
	if (rc == 0)
		e->state = CLIENT12_WAIT_CERTIFICATE;
	return rc;
}

/* RSA key exchange has all of it in the certificate. */
static enum state after_certificate(const struct hs_engine *e)
{
	return e->suite->exchange == EXCHANGE_RSA ? CLIENT12_WAIT_REQUEST_OR_DONE :
						    CLIENT12_WAIT_KEY_EXCHANGE;
}

static enum state await_status(const struct hs_engine *e)
{
	return e->suite->exchange == EXCHANGE_RSA ? CLIENT12_WAIT_STATUS_RSA : CLIENT12_WAIT_STATUS;
}

/* A response that was promised may be left out (RFC 6066 section 8): the next message tells. */
static int judge_missing_status(struct hs_engine *e)
{
	bool waiting = e->state == CLIENT12_WAIT_STATUS || e->state == CLIENT12_WAIT_STATUS_RSA;

	return waiting ? judge_staple(e) : 0;
}

int act_server_certificate_tls12(struct hs_engine *e)
{
	enum key_type key;
	int rc;

	if (!e->in.chain_count)
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO,
				   "the server sent no certificate at all");
	rc = take_certificate(e);
	if (rc < 0)
		return rc;
	key = crypto_key_type(certificates_key(e->peer));
	if (!suite_takes_key(e->suite, key) || !curve_allowed(&e->config, key))
		return engine_fail(
			e, ALERT_ILLEGAL_PARAMETER, EPROTO,
			"the server's key does not fit the suite %s or the groups offered",
			e->suite->name);
	if (!e->staple_promised) {
		rc = judge_staple(e);
		if (rc < 0)
			return rc;
	}
	e->state = e->staple_promised ? await_status(e) : after_certificate(e);
	return engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
			    "transcript");
}

/* --- CertificateStatus, RFC 6066 section 8 --- */

int parse_certificate_status(struct hs_engine *e, struct reader *r)
{
	if (!parse_certificate_status_body(e, r, &e->in.staple))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "CertificateStatus is malformed");
	return 0;
}

int act_certificate_status(struct hs_engine *e)
{
	int rc = judge_staple(e);

	if (rc < 0)
		return rc;
	e->state = after_certificate(e);
	return engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
			    "transcript");
}

/* --- ServerKeyExchange, RFC 5246 section 7.4.3, RFC 8422 section 5.4 --- */

static bool parse_ecdhe(struct hs_engine *e, struct reader *r)
{
	uint8_t type;

	return reader_u8(r, &type) && type == CURVE_NAMED && reader_u16(r, &e->in.share_group) &&
	       reader_vec8(r, &e->in.share, 1, UINT8_MAX);
}

static bool parse_dhe(struct hs_engine *e, struct reader *r)
{
	return reader_vec16(r, &e->in.dh_prime, 1, DH_PRIME_MAX) &&
	       reader_vec16(r, &e->in.dh_generator, 1, DH_PRIME_MAX) &&
	       reader_vec16(r, &e->in.share, 1, DH_PRIME_MAX);
}

int parse_server_key_exchange(struct hs_engine *e, struct reader *r)
{
	const uint8_t *start = r->at;
	bool good = e->suite->exchange == EXCHANGE_ECDHE ? parse_ecdhe(e, r) : parse_dhe(e, r);

	if (good)
		e->in.params = reader_over(start, (size_t)(r->at - start));
	if (!good || !reader_u16(r, &e->in.scheme) ||
	    !reader_vec16(r, &e->in.signature, 0, UINT16_MAX))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "ServerKeyExchange is malformed");
	return 0;
}

/* client_random + server_random + the parameters */
static int check_params(struct hs_engine *e)
{
	struct writer w = { 0 };
	int rc = 0;

	writer_bytes(&w, e->client_random, HS_RANDOM_LEN);
	writer_bytes(&w, e->server_random, HS_RANDOM_LEN);
	writer_bytes(&w, e->in.params.at, e->in.params.left);
	if (!writer_ok(&w))
		rc = engine_check(e, -ENOMEM, "ServerKeyExchange");
	if (rc == 0)
		rc = check_signature_tls12(e, w.bytes, w.len);
	writer_release(&w);
	return rc;
}

/* Our share, and the pre-master secret, which waits for the ClientKeyExchange. */
static int answer_ecdhe(struct hs_engine *e)
{
	int i = group_index(&e->config, e->in.share_group), rc;
	struct shared_secret shared = { .len = 0 };

	if (i < 0 || !is_curve(e->config.groups[i]))
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the server chose group %u, which was not offered",
				   e->in.share_group);
	rc = new_share(e, e->config.groups[i]);
	if (rc < 0)
		return rc;
	rc = crypto_share_derive(e->share, e->group, e->in.share.at, e->in.share.left, &shared);
	if (rc == -EBADMSG)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the peer's key share is not a valid one of %s", e->group->name);
	memcpy(e->premaster, shared.bytes, shared.len);
	e->premaster_len = shared.len;
	shared_secret_wipe(&shared);
	return engine_check(e, rc, "pre-master secret");
}

static int answer_dhe(struct hs_engine *e)
{
	const struct incoming *in = &e->in;
	int rc = crypto_dh_new(in->dh_prime.at, in->dh_prime.left, in->dh_generator.at,
			       in->dh_generator.left, e->config.random, e->config.ctx, &e->dh);

	if (rc == 0)
		rc = crypto_dh_derive(e->dh, in->share.at, in->share.left, e->premaster,
				      &e->premaster_len);
	if (rc == -EBADMSG)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the server's Diffie-Hellman parameters are weak or wrong");
	if (rc == 0)
		e->group = group_find(crypto_dh_group(e->dh));
	return engine_check(e, rc, "pre-master secret");
}

int act_server_key_exchange(struct hs_engine *e)
{
	int rc = judge_missing_status(e);

	if (rc == 0)
		rc = check_params(e);
	if (rc == 0)
		rc = e->suite->exchange == EXCHANGE_ECDHE ? answer_ecdhe(e) : answer_dhe(e);
	if (rc < 0)
		return rc;
	e->state = CLIENT12_WAIT_REQUEST_OR_DONE;
	return engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
			    "transcript");
}

/* --- CertificateRequest, RFC 5246 section 7.4.4 --- */

int parse_certificate_request_tls12(struct hs_engine *e, struct reader *r)
{
	struct reader types, schemes, authorities, name;
	uint16_t code;

	if (!reader_vec8(r, &types, 1, UINT8_MAX) ||
	    !reader_vec16(r, &schemes, 2, UINT16_MAX - 1) ||
	    !reader_vec16(r, &authorities, 0, UINT16_MAX))
		goto malformed;
	e->in.takes_rsa = memchr(types.at, CERTIFICATE_RSA_SIGN, types.left);
	e->in.takes_ecdsa = memchr(types.at, CERTIFICATE_ECDSA_SIGN, types.left);
	e->in.authorities = authorities;
	e->in.schemes = schemes;
	while (!reader_done(&authorities))
		if (!reader_vec16(&authorities, &name, 1, UINT16_MAX))
			goto malformed;
	while (!reader_done(&schemes)) {
		int i;

		if (!reader_u16(&schemes, &code))
			goto malformed;
		i = scheme_index(&e->config, code);
		if (i >= 0)
			e->in.schemes_shared |= 1u << i;
	}
	return 0;
malformed:
	return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "CertificateRequest is malformed");
}

/* The server names kinds of keys besides schemes, and both count (section 7.4.6). */
static bool certificate_type_fits(const struct hs_engine *e, const struct hs_credential *c)
{
	return is_rsa(credential_key_type(c)) ? e->in.takes_rsa : e->in.takes_ecdsa;
}

int act_certificate_request_tls12(struct hs_engine *e)
{
	int rc = judge_missing_status(e);

	if (rc < 0)
		return rc;
	e->certificate_requested = true;
	e->peer_schemes = e->in.schemes_shared;
	choose_client_credential(e, certificate_type_fits);
	e->state = CLIENT12_WAIT_DONE;
	return engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
			    "transcript");
}

/* --- ServerHelloDone, and the client's flight --- */

int parse_server_hello_done(struct hs_engine *e, struct reader *r)
{
	(void)e;
	(void)r;
	return 0;
}

static int write_client_key_exchange(struct hs_engine *e)
{
	struct writer *out = &e->actions.out;
	size_t mark = message_begin(e, MESSAGE_CLIENT_KEY_EXCHANGE), at, len;
	const uint8_t *public_bytes;
	int rc;

	if (e->suite->exchange == EXCHANGE_RSA) {
		rc = client_send_premaster(e);
		if (rc < 0)
			return rc;
	} else if (e->suite->exchange == EXCHANGE_ECDHE) {
		at = writer_open(out, 1);
		public_bytes = crypto_share_public(e->share, e->group, &len);
		writer_bytes(out, public_bytes, len);
		writer_close(out, at, 1);
	} else {
		public_bytes = crypto_dh_public(e->dh, &len);
		at = writer_open(out, 2);
		writer_bytes(out, public_bytes, len);
		writer_close(out, at, 2);
	}
	return message_end(e, mark, HS_EPOCH_PLAINTEXT);
}

int act_server_hello_done(struct hs_engine *e)
{
	int rc = judge_missing_status(e);

	if (rc == 0)
		rc = engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
				  "transcript");
	if (rc == 0 && e->certificate_requested)
		rc = write_certificate_tls12(e, e->credential);
	if (rc == 0)
		rc = write_client_key_exchange(e);
	if (rc == 0)
		rc = master_from_premaster(e, e->premaster, e->premaster_len);
	release_exchange(e);
	if (rc == 0 && e->credential)
		rc = write_certificate_verify_tls12(e);
	if (rc == 0)
		rc = send_last_tls12(e);
	if (rc < 0)
		return rc;
	/* nothing comes before our own flight has been seen */
	e->epoch_ended = true;
	return client_await_ticket(e);
}

int act_server_finished_tls12(struct hs_engine *e)
{
	int rc = check_finished_tls12(e);

	if (rc == 0 && e->resumed)
		rc = send_last_tls12(e);
	if (rc == 0)
		rc = complete_tls12(e);
	if (rc == 0)
		e->state = CLIENT12_CONNECTED;
	return rc;
}
