/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * crowd.h: thousands of connections of one process to itself, both ends non-blocking in one epoll set.
 * Every byte tells which connection it belongs to and where, and both ends look at it. It must never
 * give up a connection without counting it.
 */
#ifndef SELFTESTS_LIB_CROWD_H
#define SELFTESTS_LIB_CROWD_H

#include "common.h"

#define CROWD_ERRNOS 8

/* How often a thing failed, by errno. */
struct tally {
	struct {
		int error;
		unsigned int times;
	} of[CROWD_ERRNOS];
	unsigned int sum;
};

struct bytes {
	uint64_t sent, received;
};

enum crowd_kind {
	CROWD_STANDING, /* stays, and carries data */
	CROWD_PASSING, /* a handshake, a few bytes, the end; then the next */
	CROWD_SILENT, /* TCP alone, that says at most a ClientHello to a server of TLS */
	CROWD_KINDS,
};

struct peer;

struct crowd {
	int epoll;
	const char *credential, *trust, *name;
	struct addr *tls, *plain; /* where the listeners are */
	unsigned int next_id;
	unsigned int opening[CROWD_KINDS], up[CROWD_KINDS],
		ended[CROWD_KINDS]; /* ended as it should */
	struct tally failed[CROWD_KINDS], server_failed;
	unsigned int servers;
	unsigned int passing; /* so many are kept */
	struct bytes client, server; /* of all that do not only pass, once they have ended */
	struct peer *silent; /* all of them */
	struct peer *idle, *idle_last; /* standing ones, with nothing in flight */
	unsigned int busy, busy_most;
	unsigned int mark,
		unmarked; /* this many have carried nothing that was begun after the mark */
	bool ending;
	uint8_t hello[1024]; /* what the silent ones say */
	size_t hello_len;
};

/* The set, and a listener of each kind: 0 or -errno. */
int crowd_init(struct crowd *c);

/* Begin one more; it counts as opening until it is up or failed. tls: not for CROWD_SILENT. */
void crowd_open(struct crowd *c, enum crowd_kind kind, bool tls);

/* From here on each standing connection has to carry something anew. */
void crowd_mark(struct crowd *c);

/* As many standing connections carry data as may at once; as many pass as shall. */
void crowd_go_on(struct crowd *c);

/* Silent ones say a ClientHello from here on, a real one: 0 or -errno. */
int crowd_take_hello(struct crowd *c);

/* Every silent one goes. */
void crowd_drop_silent(struct crowd *c);

/* Standing connections end, each when what it sent has come back. */
void crowd_end(struct crowd *c);

/* What has happened, once. A further fd of the set, with data.ptr NULL: true. */
bool crowd_step(struct crowd *c);

void tally_add(struct tally *t, int error);

#endif
