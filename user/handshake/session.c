// SPDX-License-Identifier: MIT
/*
 * session.c - sessions in bytes, sealed into tickets, and judged again
 *
 * See session.h. RFC 8446 section 4.6.1, RFC 5077 section 4. Whatever is wrong with a
 * ticket leads to a full handshake; it must never lead to an error the client can tell
 * from an expired one, nor resume what today's policy would refuse.
 */
#include "session.h"

#include "prf.h"

#include <stdlib.h>

#define FORMAT 2
#define FIXED_MAX 512 /* all but ticket and chain */
#define NONCE_LEN 12
#define DEFAULT_LIFETIME 7200
#define TAG_LEN 16
#define TICKET_OVERHEAD (HS_TICKET_NAME_LEN + NONCE_LEN + TAG_LEN)
_Static_assert(TICKET_OVERHEAD == SEAL_OVERHEAD, "one overhead");

static void put_time(struct writer *w, int64_t time)
{
	writer_u32(w, (uint32_t)((uint64_t)time >> 32));
	writer_u32(w, (uint32_t)time);
}

static bool get_time(struct reader *r, int64_t *time)
{
	uint32_t high, low;

	if (!reader_u32(r, &high) || !reader_u32(r, &low))
		return false;
	*time = (int64_t)((uint64_t)high << 32 | low);
	return *time >= 0;
}

static void put_vec(struct writer *w, size_t width, const void *bytes, size_t len)
{
	size_t mark = writer_open(w, width);

	writer_bytes(w, bytes, len);
	writer_close(w, mark, width);
}

int session_encode(const struct session *s, uint8_t **bytes, size_t *len)
{
	struct writer w = { 0 };
	size_t total = FIXED_MAX + s->ticket.left, list;

	for (size_t i = 0; i < s->chain_count; i++)
		total += s->chain[i].len + 3;
	if (total > SESSION_MAX)
		return -E2BIG;
	if (!writer_reserve(&w, total)) /* or the secret would be left where it grew from */
		return -ENOMEM;
	writer_u8(&w, FORMAT);
	writer_u16(&w, s->version);
	writer_u16(&w, s->suite);
	writer_u8(&w, s->extended_master_secret);
	put_vec(&w, 1, s->secret.bytes, s->secret.len);
	writer_u32(&w, s->age_add);
	writer_u32(&w, s->lifetime);
	put_time(&w, s->created);
	put_time(&w, s->authenticated);
	put_vec(&w, 1, s->server_name, strlen(s->server_name));
	writer_bytes(&w, s->context, sizeof(s->context));
	writer_u16(&w, s->group);
	put_vec(&w, 1, s->id, s->id_len);
	put_vec(&w, 2, s->ticket.at, s->ticket.left);
	list = writer_open(&w, 3);
	for (size_t i = 0; i < s->chain_count; i++)
		put_vec(&w, 3, s->chain[i].data, s->chain[i].len);
	writer_close(&w, list, 3);
	if (!writer_ok(&w)) {
		session_bytes_free(w.bytes, w.size);
		return -E2BIG;
	}
	*bytes = w.bytes;
	*len = w.len;
	return 0;
}

static bool parse_chain(struct session *s, struct reader list)
{
	struct reader cert;

	while (!reader_done(&list)) {
		if (s->chain_count == CHAIN_MAX || !reader_vec24(&list, &cert, 1, SESSION_MAX))
			return false;
		s->chain[s->chain_count++] = (struct hs_der){ .data = cert.at, .len = cert.left };
	}
	return true;
}

static bool parse_session(struct session *s, struct reader r)
{
	struct reader secret, name, id, chain;
	uint8_t format, ems;

	if (!reader_u8(&r, &format) || format != FORMAT || !reader_u16(&r, &s->version) ||
	    !reader_u16(&r, &s->suite) || !reader_u8(&r, &ems) || ems > 1 ||
	    !reader_vec8(&r, &secret, 1, HASH_MAX) || !reader_u32(&r, &s->age_add) ||
	    !reader_u32(&r, &s->lifetime) || !get_time(&r, &s->created) ||
	    !get_time(&r, &s->authenticated) || !reader_vec8(&r, &name, 0, HS_MAX_SERVER_NAME) ||
	    !reader_bytes(&r, s->context, sizeof(s->context)) || !reader_u16(&r, &s->group) ||
	    !reader_vec8(&r, &id, 0, sizeof(s->id)) ||
	    !reader_vec16(&r, &s->ticket, 0, SESSION_TICKET_MAX) ||
	    !reader_vec24(&r, &chain, 0, SESSION_MAX) || !reader_done(&r))
		return false;
	s->extended_master_secret = ems;
	s->secret.len = secret.left;
	memcpy(s->secret.bytes, secret.at, secret.left);
	s->id_len = id.left;
	if (id.left)
		memcpy(s->id, id.at, id.left);
	if (name.left)
		memcpy(s->server_name, name.at, name.left);
	s->server_name[name.left] = '\0';
	return strlen(s->server_name) == name.left && parse_chain(s, chain);
}

int session_decode(struct session *s, const uint8_t *bytes, size_t len)
{
	*s = (struct session){ 0 };
	if (len > SESSION_MAX)
		return -EBADMSG;
	s->bytes = malloc(len + 1);
	if (!s->bytes)
		return -ENOMEM;
	if (len)
		memcpy(s->bytes, bytes, len);
	s->bytes_len = len;
	if (parse_session(s, reader_over(s->bytes, len)))
		return 0;
	session_release(s);
	return -EBADMSG;
}

void session_bytes_free(uint8_t *bytes, size_t len)
{
	if (bytes)
		explicit_bzero(bytes, len);
	free(bytes);
}

void session_release(struct session *s)
{
	session_bytes_free(s->bytes, s->bytes_len);
	explicit_bzero(s, sizeof(*s));
}

/*
 * A server's session belongs to the certificate it was made under and to the caller's
 * context (nginx CVE-2025-23419: resumption across virtual hosts).
 */
int session_digest(const struct hs_engine *e, uint8_t *out)
{
	const struct config *c = &e->config;
	struct crypto_hash *h = crypto_hash_new(HASH_SHA256);
	const struct hs_der *chain;
	size_t count = 0;
	int rc = h ? 0 : -ENOMEM;

	if (rc == 0)
		rc = crypto_hash_update(h, c->session_context, c->session_context_len);
	if (rc == 0 && e->role == HS_SERVER) {
		chain = credential_chain(e->credential, &count);
		rc = crypto_hash_update(h, chain[0].data, chain[0].len);
	}
	if (rc == 0)
		rc = crypto_hash_value(h, out);
	crypto_hash_free(h);
	return rc;
}

int session_context(struct hs_engine *e, uint8_t *out)
{
	return engine_check(e, session_digest(e, out), "session");
}

bool session_is_alive(const struct session *s, int64_t now)
{
	uint32_t lifetime = s->lifetime < SESSION_LIFETIME_MAX ? s->lifetime : SESSION_LIFETIME_MAX;

	return now >= s->created && now - s->created < (int64_t)lifetime &&
	       now >= s->authenticated && now - s->authenticated < SESSION_LIFETIME_MAX;
}

void session_describe(const struct hs_engine *e, struct session *s, const struct secret *secret)
{
	const struct hs_summary *sum = &e->summary;
	int64_t now = e->config.now(e->config.ctx);

	*s = (struct session){ .version = sum->version,
			       .suite = sum->suite,
			       .extended_master_secret = e->extended_master_secret,
			       .group = sum->group,
			       .secret = *secret,
			       .created = now,
			       .authenticated = e->resumed ? e->authenticated : now,
			       .chain_count = sum->peer_chain_count };
	memcpy(s->server_name, sum->server_name, sizeof(s->server_name));
	memcpy(s->chain, e->peer_chain, sizeof(s->chain));
}

bool session_fits(const struct hs_engine *e, const struct session *s, const char *server_name)
{
	const struct suite *suite = suite_find(s->suite);
	size_t secret_len = MASTER_SECRET_LEN;

	if (!suite || suite->version != s->version || suite_index(&e->config, s->suite) < 0)
		return false;
	if (s->version == HS_TLS_1_3)
		secret_len = hash_len(suite->hash);
	return s->secret.len == secret_len && session_is_alive(s, e->config.now(e->config.ctx)) &&
	       !strcmp(s->server_name, server_name);
}

/* One that is too long to keep is let go, and one whose peer was not found good: a resumption looks
 * at the chain again, but sees no OCSP response.
 */
int store_session(struct hs_engine *e, struct session *s)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	int rc;

	if (e->summary.verify_code)
		return 0;
	rc = session_context(e, s->context);
	if (rc < 0)
		return rc;
	rc = session_encode(s, &bytes, &len);
	if (rc == 0)
		e->config.session_new(e->config.ctx, bytes, len);
	session_bytes_free(bytes, len);
	return rc == -E2BIG ? 0 : engine_check(e, rc, "session");
}

/* What today's trust store, clock and name say about the certificates of then. */
static int judge_peer(struct hs_engine *e, const struct session *s)
{
	char text[HS_MAX_TEXT];
	size_t bad;
	int rc = certificates_parse(e->config.trust, s->chain, s->chain_count, &e->peer, &bad);

	if (rc == -EBADMSG)
		return 0;
	if (rc == 0)
		rc = certificates_judge(e, text);
	certificates_free(e->peer);
	e->peer = NULL;
	if (rc < 0)
		return engine_check(e, rc, "session");
	if (rc > 0 && e->config.verify == HS_VERIFY_REQUIRED)
		return 0;
	e->summary.verify_code = rc;
	e->chain_verified = rc == 0;
	return 1;
}

int session_take_peer(struct hs_engine *e, const struct session *s)
{
	bool ask = e->config.verify != HS_VERIFY_NONE;
	int rc = 1;

	if (ask && !s->chain_count && e->config.verify == HS_VERIFY_REQUIRED)
		return 0;
	if (!ask && s->chain_count && e->role == HS_SERVER)
		return 0; /* a server that does not ask knows of no client */
	if (ask && s->chain_count)
		rc = judge_peer(e, s);
	if (rc <= 0)
		return rc;
	e->in.chain_count = s->chain_count;
	memcpy(e->in.chain, s->chain, sizeof(s->chain));
	return keep_chain(e) < 0 ? e->error : 1;
}

/* --- tickets --- */

uint32_t ticket_lifetime(const struct hs_engine *e)
{
	return e->config.ticket_lifetime ? e->config.ticket_lifetime : DEFAULT_LIFETIME;
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return any == 0;
}

/* A key of zeros is one that nobody has set (CVE-2020-13777). */
static int get_key(struct hs_engine *e, bool seal, uint8_t *name, uint8_t *key)
{
	if (!e->config.ticket_key || e->config.ticket_key(e->config.ctx, seal, name, key) < 0 ||
	    all_zero(key, HS_TICKET_KEY_LEN)) {
		explicit_bzero(key, HS_TICKET_KEY_LEN);
		return -ENOENT;
	}
	return 0;
}

int seal_bytes(struct hs_engine *e, const uint8_t *plain, size_t len, uint8_t *ticket)
{
	uint8_t *nonce = ticket + HS_TICKET_NAME_LEN, key[HS_TICKET_KEY_LEN];
	int rc = get_key(e, true, ticket, key);

	if (rc == 0)
		rc = e->config.random(e->config.ctx, nonce, NONCE_LEN);
	if (rc == 0)
		rc = crypto_seal(key, nonce, ticket, HS_TICKET_NAME_LEN, plain, len,
				 nonce + NONCE_LEN);
	explicit_bzero(key, sizeof(key));
	return rc;
}

int ticket_seal(struct hs_engine *e, const struct session *s, uint8_t **ticket, size_t *len)
{
	uint8_t *plain = NULL;
	size_t plain_len = 0;
	int rc = session_encode(s, &plain, &plain_len);

	if (rc == 0) {
		*len = TICKET_OVERHEAD + plain_len;
		*ticket = malloc(*len);
		rc = *ticket ? seal_bytes(e, plain, plain_len, *ticket) : -ENOMEM;
		if (rc < 0) {
			free(*ticket);
			*ticket = NULL;
		}
	}
	session_bytes_free(plain, plain_len);
	return rc;
}

int open_bytes(struct hs_engine *e, struct reader sealed, uint8_t **plain, size_t *len)
{
	uint8_t name[HS_TICKET_NAME_LEN], nonce[NONCE_LEN], key[HS_TICKET_KEY_LEN];
	int rc;

	if (sealed.left < TICKET_OVERHEAD || sealed.left > SESSION_TICKET_MAX)
		return -ENOENT;
	*len = sealed.left - TICKET_OVERHEAD;
	*plain = malloc(*len + 1);
	if (!*plain)
		return -ENOENT;
	reader_bytes(&sealed, name, sizeof(name));
	reader_bytes(&sealed, nonce, sizeof(nonce));
	rc = get_key(e, false, name, key);
	if (rc == 0)
		rc = crypto_open(key, nonce, name, sizeof(name), sealed.at, sealed.left, *plain);
	explicit_bzero(key, sizeof(key));
	if (rc == 0)
		return 0;
	session_bytes_free(*plain, *len);
	*plain = NULL;
	return -ENOENT;
}

int ticket_open(struct hs_engine *e, struct reader ticket, struct session *s)
{
	uint8_t *plain = NULL;
	size_t len = 0;
	int rc = open_bytes(e, ticket, &plain, &len);

	if (rc == 0)
		rc = session_decode(s, plain, len);
	session_bytes_free(plain, len);
	return rc < 0 ? -ENOENT : 0;
}

int64_t hs_session_expires(const uint8_t *session, size_t len)
{
	struct session s;
	int64_t until, last;

	if (session_decode(&s, session, len) < 0)
		return -1;
	until = s.created + s.lifetime;
	last = s.authenticated + SESSION_LIFETIME_MAX;
	session_release(&s);
	return until < last ? until : last;
}
