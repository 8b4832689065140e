/* SPDX-License-Identifier: MIT */
/*
 * children.h - the worker processes, as their supervisor sees them
 *
 * Slots, restarts with a bounded rate, generations. It knows processes and nothing of TLS.
 */
#ifndef DAEMON_CHILDREN_H
#define DAEMON_CHILDREN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
	struct child *next;
	pid_t pid;
	int control; /* our end of the socket pair */
	unsigned int slot;
	int64_t started; /* monotonic ms */
	bool draining; /* was told to */
};

struct slot {
	pid_t pid; /* of the worker that has it, or 0 */
	bool ready; /* that one has registered with the kernel */
	int64_t start_at; /* when the next one is due; 0: none is */
	int64_t delay; /* before the next but one */
};

struct children {
	struct child *list; /* those in slots and those that drain */
	struct slot *slots;
	unsigned int slot_count;
	int ready_fd; /* readable when children_read() has something to do */
};

/* 0 or a negative errno. All slots are due. */
int children_init(struct children *all, unsigned int count);
void children_free(struct children *all); /* takes a zeroed one; no process ends by it */

/* A slot whose time has come, and when the next one's comes (0: never). */
bool children_due(const struct children *all, int64_t now, unsigned int *slot);
int64_t children_next_start(const struct children *all);

/*
 * Like fork(): -1 with errno (the slot is tried again in a second), the pid, or 0 in the child,
 * which has *@control and none of the others.
 */
pid_t children_fork(struct children *all, unsigned int slot, int64_t now, int *control);

/* What the workers have said. One that is ready retires those that had its slot before. */
void children_read(struct children *all);
bool children_all_ready(const struct children *all);

/* After wait(): forgets it. True: it had a slot, which is due again after a delay. */
bool children_reap(struct children *all, pid_t pid, int64_t now);

/* New workers for @count slots; the present ones go on until they are replaced. 0 or -ENOMEM. */
int children_renew(struct children *all, unsigned int count);

void children_stop(struct children *all); /* none starts any more */
void children_kill(struct children *all);

#endif
