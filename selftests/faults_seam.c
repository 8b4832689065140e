// SPDX-License-Identifier: GPL-2.0-only
/*
 * faults_seam.c: faults.c for what a handshake needs: PUSH, PULL, works, accept(), connect(), and for
 * what ends a connection or changes its keys. It settles, one way or the other, before its deadline; a
 * failure is told; another try may succeed; nothing goes out in plaintext.
 */
#include "lib/capture.h"
#include "lib/fault.h"
#include "lib/net.h"
#include "lib/worker.h"

#include "kselftest_harness.h"

#define MARK_LEN 32

static uint8_t data[4096], got[sizeof(data)], plain[REC_MAX];

FIXTURE(faults_seam)
{
	struct pair p;
	struct worker w;
	struct nl nl;
	int cap;
};

FIXTURE_SETUP(faults_seam)
{
	memset(self, 0, sizeof(*self));
	self->nl.fd = -1;
	pair_init(&self->p, TLS13, SUITE_AES_128);
	ASSERT_EQ(0, env_setup());
	if (!faults_ready())
		SKIP(return, "this kernel cannot inject faults");
	pattern_fill(data, sizeof(data), 0);
	self->cap = capture_open();
	ASSERT_LE(0, self->cap);
}

FIXTURE_TEARDOWN(faults_seam)
{
	if (self->cap)
		EXPECT_TRUE(capture_clean(self->cap, data, MARK_LEN));
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_EQ(0, self->w.error);
	if (self->nl.fd >= 0)
		nl_close(&self->nl);
}

/* What comes is what was sent: len bytes. */
static bool arrives(struct pair *p, struct rec_key *k, size_t len)
{
	size_t at = 0;
	uint8_t type;
	ssize_t n;

	while (at < len) {
		n = rec_recv(p->c, k, &type, plain);
		if (n < 0 || at + (size_t)n > len || type != REC_DATA)
			return false;
		if (!pattern_ok(plain, (size_t)n, at))
			return false;
		at += (size_t)n;
	}
	return true;
}

/* It ends one way or the other, and an end that is not good is told. */
static bool settled(int fd)
{
	uint8_t state;

	if (!poll_for(fd, POLLIN | POLLOUT))
		return false;
	state = info_get(fd).state;
	return state == TLSOCK_STATE_ESTABLISHED ||
	       (state == TLSOCK_STATE_FAILED && error_get(fd).error);
}

static bool is_established(int fd)
{
	return info_get(fd).state == TLSOCK_STATE_ESTABLISHED;
}

/* Both ends on the ULP, and every event of the daemon's answered here, that of a step with a fault. */
static bool handshake(struct __test_metadata *_metadata, struct pair *p, struct nl *nl, int step,
		      int n)
{
	struct script full = { .certs = 2, .cert_len = 900 };
	bool hit = false, done = false;
	struct event *e;
	struct addr a;
	int rc;

	p->l = listen_on(AF_INET, true, &a);
	p->c = socket_new(AF_INET, true);
	set_nonblock(p->c, true);
	if (connect(p->c, &a.sa, a.len))
		EXPECT_EQ(EINPROGRESS, errno);
	EXPECT_NE(0, poll_for(p->l, POLLIN));
	p->s = accept4(p->l, NULL, NULL, SOCK_CLOEXEC);
	for (int at = 0; !done; at++) {
		e = nl_next(nl, PATIENCE_MS);
		if (!e)
			break;
		if (at == step)
			arm(n);
		rc = script_step(nl, &full, e);
		if (at == step)
			hit = fired();
		/* not applied, or applied and not acknowledged: once more */
		if (rc)
			script_step(nl, &full, e);
		free(e);
		done = poll_now(p->c, POLLOUT) && poll_now(p->s, POLLOUT);
	}
	EXPECT_TRUE(settled(p->c));
	EXPECT_TRUE(settled(p->s));
	if (!hit)
		EXPECT_TRUE(is_established(p->c) && is_established(p->s));
	if (is_established(p->c) && is_established(p->s)) {
		EXPECT_EQ(100, send(p->c, data, 100, MSG_NOSIGNAL));
		EXPECT_EQ(100, read_all(p->s, got, 100));
	}
	pair_close(p);
	while ((e = nl_peek(nl)))
		free(e);
	return hit;
}

TEST_F_TIMEOUT(faults_seam, push, 280)
{
	bool hit;

	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	/* ClientHello, ServerHello with what follows, the two Finished */
	for (int step = 0; step < 4; step++) {
		hit = true;
		for (int n = 1; hit && n < FAULTS_MOST; n++)
			hit = handshake(_metadata, &self->p, &self->nl, step, n);
		EXPECT_FALSE(hit);
	}
}

/* What a PULL could not give stays for the next one. */
TEST_F_TIMEOUT(faults_seam, pull, 280)
{
	struct script brief = { .brief = true };
	struct pair *p = &self->p;
	bool hit = true;
	struct event *e;
	struct msg m;

	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	for (int n = 1; hit && n < FAULTS_MOST; n++) {
		ASSERT_EQ(0, pair_handshake(p));
		msg_start(&m, &self->nl, TLSOCK_CMD_PULL);
		arm(n);
		nl_post(&self->nl, &m);
		hit = fired();
		nl_drain(&self->nl);
		/* a worker whose PULL failed has to PULL again */
		nl_pull(&self->nl, 64, 65536);
		e = nl_next(&self->nl, PATIENCE_MS);
		ASSERT_NE(NULL, e);
		EXPECT_EQ(TLSOCK_CMD_CONN_NEW, e->cmd);
		EXPECT_EQ(0, script_step(&self->nl, &brief, e));
		free(e);
		EXPECT_LT(REC_HEADER, rec_read(p->s, plain));
		pair_close(p);
		while ((e = nl_peek(&self->nl)))
			free(e);
	}
	EXPECT_FALSE(hit);
}

/* The module's works read the handshake and hand it on. */
TEST_F_TIMEOUT(faults_seam, work, 280)
{
	struct script brief = { .brief = true };
	struct pair *p = &self->p;
	int failed = 0;

	ASSERT_EQ(0, worker_start(&self->w, &brief));
	for (int n = 1; n <= 24; n++) {
		workers_arm(n);
		pair_raw_client(p, SUITE_AES_128);
		workers_arm(0);
		EXPECT_TRUE(settled(p->s));
		failed += !is_established(p->s);
		pair_close(p);
	}
	EXPECT_LT(0, failed);
	ASSERT_EQ(0, pair_raw_client(p, SUITE_AES_128));
}

TEST_F_TIMEOUT(faults_seam, accept, 280)
{
	bool hit = true;
	struct addr a;
	int c, s;

	self->p.l = listen_on(AF_INET, true, &a);
	set_nonblock(self->p.l, true);
	for (int n = 1; hit && n < FAULTS_MOST; n++) {
		c = socket_new(AF_INET, false);
		ASSERT_EQ(0, connect(c, &a.sa, a.len));
		ASSERT_NE(0, poll_for(self->p.l, POLLIN));
		arm(n);
		s = accept4(self->p.l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		hit = fired();
		/* before or after it was taken off the queue */
		EXPECT_TRUE(s >= 0 || fits(errno));
		if (s < 0)
			s = accept4(self->p.l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (s < 0) {
			EXPECT_EQ(EAGAIN, errno);
			EXPECT_GE(0, read_all(c, got, 1));
		} else {
			EXPECT_EQ(-1, send(s, data, 100, MSG_NOSIGNAL));
			close(s);
		}
		close(c);
	}
	EXPECT_FALSE(hit);
}

TEST_F_TIMEOUT(faults_seam, connect_and_start, 280)
{
	struct script brief = { .brief = true };
	bool hit = true;
	struct addr a;
	int c, rc;

	ASSERT_EQ(0, worker_start(&self->w, &brief));
	self->p.l = listen_on(AF_INET, false, &a);
	set_nonblock(self->p.l, true);
	for (int n = 1; hit && n < FAULTS_MOST; n++) {
		c = socket_new(AF_INET, true);
		set_nonblock(c, true);
		arm(n);
		rc = connect(c, &a.sa, a.len);
		hit = fired();
		EXPECT_TRUE(rc == 0 || errno == EINPROGRESS || errno == ENETUNREACH || fits(errno));
		EXPECT_EQ(-1, send(c, data, 100, MSG_NOSIGNAL));
		close(c);
		close(accept4(self->p.l, NULL, NULL, SOCK_CLOEXEC));
	}
	EXPECT_FALSE(hit);
	hit = true;
	for (int n = 1; hit && n < FAULTS_MOST; n++) {
		ASSERT_EQ(0, pair_plain(&self->p));
		ASSERT_EQ(0, ulp_attach(self->p.c));
		ASSERT_EQ(0, opt_str(self->p.c, TLSOCK_SERVER_NAME, "name.test"));
		arm(n);
		rc = opt_int(self->p.c, TLSOCK_START, TLSOCK_ROLE_CLIENT);
		hit = fired();
		EXPECT_TRUE(rc == 0 || fits(errno));
		set_nonblock(self->p.c, true);
		EXPECT_EQ(-1, send(self->p.c, data, 100, MSG_NOSIGNAL));
		if (rc)
			EXPECT_EQ(0, opt_int(self->p.c, TLSOCK_START, TLSOCK_ROLE_CLIENT));
		pair_close(&self->p);
	}
	EXPECT_FALSE(hit);
}

TEST_F_TIMEOUT(faults_seam, key_update, 280)
{
	struct script brief = { .brief = true };
	struct pair *p = &self->p;
	bool hit = true;
	uint8_t type;
	int rc;

	ASSERT_EQ(0, worker_start(&self->w, &brief));
	ASSERT_EQ(0, pair_raw_client(p, SUITE_AES_128));
	for (int n = 1; hit && n < FAULTS_MOST; n++) {
		arm(n);
		rc = opt_int(p->s, TLSOCK_KEY_UPDATE, 0);
		hit = fired();
		EXPECT_TRUE(rc == 0 || errno == EIO || fits(errno));
		if (info_get(p->s).state == TLSOCK_STATE_FAILED) {
			pair_close(p);
			ASSERT_EQ(0, pair_raw_client(p, SUITE_AES_128));
			continue;
		}
		ASSERT_EQ(100, send(p->s, data, 100, MSG_NOSIGNAL));
		if (!rc) {
			ASSERT_EQ(5, rec_recv(p->c, &p->crx, &type, plain));
			EXPECT_EQ(REC_HANDSHAKE, type);
			key_next(&p->crx);
		}
		ASSERT_TRUE(arrives(p, &p->crx, 100));
	}
	EXPECT_FALSE(hit);
}

/* An end always comes, if not with close_notify. */
static void ending(struct __test_metadata *_metadata, struct pair *p, bool by_close)
{
	bool hit = true;
	ssize_t n_got;

	for (int n = 1; hit && n < FAULTS_MOST; n++) {
		ASSERT_EQ(0, pair_raw_client(p, SUITE_AES_128));
		ASSERT_EQ(100, send(p->s, data, 100, MSG_NOSIGNAL));
		ASSERT_EQ(100, send(p->s, data + 100, 100, MSG_NOSIGNAL | MSG_MORE));
		arm(n);
		if (by_close)
			close(p->s);
		else
			shutdown(p->s, SHUT_WR);
		hit = fired();
		if (by_close)
			p->s = -1;
		do
			n_got = rec_read(p->c, plain);
		while (n_got > 0);
		EXPECT_TRUE(n_got == 0 || errno == ECONNRESET);
		pair_close(p);
	}
	EXPECT_FALSE(hit);
}

TEST_F_TIMEOUT(faults_seam, close, 280)
{
	struct script brief = { .brief = true };

	ASSERT_EQ(0, worker_start(&self->w, &brief));
	ending(_metadata, &self->p, true);
}

TEST_F_TIMEOUT(faults_seam, shutdown, 280)
{
	struct script brief = { .brief = true };

	ASSERT_EQ(0, worker_start(&self->w, &brief));
	ending(_metadata, &self->p, false);
}

TEST_HARNESS_MAIN
