// SPDX-License-Identifier: MIT
/*
 * test_sessions.c - resumption in TLS 1.3, RFC 8446 sections 2.2, 4.2.11 and 4.6.1
 *
 * Tickets are given, taken and refused: by age, key, name, context, certificate, client
 * identity, binder. Whatever is wrong with a ticket leads to a full handshake; only a wrong
 * binder ends it. Table rows of the field's accidents: zero ticket key (CVE-2020-13777),
 * resumption across virtual hosts or client identities (CVE-2025-23419, CVE-2025-68121).
 */
#include <stdlib.h>

#include "edit.h"
#include "resumption.h"
#include "scarce.h"
#include "session.h"
#include "tap.h"

static void first_handshake(void)
{
	struct pair p;

	reset();
	set_up(&p);
	pair_run(&p);
	if (!pair_complete(&p) || stored != 1)
		bail("no session: %s%s", p.side[HS_CLIENT].text, p.side[HS_SERVER].text);
	pair_free(&p);
}

static bool same_keys(const struct pair *p)
{
	const struct party *c = &p->side[HS_CLIENT], *s = &p->side[HS_SERVER];

	for (int epoch = HS_EPOCH_HANDSHAKE; epoch <= HS_EPOCH_APPLICATION; epoch++)
		if (!c->keys[HS_TX][epoch].key_len ||
		    memcmp(c->keys[HS_TX][epoch].key, s->keys[HS_RX][epoch].key, HS_MAX_KEY) ||
		    memcmp(c->keys[HS_RX][epoch].key, s->keys[HS_TX][epoch].key, HS_MAX_KEY))
			return false;
	return true;
}

/* Both sides are done, and agree on whether they resumed. */
static bool ends(struct pair *p, bool resumed)
{
	const struct hs_summary *c = summary(p, HS_CLIENT), *s = summary(p, HS_SERVER);
	bool certificate = false;

	if (!pair_complete(p) || !same_keys(p)) {
		note("client: %s, server: %s", p->side[HS_CLIENT].text, p->side[HS_SERVER].text);
		return false;
	}
	for (size_t i = 0; i < p->sent_count; i++)
		certificate |= p->sent[i].bytes[0] == MESSAGE_CERTIFICATE;
	return c->resumed == resumed && s->resumed == resumed && certificate == !resumed &&
	       !memcmp(c->channel_binding, s->channel_binding, HS_CHANNEL_BINDING_LEN) &&
	       c->peer_chain_count == 1 && !c->verify_code;
}

#define EMPTY (4 + 2 + 6) /* header, length, record_size_limit */

/* Bytes of EncryptedExtensions: server_name is acknowledged in a full handshake alone. */
static size_t encrypted_extensions_len(const struct pair *p)
{
	for (size_t i = 0; i < p->sent_count; i++)
		if (p->sent[i].bytes[0] == MESSAGE_ENCRYPTED_EXTENSIONS)
			return p->sent[i].len;
	return 0;
}

static void acknowledges_name(void)
{
	struct pair p;

	reset();
	set_up(&p);
	pair_run(&p);
	ok(encrypted_extensions_len(&p) == EMPTY + 4, "a full handshake acknowledges the name");
	pair_free(&p);
	set_up(&p);
	pair_run(&p);
	ok(ends(&p, true) && encrypted_extensions_len(&p) == EMPTY,
	   "one that resumes does not (RFC 6066 section 3)");
	pair_free(&p);
}

static void resumes(void)
{
	struct pair p;

	first_handshake();
	for (int i = 0; i < 3; i++) {
		set_up(&p);
		pair_run(&p);
		ok(ends(&p, true) && summary(&p, HS_CLIENT)->peer_authenticated &&
			   stored == (unsigned int)i + 2,
		   "resumption %d, and another ticket", i + 1);
		pair_free(&p);
	}
}

static void with_suites(uint16_t first, uint16_t then, bool resumed)
{
	struct pair p;

	reset();
	for (int i = 0; i < 2; i++) {
		uint16_t order[] = { i ? then : first, HS_AES_128_GCM_SHA256,
				     HS_CHACHA20_POLY1305_SHA256, HS_AES_256_GCM_SHA384 };
		uint16_t list[4];
		size_t n = 0;

		for (size_t j = 0; j < 4; j++)
			if (!j || order[j] != order[0])
				list[n++] = order[j];
		set_up(&p);
		p.side[HS_SERVER].config.suites = list;
		p.side[HS_SERVER].config.suite_count = n;
		p.side[HS_CLIENT].config.suites = list;
		p.side[HS_CLIENT].config.suite_count = n;
		pair_run(&p);
		if (i)
			ok(ends(&p, resumed),
			   "a session with %s where the server likes %s better: %s",
			   hs_suite_name(first), hs_suite_name(then),
			   hs_suite_name(summary(&p, HS_CLIENT) ? summary(&p, HS_CLIENT)->suite :
								  0));
		pair_free(&p);
	}
}

static void after_retry(uint16_t suite)
{
	static const uint16_t groups[] = { HS_X25519, HS_SECP384R1 };
	struct pair p;

	reset();
	for (int i = 0; i < 2; i++) {
		set_up(&p);
		for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
			p.side[role].config.suites = &suite;
			p.side[role].config.suite_count = 1;
		}
		p.side[HS_CLIENT].config.groups = groups;
		p.side[HS_CLIENT].config.group_count = 2;
		p.side[HS_SERVER].config.groups = groups + 1;
		p.side[HS_SERVER].config.group_count = 1;
		pair_run(&p);
		if (i)
			ok(ends(&p, true) && summary(&p, HS_CLIENT)->retried,
			   "resumption after HelloRetryRequest, %s", hs_suite_name(suite));
		pair_free(&p);
	}
}

/* A session made for one hash, and a server that has only a suite of another. */
static void other_hash_after_retry(void)
{
	static const uint16_t groups[] = { HS_X25519, HS_SECP384R1 };
	static const uint16_t both[] = { HS_AES_128_GCM_SHA256, HS_AES_256_GCM_SHA384 };
	struct pair p;

	first_handshake();
	set_up(&p);
	p.side[HS_SERVER].config.suites = both + 1;
	p.side[HS_SERVER].config.suite_count = 1;
	p.side[HS_CLIENT].config.groups = groups;
	p.side[HS_CLIENT].config.group_count = 2;
	p.side[HS_SERVER].config.groups = groups + 1;
	p.side[HS_SERVER].config.group_count = 1;
	pair_run(&p);
	ok(ends(&p, false), "a retry with a suite of another hash drops the session");
	pair_free(&p);
}

/* One thing differs in the second connection; it is then a full one. */
enum change {
	SERVER_CLOCK,
	BOTH_CLOCKS,
	CLOCK_BACK,
	KEY_GONE,
	KEY_ROTATED, /* the old one is kept: this one resumes */
	KEY_OF_ZEROS,
	SERVER_CONTEXT,
	CLIENT_CONTEXT,
	OTHER_NAME,
	OTHER_CREDENTIAL,
	CLIENT_NEW_TRUST,
	NO_TICKETS,
	CHANGES,
};

static const char *const change_names[CHANGES] = {
	"two hours later by the server's clock",
	"two hours later by both clocks",
	"a day earlier by both clocks",
	"after the ticket key has gone",
	"after the ticket key was rotated",
	"with a ticket key of zeros",
	"in another context of the server",
	"in another context of the client",
	"for another name",
	"under another certificate",
	"with a client that trusts another root now",
	"with a server that takes no tickets",
};

static void make_change(struct pair *p, enum change change)
{
	switch (change) {
	case SERVER_CLOCK:
		p->side[HS_SERVER].now += 7200;
		break;
	case BOTH_CLOCKS:
		p->side[HS_CLIENT].now += 7200;
		p->side[HS_SERVER].now += 7200;
		break;
	case CLOCK_BACK:
		p->side[HS_CLIENT].now -= DAY / 2;
		p->side[HS_SERVER].now -= DAY / 2;
		break;
	case KEY_GONE:
		current_key = 2;
		old_keys_gone = true;
		break;
	case KEY_ROTATED:
		current_key = 2;
		break;
	case KEY_OF_ZEROS:
		memset(ticket_keys[1], 0, HS_TICKET_KEY_LEN);
		break;
	case SERVER_CONTEXT:
		p->side[HS_SERVER].config.session_context = (const uint8_t *)"other";
		p->side[HS_SERVER].config.session_context_len = 5;
		break;
	case CLIENT_CONTEXT:
		p->side[HS_CLIENT].config.session_context = (const uint8_t *)"other";
		p->side[HS_CLIENT].config.session_context_len = 5;
		break;
	case OTHER_NAME:
		p->side[HS_CLIENT].config.server_name = "192.0.2.1";
		break;
	case OTHER_CREDENTIAL:
		hs_credential_unref(p->credentials[0]);
		p->credentials[0] = identity_credential(test_leaf(KEY_ED25519));
		break;
	case CLIENT_NEW_TRUST:
		/* the session's chain does not verify any more; nor would a new one */
		hs_trust_unref(p->side[HS_CLIENT].config.trust);
		p->side[HS_CLIENT].config.trust = hs_trust_new();
		break;
	case NO_TICKETS:
		p->side[HS_SERVER].config.ticket_key = NULL;
		break;
	case CHANGES:
		break;
	}
}

static void changed(enum change change)
{
	struct pair p;

	first_handshake();
	set_up(&p);
	make_change(&p, change);
	pair_run(&p);
	if (change == CLIENT_NEW_TRUST)
		ok(p.side[HS_CLIENT].failed && !p.side[HS_CLIENT].complete &&
			   p.side[HS_CLIENT].failure.error == EKEYREJECTED &&
			   p.side[HS_CLIENT].failure.alert == ALERT_UNKNOWN_CA,
		   "no resumption %s: %s", change_names[change], p.side[HS_CLIENT].text);
	else
		ok(ends(&p, change == KEY_ROTATED), "%s resumption %s",
		   change == KEY_ROTATED ? "a" : "no", change_names[change]);
	if (change == KEY_OF_ZEROS)
		ok(stored == 1, "and no ticket under a key of zeros");
	pair_free(&p);
}

/* However often it is resumed, after a week the certificate has to be shown again. */
static void weeks(void)
{
	struct pair p;
	int64_t later = 0;
	int resumed = 0;

	first_handshake();
	for (int i = 0; i < 400; i++) {
		later += 7000;
		set_up(&p);
		p.side[HS_CLIENT].now += later;
		p.side[HS_SERVER].now += later;
		pair_run(&p);
		if (!pair_complete(&p) || !summary(&p, HS_CLIENT)->resumed) {
			pair_free(&p);
			break;
		}
		resumed++;
		pair_free(&p);
	}
	ok(resumed == SESSION_LIFETIME_MAX / 7000, "resumption after resumption, for a week (%d)",
	   resumed);
}

static void client_certificates(bool trusted_then, bool trusted_now, bool ask_now, bool resumed)
{
	struct identity_spec spec = { .common_name = "Client", .key = KEY_ED25519 };
	struct identity *client;
	struct hs_credential *credential;
	struct hs_trust *trust = identity_trust(test_root()), *nobody = hs_trust_new();
	struct pair p;

	spec.issuer = test_root();
	client = identity_new(&spec);
	credential = identity_credential(client);
	reset();
	for (int i = 0; i < 2; i++) {
		bool trusted = i ? trusted_now : trusted_then;

		set_up(&p);
		p.side[HS_CLIENT].config.credentials = &credential;
		p.side[HS_CLIENT].config.credential_count = 1;
		p.side[HS_SERVER].config.verify = i && !ask_now ? HS_VERIFY_NONE :
						  trusted	? HS_VERIFY_REQUIRED :
								  HS_VERIFY_OPTIONAL;
		p.side[HS_SERVER].config.trust = trusted ? trust : nobody;
		pair_run(&p);
		if (i) {
			const struct hs_summary *s = summary(&p, HS_SERVER);

			ok(pair_complete(&p) && s->resumed == resumed &&
				   s->peer_authenticated == (trusted_now && ask_now) &&
				   s->peer_chain_count == ask_now &&
				   (!s->verify_code == (trusted_now || !ask_now)),
			   "a client whose certificate was %s, and now is %s: %s",
			   trusted_then ? "good" : "bad",
			   !ask_now    ? "not asked for" :
			   trusted_now ? "good" :
					 "bad",
			   resumed ? "resumes" : "starts anew");
		}
		pair_free(&p);
	}
	hs_trust_unref(trust);
	hs_trust_unref(nobody);
	hs_credential_unref(credential);
	identity_free(client);
}

/* A session without a client certificate, and a server that has come to require one. */
static void client_certificate_missing(void)
{
	struct hs_trust *trust = identity_trust(test_root());
	struct pair p;

	first_handshake();
	set_up(&p);
	p.side[HS_SERVER].config.verify = HS_VERIFY_REQUIRED;
	p.side[HS_SERVER].config.trust = trust;
	pair_run(&p);
	ok(p.side[HS_SERVER].failed && !p.side[HS_SERVER].complete &&
		   p.side[HS_SERVER].failure.alert == ALERT_CERTIFICATE_REQUIRED,
	   "a ticket does not stand in for a client certificate");
	pair_free(&p);
	hs_trust_unref(trust);
}

/* --- damage --- */

static void turn_binder(struct pair *p, struct message *m, size_t index)
{
	(void)p;
	if (index == 0)
		m->bytes[m->len - 1] ^= 1;
}

static void bad_binder(void)
{
	struct pair p;

	first_handshake();
	set_up(&p);
	p.tamper = turn_binder;
	pair_run(&p);
	ok(p.side[HS_SERVER].failed && p.side[HS_SERVER].failure.alert == ALERT_DECRYPT_ERROR &&
		   p.side[HS_SERVER].failure.error == EPROTO,
	   "a wrong binder: %s", p.side[HS_SERVER].text);
	pair_free(&p);
}

static void select_other(struct pair *p, struct message *m, size_t index)
{
	static const struct edit other = { EDIT_SET, 41, "0001" };

	(void)p;
	if (index == 1)
		edit_message(m, &other, 1);
}

static void wrong_selection(void)
{
	struct pair p;

	first_handshake();
	set_up(&p);
	p.tamper = select_other;
	pair_run(&p);
	ok(p.side[HS_CLIENT].failed && p.side[HS_CLIENT].failure.alert == ALERT_ILLEGAL_PARAMETER,
	   "a server that takes a second ticket of one: %s", p.side[HS_CLIENT].text);
	pair_free(&p);
}

/* Each byte of the stored session: full or resumed or refused, but always in agreement. */
static void damaged_store(void)
{
	uint8_t good[SESSION_MAX];
	size_t len, full = 0, resumed = 0, other = 0;
	struct pair p;

	first_handshake();
	len = store_len;
	memcpy(good, store, len);
	for (size_t i = 0; i < len; i++) {
		memcpy(store, good, len);
		store[i] ^= (uint8_t)(1 << i % 8);
		store_len = len;
		set_up(&p);
		pair_run(&p);
		if (!pair_complete(&p))
			other++; /* a secret that is none: the binder is wrong */
		else if (ends(&p, true))
			resumed++; /* ages */
		else if (ends(&p, false))
			full++;
		pair_free(&p);
	}
	ok(full + resumed + other == len && other <= 32 && full > 500,
	   "a stored session with a bit turned: %zu full, %zu resumed, %zu refused", full, resumed,
	   other);
	for (size_t cut = 0; cut < len; cut += 1 + cut / 32) {
		struct session s;

		if (session_decode(&s, good, cut) != -EBADMSG)
			bail("a session of %zu bytes is taken", cut);
	}
	ok(session_decode(&(struct session){ 0 }, good, SESSION_MAX + 1) == -EBADMSG,
	   "no session is taken that was cut short, or is too long");
}

/* A ticket under the right key that holds no session of ours, and none under any key. */
static void damaged_ticket(void)
{
	struct session s;
	struct reader ticket;
	uint8_t bytes[SESSION_TICKET_MAX];
	size_t len, refused = 0;
	struct pair p;

	first_handshake();
	session_decode(&s, store, store_len);
	len = s.ticket.left;
	memcpy(bytes, s.ticket.at, len);
	session_release(&s);
	set_up(&p);
	pair_start(&p);
	ticket = reader_over(bytes, len);
	ok(ticket_open(p.side[HS_SERVER].engine, ticket, &s) == 0, "a ticket of %zu bytes opens",
	   len);
	session_release(&s);
	for (size_t i = 0; i < len; i++) {
		bytes[i] ^= 0x80;
		refused += ticket_open(p.side[HS_SERVER].engine, ticket, &s) == -ENOENT;
		bytes[i] ^= 0x80;
		refused += ticket_open(p.side[HS_SERVER].engine, reader_over(bytes, i), &s) ==
			   -ENOENT;
	}
	ok(refused == 2 * len, "and not with a bit turned, nor cut short");
	pair_free(&p);
}

/* The handshake is over when an engine is parked: no failure of that is a failure of its. */
static void park_without_memory(void)
{
	uint8_t out[HS_MAX_SESSION];
	unsigned int failures = 0;
	bool untouched = true, refused;
	struct hs_engine *e;
	struct pair p;
	int rc;

	reset();
	set_up(&p);
	p.side[HS_CLIENT].config.ticket_key = p.side[HS_SERVER].config.ticket_key;
	pair_run(&p);
	e = p.side[HS_CLIENT].engine;
	do {
		scarce_after(failures);
		rc = hs_engine_park(e, out, sizeof(out));
		scarce_off(&refused);
		untouched = untouched && !hs_engine_next_action(e) && hs_engine_summary(e);
		failures += rc < 0;
	} while (rc < 0 && untouched && failures < 100);
	ok(failures > 2 && untouched && rc > 0,
	   "parked without memory, %u times, and the connection stands", failures);
	ok(hs_engine_park(e, out, 1) == -E2BIG && hs_engine_summary(e), "nor without room");
	pair_free(&p);
}

int main(void)
{
	scarce_init();
	park_without_memory();
	acknowledges_name();
	resumes();
	with_suites(HS_AES_128_GCM_SHA256, HS_AES_128_GCM_SHA256, true);
	with_suites(HS_AES_256_GCM_SHA384, HS_AES_256_GCM_SHA384, true);
	with_suites(HS_AES_128_GCM_SHA256, HS_CHACHA20_POLY1305_SHA256, true);
	with_suites(HS_AES_128_GCM_SHA256, HS_AES_256_GCM_SHA384, true);
	with_suites(HS_AES_256_GCM_SHA384, HS_AES_128_GCM_SHA256, true);
	after_retry(HS_AES_128_GCM_SHA256);
	after_retry(HS_AES_256_GCM_SHA384);
	other_hash_after_retry();
	for (int change = 0; change < CHANGES; change++)
		changed((enum change)change);
	weeks();
	client_certificates(true, true, true, true);
	client_certificates(true, false, true, true);
	client_certificates(false, true, true, true);
	client_certificates(true, true, false, false);
	client_certificate_missing();
	bad_binder();
	wrong_selection();
	damaged_store();
	damaged_ticket();
	identities_free();
	return tap_done();
}
