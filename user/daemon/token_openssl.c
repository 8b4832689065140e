// SPDX-License-Identifier: MIT
/*
 * token_openssl.c - see token.h
 *
 * OSSL_STORE finds the key, EVP signs with it; which PKCS#11 functions that takes is the provider's
 * to know. There is one try with a PIN: tokens lock after some.
 */
#include "token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include "handshake/crypto.h"
#include "log.h"

struct pin {
	const char *text;
	bool asked;
};

/* What the provider says is in the first error that has words; others are libcrypto's comment. */
static int fail(int error, const char *what, char *reason)
{
	const char *data = NULL, *words = NULL;
	unsigned long code;
	int flags;

	snprintf(reason, TOKEN_REASON_SIZE, "%s", what);
	while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags))) {
		size_t len = strlen(reason);

		words = flags & ERR_TXT_STRING && data[0] ? data : ERR_reason_error_string(code);
		if (words && !strncmp(words, "calling stat(", 13))
			continue; /* the loader of files has looked, too */
		if (words && len < TOKEN_REASON_SIZE - 1 && !strstr(reason, words))
			snprintf(reason + len, TOKEN_REASON_SIZE - len, ": %s", words);
	}
	log_make_printable(reason);
	return error;
}

/* ---- the provider ---- */

/*
 * The provider reads its settings from OpenSSL's configuration, so it gets one, from memory and over
 * what the file of the system says; a path cannot end a line (config_file.c).
 */
static int configure(const char *provider, const char *module, char *reason)
{
	BIO *text = BIO_new(BIO_s_mem());
	CONF *conf = NCONF_new(NULL);
	bool path = provider[0] == '/';
	bool good = text && conf;

	if (good)
		BIO_printf(text,
			   "tlsockd = tlsockd_init\n"
			   "[tlsockd_init]\nproviders = tlsockd_providers\n"
			   "[tlsockd_providers]\n%s = tlsockd_provider\n"
			   "[tlsockd_provider]\n%s%s%s%s%s%sactivate = 1\n",
			   path ? "tlsockd_token" : provider, path ? "module = " : "",
			   path ? provider : "", path ? "\n" : "",
			   module ? "pkcs11-module-path = " : "", module ? module : "",
			   module ? "\n" : "");
	good = good && NCONF_load_bio(conf, text, NULL) == 1 &&
	       CONF_modules_load(conf, "tlsockd", 0) == 1 &&
	       OSSL_PROVIDER_available(NULL, path ? "tlsockd_token" : provider);
	NCONF_free(conf);
	BIO_free(text);
	return good ? 0 : fail(-ENOENT, "the provider does not load", reason);
}

/* A provider that gets no PIN from us would go on and ask a person. */
static int ask_nobody(UI *ui, UI_STRING *string)
{
	(void)ui;
	(void)string;
	return -1;
}

static int refuse_questions(void)
{
	UI_METHOD *method = UI_create_method("tlsockd");

	if (!method || UI_method_set_reader(method, ask_nobody))
		return -1;
	UI_set_default_method(method);
	return 0;
}

int token_init(const char *provider, const char *module, char *reason)
{
	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
	ERR_clear_error();
	/* One that is loaded by hand would otherwise be the only one. */
	if (!OSSL_PROVIDER_load(NULL, "default") || crypto_init() || refuse_questions())
		return fail(-ENOENT, "libcrypto", reason);
	if (module || provider[0] == '/') {
		if (module)
			unsetenv("PKCS11_PROVIDER_MODULE"); /* which would go before */
		return configure(provider, module, reason);
	}
	if (OSSL_PROVIDER_load(NULL, provider))
		return 0;
	return fail(-ENOENT, "the provider does not load", reason);
}

/* ---- a key ---- */

/* libcrypto's own would ask on the terminal. */
static int give_pin(char *buf, int size, int rwflag, void *arg)
{
	struct pin *pin = arg;
	size_t len = pin->text ? strlen(pin->text) : 0;
	bool again = pin->asked;

	(void)rwflag;
	pin->asked = true;
	if (!pin->text || again || size < 0 || len > (size_t)size)
		return -1;
	memcpy(buf, pin->text, len);
	return (int)len;
}

/* All private keys of @store are counted, the first is kept. */
static unsigned int read_store(OSSL_STORE_CTX *store, EVP_PKEY **key)
{
	unsigned int count = 0;

	while (!OSSL_STORE_eof(store) && count < 2) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (!info && OSSL_STORE_error(store))
			break;
		if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY && !count++)
			*key = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	return count;
}

int token_load(const char *uri, const char *pin_text, bool *asked, EVP_PKEY **key, char *reason)
{
	UI_METHOD *method = UI_UTIL_wrap_read_pem_callback(give_pin, 0);
	struct pin pin = { .text = pin_text };
	OSSL_STORE_CTX *store = NULL;
	unsigned int count = 0;
	int error = 0;

	*key = NULL;
	ERR_clear_error();
	if (method)
		store = OSSL_STORE_open_ex(uri, NULL, NULL, method, &pin, NULL, NULL, NULL);
	if (store && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) == 1)
		count = read_store(store, key);
	if (!store)
		error = fail(-ENOKEY, "the provider does not open it", reason);
	else if (count > 1)
		error = fail(-ENOKEY, "there is more than one such private key", reason);
	else if (!*key && pin.asked && !pin_text)
		error = fail(-ENOKEY, "the token asks for a PIN, and pin-source is not given",
			     reason);
	else if (!*key && pin.asked)
		error = fail(-ENOKEY, "the token does not take its PIN, or has no such private key",
			     reason);
	else if (!*key)
		error = fail(-ENOKEY, "there is no such token, or no such private key", reason);
	*asked = pin.asked && pin_text;
	OSSL_STORE_close(store);
	UI_destroy_method(method);
	if (error) {
		EVP_PKEY_free(*key);
		*key = NULL;
	}
	ERR_clear_error();
	return error;
}

void token_free(EVP_PKEY *key)
{
	EVP_PKEY_free(key);
}

/* Not crypto_sign(), which forgets what the provider says. */
int token_sign(EVP_PKEY *key, uint16_t scheme, const uint8_t *bytes, size_t len, uint8_t *signature,
	       size_t *signature_len, char *reason)
{
	static const char *const digests[] = { [HASH_SHA256] = "SHA256",
					       [HASH_SHA384] = "SHA384",
					       [HASH_SHA512] = "SHA512",
					       [HASH_INTRINSIC] = NULL };
	const struct scheme *known = scheme_find(scheme);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL;
	bool good;

	ERR_clear_error();
	if (known && !scheme_takes_key(known, crypto_key_type(key), HS_TLS_1_2)) {
		EVP_MD_CTX_free(md);
		return fail(-EINVAL, "it is of another kind than the certificate's", reason);
	}
	good = known && md &&
	       EVP_DigestSignInit_ex(md, &ctx, digests[known->hash], NULL, NULL, key, NULL) == 1 &&
	       crypto_set_padding(ctx, known) &&
	       EVP_DigestSign(md, signature, signature_len, bytes, len) == 1;
	EVP_MD_CTX_free(md);
	return good ? 0 : fail(-EIO, "the token does not sign", reason);
}

int token_decrypt_raw(EVP_PKEY *key, const uint8_t *bytes, size_t len, uint8_t *out)
{
	return crypto_rsa_decrypt_raw(key, bytes, len, out);
}
