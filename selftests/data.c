// SPDX-License-Identifier: GPL-2.0-only
/*
 * data.c: the calls of a program that moves data, tlsock on both ends. What goes in comes out, in
 * order and whole, by every call that can carry it; poll and errno are those of a TCP socket.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "kselftest_harness.h"

#define BIG (1024 * 1024)

static uint8_t out[BIG], in[BIG];

FIXTURE(data)
{
	struct pair p;
	struct worker w;
};

FIXTURE_VARIANT(data)
{
	uint16_t version, suite;
	bool manual;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(data, tls13_128) { .version = TLS13, .suite = SUITE_AES_128 };
FIXTURE_VARIANT_ADD(data, tls13_256) { .version = TLS13, .suite = SUITE_AES_256 };
FIXTURE_VARIANT_ADD(data, manual12_128) { .version = TLS12, .suite = SUITE_12_AES_128, .manual = true };
/* clang-format on */

FIXTURE_SETUP(data)
{
	struct script s = { .suite = variant->suite };

	memset(&self->w, 0, sizeof(self->w));
	pair_init(&self->p, variant->version, variant->suite);
	ASSERT_EQ(0, env_setup());
	pattern_fill(out, sizeof(out), 0);
	if (variant->manual) {
		ASSERT_EQ(0, pair_manual(&self->p, variant->version, variant->suite));
		return;
	}
	ASSERT_EQ(0, worker_start(&self->w, &s));
	ASSERT_EQ(0, pair_tls(&self->p, variant->suite));
}

FIXTURE_TEARDOWN(data)
{
	EXPECT_EQ(0, error_get(self->p.c).error);
	EXPECT_EQ(0, error_get(self->p.s).error);
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_EQ(0, self->w.error);
}

struct job {
	int fd;
	size_t len;
	uint64_t offset;
	ssize_t done;
};

static void *write_job(void *arg)
{
	struct job *j = arg;

	j->done = write_all(j->fd, out + j->offset, j->len);
	return NULL;
}

static void *read_job(void *arg)
{
	struct job *j = arg;

	j->done = read_all(j->fd, in + j->offset, j->len);
	return NULL;
}

/* Take len bytes and compare them with the pattern from offset on. */
static bool took(int fd, size_t len, uint64_t offset)
{
	ssize_t n = read_all(fd, in, len);

	if (n != (ssize_t)len)
		fprintf(stderr, "# %zd bytes of %zu: %s\n", n, len, strerror(errno));
	return n == (ssize_t)len && pattern_ok(in, len, offset);
}

TEST_F(data, sizes)
{
	static const size_t sizes[] = { 1, 2, 100, 1400, 4095, 16383, 16384, 16385, 65536, 100000 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		EXPECT_EQ((ssize_t)sizes[i], write_all(self->p.c, out, sizes[i]));
		EXPECT_TRUE(took(self->p.s, sizes[i], 0));
		EXPECT_EQ((ssize_t)sizes[i], write_all(self->p.s, out, sizes[i]));
		EXPECT_TRUE(took(self->p.c, sizes[i], 0));
	}
}

TEST_F(data, one_mebibyte_each_way_at_once)
{
	struct job cw = { .fd = self->p.c, .len = BIG }, sw = { .fd = self->p.s, .len = BIG };
	struct job sr = { .fd = self->p.s, .len = BIG };
	pthread_t t[3];
	static uint8_t other[BIG];

	t[0] = thread_start(write_job, &cw);
	t[1] = thread_start(write_job, &sw);
	t[2] = thread_start(read_job, &sr);
	EXPECT_EQ(BIG, read_all(self->p.c, other, BIG));
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(BIG, cw.done);
	EXPECT_EQ(BIG, sw.done);
	EXPECT_EQ(BIG, sr.done);
	EXPECT_TRUE(pattern_ok(in, BIG, 0));
	EXPECT_TRUE(pattern_ok(other, BIG, 0));
	if (!variant->manual)
		EXPECT_EQ(BIG, info_get(self->p.c).tx_bytes);
}

TEST_F(data, small_reads_of_large_records)
{
	size_t at = 0;

	ASSERT_EQ(20000, write_all(self->p.c, out, 20000));
	while (at < 20000) {
		ssize_t n = recv(self->p.s, in, 777, 0);

		ASSERT_LT(0, n);
		ASSERT_TRUE(pattern_ok(in, (size_t)n, at));
		at += (size_t)n;
	}
	EXPECT_EQ(20000, at);
}

TEST_F(data, peek)
{
	int at = 10;

	ASSERT_EQ(5000, write_all(self->p.c, out, 5000));
	ASSERT_EQ(5000, write_all(self->p.c, out + 5000, 5000));
	for (int i = 0; i < 3; i++) {
		memset(in, 0, 3000);
		EXPECT_EQ(3000, recv(self->p.s, in, 3000, MSG_PEEK));
		EXPECT_TRUE(pattern_ok(in, 3000, 0));
	}
	EXPECT_EQ(8000, recv(self->p.s, in, 8000, MSG_PEEK | MSG_WAITALL));
	EXPECT_TRUE(pattern_ok(in, 8000, 0));
	EXPECT_EQ(100, recv(self->p.s, in, 100, 0));
	EXPECT_TRUE(pattern_ok(in, 100, 0));
	EXPECT_LT(0, recv(self->p.s, in, 6000, MSG_PEEK));
	EXPECT_TRUE(pattern_ok(in, 4900, 100));
	EXPECT_TRUE(took(self->p.s, 9900, 100));
	EXPECT_EQ(-1, setsockopt(self->p.s, SOL_SOCKET, SO_PEEK_OFF, &at, sizeof(at)));
	EXPECT_EQ(EOPNOTSUPP, errno);
}

/* A record of one byte costs the memory of a page: MSG_PEEK ends at SO_RCVBUF of that. */
TEST_F(data, peek_tiny_records)
{
	int size = 65536, sent = 0;
	socklen_t len = sizeof(size);
	ssize_t n;

	ASSERT_EQ(0, setsockopt(self->p.s, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	ASSERT_EQ(0, getsockopt(self->p.s, SOL_SOCKET, SO_RCVBUF, &size, &len));
	while (sent < 1000 && send(self->p.c, out + sent, 1, MSG_DONTWAIT) == 1)
		sent++;
	EXPECT_LT(200, sent);
	EXPECT_TRUE(WAIT_FOR(poll_now(self->p.s, POLLIN)));
	for (int i = 0; i < 3; i++) {
		n = recv(self->p.s, in, sizeof(in), MSG_PEEK | MSG_DONTWAIT);
		EXPECT_LT(1, n);
		EXPECT_GE(size / 4096, n);
		EXPECT_TRUE(pattern_ok(in, (size_t)n, 0));
	}
	EXPECT_TRUE(took(self->p.s, (size_t)sent, 0));
}

TEST_F(data, waitall)
{
	struct job j = { .fd = self->p.c, .len = 200000 };
	pthread_t t = thread_start(write_job, &j);

	EXPECT_EQ(200000, recv(self->p.s, in, 200000, MSG_WAITALL));
	EXPECT_TRUE(pattern_ok(in, 200000, 0));
	pthread_join(t, NULL);
}

TEST_F(data, waitall_ends_with_the_stream)
{
	if (variant->manual)
		SKIP(return, "no close_notify with keys by hand");
	ASSERT_EQ(300, write_all(self->p.c, out, 300));
	ASSERT_EQ(0, shutdown(self->p.c, SHUT_WR));
	EXPECT_EQ(300, recv(self->p.s, in, 1000, MSG_WAITALL));
	EXPECT_EQ(0, recv(self->p.s, in, 1000, MSG_WAITALL));
}

TEST_F(data, vectors)
{
	struct iovec w[5] = { { out, 1 },
			      { out + 1, 0 },
			      { out + 1, 7000 },
			      { out + 7001, 20000 },
			      { out + 27001, 2999 } };
	struct iovec r[3] = { { in, 10 }, { in + 10, 0 }, { in + 10, 40000 } };
	size_t at = 0;

	ASSERT_EQ(30000, writev(self->p.c, w, 5));
	while (at < 30000) {
		ssize_t n = readv(self->p.s, r, 3);

		ASSERT_LT(0, n);
		ASSERT_TRUE(pattern_ok(in, (size_t)n, at));
		at += (size_t)n;
	}
}

TEST_F(data, poll_follows_the_data)
{
	EXPECT_EQ(POLLOUT, poll_now(self->p.s, POLLIN | POLLOUT));
	ASSERT_EQ(10, send(self->p.c, out, 10, 0));
	EXPECT_EQ(POLLIN, poll_for(self->p.s, POLLIN));
	EXPECT_EQ(4, recv(self->p.s, in, 4, 0));
	/* The rest of the record is no longer TCP's, and still there. */
	EXPECT_EQ(POLLIN, poll_now(self->p.s, POLLIN));
	EXPECT_EQ(6, recv(self->p.s, in, 10, 0));
	EXPECT_EQ(0, poll_now(self->p.s, POLLIN));
	EXPECT_EQ(-1, recv(self->p.s, in, 10, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

static int queued(int fd, unsigned long what)
{
	int n;

	return ioctl(fd, what, &n) ? -errno : n;
}

/* tcp(7): counted and gone, with no memory to put them */
TEST_F(data, trunc)
{
	ASSERT_EQ(30000, write_all(self->p.c, out, 30000));
	ASSERT_EQ(10, recv(self->p.s, in, 10, MSG_PEEK | MSG_WAITALL));
	EXPECT_EQ(20000, recv(self->p.s, NULL, 20000, MSG_TRUNC | MSG_WAITALL));
	EXPECT_TRUE(took(self->p.s, 10000, 20000));
	ASSERT_EQ(30000, write_all(self->p.c, out, 30000));
	memset(in, 0xee, 30000);
	EXPECT_EQ(20000, recv(self->p.s, in, 20000, MSG_TRUNC | MSG_WAITALL));
	for (size_t i = 0; i < 20000; i++)
		ASSERT_EQ(0xee, in[i]);
	EXPECT_TRUE(took(self->p.s, 10000, 20000));
}

/* shutdown() for reading ends what comes, not what is there. */
TEST_F(data, shutdown_for_reading)
{
	ASSERT_EQ(100, write_all(self->p.c, out, 100));
	ASSERT_EQ(100, write_all(self->p.c, out + 100, 100));
	ASSERT_TRUE(poll_for(self->p.s, POLLIN));
	ASSERT_EQ(0, shutdown(self->p.s, SHUT_RD));
	EXPECT_TRUE(took(self->p.s, 200, 0));
	EXPECT_EQ(0, recv(self->p.s, in, 1, 0));
}

/* One edge for the data, and one for the end that lay behind it: epoll(7) takes a short read for
 * all there is.
 */
TEST_F(data, edges)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_EQ(100, write_all(self->p.c, out, 100));
	ASSERT_EQ(0, shutdown(self->p.c, SHUT_WR));
	ASSERT_TRUE(WAIT_FOR(queued(self->p.c, SIOCOUTQ) == 0));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->p.s, &e));
	ASSERT_EQ(1, epoll_wait(ep, &e, 1, PATIENCE_MS));
	EXPECT_EQ(100, recv(self->p.s, in, sizeof(in), 0));
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, 1000));
	EXPECT_EQ(0, recv(self->p.s, in, sizeof(in), 0));
	close(ep);
}

/* What MSG_MORE left open goes when TCP would send what it holds. */
TEST_F(data, more_then_no_delay)
{
	static const int options[] = { TCP_NODELAY, TCP_CORK };
	int on = 1, off = 0;

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		int *value = options[i] == TCP_CORK ? &off : &on;

		ASSERT_EQ(100, send(self->p.c, out, 100, MSG_MORE));
		ASSERT_EQ(0, poll_now(self->p.s, POLLIN));
		ASSERT_EQ(0, setsockopt(self->p.c, SOL_TCP, options[i], value, sizeof(*value)));
		EXPECT_EQ(POLLIN, poll_for(self->p.s, POLLIN));
		EXPECT_EQ(100, recv(self->p.s, in, sizeof(in), MSG_DONTWAIT));
	}
}

/* Who finds a socket readable and nothing in it takes that for the end. */
TEST_F(data, bytes_to_read)
{
	EXPECT_EQ(0, queued(self->p.s, FIONREAD));
	ASSERT_EQ(100, write_all(self->p.c, out, 100));
	ASSERT_EQ(50, write_all(self->p.c, out + 100, 50));
	ASSERT_TRUE(poll_for(self->p.s, POLLIN));
	EXPECT_EQ(100, queued(self->p.s, FIONREAD));
	ASSERT_EQ(150, recv(self->p.s, in, 150, MSG_PEEK | MSG_WAITALL));
	EXPECT_EQ(150, queued(self->p.s, FIONREAD));
	EXPECT_TRUE(took(self->p.s, 70, 0));
	EXPECT_EQ(80, queued(self->p.s, FIONREAD));
	EXPECT_TRUE(took(self->p.s, 80, 70));
	EXPECT_EQ(0, queued(self->p.s, FIONREAD));
	ASSERT_EQ(0, shutdown(self->p.c, SHUT_WR));
	ASSERT_TRUE(poll_for(self->p.s, POLLIN));
	EXPECT_EQ(0, queued(self->p.s, FIONREAD));
	EXPECT_EQ(0, recv(self->p.s, in, 1, 0));
}

TEST_F(data, bytes_to_send)
{
	int n = 0;

	EXPECT_TRUE(WAIT_FOR(queued(self->p.c, SIOCOUTQ) == 0));
	ASSERT_EQ(100, send(self->p.c, out, 100, MSG_MORE));
	EXPECT_EQ(100, queued(self->p.c, SIOCOUTQNSD));
	EXPECT_EQ(100, queued(self->p.c, SIOCOUTQ));
	ASSERT_EQ(1, send(self->p.c, out + 100, 1, 0));
	EXPECT_TRUE(took(self->p.s, 101, 0));
	EXPECT_TRUE(WAIT_FOR(queued(self->p.c, SIOCOUTQ) == 0));
	set_nonblock(self->p.c, true);
	while (write(self->p.c, out, sizeof(out)) > 0)
		n++;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LT(0, queued(self->p.c, SIOCOUTQNSD));
	EXPECT_LE(queued(self->p.c, SIOCOUTQNSD), queued(self->p.c, SIOCOUTQ));
	EXPECT_GE(queued(self->p.c, SIOCOUTQ), queued(self->p.s, FIONREAD));
	EXPECT_EQ(-EFAULT, ioctl(self->p.s, FIONREAD, NULL) ? -errno : 0);
}

TEST_F(data, receive_timeout)
{
	struct timeval tv = { .tv_usec = 50000 };

	ASSERT_EQ(0, setsockopt(self->p.s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	EXPECT_EQ(-1, recv(self->p.s, in, 10, 0));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(10, send(self->p.c, out, 10, 0));
	EXPECT_TRUE(took(self->p.s, 10, 0));
}

/* Fill until EAGAIN with a small send buffer, then drain: nothing is lost, nothing sent twice. */
TEST_F(data, back_pressure)
{
	size_t sent = 0, got = 0;
	int small = 8192;
	ssize_t n;

	ASSERT_EQ(0, setsockopt(self->p.c, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)));
	set_nonblock(self->p.c, true);
	set_nonblock(self->p.s, true);
	while (sent < BIG) {
		n = send(self->p.c, out + sent, BIG - sent < 30000 ? BIG - sent : 30000, 0);
		if (n > 0) {
			sent += (size_t)n;
			continue;
		}
		ASSERT_EQ(EAGAIN, errno);
		while ((n = recv(self->p.s, in, 9000, 0)) > 0) {
			ASSERT_TRUE(pattern_ok(in, (size_t)n, got));
			got += (size_t)n;
		}
		ASSERT_EQ(EAGAIN, errno);
		ASSERT_EQ(POLLOUT, poll_for(self->p.c, POLLOUT));
	}
	set_nonblock(self->p.s, false);
	while (got < sent) {
		n = recv(self->p.s, in, 9000, 0);
		ASSERT_LT(0, n);
		ASSERT_TRUE(pattern_ok(in, (size_t)n, got));
		got += (size_t)n;
	}
}

/* A receive buffer that holds less than a record must not stall the connection. */
TEST_F(data, tiny_receive_buffer)
{
	struct job j = { .fd = self->p.c, .len = 100000 };
	int tiny = 2048;
	pthread_t t;

	ASSERT_EQ(0, setsockopt(self->p.s, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)));
	t = thread_start(write_job, &j);
	EXPECT_TRUE(took(self->p.s, 100000, 0));
	pthread_join(t, NULL);
	EXPECT_EQ(100000, j.done);
}

static int pattern_file(size_t len)
{
	int fd = memfd_create("pattern", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, out, len) != (ssize_t)len)
		return -1;
	return fd;
}

TEST_F(data, sendfile)
{
	static const size_t sizes[] = { 1, 4096, 4097, 16384, 50001, 400000 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct job j = { .fd = self->p.s, .len = sizes[i] };
		int fd = pattern_file(sizes[i]);
		pthread_t t;
		off_t at = 0;

		ASSERT_LE(0, fd);
		t = thread_start(read_job, &j);
		while (at < (off_t)sizes[i]) {
			ssize_t n = sendfile(self->p.c, fd, &at, sizes[i] - (size_t)at);

			ASSERT_LT(0, n);
		}
		pthread_join(t, NULL);
		EXPECT_EQ((ssize_t)sizes[i], j.done);
		EXPECT_TRUE(pattern_ok(in, sizes[i], 0));
		close(fd);
	}
}

/* Asked for more than there is, sendfile() says MSG_MORE of the last page as well. */
TEST_F(data, sendfile_beyond_the_end)
{
	off_t at = 0;
	int fd = pattern_file(10000);

	ASSERT_EQ(10000, sendfile(self->p.c, fd, &at, BIG));
	for (size_t got = 0; got < 10000;) {
		ASSERT_EQ(POLLIN, poll_for(self->p.s, POLLIN));
		got += (size_t)recv(self->p.s, in + got, 10000 - got, MSG_DONTWAIT);
	}
	EXPECT_TRUE(pattern_ok(in, 10000, 0));
	close(fd);
}

TEST_F(data, splice_to_socket)
{
	struct job j = { .fd = self->p.s, .len = 200000 };
	int pipefd[2];
	size_t at = 0;
	pthread_t t;

	ASSERT_EQ(0, pipe(pipefd));
	t = thread_start(read_job, &j);
	while (at < 200000) {
		size_t piece = 200000 - at < 30000 ? 200000 - at : 30000, left;
		ssize_t n = write(pipefd[1], out + at, piece);

		ASSERT_EQ((ssize_t)piece, n);
		for (left = piece; left; left -= (size_t)n) {
			n = splice(pipefd[0], NULL, self->p.c, NULL, left, SPLICE_F_MORE);
			ASSERT_LT(0, n);
		}
		at += piece;
	}
	/* What SPLICE_F_MORE held back leaves with the next write. */
	ASSERT_EQ(1, write(pipefd[1], out, 1));
	ASSERT_EQ(1, splice(pipefd[0], NULL, self->p.c, NULL, 1, 0));
	pthread_join(t, NULL);
	EXPECT_EQ(200000, j.done);
	EXPECT_TRUE(pattern_ok(in, 200000, 0));
	EXPECT_TRUE(took(self->p.s, 1, 0));
}

TEST_F(data, splice_from_socket)
{
	struct job j = { .fd = self->p.c, .len = 200000 };
	int pipefd[2];
	size_t at = 0;
	pthread_t t;

	ASSERT_EQ(0, pipe(pipefd));
	t = thread_start(write_job, &j);
	while (at < 200000) {
		ssize_t n = splice(self->p.s, NULL, pipefd[1], NULL, 20000, 0);

		ASSERT_LT(0, n);
		ASSERT_EQ(n, read(pipefd[0], in, (size_t)n));
		ASSERT_TRUE(pattern_ok(in, (size_t)n, at));
		at += (size_t)n;
	}
	pthread_join(t, NULL);
	EXPECT_EQ(200000, at);
	EXPECT_EQ(-1, splice(self->p.s, NULL, pipefd[1], NULL, 10, SPLICE_F_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
}

/* Splice takes what a partial read left of a record. */
TEST_F(data, splice_after_partial_read)
{
	int pipefd[2];

	ASSERT_EQ(0, pipe(pipefd));
	ASSERT_EQ(1000, send(self->p.c, out, 1000, 0));
	ASSERT_EQ(100, recv(self->p.s, in, 100, 0));
	ASSERT_EQ(900, splice(self->p.s, NULL, pipefd[1], NULL, 5000, 0));
	ASSERT_EQ(900, read(pipefd[0], in, 5000));
	EXPECT_TRUE(pattern_ok(in, 900, 100));
}

/* MSG_MORE puts small writes into one record; MSG_EOR and a plain write end it. */
TEST_F(data, more)
{
	uint64_t before = info_get(self->p.c).tx_records;

	for (size_t i = 0; i < 10; i++)
		ASSERT_EQ(100, send(self->p.c, out + 100 * i, 100, MSG_MORE));
	ASSERT_EQ(100, send(self->p.c, out + 1000, 100, 0));
	EXPECT_TRUE(took(self->p.s, 1100, 0));
	EXPECT_EQ(before + 1, info_get(self->p.c).tx_records);
	ASSERT_EQ(100, send(self->p.c, out, 100, MSG_MORE));
	ASSERT_EQ(100, send(self->p.c, out + 100, 100, MSG_EOR));
	EXPECT_TRUE(took(self->p.s, 200, 0));
	EXPECT_EQ(before + 2, info_get(self->p.c).tx_records);
}

TEST_F(data, more_beyond_a_record)
{
	for (size_t i = 0; i < 10; i++)
		ASSERT_EQ(5000, send(self->p.c, out + 5000 * i, 5000, MSG_MORE));
	ASSERT_EQ(0, send(self->p.c, out, 0, 0));
	ASSERT_EQ(1, send(self->p.c, out + 50000, 1, 0));
	EXPECT_TRUE(took(self->p.s, 50001, 0));
}

/* close_notify must come after what MSG_MORE held back. */
TEST_F(data, more_then_shutdown)
{
	ASSERT_EQ(100, send(self->p.c, out, 100, MSG_MORE));
	ASSERT_EQ(0, shutdown(self->p.c, SHUT_WR));
	EXPECT_TRUE(took(self->p.s, 100, 0));
	if (!variant->manual)
		EXPECT_EQ(0, recv(self->p.s, in, 1, 0));
}

TEST_F(data, bad_addresses)
{
	struct iovec iov[2] = { { out, 100 }, { (void *)8, 100 } };
	uint8_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			     0);
	ssize_t n;

	ASSERT_NE(MAP_FAILED, (void *)page);
	ASSERT_EQ(0, munmap(page + 4096, 4096));
	EXPECT_EQ(-1, send(self->p.c, (void *)8, 100, 0));
	EXPECT_EQ(EFAULT, errno);
	n = writev(self->p.c, iov, 2);
	EXPECT_TRUE(n == 100 || (n == -1 && errno == EFAULT));
	if (n == 100)
		EXPECT_TRUE(took(self->p.s, 100, 0));

	/* A receive that runs off its page gives what fitted or EFAULT, and the socket lives on. */
	ASSERT_EQ(500, send(self->p.c, out, 500, 0));
	n = recv(self->p.s, page + 4096 - 100, 500, 0);
	EXPECT_TRUE(n == 100 || (n == -1 && errno == EFAULT));
	EXPECT_LT(0, recv(self->p.s, in, 500, MSG_DONTWAIT));
	ASSERT_EQ(50, send(self->p.c, out, 50, 0));
	EXPECT_LT(0, recv(self->p.s, in, 500, 0));
	munmap(page, 4096);
}

TEST_F(data, broken_pipe)
{
	ASSERT_EQ(0, shutdown(self->p.c, SHUT_WR));
	EXPECT_EQ(-1, send(self->p.c, out, 10, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(10, send(self->p.s, out, 10, 0));
	EXPECT_TRUE(took(self->p.c, 10, 0));
}

/* Two writers and two readers on one connection: every byte once, each write of one record whole. */
static void *writer_of_blocks(void *arg)
{
	struct job *j = arg;
	uint8_t block[512];

	memset(block, (int)j->offset, sizeof(block));
	for (int i = 0; i < 100; i++) {
		if (send(j->fd, block, sizeof(block), 0) != sizeof(block))
			return NULL;
		j->done++;
	}
	return NULL;
}

TEST_F(data, two_writers)
{
	struct job a = { .fd = self->p.c, .offset = 'a' }, b = { .fd = self->p.c, .offset = 'b' };
	pthread_t ta = thread_start(writer_of_blocks, &a), tb = thread_start(writer_of_blocks, &b);
	int seen[2] = { 0, 0 };

	for (int i = 0; i < 200; i++) {
		ASSERT_EQ(512, read_all(self->p.s, in, 512));
		ASSERT_TRUE(in[0] == 'a' || in[0] == 'b');
		for (int k = 1; k < 512; k++)
			ASSERT_EQ(in[0], in[k]);
		seen[in[0] - 'a']++;
	}
	pthread_join(ta, NULL);
	pthread_join(tb, NULL);
	EXPECT_EQ(100, seen[0]);
	EXPECT_EQ(100, seen[1]);
}

TEST_F(data, counters)
{
	struct tlsock_info c, s;

	ASSERT_EQ(1000, send(self->p.c, out, 1000, 0));
	EXPECT_TRUE(took(self->p.s, 1000, 0));
	c = info_get(self->p.c);
	s = info_get(self->p.s);
	EXPECT_EQ(sizeof(c), c.size);
	EXPECT_EQ(1000, c.tx_bytes);
	EXPECT_EQ(1000, s.rx_bytes);
	EXPECT_EQ(c.tx_records, s.rx_records);
	EXPECT_EQ(variant->version, c.version);
	EXPECT_LE(1000, stat_get("TlsockTxBytes"));
	EXPECT_LE(1000, stat_get("TlsockRxBytes"));
	if (variant->manual)
		return;
	EXPECT_EQ(variant->suite, c.cipher_suite);
	EXPECT_EQ(29, c.group);
	EXPECT_EQ(0x0403, s.signature_scheme);
	EXPECT_EQ(TLSOCK_ROLE_CLIENT, c.role);
	EXPECT_EQ(TLSOCK_ROLE_SERVER, s.role);
	EXPECT_EQ(2, stat_get("TlsockHandshakes"));
}

TEST_HARNESS_MAIN
