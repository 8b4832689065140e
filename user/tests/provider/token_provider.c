// SPDX-License-Identifier: MIT
/*
 * token_provider.c - a provider of libcrypto that stands where one for PKCS#11 stands
 *
 * For tests: its tokens are folders of keys, PKCS#8 in DER, so that what the daemon does with a "pkcs11"
 * URI (RFC 7512) can be tried without PKCS#11. The "module" is the path of a folder with a folder for
 * each token, and in that NAME.der for each object and "pin". Each PIN that is tried adds a byte to
 * "tries". Must never be more patient than a token: a wrong PIN is an error.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>

#define PATH_SIZE 1024
#define KEY_MAX 8192

struct provider {
	char module[PATH_SIZE / 2];
};

struct store {
	char token[PATH_SIZE];
	char object[128];
	bool done;
};

static bool attribute(const char *uri, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	for (uri = strchr(uri, ':'); uri; uri = strpbrk(uri + 1, ";?&")) {
		if (strncmp(uri + 1, name, len) || uri[1 + len] != '=')
			continue;
		uri += len + 2;
		snprintf(out, size, "%.*s", (int)strcspn(uri, ";?&"), uri);
		return true;
	}
	return false;
}

static void *store_open(void *provctx, const char *uri)
{
	const struct provider *p = provctx;
	struct store *s = calloc(1, sizeof(*s));
	char token[128] = "none", type[16];

	if (!s)
		return NULL;
	attribute(uri, "token", token, sizeof(token));
	snprintf(s->token, sizeof(s->token), "%s/%s", p->module, token);
	/* what the daemon must not pass on, and what it must */
	if (attribute(uri, "object", s->object, sizeof(s->object)) &&
	    attribute(uri, "type", type, sizeof(type)) && !strcmp(type, "private") &&
	    !strstr(uri, "pin-"))
		return s;
	free(s);
	return NULL;
}

static size_t read_file(const struct store *s, const char *name, uint8_t *out, size_t size)
{
	char path[PATH_SIZE + 160];
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", s->token, name);
	f = fopen(path, "r");
	if (f) {
		len = fread(out, 1, size, f);
		fclose(f);
	}
	return len;
}

static bool log_in(const struct store *s, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	uint8_t want[64];
	char got[64], path[PATH_SIZE + 16];
	size_t want_len = read_file(s, "pin", want, sizeof(want)), got_len = 0;
	FILE *f;

	if (!ask(got, sizeof(got), &got_len, NULL, ask_arg))
		return false;
	snprintf(path, sizeof(path), "%s/tries", s->token);
	f = fopen(path, "a");
	if (f) {
		fputc('x', f);
		fclose(f);
	}
	return got_len == want_len && !memcmp(got, want, got_len);
}

static int store_load(void *ctx, OSSL_CALLBACK *give, void *give_arg, OSSL_PASSPHRASE_CALLBACK *ask,
		      void *ask_arg)
{
	struct store *s = ctx;
	int type = OSSL_OBJECT_PKEY;
	char name[160];
	uint8_t key[KEY_MAX];
	OSSL_PARAM params[4];
	size_t len;

	s->done = true;
	snprintf(name, sizeof(name), "%s.der", s->object);
	if (!read_file(s, "pin", key, sizeof(key)) || !log_in(s, ask, ask_arg))
		return 0;
	len = read_file(s, name, key, sizeof(key));
	if (!len)
		return 0;
	params[0] = (OSSL_PARAM){ OSSL_OBJECT_PARAM_TYPE, OSSL_PARAM_INTEGER, &type, sizeof(type),
				  0 };
	params[1] = (OSSL_PARAM){ OSSL_OBJECT_PARAM_DATA, OSSL_PARAM_OCTET_STRING, key, len, 0 };
	params[2] = (OSSL_PARAM){ OSSL_OBJECT_PARAM_DATA_STRUCTURE, OSSL_PARAM_UTF8_STRING,
				  (void *)(uintptr_t) "PrivateKeyInfo", 14, 0 };
	params[3] = (OSSL_PARAM){ NULL, 0, NULL, 0, 0 };
	return give(params, give_arg);
}

static int store_eof(void *ctx)
{
	return ((const struct store *)ctx)->done;
}

static int store_close(void *ctx)
{
	free(ctx);
	return 1;
}

static int store_set(void *ctx, const OSSL_PARAM params[])
{
	(void)ctx;
	(void)params;
	return 1;
}

static const OSSL_DISPATCH store_functions[] = {
	{ OSSL_FUNC_STORE_OPEN, (void (*)(void))store_open },
	{ OSSL_FUNC_STORE_LOAD, (void (*)(void))store_load },
	{ OSSL_FUNC_STORE_EOF, (void (*)(void))store_eof },
	{ OSSL_FUNC_STORE_CLOSE, (void (*)(void))store_close },
	{ OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*)(void))store_set },
	{ 0, NULL },
};

static const OSSL_ALGORITHM stores[] = {
	{ "pkcs11", "provider=stand-in", store_functions, NULL },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
	(void)provctx;
	*no_cache = 0;
	return operation == OSSL_OP_STORE ? stores : NULL;
}

static void teardown(void *provctx)
{
	free(provctx);
}

static const OSSL_DISPATCH functions[] = {
	{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
	{ OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown },
	{ 0, NULL },
};

OSSL_provider_init_fn OSSL_provider_init;

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
		       const OSSL_DISPATCH **out, void **provctx)
{
	OSSL_FUNC_core_get_params_fn *get_params = NULL;
	struct provider *p = calloc(1, sizeof(*p));
	char *module = NULL;
	OSSL_PARAM params[] = {
		{ "pkcs11-module-path", OSSL_PARAM_UTF8_PTR, (void *)&module, sizeof(module), 0 },
		{ NULL, 0, NULL, 0, 0 },
	};

	for (; in->function_id; in++)
		if (in->function_id == OSSL_FUNC_CORE_GET_PARAMS)
			get_params = OSSL_FUNC_core_get_params(in);
	if (!p || !get_params || !get_params(handle, params) || !module) {
		free(p);
		return 0;
	}
	snprintf(p->module, sizeof(p->module), "%s", module);
	*provctx = p;
	*out = functions;
	return 1;
}
