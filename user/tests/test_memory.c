// SPDX-License-Identifier: MIT
/*
 * test_memory.c - handshakes that run out of memory, at one place after the other
 *
 * Whatever comes of it, it fails closed: an engine that has not failed has verified its peer and has
 * the peer's keys; one that has failed is dead, and says why. With the sanitizers it shows besides
 * that nothing is left behind, freed twice or used afterwards.
 */
#include <stdlib.h>

#include "resumption.h"
#include "scarce.h"
#include "tap.h"

#define PLACES 120 /* of a handshake, evenly spread */

/* The linker puts these in the place of libc's (build.mk). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *at, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *at, size_t size);

void *__wrap_malloc(size_t size)
{
	return scarce_allows() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return scarce_allows() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *at, size_t size)
{
	return scarce_allows() ? __real_realloc(at, size) : NULL;
}

enum kind {
	TLS_1_3,
	CLIENT_CERTIFICATE,
	RESUMED,
	TLS_1_2,
	RSA,
	KINDS,
};

static const char *const kinds[KINDS] = {
	"TLS 1.3", "a client certificate", "a session", "TLS 1.2", "RSA key exchange",
};

static struct hs_trust *trust;
static struct hs_credential *client;

static void prepare(struct pair *p, enum kind kind)
{
	static const uint16_t rsa[] = { HS_RSA_WITH_AES_128_GCM_SHA256 };

	if (kind != RESUMED)
		reset();
	set_up(p);
	for (int role = HS_CLIENT; role <= HS_SERVER && kind >= TLS_1_2; role++) {
		p->side[role].config.min_version = HS_TLS_1_2;
		p->side[role].config.max_version = HS_TLS_1_2;
		if (kind == RSA) {
			p->side[role].config.suites = rsa;
			p->side[role].config.suite_count = 1;
			p->side[role].config.legacy = true;
		}
	}
	if (kind == RSA) {
		hs_credential_unref(p->credentials[0]);
		p->credentials[0] = identity_credential(test_leaf(KEY_RSA));
	}
	if (kind == CLIENT_CERTIFICATE) {
		p->side[HS_SERVER].config.verify = HS_VERIFY_REQUIRED;
		p->side[HS_SERVER].config.trust = trust;
		p->side[HS_CLIENT].config.credentials = &client;
		p->side[HS_CLIENT].config.credential_count = 1;
	}
}

/* Is each side done with the other one as it has to be, or dead? */
static bool is_closed(struct pair *p, enum kind kind)
{
	static const uint8_t any[] = { 20, 0, 0, 0 };

	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		const struct party *party = &p->side[role], *other = &p->side[!role];
		const struct hs_summary *s = hs_engine_summary(party->engine);

		if (party->failed) {
			if (s || !party->failure.error || !*party->text ||
			    hs_engine_input(party->engine, HS_EPOCH_APPLICATION, any, 4) !=
				    -ECONNABORTED)
				return false;
			continue;
		}
		if (!party->complete)
			continue; /* the other one has failed */
		if (!s ||
		    ((role == HS_CLIENT || kind == CLIENT_CERTIFICATE) && !s->peer_authenticated))
			return false;
		if (other->keys[HS_TX][3].key_len &&
		    memcmp(party->keys[HS_RX][3].key, other->keys[HS_TX][3].key, HS_MAX_KEY) != 0)
			return false;
	}
	return pair_complete(p) || p->side[HS_CLIENT].failed || p->side[HS_SERVER].failed;
}

/* As pair_step(), but what the test does itself does not count. */
static bool step(struct pair *p)
{
	const struct message *m = &p->sent[p->delivered];
	enum hs_role to;

	if (p->delivered == p->sent_count || p->side[HS_CLIENT].failed || p->side[HS_SERVER].failed)
		return false;
	p->delivered++;
	to = m->from == HS_CLIENT ? HS_SERVER : HS_CLIENT;
	scarce_pause(false);
	hs_engine_input(p->side[to].engine, m->epoch, m->bytes, m->len);
	scarce_pause(true);
	party_take_actions(p, to);
	return true;
}

/* A handshake that has memory for so many allocations: how many it asked for */
static unsigned long run(enum kind kind, unsigned long count, bool *closed, bool *refused)
{
	unsigned long asked;
	struct pair p;

	prepare(&p, kind);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p.side[role].engine = hs_engine_new(&p.side[role].config, (enum hs_role)role);
		if (!p.side[role].engine)
			bail("no engine");
	}
	scarce_after(count);
	hs_engine_start(p.side[HS_SERVER].engine);
	hs_engine_start(p.side[HS_CLIENT].engine);
	scarce_pause(true);
	party_take_actions(&p, HS_SERVER);
	party_take_actions(&p, HS_CLIENT);
	while (step(&p))
		;
	asked = scarce_off(refused);
	*closed = is_closed(&p, kind);
	if (!*closed)
		note("after %lu: client %s, server %s", count, p.side[HS_CLIENT].text,
		     p.side[HS_SERVER].text);
	pair_free(&p);
	return asked;
}

static void every_place(enum kind kind)
{
	unsigned int closed = 0, tried = 0;
	unsigned long total, step;
	bool good, refused = true;

	if (kind == RESUMED) {
		run(TLS_1_3, 1000000, &good, &refused);
		if (stored != 1)
			bail("no session");
	}
	total = run(kind, 1000000, &good, &refused);
	if (!good || refused)
		bail("no handshake: %s", kinds[kind]);
	step = total / PLACES + 1;
	for (unsigned long n = 0; n < total; n += step) {
		tried++;
		run(kind, n, &good, &refused);
		closed += good;
	}
	ok(closed == tried && tried > 20, "%s: no memory at %u of %lu places", kinds[kind], tried,
	   total);
}

int main(void)
{
	scarce_init();
	trust = identity_trust(test_root());
	client = identity_credential(test_leaf(KEY_ECDSA_P256));
	for (int kind = 0; kind < KINDS; kind++)
		every_place((enum kind)kind);
	hs_trust_unref(trust);
	hs_credential_unref(client);
	identities_free();
	return tap_done();
}
