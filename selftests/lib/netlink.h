/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netlink.h: generic netlink by hand, as a handshake worker speaks it (part 2 of the UAPI header).
 * By hand, and not through a library, because tests have to send what no library would build.
 */
#ifndef SELFTESTS_LIB_NETLINK_H
#define SELFTESTS_LIB_NETLINK_H

#include "common.h"

/* One message from the kernel to a worker. */
struct event {
	struct event *next;
	int cmd; /* TLSOCK_CMD_CONN_* */
	uint64_t id;
	uint32_t generation;
	uint8_t role, verify, epoch;
	bool more;
	char server_name[256], credential[256], trust[256], profile[256];
	uint8_t alpn[256];
	size_t alpn_len;
	uint32_t uid, gid, pid;
	uint64_t netns;
	struct sockaddr_storage local, peer;
	size_t local_len, peer_len;
	uint64_t stat[TLSOCK_A_MAX + 1]; /* integers by attribute: STATS and LIMITS */
	size_t data_len;
	uint8_t *data; /* follows the struct */
	size_t cookie_len;
	uint8_t *cookie; /* likewise */
};

struct nl {
	int fd;
	uint16_t family;
	uint32_t monitor; /* the number of the multicast group */
	uint32_t seq;
	bool doorbell; /* one came and no PULL since */
	char extack[256]; /* the kernel's words for the last error; empty if none */
	struct event *head, **tail; /* not yet taken */
	uint8_t *buf;
};

/* A message being built. */
struct msg {
	uint8_t *buf;
	size_t len, cap;
	size_t nest[4];
	int depth;
};

/* Open a socket and find the family: 0 or -errno. */
int nl_open(struct nl *nl);
void nl_close(struct nl *nl);

void msg_start(struct msg *m, const struct nl *nl, uint8_t cmd);
void msg_dump(struct msg *m); /* ask for a list */
void msg_put(struct msg *m, int type, const void *data, size_t len);
void msg_u8(struct msg *m, int type, uint8_t v);
void msg_u16(struct msg *m, int type, uint16_t v);
void msg_u32(struct msg *m, int type, uint32_t v);
void msg_u64(struct msg *m, int type, uint64_t v);
void msg_str(struct msg *m, int type, const char *v);
void msg_nest(struct msg *m, int type);
void msg_end(struct msg *m);
void msg_free(struct msg *m);

/* Send, then take answers until the ack: 0 or the kernel's -errno. Events queue in nl. */
int nl_send(struct nl *nl, struct msg *m);

/* nl_send() and msg_free(). */
int nl_talk(struct nl *nl, struct msg *m);

/* Send and msg_free(), without waiting for the ack: 0 or -errno. */
int nl_post(struct nl *nl, struct msg *m);

/* Take what lies in the socket now, acks and all; events queue in nl. A loss is no end. */
void nl_drain(struct nl *nl);

int nl_register(struct nl *nl);
int nl_pull(struct nl *nl, uint32_t max_conns, uint32_t max_bytes);

/* Join the multicast group "monitor": 0 or -errno. EVENTs go to nl_take(). */
int nl_monitor(struct nl *nl);

/* CONN_INFO of each handshake in flight, as events to nl_take(): 0 or -errno. */
int nl_dump(struct nl *nl);

/* The next event that has come already, or NULL. */
struct event *nl_take(struct nl *nl);

/* The next event, PULLed as needed, waiting for the doorbell; NULL after ms. Caller frees. */
struct event *nl_next(struct nl *nl, int ms);

/* The next event if it is there after one PULL, else NULL. */
struct event *nl_peek(struct nl *nl);

/* Set one limit of this namespace: 0 or -errno. */
int nl_limit(int attr, uint32_t value);

/* STATS into *out: 0 or -errno. */
int nl_stats(struct nl *nl, struct event *out);

/* Start a PUSH: ID, GENERATION and the open ACTIONS nest. push_send() closes and sends it. */
void push_start(struct msg *m, const struct nl *nl, uint64_t id, uint32_t generation);
void push_data(struct msg *m, uint8_t epoch, uint8_t content_type, const void *data, size_t len);
void push_continue(struct msg *m);
void push_fail(struct msg *m, uint32_t err, int alert, const char *text);
int push_send(struct nl *nl, struct msg *m);

#endif
