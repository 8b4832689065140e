// SPDX-License-Identifier: MIT
/*
 * server_tls12.c - the server's side of a TLS 1.2 handshake
 *
 * RFC 5246 sections 7.3 and 7.4, RFC 8422, RFC 7919, RFC 7627, RFC 5746. It must never
 * choose what the client did not offer, nor let a client fall back that need not.
 */
#include "tls12.h"

#define CURVE_NAMED 3

static int check_client_hello_tls12(struct hs_engine *e)
{
	const struct incoming *in = &e->in;

	if (!in->null_compression)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the client does not offer to leave compression alone");
	if (in->malformed_point_formats)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the client does not offer uncompressed points");
	e->extended_master_secret = extension_seen(e, EXTENSION_EXTENDED_MASTER_SECRET);
	if (!e->extended_master_secret && !e->config.plain_master_secret)
		return engine_fail(e, ALERT_HANDSHAKE_FAILURE, EPERM,
				   "the client does not speak extended_master_secret (RFC 7627)");
	return 0;
}

/* RFC 8422 section 4: a client that lists no groups leaves the choice to the server. */
static uint32_t groups_of_client(const struct hs_engine *e)
{
	int p256 = group_index(&e->config, HS_SECP256R1);
	uint32_t shared = e->in.groups_shared;

	for (size_t i = 0; i < e->config.group_count; i++)
		if (!is_curve(e->config.groups[i]))
			shared &= ~(1u << i);
	if (extension_seen(e, EXTENSION_SUPPORTED_GROUPS))
		return shared;
	return p256 < 0 ? 0 : 1u << p256;
}

/* RFC 7919 section 4: a client that lists FFDHE groups at all gets one of those. 0: none */
static unsigned int dh_bits(const struct hs_engine *e)
{
	if (e->in.ffdhe2048 || !e->in.ffdhe)
		return 2048;
	return e->in.ffdhe3072 ? 3072 : 0;
}

/* Takes the suite of this index, if both sides have it and a key exchange for it. */
static bool take_suite(struct hs_engine *e, size_t i)
{
	e->suite = e->config.suites[i];
	if (e->suite->version != HS_TLS_1_2 || !(e->in.suites_shared & 1u << i))
		return false;
	if (e->suite->exchange == EXCHANGE_RSA)
		return true;
	return e->suite->exchange == EXCHANGE_ECDHE ? groups_of_client(e) != 0 : dh_bits(e) != 0;
}

/*
 * The first suite of ours for which there is a key exchange, a credential and a scheme. A
 * credential for the name is worth a later suite.
 */
static int choose_suite_tls12(struct hs_engine *e)
{
	bool any = false, named = false;

	for (size_t i = 0; i < e->config.suite_count; i++) {
		if (!take_suite(e, i))
			continue;
		any = true;
		if (find_named_credential(e, &named))
			return 0;
	}
	for (size_t i = 0; i < e->config.suite_count; i++)
		if (take_suite(e, i) && find_other_credential(e))
			return 0;
	if (!any)
		return engine_fail(e, ALERT_HANDSHAKE_FAILURE, EPERM,
				   "the client offers no cipher suite or group that the policy "
				   "allows for TLS 1.2");
	return refuse_credential(e, named);
}

/* RFC 8446 section 4.1.3: a server that could have spoken TLS 1.3 says so. */
static int make_server_random(struct hs_engine *e)
{
	static const uint8_t sentinel[] = { 'D', 'O', 'W', 'N', 'G', 'R', 'D', DOWNGRADE_TLS12 };
	int rc = e->config.random(e->config.ctx, e->server_random, HS_RANDOM_LEN);

	if (e->config.max_version > HS_TLS_1_2)
		memcpy(e->server_random + HS_RANDOM_LEN - 8, sentinel, sizeof(sentinel));
	return engine_check(e, rc, "random bytes");
}

static int write_server_hello_tls12(struct hs_engine *e)
{
	struct writer *out = &e->actions.out;
	size_t mark = message_begin(e, MESSAGE_SERVER_HELLO), id;
	int rc = 0;

	writer_u16(out, HS_TLS_1_2);
	writer_bytes(out, e->server_random, HS_RANDOM_LEN);
	id = writer_open(out, 1);
	writer_bytes(out, e->server_session_id, e->server_session_id_len);
	writer_close(out, id, 1);
	writer_u16(out, e->suite->code);
	writer_u8(out, 0); /* compression_method */
	if (e->in.extensions.at)
		rc = extensions_build(e, IN_SERVER_HELLO_TLS12, out);
	return rc < 0 ? rc : message_end(e, mark, HS_EPOCH_PLAINTEXT);
}

static void write_dh_params(struct hs_engine *e, struct writer *w)
{
	const uint8_t *(*const parts[])(const struct crypto_dh *, size_t *) = {
		crypto_dh_prime,
		crypto_dh_generator,
		crypto_dh_public,
	};

	for (size_t i = 0; i < 3; i++) {
		size_t len, at = writer_open(w, 2);
		const uint8_t *bytes = parts[i](e->dh, &len);

		writer_bytes(w, bytes, len);
		writer_close(w, at, 2);
	}
}

static int make_exchange(struct hs_engine *e, struct writer *w)
{
	const uint8_t *bytes;
	size_t at, len;
	int rc;

	if (e->suite->exchange == EXCHANGE_ECDHE) {
		rc = new_share(e, e->config.groups[first_of(groups_of_client(e))]);
		if (rc < 0)
			return rc;
		writer_u8(w, CURVE_NAMED);
		writer_u16(w, e->group->code);
		at = writer_open(w, 1);
		bytes = crypto_share_public(e->share, e->group, &len);
		writer_bytes(w, bytes, len);
		writer_close(w, at, 1);
		return 0;
	}
	rc = crypto_dh_named(dh_bits(e), e->config.random, e->config.ctx, &e->dh);
	if (rc == 0) {
		e->group = group_find(crypto_dh_group(e->dh));
		write_dh_params(e, w);
	}
	return engine_check(e, rc, "key share");
}

/* The signature covers client_random + server_random + params. */
static int write_server_key_exchange(struct hs_engine *e)
{
	struct writer *out = &e->actions.out, content = { 0 };
	size_t mark = message_begin(e, MESSAGE_SERVER_KEY_EXCHANGE);
	int rc;

	writer_bytes(&content, e->client_random, HS_RANDOM_LEN);
	writer_bytes(&content, e->server_random, HS_RANDOM_LEN);
	rc = make_exchange(e, &content);
	if (rc == 0 && !writer_ok(&content))
		rc = engine_check(e, -ENOMEM, "ServerKeyExchange");
	if (rc == 0) {
		writer_bytes(out, content.bytes + 2 * HS_RANDOM_LEN,
			     content.len - 2 * HS_RANDOM_LEN);
		rc = write_signature(e, content.bytes, content.len);
	}
	writer_release(&content);
	return rc < 0 ? rc : message_end(e, mark, HS_EPOCH_PLAINTEXT);
}

static int write_certificate_request_tls12(struct hs_engine *e)
{
	struct writer *out = &e->actions.out;
	size_t mark = message_begin(e, MESSAGE_CERTIFICATE_REQUEST), list;

	writer_u8(out, 2);
	writer_u8(out, CERTIFICATE_ECDSA_SIGN);
	writer_u8(out, CERTIFICATE_RSA_SIGN);
	list = writer_open(out, 2);
	for (size_t i = 0; i < e->config.scheme_count; i++)
		writer_u16(out, e->config.schemes[i]->code);
	writer_close(out, list, 2);
	write_authorities(e, out);
	return message_end(e, mark, HS_EPOCH_PLAINTEXT);
}

static int send_server_flight_tls12(struct hs_engine *e)
{
	bool ask = e->config.verify != HS_VERIFY_NONE;
	int rc = write_server_hello_tls12(e);

	if (rc == 0)
		rc = write_certificate_tls12(e, e->credential);
	if (rc == 0 && has_staple(e)) {
		size_t mark = message_begin(e, MESSAGE_CERTIFICATE_STATUS);

		write_certificate_status(e, &e->actions.out);
		rc = message_end(e, mark, HS_EPOCH_PLAINTEXT);
	}
	if (rc == 0 && e->suite->exchange != EXCHANGE_RSA)
		rc = write_server_key_exchange(e);
	if (rc == 0 && ask)
		rc = write_certificate_request_tls12(e);
	if (rc == 0)
		rc = message_end(e, message_begin(e, MESSAGE_SERVER_HELLO_DONE),
				 HS_EPOCH_PLAINTEXT);
	if (rc == 0)
		rc = action_continue(e);
	if (rc == 0)
		e->state = ask ? SERVER12_WAIT_CERTIFICATE : SERVER12_WAIT_KEY_EXCHANGE;
	return rc;
}

/* What ends this side's part: a ticket, if one was promised, and Finished. */
static int send_finished_tls12(struct hs_engine *e)
{
	int rc = server_send_ticket_tls12(e);

	if (rc == 0)
		rc = send_last_tls12(e);
	return rc;
}

/* The abbreviated handshake: this side's Finished comes first. */
static int send_resumption_tls12(struct hs_engine *e)
{
	int rc = write_server_hello_tls12(e);

	if (rc == 0)
		rc = send_finished_tls12(e);
	if (rc == 0)
		rc = action_key_tls12(e, HS_RX);
	if (rc == 0)
		rc = action_continue(e);
	if (rc == 0)
		e->state = SERVER12_WAIT_FINISHED;
	return rc;
}

int act_client_hello_tls12(struct hs_engine *e)
{
	int rc = check_client_hello_tls12(e);

	if (rc < 0)
		return rc;
	e->version = HS_TLS_1_2;
	take_client(e);
	e->peer_schemes = e->in.schemes_shared;
	rc = server_take_session_tls12(e);
	if (rc == 0 && !e->resumed)
		rc = choose_suite_tls12(e);
	if (rc == 0)
		rc = choose_alpn(e);
	if (rc == 0)
		rc = server_promise_session_tls12(e);
	if (rc == 0)
		rc = make_server_random(e);
	if (rc < 0)
		return rc;
	e->transcript.keep = e->config.verify != HS_VERIFY_NONE && !e->resumed;
	rc = transcript_start(&e->transcript, e->suite->hash);
	if (rc == 0)
		rc = transcript_add(&e->transcript, e->in.bytes, e->in.len);
	rc = engine_check(e, rc, "transcript");
	e->epoch_ended = true;
	if (rc < 0)
		return rc;
	return e->resumed ? send_resumption_tls12(e) : send_server_flight_tls12(e);
}

/* --- the client's flight --- */

int act_client_certificate_tls12(struct hs_engine *e)
{
	enum key_type key;
	int rc;

	if (!e->in.chain_count && e->config.verify == HS_VERIFY_REQUIRED)
		return engine_fail(e, ALERT_HANDSHAKE_FAILURE, EKEYREJECTED,
				   "the client sent no certificate, and one is required");
	if (e->in.chain_count) {
		rc = take_certificate(e);
		if (rc < 0)
			return rc;
		key = crypto_key_type(certificates_key(e->peer));
		if (!curve_allowed(&e->config, key))
			return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
					   "the client's key is on a curve that is not allowed");
	}
	e->state = SERVER12_WAIT_KEY_EXCHANGE;
	return engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
			    "transcript");
}

int parse_client_key_exchange(struct hs_engine *e, struct reader *r)
{
	bool ecdhe = e->suite->exchange == EXCHANGE_ECDHE;

	if (!reader_vec(r, ecdhe ? 1 : 2, &e->in.share, 1, ecdhe ? UINT8_MAX : RSA_SIZE_MAX))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "ClientKeyExchange is malformed");
	return 0;
}

static int derive_premaster(struct hs_engine *e)
{
	struct shared_secret shared = { .len = 0 };
	int rc;

	if (e->suite->exchange == EXCHANGE_RSA)
		return server_take_premaster(e);
	if (e->suite->exchange == EXCHANGE_DHE) {
		rc = crypto_dh_derive(e->dh, e->in.share.at, e->in.share.left, e->premaster,
				      &e->premaster_len);
	} else {
		rc = crypto_share_derive(e->share, e->group, e->in.share.at, e->in.share.left,
					 &shared);
		memcpy(e->premaster, shared.bytes, shared.len);
		e->premaster_len = shared.len;
		shared_secret_wipe(&shared);
	}
	if (rc == -EBADMSG)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the client's key share is not a valid one");
	return engine_check(e, rc, "pre-master secret");
}

int act_client_key_exchange(struct hs_engine *e)
{
	int rc = derive_premaster(e);

	if (rc == 0)
		rc = engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
				  "transcript");
	if (rc == 0)
		rc = master_from_premaster(e, e->premaster, e->premaster_len);
	release_exchange(e);
	if (rc == 0)
		rc = action_key_tls12(e, HS_RX);
	if (rc == 0)
		rc = action_continue(e);
	if (rc == 0)
		e->state = e->peer ? SERVER12_WAIT_CERTIFICATE_VERIFY : SERVER12_WAIT_FINISHED;
	return rc;
}

int act_client_finished_tls12(struct hs_engine *e)
{
	int rc = check_finished_tls12(e);

	if (rc == 0 && !e->resumed)
		rc = send_finished_tls12(e);
	if (rc == 0)
		rc = complete_tls12(e);
	if (rc == 0)
		e->state = SERVER12_CONNECTED;
	return rc;
}
