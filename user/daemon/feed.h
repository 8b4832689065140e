/* SPDX-License-Identifier: MIT */
/*
 * feed.h - messages of the workers for a process of root's, while it listens
 *
 * A pair of sockets that the supervisor makes before the first worker: workers write to the one, never
 * waiting, and who listens gets the other. Messages are whole or not there; what finds no room is
 * counted. Off until it is started. It knows nothing of what is in them.
 */
#ifndef DAEMON_FEED_H
#define DAEMON_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct feed;

struct feed_counts {
	uint64_t sent; /* since feed_start() */
	uint64_t lost;
};

/* One that is off; NULL with errno. @room: bytes in flight, as the kernel counts them. */
struct feed *feed_new(int room);
void feed_free(struct feed *feed); /* takes NULL */

/* ---- a worker's */

void feed_write_only(struct feed *feed); /* it reads nothing; takes NULL */
bool feed_is_on(const struct feed *feed); /* takes NULL: no */
void feed_send(const struct feed *feed, const struct iovec *parts, size_t count);

/* ---- the supervisor's */

/* The end to read from, non-blocking; the feed's own. Readable while it is off: to be emptied. */
int feed_fd(const struct feed *feed);
void feed_start(struct feed *feed);
void feed_stop(struct feed *feed); /* what nobody has read goes */
void feed_empty(struct feed *feed);
struct feed_counts feed_counts(const struct feed *feed);

#endif
