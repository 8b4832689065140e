// SPDX-License-Identifier: MIT
/*
 * test_record_limit.c - record_size_limit, RFC 8449: who says what, and what it binds
 *
 * One side names a limit; the other's DATA and summary have to carry it, in both roles and versions,
 * and anew with each handshake. What a limit must not be is in test_hello.c.
 */
#include "edit.h"
#include "resumption.h"
#include "tap.h"

#define TYPE 28
#define NAMES_ALL (HS_MAX_PAYLOAD + 1)

static void versions(struct pair *p, uint16_t client, uint16_t server)
{
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p->side[role].config.min_version = HS_TLS_1_2;
		p->side[role].config.max_version = role == HS_CLIENT ? client : server;
	}
}

static uint16_t payload(struct pair *p, enum hs_role role)
{
	const struct hs_summary *s = summary(p, role);

	return s ? s->max_payload : 0;
}

/* What @m, a ClientHello or EncryptedExtensions, says; 0: nothing */
static unsigned int said(const struct message *m)
{
	static const uint8_t head[] = { 0, TYPE, 0, 2 };
	const uint8_t *at = memmem(m->bytes, m->len, head, sizeof(head));

	return at ? (unsigned int)at[4] << 8 | at[5] : 0;
}

/* Nothing but the last flight of TLS 1.2 is protected before the end. */
static bool data_bound(const struct party *party, uint16_t to)
{
	bool good = party->max_payload[HS_EPOCH_PLAINTEXT] == HS_MAX_PAYLOAD;

	for (int epoch = HS_EPOCH_HANDSHAKE; epoch <= HS_EPOCH_APPLICATION; epoch++)
		if (party->max_payload[epoch])
			good = good && party->max_payload[epoch] == to;
	return good;
}

static const struct row {
	uint16_t version; /* 0: the client's best is 1.3, the server's 1.2 */
	uint16_t limit; /* that is named; 0: the default */
	uint16_t payload; /* that comes of it */
} rows[] = {
	{ HS_TLS_1_3, 0, HS_MAX_PAYLOAD },
	{ HS_TLS_1_3, 64, 63 },
	{ HS_TLS_1_3, 1000, 999 },
	{ HS_TLS_1_3, HS_MAX_PAYLOAD, HS_MAX_PAYLOAD - 1 },
	{ HS_TLS_1_3, NAMES_ALL, HS_MAX_PAYLOAD },
	{ HS_TLS_1_2, 0, HS_MAX_PAYLOAD },
	{ HS_TLS_1_2, 64, 64 },
	{ HS_TLS_1_2, 1000, 1000 },
	{ HS_TLS_1_2, NAMES_ALL, HS_MAX_PAYLOAD },
	{ 0, 0, HS_MAX_PAYLOAD },
	{ 0, 500, 500 },
};

static void one_row(const struct row *row, enum hs_role names)
{
	enum hs_role obeys = names == HS_CLIENT ? HS_SERVER : HS_CLIENT;
	uint16_t client = row->version ? row->version : HS_TLS_1_3;
	uint16_t server = row->version ? row->version : HS_TLS_1_2;
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	versions(&p, client, server);
	p.side[names].config.record_limit = row->limit;
	p.side[HS_SERVER].config.verify = HS_VERIFY_OPTIONAL; /* so the client has a long flight */
	p.side[HS_SERVER].config.trust = p.side[HS_CLIENT].config.trust;
	pair_run(&p);
	ok(pair_complete(&p) && payload(&p, obeys) == row->payload &&
		   payload(&p, names) == HS_MAX_PAYLOAD,
	   "TLS %s, the %s names %u: %u bytes and %u", server == HS_TLS_1_3 ? "1.3" : "1.2",
	   names == HS_CLIENT ? "client" : "server", row->limit, payload(&p, obeys),
	   payload(&p, names));
	ok(data_bound(&p.side[obeys], row->payload) && data_bound(&p.side[names], HS_MAX_PAYLOAD),
	   "its flights keep to it, what is not protected is free");
	pair_free(&p);
}

/* Ours is what the version has; and an answer needs a question. */
static void wording(void)
{
	static const struct edit drop = { EDIT_DROP, TYPE, NULL },
				 more = { EDIT_SET, TYPE, "ffff" };
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	pair_run(&p);
	ok(said(&p.sent[0]) == NAMES_ALL && said(&p.sent[2]) == NAMES_ALL,
	   "16385 is said in TLS 1.3, with the content type");
	pair_free(&p);

	pair_init(&p, KEY_ECDSA_P256);
	versions(&p, HS_TLS_1_2, HS_TLS_1_3);
	pair_run(&p);
	ok(said(&p.sent[0]) == HS_MAX_PAYLOAD && said(&p.sent[1]) == HS_MAX_PAYLOAD,
	   "16384 in TLS 1.2");
	pair_free(&p);

	pair_init(&p, KEY_ECDSA_P256);
	pair_start(&p);
	edit_message(&p.sent[0], &drop, 1);
	pair_step(&p);
	ok(!p.side[HS_SERVER].failed && p.sent[2].bytes[0] == MESSAGE_ENCRYPTED_EXTENSIONS &&
		   !said(&p.sent[2]) && data_bound(&p.side[HS_SERVER], HS_MAX_PAYLOAD),
	   "a server that is not asked says nothing");
	pair_free(&p);

	pair_init(&p, KEY_ECDSA_P256);
	pair_start(&p);
	edit_message(&p.sent[0], &more, 1);
	pair_step(&p);
	ok(!p.side[HS_SERVER].failed && data_bound(&p.side[HS_SERVER], HS_MAX_PAYLOAD),
	   "65535 allows no longer records than there are");
	pair_free(&p);
}

static uint16_t resumed_with(uint16_t version, uint16_t limit)
{
	uint16_t found;
	struct pair p;

	set_up(&p);
	versions(&p, version, version);
	p.side[HS_CLIENT].config.record_limit = limit;
	pair_run(&p);
	found = pair_complete(&p) && summary(&p, HS_SERVER)->resumed == (stored > 1) ?
			payload(&p, HS_SERVER) :
			0;
	pair_free(&p);
	return found;
}

/* RFC 8449 section 4: each handshake has its own. */
static void resumption(uint16_t version)
{
	uint16_t less = version == HS_TLS_1_3;

	reset();
	ok(resumed_with(version, 500) == 500 - less && resumed_with(version, 300) == 300 - less &&
		   resumed_with(version, 0) == HS_MAX_PAYLOAD,
	   "TLS %s: a resumed connection has another limit", less ? "1.3" : "1.2");
}

static void retry(void)
{
	static const uint16_t groups[] = { HS_SECP384R1 };
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	p.side[HS_SERVER].config.groups = groups;
	p.side[HS_SERVER].config.group_count = 1;
	p.side[HS_CLIENT].config.record_limit = 200;
	pair_run(&p);
	ok(pair_complete(&p) && summary(&p, HS_SERVER)->retried && payload(&p, HS_SERVER) == 199 &&
		   data_bound(&p.side[HS_SERVER], 199),
	   "after a HelloRetryRequest");
	pair_free(&p);
}

static void configuration(void)
{
	static const uint16_t bad[] = { 1, 63, NAMES_ALL + 1, UINT16_MAX };
	struct hs_engine *e;
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p.side[HS_CLIENT].config.record_limit = bad[i];
		e = hs_engine_new(&p.side[HS_CLIENT].config, HS_CLIENT);
		ok(!e, "a configuration with %u is none", bad[i]);
		hs_engine_free(e);
	}
	pair_free(&p);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		one_row(&rows[i], HS_CLIENT);
		one_row(&rows[i], HS_SERVER);
	}
	wording();
	resumption(HS_TLS_1_3);
	resumption(HS_TLS_1_2);
	retry();
	configuration();
	identities_free();
	return tap_done();
}
