// SPDX-License-Identifier: MIT
/*
 * test_graph.c - every path, and every state with every message
 * RFC 8446 appendix A and RFC 5246 section 7.3.
 *
 * What is legal is written down here anew, from the RFC, and not taken from the engine's
 * table. Everything else must end in unexpected_message, with all secrets wiped: skipped
 * messages, repeated ones, ones from another epoch, ones behind a change of keys.
 */
#include <stdio.h>
#include <stdlib.h>

#include "resumption.h"
#include "tap.h"

enum sessions {
	NO_SESSIONS,
	TICKETS, /* given, not yet taken */
	BY_TICKET,
	BY_ID,
	SESSIONS,
	STAPLE = SESSIONS, /* none, but an OCSP response */
};

struct scene {
	const char *name;
	enum hs_role role;
	enum state state;
	bool retry;
	bool client_certificate;
	enum hs_epoch epoch; /* the one that a legal message comes in */
	uint8_t legal[3]; /* message types; 0: none */
	uint16_t version; /* 0: TLS 1.3 */
	enum sessions sessions;
	bool rsa; /* key exchange */
};

#define SCENE(name, state, retry, certificate, epoch, ...)                                      \
	{                                                                                       \
		name, name[0] == 'c' ? HS_CLIENT : HS_SERVER, state, retry, certificate, epoch, \
			{ __VA_ARGS__ }, 0, NO_SESSIONS, false                                  \
	}
#define RESUMED(name, state, ...)                                                     \
	{                                                                             \
		name, name[0] == 'c' ? HS_CLIENT : HS_SERVER, state, false, false, 2, \
			{ __VA_ARGS__ }, 0, BY_TICKET, false                          \
	}
#define OLD(name, state, certificate, epoch, sessions, ...)                              \
	{                                                                                \
		name ", TLS 1.2", name[0] == 'c' ? HS_CLIENT : HS_SERVER, state, false,  \
			certificate, epoch, { __VA_ARGS__ }, HS_TLS_1_2, sessions, false \
	}
#define RSA(name, state, certificate, epoch, sessions, ...)                                      \
	{                                                                                        \
		name ", TLS 1.2 with RSA", name[0] == 'c' ? HS_CLIENT : HS_SERVER, state, false, \
			certificate, epoch, { __VA_ARGS__ }, HS_TLS_1_2, sessions, true          \
	}

static const struct scene scenes[] = {
	SCENE("client, WAIT_SH", CLIENT_WAIT_SERVER_HELLO, false, false, 0, 2),
	SCENE("client, WAIT_SH after a retry", CLIENT_WAIT_SECOND_SERVER_HELLO, true, false, 0, 2),
	SCENE("client, WAIT_EE", CLIENT_WAIT_ENCRYPTED_EXTENSIONS, false, false, 2, 8),
	SCENE("client, WAIT_CERT_CR", CLIENT_WAIT_CERTIFICATE_OR_REQUEST, false, false, 2, 11, 13),
	SCENE("client, WAIT_CERT", CLIENT_WAIT_CERTIFICATE, false, true, 2, 11),
	SCENE("client, WAIT_CV", CLIENT_WAIT_CERTIFICATE_VERIFY, false, false, 2, 15),
	SCENE("client, WAIT_FINISHED", CLIENT_WAIT_FINISHED, false, false, 2, 20),
	SCENE("client, CONNECTED", CLIENT_CONNECTED, false, false, 3, 4),
	SCENE("server, START", SERVER_WAIT_CLIENT_HELLO, false, false, 0, 1),
	SCENE("server, START after a retry", SERVER_WAIT_SECOND_CLIENT_HELLO, true, false, 0, 1),
	SCENE("server, WAIT_CERT", SERVER_WAIT_CERTIFICATE, false, true, 2, 11),
	SCENE("server, WAIT_CV", SERVER_WAIT_CERTIFICATE_VERIFY, false, true, 2, 15),
	SCENE("server, WAIT_FINISHED", SERVER_WAIT_FINISHED, false, false, 2, 20),
	SCENE("server, CONNECTED", SERVER_CONNECTED, false, false, 3, 0),

	RESUMED("client, WAIT_FINISHED with a PSK", CLIENT_WAIT_FINISHED, 20),
	RESUMED("server, WAIT_FINISHED with a PSK", SERVER_WAIT_FINISHED, 20),

	OLD("client, Certificate", CLIENT12_WAIT_CERTIFICATE, false, 0, NO_SESSIONS, 11),
	OLD("client, ServerKeyExchange", CLIENT12_WAIT_KEY_EXCHANGE, false, 0, NO_SESSIONS, 12),
	OLD("client, request or done", CLIENT12_WAIT_REQUEST_OR_DONE, false, 0, NO_SESSIONS, 13,
	    14),
	OLD("client, ServerHelloDone", CLIENT12_WAIT_DONE, true, 0, NO_SESSIONS, 14),
	OLD("client, Finished", CLIENT12_WAIT_FINISHED, false, 3, NO_SESSIONS, 20),
	OLD("client, connected", CLIENT12_CONNECTED, false, 3, NO_SESSIONS, 0),
	OLD("server, Certificate", SERVER12_WAIT_CERTIFICATE, true, 0, NO_SESSIONS, 11),
	OLD("server, ClientKeyExchange", SERVER12_WAIT_KEY_EXCHANGE, false, 0, NO_SESSIONS, 16),
	OLD("server, CertificateVerify", SERVER12_WAIT_CERTIFICATE_VERIFY, true, 0, NO_SESSIONS,
	    15),
	OLD("server, Finished", SERVER12_WAIT_FINISHED, false, 3, NO_SESSIONS, 20),
	OLD("server, connected", SERVER12_CONNECTED, false, 3, NO_SESSIONS, 0),
	OLD("client, CertificateStatus", CLIENT12_WAIT_STATUS, false, 0, STAPLE, 22, 12),
	OLD("client, ticket", CLIENT12_WAIT_TICKET, false, 0, TICKETS, 4),
	OLD("client, Finished after a ticket", CLIENT12_WAIT_FINISHED, false, 3, TICKETS, 20),
	OLD("client, another ticket", CLIENT12_WAIT_TICKET, false, 0, BY_TICKET, 4),
	OLD("client, Finished by ticket", CLIENT12_WAIT_FINISHED, false, 3, BY_TICKET, 20),
	OLD("client, Finished by id", CLIENT12_WAIT_FINISHED, false, 3, BY_ID, 20),
	OLD("server, Finished by ticket", SERVER12_WAIT_FINISHED, false, 3, BY_TICKET, 20),
	OLD("server, Finished by id", SERVER12_WAIT_FINISHED, false, 3, BY_ID, 20),

	RSA("client, Certificate", CLIENT12_WAIT_CERTIFICATE, false, 0, NO_SESSIONS, 11),
	RSA("client, request or done", CLIENT12_WAIT_REQUEST_OR_DONE, false, 0, NO_SESSIONS, 13,
	    14),
	RSA("client, CertificateStatus", CLIENT12_WAIT_STATUS_RSA, false, 0, STAPLE, 22, 13, 14),
	RSA("client, ServerHelloDone", CLIENT12_WAIT_DONE, true, 0, NO_SESSIONS, 14),
	RSA("client, Finished", CLIENT12_WAIT_FINISHED, false, 3, NO_SESSIONS, 20),
	RSA("server, Certificate", SERVER12_WAIT_CERTIFICATE, true, 0, NO_SESSIONS, 11),
	RSA("server, ClientKeyExchange", SERVER12_WAIT_KEY_EXCHANGE, false, 0, NO_SESSIONS, 16),
	RSA("server, Finished", SERVER12_WAIT_FINISHED, false, 3, NO_SESSIONS, 20),
};

static const uint16_t client_groups[] = { HS_X25519, HS_SECP256R1 };
static const uint16_t retry_group[] = { HS_SECP256R1 };
static struct hs_credential *client_credential;
static struct hs_trust *server_trust;

/* By kind and version. */
static struct {
	uint8_t bytes[4096];
	size_t len;
} made[SESSIONS][2];

/* It does not have to be a good one to get through. */
static void add_staple(struct pair *p)
{
	hs_credential_set_staple(p->credentials[0], "staple", 6);
	p->side[HS_CLIENT].config.verify = HS_VERIFY_OPTIONAL;
}

static void exchange_by_rsa(struct pair *p)
{
	static const uint16_t suite = HS_RSA_WITH_AES_128_GCM_SHA256;

	hs_credential_unref(p->credentials[0]);
	p->credentials[0] = identity_credential(test_leaf(KEY_RSA));
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p->side[role].config.suites = &suite;
		p->side[role].config.suite_count = 1;
		p->side[role].config.legacy = true;
	}
}

static void set_scene(struct pair *p, const struct scene *s)
{
	store_len = 0;
	if (s->sessions == BY_TICKET || s->sessions == BY_ID) {
		store_len = made[s->sessions][s->version == HS_TLS_1_2].len;
		memcpy(store, made[s->sessions][s->version == HS_TLS_1_2].bytes, store_len);
	}
	if (s->sessions == NO_SESSIONS || s->sessions == STAPLE)
		pair_init(p, KEY_ED25519);
	else
		set_up(p);
	if (s->sessions == BY_ID)
		keep_by_id(p);
	if (s->rsa)
		exchange_by_rsa(p);
	if (s->sessions == STAPLE)
		add_staple(p);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p->side[role].config.min_version = s->version;
		p->side[role].config.max_version = s->version;
	}
	if (s->retry) {
		p->side[HS_CLIENT].config.groups = client_groups;
		p->side[HS_CLIENT].config.group_count = 2;
		p->side[HS_SERVER].config.groups = retry_group;
		p->side[HS_SERVER].config.group_count = 1;
	}
	if (s->client_certificate) {
		p->side[HS_CLIENT].config.credentials = &client_credential;
		p->side[HS_CLIENT].config.credential_count = 1;
		p->side[HS_SERVER].config.verify = HS_VERIFY_REQUIRED;
		p->side[HS_SERVER].config.trust = server_trust;
	}
}

static void play_scene(struct pair *p, const struct scene *s)
{
	set_scene(p, s);
	pair_start(p);
	while (p->side[s->role].engine->state != s->state)
		if (!pair_step(p))
			bail("%s is not reached: %s%s", s->name, p->side[HS_CLIENT].text,
			     p->side[HS_SERVER].text);
}

static bool zero(const void *bytes, size_t len)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < len; i++)
		if (b[i])
			return false;
	return true;
}

/* Nothing secret is left, and the engine does not come back. */
static bool is_dead(struct hs_engine *e)
{
	static const uint8_t any[] = { 20, 0, 0, 0 };

	return e->state == STATE_FAILED && zero(&e->keys, sizeof(e->keys)) && !e->share && !e->dh &&
	       zero(&e->master, sizeof(e->master)) && zero(e->premaster, sizeof(e->premaster)) &&
	       !e->session && !e->transcript.hash &&
	       zero(e->summary.channel_binding, sizeof(e->summary.channel_binding)) &&
	       !hs_engine_summary(e) &&
	       hs_engine_input(e, HS_EPOCH_APPLICATION, any, sizeof(any)) == -ECONNABORTED &&
	       !hs_engine_next_action(e) && zero(e->actions.list, sizeof(e->actions.list)) &&
	       hs_engine_start(e) < 0;
}

static bool is_refused(struct pair *p, enum hs_role role, enum hs_epoch epoch, const uint8_t *bytes,
		       size_t len)
{
	struct party *party = &p->side[role];
	bool was_complete = party->complete;
	int rc = hs_engine_input(party->engine, epoch, bytes, len);

	party_take_actions(p, role);
	return rc == -EPROTO && party->failed && party->complete == was_complete &&
	       party->failure.alert == ALERT_UNEXPECTED_MESSAGE && party->failure.error == EPROTO &&
	       *party->text && is_dead(party->engine);
}

/* A message of @type: a real one if the handshake had one, else four bytes of nothing. */
static size_t make_message(const struct pair *p, uint8_t type, uint8_t *out)
{
	for (size_t i = 0; i < p->sent_count; i++) {
		if (p->sent[i].bytes[0] != type || p->sent[i].len > 4096)
			continue;
		memcpy(out, p->sent[i].bytes, p->sent[i].len);
		return p->sent[i].len;
	}
	memset(out, 0, 8);
	out[0] = type;
	out[3] = 4;
	return 8;
}

static bool is_legal(const struct scene *s, uint8_t type)
{
	return type && memchr(s->legal, type, sizeof(s->legal));
}

static void every_message(const struct scene *s)
{
	uint8_t message[4096];
	unsigned int refused = 0, expected = 0;

	/* all that any RFC of TLS has given out, and some of those it has not */
	for (unsigned int type = 0; type < 256; type += type < 30 ? 1 : 14 + type % 2) {
		struct pair p;
		size_t len;

		if (is_legal(s, (uint8_t)type))
			continue;
		play_scene(&p, s);
		len = make_message(&p, (uint8_t)type, message);
		expected++;
		if (is_refused(&p, s->role, s->epoch, message, len))
			refused++;
		else
			note("type %u is let through", type);
		pair_free(&p);
	}
	ok(refused == expected && expected >= 40, "%s: %u other messages are refused", s->name,
	   refused);
}

static void every_epoch(const struct scene *s)
{
	unsigned int refused = 0, expected = 0;
	uint8_t message[4096];

	for (int epoch = 0; epoch <= HS_EPOCH_APPLICATION; epoch++) {
		for (size_t i = 0; i < sizeof(s->legal) && s->legal[i]; i++) {
			struct pair p;
			size_t len;

			if (epoch == (int)s->epoch)
				continue;
			play_scene(&p, s);
			len = make_message(&p, s->legal[i], message);
			expected++;
			refused += is_refused(&p, s->role, (enum hs_epoch)epoch, message, len);
			pair_free(&p);
		}
	}
	ok(refused == expected, "%s: the right message in a wrong epoch is refused", s->name);
}

/* The message that is due, with another behind it in the same delivery. */
static void behind_key_change(const struct scene *s)
{
	struct message *due;
	struct party *party;
	uint8_t bytes[8192];
	struct pair p;
	size_t len;

	play_scene(&p, s);
	party = &p.side[s->role];
	while (p.sent[p.delivered].from == s->role && pair_step(&p))
		;
	due = &p.sent[p.delivered];
	memcpy(bytes, due->bytes, due->len);
	len = due->len + make_message(&p, 8, bytes + due->len);
	hs_engine_input(party->engine, due->epoch, bytes, len);
	party_take_actions(&p, s->role);
	ok(party->failed && party->failure.alert == ALERT_UNEXPECTED_MESSAGE &&
		   strstr(party->text, "behind a change of keys") && is_dead(party->engine),
	   "%s: a message behind the change of keys is refused", s->name);
	pair_free(&p);
}

static void partial_messages(void)
{
	static const uint8_t half[] = { 2, 0, 0, 4, 0, 0, 0 };
	struct pair p;

	for (size_t len = 1; len <= sizeof(half); len++) {
		pair_init(&p, KEY_ED25519);
		pair_start(&p);
		hs_engine_input(p.side[HS_CLIENT].engine, HS_EPOCH_PLAINTEXT, half, len);
		party_take_actions(&p, HS_CLIENT);
		ok(p.side[HS_CLIENT].failed &&
			   p.side[HS_CLIENT].failure.alert == ALERT_DECODE_ERROR &&
			   is_dead(p.side[HS_CLIENT].engine),
		   "half a message of %zu bytes is refused", len);
		pair_free(&p);
	}
	pair_init(&p, KEY_ED25519);
	pair_start(&p);
	ok(hs_engine_input(p.side[HS_CLIENT].engine, HS_EPOCH_PLAINTEXT, half, 0) == 0 &&
		   !hs_engine_next_action(p.side[HS_CLIENT].engine),
	   "no bytes, no actions");
	ok(hs_engine_start(p.side[HS_CLIENT].engine) < 0 &&
		   hs_engine_next_action(p.side[HS_CLIENT].engine)->type == HS_ACTION_FAIL,
	   "an engine starts once");
	pair_free(&p);
}

/* The longest that a header can say: 2^24 - 1. Nobody waits for it, nothing is made for it. */
static void longest_message(void)
{
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		uint8_t bytes[64] = { 0, 0xff, 0xff, 0xff };
		struct pair p;

		pair_init(&p, KEY_ED25519);
		pair_start(&p);
		bytes[0] = role == HS_CLIENT ? MESSAGE_SERVER_HELLO : MESSAGE_CLIENT_HELLO;
		hs_engine_input(p.side[role].engine, HS_EPOCH_PLAINTEXT, bytes, sizeof(bytes));
		party_take_actions(&p, (enum hs_role)role);
		ok(p.side[role].failed && p.side[role].failure.alert == ALERT_DECODE_ERROR &&
			   is_dead(p.side[role].engine),
		   "a %s that says it has 2^24 - 1 bytes: %s", hs_message_name(bytes[0]),
		   p.side[role].text);
		pair_free(&p);
	}
}

/* A whole flight in one delivery, as when it comes in one record. */
static void flight_at_once(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct scene s = { .version = i ? HS_TLS_1_2 : HS_TLS_1_3,
				   .client_certificate = true };
		uint8_t bytes[16384];
		size_t len = 0;
		struct pair p;

		set_scene(&p, &s);
		pair_start(&p);
		pair_step(&p);
		pair_step(&p); /* ServerHello by itself: it ends an epoch of TLS 1.3 */
		for (; p.delivered < p.sent_count; p.delivered++) {
			const struct message *m = &p.sent[p.delivered];

			memcpy(bytes + len, m->bytes, m->len);
			len += m->len;
		}
		hs_engine_input(p.side[HS_CLIENT].engine, i ? 0 : 2, bytes, len);
		party_take_actions(&p, HS_CLIENT);
		while (pair_step(&p))
			;
		ok(pair_complete(&p), "%s: a flight of %zu bytes in one piece",
		   hs_version_name(s.version), len);
		pair_free(&p);
	}
}

/* More than a message may be long, and more than a handshake may be in all. */
static void too_long(void)
{
	uint8_t *bytes = calloc(1, HS_MAX_INPUT + 64);
	struct pair p;

	pair_init(&p, KEY_ED25519);
	pair_start(&p);
	bytes[0] = MESSAGE_CLIENT_HELLO;
	bytes[1] = 1;
	bytes[3] = 1;
	hs_engine_input(p.side[HS_SERVER].engine, HS_EPOCH_PLAINTEXT, bytes, 4 + 65537);
	party_take_actions(&p, HS_SERVER);
	ok(p.side[HS_SERVER].failure.alert == ALERT_DECODE_ERROR,
	   "a ClientHello of more than 64 KiB: %s", p.side[HS_SERVER].text);
	pair_free(&p);

	pair_init(&p, KEY_ED25519);
	pair_start(&p);
	hs_engine_input(p.side[HS_SERVER].engine, HS_EPOCH_PLAINTEXT, bytes, HS_MAX_INPUT + 1);
	party_take_actions(&p, HS_SERVER);
	ok(p.side[HS_SERVER].failure.alert == ALERT_UNEXPECTED_MESSAGE,
	   "too many bytes at once: %s", p.side[HS_SERVER].text);
	pair_free(&p);
	free(bytes);
}

/*
 * The paths. What each side may receive, one edge a line, from the figures of RFC 8446
 * appendix A and RFC 5246 section 7.3; nodes have the RFCs' names where they have any.
 */
enum node {
	START,
	WAIT_SH,
	WAIT_EE,
	WAIT_CERT_CR,
	WAIT_CERT,
	WAIT_CV,
	WAIT_STATUS,
	WAIT_KEY_EXCHANGE,
	WAIT_REQUEST,
	WAIT_DONE,
	WAIT_TICKET,
	WAIT_FINISHED,
	CONNECTED,
};

struct edge {
	enum node from;
	const char *message;
	enum node to;
};

static const struct edge client_edges[] = {
	{ START, "HelloRetryRequest ", WAIT_SH },
	{ START, "ServerHello ", WAIT_EE },
	{ WAIT_SH, "ServerHello ", WAIT_EE },
	{ WAIT_EE, "EncryptedExtensions ", WAIT_CERT_CR },
	{ WAIT_EE, "EncryptedExtensions ", WAIT_FINISHED }, /* using PSK */
	{ WAIT_CERT_CR, "CertificateRequest ", WAIT_CERT },
	{ WAIT_CERT_CR, "Certificate ", WAIT_CV },
	{ WAIT_CERT, "Certificate ", WAIT_CV },
	{ WAIT_CV, "CertificateVerify ", WAIT_FINISHED },
	{ WAIT_FINISHED, "Finished ", CONNECTED },
};

static const struct edge server_edges[] = {
	{ START, "ClientHello ", START }, /* HelloRetryRequest was sent; once */
	{ START, "ClientHello ", WAIT_CERT },
	{ START, "ClientHello ", WAIT_FINISHED }, /* no client certificate, or PSK */
	{ WAIT_CERT, "Certificate ", WAIT_FINISHED }, /* empty */
	{ WAIT_CERT, "Certificate ", WAIT_CV },
	{ WAIT_CV, "CertificateVerify ", WAIT_FINISHED },
	{ WAIT_FINISHED, "Finished ", CONNECTED },
};

static const struct edge client_edges_tls12[] = {
	{ START, "ServerHello ", WAIT_CERT },
	{ START, "ServerHello ", WAIT_TICKET }, /* a session that is resumed */
	{ START, "ServerHello ", WAIT_FINISHED },
	{ WAIT_CERT, "Certificate ", WAIT_KEY_EXCHANGE },
	{ WAIT_CERT, "Certificate ", WAIT_STATUS },
	{ WAIT_STATUS, "CertificateStatus ", WAIT_KEY_EXCHANGE },
	{ WAIT_KEY_EXCHANGE, "ServerKeyExchange ", WAIT_REQUEST },
	{ WAIT_CERT, "Certificate ", WAIT_REQUEST }, /* RSA key exchange */
	{ WAIT_STATUS, "CertificateStatus ", WAIT_REQUEST },
	{ WAIT_REQUEST, "CertificateRequest ", WAIT_DONE },
	{ WAIT_REQUEST, "ServerHelloDone ", WAIT_TICKET },
	{ WAIT_REQUEST, "ServerHelloDone ", WAIT_FINISHED },
	{ WAIT_DONE, "ServerHelloDone ", WAIT_TICKET },
	{ WAIT_DONE, "ServerHelloDone ", WAIT_FINISHED },
	{ WAIT_TICKET, "NewSessionTicket ", WAIT_FINISHED }, /* RFC 5077 section 3.1 */
	{ WAIT_FINISHED, "Finished ", CONNECTED },
};

static const struct edge server_edges_tls12[] = {
	{ START, "ClientHello ", WAIT_CERT },
	{ START, "ClientHello ", WAIT_DONE }, /* of a client that is not asked */
	{ START, "ClientHello ", WAIT_FINISHED }, /* a session that is resumed */
	{ WAIT_CERT, "Certificate ",
	  WAIT_KEY_EXCHANGE }, /* there is one: a CertificateVerify follows */
	{ WAIT_CERT, "Certificate ", WAIT_DONE }, /* empty */
	{ WAIT_KEY_EXCHANGE, "ClientKeyExchange ", WAIT_CV },
	{ WAIT_CV, "CertificateVerify ", WAIT_FINISHED },
	{ WAIT_DONE, "ClientKeyExchange ", WAIT_FINISHED },
	{ WAIT_FINISHED, "Finished ", CONNECTED },
};

#define PATHS_MAX 32
#define PATH_LEN 256

struct paths {
	char path[PATHS_MAX][PATH_LEN];
	size_t count;
};

static void add_path(struct paths *p, const char *path)
{
	for (size_t i = 0; i < p->count; i++)
		if (!strcmp(p->path[i], path))
			return;
	if (p->count == PATHS_MAX)
		bail("too many paths");
	snprintf(p->path[p->count++], PATH_LEN, "%s", path);
}

static void derive(const struct edge *edges, size_t count, enum node at, const char *so_far,
		   struct paths *out)
{
	char path[PATH_LEN];

	if (at == CONNECTED) {
		add_path(out, so_far);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (edges[i].from != at || (edges[i].to == START && *so_far))
			continue;
		snprintf(path, sizeof(path), "%s%s", so_far, edges[i].message);
		derive(edges, count, edges[i].to, path, out);
	}
}

/* What @role received of a handshake, up to its Finished. */
static void received(const struct pair *p, enum hs_role role, char *path)
{
	size_t n = 0;

	*path = '\0';
	for (size_t i = 0; i < p->sent_count; i++) {
		const struct message *m = &p->sent[i];
		const char *name = hs_message_name(m->bytes[0]);

		if (m->from == role ||
		    (m->bytes[0] == MESSAGE_NEW_SESSION_TICKET && m->epoch != HS_EPOCH_PLAINTEXT))
			continue;
		if (m->bytes[0] == MESSAGE_SERVER_HELLO &&
		    !memcmp(m->bytes + 6, retry_random, HS_RANDOM_LEN))
			name = "HelloRetryRequest";
		n += (size_t)snprintf(path + n, PATH_LEN - n, "%s ", name);
	}
}

static void walk(uint16_t version, bool rsa, struct paths walked[2])
{
	for (unsigned int bits = 0; bits < 16 * SESSIONS; bits++) {
		struct scene s = { .version = version,
				   .retry = bits & 1 && version == HS_TLS_1_3,
				   .client_certificate = bits & 2,
				   .sessions = bits / 16,
				   .rsa = rsa };
		char path[PATH_LEN];
		struct pair p;

		set_scene(&p, &s);
		if (bits & 8)
			add_staple(&p);
		if (s.sessions == BY_ID && version == HS_TLS_1_3)
			p.side[HS_CLIENT].config.session_len = 0;
		if (bits & 4) { /* it is asked, and has none */
			p.side[HS_CLIENT].config.credential_count = 0;
			p.side[HS_SERVER].config.verify = HS_VERIFY_OPTIONAL;
			p.side[HS_SERVER].config.trust = server_trust;
		}
		pair_run(&p);
		if (!pair_complete(&p))
			bail("a path ends early: %s%s", p.side[HS_CLIENT].text,
			     p.side[HS_SERVER].text);
		for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
			received(&p, (enum hs_role)role, path);
			add_path(&walked[role], path);
		}
		pair_free(&p);
	}
}

static bool same_paths(const struct paths *derived, const struct paths *walked)
{
	size_t found = 0;

	for (size_t i = 0; i < derived->count; i++) {
		size_t before = found;

		for (size_t j = 0; j < walked->count; j++)
			found += !strcmp(derived->path[i], walked->path[j]);
		if (found == before)
			note("not walked: %s", derived->path[i]);
	}
	return found == derived->count && walked->count == derived->count;
}

#define DERIVE(edges, out) derive(edges, sizeof(edges) / sizeof((edges)[0]), START, "", out)

static void all_paths(void)
{
	static struct paths derived[4], new_walked[2], old_walked[2];

	DERIVE(client_edges, &derived[0]);
	DERIVE(server_edges, &derived[1]);
	DERIVE(client_edges_tls12, &derived[2]);
	DERIVE(server_edges_tls12, &derived[3]);
	walk(HS_TLS_1_3, false, new_walked);
	walk(HS_TLS_1_2, false, old_walked);
	walk(HS_TLS_1_2, true, old_walked);
	ok(same_paths(&derived[0], &new_walked[HS_CLIENT]),
	   "TLS 1.3: the client walks all %zu paths of the RFC, and no other", derived[0].count);
	ok(same_paths(&derived[1], &new_walked[HS_SERVER]),
	   "TLS 1.3: the server walks all %zu paths of the RFC, and no other", derived[1].count);
	ok(same_paths(&derived[2], &old_walked[HS_CLIENT]),
	   "TLS 1.2: the client walks all %zu paths of the RFC, and no other", derived[2].count);
	ok(same_paths(&derived[3], &old_walked[HS_SERVER]),
	   "TLS 1.2: the server walks all %zu paths of the RFC, and no other", derived[3].count);
}

static void make_session(enum sessions kind, uint16_t version)
{
	const struct scene s = { .version = version, .sessions = TICKETS };
	struct pair p;

	set_scene(&p, &s);
	if (kind == BY_ID)
		keep_by_id(&p);
	pair_run(&p);
	if (!store_len || store_len > sizeof(made[0][0].bytes))
		bail("no session");
	made[kind][version == HS_TLS_1_2].len = store_len;
	memcpy(made[kind][version == HS_TLS_1_2].bytes, store, store_len);
	pair_free(&p);
}

int main(void)
{
	struct identity_spec spec = { .common_name = "Client", .key = KEY_ED25519 };
	struct identity *client;

	spec.issuer = test_root();
	client = identity_new(&spec);
	client_credential = identity_credential(client);
	server_trust = identity_trust(test_root());
	reset();
	make_session(BY_TICKET, HS_TLS_1_3);
	make_session(BY_TICKET, HS_TLS_1_2);
	make_session(BY_ID, HS_TLS_1_2);
	all_paths();
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		every_message(&scenes[i]);
		every_epoch(&scenes[i]);
		if (scenes[i].state == CLIENT_WAIT_SERVER_HELLO ||
		    scenes[i].state == CLIENT_WAIT_SECOND_SERVER_HELLO ||
		    scenes[i].state == CLIENT_WAIT_FINISHED ||
		    scenes[i].state == CLIENT12_WAIT_FINISHED ||
		    scenes[i].state == CLIENT12_WAIT_DONE ||
		    scenes[i].state == CLIENT12_WAIT_TICKET ||
		    scenes[i].state == SERVER12_WAIT_FINISHED ||
		    scenes[i].state == SERVER_WAIT_CLIENT_HELLO ||
		    scenes[i].state == SERVER_WAIT_SECOND_CLIENT_HELLO ||
		    scenes[i].state == SERVER_WAIT_FINISHED)
			behind_key_change(&scenes[i]);
	}
	partial_messages();
	longest_message();
	flight_at_once();
	too_long();
	hs_credential_unref(client_credential);
	hs_trust_unref(server_trust);
	identity_free(client);
	identities_free();
	return tap_done();
}
