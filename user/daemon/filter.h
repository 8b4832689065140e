/* SPDX-License-Identifier: MIT */
/*
 * filter.h - the system calls that the daemon's processes may make
 *
 * Beside what the capabilities allow: a process that is taken over by a peer's bytes must find no
 * call that leads further.
 */
#ifndef DAEMON_FILTER_H
#define DAEMON_FILTER_H

/* Both return 0 or a negative errno, and hold for good, for what is forked too. */

/* The supervisor and its workers: no program is run, nobody traced, no module loaded. */
int filter_supervisor(void);

/* A worker: what the loop needs. It opens no file; another call than these ends it. */
int filter_worker(void);

#endif
