// SPDX-License-Identifier: MIT
/*
 * hkdf.c - HKDF (RFC 5869) and HKDF-Expand-Label (RFC 8446 section 7.1)
 *
 * See hkdf.h. It must never leave an intermediate block on the stack.
 */
#include "hkdf.h"

#include <errno.h>

#define LABEL_PREFIX "tls13 "
#define INFO_MAX (2 + 1 + 255 + 1 + 255)

int hkdf_init(struct hkdf *h, enum hash hash)
{
	h->hash = hash;
	h->hash_len = hash_len(hash);
	h->hmac = crypto_hmac_new(hash);
	return h->hmac ? 0 : -ENOMEM;
}

void hkdf_release(struct hkdf *h)
{
	crypto_hmac_free(h->hmac);
	*h = (struct hkdf){ 0 };
}

int hkdf_extract(struct hkdf *h, const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
		 struct secret *prk)
{
	static const uint8_t zeros[HASH_MAX];
	int rc;

	if (!salt_len) {
		salt = zeros;
		salt_len = h->hash_len;
	}
	prk->len = h->hash_len;
	rc = crypto_hmac_start(h->hmac, salt, salt_len);
	if (rc == 0)
		rc = crypto_hmac_update(h->hmac, ikm, ikm_len);
	if (rc == 0)
		rc = crypto_hmac_finish(h->hmac, prk->bytes);
	if (rc < 0)
		secret_wipe(prk);
	return rc;
}

/* One block: T(n) = HMAC(PRK, T(n-1) | info | n) */
static int expand_block(struct hkdf *h, const struct secret *prk, const void *info, size_t info_len,
			uint8_t counter, uint8_t *block)
{
	int rc = crypto_hmac_start(h->hmac, prk->bytes, prk->len);

	if (rc == 0 && counter > 1)
		rc = crypto_hmac_update(h->hmac, block, h->hash_len);
	if (rc == 0)
		rc = crypto_hmac_update(h->hmac, info, info_len);
	if (rc == 0)
		rc = crypto_hmac_update(h->hmac, &counter, 1);
	if (rc == 0)
		rc = crypto_hmac_finish(h->hmac, block);
	return rc;
}

int hkdf_expand(struct hkdf *h, const struct secret *prk, const void *info, size_t info_len,
		uint8_t *out, size_t len)
{
	uint8_t block[HASH_MAX];
	size_t done = 0;
	int rc = 0;

	if (!prk->len || len > 255 * h->hash_len)
		return -EINVAL;
	for (uint8_t counter = 1; done < len; counter++) {
		size_t part = len - done < h->hash_len ? len - done : h->hash_len;

		rc = expand_block(h, prk, info, info_len, counter, block);
		if (rc < 0)
			break;
		memcpy(out + done, block, part);
		done += part;
	}
	explicit_bzero(block, sizeof(block));
	if (rc < 0)
		explicit_bzero(out, len);
	return rc;
}

int hkdf_expand_label(struct hkdf *h, const struct secret *secret, const char *label,
		      const void *context, size_t context_len, uint8_t *out, size_t len)
{
	size_t label_len = strlen(LABEL_PREFIX) + strlen(label);
	uint8_t info[INFO_MAX];
	size_t n = 0;

	if (len > UINT16_MAX || label_len > UINT8_MAX || context_len > UINT8_MAX)
		return -EINVAL;
	info[n++] = (uint8_t)(len >> 8);
	info[n++] = (uint8_t)len;
	info[n++] = (uint8_t)label_len;
	memcpy(info + n, LABEL_PREFIX, strlen(LABEL_PREFIX));
	memcpy(info + n + strlen(LABEL_PREFIX), label, strlen(label));
	n += label_len;
	info[n++] = (uint8_t)context_len;
	if (context_len)
		memcpy(info + n, context, context_len);
	n += context_len;
	return hkdf_expand(h, secret, info, n, out, len);
}
