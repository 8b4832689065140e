/* SPDX-License-Identifier: MIT */
/*
 * worker.h - one process that does handshakes
 *
 * Registers with the kernel, PULLs, runs the engine, PUSHes, waits for the doorbell. It takes its
 * orders from the supervisor over a socket pair, and ends when that closes. Must never open a file:
 * it was forked with all it needs.
 */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include "config.h"
#include "keylog.h"
#include "sessions.h"

/* A byte each, over the socket pair. */
#define WORKER_READY 'r' /* worker: registered with the kernel */
#define WORKER_DRAIN 'd' /* supervisor: take no new connection, finish those there are, end */
#define WORKER_STOP 's' /* supervisor: the same, but end within seconds */

/* Exit statuses, after sysexits.h */
#define EXIT_NO_MODULE 69 /* EX_UNAVAILABLE */
#define EXIT_SYSTEM 71 /* EX_OSERR */

/* Returns the exit status of the process. @control: the worker's end of the pair. */
int worker_run(const struct config *config, const struct tickets *tickets,
	       struct sessions *sessions, int control, const struct keylog *keylog,
	       const struct feed *live);

#endif
