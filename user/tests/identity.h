/* SPDX-License-Identifier: MIT */
/*
 * identity.h - keys and certificates for tests, made on the spot
 *
 * Certificates of any kind, good and bad (RFC 5280), so that no file with an expiry date
 * has to lie in the tree. Failures end the test program.
 */
#ifndef TESTS_IDENTITY_H
#define TESTS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handshake.h"
#include "parameters.h"

#define TEST_NOW 1700000000 /* 2023-11-14 22:13:20 UTC: what the tests' clock says */
#define DAY 86400

struct evp_pkey_st;
struct x509_st;

struct identity {
	struct evp_pkey_st *key;
	struct x509_st *cert;
	char *cert_pem; /* the whole chain but the root */
	char *key_pem;
};

struct identity_spec {
	const char *common_name;
	const char *names; /* subjectAltName as OpenSSL writes it: "DNS:a.example,IP:192.0.2.1" */
	enum key_type key;
	int rsa_bits; /* 0: 2048 */
	const struct identity *issuer; /* NULL: self-signed */
	bool authority; /* basicConstraints CA:TRUE */
	const char *key_usage; /* NULL: none */
	const char *extended_key_usage;
	const char *name_constraints;
	bool must_staple; /* RFC 7633 */
	int64_t not_before; /* 0: the day before TEST_NOW */
	int64_t not_after; /* 0: a year after */
	const char *digest; /* NULL: SHA256 */
};

struct identity *identity_new(const struct identity_spec *spec);
void identity_free(struct identity *id);

/*
 * A list of the issuer's in PEM, for free(), with @revoked in it if there is one. The times are in
 * seconds from TEST_NOW.
 */
char *identity_crl(const struct identity *issuer, const struct identity *revoked, int64_t begin,
		   int64_t end);

struct hs_credential *identity_credential(const struct identity *id);
struct hs_trust *identity_trust(const struct identity *authority);

/* A root, made once per program. */
const struct identity *test_root(void);
/* A leaf of the root for "server.example" and 192.0.2.1, made once for each type. */
const struct identity *test_leaf(enum key_type key);
/* A name for the type. */
const char *key_type_name(enum key_type key);
/* Frees what the two above have made. */
void identities_free(void);

#endif
