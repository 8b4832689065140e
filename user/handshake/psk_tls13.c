// SPDX-License-Identifier: MIT
/*
 * psk_tls13.c - resumption by pre-shared keys, both roles
 *
 * RFC 8446 sections 4.2.9 to 4.2.11 and 4.6.1. Always with (EC)DHE, never with early data.
 * It must never take a key whose binder it has not checked, and a client must never believe
 * a server that takes what was not offered.
 */
#include "session.h"

#include "extensions.h"

#include <stdlib.h>

#define IDENTITIES_MAX 4 /* tickets of one ClientHello that are looked at */
#define PSK_DHE_KE 1
#define NONCE_LEN 1

/* --- binders, RFC 8446 section 4.2.11.2 --- */

/* Over the ClientHello up to the list of binders. @out: the hash's length */
static int make_binder(struct hs_engine *e, const struct session *s, const uint8_t *bytes,
		       size_t len, uint8_t *out)
{
	enum hash hash = suite_find(s->suite)->hash;
	struct key_schedule keys = { .stage = KEY_STAGE_NONE };
	uint8_t digest[HASH_MAX];
	int rc;

	if (e->retried)
		rc = transcript_value_with(&e->transcript, bytes, len, digest);
	else
		rc = crypto_digest(hash, bytes, len, digest);
	if (rc == 0)
		rc = key_schedule_early(&keys, hash, &s->secret);
	if (rc == 0)
		rc = key_schedule_binder(&keys, s->external, digest, out);
	key_schedule_release(&keys);
	return engine_check(e, rc, "binder");
}

/* --- the client --- */

int client_build_psk_modes(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	(void)message;
	if ((!e->config.session_new && !e->psk_offered) || e->config.max_version < HS_TLS_1_3)
		return EXTENSION_OMIT;
	writer_u8(w, 1);
	writer_u8(w, PSK_DHE_KE);
	return 0;
}

/* The binder is filled in by client_bind(), once the rest stands. */
int client_build_psk(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	static const uint8_t zeros[HASH_MAX];
	const struct session *s = e->session;
	uint32_t age;
	size_t list, item;

	(void)message;
	if (!e->psk_offered)
		return EXTENSION_OMIT;
	age = s->external ?
		      0 :
		      (uint32_t)(e->config.now(e->config.ctx) - s->created) * 1000 + s->age_add;
	list = writer_open(w, 2);
	item = writer_open(w, 2);
	writer_bytes(w, s->ticket.at, s->ticket.left);
	writer_close(w, item, 2);
	writer_u32(w, age);
	writer_close(w, list, 2);
	list = writer_open(w, 2);
	item = writer_open(w, 1);
	writer_bytes(w, zeros, hash_len(suite_find(s->suite)->hash));
	writer_close(w, item, 1);
	writer_close(w, list, 2);
	return 0;
}

int client_bind(struct hs_engine *e, size_t mark)
{
	struct writer *out = &e->actions.out;
	size_t binder, len, size;
	uint8_t value[HASH_MAX];
	int rc;

	if (!e->psk_offered || !writer_ok(out))
		return 0;
	writer_close(out, mark + 1, 3);
	size = hash_len(suite_find(e->session->suite)->hash);
	binder = out->len - size;
	len = binder - 3 - mark;
	rc = make_binder(e, e->session, out->bytes + mark, len, value);
	if (rc == 0)
		memcpy(out->bytes + binder, value, size);
	return rc;
}

/* RFC 8446 section 4.1.4: only a key whose hash fits the chosen suite is offered again. */
void client_rebind(struct hs_engine *e)
{
	if (e->psk_offered && suite_find(e->session->suite)->hash != e->suite->hash)
		forget_session(e);
}

int client_parse_psk(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	(void)message;
	return reader_u16(r, &e->in.psk_selected) ? 0 : -1;
}

int client_take_psk(struct hs_engine *e)
{
	if (!extension_seen(e, EXTENSION_PRE_SHARED_KEY)) {
		forget_session(e);
		return 0;
	}
	if (!e->psk_offered || e->in.psk_selected != 0 ||
	    suite_find(e->session->suite)->hash != e->suite->hash)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the server resumes a session that was not offered");
	e->resumed = true;
	e->external = e->session->external;
	e->authenticated = e->session->authenticated;
	return 0;
}

int parse_new_session_ticket(struct hs_engine *e, struct reader *r)
{
	struct incoming *in = &e->in;

	if (!reader_u32(r, &in->lifetime) || !reader_u32(r, &in->age_add) ||
	    !reader_vec8(r, &in->nonce, 0, UINT8_MAX) ||
	    !reader_vec16(r, &in->ticket, 1, UINT16_MAX))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "NewSessionTicket is malformed");
	return extensions_parse(e, IN_NEW_SESSION_TICKET, r);
}

int act_new_session_ticket(struct hs_engine *e)
{
	struct incoming *in = &e->in;
	struct secret psk = { .len = 0 };
	struct session s;
	int rc;

	if (e->external || !e->config.session_new || !in->lifetime ||
	    in->ticket.left > SESSION_TICKET_MAX)
		return 0;
	rc = engine_check(e, key_schedule_resumption(&e->keys, in->nonce.at, in->nonce.left, &psk),
			  "session");
	if (rc == 0) {
		session_describe(e, &s, &psk);
		s.age_add = in->age_add;
		s.lifetime = in->lifetime;
		s.ticket = in->ticket;
		rc = store_session(e, &s);
		explicit_bzero(&s, sizeof(s));
	}
	secret_wipe(&psk);
	return rc;
}

/* --- the server --- */

int server_parse_psk_modes(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	struct reader modes;
	uint8_t mode;

	(void)message;
	if (!reader_vec8(r, &modes, 1, UINT8_MAX))
		return -1;
	while (reader_u8(&modes, &mode))
		if (mode == PSK_DHE_KE)
			e->in.psk_dhe = true;
	return 0;
}

static int parse_psk(struct hs_engine *e, struct reader *r)
{
	struct reader identities, identity, binders, binder;
	uint32_t age;
	size_t count = 0, proofs = 0;

	if (!reader_vec16(r, &identities, 7, UINT16_MAX))
		return -1;
	e->in.binders_at = r->at;
	if (!reader_vec16(r, &binders, 33, UINT16_MAX))
		return -1;
	e->in.identities = identities;
	e->in.binders = binders;
	for (; !reader_done(&identities); count++)
		if (!reader_vec16(&identities, &identity, 1, UINT16_MAX) ||
		    !reader_u32(&identities, &age))
			return -1;
	for (; !reader_done(&binders); proofs++)
		if (!reader_vec8(&binders, &binder, 32, UINT8_MAX))
			return -1;
	if (count != proofs)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "pre_shared_key has %zu identities and %zu binders", count,
				   proofs);
	return 0;
}

/* In TLS 1.2 it is nobody's, so what is wrong with it waits for the version. */
int server_parse_psk(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	struct reader body = *r;

	(void)message;
	reader_span(r, r->left, &body);
	e->in.malformed_psk = parse_psk(e, &body) < 0 || !reader_done(&body);
	return e->state == STATE_FAILED ? -1 : 0;
}

int server_build_psk(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	(void)message;
	if (!e->resumed)
		return EXTENSION_OMIT;
	writer_u16(w, e->in.psk_selected);
	return 0;
}

/* A binder is checked by the hash of its session, so this may still change the suite. */
bool suite_fits(struct hs_engine *e, const struct suite *suite)
{
	int i = suite_index(&e->config, suite->code);

	if (suite->hash == e->suite->hash)
		return true;
	return !e->retried && i >= 0 && (e->in.suites_shared & 1u << i);
}

/* May this connection go on where the ticket's left off? */
static bool ticket_fits(struct hs_engine *e, const struct session *s, const uint8_t *context)
{
	const struct suite *suite = suite_find(s->suite);

	return s->version == HS_TLS_1_3 && session_fits(e, s, e->summary.server_name) &&
	       suite_fits(e, suite) && crypto_equal(s->context, context, 32);
}

int check_binder(struct hs_engine *e, const struct session *s, struct reader binder)
{
	uint8_t expected[HASH_MAX];
	int rc = make_binder(e, s, e->in.bytes, (size_t)(e->in.binders_at - e->in.bytes), expected);

	if (rc < 0)
		return rc;
	if (binder.left != hash_len(suite_find(s->suite)->hash) ||
	    !crypto_equal(binder.at, expected, binder.left))
		return engine_fail(e, ALERT_DECRYPT_ERROR, EPROTO,
				   "the binder does not prove possession of the ticket's key");
	return 0;
}

static int resume_with(struct hs_engine *e, struct session *s, struct reader binder)
{
	int rc = check_binder(e, s, binder);

	if (rc == 0)
		rc = session_take_peer(e, s);
	if (rc <= 0)
		return rc;
	e->session = malloc(sizeof(*e->session));
	if (!e->session)
		return engine_check(e, -ENOMEM, "session");
	*e->session = *s;
	explicit_bzero(s, sizeof(*s));
	if (suite_find(e->session->suite)->hash != e->suite->hash)
		e->suite = suite_find(e->session->suite);
	e->resumed = true;
	e->authenticated = e->session->authenticated;
	return 1;
}

/* The first ticket that fits, if there is one. */
int server_take_psk(struct hs_engine *e)
{
	struct reader identities = e->in.identities, binders = e->in.binders, ticket, binder;
	uint8_t context[32];
	struct session s = { 0 };
	uint32_t age;
	int rc;

	if (e->resumed || !e->config.ticket_key || !e->in.psk_dhe || !e->in.identities.left)
		return 0;
	rc = session_context(e, context);
	for (uint16_t i = 0; rc == 0 && i < IDENTITIES_MAX; i++) {
		if (!reader_vec16(&identities, &ticket, 1, UINT16_MAX) ||
		    !reader_u32(&identities, &age) ||
		    !reader_vec8(&binders, &binder, 32, UINT8_MAX))
			break;
		if (ticket_open(e, ticket, &s) < 0)
			continue;
		e->in.psk_selected = i;
		if (ticket_fits(e, &s, context))
			rc = resume_with(e, &s, binder);
		session_release(&s);
	}
	return rc < 0 ? rc : 0;
}

static int write_ticket(struct hs_engine *e, const struct session *s, uint8_t nonce)
{
	struct writer *out = &e->actions.out;
	uint8_t *ticket = NULL;
	size_t len = 0, mark, at;
	int rc = ticket_seal(e, s, &ticket, &len);

	if (rc == -ENOENT || rc == -E2BIG || len > SESSION_TICKET_MAX) {
		free(ticket);
		return 0; /* no ticket, then */
	}
	if (rc < 0)
		return engine_check(e, rc, "ticket");
	mark = message_begin(e, MESSAGE_NEW_SESSION_TICKET);
	writer_u32(out, s->lifetime);
	writer_u32(out, s->age_add);
	writer_u8(out, NONCE_LEN);
	writer_u8(out, nonce);
	at = writer_open(out, 2);
	writer_bytes(out, ticket, len);
	writer_close(out, at, 2);
	writer_u16(out, 0); /* extensions */
	free(ticket);
	return message_end(e, mark, HS_EPOCH_APPLICATION);
}

int server_send_ticket(struct hs_engine *e)
{
	uint8_t age_add[4], nonce = 0;
	struct secret psk = { .len = 0 };
	struct session s;
	int rc;

	if (e->external || !e->config.ticket_key || !e->client_wants_tickets)
		return 0;
	rc = key_schedule_resumption(&e->keys, &nonce, NONCE_LEN, &psk);
	if (rc == 0)
		rc = e->config.random(e->config.ctx, age_add, sizeof(age_add));
	rc = engine_check(e, rc, "ticket");
	if (rc == 0) {
		session_describe(e, &s, &psk);
		s.lifetime = ticket_lifetime(e);
		s.age_add = (uint32_t)age_add[0] << 24 | (uint32_t)age_add[1] << 16 |
			    (uint32_t)age_add[2] << 8 | age_add[3];
		rc = session_context(e, s.context);
		if (rc == 0)
			rc = write_ticket(e, &s, nonce);
		explicit_bzero(&s, sizeof(s));
	}
	secret_wipe(&psk);
	return rc;
}
