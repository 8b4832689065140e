// SPDX-License-Identifier: MIT
/*
 * resumption.c - a client's session store and a server's ticket keys, for a pair of engines
 *
 * See resumption.h.
 */
#include "resumption.h"

uint8_t store[HS_MAX_SESSION];
size_t store_len;
unsigned int stored;

uint8_t ticket_keys[3][HS_TICKET_KEY_LEN];
unsigned int current_key;
bool old_keys_gone;

static struct {
	uint8_t id[HS_SESSION_ID_LEN];
	uint8_t session[4096];
	size_t len;
} by_id;

unsigned int kept;

static void keep_session(void *ctx, const uint8_t *session, size_t len)
{
	(void)ctx;
	memcpy(store, session, len);
	store_len = len;
	stored++;
}

static int give_key(void *ctx, bool seal, uint8_t *name, uint8_t *key)
{
	unsigned int i = current_key;

	(void)ctx;
	if (seal) {
		memset(name, (int)i, HS_TICKET_NAME_LEN);
	} else {
		i = name[0];
		if (i > 2 || (i != current_key && old_keys_gone))
			return -ENOENT;
	}
	memcpy(key, ticket_keys[i], HS_TICKET_KEY_LEN);
	return 0;
}

static void session_keep(void *ctx, const uint8_t *id, const uint8_t *session, size_t len)
{
	(void)ctx;
	memcpy(by_id.id, id, sizeof(by_id.id));
	memcpy(by_id.session, session, len);
	by_id.len = len;
	kept++;
}

static int session_find(void *ctx, const uint8_t *id, uint8_t *out)
{
	(void)ctx;
	if (!by_id.len || memcmp(by_id.id, id, sizeof(by_id.id)) != 0)
		return -ENOENT;
	memcpy(out, by_id.session, by_id.len);
	return (int)by_id.len;
}

void reset(void)
{
	store_len = 0;
	stored = 0;
	kept = 0;
	by_id.len = 0;
	current_key = 1;
	old_keys_gone = false;
	memset(ticket_keys[1], 0x11, HS_TICKET_KEY_LEN);
	memset(ticket_keys[2], 0x22, HS_TICKET_KEY_LEN);
}

void set_up(struct pair *p)
{
	pair_init(p, KEY_ECDSA_P256);
	p->side[HS_SERVER].config.ticket_key = give_key;
	p->side[HS_CLIENT].config.session_new = keep_session;
	p->side[HS_CLIENT].config.session = store;
	p->side[HS_CLIENT].config.session_len = store_len;
	/* other random bytes for each connection */
	p->side[HS_CLIENT].random_state += stored + 1;
	p->side[HS_SERVER].random_state += stored + 1;
}

void keep_by_id(struct pair *p)
{
	p->side[HS_SERVER].config.ticket_key = NULL;
	p->side[HS_SERVER].config.session_keep = session_keep;
	p->side[HS_SERVER].config.session_find = session_find;
}

const struct hs_summary *summary(struct pair *p, enum hs_role role)
{
	return hs_engine_summary(p->side[role].engine);
}
