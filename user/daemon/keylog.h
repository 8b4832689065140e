/* SPDX-License-Identifier: MIT */
/*
 * keylog.h - traffic secrets in the NSS key log format, for Wireshark
 *
 * Off unless the administrator names a file on the command line. Whoever reads the file can read
 * every connection in it; so it must never be made readable by anybody but its owner.
 */
#ifndef DAEMON_KEYLOG_H
#define DAEMON_KEYLOG_H

#include "handshake/handshake.h"

/*
 * Opens @path for appending, made with mode 0600. Returns a descriptor, or a negative errno:
 * -EPERM for a file that others can read or that is not the caller's own; -EINVAL for something
 * that is no regular file; what open(2) gives.
 */
int keylog_open(const char *path);

/* One line, one write(2): lines of several workers never mix. @fd: -1 for nothing. */
void keylog_write(int fd, const struct hs_engine *engine, const struct hs_key *key);

#endif
