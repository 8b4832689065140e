// SPDX-License-Identifier: MIT
/*
 * test_daemon_children.c - slots, generations and restarts, with real processes
 *
 * The clock is the test's own: children.c takes the time as an argument.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "tap.h"
#include "worker.h"

#define WAIT_MS 20000

/* A worker that says it is ready and ends with the order it gets as its status. */
static void play_worker(int control)
{
	const char ready = WORKER_READY;
	char order = 0;

	if (write(control, &ready, 1) != 1 || read(control, &order, 1) != 1)
		_exit(1);
	_exit(order);
}

static pid_t start(struct children *all, unsigned int slot, int64_t now)
{
	int control;
	pid_t pid = children_fork(all, slot, now, &control);

	if (pid < 0)
		bail("fork");
	if (!pid)
		play_worker(control);
	return pid;
}

/* Takes in what workers say until every slot has one that is ready. */
static bool wait_ready(struct children *all)
{
	struct pollfd p = { .fd = all->ready_fd, .events = POLLIN };

	while (!children_all_ready(all)) {
		if (poll(&p, 1, WAIT_MS) != 1)
			return false;
		children_read(all);
	}
	return true;
}

static int end_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void test_life(void)
{
	struct children all;
	unsigned int slot;
	pid_t first, second, next;

	ok(!children_init(&all, 2), "two slots");
	ok(children_due(&all, 1000, &slot) && slot == 0, "both are due");
	first = start(&all, 0, 1000);
	ok(children_due(&all, 1000, &slot) && slot == 1, "the second still is");
	second = start(&all, 1, 1000);
	ok(!children_due(&all, 1000, &slot) && !children_next_start(&all), "none is");
	ok(wait_ready(&all), "both are ready");

	kill(first, SIGKILL);
	waitpid(first, NULL, 0);
	ok(children_reap(&all, first, 1500) && !children_all_ready(&all), "a worker dies");
	ok(children_due(&all, 1500, &slot) && slot == 0, "and is replaced at once");
	next = start(&all, 0, 1500);
	kill(next, SIGKILL);
	waitpid(next, NULL, 0);
	ok(children_reap(&all, next, 1600) && !children_due(&all, 1600, &slot) &&
		   children_next_start(&all) == 1700,
	   "one that dies soon again has to wait");
	for (int64_t now = 1700, waited = 100; now < 40000; now += waited) {
		if (!children_due(&all, now, &slot))
			break;
		next = start(&all, 0, now);
		kill(next, SIGKILL);
		waitpid(next, NULL, 0);
		children_reap(&all, next, now);
		waited = children_next_start(&all) - now;
	}
	ok(children_next_start(&all) > 40000 && children_next_start(&all) <= 45000,
	   "longer each time, but never more than five seconds");
	next = start(&all, 0, 50000);
	kill(next, SIGKILL);
	waitpid(next, NULL, 0);
	children_reap(&all, next, 70000);
	ok(children_next_start(&all) == 70000, "after a long life there is no delay");

	children_stop(&all);
	ok(end_of(second) == WORKER_STOP && !children_reap(&all, 1, 0), "stop");
	children_reap(&all, second, 70000);
	ok(!all.list, "nobody is left");
	children_free(&all);
}

static void test_reload(void)
{
	struct children all;
	pid_t old[2], new[1], newest[2];

	children_init(&all, 2);
	old[0] = start(&all, 0, 1000);
	old[1] = start(&all, 1, 1000);
	ok(wait_ready(&all), "two workers");

	ok(!children_renew(&all, 1) && !children_all_ready(&all), "a reload, with one slot less");
	ok(end_of(old[1]) == WORKER_DRAIN, "the one whose slot has gone finishes its work");
	ok(!children_reap(&all, old[1], 2000), "and is not replaced");
	new[0] = start(&all, 0, 2000);
	ok(wait_ready(&all), "the new one is ready");
	ok(end_of(old[0]) == WORKER_DRAIN, "only then the old one finishes its own");
	ok(!children_reap(&all, old[0], 2000), "and is not replaced");

	children_renew(&all, 2);
	newest[0] = start(&all, 0, 3000);
	newest[1] = start(&all, 1, 3000);
	ok(wait_ready(&all), "another reload");
	ok(end_of(new[0]) == WORKER_DRAIN, "replaces that one");
	children_reap(&all, new[0], 3000);
	children_stop(&all);
	ok(end_of(newest[0]) == WORKER_STOP && end_of(newest[1]) == WORKER_STOP, "stop");
	children_free(&all);
}

/* Two reloads, the second before the workers of the first were ready. */
static void test_reloads_in_a_row(void)
{
	struct children all;
	pid_t old, between, last;

	children_init(&all, 1);
	old = start(&all, 0, 1000);
	wait_ready(&all);
	children_renew(&all, 1);
	between = start(&all, 0, 1000);
	children_renew(&all, 1);
	last = start(&all, 0, 1000);
	ok(wait_ready(&all), "the last one is ready");
	ok(end_of(old) == WORKER_DRAIN && end_of(between) == WORKER_DRAIN,
	   "all that were before it finish");
	ok(!children_reap(&all, old, 1000) && !children_reap(&all, between, 1000),
	   "and are not replaced");
	children_kill(&all);
	ok(waitpid(last, NULL, 0) == last, "kill");
	children_free(&all);
}

/* A worker whose supervisor has died must see it, so none may hold another's end. */
static void test_no_descriptor_leaks(void)
{
	struct children all;
	pid_t pids[3];

	children_init(&all, 3);
	for (unsigned int i = 0; i < 3; i++)
		pids[i] = start(&all, i, 1000);
	ok(wait_ready(&all), "three workers");
	children_free(&all);
	for (int i = 0; i < 3; i++)
		ok(end_of(pids[i]) == 1, "worker %d sees that the supervisor has gone", i);
}

int main(void)
{
	test_life();
	test_reload();
	test_reloads_in_a_row();
	test_no_descriptor_leaks();
	return tap_done();
}
