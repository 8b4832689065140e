// SPDX-License-Identifier: MIT
/*
 * bogo_wire.c - a strict record layer in user space, for BoringSSL's test runner
 *
 * See bogo_wire.h. RFC 8446 sections 4.6.3, 5 and 6, RFC 5246 section 6.
 */
#include "bogo_wire.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"
#include "parameters.h"
#include "record.h"

#define TIMEOUT_MS 30000
#define CCS_MAX 4
#define IDLE_MAX 32
#define LEVEL_WARNING 1
#define LEVEL_FATAL 2
#define CLOSE_NOTIFY 0
#define USER_CANCELED 90
#define KEY_UPDATE_LEN 5

__attribute__((format(printf, 2, 3))) static bool give_up(struct wire *w, const char *format, ...)
{
	va_list ap;

	if (!w->failed) {
		va_start(ap, format);
		vsnprintf(w->text, sizeof(w->text), format, ap);
		va_end(ap);
	}
	w->failed = true;
	return false;
}

void wire_start(struct wire *w, int fd, struct hs_engine *engine, enum hs_role role)
{
	memset(w, 0, sizeof(*w));
	w->fd = fd;
	w->engine = engine;
	w->role = role;
	w->fragment = WIRE_CHUNK;
}

/* --- out --- */

static bool send_all(struct wire *w, const uint8_t *bytes, size_t len)
{
	return send_whole(w->fd, bytes, len) || give_up(w, "send: %s", strerror(errno));
}

static bool send_record(struct wire *w, uint8_t type, const uint8_t *bytes, size_t len)
{
	uint8_t record[RECORD_HEADER + WIRE_CHUNK + 256] = { type, 3, 3, (uint8_t)(len >> 8),
							     (uint8_t)len };
	size_t whole = RECORD_HEADER + len;

	if (w->keys[HS_TX].key_len) {
		whole = record_seal(&w->keys[HS_TX], type, bytes, len, record);
	} else {
		/* RFC 8446 section 5.1: of a first ClientHello it may say 1.0 */
		if (type == TLSOCK_CT_HANDSHAKE && !w->any_record && w->role == HS_CLIENT)
			record[2] = 1;
		memcpy(record + RECORD_HEADER, bytes, len);
	}
	return send_all(w, record, whole);
}

static bool send_records(struct wire *w, uint8_t type, const uint8_t *bytes, size_t len)
{
	for (size_t at = 0; at < len; at += w->fragment) {
		size_t part = len - at < w->fragment ? len - at : w->fragment;

		if (!send_record(w, type, bytes + at, part))
			return false;
	}
	return true;
}

bool wire_alert(struct wire *w, uint8_t level, uint8_t description)
{
	const uint8_t alert[2] = { level, description };

	return send_record(w, TLSOCK_CT_ALERT, alert, sizeof(alert));
}

__attribute__((format(printf, 3, 4))) static bool refuse(struct wire *w, uint8_t alert,
							 const char *format, ...)
{
	char text[WIRE_TEXT];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (!w->failed)
		wire_alert(w, LEVEL_FATAL, alert);
	return give_up(w, "%s", text);
}

bool wire_write(struct wire *w, const void *bytes, size_t len)
{
	if (w->owes_key_update) {
		w->owes_key_update = false;
		if (!wire_key_update(w))
			return false;
	}
	return len ? send_records(w, TLSOCK_CT_DATA, bytes, len) :
		     send_record(w, TLSOCK_CT_DATA, bytes, 0);
}

bool wire_key_update(struct wire *w)
{
	const uint8_t message[KEY_UPDATE_LEN] = { MESSAGE_KEY_UPDATE, 0, 0, 1, 0 };

	return send_record(w, TLSOCK_CT_HANDSHAKE, message, sizeof(message)) &&
	       (record_next_key(&w->keys[HS_TX]) || give_up(w, "no next key"));
}

void wire_close_notify(struct wire *w)
{
	if (!w->complete || w->failed || w->close_sent)
		return;
	w->close_sent = true;
	wire_alert(w, LEVEL_WARNING, CLOSE_NOTIFY);
}

void wire_close(struct wire *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	uint8_t rest[4096];

	shutdown(w->fd, SHUT_WR);
	while (poll(&p, 1, TIMEOUT_MS) == 1 && recv(w->fd, rest, sizeof(rest), 0) > 0)
		;
	close(w->fd);
}

/* --- the engine's actions --- */

static bool take_key(struct wire *w, const struct hs_key *key)
{
	if (key->direction == HS_RX && key->version == HS_TLS_1_2) {
		w->pending = *key;
		return true;
	}
	/* RFC 8446 section 5.1: a message may not stand on both sides of a change of keys */
	if (key->direction == HS_RX && w->handshake_len)
		return refuse(w, ALERT_UNEXPECTED_MESSAGE,
			      "handshake bytes stand behind a change of keys");
	w->keys[key->direction] = *key;
	if (key->direction == HS_RX)
		w->epoch = key->epoch;
	return true;
}

static bool take_action(struct wire *w, const struct hs_action *a)
{
	switch (a->type) {
	case HS_ACTION_DATA:
		if (w->fragment > a->data.max_payload)
			w->fragment = a->data.max_payload;
		return send_records(w, (uint8_t)a->data.content_type, a->data.bytes, a->data.len);
	case HS_ACTION_KEY:
		return take_key(w, &a->key);
	case HS_ACTION_CONTINUE:
		break;
	case HS_ACTION_COMPLETE:
		w->complete = true;
		break;
	case HS_ACTION_FAIL:
		return refuse(w, a->failure.alert, "%s", a->failure.text);
	}
	return true;
}

static bool take_actions(struct wire *w)
{
	const struct hs_action *a;

	while ((a = hs_engine_next_action(w->engine)))
		if (!take_action(w, a))
			return false;
	return true;
}

/* --- in --- */

/* Returns 1, 0 at a FIN before the first byte, -1. */
static int read_all(struct wire *w, uint8_t *bytes, size_t len)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	for (size_t at = 0; at < len;) {
		ssize_t n;

		if (poll(&p, 1, TIMEOUT_MS) != 1) {
			give_up(w, "nothing came in time");
			return -1;
		}
		n = recv(w->fd, bytes + at, len - at, 0);
		if (n <= 0 && (at || n < 0)) {
			give_up(w, "the peer closed: %s", n ? strerror(errno) : "within a record");
			return -1;
		}
		if (!n)
			return 0;
		at += (size_t)n;
	}
	return 1;
}

/* RFC 8446 section 4.6.3, as in kmod/key_update.c but for the rate */
static bool take_key_update(struct wire *w, const uint8_t *message, size_t len, bool more)
{
	if (len != KEY_UPDATE_LEN)
		return refuse(w, ALERT_DECODE_ERROR, "the peer sent a malformed KeyUpdate");
	if (message[4] > 1)
		return refuse(w, ALERT_ILLEGAL_PARAMETER,
			      "the peer sent a KeyUpdate with a bad value");
	if (more)
		return refuse(w, ALERT_UNEXPECTED_MESSAGE, "a KeyUpdate does not end its record");
	if (!record_next_key(&w->keys[HS_RX]))
		return give_up(w, "no next key");
	w->owes_key_update |= message[4] == 1;
	return true;
}

/* After the handshake: KeyUpdate is the record layer's, the engine has the rest. */
static bool take_late_message(struct wire *w, const uint8_t *message, size_t len, bool more)
{
	if (message[0] == MESSAGE_KEY_UPDATE && w->keys[HS_RX].version == HS_TLS_1_3)
		return take_key_update(w, message, len, more);
	/* HelloRequest, ClientHello: renegotiation (RFC 5246 section 7.4.1.1) */
	if (message[0] <= MESSAGE_CLIENT_HELLO && w->keys[HS_RX].version == HS_TLS_1_2)
		return refuse(w, TLSOCK_ALERT_NO_RENEGOTIATION, "the peer asks for renegotiation");
	hs_engine_input(w->engine, w->epoch, message, len);
	return take_actions(w);
}

/* The whole messages at the start of w->handshake. With @one, the first of them alone. */
static size_t whole_messages(const struct wire *w, bool one)
{
	const uint8_t *h = w->handshake;
	size_t at = 0;

	while (w->handshake_len - at >= 4) {
		size_t len = 4 + ((size_t)h[at + 1] << 16 | (size_t)h[at + 2] << 8 | h[at + 3]);

		if (len > w->handshake_len - at)
			break;
		at += len;
		if (one)
			break;
	}
	return at;
}

/* Lengths that cannot be are refused before their bytes are waited for. */
static bool length_is_sane(struct wire *w)
{
	const uint8_t *h = w->handshake;

	if (w->handshake_len < 4 || !h[1] ||
	    ((size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3]) <= HS_MAX_INPUT - 4)
		return true;
	return refuse(w, ALERT_DECODE_ERROR, "a handshake message is too long");
}

static bool append_handshake(struct wire *w, const uint8_t *bytes, size_t len)
{
	if (!len)
		return refuse(w, ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent an empty handshake record");
	if (w->role == HS_SERVER && !w->handshake_total && bytes[0] != MESSAGE_CLIENT_HELLO)
		return refuse(w, ALERT_UNEXPECTED_MESSAGE,
			      "the peer did not begin with a ClientHello");
	w->handshake_total += len;
	if (len > sizeof(w->handshake) - w->handshake_len)
		return refuse(w, ALERT_DECODE_ERROR,
			      "the peer sent more than a handshake can need");
	memcpy(w->handshake + w->handshake_len, bytes, len);
	w->handshake_len += len;
	return true;
}

static bool take_handshake(struct wire *w, const uint8_t *bytes, size_t len)
{
	uint8_t whole[HS_MAX_INPUT];
	size_t n;

	if (!append_handshake(w, bytes, len))
		return false;
	while ((n = whole_messages(w, w->complete))) {
		memcpy(whole, w->handshake, n);
		w->handshake_len -= n;
		memmove(w->handshake, w->handshake + n, w->handshake_len);
		if (w->complete) {
			if (!take_late_message(w, whole, n, w->handshake_len))
				return false;
			continue;
		}
		hs_engine_input(w->engine, w->epoch, whole, n);
		if (!take_actions(w))
			return false;
	}
	return length_is_sane(w);
}

static bool take_change_cipher_spec(struct wire *w, const uint8_t *bytes, size_t len)
{
	if (len != 1 || bytes[0] != 1 || w->handshake_len || w->complete ||
	    (w->role == HS_SERVER && !w->handshake_total) || ++w->change_cipher_specs > CCS_MAX)
		return refuse(w, ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent a change_cipher_spec that has no place here");
	if (w->pending.key_len) {
		w->keys[HS_RX] = w->pending;
		w->epoch = w->pending.epoch;
		w->pending.key_len = 0;
	}
	return true;
}

static bool take_alert(struct wire *w, const uint8_t *bytes, size_t len)
{
	if (len != 2)
		return refuse(w, ALERT_DECODE_ERROR, "the peer sent a malformed alert");
	if (bytes[1] == CLOSE_NOTIFY && w->complete) {
		w->close_received = true;
		w->ended = true;
		return true;
	}
	if (bytes[1] == USER_CANCELED || (bytes[0] == LEVEL_WARNING && bytes[1] != CLOSE_NOTIFY &&
					  w->keys[HS_RX].version == HS_TLS_1_2))
		return true;
	return give_up(w, "the peer sent the alert %s (%u)", hs_alert_name(bytes[1]), bytes[1]);
}

static bool take_data(struct wire *w, const uint8_t *bytes, size_t len)
{
	if (!w->complete)
		return refuse(w, ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent data before the handshake was done");
	if (w->handshake_len)
		return refuse(w, ALERT_UNEXPECTED_MESSAGE, "data within a handshake message");
	memcpy(w->data, bytes, len);
	w->data_at = 0;
	w->data_len = len;
	return true;
}

static bool take_content(struct wire *w, uint8_t type, const uint8_t *bytes, size_t len)
{
	bool good, established = w->complete;

	w->any_record = true;
	switch (type) {
	case TLSOCK_CT_CCS:
		good = take_change_cipher_spec(w, bytes, len);
		break;
	case TLSOCK_CT_ALERT:
		good = take_alert(w, bytes, len);
		break;
	case TLSOCK_CT_HANDSHAKE:
		good = take_handshake(w, bytes, len);
		break;
	case TLSOCK_CT_DATA:
		good = take_data(w, bytes, len);
		break;
	default:
		return refuse(w, ALERT_UNEXPECTED_MESSAGE,
			      "a record of a type that has no place here");
	}
	/* a record that adds to a message is none that brings nothing */
	if (w->data_len)
		w->idle = 0;
	else if (type == TLSOCK_CT_ALERT || (established && !w->handshake_len))
		w->idle++;
	if (good && w->idle > IDLE_MAX)
		return refuse(w, ALERT_UNEXPECTED_MESSAGE, "the peer sends records but no data");
	return good;
}

/* kmod/rx.c, rx_is_plain() */
static bool is_plain(const struct wire *w, uint8_t type)
{
	const struct hs_key *key = &w->keys[HS_RX];

	if (!key->key_len)
		return true;
	if (key->version != HS_TLS_1_3 || w->complete)
		return false;
	return type == TLSOCK_CT_CCS || (type == TLSOCK_CT_ALERT && !key->seq);
}

static bool refuse_open(struct wire *w, int rc)
{
	switch (rc) {
	case RECORD_OVERFLOW:
		return refuse(w, TLSOCK_ALERT_RECORD_OVERFLOW,
			      "the peer sent a record with too much in it");
	case RECORD_EMPTY:
		return refuse(w, ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent a record of padding only");
	}
	return refuse(w, TLSOCK_ALERT_BAD_RECORD_MAC, "a record did not authenticate");
}

static bool take_record(struct wire *w, const struct tlsock_header *h, const uint8_t *record)
{
	struct hs_key *key = &w->keys[HS_RX];
	uint8_t plain[RECORD_HEADER + TLSOCK_CIPHERTEXT_MAX], type;
	int n;

	if (is_plain(w, h->type))
		return take_content(w, h->type, record + RECORD_HEADER, h->len);
	if (key->version == HS_TLS_1_3 && h->type != TLSOCK_CT_DATA)
		return refuse(w, ALERT_UNEXPECTED_MESSAGE, "the peer sent an unprotected record");
	n = record_open(key, record, RECORD_HEADER + h->len, plain, &type);
	if (n < 0)
		return refuse_open(w, n);
	return take_content(w, type, plain, (size_t)n);
}

static bool receive_record(struct wire *w)
{
	const struct hs_key *key = &w->keys[HS_RX];
	const struct tlsock_cipher *cipher = key->key_len ? tlsock_cipher_by_suite(key->suite,
										   key->version) :
							    NULL;
	uint8_t record[RECORD_HEADER + TLSOCK_CIPHERTEXT_MAX];
	struct tlsock_header h;
	int rc = read_all(w, record, RECORD_HEADER), alert;

	if (rc <= 0) {
		w->ended = true;
		return rc == 0;
	}
	alert = tlsock_header_parse(&h, record, cipher);
	if (alert == TLSOCK_ALERT_RECORD_OVERFLOW)
		return refuse(w, (uint8_t)alert, "the peer sent a record that is too long");
	if (alert >= 0)
		return refuse(w, (uint8_t)alert, "%s",
			      w->any_record ? "the peer sent a record of no known type or version" :
					      "the peer does not speak TLS");
	if (read_all(w, record + RECORD_HEADER, h.len) <= 0)
		return h.len ? give_up(w, "the peer closed: within a record") :
			       take_record(w, &h, record);
	return take_record(w, &h, record);
}

bool wire_handshake(struct wire *w)
{
	hs_engine_start(w->engine);
	if (!take_actions(w))
		return false;
	while (!w->complete) {
		if (!receive_record(w))
			return false;
		if (w->ended)
			return give_up(w, "the peer closed the connection during the handshake");
	}
	return true;
}

int wire_read(struct wire *w, uint8_t *out, size_t len)
{
	while (w->data_at == w->data_len) {
		w->data_len = 0;
		w->data_at = 0;
		if (w->ended)
			return 0;
		if (!receive_record(w))
			return -1;
	}
	if (len > w->data_len - w->data_at)
		len = w->data_len - w->data_at;
	memcpy(out, w->data + w->data_at, len);
	w->data_at += len;
	return (int)len;
}
