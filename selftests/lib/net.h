/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net.h: connected pairs on loopback, with tlsock on one end or on both.
 */
#ifndef SELFTESTS_LIB_NET_H
#define SELFTESTS_LIB_NET_H

#include "common.h"
#include "record.h"

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t len;
};

struct pair {
	int l, c, s; /* listener, client, server; -1 when closed */
	struct rec_key ctx, crx; /* of the client: how it sends, how it receives */
	struct rec_key stx, srx; /* of the server */
};

/* Loopback address of a family with a port (0: any). */
struct addr addr_of(int family, uint16_t port);
struct addr addr_mapped(uint16_t port);

/* A listener on loopback and its address: fd or -1. tls: the ULP and the credential "test". */
int listen_on(int family, bool tls, struct addr *addr);

/* A fresh TCP socket; with tls the ULP is attached and the server name is "name.test". */
int socket_new(int family, bool tls);

/* The longest packet of the loopback, for a test that needs many of them: 0 or -1. */
int lo_mtu_set(int mtu);

/* What any pair starts from. */
void pair_init(struct pair *p, uint16_t version, uint16_t suite);

/* Both ends plain TCP: 0 or -1. */
int pair_plain(struct pair *p);

/* Both ends tlsock with the keys of key_of() set by TLS_TX and TLS_RX: 0 or -1. */
int pair_manual(struct pair *p, uint16_t version, uint16_t suite);

/* The server alone has them set; the client is a raw TCP socket that knows them: 0 or -1. */
int pair_manual_server(struct pair *p, uint16_t version, uint16_t suite);

/* Both ends tlsock; a running worker completes them: 0 or -1. */
int pair_tls(struct pair *p, uint16_t suite);

/* Server tlsock, client a raw TCP socket that knows the keys; the worker's script is brief. */
int pair_raw_client(struct pair *p, uint16_t suite);

/* Client tlsock, server a raw TCP socket that knows the keys; the worker's script is brief. */
int pair_raw_server(struct pair *p, uint16_t suite);

/* A client on the ULP to whose SYN nobody answers: its state is CONNECTING. 0, or -1. */
int pair_connecting(struct pair *p);

/* A client on the ULP and a plain peer, the handshake begun and not waited for. 0, or -1. */
int pair_handshake(struct pair *p);

/* A KeyUpdate with this value from the raw client, whose next record has the next key: 0 or -1. */
int pair_key_update(struct pair *p, uint8_t value);

void pair_close(struct pair *p);

/* TCP_ESTABLISHED and so on; -1 with errno. */
int tcp_state(int fd);

/* Close a socket with RST; *fd becomes -1. */
void reset(int *fd);

/* Set a key by TLS_TX or TLS_RX: 0 or -1 with errno. */
int key_set(int fd, int opt, const struct rec_key *k);

#endif
