// SPDX-License-Identifier: MIT
/*
 * client_tls13.c - the client's side of a TLS 1.3 handshake
 *
 * RFC 8446 sections 4.1 to 4.6, appendix A.1. It must never accept a choice it did not
 * offer, nor emit an application key before the server's Finished is verified.
 */
#include "tls12.h"

#include <stdlib.h>

static int write_client_hello(struct hs_engine *e)
{
	struct writer *out = &e->actions.out;
	size_t mark = message_begin(e, MESSAGE_CLIENT_HELLO), list;
	int rc;

	writer_u16(out, HS_TLS_1_2); /* legacy_version */
	writer_bytes(out, e->client_random, HS_RANDOM_LEN);
	list = writer_open(out, 1);
	writer_bytes(out, e->session_id, e->session_id_len);
	writer_close(out, list, 1);
	list = writer_open(out, 2);
	if (e->grease[GREASE_SUITE])
		writer_u16(out, e->grease[GREASE_SUITE]);
	for (size_t i = 0; i < e->config.suite_count; i++)
		writer_u16(out, e->config.suites[i]->code);
	writer_close(out, list, 2);
	writer_u8(out, 1); /* legacy_compression_methods: null */
	writer_u8(out, 0);
	rc = extensions_build(e, IN_CLIENT_HELLO, out);
	if (rc == 0)
		rc = client_bind(e, mark);
	if (rc < 0)
		return rc;
	return message_end(e, mark, HS_EPOCH_PLAINTEXT);
}

/* RFC 8701 section 2: 0x0a0a, 0x1a1a, ... 0xfafa; for a second ClientHello the same ones */
static int draw_grease(struct hs_engine *e)
{
	uint8_t bytes[GREASE_COUNT];
	int rc;

	if (!e->config.grease)
		return 0;
	rc = e->config.random(e->config.ctx, bytes, sizeof(bytes));
	for (size_t i = 0; rc == 0 && i < GREASE_COUNT; i++)
		e->grease[i] = (uint16_t)((bytes[i] & 0xf0) * 0x101 + 0x0a0a);
	return rc;
}

int client_start(struct hs_engine *e)
{
	int rc = e->config.random(e->config.ctx, e->client_random, HS_RANDOM_LEN);

	/* a session id, so that middleboxes see what they know: appendix D.4 */
	if (e->config.max_version == HS_TLS_1_3)
		e->session_id_len = SESSION_ID_MAX;
	if (rc == 0 && e->session_id_len)
		rc = e->config.random(e->config.ctx, e->session_id, SESSION_ID_MAX);
	if (rc == 0)
		rc = draw_grease(e);
	rc = engine_check(e, rc, "random bytes");
	if (rc == 0 && e->config.max_version == HS_TLS_1_3)
		rc = new_share(e, e->config.groups[0]);
	if (rc == 0)
		rc = client_take_session(e);
	if (rc == 0)
		rc = write_client_hello(e);
	if (rc == 0)
		e->state = CLIENT_WAIT_SERVER_HELLO;
	return rc;
}

/* --- ServerHello and HelloRetryRequest, RFC 8446 sections 4.1.3 and 4.1.4 --- */

/*
 * A server that does not choose TLS 1.3. If it says in its random that it could have, then
 * somebody between the two took it out of the ClientHello.
 */
static int check_old_version(struct hs_engine *e)
{
	static const uint8_t sentinel[7] = { 'D', 'O', 'W', 'N', 'G', 'R', 'D' };
	const uint8_t *tail = e->in.random + HS_RANDOM_LEN - 8;

	if (e->config.max_version == HS_TLS_1_3 && !memcmp(tail, sentinel, sizeof(sentinel)) &&
	    tail[7] <= 1)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the connection was tampered with: the server speaks TLS 1.3, "
				   "but was made to choose %s",
				   hs_version_name(e->in.legacy_version));
	if (e->config.min_version == HS_TLS_1_2 && e->in.legacy_version == HS_TLS_1_2) {
		e->in.is_tls12 = true;
		return 0;
	}
	return engine_fail(e, ALERT_PROTOCOL_VERSION, EPROTO,
			   "the server chose %s, and %s is required",
			   hs_version_name(e->in.legacy_version),
			   hs_version_name(e->config.min_version));
}

int parse_server_hello(struct hs_engine *e, struct reader *r)
{
	struct incoming *in = &e->in;
	struct reader probe, block, ignored;
	uint8_t compression;
	int rc;

	if (!reader_u16(r, &in->legacy_version) ||
	    !reader_bytes(r, in->random, sizeof(in->random)) ||
	    !reader_vec8(r, &in->session_id, 0, SESSION_ID_MAX) || !reader_u16(r, &in->suite) ||
	    !reader_u8(r, &compression))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "ServerHello is malformed");
	probe = *r;
	if (reader_done(r) || (reader_vec16(&probe, &block, 0, UINT16_MAX) &&
			       !extension_find(block, EXTENSION_SUPPORTED_VERSIONS, &ignored))) {
		rc = check_old_version(e);
		if (rc < 0)
			return rc;
	}
	if (compression)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the server chose compression");
	if (in->is_tls12)
		return reader_done(r) ? 0 : extensions_parse(e, IN_SERVER_HELLO_TLS12, r);
	in->is_retry = !memcmp(in->random, retry_random, HS_RANDOM_LEN);
	return extensions_parse(e, in->is_retry ? IN_HELLO_RETRY_REQUEST : IN_SERVER_HELLO, r);
}

/* What a HelloRetryRequest must share with a ServerHello. */
static int check_hello(struct hs_engine *e)
{
	const struct incoming *in = &e->in;
	int i = suite_index(&e->config, in->suite);

	if (in->legacy_version != HS_TLS_1_2 || in->version != HS_TLS_1_3)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the server chose version 0x%04x, which was not offered",
				   in->version);
	if (in->session_id.left != e->session_id_len ||
	    memcmp(in->session_id.at, e->session_id, e->session_id_len) != 0)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the server does not echo the session id");
	if (i < 0 || e->config.suites[i]->version != HS_TLS_1_3)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the server chose suite 0x%04x, which was not offered",
				   in->suite);
	if (e->retried && in->suite != e->retry_suite)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the server changed the suite after HelloRetryRequest");
	e->suite = e->config.suites[i];
	return 0;
}

static int take_retry_group(struct hs_engine *e)
{
	int i = group_index(&e->config, e->in.share_group);

	if (i < 0 || crypto_share_serves(e->share, e->config.groups[i]))
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "HelloRetryRequest for group %u, %s", e->in.share_group,
				   i < 0 ? "which was not offered" : "which was sent already");
	e->retry_group = e->in.share_group;
	return new_share(e, e->config.groups[i]);
}

static int take_cookie(struct hs_engine *e)
{
	e->cookie_len = e->in.cookie.left;
	e->cookie = malloc(e->cookie_len);
	if (!e->cookie)
		return engine_check(e, -ENOMEM, "cookie");
	memcpy(e->cookie, e->in.cookie.at, e->cookie_len);
	return 0;
}

static int act_retry(struct hs_engine *e)
{
	bool has_group = extension_seen(e, EXTENSION_KEY_SHARE);
	bool has_cookie = extension_seen(e, EXTENSION_COOKIE);
	int rc = 0;

	if (e->retried)
		return engine_fail(e, ALERT_UNEXPECTED_MESSAGE, EPROTO,
				   "a second HelloRetryRequest");
	if (!has_group && !has_cookie)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "HelloRetryRequest asks for nothing");
	e->retried = true;
	e->retry_suite = e->suite->code;
	if (has_group)
		rc = take_retry_group(e);
	if (rc == 0 && has_cookie)
		rc = take_cookie(e);
	if (rc < 0)
		return rc;
	rc = transcript_start(&e->transcript, e->suite->hash);
	if (rc == 0)
		rc = transcript_retry(&e->transcript);
	if (rc == 0)
		rc = transcript_add(&e->transcript, e->in.bytes, e->in.len);
	rc = engine_check(e, rc, "transcript");
	client_rebind(e);
	if (rc == 0)
		rc = action_change_cipher_spec(e);
	if (rc == 0)
		rc = write_client_hello(e);
	if (rc == 0)
		rc = action_continue(e);
	e->epoch_ended = true;
	if (rc == 0)
		e->state = CLIENT_WAIT_SECOND_SERVER_HELLO;
	return rc;
}

/* One of those that a share was sent of; after a retry that names one, that one alone. */
static bool take_group(struct hs_engine *e)
{
	int i = group_index(&e->config, e->in.share_group);

	if (i < 0 || !crypto_share_serves(e->share, e->config.groups[i]) ||
	    (e->retry_group && e->retry_group != e->in.share_group))
		return false;
	e->group = e->config.groups[i];
	return true;
}

static int take_server_share(struct hs_engine *e, struct shared_secret *shared)
{
	return judge_share(e, crypto_share_derive(e->share, e->group, e->in.share.at,
						  e->in.share.left, shared));
}

int act_server_hello(struct hs_engine *e)
{
	struct shared_secret shared = { .len = 0 };
	int rc;

	if (e->in.is_tls12)
		return act_server_hello_tls12(e);
	e->version = HS_TLS_1_3;
	rc = check_hello(e);
	if (rc < 0)
		return rc;
	if (e->in.is_retry)
		return act_retry(e);
	if (!extension_seen(e, EXTENSION_KEY_SHARE))
		return engine_fail(e, ALERT_MISSING_EXTENSION, EPROTO,
				   "ServerHello has no key share");
	if (!take_group(e))
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the server's key share is of group %u, which was not sent",
				   e->in.share_group);
	if (!e->retried)
		rc = transcript_start(&e->transcript, e->suite->hash);
	if (rc == 0)
		rc = transcript_add(&e->transcript, e->in.bytes, e->in.len);
	rc = engine_check(e, rc, "transcript");
	if (rc == 0)
		rc = client_take_psk(e);
	if (rc == 0)
		rc = take_server_share(e, &shared);
	if (rc == 0)
		rc = start_handshake_keys(e, &shared);
	shared_secret_wipe(&shared);
	/* now, so that an alert from here on is protected */
	if (rc == 0)
		rc = action_change_cipher_spec(e);
	if (rc == 0)
		rc = action_key(e, HS_TX, HS_EPOCH_HANDSHAKE, &e->keys.client_handshake);
	if (rc == 0)
		rc = action_key(e, HS_RX, HS_EPOCH_HANDSHAKE, &e->keys.server_handshake);
	if (rc == 0)
		rc = action_continue(e);
	e->epoch_ended = true;
	if (rc == 0)
		e->state = CLIENT_WAIT_ENCRYPTED_EXTENSIONS;
	return rc;
}

/* --- EncryptedExtensions, RFC 8446 section 4.3.1 --- */

int parse_encrypted_extensions(struct hs_engine *e, struct reader *r)
{
	return extensions_parse(e, IN_ENCRYPTED_EXTENSIONS, r);
}

int client_take_alpn(struct hs_engine *e)
{
	struct reader offered = reader_over(e->config.alpn, e->config.alpn_len), name;

	while (reader_vec8(&offered, &name, 1, UINT8_MAX)) {
		if (name.left != e->in.alpn.left || memcmp(name.at, e->in.alpn.at, name.left) != 0)
			continue;
		memcpy(e->summary.alpn, name.at, name.left);
		e->summary.alpn_len = name.left;
		return 0;
	}
	return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
			   "the server chose a protocol that was not offered");
}

int act_encrypted_extensions(struct hs_engine *e)
{
	int rc = 0;

	take_record_limit(e);
	if (extension_seen(e, EXTENSION_ALPN))
		rc = client_take_alpn(e);
	if (rc < 0)
		return rc;
	e->state = e->resumed ? CLIENT_WAIT_FINISHED : CLIENT_WAIT_CERTIFICATE_OR_REQUEST;
	return engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
			    "transcript");
}

/* --- CertificateRequest, RFC 8446 section 4.3.2 --- */

int parse_certificate_request(struct hs_engine *e, struct reader *r)
{
	struct reader context;

	if (!reader_vec8(r, &context, 0, UINT8_MAX))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO,
				   "CertificateRequest is malformed");
	if (context.left)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "CertificateRequest carries a context within a handshake");
	return extensions_parse(e, IN_CERTIFICATE_REQUEST, r);
}

int act_certificate_request(struct hs_engine *e)
{
	if (!extension_seen(e, EXTENSION_SIGNATURE_ALGORITHMS))
		return engine_fail(e, ALERT_MISSING_EXTENSION, EPROTO,
				   "CertificateRequest names no signature algorithms");
	e->certificate_requested = true;
	e->peer_schemes = e->in.schemes_shared;
	choose_client_credential(e, NULL);
	e->state = CLIENT_WAIT_CERTIFICATE;
	return engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
			    "transcript");
}

/* --- Finished, and the client's flight --- */

static int write_client_flight(struct hs_engine *e)
{
	int rc = 0;

	if (e->certificate_requested)
		rc = write_certificate(e, e->credential);
	if (rc == 0 && e->credential)
		rc = write_certificate_verify(e);
	if (rc == 0)
		rc = write_finished(e, &e->keys.client_handshake);
	return rc;
}

int act_server_finished(struct hs_engine *e)
{
	uint8_t hash[HASH_MAX];
	int rc = check_finished(e, &e->keys.server_handshake);

	if (rc < 0)
		return rc;
	rc = transcript_value(&e->transcript, hash);
	if (rc == 0)
		rc = key_schedule_master(&e->keys, hash);
	if (rc == 0)
		engine_tell(e, "Master Secret", e->keys.current.bytes, e->keys.current.len);
	rc = engine_check(e, rc, "application secrets");
	if (rc == 0)
		rc = write_client_flight(e);
	if (rc == 0)
		rc = action_key(e, HS_TX, HS_EPOCH_APPLICATION, &e->keys.client_application);
	if (rc == 0)
		rc = action_key(e, HS_RX, HS_EPOCH_APPLICATION, &e->keys.server_application);
	if (rc == 0)
		rc = complete_handshake(e);
	if (rc == 0)
		e->state = CLIENT_CONNECTED;
	return rc;
}
