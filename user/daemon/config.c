// SPDX-License-Identifier: MIT
/*
 * config.c - looks names up in a configuration, and frees one; see config.h
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct credential *config_credential(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->credential_count; i++)
		if (!strcmp(config->credentials[i].name, name))
			return &config->credentials[i];
	return NULL;
}

const struct trust *config_trust(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->trust_count; i++)
		if (!strcmp(config->trusts[i].name, name))
			return &config->trusts[i];
	return NULL;
}

const struct profile *config_profile(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->profile_count; i++)
		if (!strcmp(config->profiles[i].name, name))
			return &config->profiles[i];
	return NULL;
}

void config_use_profile(const struct profile *profile, struct hs_config *out)
{
	out->suites = profile->suites.codes;
	out->suite_count = profile->suites.count;
	out->groups = profile->groups.codes;
	out->group_count = profile->groups.count;
	out->schemes = profile->schemes.codes;
	out->scheme_count = profile->schemes.count;
	out->min_version = profile->min_version;
	out->max_version = profile->max_version;
	out->grease = profile->grease;
	out->legacy = profile->legacy;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->credential_count; i++) {
		free(config->credentials[i].name);
		hs_credential_unref(config->credentials[i].object);
		access_clear(&config->credentials[i].access);
	}
	keeper_free(config->keeper, false);
	for (size_t i = 0; i < config->trust_count; i++) {
		free(config->trusts[i].name);
		hs_trust_unref(config->trusts[i].object);
		access_clear(&config->trusts[i].access);
	}
	for (size_t i = 0; i < config->profile_count; i++)
		free(config->profiles[i].name);
	free(config->credentials);
	free(config->trusts);
	free(config->profiles);
	explicit_bzero(&config->tickets, sizeof(config->tickets));
	free(config);
}

const char *credential_expiry(const struct credential *c, char out[CREDENTIAL_EXPIRY_SIZE])
{
	time_t until = (time_t)hs_credential_expires(c->object), now = time(NULL);
	char text[32] = "?";
	struct tm tm;

	if (gmtime_r(&until, &tm))
		strftime(text, sizeof(text), "%F %T", &tm);
	snprintf(out, CREDENTIAL_EXPIRY_SIZE, "%s %s UTC (%ld days)",
		 until < now ? "EXPIRED since" : "valid until", text, (long)(until - now) / 86400);
	return out;
}
