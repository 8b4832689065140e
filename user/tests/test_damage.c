// SPDX-License-Identifier: MIT
/*
 * test_damage.c - messages cut short and with bits turned, at every byte
 *
 * Handshakes of TLS 1.3 (RFC 8446 section 2, with HelloRetryRequest) and TLS 1.2 (RFC 5246
 * section 7.3), with a client certificate, are played again and again, each time with one
 * message damaged. No damage may crash an engine, leave it without an answer, or let both
 * sides complete.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pair.h"
#include "tap.h"

struct damage {
	size_t message; /* which of the handshake */
	size_t keep; /* bytes that are left of it; its own length: all */
	bool fix_length; /* the message header says how much is left */
	size_t bit;
	bool flip;
};

static struct hs_credential *client_credential;
static struct hs_trust *trust;

/* The handshake that is damaged. */
static uint16_t version;

static void set_up(struct pair *p)
{
	static const uint16_t groups[] = { HS_X25519, HS_SECP256R1 };

	pair_init(p, KEY_ED25519);
	p->side[HS_CLIENT].config.groups = groups;
	p->side[HS_CLIENT].config.group_count = 2;
	p->side[HS_SERVER].config.groups = groups + 1;
	p->side[HS_SERVER].config.group_count = 1;
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p->side[role].config.min_version = version;
		p->side[role].config.max_version = version;
	}
	p->side[HS_CLIENT].config.alpn = (const uint8_t *)"\x02h2";
	p->side[HS_CLIENT].config.alpn_len = 3;
	p->side[HS_SERVER].config.alpn = (const uint8_t *)"\x02h2";
	p->side[HS_SERVER].config.alpn_len = 3;
	p->side[HS_CLIENT].config.credentials = &client_credential;
	p->side[HS_CLIENT].config.credential_count = 1;
	p->side[HS_SERVER].config.verify = HS_VERIFY_REQUIRED;
	p->side[HS_SERVER].config.trust = trust;
}

static void do_damage(struct pair *p, struct message *m, size_t index)
{
	const struct damage *d = p->tamper_arg;
	size_t body;

	if (index != d->message)
		return;
	if (d->flip)
		m->bytes[d->bit / 8] ^= (uint8_t)(1 << d->bit % 8);
	if (d->keep < m->len) {
		/* in a block of its own size, so that the sanitizer sees a read too far */
		uint8_t *shorter = malloc(d->keep ? d->keep : 1);

		memcpy(shorter, m->bytes, d->keep);
		free(m->bytes);
		m->bytes = shorter;
		m->len = d->keep;
	}
	if (d->fix_length) {
		body = m->len - 4;
		m->bytes[1] = (uint8_t)(body >> 16);
		m->bytes[2] = (uint8_t)(body >> 8);
		m->bytes[3] = (uint8_t)body;
	}
}

/* The receiver of the damaged message must not have been taken in by it. */
static bool survives(const struct damage *d)
{
	struct pair p;
	bool good;

	set_up(&p);
	p.tamper = do_damage;
	p.tamper_arg = (void *)(uintptr_t)d;
	pair_run(&p);
	good = !pair_complete(&p);
	/* one side may be done; the other must then have failed and said why */
	if (good && d->keep)
		good = (p.side[HS_CLIENT].failed && *p.side[HS_CLIENT].text) ||
		       (p.side[HS_SERVER].failed && *p.side[HS_SERVER].text);
	pair_free(&p);
	return good;
}

static void cut(size_t message, size_t len, const char *name)
{
	size_t good = 0, tries = 0;

	/* the header tells: a few will do */
	for (size_t keep = 1; keep < len; keep += 1 + keep / 4) {
		struct damage d = { .message = message, .keep = keep };

		good += survives(&d);
		tries++;
	}
	ok(good == tries, "%s, of %zu bytes, cut short", name, len);
	good = 0;
	for (size_t keep = 4; keep < len; keep++) {
		struct damage d = { .message = message, .keep = keep, .fix_length = true };

		good += survives(&d);
	}
	ok(good == len - 4, "%s, cut at each of its bytes, with a length that fits", name);
}

static void turn_bits(size_t message, size_t len, const char *name)
{
	size_t good = 0;

	/* one bit of each byte: all of them take minutes, and find the same */
	for (size_t i = 0; i < len; i++) {
		size_t bit = i * 8 + i * 3 % 8;
		struct damage d = { .message = message, .keep = len, .bit = bit, .flip = true };

		if (survives(&d))
			good++;
		else
			note("%s: bit %zu is let through", name, bit);
	}
	ok(good == len, "%s, a bit turned at each of its bytes", name);
}

static void damage_all(const char *what, size_t messages)
{
	struct pair p;
	char name[80];

	set_up(&p);
	pair_run(&p);
	ok(pair_complete(&p) && p.sent_count == messages, "%s, whole, is %zu messages", what,
	   p.sent_count);
	for (size_t i = 0; i < p.sent_count; i++) {
		snprintf(name, sizeof(name), "%s, message %zu, %s", what, i + 1,
			 hs_message_name(p.sent[i].bytes[0]));
		cut(i, p.sent[i].len, name);
		turn_bits(i, p.sent[i].len, name);
	}
	pair_free(&p);
}

int main(void)
{
	struct identity_spec spec = { .common_name = "Client", .key = KEY_ED25519 };
	struct identity *client;

	spec.issuer = test_root();
	client = identity_new(&spec);
	client_credential = identity_credential(client);
	trust = identity_trust(test_root());
	version = HS_TLS_1_3;
	damage_all("TLS 1.3", 12);
	version = HS_TLS_1_2;
	damage_all("TLS 1.2", 11);
	hs_credential_unref(client_credential);
	hs_trust_unref(trust);
	identity_free(client);
	identities_free();
	return tap_done();
}
