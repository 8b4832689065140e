/* SPDX-License-Identifier: MIT */
/*
 * config.h - what tlsockd.conf says, with every key and certificate loaded
 *
 * Made whole or not at all by config_load(), never changed afterwards. The supervisor makes it,
 * the workers inherit it by fork, so a worker needs no file. Must never be built from anything
 * but the administrator's files.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "access.h"
#include "handshake/handshake.h"
#include "keeper.h"
#include "tickets.h"

#define CONFIG_DEFAULT_PATH "/etc/tlsockd.conf"
#define CONFIG_ERROR_SIZE 1024

struct credential {
	char *name;
	struct hs_credential *object;
	struct access access;
};

struct trust {
	char *name;
	struct hs_trust *object;
	struct access access;
};

struct code_list {
	uint16_t codes[HS_MAX_LIST];
	size_t count; /* 0: the engine's default */
};

struct profile {
	char *name;
	struct code_list suites;
	struct code_list groups;
	struct code_list schemes;
	uint16_t min_version; /* HS_TLS_1_2 or HS_TLS_1_3 */
	uint16_t max_version;
	bool grease;
	bool legacy; /* it is the one of that name: suites without forward secrecy may be in it */
};

/* Of the network namespace; -1: leave what the kernel has. */
struct limits {
	int64_t grace_ms;
	int64_t handshakes;
	int64_t handshakes_per_uid;
	int64_t handshakes_per_listener;
};

/* Session tickets of servers */
struct ticket_policy {
	bool issue;
	uint32_t lifetime; /* seconds */
	int64_t rotate; /* seconds; of keys that are made here */
	struct ticket_files files; /* of a folder, or none */
};

struct config {
	struct keeper *keeper; /* of keys in tokens; NULL: there are none */
	struct credential *credentials; /* "default" first, the others as in the file */
	size_t credential_count;
	struct trust *trusts;
	size_t trust_count;
	struct profile *profiles;
	size_t profile_count;
	struct limits limits;
	struct ticket_policy tickets;
	bool sessions; /* clients keep them */
	int log_level;
	unsigned int workers; /* 0: one for each core */
	bool has_user; /* workers change to it */
	uid_t uid;
	gid_t gid;
};

/*
 * Returns the configuration, or NULL with "file:line: reason" in @error, CONFIG_ERROR_SIZE
 * bytes. The trust store "system" and the profiles "default" and "modern" are there even if the
 * file has none, the store only if this system has one.
 */
struct config *config_load(const char *path, char *error);
void config_free(struct config *config); /* wipes; takes NULL */

/* By name; NULL: no such. */
const struct credential *config_credential(const struct config *config, const char *name);
const struct trust *config_trust(const struct config *config, const char *name);
const struct profile *config_profile(const struct config *config, const char *name);

/* When its certificate expires, in words: "valid until 2027-01-01 00:00:00 UTC (34 days)". Returns @out. */
#define CREDENTIAL_EXPIRY_SIZE 96
const char *credential_expiry(const struct credential *c, char out[CREDENTIAL_EXPIRY_SIZE]);

/* The lists of @profile, which @out then borrows. */
void config_use_profile(const struct profile *profile, struct hs_config *out);

#endif
