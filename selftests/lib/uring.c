// SPDX-License-Identifier: GPL-2.0-only
/*
 * uring.c: see uring.h.
 */
#include "uring.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define ENTRIES 4

static size_t sq_size(const struct uring *u)
{
	return u->p.sq_off.array + u->p.sq_entries * sizeof(uint32_t);
}

static size_t cq_size(const struct uring *u)
{
	return u->p.cq_off.cqes + u->p.cq_entries * sizeof(struct io_uring_cqe);
}

static void *ring_map(int fd, size_t size, uint64_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
			(off_t)offset);

	return at == MAP_FAILED ? NULL : at;
}

int uring_open(struct uring *u)
{
	memset(u, 0, sizeof(*u));
	u->fd = (int)syscall(__NR_io_uring_setup, ENTRIES, &u->p);
	if (u->fd < 0)
		return -errno;
	u->sq = ring_map(u->fd, sq_size(u), IORING_OFF_SQ_RING);
	u->cq = ring_map(u->fd, cq_size(u), IORING_OFF_CQ_RING);
	u->sqe = ring_map(u->fd, ENTRIES * sizeof(*u->sqe), IORING_OFF_SQES);
	if (u->sq && u->cq && u->sqe)
		return 0;
	uring_close(u);
	return -ENOMEM;
}

void uring_close(struct uring *u)
{
	if (u->sq)
		munmap(u->sq, sq_size(u));
	if (u->cq)
		munmap(u->cq, cq_size(u));
	if (u->sqe)
		munmap(u->sqe, ENTRIES * sizeof(*u->sqe));
	close(u->fd);
}

static uint32_t *ring_word(uint8_t *ring, uint32_t offset)
{
	return (uint32_t *)(void *)(ring + offset);
}

struct io_uring_sqe *uring_add(struct uring *u, uint8_t op, int fd, const void *addr, size_t len,
			       uint32_t op_flags, uint8_t sqe_flags)
{
	uint32_t *tail = ring_word(u->sq, u->p.sq_off.tail);
	uint32_t mask = *ring_word(u->sq, u->p.sq_off.ring_mask), at = *tail & mask;
	struct io_uring_sqe *e = &u->sqe[at];

	memset(e, 0, sizeof(*e));
	e->opcode = op;
	e->flags = sqe_flags;
	e->fd = fd;
	e->addr = (uint64_t)(uintptr_t)addr;
	if (op == IORING_OP_CONNECT)
		e->off = len;
	else
		e->len = (uint32_t)len;
	e->msg_flags = op_flags;
	e->user_data = u->added++;
	ring_word(u->sq, u->p.sq_off.array)[at] = at;
	/* Partner: the kernel's acquire of the tail, in io_uring_enter(). */
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return e;
}

int uring_submit(struct uring *u, unsigned int wait)
{
	int rc = (int)syscall(__NR_io_uring_enter, u->fd, u->added, wait,
			      wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0);

	return rc < 0 ? -errno : rc;
}

int uring_answers(struct uring *u, struct io_uring_cqe *e, unsigned int n)
{
	uint32_t *head = ring_word(u->cq, u->p.cq_off.head);
	uint32_t *tail = ring_word(u->cq, u->p.cq_off.tail);
	uint32_t mask = *ring_word(u->cq, u->p.cq_off.ring_mask);
	const struct io_uring_cqe *all = (const void *)(u->cq + u->p.cq_off.cqes);

	while (n) {
		/* Partner: the kernel's release of the tail. */
		if (*head == __atomic_load_n(tail, __ATOMIC_ACQUIRE)) {
			struct pollfd p = { .fd = u->fd, .events = POLLIN };

			if (poll(&p, 1, PATIENCE_MS) <= 0)
				return -ETIME;
			continue;
		}
		*e++ = all[*head & mask];
		n--;
		__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	}
	return 0;
}

int uring_wait(struct uring *u, int *rc, unsigned int n)
{
	struct io_uring_cqe e;
	int err;

	while (n) {
		err = uring_answers(u, &e, 1);
		if (err)
			return err;
		/* The second answer of a zero-copy send tells of its pages, not of itself. */
		if (e.user_data < u->added && !(e.flags & (1U << 3))) {
			rc[e.user_data] = e.res;
			n--;
		}
	}
	return 0;
}

int uring_call(uint8_t op, int fd, const void *addr, size_t len, uint32_t op_flags)
{
	static __thread struct uring u;
	static __thread bool open;
	int res = -EINVAL, rc = open ? 0 : uring_open(&u);

	if (rc)
		return rc;
	open = true;
	u.added = 0;
	uring_add(&u, op, fd, addr, len, op_flags, 0);
	rc = uring_submit(&u, 1);
	if (rc == 1)
		rc = uring_wait(&u, &res, 1);
	return rc ? rc : res;
}
