// SPDX-License-Identifier: MIT
/*
 * keys_tls12.c - from the pre-master secret to the last Finished of TLS 1.2
 *
 * RFC 5246 sections 6.3, 7.4.9 and 8.1, RFC 7627, RFC 5705. It must never hand out a key
 * for a direction whose change_cipher_spec has not its place in the graph.
 */
#include "tls12.h"

#include <stdlib.h>

int master_from_premaster(struct hs_engine *e, const uint8_t *premaster, size_t len)
{
	uint8_t hash[HASH_MAX];
	int rc = hkdf_init(&e->keys.hkdf, e->suite->hash);

	if (rc == 0)
		rc = transcript_value(&e->transcript, hash); /* up to the ClientKeyExchange */
	if (rc == 0)
		rc = master_secret(&e->keys.hkdf, premaster, len,
				   e->extended_master_secret ? hash : NULL, e->client_random,
				   e->server_random, &e->master);
	if (rc == 0) {
		engine_tell(e, "pre-master secret", premaster, len);
		engine_tell(e, "master secret", e->master.bytes, e->master.len);
	}
	return engine_check(e, rc, "master secret");
}

static int action_change_cipher_spec_tls12(struct hs_engine *e)
{
	struct writer *out = &e->actions.out;
	size_t offset = out->len;

	writer_u8(out, 1);
	return action_data(e, HS_EPOCH_PLAINTEXT, HS_CONTENT_CHANGE_CIPHER_SPEC, offset);
}

int action_key_tls12(struct hs_engine *e, enum hs_direction direction)
{
	bool clients = (e->role == HS_CLIENT) == (direction == HS_TX);
	struct key_block block = { .key_len = e->suite->key_len, .iv_len = e->suite->iv_len };
	struct hs_action *action = actions_add(e, HS_ACTION_KEY);
	struct hs_key *key;
	int rc;

	if (!action)
		return e->error;
	rc = key_block_make(&e->keys.hkdf, &e->master, e->client_random, e->server_random, &block);
	if (rc == 0) {
		key = &action->key;
		key->direction = direction;
		key->epoch = HS_EPOCH_APPLICATION;
		key->version = HS_TLS_1_2;
		key->suite = e->suite->code;
		key->key_len = block.key_len;
		key->iv_len = block.iv_len;
		memcpy(key->key, clients ? block.client_key : block.server_key, block.key_len);
		memcpy(key->iv, clients ? block.client_iv : block.server_iv, block.iv_len);
	}
	key_block_wipe(&block);
	return engine_check(e, rc, "key block");
}

static int expect_verify_data(struct hs_engine *e, enum hs_role from, uint8_t *out)
{
	const char *label = from == HS_CLIENT ? "client finished" : "server finished";
	uint8_t hash[HASH_MAX];
	int rc = transcript_value(&e->transcript, hash);

	if (rc == 0)
		rc = verify_data(&e->keys.hkdf, &e->master, label, hash, out);
	return engine_check(e, rc, "Finished");
}

int parse_finished_tls12(struct hs_engine *e, struct reader *r)
{
	if (!reader_span(r, VERIFY_DATA_LEN, &e->in.signature))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "Finished is too short");
	return 0;
}

int check_finished_tls12(struct hs_engine *e)
{
	enum hs_role peer = e->role == HS_CLIENT ? HS_SERVER : HS_CLIENT;
	uint8_t expected[VERIFY_DATA_LEN];
	int rc = expect_verify_data(e, peer, expected);

	if (rc < 0)
		return rc;
	if (!crypto_equal(expected, e->in.signature.at, sizeof(expected)))
		rc = engine_fail(e, ALERT_DECRYPT_ERROR, EPROTO,
				 "Finished does not fit the handshake that was seen here");
	explicit_bzero(expected, sizeof(expected));
	if (rc < 0)
		return rc;
	return engine_check(e, transcript_add(&e->transcript, e->in.bytes, e->in.len),
			    "transcript");
}

static int write_finished_tls12(struct hs_engine *e)
{
	size_t mark = message_begin(e, MESSAGE_FINISHED);
	uint8_t value[VERIFY_DATA_LEN];
	int rc = expect_verify_data(e, e->role, value);

	if (rc < 0)
		return rc;
	writer_bytes(&e->actions.out, value, sizeof(value));
	return message_end(e, mark, HS_EPOCH_APPLICATION);
}

int send_last_tls12(struct hs_engine *e)
{
	int rc = action_change_cipher_spec_tls12(e);

	if (rc == 0)
		rc = action_key_tls12(e, HS_TX);
	if (rc == 0)
		rc = write_finished_tls12(e);
	return rc;
}

/* RFC 5705 section 4. Without extended_master_secret it would not be this handshake's own. */
int export_tls12(struct hs_engine *e, const char *label, const uint8_t *context, size_t context_len,
		 uint8_t *out, size_t len)
{
	uint8_t *seed;
	size_t n = 2 * HS_RANDOM_LEN;
	int rc;

	if (!e->extended_master_secret || context_len > UINT16_MAX)
		return -EINVAL;
	seed = malloc(n + 2 + context_len);
	if (!seed)
		return -ENOMEM;
	memcpy(seed, e->client_random, HS_RANDOM_LEN);
	memcpy(seed + HS_RANDOM_LEN, e->server_random, HS_RANDOM_LEN);
	if (context) {
		seed[n++] = (uint8_t)(context_len >> 8);
		seed[n++] = (uint8_t)context_len;
		memcpy(seed + n, context, context_len);
		n += context_len;
	}
	rc = prf(&e->keys.hkdf, e->master.bytes, e->master.len, label, seed, n, NULL, 0, out, len);
	free(seed);
	return rc;
}

int complete_tls12(struct hs_engine *e)
{
	struct hs_summary *s = &e->summary;
	int rc = 0;

	fill_summary(e);
	if (e->extended_master_secret) /* else there is none, RFC 9266 section 4.2 */
		rc = export_tls12(e, "EXPORTER-Channel-Binding", (const uint8_t *)"", 0,
				  s->channel_binding, sizeof(s->channel_binding));
	rc = engine_check(e, rc, "channel binding");
	if (rc == 0)
		rc = e->role == HS_CLIENT ? client_keep_session_tls12(e) :
					    server_keep_session_tls12(e);
	if (rc == 0)
		rc = action_complete(e);
	release_handshake(e);
	e->epoch_ended = true;
	return rc;
}
