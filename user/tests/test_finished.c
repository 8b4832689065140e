// SPDX-License-Identifier: MIT
/*
 * test_finished.c - every Finished but the right one is refused
 *
 * RFC 8446 section 4.4.4, RFC 5246 section 7.4.9: of another length, with a bit turned at each
 * place, of zeros, thrown back at its sender, from another handshake, and made with the key
 * of another epoch or side. Nothing of it may complete a handshake.
 */
#include <stdlib.h>

#include "pair.h"
#include "tap.h"

struct scene {
	const char *name;
	uint16_t version;
	uint16_t suite;
	enum hs_role judge;
};

static const struct scene scenes[] = {
	{ "TLS 1.3, SHA-256, client", HS_TLS_1_3, HS_AES_128_GCM_SHA256, HS_CLIENT },
	{ "TLS 1.3, SHA-256, server", HS_TLS_1_3, HS_AES_128_GCM_SHA256, HS_SERVER },
	{ "TLS 1.3, SHA-384, client", HS_TLS_1_3, HS_AES_256_GCM_SHA384, HS_CLIENT },
	{ "TLS 1.3, SHA-384, server", HS_TLS_1_3, HS_AES_256_GCM_SHA384, HS_SERVER },
	{ "TLS 1.2, client", HS_TLS_1_2, HS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, HS_CLIENT },
	{ "TLS 1.2, server", HS_TLS_1_2, HS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, HS_SERVER },
};

static void set_up(struct pair *p, const struct scene *s)
{
	pair_init(p, KEY_ECDSA_P256);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p->side[role].config.min_version = s->version;
		p->side[role].config.max_version = s->version;
		p->side[role].config.suites = &s->suite;
		p->side[role].config.suite_count = 1;
	}
}

/* Runs until the judge's Finished is the next message. */
static struct message *play(struct pair *p, const struct scene *s)
{
	set_up(p, s);
	pair_start(p);
	for (;;) {
		struct message *m = &p->sent[p->delivered];

		if (p->delivered == p->sent_count)
			bail("%s: no Finished: %s%s", s->name, p->side[HS_CLIENT].text,
			     p->side[HS_SERVER].text);
		if (m->bytes[0] == MESSAGE_FINISHED && m->from != s->judge)
			return m;
		pair_step(p);
	}
}

/* A Finished with this verify_data in place of the right one. */
static bool refused(struct pair *p, const struct scene *s, const uint8_t *data, size_t len,
		    enum alert alert)
{
	struct message *m = &p->sent[p->delivered];
	struct party *judge = &p->side[s->judge];
	uint8_t bytes[4 + 255] = { MESSAGE_FINISHED, 0, 0, (uint8_t)len };
	bool good;

	memcpy(bytes + 4, data, len);
	hs_engine_input(judge->engine, m->epoch, bytes, 4 + len);
	party_take_actions(p, s->judge);
	good = judge->failed && !judge->complete && judge->failure.alert == alert &&
	       judge->failure.error == EPROTO && !hs_engine_summary(judge->engine);
	if (!good)
		note("%s: %zu bytes: alert %s", s->name, len, hs_alert_name(judge->failure.alert));
	return good;
}

static void lengths(const struct scene *s)
{
	unsigned int right = 0, all = 0;

	for (size_t len = 0; len <= 66; len++) {
		uint8_t data[66] = { 0 };
		struct message *m;
		struct pair p;

		m = play(&p, s);
		if (len != m->len - 4) {
			memcpy(data, m->bytes + 4, m->len - 4);
			all++;
			right += refused(&p, s, data, len, ALERT_DECODE_ERROR);
		}
		pair_free(&p);
	}
	ok(right == 66 && all == 66, "%s: Finished of another length", s->name);
}

static void bits(const struct scene *s)
{
	size_t right = 0, len = 1;

	for (size_t i = 0; i < len; i++) {
		uint8_t data[HASH_MAX];
		struct message *m;
		struct pair p;

		m = play(&p, s);
		len = m->len - 4;
		memcpy(data, m->bytes + 4, len);
		data[i] ^= (uint8_t)(1 << i % 8);
		right += refused(&p, s, data, len, ALERT_DECRYPT_ERROR);
		pair_free(&p);
	}
	ok(right == len, "%s: Finished with a bit turned, at each of %zu bytes", s->name, len);
}

static void of_zeros(const struct scene *s)
{
	uint8_t zeros[HASH_MAX] = { 0 };
	struct message *m;
	struct pair p;

	m = play(&p, s);
	ok(refused(&p, s, zeros, m->len - 4, ALERT_DECRYPT_ERROR), "%s: Finished of zeros",
	   s->name);
	pair_free(&p);
}

/* The same two sides, the same configuration, other random bytes. */
static void of_another_handshake(const struct scene *s)
{
	uint8_t data[HASH_MAX];
	struct message *m;
	struct pair p;

	m = play(&p, s);
	memcpy(data, m->bytes + 4, m->len - 4);
	pair_free(&p);
	set_up(&p, s);
	p.side[HS_CLIENT].random_state++;
	pair_start(&p);
	while (p.sent[p.delivered].bytes[0] != MESSAGE_FINISHED ||
	       p.sent[p.delivered].from == s->judge)
		pair_step(&p);
	m = &p.sent[p.delivered];
	ok(refused(&p, s, data, m->len - 4, ALERT_DECRYPT_ERROR),
	   "%s: Finished of another handshake", s->name);
	pair_free(&p);
}

/* In TLS 1.3 the server's Finished is before the client's, in TLS 1.2 behind it. */
static void thrown_back(const struct scene *s)
{
	struct message *own = NULL;
	struct pair p;

	play(&p, s);
	for (size_t i = 0; i < p.sent_count; i++)
		if (p.sent[i].bytes[0] == MESSAGE_FINISHED && p.sent[i].from == s->judge)
			own = &p.sent[i];
	if (own)
		ok(refused(&p, s, own->bytes + 4, own->len - 4, ALERT_DECRYPT_ERROR),
		   "%s: its own Finished, thrown back", s->name);
	pair_free(&p);
}

/* The right transcript under each of the secrets: only one of them is right. */
static void wrong_key(const struct scene *s, const char *what, size_t secret, bool right)
{
	struct party *judge;
	uint8_t hash[HASH_MAX], data[HASH_MAX];
	struct key_schedule *k;
	const struct secret *base;
	struct message *m;
	struct pair p;

	m = play(&p, s);
	judge = &p.side[s->judge];
	k = &judge->engine->keys;
	base = (const struct secret *)((const char *)k + secret);
	if (transcript_value(&judge->engine->transcript, hash) < 0 ||
	    key_schedule_finished(k, base, hash, data) < 0)
		bail("%s: no verify_data", s->name);
	if (right)
		ok(m->len - 4 == base->len && !memcmp(data, m->bytes + 4, base->len),
		   "%s: Finished under the %s secret is the right one", s->name, what);
	else
		ok(refused(&p, s, data, m->len - 4, ALERT_DECRYPT_ERROR),
		   "%s: Finished under the %s secret", s->name, what);
	pair_free(&p);
}

#define SECRET(name) offsetof(struct key_schedule, name)

static void wrong_keys(const struct scene *s)
{
	bool client = s->judge == HS_CLIENT; /* so it is the server's that is right */

	wrong_key(s, "server's handshake", SECRET(server_handshake), client);
	wrong_key(s, "client's handshake", SECRET(client_handshake), !client);
	if (client)
		return; /* the others are not there yet */
	wrong_key(s, "client's application", SECRET(client_application), false);
	wrong_key(s, "server's application", SECRET(server_application), false);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		lengths(&scenes[i]);
		bits(&scenes[i]);
		of_zeros(&scenes[i]);
		of_another_handshake(&scenes[i]);
		thrown_back(&scenes[i]);
		if (scenes[i].version == HS_TLS_1_3)
			wrong_keys(&scenes[i]);
	}
	identities_free();
	return tap_done();
}
