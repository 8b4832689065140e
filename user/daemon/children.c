// SPDX-License-Identifier: MIT
/*
 * children.c - see children.h
 */
#include "children.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker.h"

#define DUE_NOW 1 /* monotonic time that has passed for sure */
#define DELAY_MIN_MS 100
#define DELAY_MAX_MS 5000
#define LONG_LIFE_MS 10000 /* a worker that lived so long died of something new */
#define FORK_RETRY_MS 1000

static int resize(struct children *all, unsigned int count)
{
	struct slot *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++)
		slots[i].start_at = DUE_NOW;
	free(all->slots);
	all->slots = slots;
	all->slot_count = count;
	return 0;
}

int children_init(struct children *all, unsigned int count)
{
	memset(all, 0, sizeof(*all));
	if (resize(all, count))
		return -ENOMEM;
	all->ready_fd = epoll_create1(EPOLL_CLOEXEC);
	if (all->ready_fd >= 0)
		return 0;
	free(all->slots);
	all->slots = NULL;
	return -errno;
}

void children_free(struct children *all)
{
	while (all->list) {
		struct child *c = all->list;

		all->list = c->next;
		close(c->control);
		free(c);
	}
	if (!all->slots)
		return;
	close(all->ready_fd);
	free(all->slots);
	memset(all, 0, sizeof(*all));
}

bool children_due(const struct children *all, int64_t now, unsigned int *slot)
{
	for (*slot = 0; *slot < all->slot_count; (*slot)++)
		if (all->slots[*slot].start_at && all->slots[*slot].start_at <= now)
			return true;
	return false;
}

int64_t children_next_start(const struct children *all)
{
	int64_t first = 0;

	for (unsigned int i = 0; i < all->slot_count; i++) {
		int64_t at = all->slots[i].start_at;

		if (at && (!first || at < first))
			first = at;
	}
	return first;
}

static pid_t fork_with(struct child *c, int *control)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	c->pid = fork();
	if (c->pid <= 0)
		close(pair[0]);
	if (c->pid)
		close(pair[1]);
	c->control = pair[0];
	*control = pair[1];
	return c->pid;
}

pid_t children_fork(struct children *all, unsigned int slot, int64_t now, int *control)
{
	struct child *c = calloc(1, sizeof(*c));
	struct epoll_event interest = { .events = EPOLLIN };
	pid_t pid = c ? fork_with(c, control) : -1;

	if (pid <= 0) {
		free(c);
		if (pid < 0)
			all->slots[slot].start_at = now + FORK_RETRY_MS;
		else
			children_free(all);
		return pid;
	}
	c->slot = slot;
	c->started = now;
	c->next = all->list;
	all->list = c;
	all->slots[slot].pid = pid;
	all->slots[slot].ready = false;
	all->slots[slot].start_at = 0;
	interest.data.ptr = c;
	/* Deaf to it we would never call it ready; so it goes, and its slot is due again. */
	if (epoll_ctl(all->ready_fd, EPOLL_CTL_ADD, c->control, &interest))
		kill(pid, SIGKILL);
	return pid;
}

/* One that does not listen any more is dead or dying: wait() will tell. */
static void order(struct child *c, char what)
{
	c->draining = true;
	if (send(c->control, &what, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
		return;
}

static void on_ready(struct children *all, const struct child *ready)
{
	struct slot *slot = ready->slot < all->slot_count ? &all->slots[ready->slot] : NULL;

	if (!slot || slot->pid != ready->pid)
		return; /* replaced before it was there */
	slot->ready = true;
	for (struct child *c = all->list; c; c = c->next)
		if (c->slot == ready->slot && c != ready && !c->draining)
			order(c, WORKER_DRAIN);
}

void children_read(struct children *all)
{
	struct epoll_event events[64];
	int n = epoll_wait(all->ready_fd, events, 64, 0);

	for (int i = 0; i < n; i++) {
		struct child *c = events[i].data.ptr;
		char word;
		ssize_t len = recv(c->control, &word, 1, MSG_DONTWAIT);

		if (len == 1 && word == WORKER_READY)
			on_ready(all, c);
		else if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR))
			epoll_ctl(all->ready_fd, EPOLL_CTL_DEL, c->control, NULL);
	}
}

bool children_all_ready(const struct children *all)
{
	for (unsigned int i = 0; i < all->slot_count; i++)
		if (!all->slots[i].pid || !all->slots[i].ready)
			return false;
	return true;
}

static void schedule(struct slot *slot, int64_t lived, int64_t now)
{
	if (lived >= LONG_LIFE_MS)
		slot->delay = 0;
	slot->start_at = now + slot->delay;
	slot->delay *= 2;
	if (slot->delay < DELAY_MIN_MS)
		slot->delay = DELAY_MIN_MS;
	if (slot->delay > DELAY_MAX_MS)
		slot->delay = DELAY_MAX_MS;
	slot->pid = 0;
	slot->ready = false;
}

bool children_reap(struct children *all, pid_t pid, int64_t now)
{
	struct child **at = &all->list;
	struct child *c;
	bool served;

	while (*at && (*at)->pid != pid)
		at = &(*at)->next;
	c = *at;
	if (!c)
		return false;
	*at = c->next;
	served = c->slot < all->slot_count && all->slots[c->slot].pid == pid;
	if (served)
		schedule(&all->slots[c->slot], now - c->started, now);
	close(c->control); /* takes it out of the epoll set too */
	free(c);
	return served;
}

int children_renew(struct children *all, unsigned int count)
{
	if (resize(all, count))
		return -ENOMEM;
	for (struct child *c = all->list; c; c = c->next) {
		if (c->draining) /* since the reload before this one */
			order(c, WORKER_STOP);
		else if (c->slot >= count)
			order(c, WORKER_DRAIN);
	}
	return 0;
}

void children_stop(struct children *all)
{
	for (unsigned int i = 0; i < all->slot_count; i++)
		all->slots[i].start_at = 0;
	for (struct child *c = all->list; c; c = c->next)
		order(c, WORKER_STOP);
}

void children_kill(struct children *all)
{
	for (const struct child *c = all->list; c; c = c->next)
		kill(c->pid, SIGKILL);
}
