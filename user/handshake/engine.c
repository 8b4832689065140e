// SPDX-License-Identifier: MIT
/*
 * engine.c - the state graph and its one driver
 *
 * RFC 8446 appendix A as a table: a row for each legal pair of state and message. The
 * driver finds the row, checks epoch, size and trailing bytes, and checks that the state a
 * handler chose is one the row allows. Whatever has no row is unexpected_message. It must
 * never let a message past that does not stand in the table.
 */
#include "session.h"
#include "tls12.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TO(state) (1u << (state))

struct row {
	enum state state;
	enum message_type message;
	enum hs_epoch epoch;
	uint32_t next; /* TO() of each state the act may choose */
	size_t max; /* bytes of the body */
	int (*parse)(struct hs_engine *e, struct reader *r);
	int (*act)(struct hs_engine *e);
};

static const struct row graph[] = {
	{ CLIENT_WAIT_SERVER_HELLO, MESSAGE_SERVER_HELLO, HS_EPOCH_PLAINTEXT,
	  TO(CLIENT_WAIT_SECOND_SERVER_HELLO) | TO(CLIENT_WAIT_ENCRYPTED_EXTENSIONS) |
		  TO(CLIENT12_WAIT_CERTIFICATE) | TO(CLIENT12_WAIT_TICKET) |
		  TO(CLIENT12_WAIT_FINISHED),
	  66 * 1024, parse_server_hello, act_server_hello },
	{ CLIENT_WAIT_SECOND_SERVER_HELLO, MESSAGE_SERVER_HELLO, HS_EPOCH_PLAINTEXT,
	  TO(CLIENT_WAIT_ENCRYPTED_EXTENSIONS), 66 * 1024, parse_server_hello, act_server_hello },
	{ CLIENT_WAIT_ENCRYPTED_EXTENSIONS, MESSAGE_ENCRYPTED_EXTENSIONS, HS_EPOCH_HANDSHAKE,
	  TO(CLIENT_WAIT_CERTIFICATE_OR_REQUEST) | TO(CLIENT_WAIT_FINISHED), 64 * 1024,
	  parse_encrypted_extensions, act_encrypted_extensions },
	{ CLIENT_WAIT_CERTIFICATE_OR_REQUEST, MESSAGE_CERTIFICATE_REQUEST, HS_EPOCH_HANDSHAKE,
	  TO(CLIENT_WAIT_CERTIFICATE), 64 * 1024, parse_certificate_request,
	  act_certificate_request },
	{ CLIENT_WAIT_CERTIFICATE_OR_REQUEST, MESSAGE_CERTIFICATE, HS_EPOCH_HANDSHAKE,
	  TO(CLIENT_WAIT_CERTIFICATE_VERIFY), CHAIN_BYTES_MAX, parse_certificate, act_certificate },
	{ CLIENT_WAIT_CERTIFICATE, MESSAGE_CERTIFICATE, HS_EPOCH_HANDSHAKE,
	  TO(CLIENT_WAIT_CERTIFICATE_VERIFY), CHAIN_BYTES_MAX, parse_certificate, act_certificate },
	{ CLIENT_WAIT_CERTIFICATE_VERIFY, MESSAGE_CERTIFICATE_VERIFY, HS_EPOCH_HANDSHAKE,
	  TO(CLIENT_WAIT_FINISHED), 8 * 1024, parse_certificate_verify, act_certificate_verify },
	{ CLIENT_WAIT_FINISHED, MESSAGE_FINISHED, HS_EPOCH_HANDSHAKE, TO(CLIENT_CONNECTED),
	  HASH_MAX, parse_finished, act_server_finished },
	{ CLIENT_CONNECTED, MESSAGE_NEW_SESSION_TICKET, HS_EPOCH_APPLICATION, TO(CLIENT_CONNECTED),
	  64 * 1024, parse_new_session_ticket, act_new_session_ticket },

	{ SERVER_WAIT_CLIENT_HELLO, MESSAGE_CLIENT_HELLO, HS_EPOCH_PLAINTEXT,
	  TO(SERVER_WAIT_SECOND_CLIENT_HELLO) | TO(SERVER_WAIT_CERTIFICATE) |
		  TO(SERVER_WAIT_FINISHED) | TO(SERVER12_WAIT_CERTIFICATE) |
		  TO(SERVER12_WAIT_KEY_EXCHANGE) | TO(SERVER12_WAIT_FINISHED),
	  CLIENT_HELLO_MAX, parse_client_hello, act_client_hello },
	{ SERVER_WAIT_SECOND_CLIENT_HELLO, MESSAGE_CLIENT_HELLO, HS_EPOCH_PLAINTEXT,
	  TO(SERVER_WAIT_CERTIFICATE) | TO(SERVER_WAIT_FINISHED), CLIENT_HELLO_MAX,
	  parse_client_hello, act_client_hello },
	{ SERVER_WAIT_CERTIFICATE, MESSAGE_CERTIFICATE, HS_EPOCH_HANDSHAKE,
	  TO(SERVER_WAIT_CERTIFICATE_VERIFY) | TO(SERVER_WAIT_FINISHED), CHAIN_BYTES_MAX,
	  parse_certificate, act_certificate },
	{ SERVER_WAIT_CERTIFICATE_VERIFY, MESSAGE_CERTIFICATE_VERIFY, HS_EPOCH_HANDSHAKE,
	  TO(SERVER_WAIT_FINISHED), 8 * 1024, parse_certificate_verify, act_certificate_verify },
	{ SERVER_WAIT_FINISHED, MESSAGE_FINISHED, HS_EPOCH_HANDSHAKE, TO(SERVER_CONNECTED),
	  HASH_MAX, parse_finished, act_client_finished },

	/* RFC 5246 section 7.3 */
	{ CLIENT12_WAIT_CERTIFICATE, MESSAGE_CERTIFICATE, HS_EPOCH_PLAINTEXT,
	  TO(CLIENT12_WAIT_STATUS) | TO(CLIENT12_WAIT_KEY_EXCHANGE) | TO(CLIENT12_WAIT_STATUS_RSA) |
		  TO(CLIENT12_WAIT_REQUEST_OR_DONE),
	  CHAIN_BYTES_MAX, parse_certificate_tls12, act_server_certificate_tls12 },
	{ CLIENT12_WAIT_STATUS, MESSAGE_CERTIFICATE_STATUS, HS_EPOCH_PLAINTEXT,
	  TO(CLIENT12_WAIT_KEY_EXCHANGE), HS_MAX_STAPLE + 4, parse_certificate_status,
	  act_certificate_status },
	/* a server that has promised a response may leave it out, RFC 6066 section 8 */
	{ CLIENT12_WAIT_STATUS, MESSAGE_SERVER_KEY_EXCHANGE, HS_EPOCH_PLAINTEXT,
	  TO(CLIENT12_WAIT_REQUEST_OR_DONE), 8 * 1024, parse_server_key_exchange,
	  act_server_key_exchange },
	{ CLIENT12_WAIT_STATUS_RSA, MESSAGE_CERTIFICATE_STATUS, HS_EPOCH_PLAINTEXT,
	  TO(CLIENT12_WAIT_REQUEST_OR_DONE), HS_MAX_STAPLE + 4, parse_certificate_status,
	  act_certificate_status },
	{ CLIENT12_WAIT_STATUS_RSA, MESSAGE_CERTIFICATE_REQUEST, HS_EPOCH_PLAINTEXT,
	  TO(CLIENT12_WAIT_DONE), 64 * 1024, parse_certificate_request_tls12,
	  act_certificate_request_tls12 },
	{ CLIENT12_WAIT_STATUS_RSA, MESSAGE_SERVER_HELLO_DONE, HS_EPOCH_PLAINTEXT,
	  TO(CLIENT12_WAIT_TICKET) | TO(CLIENT12_WAIT_FINISHED), 0, parse_server_hello_done,
	  act_server_hello_done },
	{ CLIENT12_WAIT_KEY_EXCHANGE, MESSAGE_SERVER_KEY_EXCHANGE, HS_EPOCH_PLAINTEXT,
	  TO(CLIENT12_WAIT_REQUEST_OR_DONE), 8 * 1024, parse_server_key_exchange,
	  act_server_key_exchange },
	{ CLIENT12_WAIT_REQUEST_OR_DONE, MESSAGE_CERTIFICATE_REQUEST, HS_EPOCH_PLAINTEXT,
	  TO(CLIENT12_WAIT_DONE), 64 * 1024, parse_certificate_request_tls12,
	  act_certificate_request_tls12 },
	{ CLIENT12_WAIT_REQUEST_OR_DONE, MESSAGE_SERVER_HELLO_DONE, HS_EPOCH_PLAINTEXT,
	  TO(CLIENT12_WAIT_TICKET) | TO(CLIENT12_WAIT_FINISHED), 0, parse_server_hello_done,
	  act_server_hello_done },
	{ CLIENT12_WAIT_DONE, MESSAGE_SERVER_HELLO_DONE, HS_EPOCH_PLAINTEXT,
	  TO(CLIENT12_WAIT_TICKET) | TO(CLIENT12_WAIT_FINISHED), 0, parse_server_hello_done,
	  act_server_hello_done },
	{ CLIENT12_WAIT_TICKET, MESSAGE_NEW_SESSION_TICKET, HS_EPOCH_PLAINTEXT,
	  TO(CLIENT12_WAIT_FINISHED), 66 * 1024, parse_new_session_ticket_tls12,
	  act_new_session_ticket_tls12 },
	{ CLIENT12_WAIT_FINISHED, MESSAGE_FINISHED, HS_EPOCH_APPLICATION, TO(CLIENT12_CONNECTED),
	  HASH_MAX, parse_finished_tls12, act_server_finished_tls12 },

	{ SERVER12_WAIT_CERTIFICATE, MESSAGE_CERTIFICATE, HS_EPOCH_PLAINTEXT,
	  TO(SERVER12_WAIT_KEY_EXCHANGE), CHAIN_BYTES_MAX, parse_certificate_tls12,
	  act_client_certificate_tls12 },
	{ SERVER12_WAIT_KEY_EXCHANGE, MESSAGE_CLIENT_KEY_EXCHANGE, HS_EPOCH_PLAINTEXT,
	  TO(SERVER12_WAIT_CERTIFICATE_VERIFY) | TO(SERVER12_WAIT_FINISHED), 2 * 1024,
	  parse_client_key_exchange, act_client_key_exchange },
	{ SERVER12_WAIT_CERTIFICATE_VERIFY, MESSAGE_CERTIFICATE_VERIFY, HS_EPOCH_PLAINTEXT,
	  TO(SERVER12_WAIT_FINISHED), 8 * 1024, parse_certificate_verify_tls12,
	  act_certificate_verify_tls12 },
	{ SERVER12_WAIT_FINISHED, MESSAGE_FINISHED, HS_EPOCH_APPLICATION, TO(SERVER12_CONNECTED),
	  HASH_MAX, parse_finished_tls12, act_client_finished_tls12 },
};

/* What the engine waits for, in words. */
static const char *const waiting_for[STATE_COUNT] = {
	[STATE_NEW] = "the start",
	[CLIENT_WAIT_SERVER_HELLO] = "ServerHello",
	[CLIENT_WAIT_SECOND_SERVER_HELLO] = "ServerHello after HelloRetryRequest",
	[CLIENT_WAIT_ENCRYPTED_EXTENSIONS] = "EncryptedExtensions",
	[CLIENT_WAIT_CERTIFICATE_OR_REQUEST] = "CertificateRequest or Certificate",
	[CLIENT_WAIT_CERTIFICATE] = "Certificate",
	[CLIENT_WAIT_CERTIFICATE_VERIFY] = "CertificateVerify",
	[CLIENT_WAIT_FINISHED] = "Finished",
	[CLIENT_CONNECTED] = "nothing but NewSessionTicket",
	[SERVER_WAIT_CLIENT_HELLO] = "ClientHello",
	[SERVER_WAIT_SECOND_CLIENT_HELLO] = "ClientHello after HelloRetryRequest",
	[SERVER_WAIT_CERTIFICATE] = "Certificate",
	[SERVER_WAIT_CERTIFICATE_VERIFY] = "CertificateVerify",
	[SERVER_WAIT_FINISHED] = "Finished",
	[SERVER_CONNECTED] = "nothing",
	[CLIENT12_WAIT_CERTIFICATE] = "Certificate",
	[CLIENT12_WAIT_STATUS] = "CertificateStatus or ServerKeyExchange",
	[CLIENT12_WAIT_STATUS_RSA] = "CertificateStatus, CertificateRequest or ServerHelloDone",
	[CLIENT12_WAIT_KEY_EXCHANGE] = "ServerKeyExchange",
	[CLIENT12_WAIT_REQUEST_OR_DONE] = "CertificateRequest or ServerHelloDone",
	[CLIENT12_WAIT_DONE] = "ServerHelloDone",
	[CLIENT12_WAIT_TICKET] = "NewSessionTicket",
	[CLIENT12_WAIT_FINISHED] = "Finished",
	[CLIENT12_CONNECTED] = "nothing",
	[SERVER12_WAIT_CERTIFICATE] = "Certificate",
	[SERVER12_WAIT_KEY_EXCHANGE] = "ClientKeyExchange",
	[SERVER12_WAIT_CERTIFICATE_VERIFY] = "CertificateVerify",
	[SERVER12_WAIT_FINISHED] = "Finished",
	[SERVER12_CONNECTED] = "nothing",
	[STATE_FAILED] = "nothing",
};

/* All that is secret, or held for a handshake that is over. */
static void wipe(struct hs_engine *e)
{
	key_schedule_release(&e->keys);
	secret_wipe(&e->master);
	release_handshake(e);
}

/* Some of the words come from the peer: nothing but printable ASCII reaches a log. */
static void sanitize(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void set_failed(struct hs_engine *e, enum alert alert, int error, int verify_code)
{
	sanitize(e->text);
	e->state = STATE_FAILED;
	e->error = -error;
	wipe(e);
	explicit_bzero(e->summary.channel_binding, sizeof(e->summary.channel_binding));
	action_fail(e, alert, error, verify_code);
}

int engine_fail(struct hs_engine *e, enum alert alert, int error, const char *format, ...)
{
	va_list ap;

	if (e->state == STATE_FAILED)
		return e->error;
	va_start(ap, format);
	vsnprintf(e->text, sizeof(e->text), format, ap);
	va_end(ap);
	set_failed(e, alert, error, 0);
	return e->error;
}

int engine_fail_verify(struct hs_engine *e, int verify_code, const char *text)
{
	if (e->state == STATE_FAILED)
		return e->error;
	snprintf(e->text, sizeof(e->text), "%s", text);
	set_failed(e, certificate_alert(verify_code), EKEYREJECTED, verify_code);
	return e->error;
}

int engine_check(struct hs_engine *e, int rc, const char *what)
{
	if (rc >= 0)
		return 0;
	return engine_fail(e, ALERT_INTERNAL_ERROR, rc == -ENOMEM ? ENOMEM : EIO,
			   "internal trouble: %s", what);
}

void engine_tell(const struct hs_engine *e, const char *name, const uint8_t *bytes, size_t len)
{
	if (e->config.secret)
		e->config.secret(e->config.ctx, name, bytes, len);
}

struct hs_engine *hs_engine_new(const struct hs_config *config, enum hs_role role)
{
	struct hs_engine *e;

	if (crypto_init() < 0)
		return NULL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->role = role;
	e->summary.max_payload = HS_MAX_PAYLOAD;
	if (config_copy(&e->config, config, role) < 0) {
		hs_engine_free(e);
		return NULL;
	}
	return e;
}

void hs_engine_free(struct hs_engine *engine)
{
	if (!engine)
		return;
	wipe(engine);
	actions_release(&engine->actions);
	config_release(&engine->config);
	free(engine->peer_bytes);
	free(engine->staple_bytes);
	explicit_bzero(engine, sizeof(*engine));
	free(engine);
}

int hs_engine_start(struct hs_engine *engine)
{
	int rc;

	actions_clear(&engine->actions);
	if (engine->state != STATE_NEW)
		return engine_fail(engine, ALERT_INTERNAL_ERROR, EIO, "started twice");
	rc = config_check(engine);
	if (rc < 0)
		return rc;
	if (engine->role == HS_CLIENT)
		return client_start(engine);
	engine->state = SERVER_WAIT_CLIENT_HELLO;
	return 0;
}

static const struct row *find_row(enum state state, uint8_t message)
{
	for (size_t i = 0; i < sizeof(graph) / sizeof(graph[0]); i++)
		if (graph[i].state == state && graph[i].message == message)
			return &graph[i];
	return NULL;
}

static int drive(struct hs_engine *e, enum hs_epoch epoch, struct reader body)
{
	const struct row *row = find_row(e->state, e->in.type);
	int rc;

	if (!row)
		return engine_fail(e, ALERT_UNEXPECTED_MESSAGE, EPROTO,
				   "%s (%u) came while waiting for %s", hs_message_name(e->in.type),
				   e->in.type, waiting_for[e->state]);
	if (epoch != row->epoch)
		return engine_fail(e, ALERT_UNEXPECTED_MESSAGE, EPROTO,
				   "%s came in epoch %d instead of %d", hs_message_name(e->in.type),
				   (int)epoch, (int)row->epoch);
	if (body.left > row->max)
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO,
				   "%s of %zu bytes is longer than the %zu allowed",
				   hs_message_name(e->in.type), body.left, row->max);
	rc = row->parse(e, &body);
	if (rc == 0 && !reader_done(&body))
		rc = engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "%zu bytes trail in %s", body.left,
				 hs_message_name(e->in.type));
	if (rc == 0)
		rc = row->act(e);
	if (rc < 0)
		return engine_fail(e, ALERT_INTERNAL_ERROR, EIO, "a failure without a reason");
	if (!(TO(e->state) & row->next))
		return engine_fail(e, ALERT_INTERNAL_ERROR, EIO, "a step outside of the graph");
	return 0;
}

/* Cuts the next message out of a delivery. */
static int next_message(struct hs_engine *e, struct reader *r, struct reader *body)
{
	const uint8_t *start = r->at;

	e->in = (struct incoming){ .bytes = start };
	if (!reader_u8(r, &e->in.type) || !reader_vec24(r, body, 0, HS_MAX_INPUT))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO,
				   "a handshake message that is not whole");
	e->in.len = (size_t)(r->at - start);
	return 0;
}

int hs_engine_input(struct hs_engine *engine, enum hs_epoch epoch, const uint8_t *bytes, size_t len)
{
	struct reader r = reader_over(bytes, len), body;
	int rc = 0;

	actions_clear(&engine->actions);
	if (engine->state == STATE_FAILED)
		return -ECONNABORTED;
	if (engine->complete)
		engine->input_total = 0; /* tickets: each delivery for itself */
	if (len > HS_MAX_INPUT - engine->input_total)
		return engine_fail(engine, ALERT_UNEXPECTED_MESSAGE, EPROTO,
				   "more than %d bytes of handshake messages", HS_MAX_INPUT);
	engine->input_total += len;
	engine->epoch_ended = false;
	while (rc == 0 && !reader_done(&r)) {
		if (engine->epoch_ended)
			return engine_fail(engine, ALERT_UNEXPECTED_MESSAGE, EPROTO,
					   "a message came behind a change of keys");
		rc = next_message(engine, &r, &body);
		if (rc == 0)
			rc = drive(engine, epoch, body);
	}
	return rc;
}

const struct hs_summary *hs_engine_summary(const struct hs_engine *engine)
{
	return engine->complete && engine->state != STATE_FAILED ? &engine->summary : NULL;
}

int hs_engine_export(struct hs_engine *engine, const char *label, const uint8_t *context,
		     size_t context_len, uint8_t *out, size_t len)
{
	if (!hs_engine_summary(engine))
		return -ENOTCONN;
	if (engine->version == HS_TLS_1_2)
		return export_tls12(engine, label, context, context_len, out, len);
	return key_schedule_export(&engine->keys, label, context, context_len, out, len);
}

static size_t put_hex(char *out, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	return 2 * len;
}

int hs_engine_keylog_line(const struct hs_engine *engine, const struct hs_key *key, char *out,
			  size_t size)
{
	bool client = (engine->role == HS_CLIENT) == (key->direction == HS_TX);
	const uint8_t *secret = key->secret;
	size_t secret_len = key->secret_len, n;
	const char *label;

	if (key->version == HS_TLS_1_2) {
		label = "CLIENT_RANDOM ";
		secret = engine->master.bytes;
		secret_len = engine->master.len;
	} else if (key->epoch == HS_EPOCH_HANDSHAKE)
		label = client ? "CLIENT_HANDSHAKE_TRAFFIC_SECRET " :
				 "SERVER_HANDSHAKE_TRAFFIC_SECRET ";
	else
		label = client ? "CLIENT_TRAFFIC_SECRET_0 " : "SERVER_TRAFFIC_SECRET_0 ";
	n = strlen(label);
	if (size < n + 2 * (HS_RANDOM_LEN + secret_len) + 3)
		return -ERANGE;
	memcpy(out, label, n);
	n += put_hex(out + n, engine->client_random, HS_RANDOM_LEN);
	out[n++] = ' ';
	n += put_hex(out + n, secret, secret_len);
	out[n++] = '\n';
	out[n] = '\0';
	return (int)n;
}
