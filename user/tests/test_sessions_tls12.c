// SPDX-License-Identifier: MIT
/*
 * test_sessions_tls12.c - resumption in TLS 1.2: tickets and ids
 *
 * RFC 5246 section 7.3, RFC 5077, RFC 7627 section 5.3. Whatever is wrong with a session leads
 * to a full handshake; what is wrong with an answer ends it. Rows of the field's accidents: the
 * triple handshake, zero ticket key, resumption across virtual hosts or client identities.
 */
#include <stdlib.h>

#include "edit.h"
#include "resumption.h"
#include "session.h"
#include "tap.h"

static void old(struct pair *p, bool by_id)
{
	set_up(p);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p->side[role].config.min_version = HS_TLS_1_2;
		p->side[role].config.max_version = HS_TLS_1_2;
	}
	if (by_id)
		keep_by_id(p);
}

static void first_handshake(bool by_id)
{
	struct pair p;

	reset();
	old(&p, by_id);
	pair_run(&p);
	if (!pair_complete(&p) || stored != 1 || kept != by_id)
		bail("no session: %s%s", p.side[HS_CLIENT].text, p.side[HS_SERVER].text);
	pair_free(&p);
}

static bool same_keys(const struct pair *p)
{
	const struct party *c = &p->side[HS_CLIENT], *s = &p->side[HS_SERVER];

	return c->keys[HS_TX][3].key_len &&
	       !memcmp(c->keys[HS_TX][3].key, s->keys[HS_RX][3].key, HS_MAX_KEY) &&
	       !memcmp(c->keys[HS_RX][3].key, s->keys[HS_TX][3].key, HS_MAX_KEY) &&
	       !memcmp(c->keys[HS_RX][3].iv, s->keys[HS_TX][3].iv, HS_MAX_IV);
}

static size_t sent(const struct pair *p, uint8_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < p->sent_count; i++)
		n += p->sent[i].bytes[0] == type;
	return n;
}

/* Both sides are done, and agree on whether they resumed. */
static bool ends(struct pair *p, bool resumed)
{
	const struct hs_summary *c = summary(p, HS_CLIENT), *s = summary(p, HS_SERVER);

	if (!pair_complete(p) || !same_keys(p)) {
		note("client: %s, server: %s", p->side[HS_CLIENT].text, p->side[HS_SERVER].text);
		return false;
	}
	return c->resumed == resumed && s->resumed == resumed && c->version == HS_TLS_1_2 &&
	       c->suite == s->suite && c->group == s->group && c->group &&
	       sent(p, MESSAGE_CERTIFICATE) == !resumed && sent(p, MESSAGE_FINISHED) == 2 &&
	       p->side[HS_CLIENT].change_cipher_specs == 1 &&
	       p->side[HS_SERVER].change_cipher_specs == 1 &&
	       !memcmp(c->channel_binding, s->channel_binding, HS_CHANNEL_BINDING_LEN) &&
	       c->peer_authenticated && c->peer_chain_count == 1 && !c->verify_code;
}

static void resumes(bool by_id)
{
	uint8_t key[HS_MAX_KEY];
	struct pair p;

	first_handshake(by_id);
	memset(key, 0, sizeof(key));
	for (unsigned int i = 0; i < 3; i++) {
		old(&p, by_id);
		pair_run(&p);
		ok(ends(&p, true) && stored == i + 2 && kept == by_id &&
			   sent(&p, MESSAGE_NEW_SESSION_TICKET) == !by_id &&
			   memcmp(key, p.side[HS_CLIENT].keys[HS_TX][3].key, HS_MAX_KEY) != 0,
		   "resumption %u by %s%s", i + 1, by_id ? "id" : "ticket",
		   by_id ? "" : ", and another ticket");
		memcpy(key, p.side[HS_CLIENT].keys[HS_TX][3].key, HS_MAX_KEY);
		pair_free(&p);
	}
}

/* A client that would speak TLS 1.3 offers its session of TLS 1.2 all the same. */
static void both_versions(uint16_t server_max, bool by_id)
{
	bool newer = server_max == HS_TLS_1_3;
	struct pair p;

	first_handshake(by_id);
	old(&p, by_id);
	p.side[HS_CLIENT].config.max_version = HS_TLS_1_3;
	p.side[HS_SERVER].config.max_version = server_max;
	pair_run(&p);
	ok(pair_complete(&p) && summary(&p, HS_CLIENT)->resumed == !newer &&
		   summary(&p, HS_CLIENT)->version == server_max &&
		   summary(&p, HS_CLIENT)->peer_chain_count == 1,
	   "a session of TLS 1.2 by %s, and a server up to %s: %s", by_id ? "id" : "ticket",
	   hs_version_name(server_max), newer ? "a full handshake" : "resumed");
	pair_free(&p);
}

/* And the other way round: it must not be taken for one of TLS 1.2. */
static void newer_session(void)
{
	struct pair p;

	reset();
	set_up(&p);
	pair_run(&p);
	pair_free(&p);
	set_up(&p);
	p.side[HS_CLIENT].config.min_version = HS_TLS_1_2;
	p.side[HS_SERVER].config.min_version = HS_TLS_1_2;
	p.side[HS_SERVER].config.max_version = HS_TLS_1_2;
	pair_run(&p);
	ok(ends(&p, false), "a session of TLS 1.3, and a server up to TLS 1.2");
	pair_free(&p);
}

static void with_suites(uint16_t first, uint16_t then, bool both, bool resumed)
{
	struct pair p;

	reset();
	for (int i = 0; i < 2; i++) {
		const uint16_t list[] = { i ? then : first, i ? first : then };

		old(&p, false);
		for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
			p.side[role].config.suites = list;
			p.side[role].config.suite_count = both || role == HS_CLIENT ? 2 : 1;
		}
		pair_run(&p);
		if (i)
			ok(ends(&p, resumed) &&
				   summary(&p, HS_CLIENT)->suite == (resumed ? first : then),
			   "a session with %s where the server likes %s %s: %s",
			   hs_suite_name(first), hs_suite_name(then), both ? "better" : "alone",
			   resumed ? "resumed" : "full");
		pair_free(&p);
	}
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
	NO_SESSIONS,
	CHANGES,
};

static const char *const change_names[CHANGES] = {
	"two hours later by the server's clock",
	"two hours later by both clocks",
	"half a day earlier by both clocks",
	"after the ticket key has gone",
	"after the ticket key was rotated",
	"with a ticket key of zeros",
	"in another context of the server",
	"in another context of the client",
	"for another name",
	"under another certificate",
	"with a client that trusts another root now",
	"with a server that takes no sessions",
};

static void other_context(struct hs_config *c)
{
	c->session_context = (const uint8_t *)"other";
	c->session_context_len = 5;
}

static void make_change(struct pair *p, enum change change)
{
	struct party *client = &p->side[HS_CLIENT], *server = &p->side[HS_SERVER];

	switch (change) {
	case BOTH_CLOCKS:
		client->now += 7200;
		server->now += 7200;
		break;
	case SERVER_CLOCK:
		server->now += 7200;
		break;
	case CLOCK_BACK:
		client->now -= DAY / 2;
		server->now -= DAY / 2;
		break;
	case KEY_GONE:
		old_keys_gone = true;
		current_key = 2;
		break;
	case KEY_ROTATED:
		current_key = 2;
		break;
	case KEY_OF_ZEROS:
		memset(ticket_keys[1], 0, HS_TICKET_KEY_LEN);
		break;
	case SERVER_CONTEXT:
		other_context(&server->config);
		break;
	case CLIENT_CONTEXT:
		other_context(&client->config);
		break;
	case OTHER_NAME:
		client->config.server_name = "192.0.2.1";
		break;
	case OTHER_CREDENTIAL:
		hs_credential_unref(p->credentials[0]);
		p->credentials[0] = identity_credential(test_leaf(KEY_ECDSA_P384));
		break;
	case CLIENT_NEW_TRUST:
		hs_trust_unref(client->config.trust);
		client->config.trust = hs_trust_new();
		break;
	case NO_SESSIONS:
		server->config.ticket_key = NULL;
		server->config.session_find = NULL;
		server->config.session_keep = NULL;
		break;
	case CHANGES:
		break;
	}
}

static void changed(enum change change, bool by_id)
{
	bool resumed = change == KEY_ROTATED;
	struct pair p;

	first_handshake(by_id);
	old(&p, by_id);
	make_change(&p, change);
	pair_run(&p);
	if (change == CLIENT_NEW_TRUST)
		ok(p.side[HS_CLIENT].failed && !p.side[HS_CLIENT].complete &&
			   p.side[HS_CLIENT].failure.alert == ALERT_UNKNOWN_CA,
		   "no resumption by %s %s", by_id ? "id" : "ticket", change_names[change]);
	else
		ok(ends(&p, resumed), "%s resumption by %s %s", resumed ? "a" : "no",
		   by_id ? "id" : "ticket", change_names[change]);
	/* a promise that cannot be kept is a ticket of no bytes */
	if (change == KEY_OF_ZEROS)
		ok(stored == 1 && sent(&p, MESSAGE_NEW_SESSION_TICKET) == 1,
		   "and no ticket under a key of zeros");
	pair_free(&p);
}

/* However often it is resumed, after a week the certificate has to be shown again. */
static void weeks(void)
{
	struct pair p;
	int64_t later = 0;
	int resumed = 0;
	bool more = true;

	first_handshake(false);
	while (more && resumed < 400) {
		later += 7000;
		old(&p, false);
		p.side[HS_CLIENT].now += later;
		p.side[HS_SERVER].now += later;
		pair_run(&p);
		more = pair_complete(&p) && summary(&p, HS_CLIENT)->resumed;
		resumed += more;
		pair_free(&p);
	}
	ok(resumed == SESSION_LIFETIME_MAX / 7000, "resumption after resumption, for a week (%d)",
	   resumed);
}

/* By id nothing is renewed, so it ends with the first session's time. */
static void id_ends(void)
{
	struct pair p;

	first_handshake(true);
	for (int i = 1; i <= 3; i++) {
		old(&p, true);
		p.side[HS_CLIENT].now += i * 3000;
		p.side[HS_SERVER].now += i * 3000;
		pair_run(&p);
		ok(ends(&p, i < 3), "a session by id after %d seconds: %s", i * 3000,
		   i < 3 ? "resumed" : "full");
		pair_free(&p);
	}
}

static void client_certificates(bool trusted_now, bool ask_now, bool resumed)
{
	struct identity_spec spec = { .common_name = "Client", .key = KEY_ED25519 };
	struct identity *client;
	struct hs_credential *credential;
	struct hs_trust *trust = identity_trust(test_root()), *nobody = hs_trust_new();
	const struct hs_summary *s;
	struct pair p;

	spec.issuer = test_root();
	client = identity_new(&spec);
	credential = identity_credential(client);
	reset();
	for (int i = 0; i < 2; i++) {
		bool trusted = !i || trusted_now, ask = !i || ask_now;

		old(&p, false);
		p.side[HS_CLIENT].config.credentials = &credential;
		p.side[HS_CLIENT].config.credential_count = 1;
		p.side[HS_SERVER].config.verify = !ask	  ? HS_VERIFY_NONE :
						  trusted ? HS_VERIFY_REQUIRED :
							    HS_VERIFY_OPTIONAL;
		p.side[HS_SERVER].config.trust = trusted ? trust : nobody;
		pair_run(&p);
		s = summary(&p, HS_SERVER);
		if (i)
			ok(pair_complete(&p) && s->resumed == resumed &&
				   s->peer_authenticated == (trusted_now && ask_now) &&
				   s->peer_chain_count == ask_now &&
				   (!s->verify_code == (trusted_now || !ask_now)),
			   "a client whose certificate was good, and now is %s: %s",
			   !ask_now    ? "not asked for" :
			   trusted_now ? "good" :
					 "bad",
			   resumed ? "resumes" : "starts anew");
		pair_free(&p);
	}
	hs_trust_unref(trust);
	hs_trust_unref(nobody);
	hs_credential_unref(credential);
	identity_free(client);
}

/* --- extended_master_secret, RFC 7627 section 5.3 --- */

/* Changes what the client's session, or the server's in the ticket, says of its secret. */
static void set_master_kind(bool in_ticket, bool extended)
{
	struct session mine, theirs;
	uint8_t *ticket = NULL, *bytes = NULL;
	size_t ticket_len = 0, len = 0;
	struct pair p;

	old(&p, false);
	pair_start(&p);
	if (session_decode(&mine, store, store_len) < 0 ||
	    ticket_open(p.side[HS_SERVER].engine, mine.ticket, &theirs) < 0)
		bail("no session");
	if (in_ticket)
		theirs.extended_master_secret = extended;
	else
		mine.extended_master_secret = extended;
	if (ticket_seal(p.side[HS_SERVER].engine, &theirs, &ticket, &ticket_len) < 0)
		bail("no ticket");
	mine.ticket = reader_over(ticket, ticket_len);
	if (session_encode(&mine, &bytes, &len) < 0)
		bail("no session");
	memcpy(store, bytes, len);
	store_len = len;
	session_bytes_free(bytes, len);
	free(ticket);
	session_release(&mine);
	session_release(&theirs);
	pair_free(&p);
}

static void drop_master_secret(struct pair *p, struct message *m, size_t index)
{
	static const struct edit drop = { EDIT_DROP, 23, NULL };

	if (index == *(size_t *)p->tamper_arg)
		edit_message(m, &drop, 1);
}

static void run_with_plain(struct pair *p)
{
	old(p, false);
	p->side[HS_CLIENT].config.plain_master_secret = true;
	p->side[HS_SERVER].config.plain_master_secret = true;
}

static void master_secrets(void)
{
	size_t hello = 0, answer = 1;
	struct pair p;

	first_handshake(false);
	set_master_kind(false, false);
	old(&p, false);
	pair_run(&p);
	ok(ends(&p, false), "a client does not offer a session without extended_master_secret");
	pair_free(&p);

	first_handshake(false);
	set_master_kind(false, false);
	run_with_plain(&p);
	pair_run(&p);
	ok(p.side[HS_CLIENT].failure.alert == ALERT_HANDSHAKE_FAILURE &&
		   strstr(p.side[HS_CLIENT].text, "that it did not have"),
	   "unless it takes such; an extended answer is refused then: %s", p.side[HS_CLIENT].text);
	pair_free(&p);

	first_handshake(false);
	set_master_kind(true, false);
	run_with_plain(&p);
	pair_run(&p);
	ok(ends(&p, false), "a server does not resume a session without for a client with it");
	pair_free(&p);

	first_handshake(false);
	run_with_plain(&p);
	p.tamper = drop_master_secret;
	p.tamper_arg = &hello;
	pair_run(&p);
	ok(p.side[HS_SERVER].failure.alert == ALERT_HANDSHAKE_FAILURE &&
		   strstr(p.side[HS_SERVER].text, "without its extended_master_secret"),
	   "nor one with it for a client without: %s", p.side[HS_SERVER].text);
	pair_free(&p);

	first_handshake(false);
	run_with_plain(&p);
	p.tamper = drop_master_secret;
	p.tamper_arg = &answer;
	pair_run(&p);
	ok(p.side[HS_CLIENT].failure.alert == ALERT_HANDSHAKE_FAILURE &&
		   strstr(p.side[HS_CLIENT].text, "without its extended_master_secret"),
	   "a client finds an answer without it: %s", p.side[HS_CLIENT].text);
	pair_free(&p);
}

/* --- wrong answers --- */

struct wrong {
	const char *what;
	uint8_t message;
	struct edit edit; /* of a ServerHello */
	const char *hex; /* of another message: its body */
	enum alert alert;
};

static const struct wrong wrongs[] = {
	{ "another suite",
	  MESSAGE_SERVER_HELLO,
	  { EDIT_SUITES, 0, "c02c" },
	  NULL,
	  ALERT_ILLEGAL_PARAMETER },
	{ "another session id",
	  MESSAGE_SERVER_HELLO,
	  { EDIT_SESSION_ID, 0, "00" },
	  NULL,
	  ALERT_UNEXPECTED_MESSAGE },
	{ "a body in session_ticket",
	  MESSAGE_SERVER_HELLO,
	  { EDIT_SET, 35, "00" },
	  NULL,
	  ALERT_DECODE_ERROR },
	{ "a ticket that was not promised",
	  MESSAGE_SERVER_HELLO,
	  { EDIT_DROP, 35, NULL },
	  NULL,
	  ALERT_UNEXPECTED_MESSAGE },
	{ "a NewSessionTicket of nothing",
	  MESSAGE_NEW_SESSION_TICKET,
	  { 0 },
	  "",
	  ALERT_DECODE_ERROR },
	{ "a NewSessionTicket that is cut short",
	  MESSAGE_NEW_SESSION_TICKET,
	  { 0 },
	  "00000001000301",
	  ALERT_DECODE_ERROR },
	{ "a NewSessionTicket with more behind it",
	  MESSAGE_NEW_SESSION_TICKET,
	  { 0 },
	  "00000001000100ff",
	  ALERT_DECODE_ERROR },
	{ "a NewSessionTicket of TLS 1.3",
	  MESSAGE_NEW_SESSION_TICKET,
	  { 0 },
	  "00001c2000000000010000040102030400",
	  ALERT_DECODE_ERROR },
	{ "a Finished of another length", MESSAGE_FINISHED, { 0 }, "0011", ALERT_DECODE_ERROR },
	{ "another Finished",
	  MESSAGE_FINISHED,
	  { 0 },
	  "000102030405060708090a0b",
	  ALERT_DECRYPT_ERROR },
};

static void make_wrong(struct pair *p, struct message *m, size_t index)
{
	const struct wrong *w = p->tamper_arg;
	uint8_t *body;
	size_t len;

	(void)index;
	if (m->from != HS_SERVER || m->bytes[0] != w->message)
		return;
	if (!w->hex) {
		edit_message(m, &w->edit, 1);
		return;
	}
	body = unhex(w->hex, &len);
	free(m->bytes);
	m->bytes = calloc(1, 4 + len);
	m->bytes[0] = w->message;
	m->bytes[3] = (uint8_t)len;
	memcpy(m->bytes + 4, body, len);
	m->len = 4 + len;
	free(body);
}

static void wrong_answer(const struct wrong *w)
{
	struct pair p;

	first_handshake(false);
	old(&p, false);
	p.tamper = make_wrong;
	p.tamper_arg = (void *)(uintptr_t)w;
	pair_run(&p);
	ok(p.side[HS_CLIENT].failed && !p.side[HS_CLIENT].complete && stored == 1 &&
		   p.side[HS_CLIENT].failure.alert == w->alert,
	   "a server that answers with %s: %s", w->what, p.side[HS_CLIENT].text);
	pair_free(&p);
}

/* Each byte of the stored session: full or resumed or refused, but always in agreement. */
static void damaged_store(void)
{
	uint8_t good[4096];
	size_t len, full = 0, resumed = 0, other = 0;
	struct pair p;

	first_handshake(false);
	len = store_len;
	memcpy(good, store, len);
	for (size_t i = 0; i < len; i++) {
		memcpy(store, good, len);
		store[i] ^= (uint8_t)(1 << i % 8);
		store_len = len;
		old(&p, false);
		pair_run(&p);
		if (!pair_complete(&p))
			other++; /* a master secret or a suite that is none of theirs */
		else if (summary(&p, HS_CLIENT)->resumed)
			resumed++; /* ages, the group */
		else
			full++;
		pair_free(&p);
	}
	ok(full + resumed + other == len && other <= 50 && full > 500,
	   "a stored session with a bit turned: %zu full, %zu resumed, %zu refused", full, resumed,
	   other);
}

int main(void)
{
	for (int by_id = 0; by_id <= 1; by_id++) {
		resumes(by_id);
		both_versions(HS_TLS_1_2, by_id);
		both_versions(HS_TLS_1_3, by_id);
		for (int change = 0; change < CHANGES; change++)
			if (!by_id || change < KEY_GONE || change > KEY_OF_ZEROS)
				changed((enum change)change, by_id);
	}
	newer_session();
	with_suites(HS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, HS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		    true, true);
	with_suites(HS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, HS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		    true, true);
	with_suites(HS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		    HS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, false, false);
	weeks();
	id_ends();
	client_certificates(true, true, true);
	client_certificates(false, true, true);
	client_certificates(true, false, false);
	master_secrets();
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
		wrong_answer(&wrongs[i]);
	damaged_store();
	identities_free();
	return tap_done();
}
