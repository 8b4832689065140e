// SPDX-License-Identifier: GPL-2.0-only
/*
 * close.c: the end of a socket in every state: close() and the exit of its process, with data in
 * flight, with other threads inside; a socket shared by fork() and passed by SCM_RIGHTS; a listener
 * with children in its queue and in their handshakes. What was accepted for sending arrives, and
 * after all of it nothing of the module is left over (the VM's gate unloads it).
 */
#include "lib/net.h"
#include "lib/worker.h"

#include <signal.h>
#include <sys/un.h>

#include "kselftest_harness.h"

static uint8_t buf[256 * 1024];

FIXTURE(close)
{
	struct pair p;
	struct worker w;
};

FIXTURE_SETUP(close)
{
	memset(&self->w, 0, sizeof(self->w));
	pair_init(&self->p, TLS13, 0);
	ASSERT_EQ(0, env_setup());
	pattern_fill(buf, sizeof(buf), 0);
}

FIXTURE_TEARDOWN(close)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 0));
}

/* ---- each state ---- */

/* Bring a client to a state; the peer is a raw socket. */
enum where {
	AT_IDLE,
	AT_CONNECTING, /* nobody answers SYN */
	AT_HANDSHAKE, /* no worker */
	AT_OWNED, /* a worker has it and says nothing */
	AT_ESTABLISHED,
	AT_UNREAD, /* established, data not read, a record half there */
	AT_BLOCKED, /* established, the send buffer full */
	AT_SHUT, /* half closed */
	AT_FAILED,
	AT_STATES,
};

static const char *const where_names[] = { "idle",    "connecting",  "handshake",
					   "owned",   "established", "unread",
					   "blocked", "shut",	     "failed" };

/* An established client with something special about it. */
static int established(struct pair *p, enum where where)
{
	uint8_t rec[REC_MAX];
	size_t n;

	if (pair_raw_server(p, 0))
		return -1;
	set_nonblock(p->c, true);
	if (where == AT_UNREAD) {
		rec_send(p->s, &p->stx, REC_DATA, buf, 5000);
		n = rec_seal(&p->stx, REC_DATA, buf, 5000, 0, rec);
		write_all(p->s, rec, n / 2);
		if (recv(p->c, rec, 10, 0) != 10 && !poll_for(p->c, POLLIN))
			return -1;
	} else if (where == AT_BLOCKED) {
		while (send(p->c, buf, sizeof(buf), MSG_NOSIGNAL) > 0)
			;
		return errno == EAGAIN ? 0 : -1;
	} else if (where == AT_SHUT) {
		return shutdown(p->c, SHUT_WR);
	} else if (where == AT_FAILED) {
		rec_send(p->s, &p->stx, REC_ALERT, "\2\50", 2);
		return poll_for(p->c, POLLIN) && recv(p->c, rec, 1, 0) == -1 ? 0 : -1;
	}
	return 0;
}

static int bring(struct pair *p, struct worker *w, struct nl *nl, enum where where)
{
	struct script brief = { .brief = true };
	struct event *e;

	pair_init(p, TLS13, 0);
	switch (where) {
	case AT_IDLE:
		p->c = socket_new(AF_INET, true);
		return p->c < 0 ? -1 : 0;
	case AT_CONNECTING:
		return pair_connecting(p);
	case AT_HANDSHAKE:
		return pair_handshake(p);
	case AT_OWNED:
		if (nl_open(nl) || nl_register(nl) || pair_handshake(p))
			return -1;
		e = nl_next(nl, PATIENCE_MS);
		free(e);
		return e ? 0 : -1;
	default:
		return worker_start(w, &brief) || established(p, where) ? -1 : 0;
	}
}

TEST_F(close, in_every_state)
{
	struct nl nl;

	for (int where = 0; where < AT_STATES; where++) {
		memset(&nl, 0, sizeof(nl));
		nl.fd = -1;
		ASSERT_EQ(0, bring(&self->p, &self->w, &nl, (enum where)where))
		TH_LOG("%s", where_names[where]);
		EXPECT_EQ(0, close(self->p.c));
		self->p.c = -1;
		EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 0));
		pair_close(&self->p);
		worker_stop(&self->w);
		nl_close(&nl);
	}
}

/* The same by _exit() and by SIGKILL, in a process with a namespace of its own that ends with it. */
static int end_in_state(enum where where, bool killed)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		struct worker w = { 0 };
		struct nl nl = { .fd = -1 };
		struct pair p;

		if (env_setup() || bring(&p, &w, &nl, where))
			_exit(1);
		if (killed)
			kill(getpid(), SIGKILL);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	if (killed)
		return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(close, exit_in_every_state)
{
	for (int where = 0; where < AT_STATES; where++) {
		EXPECT_EQ(0, end_in_state((enum where)where, false))
		TH_LOG("%s", where_names[where]);
	}
}

TEST_F(close, kill_in_every_state)
{
	for (int where = 0; where < AT_STATES; where++) {
		EXPECT_EQ(0, end_in_state((enum where)where, true))
		TH_LOG("%s", where_names[where]);
	}
}

/* ---- what was accepted arrives ---- */

static void arrives(struct __test_metadata *_metadata, struct pair *p, size_t len)
{
	static uint8_t got[sizeof(buf)];

	EXPECT_EQ((ssize_t)len, read_all(p->s, got, len));
	EXPECT_TRUE(pattern_ok(got, len, 0));
	EXPECT_EQ(0, recv(p->s, got, 1, 0));
	EXPECT_EQ(0, error_get(p->s).error);
}

TEST_F(close, right_after_a_write)
{
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, pair_tls(&self->p, 0));
	ASSERT_EQ(100000, write_all(self->p.c, buf, 100000));
	close(self->p.c);
	self->p.c = -1;
	arrives(_metadata, &self->p, 100000);
}

TEST_F(close, with_more_held_back)
{
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, pair_tls(&self->p, 0));
	ASSERT_EQ(500, send(self->p.c, buf, 500, MSG_MORE));
	close(self->p.c);
	self->p.c = -1;
	arrives(_metadata, &self->p, 500);
}

TEST_F(close, lingering)
{
	struct linger on = { .l_onoff = 1, .l_linger = 5 };

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, pair_tls(&self->p, 0));
	ASSERT_EQ(0, setsockopt(self->p.c, SOL_SOCKET, SO_LINGER, &on, sizeof(on)));
	ASSERT_EQ(50000, write_all(self->p.c, buf, 50000));
	close(self->p.c);
	self->p.c = -1;
	arrives(_metadata, &self->p, 50000);
}

TEST_F(close, linger_zero_resets)
{
	struct linger hard = { .l_onoff = 1 };
	char byte;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, pair_tls(&self->p, 0));
	ASSERT_EQ(0, setsockopt(self->p.c, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)));
	ASSERT_EQ(500, send(self->p.c, buf, 500, MSG_MORE));
	ASSERT_EQ(0, opt_int(self->p.s, TLSOCK_KEY_UPDATE, 1)); /* unread */
	close(self->p.c);
	self->p.c = -1;
	EXPECT_EQ(-1, recv(self->p.s, &byte, 1, 0)); /* never an end of file, nor data */
	EXPECT_EQ(ECONNRESET, errno);
}

/* ---- shared sockets ---- */

TEST_F(close, fork)
{
	char word[8] = "";
	int status;
	pid_t pid;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, pair_tls(&self->p, 0));
	pid = fork();
	if (pid == 0) {
		if (send(self->p.c, "child", 5, 0) != 5)
			_exit(1);
		close(self->p.c);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(5, read_all(self->p.s, word, 5));
	EXPECT_STREQ("child", word);
	/* The child's close was not the last: no close_notify yet. */
	EXPECT_EQ(-1, recv(self->p.s, word, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(6, send(self->p.c, "parent", 6, 0));
	EXPECT_EQ(6, read_all(self->p.s, word, 6));
	close(self->p.c);
	self->p.c = -1;
	EXPECT_EQ(0, recv(self->p.s, word, 1, 0));
}

static int pass_fd(int via, int fd)
{
	union {
		struct cmsghdr hdr;
		char room[CMSG_SPACE(sizeof(int))];
	} c;
	struct iovec iov = { "x", 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)
	};

	memset(&c, 0, sizeof(c));
	c.hdr.cmsg_level = SOL_SOCKET;
	c.hdr.cmsg_type = SCM_RIGHTS;
	c.hdr.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&c.hdr), &fd, sizeof(fd));
	return sendmsg(via, &m, 0) == 1 ? 0 : -1;
}

static int take_fd(int via)
{
	union {
		struct cmsghdr hdr;
		char room[CMSG_SPACE(sizeof(int))];
	} c;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)
	};
	int fd = -1;

	if (recvmsg(via, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

/* Passed in the middle of the handshake; the receiver waits for it and speaks. */
TEST_F(close, scm_rights)
{
	char word[8] = "";
	int status, un[2];
	struct addr a;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, un));
	pid = fork();
	if (pid == 0) {
		int fd = take_fd(un[1]);

		_exit(fd >= 0 && send(fd, "passed", 6, 0) == 6 ? 0 : 1);
	}
	self->p.l = listen_on(AF_INET, true, &a);
	self->p.c = socket_new(AF_INET, true);
	set_nonblock(self->p.c, true);
	ASSERT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	self->p.s = accept(self->p.l, NULL, NULL);
	set_nonblock(self->p.c, false);
	ASSERT_EQ(0, pass_fd(un[0], self->p.c));
	close(self->p.c);
	self->p.c = -1;
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	EXPECT_EQ(6, read_all(self->p.s, word, 6));
	EXPECT_STREQ("passed", word);
	EXPECT_EQ(0, recv(self->p.s, word, 1, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* A socket that is closed while it lies in a Unix socket nobody reads. */
TEST_F(close, scm_rights_never_taken)
{
	char byte;
	int un[2];

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, pair_tls(&self->p, 0));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, un));
	ASSERT_EQ(0, pass_fd(un[0], self->p.c));
	close(self->p.c);
	self->p.c = -1;
	close(un[0]);
	close(un[1]);
	EXPECT_EQ(0, recv(self->p.s, &byte, 1, 0));
}

/* ---- listeners ---- */

TEST_F(close, listener_with_queue)
{
	struct addr a;
	int c[8];
	char byte;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	self->p.l = listen_on(AF_INET, true, &a);
	for (size_t i = 0; i < ARRAY_LEN(c); i++) {
		c[i] = socket_new(AF_INET, i % 2);
		set_nonblock(c[i], i % 2);
		connect(c[i], &a.sa, a.len);
		if (i % 2 == 0)
			ASSERT_EQ(9, send(c[i], "plaintext", 9, 0));
	}
	close(self->p.l);
	self->p.l = -1;
	for (size_t i = 0; i < ARRAY_LEN(c); i++) {
		EXPECT_NE(0, poll_for(c[i], POLLIN));
		EXPECT_GE(0, recv(c[i], &byte, 1, 0));
		close(c[i]);
	}
}

TEST_F(close, listener_with_children_in_handshake)
{
	struct addr a;
	int s2;

	self->p.l = listen_on(AF_INET, true, &a);
	self->p.c = socket_new(AF_INET, true);
	set_nonblock(self->p.c, true);
	ASSERT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	self->p.s = accept(self->p.l, NULL, NULL);
	s2 = socket_new(AF_INET, false);
	ASSERT_EQ(0, connect(s2, &a.sa, a.len));
	close(self->p.l);
	self->p.l = -1;
	/* The accepted child does not need its listener any more. */
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	EXPECT_EQ(POLLOUT, poll_for(self->p.c, POLLOUT));
	EXPECT_EQ(5, send(self->p.c, "hello", 5, 0));
	EXPECT_EQ(5, read_all(self->p.s, buf, 5));
	close(s2);
}

/* ---- threads inside while the socket goes ---- */

struct crowd {
	int c, s;
	int stop;
};

static void *crowd_send(void *arg)
{
	struct crowd *x = arg;

	while (!__atomic_load_n(&x->stop, __ATOMIC_ACQUIRE))
		if (send(x->c, buf, 3000, MSG_NOSIGNAL) <= 0)
			break;
	return NULL;
}

static void *crowd_recv(void *arg)
{
	struct crowd *x = arg;
	uint8_t in[2000];

	while (recv(x->s, in, sizeof(in), 0) > 0)
		;
	return NULL;
}

static void *crowd_poll(void *arg)
{
	struct crowd *x = arg;
	struct pollfd p[2] = { { .fd = x->c, .events = POLLIN | POLLOUT },
			       { .fd = x->s, .events = POLLIN | POLLOUT } };

	while (!__atomic_load_n(&x->stop, __ATOMIC_ACQUIRE)) {
		if (poll(p, 2, 10) < 0 || (p[0].revents & POLLNVAL))
			break;
		info_get(x->c);
		error_get(x->s);
	}
	return NULL;
}

/* One in each direction: a second within 100 ms would be refused. */
static void *crowd_update(void *arg)
{
	struct crowd *x = arg;

	opt_int(x->c, TLSOCK_KEY_UPDATE, 1);
	opt_int(x->s, TLSOCK_KEY_UPDATE, 1);
	while (!__atomic_load_n(&x->stop, __ATOMIC_ACQUIRE))
		if (opt_int(x->c, TLSOCK_EOF, TLSOCK_EOF_LENIENT))
			break;
	return NULL;
}

TEST_F(close, threads_inside)
{
	static void *(*const jobs[])(void *) = { crowd_send, crowd_recv, crowd_poll, crowd_update };
	pthread_t t[ARRAY_LEN(jobs)];

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	for (int round = 0; round < 8; round++) {
		struct crowd x = { 0 };

		ASSERT_EQ(0, pair_tls(&self->p, 0));
		x.c = self->p.c;
		x.s = self->p.s;
		for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
			t[i] = thread_start(jobs[i], &x);
		EXPECT_TRUE(WAIT_FOR(info_get(self->p.s).rx_bytes > 3000));
		if (round % 2)
			shutdown(self->p.c, SHUT_RDWR);
		__atomic_store_n(&x.stop, 1, __ATOMIC_RELEASE);
		close(self->p.c);
		self->p.c = -1;
		for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
			pthread_join(t[i], NULL);
		pair_close(&self->p);
	}
}

/* accept() in one thread, shutdown() of the listener in another. */
static void *accept_loop(void *arg)
{
	struct crowd *x = arg;
	int fd;

	while ((fd = accept(x->s, NULL, NULL)) >= 0)
		close(fd);
	return NULL;
}

TEST_F(close, listener_under_accept)
{
	struct crowd x = { 0 };
	struct addr a;
	pthread_t t;
	int fd;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	self->p.l = listen_on(AF_INET, true, &a);
	x.s = self->p.l;
	t = thread_start(accept_loop, &x);
	for (int i = 0; i < 10; i++) {
		fd = socket_new(AF_INET, true);
		set_nonblock(fd, true);
		connect(fd, &a.sa, a.len);
		close(fd);
	}
	ASSERT_EQ(0, shutdown(self->p.l, SHUT_RDWR));
	pthread_join(t, NULL);
}

/* ---- in the middle of the handshake ---- */

TEST_F(close, shutdown_in_handshake)
{
	static const int how[] = { SHUT_WR, SHUT_RDWR };

	for (size_t i = 0; i < ARRAY_LEN(how); i++) {
		uint8_t seen[64];
		ssize_t n;

		ASSERT_EQ(0, pair_handshake(&self->p));
		EXPECT_EQ(0, shutdown(self->p.c, how[i]));
		EXPECT_EQ(-1, send(self->p.c, "plaintext", 9, MSG_NOSIGNAL));
		EXPECT_EQ(ECONNABORTED, errno);
		EXPECT_EQ(TLSOCK_STATE_FAILED, info_get(self->p.c).state);
		n = read_all(self->p.s, seen, sizeof(seen));
		EXPECT_TRUE(n == 0 || (n == 7 && seen[0] == REC_ALERT));
		pair_close(&self->p);
	}
}

TEST_HARNESS_MAIN
