// SPDX-License-Identifier: MIT
/*
 * prf.c - the key derivation of TLS 1.2: RFC 5246 sections 5, 6.3 and 8.1, RFC 7627
 *
 * See prf.h. It must never leave an A(i) or a block on the stack.
 */
#include "prf.h"

#include <errno.h>

struct seed {
	const char *label;
	const void *a;
	size_t a_len;
	const void *b;
	size_t b_len;
};

/* HMAC(secret, prefix + label + a + b) */
static int prf_mac(struct hkdf *h, const void *secret, size_t secret_len, const uint8_t *prefix,
		   const struct seed *s, uint8_t *out)
{
	int rc = crypto_hmac_start(h->hmac, secret, secret_len);

	if (rc == 0 && prefix)
		rc = crypto_hmac_update(h->hmac, prefix, h->hash_len);
	if (rc == 0 && s)
		rc = crypto_hmac_update(h->hmac, s->label, strlen(s->label));
	if (rc == 0 && s && s->a_len)
		rc = crypto_hmac_update(h->hmac, s->a, s->a_len);
	if (rc == 0 && s && s->b_len)
		rc = crypto_hmac_update(h->hmac, s->b, s->b_len);
	if (rc == 0)
		rc = crypto_hmac_finish(h->hmac, out);
	return rc;
}

int prf(struct hkdf *h, const void *secret, size_t secret_len, const char *label, const void *a,
	size_t a_len, const void *b, size_t b_len, uint8_t *out, size_t len)
{
	struct seed seed = { label, a, a_len, b, b_len };
	uint8_t chain[HASH_MAX], block[HASH_MAX];
	int rc = prf_mac(h, secret, secret_len, NULL, &seed, chain); /* A(1) */

	for (size_t done = 0; rc == 0 && done < len; done += h->hash_len) {
		size_t part = len - done < h->hash_len ? len - done : h->hash_len;

		rc = prf_mac(h, secret, secret_len, chain, &seed, block);
		if (rc == 0)
			memcpy(out + done, block, part);
		if (rc == 0)
			rc = prf_mac(h, secret, secret_len, chain, NULL, chain); /* A(i + 1) */
	}
	explicit_bzero(chain, sizeof(chain));
	explicit_bzero(block, sizeof(block));
	if (rc < 0)
		explicit_bzero(out, len);
	return rc;
}

int master_secret(struct hkdf *h, const void *premaster, size_t len, const uint8_t *session_hash,
		  const uint8_t *client_random, const uint8_t *server_random, struct secret *out)
{
	out->len = MASTER_SECRET_LEN;
	if (session_hash)
		return prf(h, premaster, len, "extended master secret", session_hash, h->hash_len,
			   NULL, 0, out->bytes, out->len);
	return prf(h, premaster, len, "master secret", client_random, 32, server_random, 32,
		   out->bytes, out->len);
}

int key_block_make(struct hkdf *h, const struct secret *master, const uint8_t *client_random,
		   const uint8_t *server_random, struct key_block *block)
{
	const uint8_t *at = block->bytes;
	size_t len = 2 * (block->mac_len + block->key_len + block->iv_len);

	if (len > sizeof(block->bytes))
		return -EINVAL;
	block->client_mac = at;
	block->server_mac = at += block->mac_len;
	block->client_key = at += block->mac_len;
	block->server_key = at += block->key_len;
	block->client_iv = at += block->key_len;
	block->server_iv = at + block->iv_len;
	return prf(h, master->bytes, master->len, "key expansion", server_random, 32, client_random,
		   32, block->bytes, len);
}

void key_block_wipe(struct key_block *block)
{
	explicit_bzero(block, sizeof(*block));
}

int verify_data(struct hkdf *h, const struct secret *master, const char *label,
		const uint8_t *transcript, uint8_t *out)
{
	return prf(h, master->bytes, master->len, label, transcript, h->hash_len, NULL, 0, out,
		   VERIFY_DATA_LEN);
}
