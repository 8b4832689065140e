// SPDX-License-Identifier: MIT
/*
 * seen_openssl.c - chains that a trust store has found good before
 *
 * See seen_openssl.h; RFC 5280 section 6.1.3 (a) (2) is what the span of time is about.
 */
#include "seen_openssl.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#define SEEN_MAX 32
#define SEEN_BYTES (16 * 1024) /* of a chain: longer ones are not kept */
#define DAY 86400

struct good {
	uint8_t digest[SEEN_DIGEST];
	X509 *leaf;
	STACK_OF(X509) *others;
	enum hs_role peer;
	bool named;
	char name[HS_MAX_SERVER_NAME + 1];
	int64_t after, before; /* good between these two, and not at them */
	uint64_t used;
};

struct seen {
	struct good good[SEEN_MAX];
	uint64_t clock;
};

static void good_release(struct good *g)
{
	X509_free(g->leaf);
	sk_X509_pop_free(g->others, X509_free);
	*g = (struct good){ .leaf = NULL };
}

void seen_free(struct seen *seen)
{
	for (size_t i = 0; seen && i < SEEN_MAX; i++)
		good_release(&seen->good[i]);
	free(seen);
}

int seen_digest(const struct hs_der *chain, size_t count, uint8_t digest[SEEN_DIGEST])
{
	struct crypto_hash *h;
	size_t total = 0;
	int rc = 0;

	for (size_t i = 0; i < count; i++)
		total += chain[i].len;
	if (total > SEEN_BYTES)
		return -E2BIG;
	h = crypto_hash_new(HASH_SHA256);
	if (!h)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		uint8_t len[3] = { (uint8_t)(chain[i].len >> 16), (uint8_t)(chain[i].len >> 8),
				   (uint8_t)chain[i].len };

		rc = crypto_hash_update(h, len, sizeof(len));
		if (rc == 0)
			rc = crypto_hash_update(h, chain[i].data, chain[i].len);
	}
	if (rc == 0)
		rc = crypto_hash_value(h, digest);
	crypto_hash_free(h);
	return rc;
}

static const struct good *find(const struct seen *seen, const uint8_t *digest)
{
	for (size_t i = 0; seen && i < SEEN_MAX; i++)
		if (seen->good[i].leaf && !memcmp(seen->good[i].digest, digest, SEEN_DIGEST))
			return &seen->good[i];
	return NULL;
}

bool seen_find(const struct seen *seen, const uint8_t *digest, struct x509_st **leaf,
	       struct stack_st_X509 **others)
{
	const struct good *g = find(seen, digest);

	if (!g)
		return false;
	*others = X509_chain_up_ref(g->others);
	if (!*others)
		return false;
	X509_up_ref(g->leaf);
	*leaf = g->leaf;
	return true;
}

static bool same_name(const struct good *g, const char *name)
{
	return name ? g->named && !strcmp(g->name, name) : !g->named;
}

bool seen_good(struct seen *seen, const uint8_t *digest, const struct certificate_check *check)
{
	for (size_t i = 0; seen && i < SEEN_MAX; i++) {
		struct good *g = &seen->good[i];

		if (!g->leaf || memcmp(g->digest, digest, SEEN_DIGEST) != 0 ||
		    g->peer != check->peer || !same_name(g, check->name) ||
		    check->now <= g->after || check->now >= g->before)
			continue;
		g->used = ++seen->clock;
		return true;
	}
	return false;
}

/* From @now to @then in seconds. */
static bool until(const ASN1_TIME *now, const ASN1_TIME *then, int64_t *seconds)
{
	int days, rest;

	if (ASN1_TIME_diff(&days, &rest, now, then) != 1)
		return false;
	*seconds = (int64_t)days * DAY + rest;
	return true;
}

/* The span around @now in which no certificate of the path begins or ends to be valid. */
static bool span(X509_STORE_CTX *ctx, int64_t now, int64_t *after, int64_t *before)
{
	struct stack_st_X509 *path = X509_STORE_CTX_get0_chain(ctx);
	ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)now);
	bool good = time && sk_X509_num(path) > 0;
	int64_t begin, end;

	*after = INT64_MIN;
	*before = INT64_MAX;
	for (int i = 0; good && i < sk_X509_num(path); i++) {
		const X509 *cert = sk_X509_value(path, i);

		good = until(time, X509_get0_notBefore(cert), &begin) &&
		       until(time, X509_get0_notAfter(cert), &end);
		if (!good)
			break;
		if (now + begin > *after)
			*after = now + begin;
		if (now + end < *before)
			*before = now + end;
	}
	ASN1_TIME_free(time);
	return good;
}

/* A free place, the one of the same chain, or the one that was not used for longest. */
static struct good *place(struct seen *seen, const struct good *g)
{
	struct good *best = &seen->good[0];

	for (size_t i = 0; i < SEEN_MAX; i++) {
		struct good *other = &seen->good[i];

		if (other->leaf && !memcmp(other->digest, g->digest, SEEN_DIGEST) &&
		    other->peer == g->peer && same_name(other, g->named ? g->name : NULL))
			return other;
		if (other->used < best->used)
			best = other;
	}
	return best;
}

void seen_keep(struct seen **seen, const uint8_t *digest, X509_STORE_CTX *ctx,
	       const struct certificate_check *check)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	struct good g = { .peer = check->peer, .named = check->name }, *at;

	/* a list of revoked certificates has times of its own */
	if (X509_VERIFY_PARAM_get_flags(param) & X509_V_FLAG_CRL_CHECK)
		return;
	if ((check->name && strlen(check->name) > HS_MAX_SERVER_NAME) ||
	    !span(ctx, check->now, &g.after, &g.before))
		return;
	if (!*seen)
		*seen = calloc(1, sizeof(**seen));
	if (!*seen)
		return;
	if (check->name)
		memcpy(g.name, check->name, strlen(check->name));
	memcpy(g.digest, digest, SEEN_DIGEST);
	g.others = X509_chain_up_ref(X509_STORE_CTX_get0_untrusted(ctx));
	if (!g.others)
		return;
	g.leaf = X509_STORE_CTX_get0_cert(ctx);
	X509_up_ref(g.leaf);
	g.used = ++(*seen)->clock;
	at = place(*seen, &g);
	good_release(at);
	*at = g;
}
