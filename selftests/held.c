// SPDX-License-Identifier: GPL-2.0-only
/*
 * held.c: a program that hands the kernel a page that does not come (lib/slow_page.h). An option of
 * ours never keeps the socket lock for it; some of the kernel's own do, and then nobody waits for
 * the program but itself: a PUSH returns at once and is applied when the lock is free, and the
 * works, which the handshakes of all users share, go on to the next socket.
 */
#include "lib/net.h"
#include "lib/slow_page.h"
#include "lib/worker.h"

#include <linux/filter.h>
#include <linux/tls.h>
#include <sys/resource.h>

#include "kselftest_harness.h"

/* A system call with the page; rc and err are its result. */
struct call {
	int fd, level, opt;
	bool get, page_is_len; /* getsockopt(), and which of its pointers is the page */
	void *page;
	socklen_t len;
	int rc, err;
	pthread_t thread;
};

static void *call_main(void *arg)
{
	struct sock_fprog prog = { .len = 1 };
	struct call *c = arg;
	char buf[512];

	prog.filter = c->page;
	if (c->get)
		c->rc = getsockopt(c->fd, c->level, c->opt, c->page_is_len ? buf : c->page,
				   c->page_is_len ? c->page : &c->len);
	else if (c->opt == SO_ATTACH_FILTER && c->level == SOL_SOCKET)
		c->rc = setsockopt(c->fd, c->level, c->opt, &prog, sizeof(prog));
	else
		c->rc = setsockopt(c->fd, c->level, c->opt, c->page, c->len);
	c->err = errno;
	return NULL;
}

/* A PUSH in a thread of its own: one that does not return must not take the test with it. */
struct push {
	struct nl *nl;
	struct msg m;
	int rc;
	atomic_bool done;
	pthread_t thread;
};

static void *push_main(void *arg)
{
	struct push *p = arg;

	p->rc = push_send(p->nl, &p->m);
	atomic_store(&p->done, true);
	return NULL;
}

FIXTURE(held)
{
	struct nl nl, nl2;
	struct pair p; /* c: a tlsock client in its handshake, s: its raw peer */
	struct event *e; /* its CONN_NEW */
	struct slow_page page;
	struct call call;
	bool called;
};

FIXTURE_SETUP(held)
{
	int rc;

	memset(&self->nl2, 0, sizeof(self->nl2));
	self->nl2.fd = -1;
	self->called = false;
	ASSERT_EQ(0, env_setup());
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	pair_init(&self->p, TLS13, 0);
	ASSERT_EQ(0, pair_handshake(&self->p));
	self->e = nl_next(&self->nl, PATIENCE_MS);
	ASSERT_NE(NULL, self->e);
	rc = slow_page_open(&self->page);
	if (rc)
		SKIP(return, "neither userfaultfd nor FUSE: %s", strerror(-rc));
}

/* Make the call and wait until it waits for its page. */
#define HOLD(...)                                                           \
	({                                                                  \
		self->call = (struct call){ .fd = self->p.c, __VA_ARGS__ }; \
		self->call.page = self->page.addr;                          \
		self->call.thread = thread_start(call_main, &self->call);   \
		self->called = true;                                        \
		ASSERT_TRUE(WAIT_FOR(slow_page_wanted(&self->page)));       \
	})

#define HOLD_LOCK() HOLD(.level = SOL_SOCKET, .opt = SO_ATTACH_FILTER)

/* The page comes; its bytes are an empty list of options, 0, or a filter that takes all. */
static void let_go(struct slow_page *page, struct call *call)
{
	struct sock_filter all = { .code = BPF_RET | BPF_K, .k = UINT32_MAX };

	if (call->level == SOL_SOCKET)
		slow_page_give(page, &all, sizeof(all));
	else
		slow_page_give(page, &call->len, call->page_is_len ? sizeof(call->len) : 0);
	pthread_join(call->thread, NULL);
}

FIXTURE_TEARDOWN(held)
{
	if (self->called)
		let_go(&self->page, &self->call);
	slow_page_close(&self->page);
	free(self->e);
	nl_close(&self->nl);
	nl_close(&self->nl2);
	pair_close(&self->p);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 0));
}

#define LET_GO()                                  \
	({                                        \
		let_go(&self->page, &self->call); \
		self->called = false;             \
	})

/* Send the PUSH: did it return while the page was held? Its result goes to *rc. */
static bool push_returns(struct nl *nl, struct msg *m, struct slow_page *page, struct call *call,
			 bool *called, int *rc)
{
	struct push p = { .nl = nl, .m = *m };
	bool in_time;

	p.thread = thread_start(push_main, &p);
	in_time = WAIT_FOR(atomic_load(&p.done));
	if (!in_time) {
		let_go(page, call);
		*called = false;
	}
	pthread_join(p.thread, NULL);
	*rc = p.rc;
	return in_time;
}

#define PUSH(m)                                                                                 \
	({                                                                                      \
		int rc_ = 0;                                                                    \
		ASSERT_TRUE(push_returns(&self->nl, m, &self->page, &self->call, &self->called, \
					 &rc_));                                                \
		rc_;                                                                            \
	})

/* The whole handshake in one PUSH. */
static void complete(struct msg *m, const struct nl *nl, const struct event *e)
{
	struct script s = { 0 };

	push_start(m, nl, e->id, e->generation);
	push_app_keys(m, &s, false);
	push_complete(m, &s, false);
}

/* ---- options of ours: the lock is free ---- */

static const struct call ours[] = {
	{ .level = SOL_TLS, .opt = TLSOCK_EOF, .len = sizeof(int) },
	{ .level = SOL_TLS, .opt = TLSOCK_SERVER_NAME, .len = 100 },
	{ .level = SOL_TLS, .opt = TLSOCK_ALPN, .len = 10 },
	{ .level = SOL_TLS, .opt = TLSOCK_START, .len = sizeof(int) },
	{ .level = SOL_TLS, .opt = TLSOCK_KEY_UPDATE, .len = sizeof(int) },
	{ .level = SOL_TLS, .opt = TLS_TX, .len = sizeof(struct tls12_crypto_info_aes_gcm_128) },
	{ .level = SOL_TLS, .opt = TLSOCK_INFO, .len = sizeof(struct tlsock_info), .get = true },
	{ .level = SOL_TLS, .opt = TLSOCK_ERROR, .len = 4, .get = true, .page_is_len = true },
	{ .level = SOL_TLS, .opt = TLSOCK_SERVER_NAME, .len = 100, .get = true },
};

FIXTURE(ours)
{
	struct nl nl;
	struct pair p;
	struct slow_page page;
};

FIXTURE_SETUP(ours)
{
	ASSERT_EQ(0, env_setup());
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	pair_init(&self->p, TLS13, 0);
}

FIXTURE_TEARDOWN(ours)
{
	nl_close(&self->nl);
}

/* One row: false if it kept the lock. */
static bool goes_on(struct __test_metadata *_metadata, struct nl *nl, const struct call *row)
{
	struct slow_page page;
	struct call call = *row;
	bool called = true, in_time;
	struct event *e;
	struct pair p;
	struct msg m;
	int rc = 0;

	pair_init(&p, TLS13, 0);
	ASSERT_EQ(0, slow_page_open(&page));
	ASSERT_EQ(0, pair_handshake(&p));
	do {
		e = nl_next(nl, PATIENCE_MS);
	} while (e && e->cmd != TLSOCK_CMD_CONN_NEW);
	ASSERT_NE(NULL, e);
	call.fd = p.c;
	call.page = page.addr;
	call.thread = thread_start(call_main, &call);
	ASSERT_TRUE(WAIT_FOR(slow_page_wanted(&page)));
	complete(&m, nl, e);
	in_time = push_returns(nl, &m, &page, &call, &called, &rc);
	EXPECT_EQ(0, rc);
	/* not only taken, but done */
	if (in_time)
		EXPECT_EQ(POLLOUT, poll_now(p.c, POLLOUT));
	if (called)
		let_go(&page, &call);
	if (row->get)
		EXPECT_EQ(0, call.rc);
	slow_page_close(&page);
	free(e);
	pair_close(&p);
	return in_time;
}

TEST_F_TIMEOUT(ours, keep_no_lock, 200)
{
	struct slow_page page;
	int rc = slow_page_open(&page);

	if (rc)
		SKIP(return, "neither userfaultfd nor FUSE: %s", strerror(-rc));
	slow_page_close(&page);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		EXPECT_TRUE(goes_on(_metadata, &self->nl, &ours[i]))
		TH_LOG("%cetsockopt %#x", ours[i].get ? 'g' : 's', ours[i].opt);
	}
}

/* ---- options of the kernel: the lock is not free ---- */

static void expect_parked(struct __test_metadata *_metadata, int fd, const struct call *call)
{
	EXPECT_EQ(0, call->rc);
	EXPECT_EQ(POLLOUT, poll_for(fd, POLLOUT));
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(fd).state);
}

static void push_is_parked(struct __test_metadata *_metadata, FIXTURE_DATA(held) * self)
{
	struct msg m;

	complete(&m, &self->nl, self->e);
	EXPECT_EQ(0, PUSH(&m));
	EXPECT_EQ(0, poll_now(self->p.c, POLLIN | POLLOUT));
	LET_GO();
	expect_parked(_metadata, self->p.c, &self->call);
}

TEST_F(held, push_by_attach_filter)
{
	HOLD_LOCK();
	push_is_parked(_metadata, self);
}

TEST_F(held, push_by_ip_options)
{
	HOLD(.level = IPPROTO_IP, .opt = IP_OPTIONS, .len = 4);
	push_is_parked(_metadata, self);
}

/* One waits; what follows it is refused at once, and does not go before it. */
TEST_F(held, second_push)
{
	struct msg m;

	HOLD_LOCK();
	complete(&m, &self->nl, self->e);
	EXPECT_EQ(0, PUSH(&m));
	push_start(&m, &self->nl, self->e->id, self->e->generation);
	push_fail(&m, EPROTO, 40, "too late");
	EXPECT_EQ(-EAGAIN, PUSH(&m));
	LET_GO();
	expect_parked(_metadata, self->p.c, &self->call);
}

TEST_F(held, fail)
{
	struct msg m;

	HOLD_LOCK();
	push_start(&m, &self->nl, self->e->id, self->e->generation);
	push_fail(&m, EKEYREJECTED, 42, "no");
	EXPECT_EQ(0, PUSH(&m));
	LET_GO();
	EXPECT_NE(0, POLLERR & poll_for(self->p.c, POLLOUT));
	EXPECT_EQ(EKEYREJECTED, error_get(self->p.c).error);
	EXPECT_EQ(42, rec_alert(self->p.s, NULL, NULL));
}

/* The worker was told 0; that it was wrong ends the connection. */
TEST_F(held, wrong_push)
{
	struct script s = { 0 };
	struct msg m;

	HOLD_LOCK();
	push_start(&m, &self->nl, self->e->id, self->e->generation);
	push_complete(&m, &s, false);
	EXPECT_EQ(0, PUSH(&m));
	LET_GO();
	EXPECT_NE(0, POLLERR & poll_for(self->p.c, POLLOUT));
	EXPECT_EQ(ECONNABORTED, error_get(self->p.c).error);
	EXPECT_EQ(80, rec_alert(self->p.s, NULL, NULL));
}

/* The descriptor is closed within the call: the last reference is the call's own. */
TEST_F(held, closed)
{
	struct event *e;
	struct msg m;

	HOLD_LOCK();
	complete(&m, &self->nl, self->e);
	EXPECT_EQ(0, PUSH(&m));
	close(self->p.c);
	self->p.c = -1;
	LET_GO();
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 0));
	e = nl_next(&self->nl, 0);
	if (e)
		EXPECT_EQ(TLSOCK_CMD_CONN_GONE, e->cmd);
	free(e);
}

/* What a worker pushed before it died is not applied, and the next one is asked. */
TEST_F(held, worker_dies)
{
	struct event *e;
	struct msg m;

	HOLD_LOCK();
	complete(&m, &self->nl, self->e);
	EXPECT_EQ(0, PUSH(&m));
	ASSERT_EQ(0, nl_open(&self->nl2));
	ASSERT_EQ(0, nl_register(&self->nl2));
	nl_close(&self->nl);
	e = nl_next(&self->nl2, PATIENCE_MS);
	LET_GO();
	ASSERT_NE(NULL, e);
	EXPECT_EQ(self->e->id, e->id);
	EXPECT_EQ(self->e->generation + 1, e->generation);
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(self->p.c).state);
	complete(&m, &self->nl2, e);
	EXPECT_EQ(0, push_send(&self->nl2, &m));
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(self->p.c).state);
	free(e);
}

/* A timer that found the lock taken is not lost. */
TEST_F(held, deadline)
{
	struct event *e;
	int64_t end;

	close(self->p.c);
	self->p.c = socket_new(AF_INET, true);
	ASSERT_EQ(0, opt_int(self->p.c, TLSOCK_TIMEOUT_MS, 200));
	ASSERT_EQ(0, opt_int(self->p.c, TLSOCK_VERIFY, TLSOCK_VERIFY_NONE));
	struct addr a = { .len = sizeof(a.in) };

	ASSERT_EQ(0, getsockname(self->p.l, &a.sa, &a.len));
	set_nonblock(self->p.c, true);
	ASSERT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	ASSERT_TRUE(WAIT_FOR(info_get(self->p.c).state == TLSOCK_STATE_HANDSHAKE));
	HOLD_LOCK();
	end = now_ms() + 400;
	EXPECT_TRUE(WAIT_FOR(now_ms() >= end));
	LET_GO();
	EXPECT_NE(0, POLLERR & poll_for(self->p.c, POLLOUT));
	EXPECT_EQ(ETIMEDOUT, error_get(self->p.c).error);
	e = nl_next(&self->nl, 0);
	free(e);
}

/* ---- more of them than a workqueue runs at a time ---- */

#define MANY 1100 /* WQ_DFL_ACTIVE is 256, in newer kernels 1024 */

static struct call many[MANY];

static int many_start(struct slow_page *page, const struct addr *a, int l)
{
	pthread_attr_t small;
	int rc;

	pthread_attr_init(&small);
	/* what the library keeps for each thread is a part of it */
	pthread_attr_setstacksize(&small, 1024 * 1024);
	for (int i = 0; i < MANY; i++) {
		many[i] = (struct call){ .level = SOL_SOCKET, .opt = SO_ATTACH_FILTER, .rc = 1 };
		many[i].page = page->addr;
		many[i].fd = socket_new(AF_INET, true);
		if (many[i].fd < 0 || opt_int(many[i].fd, TLSOCK_TIMEOUT_MS, 600000))
			return -errno;
		set_nonblock(many[i].fd, true);
		connect(many[i].fd, &a->sa, a->len);
		if (accept4(l, NULL, NULL, SOCK_CLOEXEC) < 0)
			return -errno;
	}
	if (!WAIT_FOR(stat_get("TlsockInFlight") >= MANY))
		return -ETIME;
	for (int i = 0; i < MANY; i++) {
		rc = pthread_create(&many[i].thread, &small, call_main, &many[i]);
		if (rc)
			return -rc;
	}
	return WAIT_FOR(slow_page_wanted(page)) ? 0 : -ETIME;
}

/* The end of the only worker is work for each of them. Another's handshake needs some, too. */
TEST_F_TIMEOUT(held, many, 300)
{
	struct sock_filter all = { .code = BPF_RET | BPF_K, .k = UINT32_MAX };
	struct rlimit files = { .rlim_cur = 4 * MANY, .rlim_max = 4 * MANY };
	struct script brief = { .brief = true };
	struct pair other;
	struct worker w;
	struct addr a;
	int l;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	ASSERT_EQ(0, nl_limit(TLSOCK_A_LIMIT_GRACE_MS, 600000));
	l = listen_on(AF_INET, false, &a);
	ASSERT_EQ(0, many_start(&self->page, &a, l));
	nl_close(&self->nl);
	ASSERT_TRUE(WAIT_FOR(stat_get("TlsockWorkers") == 0));
	ASSERT_EQ(0, worker_start(&w, &brief));
	EXPECT_EQ(0, pair_raw_client(&other, 0));
	slow_page_give(&self->page, &all, sizeof(all));
	for (int i = 0; i < MANY; i++) {
		pthread_join(many[i].thread, NULL);
		EXPECT_EQ(0, many[i].rc);
		close(many[i].fd);
	}
	worker_stop(&w);
	pair_close(&other);
	close(l);
}

TEST_HARNESS_MAIN
