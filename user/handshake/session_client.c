// SPDX-License-Identifier: MIT
/*
 * session_client.c - which session a client offers, in either version
 *
 * RFC 8446 sections 2.2 and 4.6.1, RFC 5246 section 7.4.1.2, RFC 5077 section 3.4. The version is
 * the server's to choose; a session serves in the one that made it alone. It must never offer
 * what this connection's own policy would not have agreed to.
 */
#include "session.h"

#include "tls12.h"

#include <stdlib.h>

/* RFC 7627 section 5.3: without an extended master secret only for whoever takes none. */
static bool may_offer(const struct hs_engine *e, const struct session *s)
{
	const struct config *c = &e->config;

	if (s->version == HS_TLS_1_3)
		return s->ticket.left;
	return (s->ticket.left || s->id_len) &&
	       (s->extended_master_secret || c->plain_master_secret);
}

/* Has to do with the session's version: PSK, or ticket and id. */
static int offer(struct hs_engine *e)
{
	const struct session *s = e->session;
	bool by_id = s->version == HS_TLS_1_2 && !s->ticket.left;
	int rc = 0;

	e->psk_offered = s->version == HS_TLS_1_3;
	e->session_offered = s->version == HS_TLS_1_2;
	if (by_id) {
		memcpy(e->session_id, s->id, s->id_len);
		e->session_id_len = s->id_len;
	} else if (e->session_offered && !e->session_id_len) {
		/* an id of our own, whose echo says that the ticket was taken */
		e->session_id_len = SESSION_ID_MAX;
		rc = e->config.random(e->config.ctx, e->session_id, SESSION_ID_MAX);
	}
	return engine_check(e, rc, "random bytes");
}

/* The session of the configuration, if it may be offered. A bad one is no failure. */
int client_take_session(struct hs_engine *e)
{
	const struct config *c = &e->config;
	bool taken = false;
	uint8_t context[32];
	struct session *s;
	int rc;

	if (!c->session_len)
		return client_offer_external(e);
	s = calloc(1, sizeof(*s));
	if (!s)
		return engine_check(e, -ENOMEM, "session");
	rc = session_decode(s, c->session, c->session_len);
	if (rc < 0) {
		free(s);
		return rc == -ENOMEM ? engine_check(e, rc, "session") : client_offer_external(e);
	}
	e->session = s;
	rc = session_context(e, context);
	if (rc < 0)
		return rc;
	if (session_fits(e, s, c->server_name ? c->server_name : "") && may_offer(e, s) &&
	    crypto_equal(context, s->context, 32)) {
		rc = session_take_peer(e, s);
		if (rc < 0)
			return rc;
		taken = rc;
	}
	if (taken)
		return offer(e);
	forget_session(e);
	return client_offer_external(e);
}

/* The certificates of the session, too: a full handshake brings its own. */
void forget_session(struct hs_engine *e)
{
	if (e->session)
		session_release(e->session);
	free(e->session);
	e->session = NULL;
	e->psk_offered = false;
	e->session_offered = false;
	free(e->peer_bytes);
	e->peer_bytes = NULL;
	e->summary.peer_chain_count = 0;
	e->summary.verify_code = 0;
	e->chain_verified = false;
}
