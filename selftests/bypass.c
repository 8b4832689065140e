// SPDX-License-Identifier: GPL-2.0-only
/*
 * bypass.c: every way past the record layer that a program could try, on a socket that has the ULP
 * and no keys, in each state it can be in. Each must end in an error, and a capture of the wire must
 * not show the marker; then the same ways on an established socket, where they work, encrypted. A
 * control shows that the capture would have seen it. Nothing of a peer's plaintext is delivered.
 */
#include "lib/capture.h"
#include "lib/net.h"
#include "lib/uring.h"
#include "lib/ways.h"
#include "lib/worker.h"

#include "kselftest_harness.h"

FIXTURE(bypass)
{
	struct pair p; /* c: under test */
	struct worker w;
	struct nl nl; /* of a worker that never completes anything */
	struct addr plain; /* a listener without TLS that takes what it gets */
	int l, cap;
};

FIXTURE_SETUP(bypass)
{
	memset(&self->w, 0, sizeof(self->w));
	memset(&self->nl, 0, sizeof(self->nl));
	self->nl.fd = -1;
	pair_init(&self->p, TLS13, 0);
	ASSERT_EQ(0, env_setup());
	/* Fast open for clients and servers, without cookies. */
	ASSERT_EQ(0, sysctl_set("/proc/sys/net/ipv4/tcp_fastopen", "519"));
	self->l = listen_on(AF_INET, false, &self->plain);
	ASSERT_LE(0, self->l);
	ASSERT_EQ(0, setsockopt(self->l, IPPROTO_TCP, TCP_FASTOPEN, &(int){ 5 }, sizeof(int)));
	self->cap = capture_open();
	ASSERT_LE(0, self->cap);
}

FIXTURE_TEARDOWN(bypass)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	if (self->nl.fd >= 0)
		nl_close(&self->nl);
	close(self->l);
	close(self->cap);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 0));
}

/* ---- the states ---- */

enum where {
	AT_FRESH, /* not connected */
	AT_JOINED, /* attached to an established TCP connection, nothing started */
	AT_CONNECTING, /* nobody answers SYN */
	AT_HANDSHAKE, /* no worker has it */
	AT_HELLO_SENT, /* a worker has it, and sent a ClientHello */
	AT_FAILED,
	AT_SHUT, /* by the application, in the handshake */
	AT_CHILD, /* a listener's child in its handshake */
	AT_UNSPEC, /* established, then connect(AF_UNSPEC) */
	AT_AGAIN, /* and then connected to another */
	AT_STATES,
};

static const char *const where_names[] = {
	"fresh",  "joined", "connecting", "handshake",	  "hello sent",
	"failed", "shut",   "child",	  "disconnected", "connected again",
};

static int to_handshake(struct pair *p)
{
	if (pair_handshake(p))
		return -1;
	return WAIT_FOR(info_get(p->c).state == TLSOCK_STATE_HANDSHAKE) ? 0 : -1;
}

/* In its handshake, with a worker; the worker's answer is FAIL, or a ClientHello. */
static int to_owned(struct pair *p, struct nl *nl, bool fail)
{
	struct script s = { .fail_errno = fail ? EKEYREJECTED : 0, .fail_alert = 42 };
	uint8_t rec[512];
	struct event *e;
	int rc = -1;

	if (nl_open(nl) || nl_register(nl) || to_handshake(p))
		return -1;
	e = nl_next(nl, PATIENCE_MS);
	if (e)
		rc = script_step(nl, &s, e);
	free(e);
	if (!rc && !fail && rec_read(p->s, rec) <= REC_HEADER)
		rc = -1;
	return rc;
}

static int to_joined(struct pair *p)
{
	if (pair_plain(p) || ulp_attach(p->c))
		return -1;
	set_nonblock(p->c, true);
	return 0;
}

static int to_child(struct pair *p)
{
	struct addr a;
	int peer;

	p->l = listen_on(AF_INET, true, &a);
	peer = socket_new(AF_INET, false);
	if (peer < 0 || connect(peer, &a.sa, a.len))
		return -1;
	p->c = accept4(p->l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	p->s = peer;
	return p->c < 0 ? -1 : 0;
}

static int disconnect_tcp(int fd)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };

	return connect(fd, &unspec, sizeof(unspec));
}

static int to_unspec(struct pair *p, struct worker *w, const struct addr *again)
{
	if (worker_start(w, NULL) || pair_tls(p, 0))
		return -1;
	set_nonblock(p->c, true);
	worker_stop(w);
	if (disconnect_tcp(p->c) || info_get(p->c).state != TLSOCK_STATE_IDLE)
		return -1;
	if (!again)
		return 0;
	connect(p->c, &again->sa, again->len);
	return WAIT_FOR(info_get(p->c).state == TLSOCK_STATE_HANDSHAKE) ? 0 : -1;
}

static int bring(struct pair *p, struct worker *w, struct nl *nl, const struct addr *plain,
		 enum where where)
{
	pair_init(p, TLS13, 0);
	switch (where) {
	case AT_FRESH:
		p->c = socket_new(AF_INET, true);
		set_nonblock(p->c, true);
		return p->c < 0 ? -1 : 0;
	case AT_JOINED:
		return to_joined(p);
	case AT_CONNECTING:
		return pair_connecting(p);
	case AT_HANDSHAKE:
		return to_handshake(p);
	case AT_HELLO_SENT:
		return to_owned(p, nl, false);
	case AT_FAILED:
		return to_owned(p, nl, true);
	case AT_SHUT:
		return to_handshake(p) || shutdown(p->c, SHUT_WR) ? -1 : 0;
	case AT_CHILD:
		return to_child(p);
	case AT_UNSPEC:
		return to_unspec(p, w, NULL);
	default:
		return to_unspec(p, w, plain);
	}
}

static void leave(struct pair *p, struct worker *w, struct nl *nl)
{
	pair_close(p);
	worker_stop(w);
	if (nl->fd >= 0)
		nl_close(nl);
}

#define FIXTURE_PARTS &self->p, &self->w, &self->nl, &self->plain

static void refused(struct __test_metadata *_metadata, struct pair *p, struct worker *w,
		    struct nl *nl, const struct addr *plain, const struct way *ways)
{
	for (int where = 0; where < AT_STATES; where++) {
		ASSERT_EQ(0, bring(p, w, nl, plain, (enum where)where))
		{
			TH_LOG("%s", where_names[where]);
		}
		for (size_t i = 0; ways[i].name; i++) {
			errno = 0;
			EXPECT_EQ(-1, ways[i].send(p->c, plain))
			{
				TH_LOG("%s: %s", where_names[where], ways[i].name);
			}
			EXPECT_NE(0, errno)
			{
				TH_LOG("%s: %s", where_names[where], ways[i].name);
			}
		}
		leave(p, w, nl);
	}
}

/* Established: the marker arrives at the other end, which decrypts it. */
static void works(struct __test_metadata *_metadata, struct pair *p, struct worker *w,
		  struct nl *nl, const struct addr *plain, const struct way *ways)
{
	char got[MARKER_LEN];

	ASSERT_EQ(0, worker_start(w, NULL));
	ASSERT_EQ(0, pair_tls(p, 0));
	for (size_t i = 0; ways[i].name; i++) {
		ssize_t rc = ways[i].send(p->c, plain);

		if (!ways[i].works) {
			EXPECT_EQ(-1, rc)
			{
				TH_LOG("%s", ways[i].name);
			}
			continue;
		}
		ASSERT_EQ((ssize_t)MARKER_LEN, rc)
		{
			TH_LOG("%s: %s", ways[i].name, strerror(errno));
		}
		if (ways[i].held)
			ASSERT_EQ(1, send(p->c, "", 1, 0));
		ASSERT_EQ((ssize_t)MARKER_LEN, read_all(p->s, got, MARKER_LEN));
		EXPECT_EQ(0, memcmp(got, MARKER, MARKER_LEN));
		if (ways[i].held)
			ASSERT_EQ(1, read_all(p->s, got, 1));
	}
	leave(p, w, nl);
}

#define EVERYWHERE(ways)                                                          \
	do {                                                                      \
		refused(_metadata, FIXTURE_PARTS, ways);                          \
		works(_metadata, FIXTURE_PARTS, ways);                            \
		EXPECT_EQ(0, capture_count(self->cap, MARKER, MARKER_LEN, NULL)); \
	} while (0)

/* ---- the tests ---- */

/* The control: without the ULP the same calls are seen, the one in the SYN too. */
TEST_F(bypass, capture_sees_plaintext)
{
	int fd = socket_new(AF_INET, false);

	EXPECT_EQ((ssize_t)MARKER_LEN, way_fast_open(fd, &self->plain));
	EXPECT_LE(1, capture_count(self->cap, MARKER, MARKER_LEN, NULL));
	close(fd);
	ASSERT_EQ(0, pair_plain(&self->p));
	for (size_t i = 0; ways_plain[i].works; i++)
		EXPECT_EQ((ssize_t)MARKER_LEN, ways_plain[i].send(self->p.c, NULL));
	EXPECT_EQ((ssize_t)MARKER_LEN, way_splice(self->p.c, NULL));
	EXPECT_EQ((ssize_t)MARKER_LEN, way_sendfile(self->p.c, NULL));
	EXPECT_EQ((ssize_t)MARKER_LEN, way_oob(self->p.c, NULL));
	EXPECT_LE(6, capture_count(self->cap, MARKER, MARKER_LEN, NULL));
}

TEST_F(bypass, send)
{
	EVERYWHERE(ways_plain);
}

TEST_F(bypass, fast_open)
{
	int fd, one = 1;

	EVERYWHERE(ways_fast_open);
	/* Asked for after the ULP, and before it. */
	fd = socket_new(AF_INET, true);
	EXPECT_EQ(-1, setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &one, sizeof(one)));
	EXPECT_EQ(EOPNOTSUPP, errno);
	close(fd);
	fd = socket_new(AF_INET, false);
	ASSERT_EQ(0, setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)));
	EXPECT_EQ(-1, ulp_attach(fd));
	close(fd);
	/* connect() said yes at once, and nothing was sent yet: too late for the ULP. */
	fd = socket_new(AF_INET, false);
	ASSERT_EQ(0, setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)));
	ASSERT_EQ(0, connect(fd, &self->plain.sa, self->plain.len));
	EXPECT_EQ(-1, ulp_attach(fd));
	close(fd);
}

/* A listener that had fast open before the ULP: what came with the SYN is no more than bytes. */
TEST_F(bypass, fast_open_of_a_listener)
{
	char got[MARKER_LEN];
	int fd, raw;

	ASSERT_EQ(0, setsockopt(self->l, IPPROTO_TCP, TCP_FASTOPEN, &(int){ 0 }, sizeof(int)));
	fd = socket_new(AF_INET, false);
	ASSERT_EQ(0, setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &(int){ 5 }, sizeof(int)));
	self->p.l = fd;
	if (ulp_attach(fd)) {
		EXPECT_EQ(EINVAL, errno);
		return;
	}
	self->plain = addr_of(AF_INET, 0);
	ASSERT_EQ(0, opt_str(fd, TLSOCK_CREDENTIAL, "test"));
	ASSERT_EQ(0, bind(fd, &self->plain.sa, self->plain.len));
	ASSERT_EQ(0, listen(fd, 5));
	ASSERT_EQ(0, getsockname(fd, &self->plain.sa, &self->plain.len));
	raw = socket_new(AF_INET, false);
	ASSERT_EQ((ssize_t)MARKER_LEN, way_fast_open(raw, &self->plain));
	self->p.c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, self->p.c);
	EXPECT_EQ(-1, recv(self->p.c, got, sizeof(got), 0));
	EXPECT_EQ(EPROTO, errno);
	close(raw);
}

TEST_F(bypass, splice)
{
	EVERYWHERE(ways_splice);
}

TEST_F(bypass, sendfile)
{
	EVERYWHERE(ways_sendfile);
}

TEST_F(bypass, oob)
{
	EVERYWHERE(ways_oob);
}

TEST_F(bypass, io_uring)
{
	if (uring_call(IORING_OP_NOP, -1, NULL, 0, 0))
		SKIP(return, "no io_uring in this kernel");
	EVERYWHERE(ways_uring);
}

/* In one chain: what sends must not begin before connect() is done, and waits on its own then. */
TEST_F(bypass, io_uring_chain)
{
	int rc[3] = { -EINVAL, -EINVAL, -EINVAL };
	char got[2 * MARKER_LEN];
	struct uring u;
	struct addr a;

	if (uring_open(&u))
		SKIP(return, "no io_uring in this kernel");
	self->p.l = listen_on(AF_INET, true, &a);
	self->p.c = socket_new(AF_INET, true);
	uring_add(&u, IORING_OP_CONNECT, self->p.c, &a.sa, a.len, 0, IOSQE_IO_LINK);
	uring_add(&u, IORING_OP_SEND, self->p.c, MARKER, MARKER_LEN, 0, IOSQE_IO_LINK);
	uring_add(&u, IORING_OP_WRITE, self->p.c, MARKER, MARKER_LEN, 0, 0);
	ASSERT_EQ(3, uring_submit(&u, 0));
	self->p.s = accept4(self->p.l, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, self->p.s);
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, uring_wait(&u, rc, 3));
	EXPECT_EQ(0, rc[0]);
	EXPECT_EQ((int)MARKER_LEN, rc[1]);
	EXPECT_EQ((int)MARKER_LEN, rc[2]);
	EXPECT_EQ((ssize_t)sizeof(got), read_all(self->p.s, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(got, MARKER MARKER, sizeof(got)));
	EXPECT_EQ(0, capture_count(self->cap, MARKER, MARKER_LEN, NULL));
	uring_close(&u);
}

/* A write that was queued in the handshake and waits there. */
TEST_F(bypass, io_uring_waits)
{
	char got[MARKER_LEN];
	int rc = -EINVAL;
	struct uring u;
	struct addr a;

	if (uring_open(&u))
		SKIP(return, "no io_uring in this kernel");
	self->p.l = listen_on(AF_INET, true, &a);
	self->p.c = socket_new(AF_INET, true);
	set_nonblock(self->p.c, true);
	ASSERT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	uring_add(&u, IORING_OP_WRITE, self->p.c, MARKER, MARKER_LEN, 0, 0);
	ASSERT_EQ(1, uring_submit(&u, 0));
	self->p.s = accept4(self->p.l, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, uring_wait(&u, &rc, 1));
	EXPECT_EQ((int)MARKER_LEN, rc);
	EXPECT_EQ((ssize_t)MARKER_LEN, read_all(self->p.s, got, MARKER_LEN));
	EXPECT_EQ(0, memcmp(got, MARKER, MARKER_LEN));
	EXPECT_EQ(0, capture_count(self->cap, MARKER, MARKER_LEN, NULL));
	uring_close(&u);
}

/* After connect(AF_UNSPEC) the ULP is still there: the next connection is TLS again. */
TEST_F(bypass, connect_unspec)
{
	uint8_t rec[512];
	int raw;

	for (int again = 0; again < 2; again++) {
		ASSERT_EQ(0, to_unspec(&self->p, &self->w, again ? &self->plain : NULL));
		EXPECT_EQ(-1, way_send(self->p.c, NULL));
		EXPECT_EQ(again ? EAGAIN : ENOTCONN, errno);
		if (!again) {
			leave(&self->p, &self->w, &self->nl);
			continue;
		}
		ASSERT_EQ(0, worker_start(&self->w, NULL));
		raw = accept4(self->l, NULL, NULL, SOCK_CLOEXEC);
		ASSERT_LT(REC_HEADER, rec_read(raw, rec));
		EXPECT_EQ(REC_HANDSHAKE, rec[0]);
		EXPECT_EQ(MSG_CLIENT_HELLO, rec[REC_HEADER]);
		close(raw);
	}
	/* In the middle of a handshake. */
	leave(&self->p, &self->w, &self->nl);
	ASSERT_EQ(0, to_owned(&self->p, &self->nl, false));
	ASSERT_EQ(0, disconnect_tcp(self->p.c));
	EXPECT_EQ(-1, way_send(self->p.c, NULL));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(0, capture_count(self->cap, MARKER, MARKER_LEN, NULL));
}

static void *blocked_send(void *arg)
{
	int fd = *(int *)arg;
	ssize_t n = send(fd, MARKER, MARKER_LEN, MSG_NOSIGNAL);

	return (void *)(intptr_t)(n < 0 ? -errno : n);
}

/* With a writer that waits for the handshake. */
TEST_F(bypass, shutdown_in_handshake)
{
	static const int how[] = { SHUT_WR, SHUT_RDWR };

	for (size_t i = 0; i < ARRAY_LEN(how) * 2; i++) {
		void *rc = NULL;
		pthread_t t;

		ASSERT_EQ(0, i % 2 ? to_owned(&self->p, &self->nl, false) : to_handshake(&self->p));
		set_nonblock(self->p.c, false);
		t = thread_start(blocked_send, &self->p.c);
		EXPECT_EQ(0, shutdown(self->p.c, how[i / 2]));
		pthread_join(t, &rc);
		EXPECT_EQ(-ECONNABORTED, (intptr_t)rc);
		EXPECT_EQ(-1, way_send(self->p.c, NULL));
		EXPECT_EQ(ECONNABORTED, errno);
		leave(&self->p, &self->w, &self->nl);
	}
	EXPECT_EQ(0, capture_count(self->cap, MARKER, MARKER_LEN, NULL));
}

/* Before TCP's handshake was looked at by anybody: connect() and shutdown() at once. */
TEST_F(bypass, shutdown_at_once)
{
	struct addr a;

	self->p.l = listen_on(AF_INET, false, &a);
	/* A SYN ACK that comes behind the shutdown makes no child to accept. */
	set_nonblock(self->p.l, true);
	for (int i = 0; i < 20; i++) {
		self->p.c = socket_new(AF_INET, true);
		set_nonblock(self->p.c, true);
		connect(self->p.c, &a.sa, a.len);
		shutdown(self->p.c, SHUT_WR);
		EXPECT_EQ(-1, way_send(self->p.c, NULL));
		EXPECT_NE(EAGAIN, errno);
		close(self->p.c);
		self->p.c = -1;
		close(accept4(self->p.l, NULL, NULL, SOCK_CLOEXEC));
	}
	EXPECT_EQ(0, capture_count(self->cap, MARKER, MARKER_LEN, NULL));
}

/* A child that nobody has taken has no context: whatever its peer does, it says nothing. */
TEST_F(bypass, child_in_the_queue)
{
	struct addr a;
	char got[64];
	int raw;

	self->p.l = listen_on(AF_INET, true, &a);
	raw = socket_new(AF_INET, false);
	ASSERT_EQ(0, connect(raw, &a.sa, a.len));
	ASSERT_EQ((ssize_t)MARKER_LEN, way_send(raw, NULL));
	ASSERT_EQ(1, way_oob(raw, NULL) > 0);
	EXPECT_EQ(-1, recv(raw, got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	close(self->p.l);
	self->p.l = -1;
	EXPECT_GE(0, recv(raw, got, sizeof(got), 0));
	close(raw);
}

#define FAILSLAB "/sys/kernel/debug/failslab/"

/* Let the nth allocation from here on fail, in this thread; 0: none. */
static int fail_nth(int nth)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", nth);
	return sysctl_set("/proc/thread-self/fail-nth", text);
}

TEST_F(bypass, child_without_memory)
{
	int lost = 0, raw;
	struct addr a;

	if (fail_nth(0) || sysctl_set(FAILSLAB "ignore-gfp-wait", "N") ||
	    sysctl_set(FAILSLAB "verbose", "0"))
		SKIP(return, "no fault injection in this kernel");
	self->p.l = listen_on(AF_INET, true, &a);
	set_nonblock(self->p.l, true);
	for (int nth = 1; nth <= 24; nth++) {
		raw = socket_new(AF_INET, false);
		ASSERT_EQ(0, connect(raw, &a.sa, a.len));
		ASSERT_NE(0, poll_for(self->p.l, POLLIN));
		ASSERT_EQ(0, fail_nth(nth));
		self->p.c = accept4(self->p.l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		fail_nth(0);
		if (self->p.c < 0)
			self->p.c = accept4(self->p.l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (self->p.c < 0) {
			lost++;
			EXPECT_GE(0, recv(raw, &(char){ 0 }, 1, 0));
		} else {
			EXPECT_EQ(-1, way_send(self->p.c, NULL));
			EXPECT_NE(0, errno);
			close(self->p.c);
		}
		self->p.c = -1;
		close(raw);
	}
	/* Some of them met the module's own allocations. */
	EXPECT_LT(0, lost);
	EXPECT_EQ(0, capture_count(self->cap, MARKER, MARKER_LEN, NULL));
}

/* ---- the other direction ---- */

static ssize_t in_recv(int fd, char *buf, size_t len)
{
	return recv(fd, buf, len, MSG_DONTWAIT);
}

static ssize_t in_peek(int fd, char *buf, size_t len)
{
	return recv(fd, buf, len, MSG_DONTWAIT | MSG_PEEK);
}

static ssize_t in_trunc(int fd, char *buf, size_t len)
{
	return recv(fd, buf, len, MSG_DONTWAIT | MSG_TRUNC);
}

static ssize_t in_oob(int fd, char *buf, size_t len)
{
	return recv(fd, buf, len, MSG_OOB | MSG_DONTWAIT);
}

static ssize_t in_splice(int fd, char *buf, size_t len)
{
	ssize_t n;
	int p[2], err;

	if (pipe2(p, O_CLOEXEC | O_NONBLOCK))
		return 0;
	n = splice(fd, NULL, p[1], NULL, len, SPLICE_F_NONBLOCK);
	err = errno;
	if (n > 0)
		n = read(p[0], buf, len);
	close(p[0]);
	close(p[1]);
	errno = err;
	return n;
}

/* What a raw peer says in the clear is never data, by whichever call. */
TEST_F(bypass, nothing_delivered)
{
	static ssize_t (*const calls[])(int fd, char *buf, size_t len) = {
		in_oob, in_peek, in_splice, in_trunc, in_recv,
	};
	static const enum where at[] = { AT_JOINED, AT_HANDSHAKE, AT_HELLO_SENT, AT_CHILD };
	char got[64];

	for (size_t i = 0; i < ARRAY_LEN(at) * 2; i++) {
		ASSERT_EQ(0, bring(FIXTURE_PARTS, at[i / 2]));
		setsockopt(self->p.c, SOL_SOCKET, SO_OOBINLINE, &(int){ 1 }, sizeof(int));
		ASSERT_LT(0, i % 2 ? way_oob(self->p.s, NULL) : way_send(self->p.s, NULL));
		for (size_t k = 0; k < ARRAY_LEN(calls); k++) {
			errno = 0;
			EXPECT_EQ(-1, calls[k](self->p.c, got, sizeof(got)))
			{
				TH_LOG("%s, call %zu", where_names[at[i / 2]], k);
			}
			EXPECT_NE(0, errno);
		}
		leave(&self->p, &self->w, &self->nl);
	}
}

TEST_HARNESS_MAIN
