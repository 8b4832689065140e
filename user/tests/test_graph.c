// SPDX-License-Identifier: MIT
/*
 * test_graph.c - every state with every message, RFC 8446 appendix A
 *
 * What is legal is written down here anew, from the RFC, and not taken from the engine's
 * table. Everything else must end in unexpected_message, with all secrets wiped: skipped
 * messages, repeated ones, ones from another epoch, ones behind a change of keys.
 */
#include <stdlib.h>

#include "pair.h"
#include "tap.h"

struct scene {
	const char *name;
	enum hs_role role;
	enum state state;
	bool retry;
	bool client_certificate;
	enum hs_epoch epoch; /* the one that a legal message comes in */
	uint8_t legal[2]; /* message types; 0: none */
};

static const struct scene scenes[] = {
	{ "client, WAIT_SH", HS_CLIENT, CLIENT_WAIT_SERVER_HELLO, false, false, 0, { 2, 0 } },
	{ "client, WAIT_SH after a retry",
	  HS_CLIENT,
	  CLIENT_WAIT_SECOND_SERVER_HELLO,
	  true,
	  false,
	  0,
	  { 2, 0 } },
	{ "client, WAIT_EE",
	  HS_CLIENT,
	  CLIENT_WAIT_ENCRYPTED_EXTENSIONS,
	  false,
	  false,
	  2,
	  { 8, 0 } },
	{ "client, WAIT_CERT_CR",
	  HS_CLIENT,
	  CLIENT_WAIT_CERTIFICATE_OR_REQUEST,
	  false,
	  false,
	  2,
	  { 11, 13 } },
	{ "client, WAIT_CERT", HS_CLIENT, CLIENT_WAIT_CERTIFICATE, false, true, 2, { 11, 0 } },
	{ "client, WAIT_CV",
	  HS_CLIENT,
	  CLIENT_WAIT_CERTIFICATE_VERIFY,
	  false,
	  false,
	  2,
	  { 15, 0 } },
	{ "client, WAIT_FINISHED", HS_CLIENT, CLIENT_WAIT_FINISHED, false, false, 2, { 20, 0 } },
	{ "client, CONNECTED", HS_CLIENT, CLIENT_CONNECTED, false, false, 3, { 4, 0 } },
	{ "server, START", HS_SERVER, SERVER_WAIT_CLIENT_HELLO, false, false, 0, { 1, 0 } },
	{ "server, START after a retry",
	  HS_SERVER,
	  SERVER_WAIT_SECOND_CLIENT_HELLO,
	  true,
	  false,
	  0,
	  { 1, 0 } },
	{ "server, WAIT_CERT", HS_SERVER, SERVER_WAIT_CERTIFICATE, false, true, 2, { 11, 0 } },
	{ "server, WAIT_CV", HS_SERVER, SERVER_WAIT_CERTIFICATE_VERIFY, false, true, 2, { 15, 0 } },
	{ "server, WAIT_FINISHED", HS_SERVER, SERVER_WAIT_FINISHED, false, false, 2, { 20, 0 } },
	{ "server, CONNECTED", HS_SERVER, SERVER_CONNECTED, false, false, 3, { 0, 0 } },
};

static const uint16_t client_groups[] = { HS_X25519, HS_SECP256R1 };
static const uint16_t retry_group[] = { HS_SECP256R1 };
static struct hs_credential *client_credential;
static struct hs_trust *server_trust;

static void play_scene(struct pair *p, const struct scene *s)
{
	pair_init(p, KEY_ED25519);
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

	return e->state == STATE_FAILED && zero(&e->keys, sizeof(e->keys)) && !e->share &&
	       !e->transcript.hash &&
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
	return type && (type == s->legal[0] || type == s->legal[1]);
}

static void every_message(const struct scene *s)
{
	uint8_t message[4096];
	unsigned int refused = 0, expected = 0;

	for (unsigned int type = 0; type < 256; type++) {
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
	ok(refused == expected && expected >= 254, "%s: %u other messages are refused", s->name,
	   refused);
}

static void every_epoch(const struct scene *s)
{
	unsigned int refused = 0, expected = 0;
	uint8_t message[4096];

	for (int epoch = 0; epoch <= HS_EPOCH_APPLICATION; epoch++) {
		for (size_t i = 0; i < 2 && s->legal[i]; i++) {
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
	ok(p.side[HS_SERVER].failure.alert == ALERT_ILLEGAL_PARAMETER,
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

int main(void)
{
	struct identity_spec spec = { .common_name = "Client", .key = KEY_ED25519 };
	struct identity *client;

	spec.issuer = test_root();
	client = identity_new(&spec);
	client_credential = identity_credential(client);
	server_trust = identity_trust(test_root());
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		every_message(&scenes[i]);
		every_epoch(&scenes[i]);
		if (scenes[i].state == CLIENT_WAIT_SERVER_HELLO ||
		    scenes[i].state == CLIENT_WAIT_SECOND_SERVER_HELLO ||
		    scenes[i].state == CLIENT_WAIT_FINISHED ||
		    scenes[i].state == SERVER_WAIT_CLIENT_HELLO ||
		    scenes[i].state == SERVER_WAIT_SECOND_CLIENT_HELLO ||
		    scenes[i].state == SERVER_WAIT_FINISHED)
			behind_key_change(&scenes[i]);
	}
	partial_messages();
	too_long();
	hs_credential_unref(client_credential);
	hs_trust_unref(server_trust);
	identity_free(client);
	identities_free();
	return tap_done();
}
