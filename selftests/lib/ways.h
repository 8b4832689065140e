/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ways.h: the calls by which a program can send, each with the same marker, that a capture is then
 * searched for. It must never sleep: what would wait gives EAGAIN.
 */
#ifndef SELFTESTS_LIB_WAYS_H
#define SELFTESTS_LIB_WAYS_H

#include "net.h"

#define MARKER "the marker that must not be seen"
#define MARKER_LEN (sizeof(MARKER) - 1)

struct way {
	const char *name;
	ssize_t (*send)(int fd, const struct addr *to);
	bool works; /* on an established socket; the others are refused there too */
	bool held; /* nothing is sent before the next write */
};

/* The marker, by one call, on a non-blocking socket: what the call returned, with its errno. */
ssize_t way_send(int fd, const struct addr *to);
ssize_t way_fast_open(int fd, const struct addr *to);
ssize_t way_oob(int fd, const struct addr *to);
ssize_t way_sendfile(int fd, const struct addr *to);
ssize_t way_splice(int fd, const struct addr *to);

/* In groups; each ends with a row that has no name. */
extern const struct way ways_plain[], ways_fast_open[], ways_oob[], ways_sendfile[], ways_splice[],
	ways_uring[];

#endif
