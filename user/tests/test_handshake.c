// SPDX-License-Identifier: MIT
/*
 * test_handshake.c - whole handshakes in memory, RFC 8446 section 2
 *
 * Every suite with every group and every kind of certificate, HelloRetryRequest, SNI,
 * ALPN, client certificates. Both sides must end with the same keys, never with one
 * complete and the other not.
 */
#include <stdlib.h>

#include "pair.h"
#include "tap.h"

static const uint16_t suites[] = { HS_AES_128_GCM_SHA256, HS_AES_256_GCM_SHA384,
				   HS_CHACHA20_POLY1305_SHA256 };
static const uint16_t groups[] = { HS_X25519,	      HS_SECP256R1, HS_SECP384R1,
				   HS_X25519MLKEM768, HS_FFDHE2048, HS_FFDHE3072 };

static bool same_key(const struct hs_key *a, const struct hs_key *b)
{
	return a->key_len && a->key_len == b->key_len && !memcmp(a->key, b->key, a->key_len) &&
	       a->iv_len == 12 && b->iv_len == 12 && !memcmp(a->iv, b->iv, 12) && a->secret_len &&
	       a->secret_len == b->secret_len && !memcmp(a->secret, b->secret, a->secret_len) &&
	       a->suite == b->suite && a->version == HS_TLS_1_3 && !a->seq && !b->seq;
}

static bool same_keys(const struct pair *p)
{
	const struct party *c = &p->side[HS_CLIENT], *s = &p->side[HS_SERVER];

	for (int epoch = HS_EPOCH_HANDSHAKE; epoch <= HS_EPOCH_APPLICATION; epoch++)
		if (!same_key(&c->keys[HS_TX][epoch], &s->keys[HS_RX][epoch]) ||
		    !same_key(&c->keys[HS_RX][epoch], &s->keys[HS_TX][epoch]) ||
		    !memcmp(c->keys[HS_TX][epoch].key, c->keys[HS_RX][epoch].key, 16))
			return false;
	return true;
}

static void one_combination(uint16_t suite, uint16_t group, enum key_type key)
{
	const struct hs_summary *c, *s;
	struct pair p;

	if (!crypto_has_group(group_find(group))) {
		skip(hs_group_name(group), "libcrypto does not have it");
		return;
	}
	pair_init(&p, key);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p.side[role].config.suites = &suite;
		p.side[role].config.suite_count = 1;
		p.side[role].config.groups = &group;
		p.side[role].config.group_count = 1;
	}
	pair_run(&p);
	c = hs_engine_summary(p.side[HS_CLIENT].engine);
	s = hs_engine_summary(p.side[HS_SERVER].engine);
	ok(pair_complete(&p) && c && s && same_keys(&p) && c->suite == suite && s->suite == suite &&
		   c->group == group && s->group == group && c->version == HS_TLS_1_3 &&
		   c->scheme == s->scheme && c->scheme && c->peer_authenticated &&
		   !s->peer_authenticated && c->peer_chain_count == 1 && !s->peer_chain_count &&
		   !strcmp(c->server_name, "server.example") &&
		   !strcmp(s->server_name, "server.example") && !c->retried && !s->retried &&
		   !memcmp(c->channel_binding, s->channel_binding, HS_CHANNEL_BINDING_LEN),
	   "%s, %s, %s certificate", hs_suite_name(suite), hs_group_name(group),
	   key_type_name(key));
	if (p.side[HS_CLIENT].failed)
		note("client: %s", p.side[HS_CLIENT].text);
	if (p.side[HS_SERVER].failed)
		note("server: %s", p.side[HS_SERVER].text);
	pair_free(&p);
}

static void test_combinations(void)
{
	for (size_t s = 0; s < 3; s++)
		for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
			for (int key = KEY_RSA; key <= KEY_ED25519; key++)
				one_combination(suites[s], groups[g], (enum key_type)key);
}

static void test_actions(void)
{
	uint16_t group = crypto_has_group(group_find(HS_X25519MLKEM768)) ? HS_X25519MLKEM768 :
									   HS_X25519;
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	pair_run(&p);
	ok(pair_complete(&p), "the default configurations agree");
	ok(p.side[HS_CLIENT].change_cipher_specs == 1 && p.side[HS_SERVER].change_cipher_specs == 1,
	   "each side sends one dummy change_cipher_spec");
	ok(p.side[HS_CLIENT].continues == 1 && p.side[HS_SERVER].continues == 1,
	   "CONTINUE after ClientHello and after ServerHello");
	ok(hs_engine_summary(p.side[HS_CLIENT].engine)->suite == HS_AES_128_GCM_SHA256 &&
		   hs_engine_summary(p.side[HS_CLIENT].engine)->group == group,
	   "AES-128-GCM and %s by default", hs_group_name(group));
	pair_free(&p);
}

static void one_retry(uint16_t suite, uint16_t first, uint16_t second)
{
	uint16_t client_groups[] = { first, second };
	const struct hs_summary *c, *s;
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	p.side[HS_CLIENT].config.groups = client_groups;
	p.side[HS_CLIENT].config.group_count = 2;
	p.side[HS_SERVER].config.groups = &second;
	p.side[HS_SERVER].config.group_count = 1;
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p.side[role].config.suites = &suite;
		p.side[role].config.suite_count = 1;
	}
	pair_run(&p);
	c = hs_engine_summary(p.side[HS_CLIENT].engine);
	s = hs_engine_summary(p.side[HS_SERVER].engine);
	ok(pair_complete(&p) && c && s && c->retried && s->retried && same_keys(&p) &&
		   c->group == second && s->group == second &&
		   p.side[HS_CLIENT].change_cipher_specs == 1 &&
		   p.side[HS_SERVER].change_cipher_specs == 1,
	   "HelloRetryRequest from %s to %s, %s", hs_group_name(first), hs_group_name(second),
	   hs_suite_name(suite));
	if (p.side[HS_CLIENT].failed)
		note("client: %s", p.side[HS_CLIENT].text);
	if (p.side[HS_SERVER].failed)
		note("server: %s", p.side[HS_SERVER].text);
	pair_free(&p);
}

static void test_retry(void)
{
	one_retry(suites[0], HS_X25519, HS_SECP256R1);
	one_retry(suites[1], HS_X25519, HS_SECP384R1);
	one_retry(suites[0], HS_SECP384R1, HS_X25519);
	one_retry(suites[2], HS_SECP256R1, HS_SECP384R1);
}

static void one_alpn(const char *client, const char *server, const char *expected)
{
	const struct hs_summary *c, *s;
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	p.side[HS_CLIENT].config.alpn = (const uint8_t *)client;
	p.side[HS_CLIENT].config.alpn_len = strlen(client);
	p.side[HS_SERVER].config.alpn = (const uint8_t *)server;
	p.side[HS_SERVER].config.alpn_len = strlen(server);
	pair_run(&p);
	c = hs_engine_summary(p.side[HS_CLIENT].engine);
	s = hs_engine_summary(p.side[HS_SERVER].engine);
	if (!expected)
		ok(!pair_complete(&p) && p.side[HS_SERVER].failed &&
			   p.side[HS_SERVER].failure.alert == ALERT_NO_APPLICATION_PROTOCOL &&
			   p.side[HS_SERVER].failure.error == EPERM,
		   "no protocol in common is no_application_protocol");
	else
		ok(pair_complete(&p) && c->alpn_len == strlen(expected) &&
			   s->alpn_len == c->alpn_len && !memcmp(c->alpn, expected, c->alpn_len) &&
			   !memcmp(s->alpn, expected, s->alpn_len),
		   "ALPN \"%s\"", expected);
	pair_free(&p);
}

static void test_alpn(void)
{
	one_alpn("\x02h2\x08http/1.1", "\x08http/1.1\x02h2", "http/1.1");
	one_alpn("\x02h2\x08http/1.1", "\x02h2", "h2");
	one_alpn("\x02h2", "", "");
	one_alpn("", "\x02h2", "");
	one_alpn("\x02h2", "\x02h3", NULL);
}

/* SNI chooses among credentials; a name that is nobody's gets the first. */
static void one_name(const char *name, const char *expected_leaf, bool authenticated)
{
	struct identity_spec spec = { .common_name = "B", .key = KEY_ECDSA_P256 };
	struct identity *other;
	struct hs_credential *credentials[2];
	const struct hs_summary *c;
	struct pair p;

	spec.issuer = test_root();
	spec.names = "DNS:*.other.example";
	other = identity_new(&spec);
	pair_init(&p, KEY_ED25519);
	credentials[0] = p.side[HS_SERVER].config.credentials[0];
	credentials[1] = identity_credential(other);
	p.side[HS_SERVER].config.credentials = credentials;
	p.side[HS_SERVER].config.credential_count = 2;
	p.side[HS_CLIENT].config.server_name = name;
	p.side[HS_CLIENT].config.verify = HS_VERIFY_OPTIONAL;
	pair_run(&p);
	c = hs_engine_summary(p.side[HS_CLIENT].engine);
	ok(pair_complete(&p) && c->peer_authenticated == authenticated &&
		   c->scheme == (!strcmp(expected_leaf, "other") ? HS_ECDSA_SECP256R1_SHA256 :
								   HS_ED25519) &&
		   (authenticated ? !c->verify_code : c->verify_code != 0),
	   "a client that asks for %s gets the certificate of %s", name, expected_leaf);
	pair_free(&p);
	identity_free(other);
}

/* A server that must not answer for a name it has no certificate for. */
static void one_strict_name(const char *name, int error, enum alert alert)
{
	static const uint16_t schemes[] = { HS_RSA_PSS_RSAE_SHA256 };
	struct pair p;

	pair_init(&p, KEY_ED25519);
	p.side[HS_SERVER].config.unmatched = HS_UNMATCHED_REFUSE;
	p.side[HS_CLIENT].config.server_name = name;
	if (error == EPERM) {
		p.side[HS_CLIENT].config.schemes = schemes;
		p.side[HS_CLIENT].config.scheme_count = 1;
	}
	pair_run(&p);
	if (error)
		ok(p.side[HS_SERVER].failed && p.side[HS_SERVER].failure.error == error &&
			   p.side[HS_SERVER].failure.alert == alert,
		   "a strict server asked for %s: %s", name, p.side[HS_SERVER].text);
	else
		ok(pair_complete(&p), "a strict server asked for %s", name);
	pair_free(&p);
}

/* A server whose second credential serves nobody but those who ask for its name. */
static void one_first_alone(const char *name, uint16_t scheme, bool complete)
{
	struct hs_credential *credentials[2];
	struct pair p;

	pair_init(&p, KEY_ED25519);
	credentials[0] = p.side[HS_SERVER].config.credentials[0];
	credentials[1] = identity_credential(test_leaf(KEY_ECDSA_P256));
	p.side[HS_SERVER].config.credentials = credentials;
	p.side[HS_SERVER].config.credential_count = 2;
	p.side[HS_SERVER].config.unmatched = HS_UNMATCHED_FIRST;
	p.side[HS_CLIENT].config.server_name = name;
	p.side[HS_CLIENT].config.verify = HS_VERIFY_NONE;
	p.side[HS_CLIENT].config.schemes = &scheme;
	p.side[HS_CLIENT].config.scheme_count = 1;
	pair_run(&p);
	if (complete)
		ok(pair_complete(&p) &&
			   hs_engine_summary(p.side[HS_CLIENT].engine)->scheme == scheme,
		   "the first alone, else by name: %s with %s", name, hs_scheme_name(scheme));
	else
		ok(p.side[HS_SERVER].failed && p.side[HS_SERVER].failure.error == EPERM &&
			   p.side[HS_SERVER].failure.alert == ALERT_HANDSHAKE_FAILURE,
		   "the first alone: not %s with %s: %s", name, hs_scheme_name(scheme),
		   p.side[HS_SERVER].text);
	pair_free(&p);
}

static void test_names(void)
{
	one_name("www.other.example", "other", true);
	one_name("server.example", "first", true);
	one_name("SERVER.example", "first", true);
	one_name("server.example.", "first", true);
	one_name("192.0.2.1", "first", true);
	one_name("nobody.example", "first", false);
	one_name("192.0.2.2", "first", false);
	one_strict_name("server.example", 0, 0);
	one_strict_name("nobody.example", ENOKEY, ALERT_UNRECOGNIZED_NAME);
	one_strict_name("192.0.2.1", ENOKEY, ALERT_UNRECOGNIZED_NAME); /* no SNI */
	one_strict_name("server.example", EPERM, ALERT_HANDSHAKE_FAILURE);
	one_first_alone("nobody.example", HS_ED25519, true);
	one_first_alone("nobody.example", HS_ECDSA_SECP256R1_SHA256, false);
	one_first_alone("192.0.2.1", HS_ECDSA_SECP256R1_SHA256, false); /* no SNI */
	one_first_alone("server.example", HS_ECDSA_SECP256R1_SHA256, true);
}

static void one_client_certificate(enum hs_verify verify, enum key_type key, bool with,
				   bool complete, bool authenticated)
{
	struct identity_spec spec = { .common_name = "A Client", .key = key };
	struct identity *client;
	struct hs_credential *credential = NULL;
	struct hs_trust *trust = identity_trust(test_root());
	const struct hs_summary *s;
	struct pair p;

	spec.issuer = test_root();
	spec.extended_key_usage = "clientAuth";
	client = identity_new(&spec);
	pair_init(&p, KEY_ECDSA_P256);
	p.side[HS_SERVER].config.verify = verify;
	p.side[HS_SERVER].config.trust = trust;
	if (with) {
		credential = identity_credential(client);
		p.side[HS_CLIENT].config.credentials = &credential;
		p.side[HS_CLIENT].config.credential_count = 1;
	}
	pair_run(&p);
	s = hs_engine_summary(p.side[HS_SERVER].engine);
	ok(p.side[HS_SERVER].complete == complete && complete == !p.side[HS_SERVER].failed &&
		   (!complete || s->peer_authenticated == authenticated) &&
		   (!complete || s->peer_chain_count == (size_t)(with && verify > HS_VERIFY_NONE)),
	   "server that asks (%d), client %s a certificate (%s)", (int)verify,
	   with ? "with" : "without", key_type_name(key));
	if (!complete)
		ok(p.side[HS_SERVER].failure.alert == ALERT_CERTIFICATE_REQUIRED &&
			   p.side[HS_SERVER].failure.error == EKEYREJECTED,
		   "it is certificate_required");
	pair_free(&p);
	hs_credential_unref(credential);
	hs_trust_unref(trust);
	identity_free(client);
}

static void test_client_certificates(void)
{
	for (int key = KEY_RSA; key <= KEY_ED25519; key++)
		one_client_certificate(HS_VERIFY_REQUIRED, (enum key_type)key, true, true, true);
	one_client_certificate(HS_VERIFY_OPTIONAL, KEY_ED25519, true, true, true);
	one_client_certificate(HS_VERIFY_OPTIONAL, KEY_ED25519, false, true, false);
	one_client_certificate(HS_VERIFY_REQUIRED, KEY_ED25519, false, false, false);
	one_client_certificate(HS_VERIFY_NONE, KEY_ED25519, true, true, false);
}

/* A key of 1024 bits has no room for RSA-PSS with SHA-512; the next scheme may do. */
static void one_small_key(const uint16_t *schemes, size_t count, uint16_t expected)
{
	struct identity_spec spec = { .common_name = "Small", .key = KEY_RSA, .rsa_bits = 1024 };
	struct identity *small;
	struct pair p;

	spec.issuer = test_root();
	small = identity_new(&spec);
	pair_init(&p, KEY_ED25519);
	hs_credential_unref(p.credentials[0]);
	p.credentials[0] = identity_credential(small);
	p.side[HS_CLIENT].config.verify = HS_VERIFY_NONE;
	p.side[HS_CLIENT].config.schemes = schemes;
	p.side[HS_CLIENT].config.scheme_count = count;
	p.side[HS_SERVER].config.schemes = schemes;
	p.side[HS_SERVER].config.scheme_count = count;
	pair_run(&p);
	if (expected)
		ok(pair_complete(&p) &&
			   hs_engine_summary(p.side[HS_CLIENT].engine)->scheme == expected,
		   "a small RSA key signs with %s", hs_scheme_name(expected));
	else
		ok(p.side[HS_SERVER].failure.alert == ALERT_HANDSHAKE_FAILURE &&
			   p.side[HS_SERVER].failure.error == EPERM,
		   "a small RSA key does not sign: %s", p.side[HS_SERVER].text);
	pair_free(&p);
	identity_free(small);
}

static void test_small_key(void)
{
	static const uint16_t schemes[] = { HS_RSA_PSS_RSAE_SHA512, HS_RSA_PSS_RSAE_SHA256 };

	one_small_key(schemes, 1, 0);
	one_small_key(schemes, 2, HS_RSA_PSS_RSAE_SHA256);
}

static void test_exports(void)
{
	uint8_t mine[32], theirs[32];
	char line[512];
	struct pair p;
	int n;

	pair_init(&p, KEY_ECDSA_P256);
	pair_run(&p);
	ok(!hs_engine_export(p.side[HS_CLIENT].engine, "EXPERIMENTAL x", (const uint8_t *)"c", 1,
			     mine, 32) &&
		   !hs_engine_export(p.side[HS_SERVER].engine, "EXPERIMENTAL x",
				     (const uint8_t *)"c", 1, theirs, 32) &&
		   !memcmp(mine, theirs, 32),
	   "both sides export the same");
	hs_engine_export(p.side[HS_CLIENT].engine, "EXPERIMENTAL x", (const uint8_t *)"d", 1, mine,
			 32);
	ok(memcmp(mine, theirs, 32) != 0, "another context gives another export");
	n = hs_engine_keylog_line(p.side[HS_CLIENT].engine,
				  &p.side[HS_CLIENT].keys[HS_RX][HS_EPOCH_APPLICATION], line,
				  sizeof(line));
	ok(n == 24 + 64 + 1 + 64 + 1 && !strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24) &&
		   line[n - 1] == '\n' && !line[n],
	   "the key log line");
	ok(hs_engine_keylog_line(p.side[HS_CLIENT].engine,
				 &p.side[HS_CLIENT].keys[HS_RX][HS_EPOCH_APPLICATION], line,
				 (size_t)n) == -ERANGE,
	   "a key log line needs room");
	pair_free(&p);
}

static void test_tickets(void)
{
	/* lifetime, age_add, nonce, ticket "tick", early_data */
	static const uint8_t ticket[] = "\x04\0\0\x1a"
					"\0\0\x1c\x20\1\2\3\4\1\0\0\4tick"
					"\0\x08\0\x2a\0\4\0\0\0";
	uint8_t bad[sizeof(ticket)];
	struct pair p;
	int n = 0;

	pair_init(&p, KEY_ECDSA_P256);
	pair_run(&p);
	for (int i = 0; i < 10; i++)
		n = hs_engine_input(p.side[HS_CLIENT].engine, HS_EPOCH_APPLICATION, ticket,
				    sizeof(ticket));
	ok(n == 0 && !hs_engine_next_action(p.side[HS_CLIENT].engine),
	   "a client takes tickets and says nothing");
	memcpy(bad, ticket, sizeof(ticket));
	bad[15]++;
	n = hs_engine_input(p.side[HS_CLIENT].engine, HS_EPOCH_APPLICATION, bad, sizeof(bad));
	party_take_actions(&p, HS_CLIENT);
	ok(n == -EPROTO && p.side[HS_CLIENT].failure.alert == ALERT_DECODE_ERROR,
	   "a malformed ticket is decode_error");
	ok(!hs_engine_summary(p.side[HS_CLIENT].engine) &&
		   hs_engine_input(p.side[HS_CLIENT].engine, HS_EPOCH_APPLICATION, ticket,
				   sizeof(ticket)) == -ECONNABORTED &&
		   !hs_engine_next_action(p.side[HS_CLIENT].engine),
	   "and then the engine is dead");
	n = hs_engine_input(p.side[HS_SERVER].engine, HS_EPOCH_APPLICATION, ticket, sizeof(ticket));
	party_take_actions(&p, HS_SERVER);
	ok(n == -EPROTO && p.side[HS_SERVER].failure.alert == ALERT_UNEXPECTED_MESSAGE,
	   "a server takes no ticket");
	pair_free(&p);
}

int main(void)
{
	if (crypto_init() < 0)
		bail("libcrypto");
	test_combinations();
	test_actions();
	test_retry();
	test_alpn();
	test_names();
	test_client_certificates();
	test_small_key();
	test_exports();
	test_tickets();
	identities_free();
	return tap_done();
}
