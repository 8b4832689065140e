/* SPDX-License-Identifier: MIT */
/*
 * interop.h - what the tests against other implementations share
 *
 * Certificates on disk, loopback sockets, and the command lines that make openssl and
 * GnuTLS do what a test wishes for. It must never write outside of its own folder.
 */
#ifndef TESTS_INTEROP_H
#define TESTS_INTEROP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity.h"
#include "link.h"
#include "pair.h"

#define ARGS_MAX 40

extern char interop_folder[];

struct wish {
	const char *what;
	enum key_type key; /* of the server's certificate */
	uint16_t suite, group; /* 0: default */
	uint16_t first_group; /* the client's first, for a HelloRetryRequest */
	bool client_certificate;
	bool alpn;
	uint16_t version; /* 0: TLS 1.3 */
};

/* The configuration of our side. */
struct ours {
	struct hs_config config;
	struct hs_credential *credential;
	uint16_t groups[3];
};

/* Keys and certificates valid now: the peers go by the real clock. */
void make_identities(void);
void remove_identities(void);
/* A socket that listens on loopback, and its port. */
int listen_loopback(uint16_t *port);
int connect_loopback(uint16_t port);
void ours_init(struct ours *o, const struct wish *w, enum hs_role role);
void ours_release(struct ours *o);

/* The arguments for @argv; @scratch takes what has to be put together. */
void openssl_client_args(const char **argv, const struct wish *w, const char *address, char *groups,
			 size_t size);
void gnutls_client_args(const char **argv, const struct wish *w, const char *port, char *priority,
			size_t size);
void openssl_server_args(const char **argv, const struct wish *w, const char *address);
void gnutls_server_args(const char **argv, const struct wish *w, const char *port, char *priority,
			size_t size);

#endif
