// SPDX-License-Identifier: MIT
/*
 * key_schedule.c - the key schedule of TLS 1.3, RFC 8446 section 7
 *
 * See key_schedule.h. It must never keep a secret longer than the schedule needs it: each
 * stage overwrites the one before.
 */
#include "key_schedule.h"

#include <errno.h>

static int derive(struct key_schedule *k, const struct secret *from, const char *label,
		  const uint8_t *transcript, struct secret *out)
{
	int rc = hkdf_expand_label(&k->hkdf, from, label, transcript, k->hkdf.hash_len, out->bytes,
				   k->hkdf.hash_len);

	out->len = rc == 0 ? k->hkdf.hash_len : 0;
	return rc;
}

/* Derive-Secret(current, "derived", ""), then HKDF-Extract with @ikm. */
static int next_stage(struct key_schedule *k, const void *ikm, size_t ikm_len)
{
	struct secret salt = { .len = 0 };
	uint8_t empty[HASH_MAX];
	int rc = crypto_digest(k->hkdf.hash, "", 0, empty);

	if (rc == 0)
		rc = derive(k, &k->current, "derived", empty, &salt);
	if (rc == 0)
		rc = hkdf_extract(&k->hkdf, salt.bytes, salt.len, ikm, ikm_len, &k->current);
	secret_wipe(&salt);
	return rc;
}

int key_schedule_early(struct key_schedule *k, enum hash hash, const struct secret *psk)
{
	static const uint8_t zeros[HASH_MAX];
	int rc;

	if (k->stage != KEY_STAGE_NONE)
		return -EINVAL;
	rc = hkdf_init(&k->hkdf, hash);
	if (rc == 0 && psk)
		rc = hkdf_extract(&k->hkdf, NULL, 0, psk->bytes, psk->len, &k->current);
	else if (rc == 0)
		rc = hkdf_extract(&k->hkdf, NULL, 0, zeros, k->hkdf.hash_len, &k->current);
	if (rc == 0)
		k->stage = KEY_STAGE_EARLY;
	return rc;
}

int key_schedule_handshake(struct key_schedule *k, const struct shared_secret *shared,
			   const uint8_t *transcript)
{
	int rc;

	if (k->stage != KEY_STAGE_EARLY)
		return -EINVAL;
	rc = next_stage(k, shared->bytes, shared->len);
	if (rc == 0)
		rc = derive(k, &k->current, "c hs traffic", transcript, &k->client_handshake);
	if (rc == 0)
		rc = derive(k, &k->current, "s hs traffic", transcript, &k->server_handshake);
	if (rc == 0)
		k->stage = KEY_STAGE_HANDSHAKE;
	return rc;
}

int key_schedule_master(struct key_schedule *k, const uint8_t *transcript)
{
	static const uint8_t zeros[HASH_MAX];
	int rc;

	if (k->stage != KEY_STAGE_HANDSHAKE)
		return -EINVAL;
	rc = next_stage(k, zeros, k->hkdf.hash_len);
	if (rc == 0)
		rc = derive(k, &k->current, "c ap traffic", transcript, &k->client_application);
	if (rc == 0)
		rc = derive(k, &k->current, "s ap traffic", transcript, &k->server_application);
	if (rc == 0)
		rc = derive(k, &k->current, "exp master", transcript, &k->exporter);
	if (rc == 0)
		k->stage = KEY_STAGE_MASTER;
	return rc;
}

int key_schedule_complete(struct key_schedule *k, const uint8_t *transcript)
{
	int rc;

	if (k->stage != KEY_STAGE_MASTER)
		return -EINVAL;
	rc = derive(k, &k->current, "res master", transcript, &k->resumption);
	secret_wipe(&k->current);
	return rc;
}

void key_schedule_release(struct key_schedule *k)
{
	hkdf_release(&k->hkdf);
	explicit_bzero(k, sizeof(*k));
}

/* RFC 8446 section 4.4.4 */
int key_schedule_finished(struct key_schedule *k, const struct secret *base,
			  const uint8_t *transcript, uint8_t *out)
{
	struct secret key = { .len = k->hkdf.hash_len };
	int rc = hkdf_expand_label(&k->hkdf, base, "finished", NULL, 0, key.bytes, key.len);

	if (rc == 0)
		rc = crypto_hmac_start(k->hkdf.hmac, key.bytes, key.len);
	if (rc == 0)
		rc = crypto_hmac_update(k->hkdf.hmac, transcript, k->hkdf.hash_len);
	if (rc == 0)
		rc = crypto_hmac_finish(k->hkdf.hmac, out);
	secret_wipe(&key);
	return rc;
}

int key_schedule_binder(struct key_schedule *k, bool external, const uint8_t *transcript,
			uint8_t *out)
{
	struct secret key = { .len = 0 };
	uint8_t empty[HASH_MAX];
	int rc;

	if (k->stage != KEY_STAGE_EARLY)
		return -EINVAL;
	rc = crypto_digest(k->hkdf.hash, "", 0, empty);
	if (rc == 0)
		rc = derive(k, &k->current, external ? "ext binder" : "res binder", empty, &key);
	if (rc == 0)
		rc = key_schedule_finished(k, &key, transcript, out);
	secret_wipe(&key);
	return rc;
}

int key_schedule_resumption(struct key_schedule *k, const uint8_t *nonce, size_t len,
			    struct secret *psk)
{
	int rc;

	if (!k->resumption.len)
		return -EINVAL;
	psk->len = k->hkdf.hash_len;
	rc = hkdf_expand_label(&k->hkdf, &k->resumption, "resumption", nonce, len, psk->bytes,
			       psk->len);
	if (rc < 0)
		secret_wipe(psk);
	return rc;
}

/* RFC 8446 section 7.3 */
int key_schedule_traffic_key(struct key_schedule *k, const struct secret *secret, uint8_t *key,
			     size_t key_len, uint8_t *iv, size_t iv_len)
{
	int rc = hkdf_expand_label(&k->hkdf, secret, "key", NULL, 0, key, key_len);

	if (rc == 0)
		rc = hkdf_expand_label(&k->hkdf, secret, "iv", NULL, 0, iv, iv_len);
	return rc;
}

/* RFC 8446 section 7.5 */
int key_schedule_export(struct key_schedule *k, const char *label, const uint8_t *context,
			size_t context_len, uint8_t *out, size_t len)
{
	struct secret derived = { .len = 0 };
	uint8_t hash[HASH_MAX];
	int rc;

	if (k->stage != KEY_STAGE_MASTER)
		return -EINVAL;
	rc = crypto_digest(k->hkdf.hash, "", 0, hash);
	if (rc == 0)
		rc = derive(k, &k->exporter, label, hash, &derived);
	if (rc == 0)
		rc = crypto_digest(k->hkdf.hash, context_len ? context : (const uint8_t *)"",
				   context_len, hash);
	if (rc == 0)
		rc = hkdf_expand_label(&k->hkdf, &derived, "exporter", hash, k->hkdf.hash_len, out,
				       len);
	secret_wipe(&derived);
	return rc;
}
