// SPDX-License-Identifier: MIT
/*
 * test_exchange.c - key exchanges of TLS 1.2 that no honest peer would make
 *
 * RFC 5246 sections 7.4.3 and 7.4.7, RFC 8422 section 5.4, RFC 7919. Parameters that are signed
 * well and are none: weak groups, points off the curve, numbers out of range; and the same of
 * clients. Each ends in an alert before a key is made.
 */
#include <stdlib.h>

#include "pair.h"
#include "tap.h"

#define ZEROS_31 "00000000000000000000000000000000000000000000000000000000000000"
#define ONES_32 "0101010101010101010101010101010101010101010101010101010101010101"
#define ACCEPTED 0

struct row {
	const char *what;
	const char *hex; /* the parameters, or the client's message; NULL: as they are */
	uint8_t alert;
};

static const struct row servers[] = {
	{ "as they are, signed again", NULL, ACCEPTED },
	{ "a share of zeros", "03001d20" ZEROS_31 "00", ALERT_ILLEGAL_PARAMETER },
	{ "a share of small order", "03001d2001" ZEROS_31, ALERT_ILLEGAL_PARAMETER },
	{ "a share of 31 bytes", "03001d1f" ZEROS_31, ALERT_ILLEGAL_PARAMETER },
	{ "a point off the curve", "0300174104" ONES_32 ONES_32, ALERT_ILLEGAL_PARAMETER },
	{ "a compressed point", "0300172102" ONES_32, ALERT_ILLEGAL_PARAMETER },
	{ "the point at infinity", "0300170100", ALERT_ILLEGAL_PARAMETER },
	{ "a group that was not offered", "0300192004" ZEROS_31, ALERT_ILLEGAL_PARAMETER },
	{ "a curve in explicit form", "01001d20" ONES_32, ALERT_DECODE_ERROR },
	{ "no share", "03001d00", ALERT_DECODE_ERROR },
	{ "half a share", "03001d2000", ALERT_DECODE_ERROR },
};

static const struct row clients[] = {
	{ "as it is", NULL, ACCEPTED },
	{ "a share of zeros", "20" ZEROS_31 "00", ALERT_ILLEGAL_PARAMETER },
	{ "a share of 31 bytes", "1f" ZEROS_31, ALERT_ILLEGAL_PARAMETER },
	{ "no share", "00", ALERT_DECODE_ERROR },
	{ "half a share", "2000", ALERT_DECODE_ERROR },
	{ "bytes behind it", "20" ONES_32 "00", ALERT_DECODE_ERROR },
	{ "nothing", "", ALERT_DECODE_ERROR },
};

/* What becomes of prime, generator and share: (EC)DHE without a curve. */
enum number {
	KEEP,
	ZERO,
	ONE,
	ALL, /* the prime itself */
	ALL_BUT_ONE,
	SHORT, /* 1024 bits of it */
	EVEN,
	BENT, /* a bit in the middle */
	NONE,
};

static const struct dhe {
	const char *what;
	enum number prime, generator, share;
	uint8_t alert;
} dhes[] = {
	{ "as they are", KEEP, KEEP, KEEP, ACCEPTED },
	{ "a prime of the server's own", BENT, KEEP, KEEP, ACCEPTED },
	{ "another generator", KEEP, BENT, KEEP, ACCEPTED },
	{ "a prime of 1024 bits", SHORT, KEEP, ONE, ALERT_ILLEGAL_PARAMETER },
	{ "an even prime", EVEN, KEEP, KEEP, ALERT_ILLEGAL_PARAMETER },
	{ "no prime", NONE, KEEP, KEEP, ALERT_DECODE_ERROR },
	{ "a prime of zero", ZERO, KEEP, KEEP, ALERT_ILLEGAL_PARAMETER },
	{ "a generator of one", KEEP, ONE, KEEP, ALERT_ILLEGAL_PARAMETER },
	{ "a generator of p - 1", KEEP, ALL_BUT_ONE, KEEP, ALERT_ILLEGAL_PARAMETER },
	{ "a share of zero", KEEP, KEEP, ZERO, ALERT_ILLEGAL_PARAMETER },
	{ "a share of one", KEEP, KEEP, ONE, ALERT_ILLEGAL_PARAMETER },
	{ "a share of p - 1", KEEP, KEEP, ALL_BUT_ONE, ALERT_ILLEGAL_PARAMETER },
	{ "a share of p", KEEP, KEEP, ALL, ALERT_ILLEGAL_PARAMETER },
	{ "no share", KEEP, KEEP, NONE, ALERT_DECODE_ERROR },
};

struct aim {
	uint8_t type;
	const struct row *row; /* or */
	const struct dhe *dhe;
	bool hit;
};

static void set_message(struct message *m, const uint8_t *body, size_t len)
{
	uint8_t type = m->bytes[0];

	free(m->bytes);
	m->len = 4 + len;
	m->bytes = malloc(m->len);
	m->bytes[0] = type;
	m->bytes[1] = 0;
	m->bytes[2] = (uint8_t)(len >> 8);
	m->bytes[3] = (uint8_t)len;
	memcpy(m->bytes + 4, body, len);
}

/* The parameters with the signature that the server itself would make. */
static void sign_params(struct pair *p, struct message *m, const uint8_t *params, size_t len)
{
	struct hs_engine *e = p->side[HS_SERVER].engine;
	uint8_t content[4096], body[4096];
	size_t signature_len = sizeof(body) - len - 4;

	memcpy(content, e->client_random, HS_RANDOM_LEN);
	memcpy(content + HS_RANDOM_LEN, e->server_random, HS_RANDOM_LEN);
	memcpy(content + 2 * HS_RANDOM_LEN, params, len);
	memcpy(body, params, len);
	if (credential_sign(e->credential, e->scheme, content, 2 * HS_RANDOM_LEN + len,
			    body + len + 4, &signature_len) < 0)
		bail("no signature");
	body[len] = (uint8_t)(e->scheme->code >> 8);
	body[len + 1] = (uint8_t)e->scheme->code;
	body[len + 2] = (uint8_t)(signature_len >> 8);
	body[len + 3] = (uint8_t)signature_len;
	set_message(m, body, len + 4 + signature_len);
}

static size_t put_number(uint8_t *out, enum number what, struct reader number, struct reader prime)
{
	static const uint8_t small[] = { 0, 1 };
	struct reader r = number;

	if (what == ZERO || what == ONE)
		r = reader_over(small + (what == ONE), 1);
	else if (what == ALL || what == ALL_BUT_ONE)
		r = prime;
	else if (what == SHORT)
		r.left = 128;
	else if (what == NONE)
		r.left = 0;
	out[0] = (uint8_t)(r.left >> 8);
	out[1] = (uint8_t)r.left;
	memcpy(out + 2, r.at, r.left);
	if (what == ALL_BUT_ONE || what == EVEN)
		out[1 + r.left] ^= 1; /* it is odd */
	if (what == BENT)
		out[2 + r.left / 2] ^= 1;
	return 2 + r.left;
}

static void change_dhe(struct pair *p, struct message *m, const struct dhe *d)
{
	struct reader r = reader_over(m->bytes + 4, m->len - 4), prime, generator, share;
	uint8_t params[2048];
	size_t n = 0;

	if (!reader_vec16(&r, &prime, 1, 512) || !reader_vec16(&r, &generator, 1, 512) ||
	    !reader_vec16(&r, &share, 1, 512))
		bail("no parameters");
	n += put_number(params + n, d->prime, prime, prime);
	n += put_number(params + n, d->generator, generator, prime);
	n += put_number(params + n, d->share, share, prime);
	sign_params(p, m, params, n);
}

/* Of the parameters of a ServerKeyExchange on a curve. */
static size_t params_len(const struct message *m)
{
	return 4 + (size_t)m->bytes[7];
}

static void change(struct pair *p, struct message *m, size_t index)
{
	struct aim *aim = p->tamper_arg;
	uint8_t *bytes;
	size_t len;

	(void)index;
	if (m->bytes[0] != aim->type)
		return;
	aim->hit = true;
	if (aim->dhe) {
		change_dhe(p, m, aim->dhe);
		return;
	}
	if (aim->row->hex) {
		bytes = unhex(aim->row->hex, &len);
	} else {
		len = aim->type == MESSAGE_SERVER_KEY_EXCHANGE ? params_len(m) : m->len - 4;
		bytes = malloc(len);
		memcpy(bytes, m->bytes + 4, len);
	}
	if (aim->type == MESSAGE_SERVER_KEY_EXCHANGE)
		sign_params(p, m, bytes, len);
	else
		set_message(m, bytes, len);
	free(bytes);
}

static void play(struct aim *aim, uint16_t suite, const char *what, uint8_t alert)
{
	static const uint16_t groups[] = { HS_X25519, HS_SECP256R1 };
	enum hs_role judge = aim->type == MESSAGE_SERVER_KEY_EXCHANGE ? HS_CLIENT : HS_SERVER;
	const struct party *party;
	struct pair p;
	bool good;

	pair_init(&p, KEY_RSA);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p.side[role].config.min_version = HS_TLS_1_2;
		p.side[role].config.max_version = HS_TLS_1_2;
		p.side[role].config.suites = &suite;
		p.side[role].config.suite_count = 1;
		p.side[role].config.groups = groups;
		p.side[role].config.group_count = 2;
	}
	p.tamper = change;
	p.tamper_arg = aim;
	pair_run(&p);
	party = &p.side[judge];
	if (alert == ACCEPTED)
		/* other parameters than were sent do not make one Finished, but they are taken */
		good = aim->hit && !party->failed;
	else
		good = aim->hit && party->failed && !party->complete &&
		       party->failure.alert == alert && party->failure.error == EPROTO;
	if (aim->dhe && alert == ACCEPTED)
		good = good && (p.side[HS_CLIENT].engine->group == group_find(HS_FFDHE2048)) ==
				       (aim->dhe->prime == KEEP && aim->dhe->generator == KEEP);
	ok(good, "%s, %s: %s", judge == HS_CLIENT ? "ServerKeyExchange" : "ClientKeyExchange", what,
	   party->failed ? party->text : "accepted");
	if (!good)
		note("alert %s", hs_alert_name(party->failure.alert));
	pair_free(&p);
}

/* What the summary says of the key exchange; @groups: the client's, in a policy of both versions */
static void names(uint16_t suite, const uint16_t *groups, size_t count, uint16_t expected)
{
	static const uint16_t all[] = { HS_X25519, HS_FFDHE2048, HS_FFDHE3072 };
	const uint16_t suites[] = { HS_AES_128_GCM_SHA256, suite };
	const struct hs_summary *c, *s;
	struct pair p;

	pair_init(&p, KEY_RSA);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		struct hs_config *config = &p.side[role].config;

		config->min_version = HS_TLS_1_2;
		config->max_version = role == HS_CLIENT ? HS_TLS_1_3 : HS_TLS_1_2;
		config->suites = suites;
		config->suite_count = 2;
		config->groups = role == HS_CLIENT ? groups : all;
		config->group_count = role == HS_CLIENT ? count : 3;
	}
	pair_run(&p);
	c = hs_engine_summary(p.side[HS_CLIENT].engine);
	s = hs_engine_summary(p.side[HS_SERVER].engine);
	ok(c && s && c->group == expected && s->group == expected, "%s in TLS 1.2: %s and %s",
	   hs_group_name(expected), hs_group_name(c ? c->group : 0),
	   hs_group_name(s ? s->group : 0));
	pair_free(&p);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		struct aim aim = { .type = MESSAGE_SERVER_KEY_EXCHANGE, .row = &servers[i] };

		play(&aim, HS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, servers[i].what, servers[i].alert);
	}
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		struct aim aim = { .type = MESSAGE_CLIENT_KEY_EXCHANGE, .row = &clients[i] };

		play(&aim, HS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, clients[i].what, clients[i].alert);
	}
	for (size_t i = 0; i < sizeof(dhes) / sizeof(dhes[0]); i++) {
		struct aim aim = { .type = MESSAGE_SERVER_KEY_EXCHANGE, .dhe = &dhes[i] };

		play(&aim, HS_DHE_RSA_WITH_AES_128_GCM_SHA256, dhes[i].what, dhes[i].alert);
	}
	names(HS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, (uint16_t[]){ HS_X25519 }, 1, HS_X25519);
	names(HS_DHE_RSA_WITH_AES_128_GCM_SHA256, (uint16_t[]){ HS_X25519 }, 1, HS_FFDHE2048);
	names(HS_DHE_RSA_WITH_AES_128_GCM_SHA256, (uint16_t[]){ HS_X25519, HS_FFDHE3072 }, 2,
	      HS_FFDHE3072);
	identities_free();
	return tap_done();
}
