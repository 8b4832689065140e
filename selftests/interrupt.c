// SPDX-License-Identifier: GPL-2.0-only
/*
 * interrupt.c: a call that is broken off in the middle: signals while it sends, receives or splices, with
 * SA_RESTART and without; threads that send, receive, poll, ask and close on one socket at once. What a
 * call says that it has taken or given is what arrives, once and in order; close() ends every other call
 * at last. Complaints of the kernel are for the gate.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include <linux/tls.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "kselftest_harness.h"

#define TOTAL (3 << 20)

static uint8_t data[TOTAL];

FIXTURE(interrupt)
{
	struct pair p;
	struct worker w;
};

FIXTURE_VARIANT(interrupt)
{
	bool manual;
	int flags; /* of the signal's action */
};

/* clang-format off */
FIXTURE_VARIANT_ADD(interrupt, handshake) { .manual = false };
FIXTURE_VARIANT_ADD(interrupt, handshake_restart) { .manual = false, .flags = SA_RESTART };
FIXTURE_VARIANT_ADD(interrupt, manual) { .manual = true };
/* clang-format on */

static void nothing(int sig)
{
	(void)sig;
}

FIXTURE_SETUP(interrupt)
{
	struct sigaction sa = { .sa_handler = nothing, .sa_flags = variant->flags };

	memset(&self->w, 0, sizeof(self->w));
	pair_init(&self->p, TLS13, 0);
	ASSERT_EQ(0, env_setup());
	pattern_fill(data, sizeof(data), 0);
	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	if (variant->manual) {
		ASSERT_EQ(0, pair_manual(&self->p, TLS13, SUITE_AES_128));
		return;
	}
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, pair_tls(&self->p, 0));
	set_nonblock(self->p.s, false);
}

FIXTURE_TEARDOWN(interrupt)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_EQ(0, self->w.error);
}

/* ---- signals ---- */

struct side {
	int fd;
	bool splices, failed, done;
	size_t interrupted;
	pthread_t thread;
};

/* Everything, in calls of many sizes; EINTR means that nothing was taken. */
static void *send_all(void *arg)
{
	struct side *side = arg;
	size_t at = 0, len;
	ssize_t n;

	for (size_t i = 1; at < TOTAL; i++) {
		len = i * 7919 % 200000 + 1;
		n = send(side->fd, data + at, len < TOTAL - at ? len : TOTAL - at, MSG_NOSIGNAL);
		if (n > 0)
			at += (size_t)n;
		else if (n < 0 && errno == EINTR)
			side->interrupted++;
		else
			break;
	}
	side->failed = at != TOTAL;
	__atomic_store_n(&side->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static ssize_t take(const struct side *side, const int *pipes, uint8_t *buf, size_t len)
{
	ssize_t n;

	if (!side->splices)
		return recv(side->fd, buf, len, MSG_WAITALL);
	n = splice(side->fd, NULL, pipes[1], NULL, len < 30000 ? len : 30000, 0);
	for (ssize_t at = 0, got; at<n; at += got> 0 ? got : 0) {
		got = read(pipes[0], buf + at, (size_t)(n - at));
		if (got <= 0 && errno != EINTR)
			return -1;
	}
	return n;
}

static void *receive_all(void *arg)
{
	struct side *side = arg;
	uint8_t *buf = malloc(200000);
	int pipes[2] = { -1, -1 };
	size_t at = 0, len;
	ssize_t n;

	side->failed = !buf || pipe(pipes);
	for (size_t i = 1; at < TOTAL && !side->failed; i++) {
		len = i * 6007 % 190000 + 1;
		n = take(side, pipes, buf, len < TOTAL - at ? len : TOTAL - at);
		if (n > 0 && pattern_ok(buf, (size_t)n, at))
			at += (size_t)n;
		else if (n < 0 && errno == EINTR)
			side->interrupted++;
		else
			side->failed = true;
	}
	free(buf);
	close(pipes[0]);
	close(pipes[1]);
	__atomic_store_n(&side->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void signalled(struct __test_metadata *_metadata, struct pair *p, bool splices)
{
	struct side out = { .fd = p->c }, in = { .fd = p->s, .splices = splices };
	int64_t end = now_ms() + 4 * PATIENCE_MS;

	out.thread = thread_start(send_all, &out);
	in.thread = thread_start(receive_all, &in);
	while (now_ms() < end && !(__atomic_load_n(&out.done, __ATOMIC_ACQUIRE) &&
				   __atomic_load_n(&in.done, __ATOMIC_ACQUIRE))) {
		pthread_kill(out.thread, SIGUSR1);
		pthread_kill(in.thread, SIGUSR1);
		sched_yield();
	}
	pthread_join(out.thread, NULL);
	pthread_join(in.thread, NULL);
	EXPECT_FALSE(out.failed);
	EXPECT_FALSE(in.failed);
}

TEST_F_TIMEOUT(interrupt, signals, 120)
{
	signalled(_metadata, &self->p, false);
}

TEST_F_TIMEOUT(interrupt, signals_in_splice, 120)
{
	signalled(_metadata, &self->p, true);
}

/* ---- threads ---- */

struct ring {
	int fd;
	bool stop;
	unsigned int calls;
};

static bool goes_on(struct ring *r)
{
	__atomic_add_fetch(&r->calls, 1, __ATOMIC_RELAXED);
	return !__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE);
}

static void *sender(void *arg)
{
	struct ring *r = arg;

	while (goes_on(r) && send(r->fd, data, 20000, MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

static void *reader(void *arg)
{
	struct ring *r = arg;
	uint8_t buf[30000];

	while (goes_on(r) && recv(r->fd, buf, sizeof(buf), 0) > 0)
		;
	return NULL;
}

static void *peeker(void *arg)
{
	struct ring *r = arg;
	uint8_t buf[30000];

	while (goes_on(r) && recv(r->fd, buf, sizeof(buf), MSG_PEEK) > 0)
		;
	return NULL;
}

static void *poller(void *arg)
{
	struct ring *r = arg;

	while (goes_on(r) && !(poll_now(r->fd, POLLIN | POLLOUT) & (POLLHUP | POLLNVAL)))
		info_get(r->fd);
	return NULL;
}

static void *(*const roles[])(void *) = { sender, sender, reader, peeker, poller };

/* Everybody at once at both ends, then the end of both. */
TEST_F_TIMEOUT(interrupt, threads, 120)
{
	struct ring r[2] = { { .fd = self->p.c }, { .fd = self->p.s } };
	pthread_t t[2 * ARRAY_LEN(roles)];

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		t[i] = thread_start(roles[i / 2], &r[i % 2]);
	EXPECT_TRUE(WAIT_FOR(__atomic_load_n(&r[0].calls, __ATOMIC_RELAXED) > 500 &&
			     __atomic_load_n(&r[1].calls, __ATOMIC_RELAXED) > 500));
	__atomic_store_n(&r[0].stop, true, __ATOMIC_RELEASE);
	__atomic_store_n(&r[1].stop, true, __ATOMIC_RELEASE);
	shutdown(self->p.c, SHUT_RDWR);
	shutdown(self->p.s, SHUT_RDWR);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		pthread_join(t[i], NULL);
}

/* The descriptor goes away under them; the socket ends when the last call has let go of it. */
TEST_F_TIMEOUT(interrupt, close_under_threads, 120)
{
	struct ring r[2] = { { .fd = self->p.c }, { .fd = self->p.s } };
	pthread_t t[2 * ARRAY_LEN(roles)];

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		t[i] = thread_start(roles[i / 2], &r[i % 2]);
	EXPECT_TRUE(WAIT_FOR(__atomic_load_n(&r[0].calls, __ATOMIC_RELAXED) > 100));
	close(self->p.c);
	self->p.c = -1;
	/* who sleeps in a call holds the socket: its peer's end wakes it */
	shutdown(self->p.s, SHUT_RDWR);
	__atomic_store_n(&r[0].stop, true, __ATOMIC_RELEASE);
	__atomic_store_n(&r[1].stop, true, __ATOMIC_RELEASE);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		pthread_join(t[i], NULL);
}

TEST_HARNESS_MAIN
