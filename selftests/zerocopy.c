// SPDX-License-Identifier: GPL-2.0-only
/*
 * zerocopy.c: MSG_ZEROCOPY and io_uring's zero-copy sends are taken, and answered: the completion
 * comes, says that the bytes were copied (they were encrypted), and once for each call that took
 * any. Whatever the program does to its memory after the call must not show on the wire.
 */
#include "lib/net.h"
#include "lib/uring.h"
#include "lib/worker.h"

#include <linux/errqueue.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#define SIZE (256 * 1024)

/* Newer than the headers of an older system. */
#define CQE_MORE (1U << 1)
#define CQE_NOTIF (1U << 3)
#define REPORT_USAGE (1U << 3)
#define NOTIF_COPIED (1U << 31)

static uint8_t data[SIZE], got[SIZE];

FIXTURE(zerocopy)
{
	struct pair p;
	struct worker w;
};

FIXTURE_VARIANT(zerocopy)
{
	uint16_t version, suite;
	bool manual;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(zerocopy, tls13) { .version = TLS13, .suite = SUITE_AES_128 };
FIXTURE_VARIANT_ADD(zerocopy, manual12) {
	.version = TLS12, .suite = SUITE_12_AES_128, .manual = true };
/* clang-format on */

FIXTURE_SETUP(zerocopy)
{
	memset(&self->w, 0, sizeof(self->w));
	pair_init(&self->p, variant->version, variant->suite);
	ASSERT_EQ(0, env_setup());
	if (variant->manual) {
		ASSERT_EQ(0, pair_manual(&self->p, variant->version, variant->suite));
	} else {
		ASSERT_EQ(0, worker_start(&self->w, NULL));
		ASSERT_EQ(0, pair_tls(&self->p, variant->suite));
	}
	pattern_fill(data, sizeof(data), 0);
}

FIXTURE_TEARDOWN(zerocopy)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_EQ(0, self->w.error);
}

static int ask(int fd)
{
	return setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &(int){ 1 }, sizeof(int));
}

/* One completion of a call: its numbers and that it was a copy. false: there is none. */
static bool completion(int fd, uint32_t *first, uint32_t *last)
{
	char control[256];
	struct msghdr m = { .msg_control = control, .msg_controllen = sizeof(control) };
	struct sock_extended_err e;
	struct cmsghdr *c;

	if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT))
		return false;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_level != SOL_IP || c->cmsg_type != IP_RECVERR)
		return false;
	memcpy(&e, CMSG_DATA(c), sizeof(e));
	*first = e.ee_info;
	*last = e.ee_data;
	return e.ee_origin == SO_EE_ORIGIN_ZEROCOPY && e.ee_code == SO_EE_CODE_ZEROCOPY_COPIED &&
	       !e.ee_errno;
}

struct reader {
	int fd;
	ssize_t n;
};

static void *read_it(void *arg)
{
	struct reader *r = arg;

	r->n = read_all(r->fd, got, SIZE);
	return NULL;
}

/* Small and large; each is complete when the call returns, and the memory is the program's. */
TEST_F(zerocopy, completions)
{
	static const size_t sizes[] = { 1, 100, 4096, 40000 };
	uint32_t first = 99, last = 99;
	uint8_t mem[40000];

	ASSERT_EQ(0, ask(self->p.s));
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		memcpy(mem, data, sizes[i]);
		EXPECT_EQ(0, POLLERR & poll_now(self->p.s, POLLOUT));
		ASSERT_EQ((ssize_t)sizes[i], send(self->p.s, mem, sizes[i], MSG_ZEROCOPY));
		memset(mem, 0xee, sizes[i]);
		EXPECT_EQ(POLLERR, POLLERR & poll_now(self->p.s, POLLOUT));
		EXPECT_TRUE(completion(self->p.s, &first, &last));
		EXPECT_EQ(i, first);
		EXPECT_EQ(i, last);
		ASSERT_EQ((ssize_t)sizes[i], read_all(self->p.c, got, sizes[i]));
		EXPECT_TRUE(pattern_ok(got, sizes[i], 0));
	}
	EXPECT_FALSE(completion(self->p.s, &first, &last));
}

/* One that waits for room is one call, however many records it makes. */
TEST_F(zerocopy, long_call)
{
	struct reader r = { .fd = self->p.c };
	uint32_t first = 99, last = 99;
	pthread_t t;

	ASSERT_EQ(0, ask(self->p.s));
	ASSERT_EQ(0, setsockopt(self->p.s, SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int)));
	t = thread_start(read_it, &r);
	ASSERT_EQ(SIZE, send(self->p.s, data, SIZE, MSG_ZEROCOPY));
	pthread_join(t, NULL);
	EXPECT_EQ(SIZE, r.n);
	EXPECT_TRUE(pattern_ok(got, SIZE, 0));
	EXPECT_TRUE(completion(self->p.s, &first, &last));
	EXPECT_EQ(0, first);
	EXPECT_EQ(0, last);
	EXPECT_FALSE(completion(self->p.s, &first, &last));
}

/* Nobody reads them: they stand as one range. A record that stays open is taken as well. */
TEST_F(zerocopy, many)
{
	uint32_t first = 99, last = 99;

	ASSERT_EQ(0, ask(self->p.s));
	for (int i = 0; i < 1000; i++)
		ASSERT_EQ(10, send(self->p.s, data + 10 * i, 10,
				   MSG_ZEROCOPY | (i % 2 ? 0 : MSG_MORE)));
	ASSERT_EQ(10000, read_all(self->p.c, got, 10000));
	EXPECT_TRUE(pattern_ok(got, 10000, 0));
	EXPECT_TRUE(completion(self->p.s, &first, &last));
	EXPECT_EQ(0, first);
	EXPECT_EQ(999, last);
}

/* As with TCP: without SO_ZEROCOPY the flag is nothing, and neither is a call without a byte. */
TEST_F(zerocopy, not_asked_for)
{
	uint32_t first, last;

	ASSERT_EQ(100, send(self->p.s, data, 100, MSG_ZEROCOPY));
	ASSERT_EQ(100, read_all(self->p.c, got, 100));
	EXPECT_FALSE(completion(self->p.s, &first, &last));
	ASSERT_EQ(0, ask(self->p.s));
	ASSERT_EQ(0, send(self->p.s, data, 0, MSG_ZEROCOPY));
	ASSERT_EQ(100, send(self->p.s, data, 100, 0));
	EXPECT_FALSE(completion(self->p.s, &first, &last));
}

/* A call that takes nothing uses no number. */
TEST_F(zerocopy, failed_calls)
{
	uint8_t *none = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t first = 99, last = 99;
	int idle = socket_new(AF_INET, true);

	ASSERT_EQ(0, ask(idle));
	EXPECT_EQ(-1, send(idle, data, 100, MSG_ZEROCOPY));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_FALSE(completion(idle, &first, &last));
	close(idle);

	ASSERT_EQ(0, ask(self->p.s));
	EXPECT_EQ(-1, send(self->p.s, none, 100, MSG_ZEROCOPY));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, send(self->p.s, none, 8192, MSG_ZEROCOPY));
	EXPECT_EQ(EFAULT, errno);
	while (send(self->p.s, data, SIZE, MSG_DONTWAIT) > 0)
		;
	EXPECT_EQ(-1, send(self->p.s, data, 1, MSG_ZEROCOPY | MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_FALSE(completion(self->p.s, &first, &last));
	while (send(self->p.s, data, 1, MSG_ZEROCOPY | MSG_DONTWAIT) < 0)
		ASSERT_LT(0, recv(self->p.c, got, sizeof(got), 0));
	EXPECT_TRUE(completion(self->p.s, &first, &last));
	EXPECT_EQ(0, first);
	EXPECT_EQ(0, last);
	munmap(none, 8192);
}

/* Both answers of a zero-copy send: that of the call, and that its memory is free again */
TEST_F(zerocopy, io_uring)
{
	struct io_uring_cqe e[2];
	struct uring u;
	int rc;

	rc = uring_open(&u);
	if (rc)
		SKIP(return, "no io_uring here (%d)", rc);
	for (int i = 0; i < 2; i++) {
		size_t len = i ? 40000 : 100;

		uring_add(&u, URING_OP_SEND_ZC, self->p.s, data, len, 0, 0);
		ASSERT_EQ(1, uring_submit(&u, 2));
		ASSERT_EQ(0, uring_answers(&u, e, 2));
		EXPECT_EQ((int)len, e[0].res);
		EXPECT_EQ(CQE_MORE, e[0].flags & (CQE_MORE | CQE_NOTIF));
		EXPECT_EQ(CQE_NOTIF, e[1].flags & (CQE_MORE | CQE_NOTIF));
		EXPECT_EQ(e[0].user_data, e[1].user_data);
		ASSERT_EQ((ssize_t)len, read_all(self->p.c, got, len));
		EXPECT_TRUE(pattern_ok(got, len, 0));
		u.added = 0;
	}
	uring_close(&u);
}

/* Asked how it went, it says: copied. */
TEST_F(zerocopy, io_uring_report)
{
	struct io_uring_cqe e[2];
	struct uring u;
	int rc;

	rc = uring_open(&u);
	if (rc)
		SKIP(return, "no io_uring here (%d)", rc);
	uring_add(&u, URING_OP_SEND_ZC, self->p.s, data, 100, 0, 0)->ioprio = REPORT_USAGE;
	ASSERT_EQ(1, uring_submit(&u, 1));
	ASSERT_EQ(0, uring_answers(&u, e, 1));
	if (e[0].res == -EINVAL) {
		uring_close(&u);
		SKIP(return, "this kernel's io_uring has no such report");
	}
	EXPECT_EQ(100, e[0].res);
	ASSERT_EQ(0, uring_answers(&u, e, 1));
	EXPECT_EQ(NOTIF_COPIED, (uint32_t)e[0].res);
	ASSERT_EQ(100, read_all(self->p.c, got, 100));
	uring_close(&u);
}

TEST_HARNESS_MAIN
