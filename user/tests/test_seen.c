// SPDX-License-Identifier: MIT
/*
 * test_seen.c - a chain that was good once is judged anew by all that could make it bad
 *
 * RFC 5280 section 6: time, name, purpose, anchors and each byte. See seen_openssl.h. The
 * same trust store is asked again and again; its verdict must be that of a new one.
 */
#include <errno.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>

#include "certificate.h"
#include "identity.h"
#include "tap.h"

#define CHAINS 40 /* more than a store keeps */

static struct identity *leaf_of(const char *names, int64_t not_after)
{
	struct identity_spec spec = {
		.common_name = "A Peer",
		.names = names,
		.key = KEY_ECDSA_P256,
		.issuer = test_root(),
		.not_before = TEST_NOW - DAY,
		.not_after = not_after,
	};

	return identity_new(&spec);
}

static int judge_chain(struct hs_trust *trust, const struct hs_der *chain, size_t count,
		       const char *name, enum hs_role peer, int64_t now)
{
	struct certificate_check check = { .trust = trust, .now = now, .peer = peer, .name = name };
	struct certificates *c = NULL;
	char text[HS_MAX_TEXT];
	size_t bad;
	int rc = certificates_parse(trust, chain, count, &c, &bad);

	if (rc == 0)
		rc = certificates_verify(c, &check, text);
	if (rc == 0 && (!certificates_key(c) || !certificates_may_sign(c)))
		rc = -EIO;
	certificates_free(c);
	return rc;
}

static int judge(struct hs_trust *trust, const struct identity *id, const char *name,
		 enum hs_role peer, int64_t now)
{
	struct hs_credential *credential = identity_credential(id);
	const struct hs_der *chain;
	size_t count;
	int rc;

	chain = credential_chain(credential, &count);
	rc = judge_chain(trust, chain, count, name, peer, now);
	hs_credential_unref(credential);
	return rc;
}

static void again_and_again(void)
{
	struct hs_trust *trust = identity_trust(test_root());
	struct identity *id = leaf_of("DNS:a.example,DNS:b.example,IP:192.0.2.1", TEST_NOW + DAY);
	int good = 0;

	for (int i = 0; i < 3; i++)
		good += !judge(trust, id, "a.example", HS_SERVER, TEST_NOW) +
			!judge(trust, id, "b.example", HS_SERVER, TEST_NOW) +
			!judge(trust, id, "192.0.2.1", HS_SERVER, TEST_NOW) +
			!judge(trust, id, NULL, HS_CLIENT, TEST_NOW);
	ok(good == 12, "a good chain, three times for each of four");
	ok(judge(trust, id, "c.example", HS_SERVER, TEST_NOW) == X509_V_ERR_HOSTNAME_MISMATCH,
	   "it is for no other name");
	ok(judge(trust, id, "192.0.2.2", HS_SERVER, TEST_NOW) == X509_V_ERR_IP_ADDRESS_MISMATCH,
	   "and no other address");
	ok(judge(trust, id, "a.example", HS_SERVER, TEST_NOW + DAY - 1) == 0,
	   "it is good in its last second");
	ok(judge(trust, id, "a.example", HS_SERVER, TEST_NOW + DAY + 1) ==
		   X509_V_ERR_CERT_HAS_EXPIRED,
	   "and not after");
	ok(judge(trust, id, "a.example", HS_SERVER, TEST_NOW - DAY + 1) == 0,
	   "it is good in its first second");
	ok(judge(trust, id, "a.example", HS_SERVER, TEST_NOW - DAY - 1) ==
		   X509_V_ERR_CERT_NOT_YET_VALID,
	   "and not before");
	ok(judge(trust, id, "a.example", HS_SERVER, TEST_NOW) == 0, "the clock goes back");
	identity_free(id);
	hs_trust_unref(trust);
}

/* An intermediate that ends first. */
static void path(void)
{
	struct identity_spec spec = {
		.common_name = "Middle",
		.key = KEY_ECDSA_P256,
		.issuer = test_root(),
		.authority = true,
		.key_usage = "critical,keyCertSign",
		.not_after = TEST_NOW + DAY,
	};
	struct hs_trust *trust = identity_trust(test_root()), *nobody = hs_trust_new();
	struct identity *middle = identity_new(&spec), *id;
	struct identity_spec leaf = {
		.common_name = "A Server",
		.names = "DNS:a.example",
		.key = KEY_ECDSA_P256,
		.issuer = middle,
	};

	id = identity_new(&leaf);
	ok(!judge(trust, id, "a.example", HS_SERVER, TEST_NOW) &&
		   !judge(trust, id, "a.example", HS_SERVER, TEST_NOW),
	   "a chain of two, twice");
	ok(judge(trust, id, "a.example", HS_SERVER, TEST_NOW + DAY + 1) ==
		   X509_V_ERR_CERT_HAS_EXPIRED,
	   "it ends with the first of it that ends");
	ok(judge(nobody, id, "a.example", HS_SERVER, TEST_NOW) > 0,
	   "another store knows nothing of it");
	identity_free(id);
	identity_free(middle);
	hs_trust_unref(trust);
	hs_trust_unref(nobody);
}

static void purpose(void)
{
	struct identity_spec spec = {
		.common_name = "A Client",
		.names = "DNS:a.example",
		.key = KEY_ECDSA_P256,
		.issuer = test_root(),
		.extended_key_usage = "clientAuth",
	};
	struct hs_trust *trust = identity_trust(test_root());
	struct identity *id = identity_new(&spec);

	ok(!judge(trust, id, NULL, HS_CLIENT, TEST_NOW) &&
		   !judge(trust, id, NULL, HS_CLIENT, TEST_NOW),
	   "a client's certificate is a client's");
	ok(judge(trust, id, NULL, HS_SERVER, TEST_NOW) == X509_V_ERR_INVALID_PURPOSE &&
		   judge(trust, id, "a.example", HS_SERVER, TEST_NOW) == X509_V_ERR_INVALID_PURPOSE,
	   "and not a server's");
	identity_free(id);
	hs_trust_unref(trust);
}

/* Each byte counts, and the order, and where one certificate ends. */
static void bytes(void)
{
	struct hs_trust *trust = identity_trust(test_root());
	struct identity *id = leaf_of("DNS:a.example", TEST_NOW + DAY);
	struct hs_credential *credential = identity_credential(id);
	const struct hs_der *chain;
	struct hs_der two[2];
	size_t count, accepted = 0;
	uint8_t *copy;

	chain = credential_chain(credential, &count);
	ok(!judge_chain(trust, chain, 1, "a.example", HS_SERVER, TEST_NOW), "a chain is good");
	copy = malloc(chain->len);
	memcpy(copy, chain->data, chain->len);
	for (size_t i = 0; i < chain->len; i++) {
		struct hs_der turned = { .data = copy, .len = chain->len };

		copy[i] ^= 1;
		accepted += !judge_chain(trust, &turned, 1, "a.example", HS_SERVER, TEST_NOW);
		copy[i] ^= 1;
	}
	ok(!accepted, "with a bit turned, at each of %zu bytes, it is not", chain->len);
	two[0] = (struct hs_der){ .data = chain->data, .len = chain->len / 2 };
	two[1] = (struct hs_der){ .data = chain->data + two[0].len, .len = chain->len / 2 };
	ok(judge_chain(trust, two, 2, "a.example", HS_SERVER, TEST_NOW) < 0,
	   "cut in two it does not parse");
	free(copy);
	hs_credential_unref(credential);
	identity_free(id);
	hs_trust_unref(trust);
}

/* More than are kept: the first has gone by the last, and is as good as ever. */
static void many(void)
{
	struct hs_trust *trust = identity_trust(test_root());
	struct identity *ids[CHAINS];
	char names[32];
	int good = 0;

	for (int i = 0; i < CHAINS; i++) {
		snprintf(names, sizeof(names), "DNS:%d.example", i);
		ids[i] = leaf_of(names, TEST_NOW + DAY);
	}
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < CHAINS; i++) {
			snprintf(names, sizeof(names), "%d.example", i);
			good += !judge(trust, ids[i], names, HS_SERVER, TEST_NOW);
		}
	ok(good == 3 * CHAINS, "%d chains by turns", CHAINS);
	ok(judge(trust, ids[0], "1.example", HS_SERVER, TEST_NOW) == X509_V_ERR_HOSTNAME_MISMATCH,
	   "no name is another's");
	ok(hs_trust_add_pem(trust, ids[0]->cert_pem, strlen(ids[0]->cert_pem), NULL) == 1 &&
		   !judge(trust, ids[1], "1.example", HS_SERVER, TEST_NOW),
	   "an anchor more");
	for (int i = 0; i < CHAINS; i++)
		identity_free(ids[i]);
	hs_trust_unref(trust);
}

int main(void)
{
	again_and_again();
	path();
	purpose();
	bytes();
	many();
	identities_free();
	return tap_done();
}
