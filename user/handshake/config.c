// SPDX-License-Identifier: MIT
/*
 * config.c - what a connection may do: copy, defaults, sanity
 *
 * The policy side of RFC 8446 section 4.1: suites, groups and schemes in order of
 * preference, names, credentials. It must never widen what the caller asked for, and a
 * client that was told nothing verifies.
 */
#include "engine.h"

#include <stdlib.h>

static const uint16_t default_suites[] = {
	HS_AES_128_GCM_SHA256,
	HS_AES_256_GCM_SHA384,
	HS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	HS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	HS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	HS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	/* with @legacy */
	HS_RSA_WITH_AES_128_GCM_SHA256,
	HS_RSA_WITH_AES_256_GCM_SHA384,
};

#define LEGACY_SUITES 2 /* at the end of the list */

static const uint16_t default_groups[] = { HS_X25519MLKEM768, HS_X25519, HS_SECP256R1,
					   HS_SECP384R1 };

static const uint16_t default_schemes[] = {
	HS_ECDSA_SECP256R1_SHA256, HS_ED25519,
	HS_ECDSA_SECP384R1_SHA384, HS_RSA_PSS_RSAE_SHA256,
	HS_RSA_PSS_RSAE_SHA384,	   HS_RSA_PSS_RSAE_SHA512,
	HS_RSA_PSS_PSS_SHA256,	   HS_RSA_PSS_PSS_SHA384,
	HS_RSA_PSS_PSS_SHA512,	   HS_RSA_PKCS1_SHA256,
	HS_RSA_PKCS1_SHA384,	   HS_RSA_PKCS1_SHA512,
};

#define ADDRESS_TEXT_MAX 45 /* the longest textual IPv6 address */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Only those of a version that is wanted; the range shrinks to versions that have a suite. */
static int copy_suites(struct config *to, const struct hs_config *from)
{
	uint16_t min = from->min_version ? from->min_version : HS_TLS_1_3;
	uint16_t max = from->max_version ? from->max_version : HS_TLS_1_3;
	const uint16_t *list = from->suites;
	size_t count = from->suite_count;

	if (!count) {
		list = default_suites;
		count = COUNT(default_suites) - (from->legacy ? 0 : LEGACY_SUITES);
	}
	for (size_t i = 0; i < count; i++) {
		const struct suite *suite = suite_find(list[i]);

		if (!suite || i == HS_MAX_LIST || suite_index(to, list[i]) >= 0)
			return -EINVAL;
		if (suite->exchange == EXCHANGE_RSA && !from->legacy)
			return -EINVAL;
		if (suite->version < min || suite->version > max)
			continue;
		if (!to->suite_count || suite->version < to->min_version)
			to->min_version = suite->version;
		if (suite->version > to->max_version)
			to->max_version = suite->version;
		to->suites[to->suite_count++] = suite;
	}
	return to->suite_count ? 0 : -EINVAL;
}

static int copy_groups(struct config *to, const uint16_t *list, size_t count)
{
	if (!count) {
		list = default_groups;
		count = COUNT(default_groups);
	}
	for (size_t i = 0; i < count; i++) {
		const struct group *group = group_find(list[i]);

		if (!group || i == HS_MAX_LIST || group_index(to, list[i]) >= 0)
			return -EINVAL;
		if (crypto_has_group(group))
			to->groups[to->group_count++] = group;
	}
	return to->group_count ? 0 : -EINVAL;
}

static int copy_schemes(struct config *to, const uint16_t *list, size_t count)
{
	if (!count) {
		list = default_schemes;
		count = COUNT(default_schemes);
	}
	for (size_t i = 0; i < count; i++) {
		const struct scheme *scheme = scheme_find(list[i]);

		if (!scheme || i == HS_MAX_LIST || scheme_index(to, list[i]) >= 0)
			return -EINVAL;
		to->schemes[to->scheme_count++] = scheme;
	}
	return 0;
}

static int copy_credentials(struct config *to, struct hs_credential *const *from, size_t count)
{
	if (!count)
		return 0;
	to->credentials = calloc(count, sizeof(*to->credentials));
	if (!to->credentials)
		return -ENOMEM;
	for (; to->credential_count < count; to->credential_count++)
		to->credentials[to->credential_count] = hs_credential_ref(
			from[to->credential_count]);
	return 0;
}

/* "example.com." and "example.com" are one name; SNI and certificates have no final dot. */
static char *copy_name(const char *name)
{
	size_t len = strlen(name);

	if (len > 1 && name[len - 1] == '.')
		len--;
	return strndup(name, len);
}

static int copy_bytes(uint8_t **to, size_t *to_len, const uint8_t *from, size_t len)
{
	if (!len)
		return 0;
	*to = malloc(len);
	if (!*to)
		return -ENOMEM;
	memcpy(*to, from, len);
	*to_len = len;
	return 0;
}

static int copy_session(struct config *to, const struct hs_config *from)
{
	int rc = copy_bytes(&to->session_context, &to->session_context_len, from->session_context,
			    from->session_context_len);

	to->ticket_key = from->ticket_key;
	to->ticket_lifetime = from->ticket_lifetime;
	to->session_new = from->session_new;
	to->session_keep = from->session_keep;
	to->session_find = from->session_find;
	to->psk = from->psk;
	if (rc == 0)
		rc = copy_bytes(&to->session, &to->session_len, from->session, from->session_len);
	return rc;
}

static bool known_version(uint16_t version)
{
	return !version || version == HS_TLS_1_2 || version == HS_TLS_1_3;
}

static bool known_limit(uint16_t limit)
{
	return !limit || (limit >= RECORD_LIMIT_MIN && limit <= HS_MAX_PAYLOAD + 1);
}

int config_copy(struct config *to, const struct hs_config *from, enum hs_role role)
{
	int rc = -EINVAL;

	if (!from->random || !from->now || !known_version(from->min_version) ||
	    !known_version(from->max_version) || !known_limit(from->record_limit))
		return rc;
	to->random = from->random;
	to->now = from->now;
	to->secret = from->secret;
	to->ctx = from->ctx;
	to->trust = hs_trust_ref(from->trust);
	to->verify = from->verify;
	to->unmatched = from->unmatched;
	to->name_authorities = from->name_authorities && from->trust;
	if (to->verify == HS_VERIFY_DEFAULT)
		to->verify = role == HS_CLIENT ? HS_VERIFY_REQUIRED : HS_VERIFY_NONE;
	to->ask_staple = !from->no_staple && to->verify != HS_VERIFY_NONE && role == HS_CLIENT;
	to->grease = from->grease && role == HS_CLIENT;
	to->plain_master_secret = from->plain_master_secret;
	to->record_limit = from->record_limit ? from->record_limit : HS_MAX_PAYLOAD + 1;
	rc = copy_suites(to, from);
	if (rc == 0)
		rc = copy_groups(to, from->groups, from->group_count);
	if (rc == 0)
		rc = copy_schemes(to, from->schemes, from->scheme_count);
	if (rc == 0)
		rc = copy_credentials(to, from->credentials, from->credential_count);
	if (rc == 0 && role == HS_CLIENT && from->server_name && *from->server_name) {
		to->server_name = copy_name(from->server_name);
		if (!to->server_name)
			return -ENOMEM;
		to->name_is_address = strlen(to->server_name) <= ADDRESS_TEXT_MAX &&
				      name_is_address(to->server_name);
	}
	if (rc == 0)
		rc = copy_bytes(&to->alpn, &to->alpn_len, from->alpn, from->alpn_len);
	if (rc == 0)
		rc = copy_session(to, from);
	return rc;
}

void config_release(struct config *c)
{
	if (c->session)
		explicit_bzero(c->session, c->session_len);
	free(c->session);
	free(c->session_context);
	for (size_t i = 0; i < c->credential_count; i++)
		hs_credential_unref(c->credentials[i]);
	free(c->credentials);
	hs_trust_unref(c->trust);
	free(c->server_name);
	free(c->alpn);
	*c = (struct config){ 0 };
}

enum hs_place hs_suite_place(uint16_t suite)
{
	const struct suite *s = suite_find(suite);

	if (!s)
		return HS_PLACE_NONE;
	if (s->exchange == EXCHANGE_RSA)
		return HS_PLACE_LEGACY;
	for (size_t i = 0; i < COUNT(default_suites); i++)
		if (default_suites[i] == suite)
			return HS_PLACE_DEFAULT;
	return HS_PLACE_NAMED;
}

int suite_index(const struct config *c, uint16_t code)
{
	for (size_t i = 0; i < c->suite_count; i++)
		if (c->suites[i]->code == code)
			return (int)i;
	return -1;
}

int group_index(const struct config *c, uint16_t code)
{
	for (size_t i = 0; i < c->group_count; i++)
		if (c->groups[i]->code == code)
			return (int)i;
	return -1;
}

int scheme_index(const struct config *c, uint16_t code)
{
	for (size_t i = 0; i < c->scheme_count; i++)
		if (c->schemes[i]->code == code)
			return (int)i;
	return -1;
}

static bool is_label_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* RFC 1123 section 2.1, and the underscore that people use. */
static bool is_host_name(const char *name)
{
	size_t len = strlen(name), label = 0;

	if (!len || len > 253)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] == '.' ? label == 0 : !is_label_byte(name[i]))
			return false;
		label = name[i] == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0;
}

/* RFC 7301 section 3.1: names of 1 to 255 bytes */
static bool is_alpn_list(const uint8_t *bytes, size_t len)
{
	struct reader r = reader_over(bytes, len), name;

	while (!reader_done(&r))
		if (!reader_vec8(&r, &name, 1, HS_MAX_ALPN))
			return false;
	return len <= UINT16_MAX - 2;
}

static int check_client(struct hs_engine *e)
{
	const struct config *c = &e->config;

	if (c->server_name && !c->name_is_address && !is_host_name(c->server_name))
		return engine_fail(e, ALERT_INTERNAL_ERROR, EINVAL,
				   "the server name %.253s is neither a host name nor an address",
				   c->server_name);
	if (!c->server_name && c->verify == HS_VERIFY_REQUIRED)
		return engine_fail(e, ALERT_INTERNAL_ERROR, EINVAL,
				   "no server name is set to verify the certificate against");
	return 0;
}

int config_check(struct hs_engine *e)
{
	const struct config *c = &e->config;

	if (!is_alpn_list(c->alpn, c->alpn_len))
		return engine_fail(e, ALERT_INTERNAL_ERROR, EINVAL,
				   "the list of ALPN protocols is malformed");
	if (c->verify == HS_VERIFY_REQUIRED && !c->trust && !c->psk)
		return engine_fail(e, ALERT_INTERNAL_ERROR, ENOKEY,
				   "certificates are to be verified, but there is no trust store");
	if (e->role == HS_CLIENT)
		return check_client(e);
	if (!c->credential_count && !c->psk)
		return engine_fail(e, ALERT_INTERNAL_ERROR, ENOKEY,
				   "a server needs a credential, and there is none");
	return 0;
}
