// SPDX-License-Identifier: MIT
/*
 * feed.c - see feed.h
 *
 * Workers look at a flag in shared memory before they write, and the supervisor is the only one that sets
 * it. A message of a worker that had looked before it was cleared makes the other end readable, and
 * the supervisor empties it then.
 */
#include "feed.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ, WRITE };

struct shared {
	atomic_bool on;
	atomic_uint_least64_t sent, lost;
};

struct feed {
	int ends[2];
	struct shared *shared;
};

struct feed *feed_new(int room)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->ends[READ] = f->ends[WRITE] = -1;
	f->shared = mmap(NULL, sizeof(*f->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (f->shared == MAP_FAILED)
		f->shared = NULL;
	if (!f->shared ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, f->ends)) {
		feed_free(f);
		return NULL;
	}
	/* beyond the system's limit with CAP_NET_ADMIN, else up to it */
	if (setsockopt(f->ends[WRITE], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)))
		setsockopt(f->ends[WRITE], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	return f;
}

void feed_free(struct feed *feed)
{
	if (!feed)
		return;
	for (int i = 0; i < 2; i++)
		if (feed->ends[i] >= 0)
			close(feed->ends[i]);
	if (feed->shared)
		munmap(feed->shared, sizeof(*feed->shared));
	free(feed);
}

void feed_write_only(struct feed *feed)
{
	if (!feed)
		return;
	close(feed->ends[READ]);
	feed->ends[READ] = -1;
}

bool feed_is_on(const struct feed *feed)
{
	return feed && atomic_load(&feed->shared->on);
}

void feed_send(const struct feed *feed, const struct iovec *parts, size_t count)
{
	const struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = count };

	if (sendmsg(feed->ends[WRITE], &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		atomic_fetch_add(&feed->shared->lost, 1);
	else
		atomic_fetch_add(&feed->shared->sent, 1);
}

int feed_fd(const struct feed *feed)
{
	return feed->ends[READ];
}

void feed_empty(struct feed *feed)
{
	/* without a copy: what is in them is nothing for the supervisor */
	while (recv(feed->ends[READ], NULL, 0, MSG_DONTWAIT | MSG_TRUNC) > 0)
		;
}

void feed_start(struct feed *feed)
{
	feed_empty(feed);
	atomic_store(&feed->shared->sent, 0);
	atomic_store(&feed->shared->lost, 0);
	atomic_store(&feed->shared->on, true);
}

void feed_stop(struct feed *feed)
{
	atomic_store(&feed->shared->on, false);
	feed_empty(feed);
}

struct feed_counts feed_counts(const struct feed *feed)
{
	return (struct feed_counts){ .sent = atomic_load(&feed->shared->sent),
				     .lost = atomic_load(&feed->shared->lost) };
}
