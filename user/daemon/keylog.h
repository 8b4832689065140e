/* SPDX-License-Identifier: MIT */
/*
 * keylog.h - traffic secrets in the NSS key log format, for Wireshark
 *
 * To a file, if the administrator names one on the command line; and into a queue, while root reads it
 * over the control socket (control.h). Off unless root asks. Whoever reads either can read every
 * connection in it; so neither must ever be readable by anybody else.
 */
#ifndef DAEMON_KEYLOG_H
#define DAEMON_KEYLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "handshake/handshake.h"

/*
 * The queue is a pipe: lines are whole or not there, a full one loses lines and counts them. The
 * supervisor makes it before the first worker; all processes share what is counted.
 */
struct keylog_queue;

struct keylog {
	int file; /* -1: none */
	struct keylog_queue *queue; /* NULL: none */
};

struct keylog_counts {
	uint64_t lines; /* since keylog_queue_start() */
	uint64_t lost;
};

/*
 * Opens @path for appending, made with mode 0600. Returns a descriptor, or a negative errno:
 * -EPERM for a file that others can read or that is not the caller's own; -EINVAL for something
 * that is no regular file; what open(2) gives.
 */
int keylog_open(const char *path);

/* A queue that is off; NULL with errno. */
struct keylog_queue *keylog_queue_new(void);
void keylog_queue_free(struct keylog_queue *queue); /* takes NULL */
void keylog_queue_write_only(
	struct keylog_queue *queue); /* in a worker: it reads nothing; takes NULL */

/* The end to read from, non-blocking; the queue's own. Readable while it is off: to be emptied. */
int keylog_queue_fd(const struct keylog_queue *queue);
void keylog_queue_start(struct keylog_queue *queue);
void keylog_queue_stop(struct keylog_queue *queue); /* what nobody has read goes */
void keylog_queue_empty(struct keylog_queue *queue);
struct keylog_counts keylog_queue_counts(const struct keylog_queue *queue);

/* One line for each that is on, one write(2) each: lines of several workers never mix. */
void keylog_write(const struct keylog *log, const struct hs_engine *engine,
		  const struct hs_key *key);

#endif
