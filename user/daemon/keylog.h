/* SPDX-License-Identifier: MIT */
/*
 * keylog.h - traffic secrets in the NSS key log format, for Wireshark
 *
 * To a file, if the administrator names one on the command line; and to root, while it listens over the
 * control socket (control.h). Off unless root asks. Whoever reads either can read every connection in it;
 * so neither must ever be readable by anybody else.
 */
#ifndef DAEMON_KEYLOG_H
#define DAEMON_KEYLOG_H

#include "feed.h"
#include "handshake/handshake.h"

struct keylog {
	int file; /* -1: none */
	struct feed *feed; /* NULL: none */
};

/*
 * Opens @path for appending, made with mode 0600. Returns a descriptor, or a negative errno:
 * -EPERM for a file that others can read or that is not the caller's own; -EINVAL for something
 * that is no regular file; what open(2) gives.
 */
int keylog_open(const char *path);

/* One line for each that is on, one call each: lines of several workers never mix. */
void keylog_write(const struct keylog *log, const struct hs_engine *engine,
		  const struct hs_key *key);

#endif
