/* SPDX-License-Identifier: MIT */
/*
 * supervisor.h - the process that reads the configuration and keeps the workers alive
 *
 * It alone reads files, and never speaks to a peer or parses what one sent.
 */
#ifndef DAEMON_SUPERVISOR_H
#define DAEMON_SUPERVISOR_H

#include "options.h"

/* Runs until SIGTERM or SIGINT. Returns the exit status: 0, 69, 71 or 78, as in tlsockd(8). */
int supervisor_run(const struct options *options);

#endif
