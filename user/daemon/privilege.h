/* SPDX-License-Identifier: MIT */
/*
 * privilege.h - what the daemon's processes may still do
 *
 * Nobody may dump or trace a process that holds private keys, and each process keeps the
 * capabilities its work needs and no other. Must never gain anything.
 */
#ifndef DAEMON_PRIVILEGE_H
#define DAEMON_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

/* Both return 0 or a negative errno. */

/*
 * The supervisor: reads key files (CAP_DAC_READ_SEARCH), makes workers (CAP_SETUID, CAP_SETGID,
 * CAP_SETPCAP) and ends them (CAP_KILL), sets limits (CAP_NET_ADMIN). Of those, what it has.
 */
int privilege_supervisor(void);

/* A worker: CAP_NET_ADMIN alone, as @uid and @gid if @change. For good. */
int privilege_worker(bool change, uid_t uid, gid_t gid);

/*
 * The keeper of keys in tokens: no capability at all; as @uid if @change, with @gid and the other groups
 * that the user has, by which a token's files or socket are its own. For good.
 */
int privilege_keeper(bool change, uid_t uid, gid_t gid);

/* None of the process's memory, now or later, goes to the swap. False: it is not allowed. */
bool privilege_lock_memory(void);

#endif
