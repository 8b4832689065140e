// SPDX-License-Identifier: MIT
/*
 * keylog.c - see keylog.h
 *
 * Workers look at a flag in shared memory before they write into the pipe, and the supervisor is the only
 * one that sets it. A line of a worker that had looked before it was cleared makes the pipe readable,
 * and the supervisor empties it then.
 */
#include "keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

#define LINE_MAX_BYTES 512

_Static_assert(LINE_MAX_BYTES <= PIPE_BUF, "a line is written whole or not at all");

struct shared {
	atomic_bool on;
	atomic_uint_least64_t lines, lost;
};

struct keylog_queue {
	int read_fd, write_fd;
	struct shared *shared;
};

int keylog_open(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		      0600);
	struct stat st;
	int error = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		error = -errno;
	else if (!S_ISREG(st.st_mode))
		error = -EINVAL;
	else if (st.st_uid != geteuid() || (st.st_mode & 077))
		error = -EPERM;
	if (!error)
		return fd;
	close(fd);
	return error;
}

struct keylog_queue *keylog_queue_new(void)
{
	struct keylog_queue *q = calloc(1, sizeof(*q));
	int ends[2] = { -1, -1 };

	if (!q)
		return NULL;
	q->shared = mmap(NULL, sizeof(*q->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (q->shared == MAP_FAILED)
		q->shared = NULL;
	if (!q->shared || pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
		keylog_queue_free(q);
		return NULL;
	}
	q->read_fd = ends[0];
	q->write_fd = ends[1];
	return q;
}

void keylog_queue_free(struct keylog_queue *queue)
{
	if (!queue)
		return;
	if (queue->read_fd > 0)
		close(queue->read_fd);
	if (queue->write_fd > 0)
		close(queue->write_fd);
	if (queue->shared)
		munmap(queue->shared, sizeof(*queue->shared));
	free(queue);
}

void keylog_queue_write_only(struct keylog_queue *queue)
{
	if (!queue)
		return;
	close(queue->read_fd);
	queue->read_fd = -1;
}

int keylog_queue_fd(const struct keylog_queue *queue)
{
	return queue->read_fd;
}

void keylog_queue_empty(struct keylog_queue *queue)
{
	char bytes[4096];

	while (read(queue->read_fd, bytes, sizeof(bytes)) > 0)
		;
	explicit_bzero(bytes, sizeof(bytes));
}

void keylog_queue_start(struct keylog_queue *queue)
{
	keylog_queue_empty(queue);
	atomic_store(&queue->shared->lines, 0);
	atomic_store(&queue->shared->lost, 0);
	atomic_store(&queue->shared->on, true);
}

void keylog_queue_stop(struct keylog_queue *queue)
{
	atomic_store(&queue->shared->on, false);
	keylog_queue_empty(queue);
}

struct keylog_counts keylog_queue_counts(const struct keylog_queue *queue)
{
	return (struct keylog_counts){ .lines = atomic_load(&queue->shared->lines),
				       .lost = atomic_load(&queue->shared->lost) };
}

static void enqueue(const struct keylog_queue *q, const char *line, size_t len)
{
	if (write(q->write_fd, line, len) == (ssize_t)len)
		atomic_fetch_add(&q->shared->lines, 1);
	else
		atomic_fetch_add(&q->shared->lost, 1);
}

void keylog_write(const struct keylog *log, const struct hs_engine *engine,
		  const struct hs_key *key)
{
	bool queued = log->queue && atomic_load(&log->queue->shared->on);
	char line[LINE_MAX_BYTES];
	int len;

	if (log->file < 0 && !queued)
		return;
	len = hs_engine_keylog_line(engine, key, line, sizeof(line));
	if (len > 0 && log->file >= 0 && write(log->file, line, (size_t)len) != len)
		log_write(LOG_ERR, NULL, "key log: %m");
	if (len > 0 && queued)
		enqueue(log->queue, line, (size_t)len);
	explicit_bzero(line, sizeof(line));
}
