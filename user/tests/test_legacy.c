// SPDX-License-Identifier: MIT
/*
 * test_legacy.c - RSA key exchange of TLS 1.2, RFC 5246 section 7.4.7.1
 *
 * That nobody gets it who did not ask for it; that it works, and is resumed; and that a server
 * answers every ClientKeyExchange alike, however it is padded: what is wrong shows in Finished alone,
 * by the same words (Bleichenbacher 1998, ROBOT).
 */
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "edit.h"
#include "resumption.h"
#include "tap.h"
#include "tls12.h"

#define SIZE 256 /* of an RSA key of 2048 bits */
#define PREMASTER 48

static const uint16_t rsa_128[] = { HS_RSA_WITH_AES_128_GCM_SHA256 };
static const uint16_t rsa_256[] = { HS_RSA_WITH_AES_256_GCM_SHA384 };

static void by_rsa(struct pair *p)
{
	hs_credential_unref(p->credentials[0]);
	p->credentials[0] = identity_credential(test_leaf(KEY_RSA));
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p->side[role].config.min_version = HS_TLS_1_2;
		p->side[role].config.max_version = HS_TLS_1_2;
		p->side[role].config.suites = rsa_128;
		p->side[role].config.suite_count = 1;
		p->side[role].config.legacy = true;
	}
}

static void start(struct pair *p)
{
	pair_init(p, KEY_ECDSA_P256);
	by_rsa(p);
}

static bool same_keys(const struct pair *p)
{
	const struct party *c = &p->side[HS_CLIENT], *s = &p->side[HS_SERVER];

	return c->keys[HS_TX][3].key_len &&
	       !memcmp(c->keys[HS_TX][3].key, s->keys[HS_RX][3].key, HS_MAX_KEY) &&
	       !memcmp(c->keys[HS_RX][3].key, s->keys[HS_TX][3].key, HS_MAX_KEY) &&
	       memcmp(c->keys[HS_TX][3].key, c->keys[HS_RX][3].key, 16) != 0;
}

static bool has_message(const struct pair *p, uint8_t type)
{
	for (size_t i = 0; i < p->sent_count; i++)
		if (p->sent[i].bytes[0] == type)
			return true;
	return false;
}

/* --- it works --- */

static void handshake(const uint16_t *suite, bool tls13_offered, bool client_certificate)
{
	struct hs_credential *credential = identity_credential(test_leaf(KEY_ECDSA_P256));
	struct hs_trust *trust = identity_trust(test_root());
	const struct hs_summary *c, *s;
	struct pair p;
	bool good;

	start(&p);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++)
		p.side[role].config.suites = suite;
	if (tls13_offered) { /* the default list has them, at its end */
		p.side[HS_CLIENT].config.suite_count = 0;
		p.side[HS_CLIENT].config.max_version = HS_TLS_1_3;
	}
	if (client_certificate) {
		p.side[HS_CLIENT].config.credentials = &credential;
		p.side[HS_CLIENT].config.credential_count = 1;
		p.side[HS_SERVER].config.verify = HS_VERIFY_REQUIRED;
		p.side[HS_SERVER].config.trust = trust;
	}
	pair_run(&p);
	c = hs_engine_summary(p.side[HS_CLIENT].engine);
	s = hs_engine_summary(p.side[HS_SERVER].engine);
	good = pair_complete(&p) && same_keys(&p) && c->suite == *suite && s->suite == *suite &&
	       !c->group && !s->group && !c->scheme == !client_certificate &&
	       c->peer_authenticated && s->peer_authenticated == client_certificate &&
	       !has_message(&p, MESSAGE_SERVER_KEY_EXCHANGE) &&
	       !memcmp(c->channel_binding, s->channel_binding, HS_CHANNEL_BINDING_LEN);
	ok(good, "%s%s%s", hs_suite_name(*suite), tls13_offered ? ", TLS 1.3 offered" : "",
	   client_certificate ? ", client certificate" : "");
	if (!good)
		note("client: %s, server: %s", p.side[HS_CLIENT].text, p.side[HS_SERVER].text);
	pair_free(&p);
	hs_credential_unref(credential);
	hs_trust_unref(trust);
}

/* Whoever has a better one agrees on that, whatever the peers allow besides. */
static void better_first(void)
{
	struct pair p;

	start(&p);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++)
		p.side[role].config.suite_count = 0;
	pair_run(&p);
	ok(pair_complete(&p) && hs_engine_summary(p.side[HS_SERVER].engine)->suite ==
					HS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	   "two default lists agree on forward secrecy");
	pair_free(&p);
}

static void resumption(bool by_id, bool still_allowed)
{
	bool resumed;
	struct pair p;

	reset();
	for (int i = 0; i < 2; i++) {
		set_up(&p);
		by_rsa(&p);
		if (by_id)
			keep_by_id(&p);
		if (i && !still_allowed) {
			p.side[HS_SERVER].config.legacy = false;
			p.side[HS_SERVER].config.suite_count = 0;
			p.side[HS_CLIENT].config.suite_count = 0;
		}
		pair_run(&p);
		resumed = pair_complete(&p) && summary(&p, HS_CLIENT)->resumed &&
			  summary(&p, HS_SERVER)->resumed && same_keys(&p) &&
			  summary(&p, HS_CLIENT)->peer_authenticated;
		if (i)
			ok(pair_complete(&p) && resumed == still_allowed,
			   "a session %s is %s where RSA is %s", by_id ? "by id" : "by ticket",
			   still_allowed ? "resumed" : "not resumed",
			   still_allowed ? "allowed" : "not allowed any more");
		else if (resumed || !pair_complete(&p))
			bail("no first handshake: %s", p.side[HS_SERVER].text);
		pair_free(&p);
	}
}

/* --- and only for those who ask for it --- */

static struct hs_engine *engine(bool legacy, const uint16_t *suites, size_t count)
{
	struct hs_config config = { .random = test_random, .now = test_now };

	config.min_version = HS_TLS_1_2;
	config.legacy = legacy;
	config.suites = suites;
	config.suite_count = count;
	return hs_engine_new(&config, HS_SERVER);
}

static void without_legacy(void)
{
	static const uint16_t both[] = { HS_AES_128_GCM_SHA256, HS_RSA_WITH_AES_256_GCM_SHA384 };
	struct hs_engine *e = engine(true, both, 2);

	ok(e && !engine(false, both, 2) && !engine(false, rsa_128, 1),
	   "no engine with a suite of RSA key exchange but for legacy");
	hs_engine_free(e);
	e = engine(false, NULL, 0);
	ok(e && suite_index(&e->config, *rsa_128) < 0 && suite_index(&e->config, *rsa_256) < 0,
	   "the default list has none");
	hs_engine_free(e);
	e = engine(true, NULL, 0);
	ok(e && suite_index(&e->config, *rsa_128) == (int)e->config.suite_count - 2 &&
		   suite_index(&e->config, *rsa_256) == (int)e->config.suite_count - 1,
	   "legacy's has them at its end");
	hs_engine_free(e);
	ok(hs_suite_place(*rsa_128) == HS_PLACE_LEGACY &&
		   hs_suite_place(HS_AES_128_GCM_SHA256) == HS_PLACE_DEFAULT &&
		   hs_suite_place(HS_DHE_RSA_WITH_AES_128_GCM_SHA256) == HS_PLACE_NAMED &&
		   hs_suite_place(0x0035) == HS_PLACE_NONE,
	   "each suite has its place");
}

static void server_chooses_rsa(struct pair *p, struct message *m, size_t index)
{
	static const struct edit rsa = { EDIT_SUITES, 0, "009c" };

	(void)p;
	if (index == 1)
		edit_message(m, &rsa, 1);
}

static void one_side_only(enum hs_role role)
{
	const struct party *judge;
	struct pair p;

	start(&p);
	p.side[role].config.legacy = false;
	p.side[role].config.suite_count = 0;
	if (role == HS_CLIENT) {
		/* a server that has been made to believe it was offered */
		p.side[HS_SERVER].config.suite_count = 0;
		p.tamper = server_chooses_rsa;
	}
	pair_run(&p);
	judge = &p.side[role];
	ok(judge->failed && !judge->complete &&
		   judge->failure.alert ==
			   (role == HS_CLIENT ? ALERT_ILLEGAL_PARAMETER : ALERT_HANDSHAKE_FAILURE),
	   "a %s without legacy: %s", role == HS_CLIENT ? "client" : "server", judge->text);
	pair_free(&p);
}

/* --- certificates --- */

static struct identity *make_leaf(enum key_type key, const char *usage)
{
	struct identity_spec spec = { .common_name = "A Server",
				      .names = "DNS:server.example",
				      .key = key,
				      .key_usage = usage };

	spec.issuer = test_root();
	return identity_new(&spec);
}

static void server_certificate(enum key_type key, const char *usage)
{
	struct identity *leaf = make_leaf(key, usage);
	struct pair p;

	start(&p);
	hs_credential_unref(p.credentials[0]);
	p.credentials[0] = identity_credential(leaf);
	pair_run(&p);
	ok(p.side[HS_SERVER].failed && p.side[HS_SERVER].failure.alert == ALERT_HANDSHAKE_FAILURE,
	   "a server with a certificate of %s for %s: %s", key_type_name(key), usage,
	   p.side[HS_SERVER].text);
	pair_free(&p);
	identity_free(leaf);
}

/* Puts another chain in the place of the server's. */
static void change_certificate(struct pair *p, struct message *m, size_t index)
{
	const struct hs_der *chain;
	struct writer w = { 0 };
	size_t count, mark;

	(void)index;
	if (m->bytes[0] != MESSAGE_CERTIFICATE)
		return;
	chain = credential_chain(p->tamper_arg, &count);
	writer_u8(&w, MESSAGE_CERTIFICATE);
	mark = writer_open(&w, 3);
	writer_u24(&w, (uint32_t)chain[0].len + 3);
	writer_u24(&w, (uint32_t)chain[0].len);
	writer_bytes(&w, chain[0].data, chain[0].len);
	writer_close(&w, mark, 3);
	free(m->bytes);
	m->bytes = w.bytes;
	m->len = w.len;
}

static void client_certificate(enum key_type key, const char *usage, uint8_t alert)
{
	struct identity *leaf = make_leaf(key, usage);
	struct hs_credential *credential = identity_credential(leaf);
	struct pair p;

	start(&p);
	p.tamper = change_certificate;
	p.tamper_arg = credential;
	pair_run(&p);
	if (alert)
		ok(p.side[HS_CLIENT].failed && p.side[HS_CLIENT].failure.alert == alert,
		   "a client that gets one of %s for %s: %s", key_type_name(key), usage,
		   p.side[HS_CLIENT].text);
	else /* it goes on, with somebody who cannot decrypt */
		ok(!p.side[HS_CLIENT].complete && p.side[HS_SERVER].failed &&
			   p.side[HS_SERVER].failure.alert == ALERT_DECRYPT_ERROR,
		   "a server that has not the certificate's key cannot go on: %s",
		   p.side[HS_SERVER].text);
	pair_free(&p);
	hs_credential_unref(credential);
	identity_free(leaf);
}

/* --- what a client may send --- */

enum twist {
	GOOD,
	FIRST_BYTE,
	SECOND_BYTE,
	ZERO_EARLY, /* among the first eight of the padding */
	ZERO_LATE,
	NO_ZERO,
	SHORT, /* a pre-master secret of 47 bytes */
	LONG, /* of 49 */
	EMPTY, /* of none: the zero is the last byte */
	OTHER_VERSION,
	ALL_ZERO,
	NOT_OUR_CIPHERTEXT,
	/* not of the key's size, or no number below the modulus */
	MODULUS,
	ALL_ONES,
	A_BYTE_LESS,
	A_BYTE_MORE,
	ONE_BYTE,
	TWISTS,
};

static const char *const twist_names[TWISTS] = {
	"as it has to be",
	"another first byte",
	"another second byte",
	"a zero in the first eight bytes of the padding",
	"a zero in the padding",
	"no zero behind the padding",
	"a pre-master secret of 47 bytes",
	"a pre-master secret of 49 bytes",
	"no pre-master secret",
	"another version in the pre-master secret",
	"nothing but zeros",
	"a ciphertext of nothing",
	"the modulus",
	"more than the modulus",
	"a byte less than the modulus",
	"a byte more than the modulus",
	"one byte",
};

/* The padded message, twisted; what is not about the padding is done to the ciphertext. */
static void pad(enum twist twist, uint8_t *m)
{
	size_t end = SIZE - PREMASTER - 1;

	memset(m, 0x5a, SIZE);
	m[0] = 0;
	m[1] = 2;
	m[end] = 0;
	m[end + 1] = m[end + 2] = 3;
	switch (twist) {
	case FIRST_BYTE:
		m[0] = 1;
		break;
	case SECOND_BYTE:
		m[1] = 1;
		break;
	case ZERO_EARLY:
		m[5] = 0;
		break;
	case ZERO_LATE:
		m[end - 5] = 0;
		break;
	case NO_ZERO:
		m[end] = 1;
		break;
	case SHORT:
		m[end] = 1;
		m[end + 1] = 0;
		break;
	case LONG:
		m[end - 1] = 0;
		m[end] = 3;
		break;
	case EMPTY:
		memset(m + end, 0x5a, PREMASTER);
		m[SIZE - 1] = 0;
		break;
	case OTHER_VERSION:
		m[end + 2] = 2;
		break;
	case ALL_ZERO:
		memset(m, 0, SIZE);
		break;
	default:
		break;
	}
}

static size_t encrypt(enum twist twist, uint8_t *out)
{
	EVP_PKEY *key = X509_get0_pubkey(test_leaf(KEY_RSA)->cert);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	uint8_t m[SIZE];
	size_t len = SIZE;
	BIGNUM *n = NULL;

	pad(twist, m);
	if (!ctx || EVP_PKEY_encrypt_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) != 1 ||
	    EVP_PKEY_encrypt(ctx, out, &len, m, SIZE) != 1 || len != SIZE ||
	    EVP_PKEY_get_bn_param(key, "n", &n) != 1)
		bail("no ciphertext");
	if (twist == NOT_OUR_CIPHERTEXT)
		out[SIZE - 1] ^= 1;
	if (twist == MODULUS)
		BN_bn2binpad(n, out, SIZE);
	if (twist == ALL_ONES)
		memset(out, 0xff, SIZE);
	if (twist == A_BYTE_LESS)
		len--;
	if (twist == A_BYTE_MORE)
		out[len++] = 0;
	if (twist == ONE_BYTE)
		len = 1;
	BN_free(n);
	EVP_PKEY_CTX_free(ctx);
	return len;
}

static void change_key_exchange(struct pair *p, struct message *m, size_t index)
{
	uint8_t ciphertext[SIZE + 1];
	struct writer w = { 0 };
	size_t len, mark;

	(void)index;
	if (m->bytes[0] != MESSAGE_CLIENT_KEY_EXCHANGE)
		return;
	len = encrypt(*(enum twist *)p->tamper_arg, ciphertext);
	writer_u8(&w, MESSAGE_CLIENT_KEY_EXCHANGE);
	mark = writer_open(&w, 3);
	writer_u16(&w, (uint16_t)len);
	writer_bytes(&w, ciphertext, len);
	writer_close(&w, mark, 3);
	free(m->bytes);
	m->bytes = w.bytes;
	m->len = w.len;
}

/* The master secret that the server makes of a twisted message, and all that comes of it. */
static void play(enum twist twist, uint64_t seed, struct secret *master, struct pair *p)
{
	start(p);
	p->side[HS_SERVER].random_state += seed;
	p->tamper = change_key_exchange;
	p->tamper_arg = &twist;
	pair_start(p);
	while (!has_message(p, MESSAGE_CLIENT_KEY_EXCHANGE) && pair_step(p))
		;
	/* the server's random is what the seed would change in any case */
	memset(p->side[HS_SERVER].engine->server_random, 7, HS_RANDOM_LEN);
	while (p->side[HS_SERVER].engine->state != SERVER12_WAIT_FINISHED && pair_step(p))
		;
	*master = p->side[HS_SERVER].engine->master;
	while (pair_step(p))
		;
	p->tamper_arg = NULL;
}

/* Is it the master secret of what pad() makes, with what the server has seen? */
static bool same_master(struct pair *p, const struct secret *master)
{
	struct hs_engine *e = p->side[HS_CLIENT].engine;
	uint8_t m[SIZE], server_random[HS_RANDOM_LEN];
	struct secret expected;
	struct hkdf hkdf = { 0 };
	struct writer transcript = { 0 };
	uint8_t hash[HASH_MAX];
	bool same;

	memset(server_random, 7, sizeof(server_random));
	for (size_t i = 0; i < p->sent_count; i++) {
		writer_bytes(&transcript, p->sent[i].bytes, p->sent[i].len);
		if (p->sent[i].bytes[0] == MESSAGE_CLIENT_KEY_EXCHANGE)
			break;
	}
	pad(GOOD, m);
	same = crypto_digest(HASH_SHA256, transcript.bytes, transcript.len, hash) == 0 &&
	       hkdf_init(&hkdf, HASH_SHA256) == 0 &&
	       master_secret(&hkdf, m + SIZE - PREMASTER, PREMASTER, hash, e->client_random,
			     server_random, &expected) == 0 &&
	       expected.len == master->len && !memcmp(expected.bytes, master->bytes, expected.len);
	hkdf_release(&hkdf);
	writer_release(&transcript);
	return same;
}

static void one_twist(enum twist twist)
{
	struct secret first, second;
	const struct party *s;
	struct pair p;
	bool alike, same;

	play(twist, 1, &second, &p);
	pair_free(&p);
	play(twist, 2, &first, &p);
	s = &p.side[HS_SERVER];
	/* all the same from outside, until a Finished that does not fit */
	alike = s->failed && !s->complete && s->failure.alert == ALERT_DECRYPT_ERROR &&
		s->failure.error == EPROTO &&
		!strcmp(s->text, "Finished does not fit the handshake that was seen here") &&
		s->continues == 2 && s->keys[HS_RX][3].key_len == 16;
	same = same_master(&p, &first);
	if (twist == GOOD)
		ok(alike && same, "%s: the secret of the client", twist_names[twist]);
	else if (twist == OTHER_VERSION) /* the rest of it counts, with our version */
		ok(alike && same, "%s: it is passed over", twist_names[twist]);
	else
		ok(alike && !same && memcmp(first.bytes, second.bytes, first.len) != 0,
		   "%s: a random secret", twist_names[twist]);
	if (!alike)
		note("%s", s->text);
	pair_free(&p);
}

/* What is malformed before it is decrypted is no secret. */
static void malformed(void)
{
	static const char *const bodies[] = { "", "00", "0000", "000201", "00010203" };

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		uint8_t message[16] = { MESSAGE_CLIENT_KEY_EXCHANGE };
		struct pair p;
		uint8_t *body;
		size_t len;

		start(&p);
		pair_start(&p);
		pair_step(&p);
		body = unhex(bodies[i], &len);
		memcpy(message + 4, body, len);
		message[3] = (uint8_t)len;
		hs_engine_input(p.side[HS_SERVER].engine, HS_EPOCH_PLAINTEXT, message, 4 + len);
		party_take_actions(&p, HS_SERVER);
		ok(p.side[HS_SERVER].failed &&
			   p.side[HS_SERVER].failure.alert == ALERT_DECODE_ERROR,
		   "a ClientKeyExchange of \"%s\": %s", bodies[i], p.side[HS_SERVER].text);
		free(body);
		pair_free(&p);
	}
}

int main(void)
{
	for (int bits = 0; bits < 8; bits++)
		handshake(bits & 1 ? rsa_256 : rsa_128, bits & 2, bits & 4);
	better_first();
	for (int bits = 0; bits < 4; bits++)
		resumption(bits & 1, bits & 2);
	without_legacy();
	one_side_only(HS_CLIENT);
	one_side_only(HS_SERVER);
	server_certificate(KEY_RSA, "digitalSignature");
	server_certificate(KEY_RSA_PSS, "digitalSignature,keyEncipherment");
	server_certificate(KEY_ECDSA_P256, "digitalSignature,keyEncipherment");
	client_certificate(KEY_RSA, "digitalSignature", ALERT_UNSUPPORTED_CERTIFICATE);
	client_certificate(KEY_RSA_PSS, "keyEncipherment", ALERT_ILLEGAL_PARAMETER);
	client_certificate(KEY_ECDSA_P256, "keyEncipherment", ALERT_ILLEGAL_PARAMETER);
	client_certificate(KEY_RSA, "keyEncipherment", 0);
	for (int twist = GOOD; twist < TWISTS; twist++)
		one_twist((enum twist)twist);
	malformed();
	identities_free();
	return tap_done();
}
