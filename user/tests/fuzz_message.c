// SPDX-License-Identifier: MIT
/*
 * fuzz_message.c - a fuzzer's messages within a real handshake, and against bare engines
 *
 * RFC 8446 section 4, RFC 5246 section 7.4. See fuzz.h. Whatever comes: no crash, no engine
 * that lives on after a failure, no two sides that are done and disagree.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "pair.h"
#include "tap.h"

/* Of TLS 1.3 and TLS 1.2, made once. */
static uint8_t sessions[2][8192];
static size_t session_lens[2];

static bool making; /* TLS 1.2 */

static void keep_session(void *ctx, const uint8_t *bytes, size_t len)
{
	uint8_t *session = sessions[making];

	(void)ctx;
	if (session_lens[making] || len > sizeof(sessions[0]))
		return;
	memcpy(session, bytes, len);
	session_lens[making] = len;
}

static void drop_session(void *ctx, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	(void)bytes;
	(void)len;
}

static int give_key(void *ctx, bool seal, uint8_t *name, uint8_t *key)
{
	(void)ctx;
	(void)seal;
	memset(name, 1, HS_TICKET_NAME_LEN);
	memset(key, 1, HS_TICKET_KEY_LEN);
	return 0;
}

static void prepare(struct pair *p, uint8_t bits)
{
	static const uint16_t groups[] = { HS_X25519, HS_SECP256R1 };
	static const uint16_t rsa[] = { HS_AES_128_GCM_SHA256, HS_RSA_WITH_AES_128_GCM_SHA256 };
	static struct hs_credential *credential;
	static struct hs_trust *trust;

	if (!credential) {
		credential = identity_credential(test_leaf(KEY_ECDSA_P256));
		trust = identity_trust(test_root());
	}
	pair_init(p, KEY_ED25519);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p->side[role].config.min_version = HS_TLS_1_2;
		p->side[role].config.max_version = HS_TLS_1_3;
		p->side[role].config.groups = groups;
		p->side[role].config.group_count = 2;
		p->side[role].config.alpn = (const uint8_t *)"\x02h2";
		p->side[role].config.alpn_len = 3;
	}
	if (bits & FUZZ_TLS12)
		p->side[HS_SERVER].config.max_version = HS_TLS_1_2;
	if (bits & FUZZ_RSA) {
		hs_credential_unref(p->credentials[0]);
		p->credentials[0] = identity_credential(test_leaf(KEY_RSA));
		for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
			p->side[role].config.suites = rsa;
			p->side[role].config.suite_count = 2;
			p->side[role].config.legacy = true;
		}
	}
	if (bits & FUZZ_RETRY) {
		p->side[HS_SERVER].config.groups = groups + 1;
		p->side[HS_SERVER].config.group_count = 1;
	}
	if (bits & FUZZ_CLIENT_CERTIFICATE) {
		p->side[HS_CLIENT].config.credentials = &credential;
		p->side[HS_CLIENT].config.credential_count = 1;
		p->side[HS_SERVER].config.verify = HS_VERIFY_OPTIONAL;
		p->side[HS_SERVER].config.trust = trust;
	}
	p->side[HS_SERVER].config.ticket_key = give_key;
	p->side[HS_CLIENT].config.session_new = keep_session;
}

void fuzz_set_up(struct pair *p, uint8_t bits)
{
	bool tls12 = bits & FUZZ_TLS12;

	if ((bits & FUZZ_RESUMED) && !session_lens[tls12]) {
		making = tls12;
		prepare(p, tls12 ? FUZZ_TLS12 : 0);
		pair_run(p);
		pair_free(p);
	}
	prepare(p, bits);
	p->side[HS_CLIENT].config.session_new = drop_session;
	if (bits & FUZZ_RESUMED) {
		p->side[HS_CLIENT].config.session = sessions[tls12];
		p->side[HS_CLIENT].config.session_len = session_lens[tls12];
	}
}

static void feed(struct pair *p, enum hs_role to, enum hs_epoch epoch, const uint8_t *bytes,
		 size_t len)
{
	static const uint8_t any[] = { 20, 0, 0, 0 };
	uint8_t *copy = malloc(len ? len : 1); /* of its own size: a read too far is seen */
	struct party *party = &p->side[to];

	if (len)
		memcpy(copy, bytes, len);
	hs_engine_input(party->engine, epoch, copy, len);
	free(copy);
	party_take_actions(p, to);
	if (party->failed && (hs_engine_summary(party->engine) ||
			      hs_engine_input(party->engine, epoch, any, 4) != -ECONNABORTED))
		abort();
}

/* Two that are done must have done the same. */
static void check(const struct pair *p)
{
	const struct party *c = &p->side[HS_CLIENT], *s = &p->side[HS_SERVER];

	if (!pair_complete(p))
		return;
	if (memcmp(c->keys[HS_TX][3].key, s->keys[HS_RX][3].key, HS_MAX_KEY) ||
	    memcmp(c->keys[HS_RX][3].key, s->keys[HS_TX][3].key, HS_MAX_KEY) ||
	    memcmp(c->engine->summary.channel_binding, s->engine->summary.channel_binding, 32) ||
	    c->engine->summary.version != s->engine->summary.version ||
	    c->engine->summary.suite != s->engine->summary.suite ||
	    c->engine->summary.resumed != s->engine->summary.resumed)
		abort();
}

int fuzz_message(const uint8_t *bytes, size_t len)
{
	struct reader r = reader_over(bytes, len), chunk;
	uint8_t bits, before, to;
	uint16_t chunk_len;
	struct pair p;

	if (!reader_u8(&r, &bits) || !reader_u8(&r, &before))
		return 0;
	fuzz_set_up(&p, bits);
	pair_start(&p);
	for (uint8_t i = 0; i < before && pair_step(&p); i++)
		;
	for (int i = 0; i < 8 && reader_u8(&r, &to) && reader_u16(&r, &chunk_len); i++) {
		if (!reader_span(&r, chunk_len < r.left ? chunk_len : r.left, &chunk))
			break;
		feed(&p, to & 1 ? HS_SERVER : HS_CLIENT, (enum hs_epoch)(to >> 1 & 3), chunk.at,
		     chunk.left);
	}
	while (pair_step(&p))
		;
	check(&p);
	pair_free(&p);
	return 0;
}

int fuzz_engine(const uint8_t *bytes, size_t len)
{
	struct pair p;

	if (!len)
		return 0;
	fuzz_set_up(&p, bytes[0] >> 4);
	pair_start(&p);
	feed(&p, bytes[0] & 1 ? HS_SERVER : HS_CLIENT, (enum hs_epoch)(bytes[0] >> 1 & 3),
	     bytes + 1, len - 1);
	pair_free(&p);
	return 0;
}
