// SPDX-License-Identifier: MIT
/*
 * test_psk.c - external pre-shared keys, RFC 8446 section 4.2.11
 *
 * Keys of both hashes, with and without a retry; keys that are too short, unknown, wrong; a server
 * that has a certificate and one that has none; versions and suites that have no use for a key.
 */
#include <stdlib.h>

#include "edit.h"
#include "tap.h"

/* What both sides have, by role; the callbacks are told apart by their context. */
static struct hs_psk keys[2];
static bool has_key[2];
static unsigned int tickets;

static int give(struct hs_psk *psk, const struct hs_psk *key, bool server)
{
	if (server && (psk->identity_len != key->identity_len ||
		       memcmp(psk->identity, key->identity, key->identity_len) != 0))
		return -ENOENT;
	*psk = *key;
	return 0;
}

static int client_key(void *ctx, struct hs_psk *psk)
{
	(void)ctx;
	return has_key[HS_CLIENT] ? give(psk, &keys[HS_CLIENT], false) : -ENOENT;
}

static int server_key(void *ctx, struct hs_psk *psk)
{
	(void)ctx;
	return has_key[HS_SERVER] ? give(psk, &keys[HS_SERVER], true) : -ENOENT;
}

static int give_ticket_key(void *ctx, bool seal, uint8_t *name, uint8_t *key)
{
	(void)ctx;
	(void)seal;
	memset(name, 1, HS_TICKET_NAME_LEN);
	memset(key, 1, HS_TICKET_KEY_LEN);
	return 0;
}

static void count_ticket(void *ctx, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	(void)bytes;
	(void)len;
	tickets++;
}

static struct hs_psk make_key(const char *identity, uint8_t byte, size_t len, bool sha384)
{
	struct hs_psk psk = { .identity_len = strlen(identity), .key_len = len, .sha384 = sha384 };

	memcpy(psk.identity, identity, psk.identity_len);
	memset(psk.key, byte, len > sizeof(psk.key) ? sizeof(psk.key) : len);
	return psk;
}

enum end {
	BY_KEY,
	BY_CERTIFICATE,
	WRONG_BINDER,
	NO_CREDENTIAL,
};

static const uint16_t aes128[] = { HS_AES_128_GCM_SHA256 };
static const uint16_t aes256[] = { HS_AES_256_GCM_SHA384 };
static const uint16_t p384[] = { HS_SECP384R1 };
static const uint16_t two[] = { HS_X25519, HS_SECP384R1 };

static const struct row {
	const char *what;
	const char *identities[2];
	uint8_t bytes[2];
	size_t len;
	bool sha384[2];
	bool certificate; /* the server has one */
	bool retry;
	const uint16_t *suite; /* the server's only one */
	uint16_t version; /* the server's */
	enum end end;
} rows[] = {
	{ "a key", { "me", "me" }, { 1, 1 }, 32, { 0, 0 }, true, false, NULL, 0, BY_KEY },
	{ "no certificate", { "me", "me" }, { 1, 1 }, 32, { 0, 0 }, false, false, NULL, 0, BY_KEY },
	{ "a key for SHA-384",
	  { "me", "me" },
	  { 1, 1 },
	  48,
	  { 1, 1 },
	  true,
	  false,
	  NULL,
	  0,
	  BY_KEY },
	{ "16 bytes", { "me", "me" }, { 1, 1 }, 16, { 0, 0 }, true, false, NULL, 0, BY_KEY },
	{ "64 bytes", { "me", "me" }, { 1, 1 }, 64, { 1, 1 }, false, false, NULL, 0, BY_KEY },
	{ "a retry", { "me", "me" }, { 1, 1 }, 32, { 0, 0 }, true, true, NULL, 0, BY_KEY },
	{ "a retry, no certificate",
	  { "me", "me" },
	  { 1, 1 },
	  32,
	  { 0, 0 },
	  false,
	  true,
	  NULL,
	  0,
	  BY_KEY },
	{ "a retry that leads to another hash",
	  { "me", "me" },
	  { 1, 1 },
	  48,
	  { 1, 1 },
	  true,
	  true,
	  aes128,
	  0,
	  BY_CERTIFICATE },
	{ "a suite of another hash",
	  { "me", "me" },
	  { 1, 1 },
	  32,
	  { 0, 0 },
	  true,
	  false,
	  aes256,
	  0,
	  BY_CERTIFICATE },
	{ "a suite of another hash, no certificate",
	  { "me", "me" },
	  { 1, 1 },
	  32,
	  { 0, 0 },
	  false,
	  false,
	  aes256,
	  0,
	  NO_CREDENTIAL },
	{ "15 bytes",
	  { "me", "me" },
	  { 1, 1 },
	  15,
	  { 0, 0 },
	  true,
	  false,
	  NULL,
	  0,
	  BY_CERTIFICATE },
	{ "65 bytes",
	  { "me", "me" },
	  { 1, 1 },
	  65,
	  { 0, 0 },
	  true,
	  false,
	  NULL,
	  0,
	  BY_CERTIFICATE },
	{ "an empty identity",
	  { "", "" },
	  { 1, 1 },
	  32,
	  { 0, 0 },
	  true,
	  false,
	  NULL,
	  0,
	  BY_CERTIFICATE },
	{ "an identity that is not known",
	  { "me", "you" },
	  { 1, 1 },
	  32,
	  { 0, 0 },
	  true,
	  false,
	  NULL,
	  0,
	  BY_CERTIFICATE },
	{ "an identity that is not known, no certificate",
	  { "me", "you" },
	  { 1, 1 },
	  32,
	  { 0, 0 },
	  false,
	  false,
	  NULL,
	  0,
	  NO_CREDENTIAL },
	{ "another key",
	  { "me", "me" },
	  { 1, 2 },
	  32,
	  { 0, 0 },
	  true,
	  false,
	  NULL,
	  0,
	  WRONG_BINDER },
	{ "the same key, for another hash",
	  { "me", "me" },
	  { 1, 1 },
	  32,
	  { 0, 1 },
	  true,
	  false,
	  NULL,
	  0,
	  WRONG_BINDER },
	{ "TLS 1.2",
	  { "me", "me" },
	  { 1, 1 },
	  32,
	  { 0, 0 },
	  true,
	  false,
	  NULL,
	  HS_TLS_1_2,
	  BY_CERTIFICATE },
};

static void set_up(struct pair *p, const struct row *row)
{
	struct hs_config *c = &p->side[HS_CLIENT].config, *s = &p->side[HS_SERVER].config;

	pair_init(p, KEY_ECDSA_P256);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		keys[role] = make_key(row->identities[role], row->bytes[role], row->len,
				      row->sha384[role]);
		has_key[role] = true;
	}
	c->psk = client_key;
	s->psk = server_key;
	c->session_new = count_ticket;
	s->ticket_key = give_ticket_key;
	if (!row->certificate) {
		hs_credential_unref(p->credentials[0]);
		s->credential_count = 0;
	}
	if (row->retry) {
		c->groups = two;
		c->group_count = 2;
		s->groups = p384;
		s->group_count = 1;
	}
	if (row->suite) {
		s->suites = row->suite;
		s->suite_count = 1;
	}
	if (row->version) {
		c->min_version = row->version;
		s->min_version = row->version;
		s->max_version = row->version;
	}
	tickets = 0;
}

static bool is_by_key(const struct pair *p, const struct row *row)
{
	const struct hs_summary *c = hs_engine_summary(p->side[HS_CLIENT].engine);
	const struct hs_summary *s = hs_engine_summary(p->side[HS_SERVER].engine);

	return pair_complete(p) && c->psk && s->psk && !c->resumed && !s->resumed &&
	       c->peer_authenticated && s->peer_authenticated && !c->peer_chain_count &&
	       c->retried == row->retry && !tickets && hs_suite_version(c->suite) == HS_TLS_1_3 &&
	       (c->suite == HS_AES_256_GCM_SHA384) == row->sha384[HS_CLIENT] &&
	       !memcmp(c->channel_binding, s->channel_binding, HS_CHANNEL_BINDING_LEN);
}

static void play(const struct row *row)
{
	const struct hs_summary *c;
	const struct party *s;
	bool good = false;
	struct pair p;

	set_up(&p, row);
	pair_run(&p);
	c = hs_engine_summary(p.side[HS_CLIENT].engine);
	s = &p.side[HS_SERVER];
	switch (row->end) {
	case BY_KEY:
		good = is_by_key(&p, row);
		break;
	case BY_CERTIFICATE:
		good = pair_complete(&p) && !c->psk && c->peer_chain_count &&
		       c->peer_authenticated && !hs_engine_summary(s->engine)->psk && tickets == 1;
		break;
	case WRONG_BINDER:
		good = s->failed && s->failure.alert == ALERT_DECRYPT_ERROR &&
		       s->failure.error == EPROTO && p.sent_count == 1;
		break;
	case NO_CREDENTIAL:
		good = s->failed && s->failure.alert == ALERT_HANDSHAKE_FAILURE &&
		       s->failure.error == EPERM;
		break;
	}
	ok(good, "%s: %s", row->what, s->failed ? s->text : c && c->psk ? "by key" : "full");
	if (!good)
		note("client: %s", p.side[HS_CLIENT].text);
	pair_free(&p);
}

/* A client that has a key alone believes no certificate. */
static void without_trust(void)
{
	struct hs_trust *trust;
	struct pair p;

	for (int known = 0; known < 2; known++) {
		set_up(&p, &rows[0]);
		has_key[HS_SERVER] = known;
		trust = p.side[HS_CLIENT].config.trust;
		p.side[HS_CLIENT].config.trust = NULL;
		pair_run(&p);
		p.side[HS_CLIENT].config.trust = trust;
		if (known)
			ok(is_by_key(&p, &rows[0]), "without a trust store, by key");
		else
			ok(p.side[HS_CLIENT].failure.error == EKEYREJECTED,
			   "without a trust store, a certificate: %s", p.side[HS_CLIENT].text);
		pair_free(&p);
	}
}

/* A server of keys alone, whatever its policy for names is, has nothing for anybody else. */
static void nothing_else(enum hs_unmatched unmatched, uint16_t version)
{
	struct pair p;

	set_up(&p, &rows[1]);
	has_key[HS_CLIENT] = false;
	p.side[HS_SERVER].config.unmatched = unmatched;
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p.side[role].config.min_version = version;
		p.side[role].config.max_version = version;
	}
	pair_run(&p);
	ok(p.side[HS_SERVER].failed && !p.side[HS_CLIENT].complete, "%s, keys alone (%d): %s",
	   hs_version_name(version), (int)unmatched, p.side[HS_SERVER].text);
	pair_free(&p);
}

/* A server that asks its clients for certificates takes the key for one. */
static void mutual(void)
{
	struct pair p;

	set_up(&p, &rows[0]);
	p.side[HS_SERVER].config.verify = HS_VERIFY_REQUIRED;
	pair_run(&p);
	ok(is_by_key(&p, &rows[0]), "a server that asks for certificates");
	pair_free(&p);
}

/* --- a client that has nothing but a key, RFC 8446 sections 4.2.3 and 9.2 --- */

#define BINDER_LEN 32
#define BINDERS_LEN (2 + 1 + BINDER_LEN)

/* What stands before the last ClientHello, RFC 8446 section 4.4.1 */
static void put_retry(const struct pair *p, size_t index, struct writer *w)
{
	uint8_t digest[HASH_MAX];

	if (!index)
		return;
	if (crypto_digest(HASH_SHA256, p->sent[0].bytes, p->sent[0].len, digest) < 0)
		bail("no digest");
	writer_u8(w, MESSAGE_MESSAGE_HASH);
	writer_u24(w, (uint32_t)hash_len(HASH_SHA256));
	writer_bytes(w, digest, hash_len(HASH_SHA256));
	writer_bytes(w, p->sent[1].bytes, p->sent[1].len);
}

/* Takes signature_algorithms out of a ClientHello and proves again possession of the key. */
static void drop_schemes(struct pair *p, struct message *m, size_t index)
{
	static const struct edit drop = { EDIT_DROP, 13, NULL };
	struct key_schedule k = { .stage = KEY_STAGE_NONE };
	struct secret key = { .len = keys[HS_CLIENT].key_len };
	struct writer w = { 0 };
	uint8_t digest[HASH_MAX];

	if (m->bytes[0] != MESSAGE_CLIENT_HELLO)
		return;
	edit_message(m, &drop, 1);
	put_retry(p, index, &w);
	writer_bytes(&w, m->bytes, m->len - BINDERS_LEN);
	memcpy(key.bytes, keys[HS_CLIENT].key, key.len);
	if (!writer_ok(&w) || crypto_digest(HASH_SHA256, w.bytes, w.len, digest) < 0 ||
	    key_schedule_early(&k, HASH_SHA256, &key) < 0 ||
	    key_schedule_binder(&k, true, digest, m->bytes + m->len - BINDER_LEN) < 0)
		bail("no binder");
	key_schedule_release(&k);
	writer_release(&w);
}

static const struct row *find_row(const char *what)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].what, what))
			return &rows[i];
	bail("no row %s", what);
}

/* The client that was edited does not know its own hellos: only the server's answer counts. */
static void key_alone(const char *what, bool taken)
{
	const struct row *row = find_row(what);
	const struct party *s;
	struct pair p;
	size_t hellos = row->retry ? 3 : 1;

	set_up(&p, row);
	p.tamper = drop_schemes;
	pair_start(&p);
	for (size_t i = 0; i < hellos; i++)
		pair_step(&p);
	s = &p.side[HS_SERVER];
	if (taken)
		ok(!s->failed && p.sent_count == hellos + 3 &&
			   p.sent[hellos + 2].bytes[0] == MESSAGE_FINISHED,
		   "no signature_algorithms, %s: by key %s", what, s->text);
	else
		ok(s->failed && s->failure.alert == ALERT_MISSING_EXTENSION &&
			   s->failure.error == EPROTO && p.sent_count == hellos,
		   "no signature_algorithms, %s: %s", what, s->text);
	pair_free(&p);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		play(&rows[i]);
	without_trust();
	mutual();
	key_alone("a key", true);
	key_alone("no certificate", true);
	key_alone("a retry", true);
	key_alone("an identity that is not known", false);
	for (int unmatched = HS_UNMATCHED_ANY; unmatched <= HS_UNMATCHED_REFUSE; unmatched++) {
		nothing_else((enum hs_unmatched)unmatched, HS_TLS_1_2);
		nothing_else((enum hs_unmatched)unmatched, HS_TLS_1_3);
	}
	identities_free();
	return tap_done();
}
