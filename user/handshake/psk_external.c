// SPDX-License-Identifier: MIT
/*
 * psk_external.c - pre-shared keys from elsewhere, both roles
 *
 * RFC 8446 section 4.2.11, RFC 9257. The caller has them; the rest is psk_tls13.c's, but for the
 * binder's label and the age, which is zero. It must never take a key without its binder.
 */
#include "session.h"

#include <stdlib.h>

#define IDENTITIES_MAX 4 /* of one ClientHello, that the caller is asked about */

/* The policy's first suite of TLS 1.3 for the key's hash; on a server one that is shared, too. */
static const struct suite *suite_for(struct hs_engine *e, bool sha384)
{
	const struct config *c = &e->config;
	enum hash hash = sha384 ? HASH_SHA384 : HASH_SHA256;

	for (size_t i = 0; i < c->suite_count; i++)
		if (c->suites[i]->version == HS_TLS_1_3 && c->suites[i]->hash == hash &&
		    (e->role == HS_CLIENT || suite_fits(e, c->suites[i])))
			return c->suites[i];
	return NULL;
}

/* NULL: there is no use for it, or no memory. */
static struct session *describe(struct hs_engine *e, const struct hs_psk *psk)
{
	const struct suite *suite = suite_for(e, psk->sha384);
	struct session *s;

	if (!suite || psk->key_len < HS_MIN_PSK || psk->key_len > HS_MAX_PSK ||
	    !psk->identity_len || psk->identity_len > sizeof(psk->identity))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->bytes = malloc(psk->identity_len);
	if (!s->bytes) {
		free(s);
		return NULL;
	}
	s->version = HS_TLS_1_3;
	s->suite = suite->code;
	s->external = true;
	s->authenticated = e->config.now(e->config.ctx);
	memcpy(s->secret.bytes, psk->key, psk->key_len);
	s->secret.len = psk->key_len;
	memcpy(s->bytes, psk->identity, psk->identity_len);
	s->bytes_len = psk->identity_len;
	s->ticket = reader_over(s->bytes, s->bytes_len);
	return s;
}

int client_offer_external(struct hs_engine *e)
{
	struct hs_psk psk = { .identity_len = 0 };

	if (e->config.psk && e->config.max_version == HS_TLS_1_3 &&
	    e->config.psk(e->config.ctx, &psk) == 0)
		e->session = describe(e, &psk);
	e->psk_offered = e->session;
	explicit_bzero(&psk, sizeof(psk));
	return 0;
}

static struct session *find(struct hs_engine *e, struct reader identity)
{
	struct hs_psk psk = { .identity_len = identity.left };
	struct session *s = NULL;

	if (identity.left > sizeof(psk.identity))
		return NULL;
	memcpy(psk.identity, identity.at, identity.left);
	if (e->config.psk(e->config.ctx, &psk) == 0)
		s = describe(e, &psk);
	explicit_bzero(&psk, sizeof(psk));
	return s;
}

/* The first identity that the caller knows and that has a use. */
int server_take_external(struct hs_engine *e)
{
	struct reader identities = e->in.identities, binders = e->in.binders, identity, binder;
	struct session *s = NULL;
	uint32_t age;
	int rc;

	if (!e->config.psk || !e->in.psk_dhe)
		return 0;
	for (uint16_t i = 0; !s && i < IDENTITIES_MAX; i++) {
		if (!reader_vec16(&identities, &identity, 1, UINT16_MAX) ||
		    !reader_u32(&identities, &age) ||
		    !reader_vec8(&binders, &binder, 32, UINT8_MAX))
			break;
		s = find(e, identity);
		e->in.psk_selected = i;
	}
	if (!s)
		return 0;
	e->session = s; /* freed with the handshake */
	rc = check_binder(e, s, binder);
	if (rc < 0)
		return rc;
	/* the suite was chosen already, of those that are shared: its hash alone has to fit */
	if (suite_find(s->suite)->hash != e->suite->hash)
		e->suite = suite_find(s->suite);
	e->resumed = true;
	e->external = true;
	return 0;
}
