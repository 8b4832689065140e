// SPDX-License-Identifier: MIT
/*
 * trace_identity.c - what a traced side shows of itself: a chain and key from files, or, for a server that
 * has none, a certificate made for this one run: self-signed, P-256, for "localhost", valid for an hour
 *
 * That one is for looking at handshakes; it must never be written anywhere.
 */
#include "trace.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define VALID_S 3600

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool good = ext && X509_add_ext(cert, ext, -1);

	X509_EXTENSION_free(ext);
	return good;
}

static X509 *self_signed(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name = cert ? X509_get_subject_name(cert) : NULL;

	if (cert && X509_set_version(cert, X509_VERSION_3) &&
	    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), -60) &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), VALID_S) &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				       (const unsigned char *)"made for this trace", -1, -1, 0) &&
	    X509_set_issuer_name(cert, name) && X509_set_pubkey(cert, key) &&
	    add_extension(cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") &&
	    X509_sign(cert, key, EVP_sha256()))
		return cert;
	X509_free(cert);
	return NULL;
}

struct hs_credential *trace_made_credential(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = key ? self_signed(key) : NULL;
	BIO *chain_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_secmem());
	struct hs_credential *made = NULL;
	char *chain_pem = NULL, *key_pem = NULL;
	long chain_len, key_len;

	if (cert && chain_bio && key_bio && PEM_write_bio_X509(chain_bio, cert) &&
	    PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL)) {
		chain_len = BIO_get_mem_data(chain_bio, &chain_pem);
		key_len = BIO_get_mem_data(key_bio, &key_pem);
		made = hs_credential_new_pem(chain_pem, (size_t)chain_len, key_pem, (size_t)key_len,
					     NULL);
	}
	if (!made)
		complain("no certificate can be made");
	BIO_free(chain_bio);
	BIO_free(key_bio);
	X509_free(cert);
	EVP_PKEY_free(key);
	return made;
}

char *trace_read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	ssize_t n = f ? getdelim(&text, &size, '\0', f) : -1;

	if (f)
		fclose(f);
	if (n <= 0) {
		complain("%s: cannot be read", path);
		free(text);
		return NULL;
	}
	*len = (size_t)n;
	return text;
}

struct hs_credential *trace_file_credential(const char *chain_path, const char *key_path)
{
	char reason[HS_MAX_TEXT] = "", *chain, *key = NULL;
	struct hs_credential *made = NULL;
	size_t chain_len = 0, key_len = 0;

	chain = trace_read_file(chain_path, &chain_len);
	if (chain)
		key = trace_read_file(key_path, &key_len);
	if (key) {
		made = hs_credential_new_pem(chain, chain_len, key, key_len, reason);
		if (!made)
			complain("%s, %s: %s", chain_path, key_path, reason);
		explicit_bzero(key, key_len);
	}
	free(key);
	free(chain);
	return made;
}
