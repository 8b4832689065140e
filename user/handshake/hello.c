// SPDX-License-Identifier: MIT
/*
 * hello.c - what both roles do around the hellos
 *
 * Key shares and the step into the handshake epoch (RFC 8446 section 7.1), the comparison
 * of a second ClientHello with the first (section 4.1.2), and the end of a handshake. It
 * must never let two different ClientHellos pass for one.
 */
#include "extensions.h"
#include "session.h"

#include <stdlib.h>

/* SHA-256("HelloRetryRequest"), RFC 8446 section 4.1.3 */
const uint8_t retry_random[HS_RANDOM_LEN] = {
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
	0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
	0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

int new_share(struct hs_engine *e, const struct group *group)
{
	crypto_share_free(e->share);
	e->share = NULL;
	e->group = group;
	return engine_check(e, crypto_share_new(group, e->config.random, e->config.ctx, &e->share),
			    "key share");
}

int judge_share(struct hs_engine *e, int rc)
{
	if (rc == -EBADMSG)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the peer's key share is not a valid one of %s", e->group->name);
	return engine_check(e, rc, "key share");
}

int start_handshake_keys(struct hs_engine *e, const struct shared_secret *shared)
{
	uint8_t hash[HASH_MAX];
	int rc = transcript_value(&e->transcript, hash);

	if (rc == 0)
		rc = key_schedule_early(&e->keys, e->suite->hash,
					e->resumed ? &e->session->secret : NULL);
	if (rc == 0) {
		engine_tell(e, "Early Secret", e->keys.current.bytes, e->keys.current.len);
		engine_tell(e, "(EC)DHE shared secret", shared->bytes, shared->len);
		rc = key_schedule_handshake(&e->keys, shared, hash);
	}
	if (rc == 0)
		engine_tell(e, "Handshake Secret", e->keys.current.bytes, e->keys.current.len);
	crypto_share_free(e->share);
	e->share = NULL;
	return engine_check(e, rc, "handshake secrets");
}

/* The bytes of a ClientHello from legacy_version to the compression methods. */
static int hash_fields(const struct incoming *in, uint8_t *out)
{
	const uint8_t *start = in->bytes + 4;

	return crypto_digest(HASH_SHA256, start, (size_t)(in->extensions.at - 2 - start), out);
}

int remember_first_hello(struct hs_engine *e)
{
	e->first_hello = malloc(e->in.extensions.left + 1);
	if (!e->first_hello)
		return engine_check(e, -ENOMEM, "ClientHello");
	memcpy(e->first_hello, e->in.extensions.at, e->in.extensions.left);
	e->first_hello_len = e->in.extensions.left;
	return engine_check(e, hash_fields(&e->in, e->first_hello_fields), "ClientHello");
}

/* RFC 8446 section 4.1.2 lists what a second ClientHello may change. */
static bool may_change(uint16_t type)
{
	return type == EXTENSION_KEY_SHARE || type == EXTENSION_EARLY_DATA ||
	       type == EXTENSION_COOKIE || type == EXTENSION_PRE_SHARED_KEY ||
	       type == EXTENSION_PADDING;
}

/* Each extension of @a that may not change stands in @b, the same. Counts them. */
static bool all_found(struct reader a, struct reader b, size_t *count)
{
	struct reader body, other;
	uint16_t type;

	*count = 0;
	while (reader_u16(&a, &type) && reader_vec16(&a, &body, 0, UINT16_MAX)) {
		if (may_change(type))
			continue;
		if (!extension_find(b, type, &other) || other.left != body.left ||
		    memcmp(other.at, body.at, body.left) != 0)
			return false;
		++*count;
	}
	return true;
}

int check_second_hello(struct hs_engine *e)
{
	struct reader first = reader_over(e->first_hello, e->first_hello_len);
	uint8_t fields[HASH_MAX];
	size_t forth, back;
	int rc = engine_check(e, hash_fields(&e->in, fields), "ClientHello");

	if (rc < 0)
		return rc;
	if (memcmp(fields, e->first_hello_fields, hash_len(HASH_SHA256)) != 0 ||
	    !all_found(first, e->in.extensions, &forth) ||
	    !all_found(e->in.extensions, first, &back) || forth != back)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the second ClientHello differs from the first");
	if (extension_seen(e, EXTENSION_EARLY_DATA))
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the second ClientHello carries early_data");
	free(e->first_hello);
	e->first_hello = NULL;
	return 0;
}

/* RFC 8449 section 4: in TLS 1.3 the limit counts the content type. */
void take_record_limit(struct hs_engine *e)
{
	uint16_t limit = e->in.record_limit;

	if (!extension_seen(e, EXTENSION_RECORD_SIZE_LIMIT))
		return;
	if (e->version == HS_TLS_1_3)
		limit--;
	e->summary.max_payload = limit < HS_MAX_PAYLOAD ? limit : HS_MAX_PAYLOAD;
}

void fill_summary(struct hs_engine *e)
{
	struct hs_summary *s = &e->summary;
	bool proven;

	s->version = e->version;
	s->suite = e->suite->code;
	s->group = e->group ? e->group->code : 0;
	if (e->peer_scheme)
		s->scheme = e->peer_scheme->code;
	else if (e->scheme)
		s->scheme = e->scheme->code;
	s->retried = e->retried;
	s->psk = e->external;
	s->resumed = e->resumed && !e->external;
	/* in RSA key exchange the server's Finished proves possession of its key */
	proven = e->peer_scheme || e->resumed ||
		 (e->role == HS_CLIENT && e->suite->exchange == EXCHANGE_RSA);
	s->peer_authenticated = e->external || (e->chain_verified && proven);
	s->peer_chain = e->peer_chain;
	if (e->role == HS_CLIENT && e->config.server_name)
		memcpy(s->server_name, e->config.server_name, strlen(e->config.server_name) + 1);
}

void release_exchange(struct hs_engine *e)
{
	crypto_share_free(e->share);
	e->share = NULL;
	crypto_dh_free(e->dh);
	e->dh = NULL;
	explicit_bzero(e->premaster, sizeof(e->premaster));
}

void release_handshake(struct hs_engine *e)
{
	transcript_release(&e->transcript);
	release_exchange(e);
	certificates_free(e->peer);
	e->peer = NULL;
	free(e->first_hello);
	e->first_hello = NULL;
	free(e->cookie);
	e->cookie = NULL;
	free(e->new_ticket);
	e->new_ticket = NULL;
	if (e->session)
		session_release(e->session);
	free(e->session);
	e->session = NULL;
}

int complete_handshake(struct hs_engine *e)
{
	struct hs_summary *s = &e->summary;
	uint8_t hash[HASH_MAX];
	int rc;

	fill_summary(e);
	rc = transcript_value(&e->transcript, hash);
	if (rc == 0)
		rc = key_schedule_complete(&e->keys, hash);
	rc = engine_check(e, rc, "resumption secret");
	if (rc == 0 && e->role == HS_SERVER)
		rc = server_send_ticket(e);
	if (rc < 0)
		return rc;
	rc = key_schedule_export(&e->keys, "EXPORTER-Channel-Binding", NULL, 0, s->channel_binding,
				 sizeof(s->channel_binding));
	rc = engine_check(e, rc, "channel binding");
	if (rc == 0)
		rc = action_complete(e);
	release_handshake(e);
	if (e->role == HS_SERVER || !e->config.session_new)
		secret_wipe(&e->keys.resumption);
	secret_wipe(&e->keys.client_handshake);
	secret_wipe(&e->keys.server_handshake);
	secret_wipe(&e->keys.client_application);
	secret_wipe(&e->keys.server_application);
	e->epoch_ended = true;
	return rc;
}
