// SPDX-License-Identifier: GPL-2.0-only
/*
 * connect.c: connect() and accept() as a program sees them. connect() is 0 only when the peer is
 * authenticated; until then nothing is readable or writable; a failure has one errno and keeps it.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include <sched.h>
#include <signal.h>
#include <sys/time.h>

#include "kselftest_harness.h"

FIXTURE(connect)
{
	struct pair p;
	struct worker w;
};

FIXTURE_SETUP(connect)
{
	memset(&self->w, 0, sizeof(self->w));
	pair_init(&self->p, TLS13, 0);
	ASSERT_EQ(0, env_setup());
}

FIXTURE_TEARDOWN(connect)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_EQ(0, self->w.error);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 0));
}

struct acceptor {
	int l, s;
};

/* Take one connection and echo until its end. */
static void *accept_and_echo(void *arg)
{
	struct acceptor *a = arg;
	char buf[64];
	ssize_t n;

	a->s = accept4(a->l, NULL, NULL, SOCK_CLOEXEC);
	while ((n = recv(a->s, buf, sizeof(buf), 0)) > 0)
		send(a->s, buf, (size_t)n, MSG_NOSIGNAL);
	close(a->s);
	return NULL;
}

static int so_error(int fd)
{
	int err = -1;
	socklen_t len = sizeof(err);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	return err;
}

/* A blocking client over any address of the server: whole exchange. */
static void exchange(struct __test_metadata *_metadata, struct pair *p, int family,
		     const struct addr *to)
{
	struct acceptor acc = { .l = p->l };
	pthread_t t = thread_start(accept_and_echo, &acc);
	char buf[8];

	p->c = socket_new(family, true);
	ASSERT_EQ(0, connect(p->c, &to->sa, to->len));
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(p->c).state);
	EXPECT_EQ(5, send(p->c, "hello", 5, 0));
	EXPECT_EQ(5, read_all(p->c, buf, 5));
	EXPECT_EQ(0, memcmp(buf, "hello", 5));
	EXPECT_EQ(-1, connect(p->c, &to->sa, to->len));
	EXPECT_EQ(EISCONN, errno);
	EXPECT_EQ(0, shutdown(p->c, SHUT_WR));
	EXPECT_EQ(0, recv(p->c, buf, 1, 0));
	pthread_join(t, NULL);
}

TEST_F(connect, blocking_ipv4)
{
	struct addr a;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	self->p.l = listen_on(AF_INET, true, &a);
	exchange(_metadata, &self->p, AF_INET, &a);
}

TEST_F(connect, blocking_ipv6)
{
	struct addr a;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	self->p.l = listen_on(AF_INET6, true, &a);
	ASSERT_LE(0, self->p.l);
	exchange(_metadata, &self->p, AF_INET6, &a);
}

TEST_F(connect, blocking_mapped)
{
	struct addr a, to;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	self->p.l = listen_on(AF_INET, true, &a);
	to = addr_mapped(ntohs(a.in.sin_port));
	exchange(_metadata, &self->p, AF_INET6, &to);
}

/* A dual-stack listener gets an IPv4 client. */
TEST_F(connect, listener_dual_stack)
{
	struct addr a, to;
	int fd;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	fd = socket_new(AF_INET6, true);
	ASSERT_EQ(0, opt_str(fd, TLSOCK_CREDENTIAL, "test"));
	a = addr_of(AF_INET6, 0);
	a.in6.sin6_addr = in6addr_any;
	ASSERT_EQ(0, bind(fd, &a.sa, a.len));
	ASSERT_EQ(0, listen(fd, 5));
	ASSERT_EQ(0, getsockname(fd, &a.sa, &a.len));
	self->p.l = fd;
	to = addr_of(AF_INET, ntohs(a.in6.sin6_port));
	exchange(_metadata, &self->p, AF_INET, &to);
}

TEST_F(connect, nonblocking_masks)
{
	struct addr a;
	char buf[8];

	self->p.l = listen_on(AF_INET, true, &a);
	self->p.c = socket_new(AF_INET, true);
	set_nonblock(self->p.c, true);
	ASSERT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	EXPECT_EQ(EINPROGRESS, errno);
	self->p.s = accept(self->p.l, NULL, NULL);
	ASSERT_LE(0, self->p.s);
	set_nonblock(self->p.s, true);
	EXPECT_TRUE(WAIT_FOR(info_get(self->p.c).state == TLSOCK_STATE_HANDSHAKE));
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(self->p.s).state);
	EXPECT_EQ(0, poll_now(self->p.c, POLLIN | POLLOUT));
	EXPECT_EQ(0, poll_now(self->p.s, POLLIN | POLLOUT));
	EXPECT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	EXPECT_EQ(EALREADY, errno);
	EXPECT_EQ(-1, send(self->p.c, "x", 1, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, recv(self->p.s, buf, 1, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, so_error(self->p.c));

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	EXPECT_EQ(POLLOUT, poll_for(self->p.c, POLLIN | POLLOUT));
	EXPECT_EQ(0, so_error(self->p.c));
	EXPECT_EQ(POLLOUT, poll_for(self->p.s, POLLIN | POLLOUT));
	EXPECT_EQ(1, send(self->p.c, "x", 1, 0));
	EXPECT_NE(0, POLLIN & poll_for(self->p.s, POLLIN));
	EXPECT_EQ(1, recv(self->p.s, buf, 8, 0));
}

/* The worker refuses: one errno by every way of asking, and it stays. */
TEST_F(connect, refused_by_the_worker)
{
	struct script s = { .fail_errno = EKEYREJECTED, .fail_alert = 42 };
	struct tlsock_error e;
	struct addr a;
	char byte;

	ASSERT_EQ(0, worker_start(&self->w, &s));
	self->p.l = listen_on(AF_INET, false, &a);
	self->p.c = socket_new(AF_INET, true);
	ASSERT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	EXPECT_EQ(EKEYREJECTED, errno);
	e = error_get(self->p.c);
	EXPECT_EQ(EKEYREJECTED, e.error);
	EXPECT_EQ(42, e.alert_sent);
	EXPECT_STREQ("the script says no", e.text);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(-1, send(self->p.c, "x", 1, MSG_NOSIGNAL));
		EXPECT_EQ(EKEYREJECTED, errno);
		EXPECT_EQ(-1, recv(self->p.c, &byte, 1, 0));
		EXPECT_EQ(EKEYREJECTED, errno);
	}
	self->p.s = accept(self->p.l, NULL, NULL);
	EXPECT_EQ(42, rec_alert(self->p.s, NULL, NULL));
	EXPECT_EQ(1, stat_get("TlsockHandshakeFailed"));
}

struct late {
	int fd, err;
	struct addr to;
};

static void *connect_late(void *arg)
{
	struct late *l = arg;

	l->err = connect(l->fd, &l->to.sa, l->to.len) ? errno : 0;
	return NULL;
}

static int run_on(unsigned int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one);
}

/* TCP is up, the handshake refused and TCP closed again before the thread that sleeps in connect()
 * gets to run: it still says why. This thread has its processor, before it, from the moment on that
 * TCP is up: the first SYN met a full queue, so that is a matter of a timer on that processor.
 */
TEST_F(connect, refused_before_it_woke)
{
	struct script s = { .fail_errno = EKEYREJECTED, .fail_alert = 42 };
	struct sched_param real_time = { .sched_priority = 1 };
	struct linger hard = { .l_onoff = 1 };
	struct late late;
	pthread_t t;
	int first;

	if (run_on(1))
		SKIP(return, "one processor");
	ASSERT_EQ(0, worker_start(&self->w, &s));
	ASSERT_EQ(0, run_on(0));
	self->p.l = listen_on(AF_INET, false, &late.to);
	ASSERT_EQ(0, listen(self->p.l, 0));
	first = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(0, connect(first, &late.to.sa, late.to.len));
	self->p.c = late.fd = socket_new(AF_INET, true);
	t = thread_start(connect_late, &late);
	ASSERT_TRUE(WAIT_FOR(tcp_state(self->p.c) == TCP_SYN_SENT));
	close(first);
	close(accept4(self->p.l, NULL, NULL, SOCK_CLOEXEC));
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &real_time));
	self->p.s = accept4(self->p.l, NULL, NULL, SOCK_CLOEXEC);
	while (info_get(self->p.c).state != TLSOCK_STATE_FAILED)
		;
	ASSERT_EQ(0, setsockopt(self->p.s, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)));
	close(self->p.s);
	self->p.s = -1;
	while (tcp_state(self->p.c) != TCP_CLOSE)
		;
	pthread_join(t, NULL);
	EXPECT_EQ(EKEYREJECTED, late.err);
	EXPECT_EQ(TLSOCK_STATE_FAILED, info_get(self->p.c).state);
	EXPECT_STREQ("the script says no", error_get(self->p.c).text);
}

/* Two threads at once: one begins, the other waits with it or comes too late; both know one end. */
TEST_F(connect, from_two_threads)
{
	struct acceptor acc;
	struct late late[2];
	pthread_t t[2], server;
	struct addr a;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	acc.l = self->p.l = listen_on(AF_INET, true, &a);
	for (int i = 0; i < 100; i++) {
		server = thread_start(accept_and_echo, &acc);
		self->p.c = socket_new(AF_INET, true);
		for (int j = 0; j < 2; j++) {
			late[j] = (struct late){ .fd = self->p.c, .to = a };
			t[j] = thread_start(connect_late, &late[j]);
		}
		for (int j = 0; j < 2; j++)
			pthread_join(t[j], NULL);
		ASSERT_TRUE(!late[0].err || !late[1].err);
		ASSERT_TRUE(late[0].err + late[1].err == 0 || late[0].err + late[1].err == EISCONN);
		ASSERT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(self->p.c).state);
		close(self->p.c);
		pthread_join(server, NULL);
	}
	self->p.c = -1;
}

TEST_F(connect, refused_nonblocking)
{
	struct script s = { .fail_errno = ENOKEY, .fail_alert = 80 };
	struct addr a;

	ASSERT_EQ(0, worker_start(&self->w, &s));
	self->p.l = listen_on(AF_INET, false, &a);
	self->p.c = socket_new(AF_INET, true);
	set_nonblock(self->p.c, true);
	ASSERT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	EXPECT_EQ(EINPROGRESS, errno);
	EXPECT_EQ(POLLIN | POLLOUT | POLLERR | POLLHUP, poll_for(self->p.c, POLLIN | POLLOUT));
	EXPECT_EQ(ENOKEY, so_error(self->p.c));
	EXPECT_EQ(-1, send(self->p.c, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(ENOKEY, errno);
}

TEST_F(connect, server_name_needed)
{
	struct addr a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	self->p.c = fd;
	self->p.l = listen_on(AF_INET, false, &a);
	ASSERT_EQ(0, ulp_attach(fd));
	EXPECT_EQ(-1, connect(fd, &a.sa, a.len));
	EXPECT_EQ(EDESTADDRREQ, errno);
	EXPECT_EQ(TLSOCK_STATE_IDLE, info_get(fd).state);
	/* Who verifies nothing needs no name. */
	ASSERT_EQ(0, opt_int(fd, TLSOCK_VERIFY, TLSOCK_VERIFY_NONE));
	set_nonblock(fd, true);
	EXPECT_EQ(-1, connect(fd, &a.sa, a.len));
	EXPECT_EQ(EINPROGRESS, errno);
}

/* Nobody listens; then somebody does, and the same socket may try again. */
TEST_F(connect, connection_refused_then_again)
{
	struct acceptor acc;
	struct addr a;
	pthread_t t;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	self->p.l = listen_on(AF_INET, true, &a);
	close(self->p.l);
	self->p.c = socket_new(AF_INET, true);
	EXPECT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	EXPECT_EQ(ECONNREFUSED, errno);
	self->p.l = socket_new(AF_INET, true);
	ASSERT_EQ(0, opt_str(self->p.l, TLSOCK_CREDENTIAL, "test"));
	ASSERT_EQ(0, bind(self->p.l, &a.sa, a.len));
	ASSERT_EQ(0, listen(self->p.l, 5));
	acc.l = self->p.l;
	t = thread_start(accept_and_echo, &acc);
	EXPECT_EQ(0, connect(self->p.c, &a.sa, a.len));
	EXPECT_EQ(1, send(self->p.c, "x", 1, 0));
	close(self->p.c);
	self->p.c = -1;
	pthread_join(t, NULL);
}

TEST_F(connect, reset_in_the_handshake)
{
	struct linger hard = { .l_onoff = 1 };
	struct addr a;

	self->p.l = listen_on(AF_INET, false, &a);
	self->p.c = socket_new(AF_INET, true);
	set_nonblock(self->p.c, true);
	ASSERT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	self->p.s = accept(self->p.l, NULL, NULL);
	ASSERT_EQ(0, setsockopt(self->p.s, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)));
	close(self->p.s);
	self->p.s = -1;
	EXPECT_NE(0, POLLERR & poll_for(self->p.c, POLLOUT));
	EXPECT_EQ(ECONNRESET, so_error(self->p.c));
	EXPECT_TRUE(WAIT_FOR(info_get(self->p.c).state == TLSOCK_STATE_FAILED));
	EXPECT_EQ(ECONNRESET, error_get(self->p.c).error);
}

/* The end comes before anybody here looked at the connection: it is an end all the same. */
TEST_F(connect, ended_at_once)
{
	struct linger hard = { .l_onoff = 1 };
	struct addr a;
	char byte;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	self->p.l = listen_on(AF_INET, false, &a);
	for (int i = 0; i < 20; i++) {
		self->p.c = socket_new(AF_INET, true);
		set_nonblock(self->p.c, true);
		ASSERT_EQ(-1, connect(self->p.c, &a.sa, a.len));
		self->p.s = accept4(self->p.l, NULL, NULL, SOCK_CLOEXEC);
		if (i % 2)
			setsockopt(self->p.s, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		close(self->p.s);
		self->p.s = -1;
		EXPECT_NE(0, POLLERR & poll_for(self->p.c, POLLOUT));
		EXPECT_TRUE(WAIT_FOR(info_get(self->p.c).state == TLSOCK_STATE_FAILED));
		EXPECT_EQ(-1, recv(self->p.c, &byte, 1, 0));
		close(self->p.c);
		self->p.c = -1;
	}
}

TEST_F(connect, fin_in_the_handshake)
{
	struct addr a;
	char byte;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	self->p.l = listen_on(AF_INET, false, &a);
	self->p.c = socket_new(AF_INET, true);
	set_nonblock(self->p.c, true);
	ASSERT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	self->p.s = accept(self->p.l, NULL, NULL);
	shutdown(self->p.s, SHUT_WR);
	EXPECT_NE(0, POLLERR & poll_for(self->p.c, POLLOUT));
	EXPECT_EQ(-1, recv(self->p.c, &byte, 1, 0));
	EXPECT_EQ(EPROTO, errno);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A signal ends the wait, not the handshake. */
TEST_F(connect, signal)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval soon = { .it_value = { .tv_usec = 100000 } };
	struct acceptor acc;
	struct addr a;
	pthread_t t;

	sigaction(SIGALRM, &sa, NULL);
	self->p.l = listen_on(AF_INET, true, &a);
	self->p.c = socket_new(AF_INET, true);
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &soon, NULL));
	EXPECT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	EXPECT_EQ(EINTR, errno);
	acc.l = self->p.l;
	t = thread_start(accept_and_echo, &acc);
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	/* A second connect() waits for the same handshake. */
	if (connect(self->p.c, &a.sa, a.len))
		EXPECT_EQ(EISCONN, errno);
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(self->p.c).state);
	close(self->p.c);
	self->p.c = -1;
	pthread_join(t, NULL);
}

/* SO_SNDTIMEO bounds a blocking connect() as it does with TCP. */
TEST_F(connect, send_timeout)
{
	struct timeval tv = { .tv_usec = 100000 };
	struct addr a;

	self->p.l = listen_on(AF_INET, false, &a);
	self->p.c = socket_new(AF_INET, true);
	ASSERT_EQ(0, setsockopt(self->p.c, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	EXPECT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	EXPECT_TRUE(errno == EINPROGRESS || errno == EAGAIN);
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(self->p.c).state);
}

TEST_F(connect, deadline)
{
	struct addr a;
	int64_t start;
	struct nl nl;

	/* A worker that takes the connection and never answers. */
	ASSERT_EQ(0, nl_open(&nl));
	ASSERT_EQ(0, nl_register(&nl));
	self->p.l = listen_on(AF_INET, false, &a);
	self->p.c = socket_new(AF_INET, true);
	ASSERT_EQ(0, opt_int(self->p.c, TLSOCK_TIMEOUT_MS, 300));
	start = now_ms();
	EXPECT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	EXPECT_EQ(ETIMEDOUT, errno);
	EXPECT_LE(290, now_ms() - start);
	EXPECT_EQ(ETIMEDOUT, error_get(self->p.c).error);
	nl_close(&nl);
}

static int rcvlowat(int fd)
{
	socklen_t len = sizeof(int);
	int v = -1;

	getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &v, &len);
	return v;
}

/* No flight is as long as that: the handshake does not wait for it, and the value comes back. */
TEST_F(connect, low_water_mark)
{
	const int much = 30000, more = 40000;
	struct addr a;

	self->p.l = listen_on(AF_INET, true, &a);
	self->p.c = socket_new(AF_INET, true);
	ASSERT_EQ(0, setsockopt(self->p.c, SOL_SOCKET, SO_RCVLOWAT, &much, sizeof(much)));
	set_nonblock(self->p.c, true);
	ASSERT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	self->p.s = accept4(self->p.l, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, self->p.s);
	ASSERT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(self->p.s).state);
	/* in the middle of it: what is usual after accept() */
	ASSERT_EQ(0, setsockopt(self->p.s, SOL_SOCKET, SO_RCVLOWAT, &more, sizeof(more)));
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	EXPECT_EQ(POLLOUT, poll_for(self->p.c, POLLOUT));
	EXPECT_EQ(POLLOUT, poll_for(self->p.s, POLLOUT));
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(self->p.c).state);
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(self->p.s).state);
	EXPECT_EQ(much, rcvlowat(self->p.c));
	EXPECT_EQ(more, rcvlowat(self->p.s));
}

TEST_F(connect, low_water_mark_of_a_failure)
{
	struct script s = { .fail_errno = EPERM, .fail_alert = 42 };
	const int much = 30000;

	ASSERT_EQ(0, pair_handshake(&self->p));
	ASSERT_EQ(0, setsockopt(self->p.c, SOL_SOCKET, SO_RCVLOWAT, &much, sizeof(much)));
	ASSERT_EQ(0, worker_start(&self->w, &s));
	EXPECT_NE(0, POLLERR & poll_for(self->p.c, POLLOUT));
	EXPECT_EQ(much, rcvlowat(self->p.c));
}

/* What a listener was told, its child tells the worker; the listener itself never starts. */
TEST_F(connect, child_inherits)
{
	struct addr a, peer;
	struct event *e;
	struct nl nl;
	uint8_t rec[300], hello[300];
	size_t n = rec_plain(REC_HANDSHAKE, hello, hs_message(MSG_CLIENT_HELLO, 100, hello), rec);

	ASSERT_EQ(0, nl_open(&nl));
	ASSERT_EQ(0, nl_register(&nl));
	self->p.l = listen_on(AF_INET, true, &a);
	/* Options given after listen() count for later children. */
	ASSERT_EQ(0, opt_str(self->p.l, TLSOCK_TRUST, "clients"));
	ASSERT_EQ(0, opt_str(self->p.l, TLSOCK_PROFILE, "strict"));
	ASSERT_EQ(0, setsockopt(self->p.l, SOL_TLS, TLSOCK_ALPN, "\2h2", 3));
	ASSERT_EQ(0, opt_int(self->p.l, TLSOCK_VERIFY, TLSOCK_VERIFY_OPTIONAL));
	EXPECT_EQ(TLSOCK_STATE_LISTEN, info_get(self->p.l).state);
	self->p.c = socket_new(AF_INET, false);
	ASSERT_EQ(0, connect(self->p.c, &a.sa, a.len));
	ASSERT_EQ((ssize_t)n, write_all(self->p.c, rec, n));
	self->p.s = accept(self->p.l, NULL, NULL);
	ASSERT_LE(0, self->p.s);
	e = nl_next(&nl, PATIENCE_MS);
	ASSERT_NE(NULL, e);
	EXPECT_EQ(TLSOCK_CMD_CONN_NEW, e->cmd);
	EXPECT_EQ(TLSOCK_ROLE_SERVER, e->role);
	EXPECT_STREQ("test", e->credential);
	EXPECT_STREQ("clients", e->trust);
	EXPECT_STREQ("strict", e->profile);
	EXPECT_EQ(3, e->alpn_len);
	EXPECT_EQ(0, memcmp(e->alpn, "\2h2", 3));
	EXPECT_EQ(TLSOCK_VERIFY_OPTIONAL, e->verify);
	EXPECT_EQ(getuid(), e->uid);
	EXPECT_EQ(getgid(), e->gid);
	EXPECT_EQ((uint32_t)getpid(), e->pid);
	EXPECT_NE(0, e->netns);
	peer.len = sizeof(peer.in6);
	ASSERT_EQ(0, getpeername(self->p.s, &peer.sa, &peer.len));
	EXPECT_EQ(peer.len, e->peer_len);
	EXPECT_EQ(0, memcmp(&peer, &e->peer, 8));
	EXPECT_EQ(0, memcmp(&a, &e->local, 8));
	free(e);
	nl_close(&nl);
}

/* A slow peer never holds up the accept loop. */
TEST_F(connect, accept_does_not_wait)
{
	struct addr a;
	int slow, s2;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	self->p.l = listen_on(AF_INET, true, &a);
	slow = socket_new(AF_INET, false);
	ASSERT_EQ(0, connect(slow, &a.sa, a.len));
	self->p.s = accept(self->p.l, NULL, NULL);
	ASSERT_LE(0, self->p.s);
	self->p.c = socket_new(AF_INET, true);
	set_nonblock(self->p.c, true);
	ASSERT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	s2 = accept(self->p.l, NULL, NULL);
	ASSERT_LE(0, s2);
	EXPECT_EQ(POLLOUT, poll_for(self->p.c, POLLOUT));
	EXPECT_EQ(0, poll_now(self->p.s, POLLIN | POLLOUT));
	close(slow);
	close(s2);
}

TEST_HARNESS_MAIN
