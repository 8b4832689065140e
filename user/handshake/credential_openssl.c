// SPDX-License-Identifier: MIT
/*
 * credential_openssl.c - certificate.h on libcrypto 3: credentials
 *
 * A chain and the key of its leaf, from PEM (RFC 7468), and what can be done with them (RFC 8446
 * section 4.4.2.2); the key may be elsewhere, too. It must never ask for a password, nor take a key
 * that is not the leaf's.
 */
#include "reader.h"
#include "x509_openssl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define CHAIN_LIST 16

struct hs_credential {
	unsigned int references;
	X509 *leaf;
	EVP_PKEY *key; /* of one that is elsewhere the public half */
	struct hs_key_operations remote; /* none: the key is here */
	struct hs_der *chain;
	size_t chain_count;
	struct hs_der staple;
	uint16_t signed_by[CHAIN_LIST]; /* by certificate: a scheme; 0: self-signed, or unknown */
};

/* --- PEM and DER --- */

void x509_say(char *text, const char *what)
{
	if (text)
		snprintf(text, HS_MAX_TEXT, "%s", what);
}

/* What ended a run of PEM_read_bio_X509(): the end of the bytes, or a bad certificate? */
bool x509_pem_at_end(void)
{
	unsigned long error = ERR_peek_last_error();

	return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

X509 *x509_parse_der(const struct hs_der *der)
{
	const unsigned char *at = der->data;
	X509 *cert = NULL;

	if (der->len <= INT32_MAX)
		cert = d2i_X509(NULL, &at, (long)der->len);
	if (cert && at != der->data + der->len) {
		X509_free(cert);
		cert = NULL;
	}
	return cert;
}

/* --- loading --- */

/* libcrypto's own callback would ask on the terminal. */
static int no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

/* --- how its certificates are signed --- */

/* The hash of a signature scheme of RFC 8446 section 4.2.3, as the first byte of the older ones */
static uint16_t hash_code(int digest)
{
	switch (digest) {
	case NID_sha1:
		return 2;
	case NID_sha256:
		return 4;
	case NID_sha384:
		return 5;
	case NID_sha512:
		return 6;
	}
	return 0;
}

/* The scheme that a certificate is signed with; of two that differ in the key alone, the first. */
static uint16_t signature_of(X509 *cert)
{
	int digest = NID_undef, key = NID_undef;
	uint16_t hash;

	if (X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0 ||
	    X509_get_signature_info(cert, &digest, &key, NULL, NULL) != 1)
		return 0;
	hash = hash_code(digest);
	if (key == NID_ED25519)
		return HS_ED25519;
	if (!hash)
		return 0;
	if (key == NID_rsassaPss)
		return (uint16_t)(HS_RSA_PSS_RSAE_SHA256 + hash - 4);
	if (key == NID_rsaEncryption)
		return (uint16_t)(hash << 8 | 1);
	if (key == NID_X9_62_id_ecPublicKey)
		return (uint16_t)(hash << 8 | 3);
	return 0;
}

static bool names_scheme(struct reader list, uint16_t scheme)
{
	uint16_t code;

	while (reader_u16(&list, &code))
		if (code == scheme ||
		    (scheme >> 8 == 8 && scheme != HS_ED25519 &&
		     code == scheme + HS_RSA_PSS_PSS_SHA256 - HS_RSA_PSS_RSAE_SHA256))
			return true;
	return false;
}

bool credential_signed_by(const struct hs_credential *c, struct reader schemes)
{
	for (size_t i = 0; i < c->chain_count && i < CHAIN_LIST; i++)
		if (c->signed_by[i] && !names_scheme(schemes, c->signed_by[i]))
			return false;
	return true;
}

static bool chain_push(struct hs_credential *c, X509 *cert)
{
	struct hs_der *chain = realloc(c->chain, (c->chain_count + 1) * sizeof(*chain));
	unsigned char *der = NULL;
	int len;

	if (!chain)
		return false;
	c->chain = chain;
	len = i2d_X509(cert, &der);
	if (len <= 0)
		return false;
	if (c->chain_count < CHAIN_LIST)
		c->signed_by[c->chain_count] = signature_of(cert);
	c->chain[c->chain_count++] = (struct hs_der){ .data = der, .len = (size_t)len };
	return true;
}

static bool load_chain(struct hs_credential *c, BIO *bio, char *text)
{
	X509 *cert;
	bool pushed, at_end;

	while ((cert = PEM_read_bio_X509(bio, NULL, no_password, NULL))) {
		pushed = chain_push(c, cert);
		if (c->leaf)
			X509_free(cert);
		else
			c->leaf = cert;
		if (!pushed) {
			x509_say(text, "out of memory");
			return false;
		}
	}
	at_end = x509_pem_at_end();
	if (!at_end)
		x509_say(text, "a certificate of the chain does not parse");
	else if (!c->leaf)
		x509_say(text, "no certificate in PEM format in it");
	return at_end && c->leaf;
}

static bool has_known_type(const struct hs_credential *c, char *text)
{
	if (crypto_key_type(c->key) != KEY_OTHER)
		return true;
	x509_say(text, "the private key is none of RSA, ECDSA P-256, ECDSA P-384, Ed25519");
	return false;
}

static bool load_key(struct hs_credential *c, BIO *bio, char *text)
{
	c->key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	if (!c->key) {
		x509_say(text, "the private key does not parse, or is encrypted");
		return false;
	}
	if (!has_known_type(c, text))
		return false;
	if (X509_check_private_key(c->leaf, c->key) != 1) {
		x509_say(text, "the private key does not belong to the certificate");
		return false;
	}
	return true;
}

/* --- a key that is elsewhere --- */

/* -EBADMSG: it is another key's */
static int sign_remote(const struct hs_credential *c, const struct scheme *scheme,
		       const uint8_t *bytes, size_t len, uint8_t *signature, size_t *signature_len)
{
	size_t room = *signature_len;
	int rc = c->remote.sign(c->remote.ctx, scheme->code, bytes, len, signature, signature_len);

	if (rc == 0 && *signature_len > room)
		rc = -EIO;
	return rc ? rc : crypto_verify(c->key, scheme, bytes, len, signature, *signature_len);
}

/* With the first scheme that the key can have at all; of RSA that is PSS with SHA-256. */
static bool try_to_sign(const struct hs_credential *c, char *text)
{
	static const uint16_t schemes[] = { HS_RSA_PSS_RSAE_SHA256, HS_RSA_PSS_PSS_SHA256,
					    HS_ECDSA_SECP256R1_SHA256, HS_ECDSA_SECP384R1_SHA384,
					    HS_ED25519 };
	static const uint8_t bytes[] = "a signature to see whose key it is";
	size_t len = crypto_signature_max(c->key), i = 0;
	uint8_t *signature = malloc(len + 1);
	int rc = signature ? 0 : -ENOMEM;

	while (!scheme_takes_key(scheme_find(schemes[i]), crypto_key_type(c->key), HS_TLS_1_3))
		i++;
	if (!rc)
		rc = sign_remote(c, scheme_find(schemes[i]), bytes, sizeof(bytes), signature, &len);
	free(signature);
	if (rc == -EBADMSG)
		x509_say(text, "the private key does not belong to the certificate");
	else if (rc)
		x509_say(text, "the private key does not sign");
	return rc == 0;
}

/* RFC 5246 section 7.4.7.1, to and fro */
static bool tries_to_decrypt(const struct hs_credential *c)
{
	static const uint8_t bytes[48] = "a pre-master secret";
	uint8_t message[RSA_SIZE_MAX], plain[RSA_SIZE_MAX];
	size_t len = 0;

	return c->remote.decrypt_raw &&
	       crypto_rsa_encrypt(c->key, bytes, sizeof(bytes), message, &len) == 0 &&
	       c->remote.decrypt_raw(c->remote.ctx, message, len, plain) == 0 &&
	       !memcmp(plain + len - sizeof(bytes), bytes, sizeof(bytes));
}

static bool take_remote(struct hs_credential *c, const struct hs_key_operations *operations,
			char *text)
{
	c->key = X509_get_pubkey(c->leaf);
	if (!c->key) {
		x509_say(text, "the certificate has no key that libcrypto knows");
		return false;
	}
	c->remote = *operations;
	if (!has_known_type(c, text) || !try_to_sign(c, text))
		return false;
	if (credential_may_decrypt(c) && !tries_to_decrypt(c))
		c->remote.decrypt_raw = NULL;
	return true;
}

/* --- both kinds --- */

static struct hs_credential *new_credential(const void *chain, size_t chain_len, const void *key,
					    size_t key_len,
					    const struct hs_key_operations *operations, char *text)
{
	struct hs_credential *c = NULL;
	BIO *chain_bio = NULL, *key_bio = NULL;
	bool good = false;

	x509_say(text, "out of memory");
	if (crypto_init() < 0 || chain_len > INT32_MAX || key_len > INT32_MAX)
		return NULL;
	ERR_clear_error();
	c = calloc(1, sizeof(*c));
	chain_bio = BIO_new_mem_buf(chain, (int)chain_len);
	key_bio = operations ? NULL : BIO_new_mem_buf(key, (int)key_len);
	if (c && chain_bio && (operations || key_bio)) {
		c->references = 1;
		good = load_chain(c, chain_bio, text) &&
		       (operations ? take_remote(c, operations, text) : load_key(c, key_bio, text));
	}
	BIO_free(chain_bio);
	BIO_free(key_bio);
	ERR_clear_error();
	if (good) {
		x509_say(text, "");
		return c;
	}
	hs_credential_unref(c);
	return NULL;
}

struct hs_credential *hs_credential_new_pem(const void *chain, size_t chain_len, const void *key,
					    size_t key_len, char *text)
{
	return new_credential(chain, chain_len, key, key_len, NULL, text);
}

struct hs_credential *hs_credential_new_remote(const void *chain, size_t chain_len,
					       const struct hs_key_operations *operations,
					       bool *unfit, char *text)
{
	struct hs_credential *c = new_credential(chain, chain_len, NULL, 0, operations, text);

	if (unfit)
		*unfit = c && operations->decrypt_raw && !c->remote.decrypt_raw;
	return c;
}

struct hs_credential *hs_credential_ref(struct hs_credential *credential)
{
	if (credential)
		credential->references++;
	return credential;
}

int64_t hs_credential_expires(const struct hs_credential *credential)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;
	bool good = epoch &&
		    ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(credential->leaf));

	ASN1_TIME_free(epoch);
	return good ? (int64_t)days * 86400 + seconds : -1;
}

void hs_credential_unref(struct hs_credential *credential)
{
	if (!credential || --credential->references)
		return;
	for (size_t i = 0; i < credential->chain_count; i++)
		OPENSSL_free((void *)(uintptr_t)credential->chain[i].data);
	free(credential->chain);
	free((void *)(uintptr_t)credential->staple.data);
	X509_free(credential->leaf);
	EVP_PKEY_free(credential->key);
	free(credential);
}

bool credential_has_name(const struct hs_credential *c, const char *name)
{
	return X509_check_host(c->leaf, name, strlen(name), HOST_FLAGS, NULL) == 1;
}

enum key_type credential_key_type(const struct hs_credential *c)
{
	return crypto_key_type(c->key);
}

const struct hs_der *credential_chain(const struct hs_credential *c, size_t *count)
{
	*count = c->chain_count;
	return c->chain;
}

size_t credential_signature_max(const struct hs_credential *c)
{
	return crypto_signature_max(c->key);
}

int credential_sign(const struct hs_credential *c, const struct scheme *scheme,
		    const uint8_t *bytes, size_t len, uint8_t *signature, size_t *signature_len)
{
	if (c->remote.sign)
		return sign_remote(c, scheme, bytes, len, signature, signature_len);
	return crypto_sign(c->key, scheme, bytes, len, signature, signature_len);
}

bool credential_may_decrypt(const struct hs_credential *c)
{
	size_t size = crypto_signature_max(c->key);

	return crypto_key_type(c->key) == KEY_RSA && size >= RSA_SIZE_MIN && size <= RSA_SIZE_MAX &&
	       (!c->remote.sign || c->remote.decrypt_raw) &&
	       X509_get_key_usage(c->leaf) & KU_KEY_ENCIPHERMENT;
}

int credential_decrypt_raw(const struct hs_credential *c, const uint8_t *bytes, size_t len,
			   uint8_t *out)
{
	if (c->remote.sign)
		return c->remote.decrypt_raw ?
			       c->remote.decrypt_raw(c->remote.ctx, bytes, len, out) :
			       -EIO;
	return crypto_rsa_decrypt_raw(c->key, bytes, len, out);
}

int hs_credential_set_staple(struct hs_credential *credential, const void *der, size_t len)
{
	uint8_t *copy = NULL;

	if (len > HS_MAX_STAPLE)
		return -E2BIG;
	if (len) {
		copy = malloc(len);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, der, len);
	}
	free((void *)(uintptr_t)credential->staple.data);
	credential->staple = (struct hs_der){ .data = copy, .len = len };
	return 0;
}

const struct hs_der *credential_staple(const struct hs_credential *c)
{
	return &c->staple;
}

static bool same_subject(const X509_NAME *name, const uint8_t *der, size_t len)
{
	X509_NAME *other = d2i_X509_NAME(NULL, &der, (long)len);
	bool same = other && X509_NAME_cmp(name, other) == 0;

	X509_NAME_free(other);
	return same;
}

bool credential_issued_by(const struct hs_credential *c, const uint8_t *names, size_t len)
{
	struct reader list, name;
	bool found = false;

	for (size_t i = 0; !found && i < c->chain_count; i++) {
		X509 *cert = x509_parse_der(&c->chain[i]);

		list = reader_over(names, len);
		while (cert && !found && reader_vec16(&list, &name, 1, UINT16_MAX))
			found = same_subject(X509_get_issuer_name(cert), name.at, name.left);
		X509_free(cert);
	}
	ERR_clear_error();
	return found;
}
