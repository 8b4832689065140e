// SPDX-License-Identifier: MIT
/*
 * pair.c - a client and a server engine that talk in memory
 *
 * See pair.h. Each DATA is cut into its messages (RFC 8446 section 4); what stands in one
 * epoch is delivered in its order.
 */
#include "pair.h"

#include <stdlib.h>

#include "tap.h"

/* xorshift64*: repeatable, not random */
int test_random(void *ctx, uint8_t *out, size_t len)
{
	struct party *party = ctx;

	for (size_t i = 0; i < len; i++) {
		party->random_state ^= party->random_state >> 12;
		party->random_state ^= party->random_state << 25;
		party->random_state ^= party->random_state >> 27;
		out[i] = (uint8_t)(party->random_state * 0x2545f4914f6cdd1dull >> 56);
	}
	return 0;
}

int64_t test_now(void *ctx)
{
	return ((struct party *)ctx)->now;
}

void pair_init(struct pair *p, enum key_type key)
{
	memset(p, 0, sizeof(*p));
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p->side[role].config.random = test_random;
		p->side[role].config.now = test_now;
		p->side[role].config.ctx = &p->side[role];
		p->side[role].random_state = 0x9e3779b97f4a7c15ull + (unsigned int)role;
		p->side[role].now = TEST_NOW;
	}
	p->credentials[0] = identity_credential(test_leaf(key));
	p->side[HS_SERVER].config.credentials = p->credentials;
	p->side[HS_SERVER].config.credential_count = 1;
	p->side[HS_CLIENT].config.server_name = "server.example";
	p->side[HS_CLIENT].config.trust = identity_trust(test_root());
}

static void keep_message(struct pair *p, enum hs_role from, enum hs_epoch epoch,
			 const uint8_t *bytes, size_t len)
{
	struct message *m = &p->sent[p->sent_count];

	if (p->sent_count == MESSAGES_MAX)
		bail("too many messages");
	*m = (struct message){ .from = from, .epoch = epoch, .len = len };
	m->bytes = malloc(len);
	if (!m->bytes)
		bail("out of memory");
	memcpy(m->bytes, bytes, len);
	p->sent_count++;
}

static void keep_data(struct pair *p, enum hs_role from, const struct hs_data *data)
{
	struct reader r = reader_over(data->bytes, data->len), body;
	uint8_t type;

	if (data->content_type == HS_CONTENT_CHANGE_CIPHER_SPEC) {
		p->side[from].change_cipher_specs++;
		return;
	}
	while (!reader_done(&r)) {
		const uint8_t *start = r.at;

		if (!reader_u8(&r, &type) || !reader_vec24(&r, &body, 0, 1 << 24))
			bail("an engine emitted half a message");
		keep_message(p, from, data->epoch, start, (size_t)(r.at - start));
	}
}

void party_take_actions(struct pair *p, enum hs_role role)
{
	struct party *party = &p->side[role];
	const struct hs_action *action;

	while ((action = hs_engine_next_action(party->engine))) {
		switch (action->type) {
		case HS_ACTION_DATA:
			party->max_payload[action->data.epoch] = action->data.max_payload;
			keep_data(p, role, &action->data);
			break;
		case HS_ACTION_KEY:
			party->keys[action->key.direction][action->key.epoch] = action->key;
			break;
		case HS_ACTION_CONTINUE:
			party->continues++;
			break;
		case HS_ACTION_COMPLETE:
			party->complete = true;
			break;
		case HS_ACTION_FAIL:
			party->failed = true;
			party->failure = action->failure;
			memcpy(party->text, action->failure.text, strlen(action->failure.text) + 1);
			party->failure.text = party->text;
			break;
		}
	}
}

void pair_start(struct pair *p)
{
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		struct party *party = &p->side[role];

		party->engine = hs_engine_new(&party->config, (enum hs_role)role);
		if (!party->engine)
			bail("no engine");
	}
	hs_engine_start(p->side[HS_SERVER].engine);
	party_take_actions(p, HS_SERVER);
	hs_engine_start(p->side[HS_CLIENT].engine);
	party_take_actions(p, HS_CLIENT);
}

bool pair_step(struct pair *p)
{
	struct message *m = &p->sent[p->delivered];
	enum hs_role to;

	if (p->delivered == p->sent_count || p->side[HS_CLIENT].failed || p->side[HS_SERVER].failed)
		return false;
	if (p->tamper)
		p->tamper(p, m, p->delivered);
	p->delivered++;
	to = m->from == HS_CLIENT ? HS_SERVER : HS_CLIENT;
	hs_engine_input(p->side[to].engine, m->epoch, m->bytes, m->len);
	party_take_actions(p, to);
	return true;
}

void pair_run(struct pair *p)
{
	pair_start(p);
	while (pair_step(p))
		;
}

void pair_free(struct pair *p)
{
	for (int role = HS_CLIENT; role <= HS_SERVER; role++)
		hs_engine_free(p->side[role].engine);
	for (size_t i = 0; i < p->sent_count; i++)
		free(p->sent[i].bytes);
	for (size_t i = 0; i < p->side[HS_SERVER].config.credential_count; i++)
		hs_credential_unref(p->side[HS_SERVER].config.credentials[i]);
	hs_trust_unref(p->side[HS_CLIENT].config.trust);
}

bool pair_complete(const struct pair *p)
{
	return p->side[HS_CLIENT].complete && p->side[HS_SERVER].complete &&
	       !p->side[HS_CLIENT].failed && !p->side[HS_SERVER].failed;
}
