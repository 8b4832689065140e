// SPDX-License-Identifier: MIT
/*
 * test_groups.c - groups that are no curves, RFC 8446 section 4.2.8
 *
 * X25519MLKEM768 of draft-ietf-tls-ecdhe-mlkem: which shares a client sends, what a server does
 * with it, keys and ciphertexts that are none; ffdhe (section 4.2.8.1) and its numbers. Without an ML-KEM in libcrypto all that is left
 * is that it is passed over.
 */
#include <stdio.h>
#include <stdlib.h>

#include "edit.h"
#include "pair.h"
#include "tap.h"

#define KEY_SHARE 51
#define SHARE_MAX 2048

static const uint16_t hybrid_alone[] = { HS_X25519MLKEM768 };
static const uint16_t hybrid_first[] = { HS_X25519MLKEM768, HS_X25519, HS_SECP256R1 };
static const uint16_t hybrid_last[] = { HS_X25519, HS_X25519MLKEM768 };
static const uint16_t classic[] = { HS_SECP256R1, HS_X25519 };
static const uint16_t nist[] = { HS_SECP256R1 };
static const uint16_t ffdhe2048[] = { HS_FFDHE2048 };
static const uint16_t ffdhe3072[] = { HS_FFDHE3072 };
static const uint16_t ffdhe_last[] = { HS_X25519, HS_SECP256R1, HS_FFDHE2048 };

struct list {
	const uint16_t *groups;
	size_t count;
};

#define LIST(a)                           \
	{                                 \
		a, sizeof(a) / sizeof(*a) \
	}

static const struct agreement {
	const char *what;
	struct list client, server;
	uint16_t group;
	bool retried;
} agreements[] = {
	{ "both first", LIST(hybrid_first), LIST(hybrid_first), HS_X25519MLKEM768, false },
	{ "the client alone", LIST(hybrid_first), LIST(classic), HS_X25519, false },
	{ "the server alone", LIST(classic), LIST(hybrid_first), HS_SECP256R1, false },
	{ "the client last", LIST(hybrid_last), LIST(hybrid_first), HS_X25519, false },
	{ "a retry to it", LIST(hybrid_last), LIST(hybrid_alone), HS_X25519MLKEM768, true },
	{ "a retry from it", LIST(hybrid_first), LIST(nist), HS_SECP256R1, true },
	{ "nothing else", LIST(hybrid_alone), LIST(hybrid_alone), HS_X25519MLKEM768, false },
};

static const struct agreement primes[] = {
	{ "ffdhe2048 alone", LIST(ffdhe2048), LIST(ffdhe2048), HS_FFDHE2048, false },
	{ "ffdhe3072 alone", LIST(ffdhe3072), LIST(ffdhe3072), HS_FFDHE3072, false },
	{ "a retry to ffdhe2048", LIST(ffdhe_last), LIST(ffdhe2048), HS_FFDHE2048, true },
	{ "a client that has it last", LIST(ffdhe_last), LIST(ffdhe_last), HS_X25519, false },
};

static void use(struct pair *p, enum hs_role role, struct list list)
{
	p->side[role].config.groups = list.groups;
	p->side[role].config.group_count = list.count;
}

static void agree(const struct agreement *a)
{
	const struct hs_summary *c, *s;
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	use(&p, HS_CLIENT, a->client);
	use(&p, HS_SERVER, a->server);
	pair_run(&p);
	c = hs_engine_summary(p.side[HS_CLIENT].engine);
	s = hs_engine_summary(p.side[HS_SERVER].engine);
	ok(pair_complete(&p) && c->group == a->group && s->group == a->group &&
		   c->retried == a->retried &&
		   !memcmp(c->channel_binding, s->channel_binding, HS_CHANNEL_BINDING_LEN),
	   "%s: %s%s", a->what, hs_group_name(a->group), a->retried ? " after a retry" : "");
	if (!pair_complete(&p))
		note("%s %s", p.side[HS_CLIENT].text, p.side[HS_SERVER].text);
	pair_free(&p);
}

/* Without the policy's word nobody offers or takes it. */
static void primes_by_name(void)
{
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	use(&p, HS_CLIENT, (struct list)LIST(ffdhe2048));
	pair_run(&p);
	ok(p.side[HS_SERVER].failure.alert == ALERT_HANDSHAKE_FAILURE &&
		   p.side[HS_SERVER].failure.error == EPERM,
	   "no ffdhe by default: %s", p.side[HS_SERVER].text);
	pair_free(&p);
}

/* The same secret whatever its first bytes are: it is as long as the prime. */
static void padded(void)
{
	const struct group *group = group_find(HS_FFDHE2048);
	struct party a = { .random_state = 1 }, b = { .random_state = 2 };
	bool same = true, zeros = false;

	for (int i = 0; same && !zeros && i < 2000; i++) {
		struct crypto_share *client = NULL, *server = NULL;
		struct shared_secret x, y;
		const uint8_t *bytes;
		size_t len;

		if (crypto_share_new(group, test_random, &a, &client) < 0)
			bail("no share");
		bytes = crypto_share_public(client, group, &len);
		if (crypto_share_answer(group, bytes, len, test_random, &b, &server, &x) < 0)
			bail("no answer");
		bytes = crypto_share_public(server, group, &len);
		same = crypto_share_derive(client, group, bytes, len, &y) == 0 && len == 256 &&
		       x.len == 256 && y.len == 256 && !memcmp(x.bytes, y.bytes, 256);
		zeros = !x.bytes[0];
		crypto_share_free(client);
		crypto_share_free(server);
	}
	ok(same && zeros, "a secret that begins with a zero has it still");
}

enum number { ZERO, ONE, ALL_BUT_ONE, ALL, TWO_SHORT, NUMBERS };

static const char *const number_names[] = { "zero", "one", "p - 1", "p", "two, but not padded" };

/* The ends of the range, RFC 8446 section 4.2.8.1 */
static void out_of_range(uint16_t code)
{
	const struct group *group = group_find(code);
	struct party party = { .random_state = 3 };
	struct crypto_share *share = NULL, *other = NULL;
	struct crypto_dh *dh = NULL;
	const uint8_t *prime;
	size_t len;

	if (crypto_share_new(group, test_random, &party, &share) < 0 ||
	    crypto_dh_named(code == HS_FFDHE2048 ? 2048 : 3072, test_random, &party, &dh) < 0)
		bail("no share");
	prime = crypto_dh_prime(dh, &len);
	for (int n = ZERO; n < NUMBERS; n++) {
		uint8_t bytes[384] = { 0 };
		struct shared_secret out;
		size_t use = n == TWO_SHORT ? 1 : len;

		if (n == ALL || n == ALL_BUT_ONE)
			memcpy(bytes, prime, len);
		if (n == ALL_BUT_ONE || n == ONE)
			bytes[len - 1] ^= 1;
		if (n == TWO_SHORT)
			bytes[0] = 2;
		ok(crypto_share_derive(share, group, bytes, use, &out) == -EBADMSG &&
			   crypto_share_answer(group, bytes, use, test_random, &party, &other,
					       &out) == -EBADMSG &&
			   !out.len && !other,
		   "%s is no number of %s", number_names[n], group->name);
	}
	crypto_dh_free(dh);
	crypto_share_free(share);
}

/* One share on its way: its bytes become others. */
enum change {
	AS_IT_IS,
	SHORT, /* a byte less */
	LONG,
	NUMBERS_TOO_LARGE, /* 12 bits of ones are no number below q */
	OTHER_BYTES, /* of an ML-KEM ciphertext: another secret, FIPS 203 section 6.3 */
	CURVE_ZERO, /* the X25519 part */
	EMPTY,
	CURVE_ALONE, /* an X25519 share under the hybrid's number */
};

static const struct damage {
	const char *what;
	uint8_t message;
	enum change change;
	uint8_t alert; /* 0: goes well */
} damages[] = {
	{ "as it is", MESSAGE_CLIENT_HELLO, AS_IT_IS, 0 },
	{ "a byte less", MESSAGE_CLIENT_HELLO, SHORT, ALERT_ILLEGAL_PARAMETER },
	{ "a byte more", MESSAGE_CLIENT_HELLO, LONG, ALERT_ILLEGAL_PARAMETER },
	{ "numbers above q", MESSAGE_CLIENT_HELLO, NUMBERS_TOO_LARGE, ALERT_ILLEGAL_PARAMETER },
	{ "an X25519 part of zeros", MESSAGE_CLIENT_HELLO, CURVE_ZERO, ALERT_ILLEGAL_PARAMETER },
	{ "nothing in it", MESSAGE_CLIENT_HELLO, EMPTY, ALERT_DECODE_ERROR },
	{ "X25519 alone", MESSAGE_CLIENT_HELLO, CURVE_ALONE, ALERT_ILLEGAL_PARAMETER },
	{ "as it is", MESSAGE_SERVER_HELLO, AS_IT_IS, 0 },
	{ "a byte less", MESSAGE_SERVER_HELLO, SHORT, ALERT_ILLEGAL_PARAMETER },
	{ "a byte more", MESSAGE_SERVER_HELLO, LONG, ALERT_ILLEGAL_PARAMETER },
	{ "an X25519 part of zeros", MESSAGE_SERVER_HELLO, CURVE_ZERO, ALERT_ILLEGAL_PARAMETER },
	{ "nothing in it", MESSAGE_SERVER_HELLO, EMPTY, ALERT_DECODE_ERROR },
	{ "X25519 alone", MESSAGE_SERVER_HELLO, CURVE_ALONE, ALERT_ILLEGAL_PARAMETER },
};

static size_t change_share(uint8_t *share, size_t len, enum change change)
{
	switch (change) {
	case AS_IT_IS:
		break;
	case SHORT:
		return len - 1;
	case LONG:
		share[len] = 1;
		return len + 1;
	case NUMBERS_TOO_LARGE:
		memset(share, 0xff, 3);
		break;
	case OTHER_BYTES:
		share[0] ^= 1;
		break;
	case CURVE_ZERO:
		memset(share + len - 32, 0, 32);
		break;
	case EMPTY:
		return 0;
	case CURVE_ALONE:
		memmove(share, share + len - 32, 32);
		return 32;
	}
	return len;
}

/* The share of the hybrid stands last in a hello of one share. */
static void change_hello(struct message *m, enum change change)
{
	size_t share_len = m->bytes[0] == MESSAGE_CLIENT_HELLO ? 1216 : 1120;
	struct reader r = reader_over(m->bytes, m->len);
	uint8_t share[SHARE_MAX],
		marker[4] = { 0x11, 0xec, (uint8_t)(share_len >> 8), (uint8_t)share_len };
	char hex[2 * SHARE_MAX + 16];
	struct edit edit = { EDIT_SET, KEY_SHARE, hex };
	const uint8_t *at = memmem(r.at, r.left, marker, 4);
	size_t n, len;

	if (!at)
		bail("no hybrid share");
	memcpy(share, at + 4, share_len);
	len = change_share(share, share_len, change);
	n = m->bytes[0] == MESSAGE_CLIENT_HELLO ? (size_t)sprintf(hex, "%04zx", len + 4) : 0;
	n += (size_t)sprintf(hex + n, "11ec%04zx", len);
	for (size_t i = 0; i < len; i++)
		n += (size_t)sprintf(hex + n, "%02x", share[i]);
	edit_message(m, &edit, 1);
}

static void tamper(struct pair *p, struct message *m, size_t index)
{
	const struct damage *d = p->tamper_arg;

	(void)index;
	if (m->bytes[0] == d->message)
		change_hello(m, d->change);
}

static void damage(const struct damage *d)
{
	bool client = d->message == MESSAGE_CLIENT_HELLO;
	const struct party *receiver;
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	use(&p, HS_CLIENT, (struct list)LIST(hybrid_alone));
	use(&p, HS_SERVER, (struct list)LIST(hybrid_alone));
	p.tamper = tamper;
	p.tamper_arg = (void *)(uintptr_t)d;
	pair_run(&p);
	receiver = &p.side[client ? HS_SERVER : HS_CLIENT];
	if (d->alert)
		ok(receiver->failed && receiver->failure.alert == d->alert &&
			   receiver->failure.error == EPROTO && (!client || p.sent_count == 1),
		   "a %s share, %s: %s", client ? "client's" : "server's", d->what, receiver->text);
	else
		ok(pair_complete(&p), "a %s share, %s", client ? "client's" : "server's", d->what);
	pair_free(&p);
}

/* Another ciphertext is no error: the keys are others, and nothing of the server's opens. */
static void other_ciphertext(void)
{
	struct damage d = { "", MESSAGE_SERVER_HELLO, OTHER_BYTES, 0 };
	const struct party *c, *s;
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	use(&p, HS_CLIENT, (struct list)LIST(hybrid_alone));
	use(&p, HS_SERVER, (struct list)LIST(hybrid_alone));
	p.tamper = tamper;
	p.tamper_arg = &d;
	pair_start(&p);
	pair_step(&p);
	pair_step(&p);
	c = &p.side[HS_CLIENT];
	s = &p.side[HS_SERVER];
	ok(!c->failed && c->keys[HS_RX][HS_EPOCH_HANDSHAKE].key_len &&
		   memcmp(c->keys[HS_RX][HS_EPOCH_HANDSHAKE].key,
			  s->keys[HS_TX][HS_EPOCH_HANDSHAKE].key, 16) != 0,
	   "another ciphertext makes other keys");
	pair_free(&p);
}

/* A client of both versions: TLS 1.2 knows no hybrid, but takes the curve. */
static void old_version(const char *what, struct list list, bool good)
{
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p.side[role].config.min_version = HS_TLS_1_2;
		use(&p, (enum hs_role)role, list);
	}
	p.side[HS_SERVER].config.max_version = HS_TLS_1_2;
	pair_run(&p);
	if (good)
		ok(pair_complete(&p) &&
			   hs_engine_summary(p.side[HS_CLIENT].engine)->group == HS_X25519,
		   "TLS 1.2, %s: x25519", what);
	else
		ok(p.side[HS_SERVER].failure.alert == ALERT_HANDSHAKE_FAILURE &&
			   p.side[HS_SERVER].failure.error == EPERM,
		   "TLS 1.2, %s: %s", what, p.side[HS_SERVER].text);
	pair_free(&p);
}

/* A client that will not speak TLS 1.3 does not say what only that knows. */
static void not_offered(struct list list)
{
	static const uint8_t hybrid[] = { 0x11, 0xec };
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	p.side[HS_CLIENT].config.min_version = HS_TLS_1_2;
	p.side[HS_CLIENT].config.max_version = HS_TLS_1_2;
	use(&p, HS_CLIENT, list);
	pair_start(&p);
	/* its random bytes and session id do not have it */
	ok(!memmem(p.sent[0].bytes, p.sent[0].len, hybrid, 2),
	   "a client of TLS 1.2 alone does not offer the hybrid (of %zu groups)", list.count);
	pair_free(&p);
}

static void passed_over(bool there)
{
	struct hs_engine *e;
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	use(&p, HS_CLIENT, (struct list)LIST(hybrid_alone));
	e = hs_engine_new(&p.side[HS_CLIENT].config, HS_CLIENT);
	ok((e != NULL) == there, "a policy of the hybrid alone is %s", there ? "one" : "none");
	hs_engine_free(e);
	use(&p, HS_CLIENT, (struct list)LIST(hybrid_first));
	use(&p, HS_SERVER, (struct list)LIST(hybrid_first));
	pair_run(&p);
	ok(pair_complete(&p) && hs_engine_summary(p.side[HS_CLIENT].engine)->group ==
					(there ? HS_X25519MLKEM768 : HS_X25519),
	   "one that names X25519 behind it takes %s", there ? "the hybrid" : "x25519");
	pair_free(&p);
}

int main(void)
{
	bool there;

	if (crypto_init() < 0)
		bail("libcrypto");
	there = crypto_has_group(group_find(HS_X25519MLKEM768));
	passed_over(there);
	old_version("the hybrid and X25519", (struct list)LIST(hybrid_first), true);
	for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++)
		agree(&primes[i]);
	primes_by_name();
	padded();
	out_of_range(HS_FFDHE2048);
	out_of_range(HS_FFDHE3072);
	old_version("ffdhe2048 behind X25519", (struct list)LIST(ffdhe_last), true);
	old_version("ffdhe2048 alone", (struct list)LIST(ffdhe2048), false);
	if (there) {
		for (size_t i = 0; i < sizeof(agreements) / sizeof(agreements[0]); i++)
			agree(&agreements[i]);
		for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++)
			damage(&damages[i]);
		other_ciphertext();
		not_offered((struct list)LIST(hybrid_first));
		not_offered((struct list)LIST(hybrid_alone));
		old_version("the hybrid alone", (struct list)LIST(hybrid_alone), false);
	} else {
		skip("X25519MLKEM768", "libcrypto has no ML-KEM");
	}
	identities_free();
	return tap_done();
}
