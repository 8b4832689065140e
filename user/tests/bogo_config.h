/* SPDX-License-Identifier: MIT */
/*
 * bogo_config.h - from the runner's options to an engine's configuration
 *
 * Also the session store, the ticket key and the clock of the shim, which are one for all
 * connections of a run.
 */
#ifndef TESTS_BOGO_CONFIG_H
#define TESTS_BOGO_CONFIG_H

#include "bogo_options.h"
#include "handshake.h"

struct shim_config {
	struct hs_config config;
	struct hs_credential *credentials[OPTION_CREDENTIALS_MAX];
	int credential_number[OPTION_CREDENTIALS_MAX]; /* as the runner counts; -1: the default */
	uint16_t suites[OPTION_LIST_MAX], groups[OPTION_LIST_MAX], schemes[OPTION_LIST_MAX];
	uint8_t alpn[HS_MAX_ALPN + 1];
};

/* The session that a client was given, or that a server keeps by its id. */
struct shim_store {
	uint8_t session[HS_MAX_SESSION];
	size_t session_len;
	uint8_t id[HS_SESSION_ID_LEN];
	bool got_session; /* in this connection */
	int64_t clock_ahead; /* seconds */
};

extern struct shim_store saved;

/* False: what is asked for is nothing that the engine offers; it has been told on stderr. */
bool shim_configure(struct shim_config *s, const struct bogo_options *o, bool resume);
void shim_config_release(struct shim_config *s);

/* Bytes of @text in @out; 0: none */
size_t read_base64(const char *text, uint8_t *out, size_t size);

/* A whole file, malloc()ed; NULL: told on stderr. */
uint8_t *read_file(const char *path, size_t *len);

#endif
