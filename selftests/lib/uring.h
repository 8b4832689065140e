/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uring.h: the little of io_uring that a test needs, by raw system calls: some requests, submitted
 * together, and their results. It must never hide a result: they come in the order of the requests.
 */
#ifndef SELFTESTS_LIB_URING_H
#define SELFTESTS_LIB_URING_H

#include <linux/io_uring.h>

#include "common.h"

/* Newer than the header of an older system. */
#define URING_OP_SEND_ZC 47

struct uring {
	int fd;
	struct io_uring_params p;
	uint8_t *sq, *cq;
	struct io_uring_sqe *sqe;
	unsigned int added;
};

/* 0 or -errno; -ENOSYS or -EPERM where the kernel has none or forbids it. */
int uring_open(struct uring *u);
void uring_close(struct uring *u);

/*
 * Queue a request. IORING_OP_CONNECT: addr and len are the address. op_flags: MSG_*; sqe_flags:
 * IOSQE_*. At most four. The entry can be changed before it is submitted.
 */
struct io_uring_sqe *uring_add(struct uring *u, uint8_t op, int fd, const void *addr, size_t len,
			       uint32_t op_flags, uint8_t sqe_flags);

/* Submit what was queued, and wait for so many completions: requests taken, or -errno. */
int uring_submit(struct uring *u, unsigned int wait);

/* Wait for n results, rc[i] for the request queued as number i: 0 or -errno. */
int uring_wait(struct uring *u, int *rc, unsigned int n);

/* Wait for the next n completions of any kind, as they come: 0 or -errno. */
int uring_answers(struct uring *u, struct io_uring_cqe *e, unsigned int n);

/* One request, on a ring that the thread keeps: its result, or -errno. */
int uring_call(uint8_t op, int fd, const void *addr, size_t len, uint32_t op_flags);

#endif
