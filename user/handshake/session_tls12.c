// SPDX-License-Identifier: MIT
/*
 * session_tls12.c - sessions of TLS 1.2: tickets and ids, both roles
 *
 * RFC 5246 section 7.3 (the abbreviated handshake), RFC 5077 (tickets), RFC 7627 section 5.3
 * (extended_master_secret has to be the same). It must never go on with another suite than the
 * session's, nor with a session whose certificates today's policy would refuse.
 */
#include "session.h"

#include "tls12.h"

#include <stdlib.h>

/* --- session_ticket, RFC 5077 section 3.2 --- */

int client_build_ticket(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	(void)message;
	if (e->config.min_version > HS_TLS_1_2 || (!e->config.session_new && !e->session_offered))
		return EXTENSION_OMIT;
	if (e->session_offered)
		writer_bytes(w, e->session->ticket.at, e->session->ticket.left);
	return 0;
}

int server_parse_ticket(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	(void)message;
	return reader_span(r, r->left, &e->in.ticket) ? 0 : -1;
}

/* A promise of a NewSessionTicket. */
int server_build_ticket(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	(void)message;
	(void)w;
	return e->ticket_promised ? 0 : EXTENSION_OMIT;
}

/* Empty; the driver sees to that. */
int client_parse_ticket(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	(void)e;
	(void)message;
	(void)r;
	return 0;
}

/* --- either role --- */

/* Of a session whose master secret is taken over. */
static int take_master(struct hs_engine *e)
{
	e->resumed = true;
	e->authenticated = e->session->authenticated;
	e->master = e->session->secret;
	e->group = group_find(e->session->group);
	return engine_check(e, hkdf_init(&e->keys.hkdf, e->suite->hash), "master secret");
}

/* --- the client --- */

/*
 * After a ServerHello that echoes the session id. RFC 7627 section 5.3: a session goes on with
 * the kind of master secret that it began with, or not at all.
 */
int client_resume_tls12(struct hs_engine *e)
{
	const struct session *s = e->session;

	if (s->suite != e->suite->code)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the server resumes a session with another suite");
	if (s->extended_master_secret && !e->extended_master_secret)
		return engine_fail(e, ALERT_HANDSHAKE_FAILURE, EPROTO,
				   "the server resumes a session without its "
				   "extended_master_secret");
	if (!s->extended_master_secret && e->extended_master_secret)
		return engine_fail(e, ALERT_HANDSHAKE_FAILURE, EPROTO,
				   "the server resumes a session with an extended_master_secret "
				   "that it did not have");
	return take_master(e);
}

int parse_new_session_ticket_tls12(struct hs_engine *e, struct reader *r)
{
	if (!reader_u32(r, &e->in.lifetime) || !reader_vec16(r, &e->in.ticket, 0, UINT16_MAX))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "NewSessionTicket is malformed");
	return 0;
}

/* It waits for the Finished: what a server says before that is no server's yet. */
int act_new_session_ticket_tls12(struct hs_engine *e)
{
	const struct reader *ticket = &e->in.ticket;
	int rc = engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
			      "transcript");

	if (rc == 0 && ticket->left && ticket->left <= SESSION_TICKET_MAX) {
		e->new_ticket = malloc(ticket->left);
		if (!e->new_ticket)
			return engine_check(e, -ENOMEM, "ticket");
		memcpy(e->new_ticket, ticket->at, ticket->left);
		e->new_ticket_len = ticket->left;
		e->new_ticket_lifetime = e->in.lifetime;
	}
	if (rc == 0)
		rc = client_await_finished_tls12(e);
	return rc;
}

/* After the handshake: a new ticket or id, or the session as it was, for another time. */
int client_keep_session_tls12(struct hs_engine *e)
{
	struct session s;
	int rc;

	if (!e->config.session_new || (!e->new_ticket && !e->server_session_id_len && !e->resumed))
		return 0;
	session_describe(e, &s, &e->master);
	s.lifetime = e->new_ticket_lifetime ? e->new_ticket_lifetime : ticket_lifetime(e);
	if (e->new_ticket) {
		s.ticket = reader_over(e->new_ticket, e->new_ticket_len);
	} else if (e->resumed) {
		s.ticket = e->session->ticket;
		memcpy(s.id, e->session->id, sizeof(s.id));
		s.id_len = e->session->id_len;
		s.created = e->session->created;
		s.lifetime = e->session->lifetime;
	} else {
		memcpy(s.id, e->server_session_id, sizeof(s.id));
		s.id_len = e->server_session_id_len;
	}
	rc = store_session(e, &s);
	explicit_bzero(&s, sizeof(s));
	return rc;
}

/* --- the server --- */

/* 0, or -ENOENT for whatever is wrong */
static int find_by_id(struct hs_engine *e, struct session *s)
{
	const struct reader *id = &e->in.session_id;
	uint8_t *bytes;
	int len, rc = -ENOENT;

	if (!e->config.session_find || id->left != HS_SESSION_ID_LEN)
		return rc;
	bytes = malloc(SESSION_MAX);
	if (!bytes)
		return rc;
	len = e->config.session_find(e->config.ctx, id->at, bytes);
	if (len > 0 && len <= SESSION_MAX && session_decode(s, bytes, (size_t)len) == 0)
		rc = 0;
	session_bytes_free(bytes, SESSION_MAX);
	return rc;
}

/* RFC 5077 section 3.4: beside a ticket the id only says what to echo. */
static int find_session(struct hs_engine *e, struct session *s)
{
	if (extension_seen(e, EXTENSION_SESSION_TICKET) && e->in.ticket.left)
		return ticket_open(e, e->in.ticket, s);
	return find_by_id(e, s);
}

/* Would today's full handshake, with the session's suite, be with the same certificate? */
static int context_fits(struct hs_engine *e, const struct session *s)
{
	uint8_t context[32];
	bool named = false;
	int rc;

	if (!find_named_credential(e, &named) && !find_other_credential(e))
		return 0;
	rc = session_context(e, context);
	return rc < 0 ? rc : crypto_equal(context, s->context, sizeof(context));
}

/* 1: it may be resumed */
static int judge_session(struct hs_engine *e, const struct session *s)
{
	int i = suite_index(&e->config, s->suite), rc;

	if (s->version != HS_TLS_1_2 || !session_fits(e, s, e->summary.server_name) || i < 0 ||
	    !(e->in.suites_shared & 1u << i))
		return 0;
	if (!s->extended_master_secret && e->extended_master_secret)
		return 0;
	e->suite = e->config.suites[i];
	rc = context_fits(e, s);
	if (rc <= 0)
		return rc;
	if (s->extended_master_secret && !e->extended_master_secret)
		return engine_fail(e, ALERT_HANDSHAKE_FAILURE, EPROTO,
				   "the client resumes a session without its "
				   "extended_master_secret");
	return session_take_peer(e, s);
}

int server_take_session_tls12(struct hs_engine *e)
{
	struct session s = { 0 };
	int rc;

	if (find_session(e, &s) < 0)
		return 0;
	rc = judge_session(e, &s);
	if (rc <= 0) {
		session_release(&s);
		e->suite = NULL;
		e->credential = NULL;
		e->scheme = NULL;
		e->server_name_used = false;
		return rc;
	}
	e->session = malloc(sizeof(*e->session));
	if (!e->session) {
		session_release(&s);
		return engine_check(e, -ENOMEM, "session");
	}
	*e->session = s;
	explicit_bzero(&s, sizeof(s));
	e->scheme = NULL; /* nothing is signed */
	return take_master(e);
}

/* Decides which of both there will be, for the ServerHello to say. */
int server_promise_session_tls12(struct hs_engine *e)
{
	int rc = 0;

	e->ticket_promised = e->config.ticket_key && extension_seen(e, EXTENSION_SESSION_TICKET);
	if (e->resumed) {
		memcpy(e->server_session_id, e->in.session_id.at, e->in.session_id.left);
		e->server_session_id_len = e->in.session_id.left;
	} else if (e->config.session_keep && !e->ticket_promised) {
		e->server_session_id_len = HS_SESSION_ID_LEN;
		rc = e->config.random(e->config.ctx, e->server_session_id, HS_SESSION_ID_LEN);
	}
	return engine_check(e, rc, "random bytes");
}

static int describe(struct hs_engine *e, struct session *s)
{
	session_describe(e, s, &e->master);
	s->lifetime = ticket_lifetime(e);
	return session_context(e, s->context);
}

/* One of no bytes when there is none after all (RFC 5077 section 3.3). */
int server_send_ticket_tls12(struct hs_engine *e)
{
	struct writer *out = &e->actions.out;
	uint8_t *ticket = NULL;
	size_t len = 0, mark, at;
	struct session s;
	int rc;

	if (!e->ticket_promised)
		return 0;
	fill_summary(e);
	rc = describe(e, &s);
	if (rc == 0) {
		rc = ticket_seal(e, &s, &ticket, &len);
		if (rc == -ENOENT || rc == -E2BIG || len > SESSION_TICKET_MAX) {
			rc = 0;
			len = 0;
		}
		rc = engine_check(e, rc, "ticket");
	}
	explicit_bzero(&s, sizeof(s));
	if (rc == 0) {
		mark = message_begin(e, MESSAGE_NEW_SESSION_TICKET);
		writer_u32(out, len ? ticket_lifetime(e) : 0);
		at = writer_open(out, 2);
		writer_bytes(out, ticket, len);
		writer_close(out, at, 2);
		rc = message_end(e, mark, HS_EPOCH_PLAINTEXT);
	}
	free(ticket);
	return rc;
}

/* After the handshake */
int server_keep_session_tls12(struct hs_engine *e)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct session s;
	int rc;

	if (e->resumed || !e->server_session_id_len)
		return 0;
	rc = describe(e, &s);
	if (rc == 0)
		rc = session_encode(&s, &bytes, &len);
	if (rc == 0)
		e->config.session_keep(e->config.ctx, e->server_session_id, bytes, len);
	session_bytes_free(bytes, len);
	explicit_bzero(&s, sizeof(s));
	return rc == -E2BIG ? 0 : engine_check(e, rc, "session");
}
