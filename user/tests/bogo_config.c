// SPDX-License-Identifier: MIT
/*
 * bogo_config.c - from the runner's options to an engine's configuration
 *
 * See bogo_config.h.
 */
#include "bogo_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <openssl/evp.h>

#include "crypto.h"
#include "parameters.h"

#define FILE_MAX (1 << 20)

struct shim_store saved;

static const uint16_t all_suites[] = {
	HS_AES_128_GCM_SHA256,
	HS_AES_256_GCM_SHA384,
	HS_CHACHA20_POLY1305_SHA256,
	HS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	HS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	HS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	HS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	HS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	HS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	HS_RSA_WITH_AES_128_GCM_SHA256,
	HS_RSA_WITH_AES_256_GCM_SHA384,
};

/* --- callbacks --- */

static int fill_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	return getrandom(out, len, 0) == (ssize_t)len ? 0 : -1;
}

static int64_t tell_time(void *ctx)
{
	(void)ctx;
	return time(NULL) + saved.clock_ahead;
}

static int give_ticket_key(void *ctx, bool seal, uint8_t *name, uint8_t *key)
{
	(void)ctx;
	if (!seal && (name[0] != 'b' || name[1]))
		return -1;
	memset(name, 0, HS_TICKET_NAME_LEN);
	name[0] = 'b';
	memset(key, 7, HS_TICKET_KEY_LEN);
	return 0;
}

static void keep_session(void *ctx, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	if (len > sizeof(saved.session))
		return;
	memcpy(saved.session, bytes, len);
	saved.session_len = len;
	saved.got_session = true;
}

/* Sessions by id: the last one is enough. */
static void keep_by_id(void *ctx, const uint8_t *id, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	memcpy(saved.id, id, HS_SESSION_ID_LEN);
	memcpy(saved.session, bytes, len);
	saved.session_len = len;
}

static int find_by_id(void *ctx, const uint8_t *id, uint8_t *out)
{
	(void)ctx;
	if (!saved.session_len || memcmp(saved.id, id, HS_SESSION_ID_LEN) != 0)
		return -1;
	memcpy(out, saved.session, saved.session_len);
	return (int)saved.session_len;
}

/* --- files --- */

uint8_t *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	uint8_t *bytes = malloc(FILE_MAX);

	if (!f || !bytes) {
		fprintf(stderr, "%s cannot be read\n", path);
		free(bytes);
		bytes = NULL;
	} else {
		*len = fread(bytes, 1, FILE_MAX, f);
	}
	if (f)
		fclose(f);
	return bytes;
}

size_t read_base64(const char *text, uint8_t *out, size_t size)
{
	size_t len = strlen(text);
	int n = -1;

	if (len / 4 * 3 <= size)
		n = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
	for (size_t i = len; n > 0 && i > 0 && text[i - 1] == '='; i--)
		n--;
	return n > 0 ? (size_t)n : 0;
}

static bool set_staple(struct hs_credential *c, const char *text)
{
	uint8_t bytes[4096];
	size_t len = text ? read_base64(text, bytes, sizeof(bytes)) : 0;

	return !text || (len && hs_credential_set_staple(c, bytes, len) == 0);
}

static struct hs_credential *load_credential(const struct option_credential *from)
{
	size_t chain_len = 0, key_len = 0;
	uint8_t *chain = read_file(from->cert_file, &chain_len);
	uint8_t *key = read_file(from->key_file ? from->key_file : from->cert_file, &key_len);
	struct hs_credential *credential = NULL;
	char text[HS_MAX_TEXT] = "";

	if (chain && key)
		credential = hs_credential_new_pem(chain, chain_len, key, key_len, text);
	if (!credential)
		fprintf(stderr, "%s: %s\n", from->cert_file, text);
	free(chain);
	free(key);
	return credential;
}

/* In the runner's order: those it added, then the default. */
static bool load_credentials(struct shim_config *s, const struct bogo_options *o)
{
	for (size_t i = 1; i <= o->credential_count + 1; i++) {
		size_t from = i % (o->credential_count + 1), to = s->config.credential_count;

		if (!o->credentials[from].cert_file)
			continue;
		s->credentials[to] = load_credential(&o->credentials[from]);
		if (!s->credentials[to] ||
		    !set_staple(s->credentials[to], o->credentials[from].ocsp_response))
			return false;
		s->credential_number[to] = (int)from - 1;
		s->config.credential_count++;
	}
	s->config.credentials = s->credentials;
	return true;
}

static bool load_trust(struct shim_config *s, const struct bogo_options *o)
{
	char text[HS_MAX_TEXT] = "";
	uint8_t *pem;
	size_t len;
	int n;

	s->config.trust = hs_trust_new();
	if (!o->trust_cert || !*o->trust_cert || o->verify_fail)
		return s->config.trust;
	pem = read_file(o->trust_cert, &len);
	n = pem ? hs_trust_add_pem(s->config.trust, pem, len, text) : -1;
	if (n < 0)
		fprintf(stderr, "%s: %s\n", o->trust_cert, text);
	free(pem);
	return n > 0;
}

/* --- what is agreed --- */

static bool set_versions(struct hs_config *c, const struct bogo_options *o)
{
	uint64_t min = o->min_version, max = o->max_version;

	if (!max || max > HS_TLS_1_3)
		max = HS_TLS_1_3;
	if (o->no_tls13 && max == HS_TLS_1_3)
		max = HS_TLS_1_2;
	if (min < HS_TLS_1_2)
		min = HS_TLS_1_2;
	if (o->no_tls12 && min == HS_TLS_1_2)
		min = HS_TLS_1_3;
	if (min > max) {
		fprintf(stderr, "versions that the engine does not speak\n");
		return false;
	}
	c->min_version = (uint16_t)min;
	c->max_version = (uint16_t)max;
	return true;
}

/* Whether there is an ML-KEM is libcrypto's to say. */
static const char *group_name(uint16_t code)
{
	const struct group *group = group_find(code);

	return group && crypto_init() == 0 && crypto_has_group(group) ? group->name : "?";
}

static bool set_list(const struct option_list *from, uint16_t *to, size_t *count,
		     const char *(*name)(uint16_t))
{
	for (size_t i = 0; i < from->count; i++) {
		if (!strcmp(name(from->value[i]), "?")) {
			fprintf(stderr, "code point %u is nothing the engine knows\n",
				from->value[i]);
			return false;
		}
		to[i] = from->value[i];
	}
	*count = from->count;
	return true;
}

static bool scheme_listed(const struct shim_config *s, uint16_t scheme)
{
	for (size_t i = 0; i < s->config.scheme_count; i++)
		if (s->schemes[i] == scheme)
			return true;
	return false;
}

/*
 * The engine has one list of schemes, for its own signatures and the peer's. The runner's own
 * key is RSA: where the shim signs and verifies, as a client does, that has to stay.
 */
static bool set_schemes(struct shim_config *s, const struct bogo_options *o)
{
	static const uint16_t rsa[] = { HS_RSA_PSS_RSAE_SHA256, HS_RSA_PKCS1_SHA256 };
	const struct option_list *list = &o->verify_prefs;

	if (o->verify_prefs.count && o->signing_prefs.count) {
		fprintf(stderr, "two lists of signature schemes\n");
		return false;
	}
	if (o->signing_prefs.count)
		list = &o->signing_prefs;
	s->config.schemes = s->schemes;
	if (!set_list(list, s->schemes, &s->config.scheme_count, hs_scheme_name))
		return false;
	if (list->count && o->server == (list == &o->verify_prefs))
		for (size_t i = 0; i < 2; i++)
			if (!scheme_listed(s, rsa[i]))
				s->schemes[s->config.scheme_count++] = rsa[i];
	return true;
}

/* Names of suites, each alone. */
static bool set_suites(struct shim_config *s, const struct bogo_options *o)
{
	char *copy, *rest, *name;
	uint16_t suite = 1;

	s->config.suites = s->suites;
	memcpy(s->suites, all_suites, sizeof(all_suites));
	s->config.suite_count = sizeof(all_suites) / sizeof(all_suites[0]);
	if (!o->cipher)
		return true;
	copy = rest = strdup(o->cipher);
	s->config.suite_count = 3; /* those of TLS 1.3 stay */
	while (suite && (name = strsep(&rest, ":"))) {
		suite = hs_suite_by_name(name);
		if (suite && s->config.suite_count < OPTION_LIST_MAX)
			s->suites[s->config.suite_count++] = suite;
	}
	free(copy);
	if (!suite)
		fprintf(stderr, "suites that the engine does not have\n");
	return suite;
}

static void set_alpn(struct shim_config *s, const struct bogo_options *o)
{
	const char *only = o->reject_alpn ? "a protocol of no client" : o->select_alpn;

	if (!o->server && o->advertise_alpn) {
		s->config.alpn = (const uint8_t *)o->advertise_alpn;
		s->config.alpn_len = strlen(o->advertise_alpn);
	}
	if (!o->server || o->decline_alpn || !only || strlen(only) > HS_MAX_ALPN)
		return;
	s->alpn[0] = (uint8_t)strlen(only);
	memcpy(s->alpn + 1, only, strlen(only));
	s->config.alpn = s->alpn;
	s->config.alpn_len = 1 + strlen(only);
}

/*
 * A client of the runner's judges a chain always, and minds when told to. The runner's
 * certificates are for the name "test".
 */
static void set_verification(struct shim_config *s, const struct bogo_options *o)
{
	struct hs_config *c = &s->config;

	c->no_staple = !o->enable_ocsp_stapling;
	if (!o->server) {
		c->server_name = o->host_name;
		c->verify = o->verify_peer ? HS_VERIFY_REQUIRED : HS_VERIFY_OPTIONAL;
		/* the runner's OCSP responses are four bytes of anything */
		if (o->enable_ocsp_stapling && !o->verify_fail)
			c->verify = HS_VERIFY_OPTIONAL;
		if (o->verify_peer && !o->host_name)
			c->server_name = "test";
	} else if (o->require_any_client_certificate || (o->verify_peer && o->verify_fail)) {
		c->verify = HS_VERIFY_REQUIRED;
	} else {
		c->verify = o->verify_peer ? HS_VERIFY_OPTIONAL : HS_VERIFY_NONE;
	}
}

static void set_sessions(struct shim_config *s, const struct bogo_options *o, bool resume)
{
	saved.got_session = false;
	if (o->server) {
		s->config.ticket_key = o->no_ticket ? NULL : give_ticket_key;
		s->config.session_keep = keep_by_id;
		s->config.session_find = find_by_id;
		return;
	}
	if (o->no_ticket)
		return;
	s->config.session_new = keep_session;
	if (resume) {
		s->config.session = saved.session;
		s->config.session_len = saved.session_len;
	}
}

bool shim_configure(struct shim_config *s, const struct bogo_options *o, bool resume)
{
	struct hs_config *c = &s->config;

	memset(s, 0, sizeof(*s));
	c->random = fill_random;
	c->now = tell_time;
	c->groups = s->groups;
	c->plain_master_secret = true;
	c->legacy = true;
	c->grease = o->enable_grease;
	set_alpn(s, o);
	set_verification(s, o);
	set_sessions(s, o, resume);
	return set_versions(c, o) && set_suites(s, o) && set_schemes(s, o) &&
	       set_list(&o->curves, s->groups, &c->group_count, group_name) &&
	       load_credentials(s, o) && load_trust(s, o);
}

void shim_config_release(struct shim_config *s)
{
	for (size_t i = 0; i < s->config.credential_count; i++)
		hs_credential_unref(s->credentials[i]);
	hs_trust_unref(s->config.trust);
}
