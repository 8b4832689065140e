// SPDX-License-Identifier: MIT
/*
 * session_park.c - a client's engine of TLS 1.3, sealed until NewSessionTicket comes
 *
 * RFC 8446 section 4.6.1: tickets come when the handshake is long over. What they need of it (the
 * resumption secret, what was agreed, the peer's certificates, the caller's context) is put away
 * under a key of the caller's, and comes back as an engine that takes NewSessionTicket and nothing
 * else. It must never be believed unless it opens: who keeps it need not be trusted.
 */
#include "session.h"

#include <stdlib.h>

/*
 * The context, then the session as far as it stands. The handshake is over: what goes wrong here
 * costs the tickets and nothing else.
 */
static int describe(struct hs_engine *e, uint8_t **plain, size_t *len)
{
	const struct config *c = &e->config;
	struct session s;
	uint8_t *bytes = NULL;
	size_t bytes_len = 0;
	int rc;

	session_describe(e, &s, &e->keys.resumption);
	rc = session_digest(e, s.context);
	if (rc == 0)
		rc = session_encode(&s, &bytes, &bytes_len);
	explicit_bzero(&s, sizeof(s));
	if (rc == 0 && c->session_context_len > UINT16_MAX)
		rc = -E2BIG;
	if (rc == 0) {
		*len = 2 + c->session_context_len + bytes_len;
		*plain = malloc(*len);
		rc = *plain ? 0 : -ENOMEM;
	}
	if (rc == 0) {
		(*plain)[0] = (uint8_t)(c->session_context_len >> 8);
		(*plain)[1] = (uint8_t)c->session_context_len;
		if (c->session_context_len)
			memcpy(*plain + 2, c->session_context, c->session_context_len);
		memcpy(*plain + 2 + c->session_context_len, bytes, bytes_len);
	}
	session_bytes_free(bytes, bytes_len);
	return rc;
}

int hs_engine_park(struct hs_engine *engine, uint8_t *out, size_t size)
{
	uint8_t *plain = NULL;
	size_t len = 0;
	int rc;

	if (engine->state != CLIENT_CONNECTED || !engine->keys.resumption.len || engine->external ||
	    engine->summary.verify_code)
		return -ENOENT;
	rc = describe(engine, &plain, &len);
	if (rc == 0 && len + SEAL_OVERHEAD > size)
		rc = -E2BIG;
	if (rc == 0)
		rc = seal_bytes(engine, plain, len, out);
	session_bytes_free(plain, len);
	return rc < 0 ? rc : (int)(len + SEAL_OVERHEAD);
}

/* The engine as it stood after COMPLETE, as far as tickets need it. */
static int restore(struct hs_engine *e, const struct session *s)
{
	struct hs_summary *sum = &e->summary;

	e->suite = suite_find(s->suite);
	if (s->version != HS_TLS_1_3 || !e->suite || e->suite->version != HS_TLS_1_3 ||
	    s->secret.len != hash_len(e->suite->hash) || hkdf_init(&e->keys.hkdf, e->suite->hash))
		return -ENOENT;
	e->keys.resumption = s->secret;
	e->version = sum->version = s->version;
	sum->suite = s->suite;
	sum->group = s->group;
	memcpy(sum->server_name, s->server_name, sizeof(sum->server_name));
	e->in.chain_count = s->chain_count;
	memcpy(e->in.chain, s->chain, sizeof(s->chain));
	if (keep_chain(e) < 0)
		return -ENOENT;
	e->resumed = true; /* so that @authenticated counts and not the ticket's day */
	e->authenticated = s->authenticated;
	e->state = CLIENT_CONNECTED;
	e->complete = true;
	return 0;
}

static int unpark(struct hs_engine *e, struct reader parked)
{
	struct reader r, context;
	struct session s;
	uint8_t *plain = NULL;
	size_t len = 0;
	int rc = open_bytes(e, parked, &plain, &len);

	if (rc < 0)
		return rc;
	r = reader_over(plain, len);
	rc = -ENOENT;
	if (reader_vec16(&r, &context, 0, UINT16_MAX) && session_decode(&s, r.at, r.left) == 0) {
		free(e->config.session_context);
		e->config.session_context_len = context.left;
		e->config.session_context = malloc(context.left + 1);
		if (e->config.session_context) {
			memcpy(e->config.session_context, context.at, context.left);
			rc = restore(e, &s);
		}
		session_release(&s);
	}
	session_bytes_free(plain, len);
	return rc;
}

struct hs_engine *hs_engine_unpark(const struct hs_config *config, const uint8_t *parked,
				   size_t len)
{
	struct hs_engine *e = hs_engine_new(config, HS_CLIENT);

	if (e && unpark(e, reader_over(parked, len)) < 0) {
		hs_engine_free(e);
		return NULL;
	}
	return e;
}

const uint8_t *hs_engine_session_context(const struct hs_engine *engine, size_t *len)
{
	*len = engine->config.session_context_len;
	return engine->config.session_context;
}
