// SPDX-License-Identifier: MIT
/*
 * identity.c - keys and certificates for tests, made on the spot (RFC 5280)
 *
 * See identity.h. Nothing of this may ever be linked into a program that is installed.
 */
#include "identity.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "tap.h"

static struct identity *root, *leaves[KEY_OTHER + 1];

static void must(bool good, const char *what)
{
	if (!good)
		bail("identity: %s", what);
}

static EVP_PKEY *make_key(enum key_type type, int rsa_bits)
{
	size_t bits = rsa_bits ? (size_t)rsa_bits : 2048;
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx;

	switch (type) {
	case KEY_RSA:
		key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits);
		break;
	case KEY_RSA_PSS:
		ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
		must(EVP_PKEY_keygen_init(ctx) == 1 &&
			     EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) == 1 &&
			     EVP_PKEY_keygen(ctx, &key) == 1,
		     "RSA-PSS key");
		EVP_PKEY_CTX_free(ctx);
		break;
	case KEY_ECDSA_P256:
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
		break;
	case KEY_ECDSA_P384:
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
		break;
	case KEY_ED25519:
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	case KEY_OTHER:
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
		break;
	}
	must(key, "key generation");
	return key;
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;

	if (!value)
		return;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(extension && X509_add_ext(cert, extension, -1) == 1, value);
	X509_EXTENSION_free(extension);
}

static char *take_pem(BIO *bio)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);
	char *copy = strndup(bytes, (size_t)len);

	must(copy, "PEM");
	BIO_free(bio);
	return copy;
}

/* The leaf, and its issuer's chain behind it unless the issuer is a root. */
static void write_pem(struct identity *id, const struct identity *issuer)
{
	BIO *certs = BIO_new(BIO_s_mem()), *keys = BIO_new(BIO_s_mem());

	must(certs && keys && PEM_write_bio_X509(certs, id->cert) == 1, "PEM");
	if (issuer && X509_self_signed(issuer->cert, 0) != 1)
		must(BIO_puts(certs, issuer->cert_pem) > 0, "PEM");
	must(PEM_write_bio_PrivateKey(keys, id->key, NULL, NULL, 0, NULL, NULL) == 1, "PEM");
	id->cert_pem = take_pem(certs);
	id->key_pem = take_pem(keys);
}

static void set_names(X509 *cert, const char *common_name, X509 *issuer)
{
	X509_NAME *name = X509_get_subject_name(cert);

	must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					(const unsigned char *)common_name, -1, -1, 0) == 1 &&
		     X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1,
	     "names");
}

struct identity *identity_new(const struct identity_spec *spec)
{
	static long serial = 1;
	struct identity *id = calloc(1, sizeof(*id));
	const char *digest = spec->digest ? spec->digest : "SHA256";
	X509 *issuer;
	EVP_PKEY *signer;

	must(id, "memory");
	id->key = make_key(spec->key, spec->rsa_bits);
	id->cert = X509_new();
	must(id->cert, "memory");
	issuer = spec->issuer ? spec->issuer->cert : id->cert;
	signer = spec->issuer ? spec->issuer->key : id->key;
	X509_set_version(id->cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(id->cert), serial++);
	set_names(id->cert, spec->common_name, issuer);
	ASN1_TIME_set(X509_getm_notBefore(id->cert),
		      (time_t)(spec->not_before ? spec->not_before : TEST_NOW - DAY));
	ASN1_TIME_set(X509_getm_notAfter(id->cert),
		      (time_t)(spec->not_after ? spec->not_after : TEST_NOW + 365 * DAY));
	X509_set_pubkey(id->cert, id->key);
	add_extension(id->cert, issuer, NID_basic_constraints,
		      spec->authority ? "critical,CA:TRUE" : "CA:FALSE");
	add_extension(id->cert, issuer, NID_subject_key_identifier, "hash");
	add_extension(id->cert, issuer, NID_subject_alt_name, spec->names);
	add_extension(id->cert, issuer, NID_key_usage, spec->key_usage);
	add_extension(id->cert, issuer, NID_ext_key_usage, spec->extended_key_usage);
	add_extension(id->cert, issuer, NID_name_constraints, spec->name_constraints);
	add_extension(id->cert, issuer, NID_tlsfeature,
		      spec->must_staple ? "status_request" : NULL);
	must(X509_sign(id->cert, signer,
		       EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519 ?
			       NULL :
			       EVP_get_digestbyname(digest)) > 0,
	     "signature");
	write_pem(id, spec->issuer);
	return id;
}

void identity_free(struct identity *id)
{
	if (!id)
		return;
	EVP_PKEY_free(id->key);
	X509_free(id->cert);
	free(id->cert_pem);
	free(id->key_pem);
	free(id);
}

char *identity_crl(const struct identity *issuer, const struct identity *revoked, int64_t begin,
		   int64_t end)
{
	X509_CRL *list = X509_CRL_new();
	ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)(TEST_NOW + begin));
	ASN1_TIME *to = ASN1_TIME_set(NULL, (time_t)(TEST_NOW + end));
	X509_REVOKED *entry;
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem, *copy;
	long len;

	X509_CRL_set_version(list, 1);
	X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->cert));
	X509_CRL_set1_lastUpdate(list, from);
	X509_CRL_set1_nextUpdate(list, to);
	if (revoked) {
		entry = X509_REVOKED_new();
		X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->cert));
		X509_REVOKED_set_revocationDate(entry, from);
		X509_CRL_add0_revoked(list, entry);
	}
	X509_CRL_sort(list);
	if (X509_CRL_sign(list, issuer->key, EVP_sha256()) <= 0 ||
	    PEM_write_bio_X509_CRL(bio, list) != 1)
		bail("no list of revoked certificates");
	len = BIO_get_mem_data(bio, &pem);
	copy = strndup(pem, (size_t)len);
	BIO_free(bio);
	X509_CRL_free(list);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return copy;
}

struct hs_credential *identity_credential(const struct identity *id)
{
	char text[HS_MAX_TEXT];
	struct hs_credential *c = hs_credential_new_pem(id->cert_pem, strlen(id->cert_pem),
							id->key_pem, strlen(id->key_pem), text);

	if (!c)
		bail("credential: %s", text);
	return c;
}

struct hs_trust *identity_trust(const struct identity *authority)
{
	struct hs_trust *trust = hs_trust_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;

	must(trust && bio && PEM_write_bio_X509(bio, authority->cert) == 1, "trust");
	pem = take_pem(bio);
	must(hs_trust_add_pem(trust, pem, strlen(pem), NULL) == 1, "trust");
	free(pem);
	return trust;
}

const struct identity *test_root(void)
{
	static const struct identity_spec spec = {
		.common_name = "Test Root",
		.key = KEY_ECDSA_P256,
		.authority = true,
		.key_usage = "critical,keyCertSign,cRLSign",
	};

	if (!root)
		root = identity_new(&spec);
	return root;
}

const struct identity *test_leaf(enum key_type key)
{
	struct identity_spec spec = {
		.common_name = "A Server",
		.names = "DNS:server.example,IP:192.0.2.1",
		.key = key,
		.issuer = test_root(),
		.key_usage = key == KEY_RSA ? "critical,digitalSignature,keyEncipherment" :
					      "critical,digitalSignature",
	};

	if (!leaves[key])
		leaves[key] = identity_new(&spec);
	return leaves[key];
}

const char *key_type_name(enum key_type key)
{
	switch (key) {
	case KEY_RSA:
		return "RSA";
	case KEY_RSA_PSS:
		return "RSA-PSS";
	case KEY_ECDSA_P256:
		return "ECDSA P-256";
	case KEY_ECDSA_P384:
		return "ECDSA P-384";
	case KEY_ED25519:
		return "Ed25519";
	case KEY_OTHER:
		return "ECDSA P-521";
	}
	return "?";
}

void identities_free(void)
{
	for (size_t i = 0; i <= KEY_OTHER; i++)
		identity_free(leaves[i]);
	identity_free(root);
	memset(leaves, 0, sizeof(leaves));
	root = NULL;
}
