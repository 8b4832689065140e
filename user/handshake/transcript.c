// SPDX-License-Identifier: MIT
/*
 * transcript.c - the transcript hash, RFC 8446 section 4.4.1
 *
 * See transcript.h. It must never be restarted with another hash.
 */
#include "transcript.h"

#include <errno.h>

int transcript_add(struct transcript *t, const uint8_t *bytes, size_t len)
{
	if (!t->hash || t->keep)
		writer_bytes(&t->pending, bytes, len);
	if (!writer_ok(&t->pending))
		return -ENOMEM;
	return t->hash ? crypto_hash_update(t->hash, bytes, len) : 0;
}

int transcript_start(struct transcript *t, enum hash alg)
{
	int rc;

	if (t->hash)
		return -EINVAL;
	t->alg = alg;
	t->hash = crypto_hash_new(alg);
	if (!t->hash)
		return -ENOMEM;
	rc = crypto_hash_update(t->hash, t->pending.bytes, t->pending.len);
	if (!t->keep)
		writer_release(&t->pending);
	return rc;
}

int transcript_retry(struct transcript *t)
{
	uint8_t message[4 + HASH_MAX] = { MESSAGE_MESSAGE_HASH, 0, 0, (uint8_t)hash_len(t->alg) };
	int rc;

	if (!t->hash)
		return -EINVAL;
	rc = crypto_hash_value(t->hash, message + 4);
	if (rc == 0)
		rc = crypto_hash_restart(t->hash);
	if (rc == 0)
		rc = crypto_hash_update(t->hash, message, 4 + hash_len(t->alg));
	return rc;
}

int transcript_value(struct transcript *t, uint8_t *out)
{
	return t->hash ? crypto_hash_value(t->hash, out) : -EINVAL;
}

int transcript_value_with(struct transcript *t, const uint8_t *bytes, size_t len, uint8_t *out)
{
	return t->hash ? crypto_hash_value_with(t->hash, bytes, len, out) : -EINVAL;
}

void transcript_release(struct transcript *t)
{
	writer_release(&t->pending);
	crypto_hash_free(t->hash);
	*t = (struct transcript){ 0 };
}
