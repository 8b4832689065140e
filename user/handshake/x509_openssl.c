// SPDX-License-Identifier: MIT
/*
 * x509_openssl.c - certificate.h on libcrypto 3: trust stores and path validation
 *
 * RFC 5280 section 6 by X509_verify_cert(), names by RFC 9525. The reasons of a refusal
 * are put in words for a person. It must never take a name out of the common name, and
 * never trust an anchor that is not in the store it was handed.
 */
#include "ocsp_openssl.h"
#include "seen_openssl.h"
#include "x509_openssl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#define CHAIN_DEPTH 8 /* intermediates between leaf and anchor */
#define SECURITY_LEVEL 2 /* 112 bits: RSA of 2048 bits and up, no SHA-1 */
#define NAME_MAX_TEXT 160

struct hs_trust {
	unsigned int references;
	X509_STORE *store;
	struct seen *seen;
	bool has_lists; /* of revoked certificates */
};

struct certificates {
	X509 *leaf;
	STACK_OF(X509) *others;
	bool digested;
	uint8_t digest[SEEN_DIGEST];
};

/* --- trust stores --- */

struct hs_trust *hs_trust_new(void)
{
	struct hs_trust *t;

	if (crypto_init() < 0)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->references = 1;
	t->store = X509_STORE_new();
	if (!t->store) {
		free(t);
		return NULL;
	}
	return t;
}

struct hs_trust *hs_trust_ref(struct hs_trust *trust)
{
	if (trust)
		trust->references++;
	return trust;
}

void hs_trust_unref(struct hs_trust *trust)
{
	if (!trust || --trust->references)
		return;
	seen_free(trust->seen);
	X509_STORE_free(trust->store);
	free(trust);
}

int hs_trust_add_pem(struct hs_trust *trust, const void *pem, size_t len, char *text)
{
	BIO *bio = len <= INT32_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
	X509 *cert;
	int count = 0;
	bool added, at_end;

	if (!bio)
		return -ENOMEM;
	seen_free(trust->seen); /* what was verified by other anchors */
	trust->seen = NULL;
	ERR_clear_error();
	while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		added = X509_STORE_add_cert(trust->store, cert) == 1;
		X509_free(cert);
		if (!added) {
			count = -ENOMEM;
			goto out;
		}
		count++;
	}
	at_end = x509_pem_at_end();
	if (!at_end) {
		if (text)
			snprintf(text, HS_MAX_TEXT,
				 "certificate number %d of the bundle does not parse", count + 1);
		count = -EBADMSG;
	} else if (!count) {
		x509_say(text, "no certificate in PEM format in it");
		count = -ENOENT;
	}
out:
	BIO_free(bio);
	ERR_clear_error();
	return count;
}

int hs_trust_add_crl_pem(struct hs_trust *trust, const void *pem, size_t len, char *text)
{
	BIO *bio = len <= INT32_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
	X509_CRL *list;
	int count = 0;
	bool added;

	if (!bio)
		return -ENOMEM;
	seen_free(trust->seen); /* what was verified without */
	trust->seen = NULL;
	ERR_clear_error();
	while ((list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))) {
		added = X509_STORE_add_crl(trust->store, list) == 1;
		X509_CRL_free(list);
		if (!added) {
			count = -ENOMEM;
			goto out;
		}
		count++;
	}
	if (!x509_pem_at_end()) {
		if (text)
			snprintf(text, HS_MAX_TEXT, "list number %d of the bundle does not parse",
				 count + 1);
		count = -EBADMSG;
	} else if (!count) {
		x509_say(text, "no list of revoked certificates in PEM format in it");
		count = -ENOENT;
	} else {
		trust->has_lists = true;
	}
out:
	BIO_free(bio);
	ERR_clear_error();
	return count;
}

/* --- the peer's chain --- */

static int parse_all(struct certificates *c, const struct hs_der *chain, size_t count, size_t *bad)
{
	c->others = sk_X509_new_null();
	if (!c->others)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		X509 *cert = x509_parse_der(&chain[i]);

		if (!cert) {
			*bad = i;
			return -EBADMSG;
		}
		if (i == 0) {
			c->leaf = cert;
		} else if (!sk_X509_push(c->others, cert)) {
			X509_free(cert);
			return -ENOMEM;
		}
	}
	return 0;
}

int certificates_parse(const struct hs_trust *trust, const struct hs_der *chain, size_t count,
		       struct certificates **out, size_t *bad)
{
	struct certificates *c = calloc(1, sizeof(*c));
	int rc = 0;

	if (!c)
		return -ENOMEM;
	c->digested = trust && seen_digest(chain, count, c->digest) == 0;
	if (!c->digested || !seen_find(trust->seen, c->digest, &c->leaf, &c->others))
		rc = parse_all(c, chain, count, bad);
	if (rc == 0)
		*out = c;
	else
		certificates_free(c);
	ERR_clear_error();
	return rc;
}

void certificates_free(struct certificates *c)
{
	if (!c)
		return;
	X509_free(c->leaf);
	sk_X509_pop_free(c->others, X509_free);
	free(c);
}

struct evp_pkey_st *certificates_key(struct certificates *c)
{
	EVP_PKEY *key = X509_get0_pubkey(c->leaf);

	ERR_clear_error();
	return key;
}

/* RFC 8446 section 4.4.2.2: a key usage, if there is one, must allow digitalSignature. */
bool certificates_may_sign(struct certificates *c)
{
	return X509_get_key_usage(c->leaf) & KU_DIGITAL_SIGNATURE;
}

/* RFC 5246 section 7.4.2: the same of keyEncipherment. */
bool certificates_may_encrypt(struct certificates *c)
{
	return X509_get_key_usage(c->leaf) & KU_KEY_ENCIPHERMENT;
}

bool name_is_address(const char *name)
{
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
	bool is = address != NULL;

	ASN1_OCTET_STRING_free(address);
	ERR_clear_error();
	return is;
}

/* --- words --- */

static void name_text(const X509_NAME *name, char *out, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) > 0)
		n = BIO_read(bio, out, (int)size - 1);
	out[n > 0 ? n : 0] = '\0';
	if (n <= 0)
		snprintf(out, size, "(no name)");
	BIO_free(bio);
}

static void time_text(const ASN1_TIME *time, char *out, size_t size)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1)
		snprintf(out, size, "an unreadable time");
	else
		snprintf(out, size, "%04d-%02d-%02d %02d:%02d:%02d UTC", tm.tm_year + 1900,
			 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* One name in words; what is not printable in it becomes a question mark. */
static void general_name_text(const GENERAL_NAME *name, char *out, size_t size)
{
	const ASN1_STRING *string = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
	const unsigned char *at = ASN1_STRING_get0_data(string);
	size_t len = (size_t)ASN1_STRING_length(string), n = 0;

	if (name->type == GEN_DNS) {
		for (; n < len && n < size - 1; n++)
			out[n] = at[n] > ' ' && at[n] <= '~' ? (char)at[n] : '?';
		out[n] = '\0';
	} else if (len == 4) {
		snprintf(out, size, "address %u.%u.%u.%u", at[0], at[1], at[2], at[3]);
	} else {
		n = (size_t)snprintf(out, size, "address ");
		for (size_t i = 0; i + 1 < len && n < size; i += 2)
			n += (size_t)snprintf(out + n, size - n, "%s%x", i ? ":" : "",
					      at[i] << 8 | at[i + 1]);
	}
}

/* The subject alternative names of @cert, as many as fit: "a.example, address 192.0.2.1" */
static void alternative_names_text(X509 *cert, char *out, size_t size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	size_t used = 0;

	out[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		char one[80];
		int n;

		if (name->type != GEN_DNS && name->type != GEN_IPADD)
			continue;
		general_name_text(name, one, sizeof(one));
		n = snprintf(out + used, size - used, "%s%s", used ? ", " : "", one);
		if (n < 0 || (size_t)n >= size - used) {
			memcpy(out + size - 4, "...", 4);
			break;
		}
		used += (size_t)n;
	}
	GENERAL_NAMES_free(names);
	if (!out[0])
		snprintf(out, size, "no host name at all");
}

static void reason_text(X509_STORE_CTX *ctx, int code, const struct certificate_check *check,
			char *text)
{
	X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
	char subject[NAME_MAX_TEXT] = "the peer", detail[NAME_MAX_TEXT] = "";

	if (cert)
		name_text(X509_get_subject_name(cert), subject, sizeof(subject));
	switch (code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		if (cert)
			time_text(X509_get0_notAfter(cert), detail, sizeof(detail));
		snprintf(text, HS_MAX_TEXT, "the certificate of %s has expired: not after %s",
			 subject, detail);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		if (cert)
			time_text(X509_get0_notBefore(cert), detail, sizeof(detail));
		snprintf(text, HS_MAX_TEXT, "the certificate of %s is not yet valid: not before %s",
			 subject, detail);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		if (cert)
			alternative_names_text(cert, detail, sizeof(detail));
		snprintf(text, HS_MAX_TEXT, "the certificate is not for %s%s, but for %s",
			 code == X509_V_ERR_IP_ADDRESS_MISMATCH ? "address " : "", check->name,
			 detail);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		if (cert)
			name_text(X509_get_issuer_name(cert), detail, sizeof(detail));
		snprintf(
			text, HS_MAX_TEXT,
			"the certificate of %s comes from %s, an authority that is not trusted: %s",
			subject, detail, X509_verify_cert_error_string(code));
		break;
	default:
		snprintf(text, HS_MAX_TEXT, "the certificate of %s: %s", subject,
			 X509_verify_cert_error_string(code));
	}
}

/* --- verification --- */

static bool set_parameters(X509_STORE_CTX *ctx, const struct certificate_check *check)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	bool server = check->peer == HS_SERVER, lists = check->trust && check->trust->has_lists;

	X509_VERIFY_PARAM_set_depth(param, CHAIN_DEPTH);
	X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
	X509_VERIFY_PARAM_set_time(param, (time_t)check->now);
	X509_VERIFY_PARAM_set_hostflags(param, HOST_FLAGS);
	if (X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN |
						       X509_V_FLAG_TRUSTED_FIRST |
						       (lists ? X509_V_FLAG_CRL_CHECK : 0)) != 1 ||
	    X509_VERIFY_PARAM_set_purpose(param, server ? X509_PURPOSE_SSL_SERVER :
							  X509_PURPOSE_SSL_CLIENT) != 1 ||
	    X509_VERIFY_PARAM_set_trust(param, server ? X509_TRUST_SSL_SERVER :
							X509_TRUST_SSL_CLIENT) != 1)
		return false;
	if (!check->name)
		return true;
	if (name_is_address(check->name))
		return X509_VERIFY_PARAM_set1_ip_asc(param, check->name) == 1;
	return X509_VERIFY_PARAM_set1_host(param, check->name, 0) == 1;
}

int certificates_verify(struct certificates *c, const struct certificate_check *check, char *text)
{
	X509_STORE *store = check->trust ? check->trust->store : NULL;
	X509_STORE_CTX *ctx;
	int rc = -ENOMEM;

	if (store && c->digested && seen_good(check->trust->seen, c->digest, check))
		return 0;
	ctx = X509_STORE_CTX_new();
	if (!ctx || X509_STORE_CTX_init(ctx, store, c->leaf, c->others) != 1)
		goto out;
	rc = -EIO;
	if (!set_parameters(ctx, check))
		goto out;
	if (X509_verify_cert(ctx) == 1) {
		rc = 0;
		if (store && c->digested)
			seen_keep(&check->trust->seen, c->digest, ctx, check);
		goto out;
	}
	if (X509_STORE_CTX_get_error(ctx) != X509_V_OK) {
		rc = X509_STORE_CTX_get_error(ctx);
		reason_text(ctx, rc, check, text);
	}
out:
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return rc;
}

int certificates_staple(struct certificates *c, const struct certificate_check *check,
			const struct hs_der *staple, char *text)
{
	if (staple->len)
		return ocsp_judge(check->trust->store, c->leaf, c->others, staple, check->now,
				  text);
	if (!ocsp_is_required(c->leaf))
		return 0;
	snprintf(text, HS_MAX_TEXT,
		 "the certificate must come with an OCSP response, and there is none");
	return X509_V_ERR_OCSP_VERIFY_NEEDED;
}

uint8_t certificate_alert(int verify_code)
{
	switch (verify_code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return ALERT_CERTIFICATE_EXPIRED;
	case X509_V_ERR_CERT_REVOKED:
		return ALERT_CERTIFICATE_REVOKED;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return ALERT_UNKNOWN_CA;
	case X509_V_ERR_OCSP_VERIFY_NEEDED:
	case X509_V_ERR_OCSP_VERIFY_FAILED:
		return ALERT_BAD_CERTIFICATE_STATUS_RESPONSE;
	case X509_V_ERR_INVALID_PURPOSE:
		return ALERT_UNSUPPORTED_CERTIFICATE;
	default:
		return ALERT_BAD_CERTIFICATE;
	}
}

/* The certificate number @i of the store, in which lists of revoked ones stand, too; or NULL. */
static X509 *find_anchor(const struct hs_trust *trust, size_t i)
{
	STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(trust->store);

	for (int at = 0; at < sk_X509_OBJECT_num(all); at++) {
		X509 *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, at));

		if (cert && !i--)
			return cert;
	}
	return NULL;
}

size_t trust_subject(const struct hs_trust *trust, size_t i, uint8_t **der)
{
	X509 *cert = find_anchor(trust, i);
	unsigned char *bytes = NULL;
	int len = cert ? i2d_X509_NAME(X509_get_subject_name(cert), &bytes) : 0;

	*der = NULL;
	if (len > 0) {
		*der = malloc((size_t)len);
		if (*der)
			memcpy(*der, bytes, (size_t)len);
	}
	OPENSSL_free(bytes);
	return *der ? (size_t)len : 0;
}
