// SPDX-License-Identifier: MIT
/*
 * test_chains.c - which of two chains, RFC 8446 sections 4.2.3 and 4.4.2.2
 *
 * signature_algorithms_cert, or signature_algorithms where that is all, says which signatures in
 * certificates a peer verifies. One who has two chains for a name sends the one that fits, and the
 * first if none does.
 */
#include <stdlib.h>

#include "edit.h"
#include "tap.h"

#define SCHEMES 13
#define SCHEMES_CERT 50

#define CHAINS 5

/* by their issuer: ECDSA, with SHA-256 and SHA-384; RSA; ECDSA with SHA-512; RSA-PSS */
static struct identity *chains[CHAINS];

static void make_chains(void)
{
	struct identity_spec root = {
		.common_name = "RSA Root",
		.key = KEY_RSA,
		.authority = true,
		.key_usage = "critical,keyCertSign",
	};
	struct identity_spec spec = {
		.common_name = "server.example",
		.names = "DNS:server.example",
		.key = KEY_ECDSA_P256,
		.issuer = test_root(),
	};
	struct identity *rsa = identity_new(&root), *pss;

	chains[0] = identity_new(&spec);
	spec.digest = "SHA384";
	chains[1] = identity_new(&spec);
	spec.issuer = rsa;
	spec.digest = NULL;
	chains[2] = identity_new(&spec);
	spec.issuer = test_root();
	spec.digest = "SHA512";
	chains[3] = identity_new(&spec);
	root.key = KEY_RSA_PSS;
	pss = identity_new(&root);
	spec.issuer = pss;
	spec.digest = NULL;
	chains[4] = identity_new(&spec);
	identity_free(rsa);
	identity_free(pss);
}

static const struct row {
	const char *what;
	uint8_t message;
	struct edit edits[2];
	size_t expected;
	uint8_t alert;
} rows[] = {
	{ "no wish", MESSAGE_CLIENT_HELLO, { { EDIT_NONE, 0, NULL } }, 0, 0 },
	{ "SHA-384 in certificates",
	  MESSAGE_CLIENT_HELLO,
	  { { EDIT_ADD, SCHEMES_CERT, "00020503" } },
	  1,
	  0 },
	{ "RSA in certificates",
	  MESSAGE_CLIENT_HELLO,
	  { { EDIT_ADD, SCHEMES_CERT, "000408040401" } },
	  2,
	  0 },
	{ "SHA-512 in certificates",
	  MESSAGE_CLIENT_HELLO,
	  { { EDIT_ADD, SCHEMES_CERT, "00020603" } },
	  3,
	  0 },
	{ "RSA-PSS in certificates, with a key for RSA",
	  MESSAGE_CLIENT_HELLO,
	  { { EDIT_ADD, SCHEMES_CERT, "00020804" } },
	  4,
	  0 },
	{ "RSA-PSS in certificates, with a key for it",
	  MESSAGE_CLIENT_HELLO,
	  { { EDIT_ADD, SCHEMES_CERT, "00020809" } },
	  4,
	  0 },
	{ "none that is there",
	  MESSAGE_CLIENT_HELLO,
	  { { EDIT_ADD, SCHEMES_CERT, "00020807" } },
	  0,
	  0 },
	{ "the extension first of all",
	  MESSAGE_CLIENT_HELLO,
	  { { EDIT_ADD_FIRST, SCHEMES_CERT, "00020503" } },
	  1,
	  0 },
	{ "signature_algorithms alone",
	  MESSAGE_CLIENT_HELLO,
	  { { EDIT_SET, SCHEMES, "000404030503" } },
	  0,
	  0 },
	{ "an empty list",
	  MESSAGE_CLIENT_HELLO,
	  { { EDIT_ADD, SCHEMES_CERT, "0000" } },
	  0,
	  ALERT_DECODE_ERROR },
	{ "half a scheme",
	  MESSAGE_CLIENT_HELLO,
	  { { EDIT_ADD, SCHEMES_CERT, "0003040304" } },
	  0,
	  ALERT_DECODE_ERROR },
	{ "bytes behind it",
	  MESSAGE_CLIENT_HELLO,
	  { { EDIT_ADD, SCHEMES_CERT, "0002040300" } },
	  0,
	  ALERT_DECODE_ERROR },
	{ "a client that is asked for SHA-384",
	  MESSAGE_CERTIFICATE_REQUEST,
	  { { EDIT_ADD, SCHEMES_CERT, "00020503" } },
	  1,
	  0 },
	{ "a client that is asked for nothing it has",
	  MESSAGE_CERTIFICATE_REQUEST,
	  { { EDIT_ADD, SCHEMES_CERT, "00020807" } },
	  0,
	  0 },
	{ "a client that is asked for half a scheme",
	  MESSAGE_CERTIFICATE_REQUEST,
	  { { EDIT_ADD, SCHEMES_CERT, "0003040304" } },
	  0,
	  ALERT_DECODE_ERROR },
};

struct aim {
	const struct row *row;
	bool hit;
};

static void change(struct pair *p, struct message *m, size_t index)
{
	struct aim *aim = p->tamper_arg;

	(void)index;
	if (m->bytes[0] != aim->row->message || aim->hit)
		return;
	if (aim->row->edits[0].op != EDIT_NONE)
		edit_message(m, aim->row->edits, 1);
	aim->hit = true;
}

static void play(const struct row *row)
{
	bool client = row->message == MESSAGE_CERTIFICATE_REQUEST;
	struct party *chooser;
	struct hs_credential *credentials[CHAINS];
	struct aim aim = { .row = row };
	struct hs_trust *trust = identity_trust(test_root());
	struct pair p;

	pair_init(&p, KEY_ED25519);
	for (size_t i = 0; i < CHAINS; i++)
		credentials[i] = identity_credential(chains[i]);
	chooser = &p.side[client ? HS_CLIENT : HS_SERVER];
	if (!client)
		hs_credential_unref(p.credentials[0]);
	chooser->config.credentials = credentials;
	chooser->config.credential_count = CHAINS;
	if (client) {
		p.side[HS_SERVER].config.verify = HS_VERIFY_OPTIONAL;
		p.side[HS_SERVER].config.trust = trust;
	}
	p.tamper = change;
	p.tamper_arg = &aim;
	pair_start(&p);
	while (!aim.hit && pair_step(&p))
		;
	if (row->alert)
		ok(chooser->failed && chooser->failure.alert == row->alert, "%s: %s", row->what,
		   chooser->text);
	else
		ok(!chooser->failed && chooser->engine->credential == credentials[row->expected],
		   "%s: chain %zu", row->what, row->expected);
	pair_free(&p);
	for (size_t i = 0; client && i < CHAINS; i++)
		hs_credential_unref(credentials[i]);
	hs_trust_unref(trust);
}

int main(void)
{
	make_chains();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		play(&rows[i]);
	for (size_t i = 0; i < CHAINS; i++)
		identity_free(chains[i]);
	identities_free();
	return tap_done();
}
