// SPDX-License-Identifier: MIT
/*
 * actions.c - the ordered list of what the record layer is to do
 *
 * The outgoing half of the seam between RFC 8446 section 4 and section 5: messages are
 * built into one buffer, and DATA actions point into it. It must never reorder: a message
 * is protected by the last KEY before it.
 */
#include "engine.h"

void actions_clear(struct actions *a)
{
	explicit_bzero(a->list, sizeof(a->list[0]) * a->count);
	a->count = 0;
	a->taken = 0;
	writer_clear(&a->out);
}

void actions_release(struct actions *a)
{
	actions_clear(a);
	writer_release(&a->out);
}

/* The last place is kept free for FAIL. */
struct hs_action *actions_add(struct hs_engine *e, enum hs_action_type type)
{
	struct actions *a = &e->actions;
	struct hs_action *action;

	if (a->count == ACTIONS_MAX - (type != HS_ACTION_FAIL)) {
		engine_fail(e, ALERT_INTERNAL_ERROR, EIO, "too many actions for one delivery");
		return NULL;
	}
	action = &a->list[a->count++];
	*action = (struct hs_action){ .type = type };
	return action;
}

const struct hs_action *hs_engine_next_action(struct hs_engine *engine)
{
	struct actions *a = &engine->actions;
	struct hs_action *action;

	if (a->taken == a->count)
		return NULL;
	action = &a->list[a->taken];
	if (action->type == HS_ACTION_DATA)
		action->data.bytes = a->out.bytes + a->offset[a->taken];
	a->taken++;
	return action;
}

/* Bytes of one epoch and type that follow each other are one DATA. */
int action_data(struct hs_engine *e, enum hs_epoch epoch, enum hs_content_type type, size_t offset)
{
	struct actions *a = &e->actions;
	struct hs_action *last = a->count ? &a->list[a->count - 1] : NULL;
	size_t len = a->out.len - offset;

	if (!writer_ok(&a->out))
		return engine_fail(e, ALERT_INTERNAL_ERROR, ENOMEM,
				   "out of memory, or a message that is too long");
	if (last && last->type == HS_ACTION_DATA && last->data.epoch == epoch &&
	    last->data.content_type == type) {
		last->data.len += len;
		return 0;
	}
	last = actions_add(e, HS_ACTION_DATA);
	if (!last)
		return e->error;
	a->offset[a->count - 1] = offset;
	last->data = (struct hs_data){
		.epoch = epoch,
		.content_type = type,
		.max_payload = epoch == HS_EPOCH_PLAINTEXT ? HS_MAX_PAYLOAD :
							     e->summary.max_payload,
		.len = len,
	};
	return 0;
}

size_t message_begin(struct hs_engine *e, enum message_type type)
{
	size_t mark = e->actions.out.len;

	writer_u8(&e->actions.out, (uint8_t)type);
	writer_open(&e->actions.out, 3);
	return mark;
}

int message_end(struct hs_engine *e, size_t mark, enum hs_epoch epoch)
{
	struct writer *out = &e->actions.out;
	int rc;

	writer_close(out, mark + 1, 3);
	rc = action_data(e, epoch, HS_CONTENT_HANDSHAKE, mark);
	if (rc < 0)
		return rc;
	return engine_check(e, transcript_add(&e->transcript, out->bytes + mark, out->len - mark),
			    "transcript");
}

/* RFC 8446 appendix D.4, middlebox compatibility mode; once in a connection */
int action_change_cipher_spec(struct hs_engine *e)
{
	struct actions *a = &e->actions;
	size_t offset = a->out.len;
	int rc;

	if (e->sent_change_cipher_spec || !e->session_id_len)
		return 0;
	writer_u8(&a->out, 1);
	rc = action_data(e, HS_EPOCH_PLAINTEXT, HS_CONTENT_CHANGE_CIPHER_SPEC, offset);
	if (rc < 0)
		return rc;
	e->sent_change_cipher_spec = true;
	return 0;
}

int action_key(struct hs_engine *e, enum hs_direction direction, enum hs_epoch epoch,
	       const struct secret *secret)
{
	struct hs_action *action = actions_add(e, HS_ACTION_KEY);
	struct hs_key *key;

	if (!action)
		return e->error;
	key = &action->key;
	key->direction = direction;
	key->epoch = epoch;
	key->version = HS_TLS_1_3;
	key->suite = e->suite->code;
	key->key_len = e->suite->key_len;
	key->iv_len = e->suite->iv_len;
	key->secret_len = secret->len;
	memcpy(key->secret, secret->bytes, secret->len);
	return engine_check(e,
			    key_schedule_traffic_key(&e->keys, secret, key->key, key->key_len,
						     key->iv, key->iv_len),
			    "traffic key");
}

int action_continue(struct hs_engine *e)
{
	return actions_add(e, HS_ACTION_CONTINUE) ? 0 : e->error;
}

int action_complete(struct hs_engine *e)
{
	struct hs_action *action = actions_add(e, HS_ACTION_COMPLETE);

	if (!action)
		return e->error;
	action->summary = &e->summary;
	e->complete = true;
	return 0;
}

void action_fail(struct hs_engine *e, enum alert alert, int error, int verify_code)
{
	struct hs_action *action = actions_add(e, HS_ACTION_FAIL);

	if (action)
		action->failure = (struct hs_failure){
			.alert = (uint8_t)alert,
			.error = error,
			.verify_code = verify_code,
			.text = e->text,
		};
}
