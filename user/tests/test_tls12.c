// SPDX-License-Identifier: MIT
/*
 * test_tls12.c - whole handshakes of TLS 1.2 in memory, and what decides the version
 *
 * RFC 5246 section 7.3, RFC 7507 (fallback), RFC 7627 (extended_master_secret), RFC 8446
 * section 4.1.3 (the sentinels). Every suite with every group and certificate it takes;
 * both sides must end with the same keys.
 */
#include <stdio.h>
#include <stdlib.h>

#include "edit.h"
#include "pair.h"
#include "tap.h"

static const uint16_t suites[] = {
	HS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,	      HS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	HS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, HS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	HS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,	      HS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	HS_DHE_RSA_WITH_AES_128_GCM_SHA256,	      HS_DHE_RSA_WITH_AES_256_GCM_SHA384,
	HS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
};
static const uint16_t groups[] = { HS_X25519, HS_SECP256R1, HS_SECP384R1 };
/* with P-256 and P-384, or their certificates would not be allowed */
static const uint16_t group_lists[3][3] = {
	{ HS_X25519, HS_SECP256R1, HS_SECP384R1 },
	{ HS_SECP256R1, HS_SECP384R1, HS_X25519 },
	{ HS_SECP384R1, HS_SECP256R1, HS_X25519 },
};

static void versions(struct pair *p, enum hs_role role, uint16_t min, uint16_t max)
{
	p->side[role].config.min_version = min;
	p->side[role].config.max_version = max;
}

static bool same_key(const struct hs_key *a, const struct hs_key *b)
{
	return a->key_len && a->key_len == b->key_len && !memcmp(a->key, b->key, a->key_len) &&
	       a->iv_len && a->iv_len == b->iv_len && !memcmp(a->iv, b->iv, a->iv_len) &&
	       a->suite == b->suite && a->version == HS_TLS_1_2 && b->version == HS_TLS_1_2 &&
	       !a->seq && !a->secret_len;
}

static bool same_keys(const struct pair *p)
{
	const struct party *c = &p->side[HS_CLIENT], *s = &p->side[HS_SERVER];

	return same_key(&c->keys[HS_TX][3], &s->keys[HS_RX][3]) &&
	       same_key(&c->keys[HS_RX][3], &s->keys[HS_TX][3]) &&
	       memcmp(c->keys[HS_TX][3].key, c->keys[HS_RX][3].key, 16) != 0 &&
	       !c->keys[HS_TX][2].key_len && !s->keys[HS_TX][2].key_len;
}

static void complain(const struct pair *p)
{
	if (p->side[HS_CLIENT].failed)
		note("client: %s", p->side[HS_CLIENT].text);
	if (p->side[HS_SERVER].failed)
		note("server: %s", p->side[HS_SERVER].text);
}

static bool takes(uint16_t suite, enum key_type key)
{
	bool rsa = key == KEY_RSA || key == KEY_RSA_PSS;

	return rsa == !strstr(hs_suite_name(suite), "ECDSA");
}

static void one_combination(uint16_t suite, size_t group, enum key_type key)
{
	bool dhe = !strncmp(hs_suite_name(suite), "TLS_DHE", 7);
	const struct hs_summary *c, *s;
	struct pair p;

	pair_init(&p, key);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		versions(&p, (enum hs_role)role, HS_TLS_1_2, HS_TLS_1_2);
		p.side[role].config.suites = &suite;
		p.side[role].config.suite_count = 1;
		p.side[role].config.groups = group_lists[group];
		p.side[role].config.group_count = 3;
	}
	pair_run(&p);
	c = hs_engine_summary(p.side[HS_CLIENT].engine);
	s = hs_engine_summary(p.side[HS_SERVER].engine);
	ok(pair_complete(&p) && c && s && same_keys(&p) && c->suite == suite && s->suite == suite &&
		   c->group == (dhe ? HS_FFDHE2048 : groups[group]) && s->group == c->group &&
		   c->version == HS_TLS_1_2 && s->version == HS_TLS_1_2 && c->scheme == s->scheme &&
		   c->scheme && c->peer_authenticated && !s->peer_authenticated &&
		   c->peer_chain_count == 1 && !strcmp(s->server_name, "server.example") &&
		   !c->resumed &&
		   !memcmp(c->channel_binding, s->channel_binding, HS_CHANNEL_BINDING_LEN) &&
		   p.side[HS_CLIENT].change_cipher_specs == 1 &&
		   p.side[HS_SERVER].change_cipher_specs == 1,
	   "%s, %s, %s certificate, %s", hs_suite_name(suite),
	   dhe ? "ffdhe2048" : hs_group_name(groups[group]), key_type_name(key),
	   hs_scheme_name(c ? c->scheme : 0));
	complain(&p);
	pair_free(&p);
}

static void combinations(void)
{
	for (size_t s = 0; s < sizeof(suites) / sizeof(suites[0]); s++)
		for (size_t g = 0; g < (s < 6 ? 3 : 1); g++)
			for (int key = KEY_RSA; key <= KEY_ED25519; key++)
				if (takes(suites[s], (enum key_type)key))
					one_combination(suites[s], g, (enum key_type)key);
}

static void one_version(uint16_t client_min, uint16_t client_max, uint16_t server_min,
			uint16_t server_max, uint16_t expected)
{
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	versions(&p, HS_CLIENT, client_min, client_max);
	versions(&p, HS_SERVER, server_min, server_max);
	pair_run(&p);
	if (expected)
		ok(pair_complete(&p) &&
			   hs_engine_summary(p.side[HS_CLIENT].engine)->version == expected &&
			   hs_engine_summary(p.side[HS_SERVER].engine)->version == expected,
		   "client %s to %s, server %s to %s: %s", hs_version_name(client_min),
		   hs_version_name(client_max), hs_version_name(server_min),
		   hs_version_name(server_max), hs_version_name(expected));
	else
		ok(!p.side[HS_CLIENT].complete && !p.side[HS_SERVER].complete &&
			   p.side[HS_SERVER].failure.alert == ALERT_PROTOCOL_VERSION,
		   "client %s, server %s: %s", hs_version_name(client_max),
		   hs_version_name(server_max), p.side[HS_SERVER].text);
	complain(&p);
	pair_free(&p);
}

static void all_versions(void)
{
	const uint16_t t2 = HS_TLS_1_2, t3 = HS_TLS_1_3;

	one_version(t2, t3, t2, t3, t3);
	one_version(t2, t2, t2, t3, t2);
	one_version(t2, t3, t2, t2, t2);
	one_version(t2, t2, t2, t2, t2);
	one_version(t3, t3, t2, t3, t3);
	one_version(t2, t3, t3, t3, t3);
	one_version(t3, t3, t2, t2, 0);
	one_version(t2, t2, t3, t3, 0);
}

static void client_certificates(void)
{
	struct hs_trust *trust = identity_trust(test_root());

	for (int key = KEY_RSA; key <= KEY_OTHER; key++) {
		struct identity_spec spec = { .common_name = "Client", .key = (enum key_type)key };
		struct hs_credential *credential = NULL;
		struct identity *client = NULL;
		const struct hs_summary *s;
		struct pair p;

		spec.issuer = test_root();
		pair_init(&p, KEY_ECDSA_P256);
		versions(&p, HS_CLIENT, HS_TLS_1_2, HS_TLS_1_2);
		versions(&p, HS_SERVER, HS_TLS_1_2, HS_TLS_1_3);
		p.side[HS_SERVER].config.verify = HS_VERIFY_REQUIRED;
		p.side[HS_SERVER].config.trust = trust;
		if (key != KEY_OTHER) {
			client = identity_new(&spec);
			credential = identity_credential(client);
			p.side[HS_CLIENT].config.credentials = &credential;
			p.side[HS_CLIENT].config.credential_count = 1;
		}
		pair_run(&p);
		s = hs_engine_summary(p.side[HS_SERVER].engine);
		if (key != KEY_OTHER)
			ok(pair_complete(&p) && same_keys(&p) && s->peer_authenticated &&
				   s->peer_chain_count == 1,
			   "client certificate, %s", key_type_name((enum key_type)key));
		else
			ok(p.side[HS_SERVER].failed && !p.side[HS_SERVER].complete &&
				   p.side[HS_SERVER].failure.error == EKEYREJECTED &&
				   p.side[HS_SERVER].failure.alert == ALERT_HANDSHAKE_FAILURE,
			   "no client certificate where one is required");
		if (key != KEY_OTHER)
			complain(&p);
		pair_free(&p);
		hs_credential_unref(credential);
		identity_free(client);
	}
	hs_trust_unref(trust);
}

/* Takes the type at @tamper_arg out of the list of a CertificateRequest. */
static void drop_type(struct pair *p, struct message *m, size_t index)
{
	(void)index;
	if (m->bytes[0] == MESSAGE_CERTIFICATE_REQUEST)
		m->bytes[m->bytes[5] == *(uint8_t *)p->tamper_arg ? 5 : 6] = 0xff;
}

/* Bytes of the client's Certificate: seven when there is none in it. */
static size_t certificate_len(const struct pair *p)
{
	for (size_t i = 0; i < p->sent_count; i++)
		if (p->sent[i].from == HS_CLIENT && p->sent[i].bytes[0] == MESSAGE_CERTIFICATE)
			return p->sent[i].len;
	return 0;
}

static void one_certificate_type(enum key_type key, uint8_t dropped, bool sent)
{
	struct hs_credential *credential = identity_credential(test_leaf(key));
	struct hs_trust *trust = identity_trust(test_root());
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	versions(&p, HS_CLIENT, HS_TLS_1_2, HS_TLS_1_2);
	versions(&p, HS_SERVER, HS_TLS_1_2, HS_TLS_1_2);
	p.side[HS_SERVER].config.verify = HS_VERIFY_OPTIONAL;
	p.side[HS_SERVER].config.trust = trust;
	p.side[HS_CLIENT].config.credentials = &credential;
	p.side[HS_CLIENT].config.credential_count = 1;
	p.tamper = drop_type;
	p.tamper_arg = &dropped;
	pair_run(&p);
	ok(sent ? certificate_len(&p) > 7 : certificate_len(&p) == 7,
	   "%s certificate where type %u is not taken: %s", key_type_name(key), dropped,
	   sent ? "sent" : "kept");
	pair_free(&p);
	hs_credential_unref(credential);
	hs_trust_unref(trust);
}

static void certificate_types(void)
{
	one_certificate_type(KEY_RSA, 1, false);
	one_certificate_type(KEY_RSA, 64, true);
	one_certificate_type(KEY_ECDSA_P256, 64, false);
	one_certificate_type(KEY_ECDSA_P256, 1, true);
	one_certificate_type(KEY_ED25519, 64, false);
}

/* The name counts for more than the order of the suites, which prefers another's kind of key. */
static void name_before_suite(enum hs_unmatched unmatched)
{
	static const uint16_t ecdsa_first[] = { HS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
						HS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 };
	struct identity_spec spec = { .common_name = "B", .key = KEY_ECDSA_P256 };
	struct identity *other;
	struct hs_credential *credentials[2];
	struct pair p;

	spec.issuer = test_root();
	spec.names = "DNS:other.example";
	other = identity_new(&spec);
	pair_init(&p, KEY_RSA);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		versions(&p, (enum hs_role)role, HS_TLS_1_2, HS_TLS_1_2);
		p.side[role].config.suites = ecdsa_first;
		p.side[role].config.suite_count = 2;
	}
	credentials[0] = identity_credential(other);
	credentials[1] = p.side[HS_SERVER].config.credentials[0];
	p.side[HS_SERVER].config.credentials = credentials;
	p.side[HS_SERVER].config.credential_count = 2;
	p.side[HS_SERVER].config.unmatched = unmatched;
	pair_run(&p);
	ok(pair_complete(&p) &&
		   hs_engine_summary(p.side[HS_CLIENT].engine)->suite == ecdsa_first[1],
	   "the name counts for more than the order of the suites (%d)", (int)unmatched);
	complain(&p);
	pair_free(&p);
	identity_free(other);
}

/* --- hellos that were changed on their way --- */

struct change {
	const char *what;
	bool server; /* the ServerHello, not the ClientHello */
	enum alert alert; /* 0: it goes on */
	enum hs_role judge; /* who fails */
	uint16_t client_max;
	struct edit edits[3];
};

#define TAIL "0000000000000000000000000000000000000000000000000000"
#define RENEGOTIATION 0xff01
#define MASTER_SECRET 23
#define POINT_FORMATS 11
#define ALPN 16

static const struct change changes[] = {
	{ "TLS 1.3 taken out of the ClientHello",
	  false,
	  ALERT_ILLEGAL_PARAMETER,
	  HS_CLIENT,
	  HS_TLS_1_3,
	  { { EDIT_DROP, 43, NULL }, { EDIT_DROP, 51, NULL } } },
	{ "TLS_FALLBACK_SCSV where there is better",
	  false,
	  ALERT_INAPPROPRIATE_FALLBACK,
	  HS_SERVER,
	  HS_TLS_1_2,
	  { { EDIT_SUITES, 0, "c02b5600" } } },
	{ "TLS_FALLBACK_SCSV with TLS 1.1",
	  false,
	  ALERT_INAPPROPRIATE_FALLBACK,
	  HS_SERVER,
	  HS_TLS_1_2,
	  { { EDIT_VERSION, 0, "0302" }, { EDIT_SUITES, 0, "c02b5600" } } },
	{ "no extended_master_secret",
	  false,
	  ALERT_HANDSHAKE_FAILURE,
	  HS_SERVER,
	  HS_TLS_1_2,
	  { { EDIT_DROP, MASTER_SECRET, NULL } } },
	{ "no extensions at all",
	  false,
	  ALERT_HANDSHAKE_FAILURE,
	  HS_SERVER,
	  HS_TLS_1_2,
	  { { EDIT_NO_EXTENSIONS, 0, NULL } } },
	{ "extended_master_secret with a body",
	  false,
	  ALERT_DECODE_ERROR,
	  HS_SERVER,
	  HS_TLS_1_2,
	  { { EDIT_SET, MASTER_SECRET, "00" } } },
	{ "renegotiation_info of another handshake",
	  false,
	  ALERT_HANDSHAKE_FAILURE,
	  HS_SERVER,
	  HS_TLS_1_2,
	  { { EDIT_SET, RENEGOTIATION, "0c000102030405060708090a0b" } } },
	{ "compressed points only",
	  false,
	  ALERT_ILLEGAL_PARAMETER,
	  HS_SERVER,
	  HS_TLS_1_2,
	  { { EDIT_SET, POINT_FORMATS, "0101" } } },
	{ "compression only",
	  false,
	  ALERT_ILLEGAL_PARAMETER,
	  HS_SERVER,
	  HS_TLS_1_2,
	  { { EDIT_COMPRESSION, 0, "01" } } },
	{ "no suite in common",
	  false,
	  ALERT_HANDSHAKE_FAILURE,
	  HS_SERVER,
	  HS_TLS_1_2,
	  { { EDIT_SUITES, 0, "00ffc013" } } },
	{ "a suite for another kind of key",
	  false,
	  ALERT_HANDSHAKE_FAILURE,
	  HS_SERVER,
	  HS_TLS_1_2,
	  { { EDIT_SUITES, 0, "c02f" } } },
	{ "no group in common",
	  false,
	  ALERT_HANDSHAKE_FAILURE,
	  HS_SERVER,
	  HS_TLS_1_2,
	  { { EDIT_SET, 10, "00020019" } } },
	{ "the certificate's curve not among the groups",
	  false,
	  ALERT_HANDSHAKE_FAILURE,
	  HS_SERVER,
	  HS_TLS_1_2,
	  { { EDIT_SET, 10, "0002001d" } } },
	{ "no scheme in common",
	  false,
	  ALERT_HANDSHAKE_FAILURE,
	  HS_SERVER,
	  HS_TLS_1_2,
	  { { EDIT_SET, 13, "00020201" } } },
	{ "TLS 1.1",
	  false,
	  ALERT_PROTOCOL_VERSION,
	  HS_SERVER,
	  HS_TLS_1_2,
	  { { EDIT_VERSION, 0, "0302" } } },

	{ "no renegotiation_info",
	  true,
	  ALERT_HANDSHAKE_FAILURE,
	  HS_CLIENT,
	  HS_TLS_1_2,
	  { { EDIT_DROP, RENEGOTIATION, NULL } } },
	{ "renegotiation_info of another handshake",
	  true,
	  ALERT_HANDSHAKE_FAILURE,
	  HS_CLIENT,
	  HS_TLS_1_2,
	  { { EDIT_SET, RENEGOTIATION, "0100" } } },
	{ "no extended_master_secret",
	  true,
	  ALERT_HANDSHAKE_FAILURE,
	  HS_CLIENT,
	  HS_TLS_1_2,
	  { { EDIT_DROP, MASTER_SECRET, NULL } } },
	{ "no extensions at all",
	  true,
	  ALERT_HANDSHAKE_FAILURE,
	  HS_CLIENT,
	  HS_TLS_1_2,
	  { { EDIT_NO_EXTENSIONS, 0, NULL } } },
	{ "a suite of TLS 1.3",
	  true,
	  ALERT_ILLEGAL_PARAMETER,
	  HS_CLIENT,
	  HS_TLS_1_2,
	  { { EDIT_SUITES, 0, "1301" } } },
	{ "a suite that was not offered",
	  true,
	  ALERT_ILLEGAL_PARAMETER,
	  HS_CLIENT,
	  HS_TLS_1_2,
	  { { EDIT_SUITES, 0, "c02d" } } },
	{ "compression",
	  true,
	  ALERT_ILLEGAL_PARAMETER,
	  HS_CLIENT,
	  HS_TLS_1_2,
	  { { EDIT_COMPRESSION, 0, "01" } } },
	{ "TLS 1.1",
	  true,
	  ALERT_PROTOCOL_VERSION,
	  HS_CLIENT,
	  HS_TLS_1_2,
	  { { EDIT_VERSION, 0, "0302" } } },
	{ "an extension that was not asked for",
	  true,
	  ALERT_UNSUPPORTED_EXTENSION,
	  HS_CLIENT,
	  HS_TLS_1_2,
	  { { EDIT_ADD, ALPN, "0003026832" } } },
	{ "a session ticket that was not asked for",
	  true,
	  ALERT_UNSUPPORTED_EXTENSION,
	  HS_CLIENT,
	  HS_TLS_1_2,
	  { { EDIT_ADD, 35, "" } } },
	{ "a key share",
	  true,
	  ALERT_ILLEGAL_PARAMETER,
	  HS_CLIENT,
	  HS_TLS_1_2,
	  { { EDIT_ADD, 51, "001d0000" } } },
	{ "uncompressed points refused",
	  true,
	  ALERT_ILLEGAL_PARAMETER,
	  HS_CLIENT,
	  HS_TLS_1_2,
	  { { EDIT_SET, POINT_FORMATS, "0101" } } },
	{ "another random",
	  true,
	  ALERT_DECRYPT_ERROR,
	  HS_CLIENT,
	  HS_TLS_1_2,
	  { { EDIT_RANDOM, 0, TAIL "000000000000" } } },
};

static void change_hello(struct pair *p, struct message *m, size_t index)
{
	const struct change *c = p->tamper_arg;
	size_t count = 0;

	if (index != (c->server ? 1 : 0))
		return;
	while (count < 3 && c->edits[count].op != EDIT_NONE)
		count++;
	edit_message(m, c->edits, count);
}

static void one_change(const struct change *c)
{
	const struct party *judge;
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	versions(&p, HS_CLIENT, HS_TLS_1_2, c->client_max);
	versions(&p, HS_SERVER, HS_TLS_1_2, HS_TLS_1_3);
	p.tamper = change_hello;
	p.tamper_arg = (void *)(uintptr_t)c;
	pair_run(&p);
	judge = &p.side[c->judge];
	ok(judge->failed && !judge->complete && judge->failure.alert == c->alert, "%s, %s: %s",
	   c->server ? "ServerHello" : "ClientHello", c->what, judge->text);
	if (judge->failed && judge->failure.alert != c->alert)
		note("alert %s", hs_alert_name(judge->failure.alert));
	complain(&p);
	pair_free(&p);
}

/* A server that speaks TLS 1.3 has to say so in the random; one that does not must not. */
static void sentinel(uint16_t client_max, uint16_t server_max, bool expected)
{
	struct pair p;
	bool there;

	pair_init(&p, KEY_ECDSA_P256);
	versions(&p, HS_CLIENT, HS_TLS_1_2, client_max);
	versions(&p, HS_SERVER, HS_TLS_1_2, server_max);
	pair_run(&p);
	there = !memcmp(p.sent[1].bytes + 4 + 2 + 24, "DOWNGRD\x01", 8);
	ok(pair_complete(&p) && there == expected,
	   "a server up to %s %s the sentinel to a client up to %s", hs_version_name(server_max),
	   expected ? "sends" : "does not send", hs_version_name(client_max));
	pair_free(&p);
}

/* Without extended_master_secret, where both sides allow it. */
static void plain_master_secret(void)
{
	static const struct change c = { .edits = { { EDIT_DROP, MASTER_SECRET, NULL } } };
	static const uint8_t zeros[HS_CHANNEL_BINDING_LEN];
	const struct hs_summary *s;
	struct pair p;
	uint8_t out[32];

	pair_init(&p, KEY_ECDSA_P256);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		versions(&p, (enum hs_role)role, HS_TLS_1_2, HS_TLS_1_2);
		p.side[role].config.plain_master_secret = true;
	}
	p.tamper = change_hello;
	p.tamper_arg = (void *)(uintptr_t)&c;
	pair_run(&p);
	/* the hello was changed behind the client's back, so its Finished is another */
	ok(!p.side[HS_SERVER].complete && p.side[HS_SERVER].failure.alert == ALERT_DECRYPT_ERROR &&
		   same_key(&p.side[HS_CLIENT].keys[HS_TX][3], &p.side[HS_SERVER].keys[HS_RX][3]),
	   "extended_master_secret taken out is found by Finished, and by nothing else");
	s = &p.side[HS_CLIENT].engine->summary;
	ok(!memcmp(s->channel_binding, zeros, sizeof(zeros)) &&
		   hs_engine_export(p.side[HS_CLIENT].engine, "x", NULL, 0, out, 32) < 0,
	   "and there is no channel binding");
	pair_free(&p);
}

static size_t heard_premaster;
static char heard_master[97];

static void hear_secret(void *ctx, const char *name, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	if (!strcmp(name, "pre-master secret"))
		heard_premaster = len;
	for (size_t i = 0; !strcmp(name, "master secret") && i < len && i < 48; i++)
		snprintf(heard_master + 2 * i, 3, "%02x", bytes[i]);
}

static void exports(void)
{
	uint8_t mine[32], theirs[32];
	char line[512];
	struct pair p;
	int n;

	pair_init(&p, KEY_ECDSA_P256);
	p.side[HS_CLIENT].config.secret = hear_secret;
	versions(&p, HS_CLIENT, HS_TLS_1_2, HS_TLS_1_2);
	versions(&p, HS_SERVER, HS_TLS_1_2, HS_TLS_1_2);
	pair_run(&p);
	ok(!hs_engine_export(p.side[HS_CLIENT].engine, "EXPERIMENTAL x", (const uint8_t *)"c", 1,
			     mine, 32) &&
		   !hs_engine_export(p.side[HS_SERVER].engine, "EXPERIMENTAL x",
				     (const uint8_t *)"c", 1, theirs, 32) &&
		   !memcmp(mine, theirs, 32),
	   "both sides export the same");
	hs_engine_export(p.side[HS_CLIENT].engine, "EXPERIMENTAL x", NULL, 0, mine, 32);
	ok(memcmp(mine, theirs, 32) != 0, "no context gives another export");
	n = hs_engine_keylog_line(p.side[HS_CLIENT].engine, &p.side[HS_CLIENT].keys[HS_RX][3], line,
				  sizeof(line));
	ok(n == 14 + 64 + 1 + 96 + 1 && !strncmp(line, "CLIENT_RANDOM ", 14), "the key log line");
	ok(heard_premaster == 32 && !memcmp(line + 14 + 64 + 1, heard_master, 96),
	   "who asks hears the pre-master and the master secret");
	pair_free(&p);
}

static void add_groups(struct pair *p, struct message *m, size_t index)
{
	static const struct edit groups_back = { EDIT_ADD, 10, "0004001d0017" };

	(void)p;
	if (index == 1)
		edit_message(m, &groups_back, 1);
}

/* Some old servers say what they support; the client goes on to the signature. */
static void supported_groups(void)
{
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	versions(&p, HS_CLIENT, HS_TLS_1_2, HS_TLS_1_2);
	versions(&p, HS_SERVER, HS_TLS_1_2, HS_TLS_1_2);
	p.tamper = add_groups;
	pair_run(&p);
	ok(certificate_len(&p) == 0 && !p.side[HS_CLIENT].failed &&
		   p.side[HS_SERVER].failure.alert == ALERT_DECRYPT_ERROR,
	   "supported_groups in a ServerHello is passed over, and stands in the transcript");
	pair_free(&p);
}

static void alpn(void)
{
	const struct hs_summary *c;
	struct pair p;

	pair_init(&p, KEY_RSA);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		versions(&p, (enum hs_role)role, HS_TLS_1_2, HS_TLS_1_2);
		p.side[role].config.alpn = (const uint8_t *)"\x02h2";
		p.side[role].config.alpn_len = 3;
	}
	pair_run(&p);
	c = hs_engine_summary(p.side[HS_CLIENT].engine);
	ok(pair_complete(&p) && c->alpn_len == 2 && !memcmp(c->alpn, "h2", 2), "ALPN");
	pair_free(&p);
}

int main(void)
{
	combinations();
	all_versions();
	client_certificates();
	certificate_types();
	supported_groups();
	for (int unmatched = HS_UNMATCHED_ANY; unmatched <= HS_UNMATCHED_REFUSE; unmatched++)
		name_before_suite((enum hs_unmatched)unmatched);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		one_change(&changes[i]);
	sentinel(HS_TLS_1_2, HS_TLS_1_3, true);
	sentinel(HS_TLS_1_2, HS_TLS_1_2, false);
	sentinel(HS_TLS_1_3, HS_TLS_1_3, false);
	plain_master_secret();
	exports();
	alpn();
	identities_free();
	return tap_done();
}
