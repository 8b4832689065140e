/* SPDX-License-Identifier: MIT */
/*
 * preload.h - what the files of the library behind `tlsock exec` share
 *
 * The library is loaded into programs that know nothing of it. It must never print more than a line,
 * never change what a call means for a socket that is not TCP, and never let a connection that was
 * to be TLS go on without.
 */
#ifndef PRELOAD_PRELOAD_H
#define PRELOAD_PRELOAD_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "tlsock.h"

/* What `tlsock exec` tells its program and all that come from it; PRELOAD_ROLE turns it on. */
#define PRELOAD_ROLE "TLSOCK_EXEC_ROLE" /* "client", "server" or "both" */
#define PRELOAD_NAME "TLSOCK_EXEC_SERVER_NAME"
#define PRELOAD_CREDENTIAL "TLSOCK_EXEC_CREDENTIAL"
#define PRELOAD_TRUST "TLSOCK_EXEC_TRUST"
#define PRELOAD_PROFILE "TLSOCK_EXEC_PROFILE"
#define PRELOAD_ALPN "TLSOCK_EXEC_ALPN"
#define PRELOAD_VERIFY "TLSOCK_EXEC_VERIFY" /* a number of enum tlsock_verify */
#define PRELOAD_EOF "TLSOCK_EXEC_EOF" /* likewise */
#define PRELOAD_TIMEOUT "TLSOCK_EXEC_TIMEOUT_MS"
#define PRELOAD_PORTS "TLSOCK_EXEC_PORTS" /* "443,8443"; not set: all but 53 */

#define PRELOAD_PORTS_MAX 64

struct preload {
	bool client;
	bool server;
	bool broken; /* what was told makes no sense: nothing may connect */
	struct tlsock_options options;
	size_t port_count;
	unsigned short ports[PRELOAD_PORTS_MAX];
};

/* Read from the environment once, when the program starts: it may change that later. */
const struct preload *preload_settings(void);

/* Are connections to or at this port (host order) to be TLS? */
bool preload_port(const struct preload *settings, unsigned int port);

/* names.c: which host an address was looked up for, so that a client knows whom to verify. */
void names_remember(const char *host, const struct addrinfo *list);
/* The host, or the address itself in digits; false: neither fits. */
bool names_recall(const struct sockaddr *address, socklen_t len, char *name, size_t size);

#endif
