// SPDX-License-Identifier: GPL-2.0-only
/*
 * daemon_absent.c: the daemon is not there, or dies, at each state of a handshake. The rule: an
 * established connection never notices; one of which nothing was sent moves to another worker;
 * any other fails at once and for good. Nothing may hang, and nothing may leave in plaintext.
 */
#include "lib/capture.h"
#include "lib/net.h"
#include "lib/worker.h"

#include "kselftest_harness.h"

#define GRACE_MS 300

FIXTURE(daemon)
{
	struct pair p;
	struct worker w;
	struct nl nl, nl2;
};

FIXTURE_SETUP(daemon)
{
	ASSERT_EQ(0, env_setup());
	pair_init(&self->p, TLS13, 0);
	memset(&self->w, 0, sizeof(self->w));
	self->nl.fd = self->nl2.fd = -1;
	self->nl.buf = self->nl2.buf = NULL;
	self->nl.head = self->nl2.head = NULL;
	ASSERT_EQ(0, nl_limit(TLSOCK_A_LIMIT_GRACE_MS, GRACE_MS));
	ASSERT_EQ(0, stat_get("TlsockWorkers"));
}

FIXTURE_TEARDOWN(daemon)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	nl_close(&self->nl);
	nl_close(&self->nl2);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 0));
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockWorkers") == 0));
}

/* What a peer may see of a connection that failed before its handshake: an alert or nothing. */
static bool saw_nothing_but_alert(int fd)
{
	uint8_t buf[256];
	ssize_t n = read_all(fd, buf, sizeof(buf));

	return n == 0 || (n == 7 && buf[0] == REC_ALERT);
}

/* A client under test with O_NONBLOCK, its TCP peer a plain socket. */
static int open_client(struct pair *p)
{
	struct addr a;

	p->l = listen_on(AF_INET, false, &a);
	p->c = socket_new(AF_INET, true);
	set_nonblock(p->c, true);
	if (p->l < 0 || p->c < 0 || connect(p->c, &a.sa, a.len) != -1 || errno != EINPROGRESS)
		return -1;
	p->s = accept4(p->l, NULL, NULL, SOCK_CLOEXEC);
	return p->s < 0 ? -1 : 0;
}

/* A server under test, its TCP peer a plain socket. */
static int open_server(struct pair *p)
{
	struct addr a;

	p->l = listen_on(AF_INET, true, &a);
	p->c = socket_new(AF_INET, false);
	if (p->l < 0 || p->c < 0 || connect(p->c, &a.sa, a.len))
		return -1;
	p->s = accept4(p->l, NULL, NULL, SOCK_CLOEXEC);
	return p->s < 0 ? -1 : 0;
}

/* Bytes [from, to) of a ClientHello of 200 bytes in one record. */
static int send_hello(int fd, size_t from, size_t to)
{
	uint8_t hello[300], rec[400];
	size_t n = rec_plain(REC_HANDSHAKE, hello, hs_message(MSG_CLIENT_HELLO, 200, hello), rec);

	if (to > n)
		to = n;
	return write_all(fd, rec + from, to - from) == (ssize_t)(to - from) ? 0 : -1;
}

static void expect_failed(struct __test_metadata *_metadata, int fd, int err)
{
	struct tlsock_error e;
	char byte;

	EXPECT_EQ(-1, recv(fd, &byte, 1, 0));
	EXPECT_EQ(err, errno);
	EXPECT_EQ(-1, send(fd, "plaintext", 9, MSG_NOSIGNAL));
	EXPECT_EQ(err, errno);
	EXPECT_EQ(TLSOCK_STATE_FAILED, info_get(fd).state);
	e = error_get(fd);
	EXPECT_EQ(err, e.error);
	EXPECT_LT(0, strlen(e.text));
}

/* Send both ways between the two TLS ends. */
static void expect_traffic(struct __test_metadata *_metadata, struct pair *p)
{
	char buf[16] = "";

	EXPECT_EQ(5, send(p->c, "hello", 5, MSG_NOSIGNAL));
	EXPECT_EQ(5, recv(p->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "hello", 5));
	EXPECT_EQ(5, send(p->s, "there", 5, MSG_NOSIGNAL));
	EXPECT_EQ(5, recv(p->c, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "there", 5));
}

TEST_F(daemon, none_blocking_client)
{
	struct addr a;
	int64_t start = now_ms();

	self->p.l = listen_on(AF_INET, false, &a);
	self->p.c = socket_new(AF_INET, true);
	ASSERT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	EXPECT_EQ(EUNATCH, errno);
	EXPECT_LE(GRACE_MS, now_ms() - start);
	expect_failed(_metadata, self->p.c, EUNATCH);
	self->p.s = accept(self->p.l, NULL, NULL);
	ASSERT_LE(0, self->p.s);
	EXPECT_TRUE(saw_nothing_but_alert(self->p.s));
}

TEST_F(daemon, none_nonblocking_client)
{
	int err = 0;
	socklen_t len = sizeof(err);
	short ev;

	ASSERT_EQ(0, open_client(&self->p));
	EXPECT_EQ(0, poll_now(self->p.c, POLLIN | POLLOUT));
	EXPECT_EQ(-1, send(self->p.c, "plaintext", 9, MSG_NOSIGNAL));
	EXPECT_EQ(EAGAIN, errno);
	ev = poll_for(self->p.c, POLLIN | POLLOUT);
	EXPECT_EQ(POLLIN | POLLOUT | POLLERR | POLLHUP, ev);
	EXPECT_EQ(0, getsockopt(self->p.c, SOL_SOCKET, SO_ERROR, &err, &len));
	EXPECT_EQ(EUNATCH, err);
	expect_failed(_metadata, self->p.c, EUNATCH);
	EXPECT_TRUE(saw_nothing_but_alert(self->p.s));
}

TEST_F(daemon, none_server)
{
	ASSERT_EQ(0, open_server(&self->p));
	ASSERT_EQ(0, send_hello(self->p.c, 0, SIZE_MAX));
	expect_failed(_metadata, self->p.s, EUNATCH);
	EXPECT_TRUE(saw_nothing_but_alert(self->p.c));
}

TEST_F(daemon, comes_within_grace)
{
	ASSERT_EQ(0, nl_limit(TLSOCK_A_LIMIT_GRACE_MS, PATIENCE_MS));
	ASSERT_EQ(0, open_client(&self->p));
	EXPECT_EQ(0, poll_now(self->p.c, POLLOUT));
	close(self->p.s);
	close(self->p.c);
	close(self->p.l);

	/* Both ends wait; the worker comes after them. */
	struct addr a;

	self->p.l = listen_on(AF_INET, true, &a);
	self->p.c = socket_new(AF_INET, true);
	set_nonblock(self->p.c, true);
	ASSERT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	self->p.s = accept(self->p.l, NULL, NULL);
	EXPECT_EQ(0, poll_now(self->p.c, POLLOUT));
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	EXPECT_EQ(POLLOUT, poll_for(self->p.c, POLLOUT));
	set_nonblock(self->p.c, false);
	expect_traffic(_metadata, &self->p);
}

/* The kernel holds the first half of a ClientHello; no worker is told before it is whole. */
TEST_F(daemon, dies_while_waiting_for_hello)
{
	struct script brief = { .brief = true };
	struct event *e;

	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	ASSERT_EQ(0, open_server(&self->p));
	ASSERT_EQ(0, send_hello(self->p.c, 0, 100));
	e = nl_peek(&self->nl);
	EXPECT_EQ(NULL, e);
	nl_close(&self->nl);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockWorkers") == 0));

	ASSERT_EQ(0, worker_start(&self->w, &brief));
	ASSERT_EQ(0, send_hello(self->p.c, 100, SIZE_MAX));
	EXPECT_EQ(POLLOUT, poll_for(self->p.s, POLLOUT));
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(self->p.s).state);
}

TEST_F(daemon, dies_with_queue)
{
	struct script brief = { .brief = true };

	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	ASSERT_EQ(0, open_server(&self->p));
	ASSERT_EQ(0, send_hello(self->p.c, 0, SIZE_MAX));
	ASSERT_EQ(0, worker_start(&self->w, &brief));
	nl_close(&self->nl);
	EXPECT_EQ(POLLOUT, poll_for(self->p.s, POLLOUT));
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(self->p.s).state);
}

/* Owned, nothing sent: another worker gets the same bytes with the generation raised. */
TEST_F(daemon, dies_owning_server_unsent)
{
	struct script brief = { .brief = true };
	struct event *new1, *data1, *new2, *data2;
	struct msg m;

	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	ASSERT_EQ(0, nl_open(&self->nl2));
	ASSERT_EQ(0, nl_register(&self->nl2));
	ASSERT_EQ(0, open_server(&self->p));
	ASSERT_EQ(0, send_hello(self->p.c, 0, SIZE_MAX));
	new1 = nl_next(&self->nl, PATIENCE_MS);
	data1 = nl_next(&self->nl, PATIENCE_MS);
	ASSERT_NE(NULL, new1);
	ASSERT_NE(NULL, data1);
	EXPECT_EQ(TLSOCK_CMD_CONN_NEW, new1->cmd);
	EXPECT_EQ(TLSOCK_CMD_CONN_DATA, data1->cmd);
	EXPECT_EQ(204, data1->data_len);
	nl_close(&self->nl);

	new2 = nl_next(&self->nl2, PATIENCE_MS);
	data2 = nl_next(&self->nl2, PATIENCE_MS);
	ASSERT_NE(NULL, new2);
	ASSERT_NE(NULL, data2);
	EXPECT_EQ(TLSOCK_CMD_CONN_NEW, new2->cmd);
	EXPECT_EQ(new1->id, new2->id);
	EXPECT_EQ(new1->generation + 1, new2->generation);
	ASSERT_EQ(data1->data_len, data2->data_len);
	EXPECT_EQ(0, memcmp(data1->data, data2->data, data1->data_len));

	push_start(&m, &self->nl2, new1->id, new1->generation);
	push_continue(&m);
	EXPECT_EQ(-ESTALE, push_send(&self->nl2, &m));
	EXPECT_EQ(0, script_step(&self->nl2, &brief, data2));
	EXPECT_EQ(POLLOUT, poll_for(self->p.s, POLLOUT));
	free(new1);
	free(data1);
	free(new2);
	free(data2);
}

TEST_F(daemon, dies_owning_client_unsent)
{
	struct event *new1, *new2;

	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	ASSERT_EQ(0, open_client(&self->p));
	new1 = nl_next(&self->nl, PATIENCE_MS);
	ASSERT_NE(NULL, new1);
	nl_close(&self->nl);
	ASSERT_EQ(0, nl_open(&self->nl2));
	ASSERT_EQ(0, nl_register(&self->nl2));
	new2 = nl_next(&self->nl2, PATIENCE_MS);
	ASSERT_NE(NULL, new2);
	EXPECT_EQ(TLSOCK_CMD_CONN_NEW, new2->cmd);
	EXPECT_EQ(new1->id, new2->id);
	EXPECT_EQ(new1->generation + 1, new2->generation);
	EXPECT_STREQ("name.test", new2->server_name);
	free(new1);
	free(new2);
}

/* What ends every worker ends with the third: it must not take the service with it. */
TEST_F(daemon, dies_owning_three_times)
{
	uint32_t generation = 0;
	uint64_t id = 0;
	struct event *e;

	ASSERT_EQ(0, nl_open(&self->nl2));
	ASSERT_EQ(0, nl_register(&self->nl2));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, nl_open(&self->nl));
		ASSERT_EQ(0, nl_register(&self->nl));
		if (i == 0)
			ASSERT_EQ(0, open_client(&self->p));
		e = nl_next(&self->nl, PATIENCE_MS);
		ASSERT_NE(NULL, e);
		EXPECT_EQ(TLSOCK_CMD_CONN_NEW, e->cmd);
		EXPECT_EQ(i ? id : e->id, e->id);
		EXPECT_EQ(i ? generation + 1 : e->generation, e->generation);
		id = e->id;
		generation = e->generation;
		free(e);
		nl_close(&self->nl);
	}
	EXPECT_NE(0, POLLERR & poll_for(self->p.c, POLLOUT));
	set_nonblock(self->p.c, false);
	expect_failed(_metadata, self->p.c, ECONNABORTED);
	EXPECT_TRUE(saw_nothing_but_alert(self->p.s));
	/* a worker that lives was not asked */
	e = nl_peek(&self->nl2);
	EXPECT_TRUE(e == NULL || e->cmd == TLSOCK_CMD_CONN_GONE);
	free(e);
}

/* ... and when no other worker comes, the grace period ends it. */
TEST_F(daemon, dies_owning_and_none_follows)
{
	struct event *e;

	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	ASSERT_EQ(0, open_client(&self->p));
	e = nl_next(&self->nl, PATIENCE_MS);
	ASSERT_NE(NULL, e);
	free(e);
	nl_close(&self->nl);
	EXPECT_NE(0, POLLERR & poll_for(self->p.c, POLLOUT));
	set_nonblock(self->p.c, false);
	expect_failed(_metadata, self->p.c, EUNATCH);
	EXPECT_TRUE(saw_nothing_but_alert(self->p.s));
}

/* Owned, bytes sent: nobody can go on with it. A fatal alert, ECONNABORTED. */
TEST_F(daemon, dies_owning_sent)
{
	struct script s = { 0 };
	static uint8_t rec[REC_MAX];
	struct event *e;
	int level = 0;

	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	ASSERT_EQ(0, nl_open(&self->nl2));
	ASSERT_EQ(0, nl_register(&self->nl2));
	ASSERT_EQ(0, open_client(&self->p));
	e = nl_next(&self->nl, PATIENCE_MS);
	ASSERT_NE(NULL, e);
	ASSERT_EQ(0, script_step(&self->nl, &s, e));
	free(e);
	ASSERT_LT(REC_HEADER, rec_read(self->p.s, rec));
	EXPECT_EQ(REC_HANDSHAKE, rec[0]);
	nl_close(&self->nl);

	EXPECT_NE(0, POLLERR & poll_for(self->p.c, POLLOUT));
	set_nonblock(self->p.c, false);
	expect_failed(_metadata, self->p.c, ECONNABORTED);
	EXPECT_LE(0, rec_alert(self->p.s, NULL, &level));
	EXPECT_EQ(2, level);
	EXPECT_NE(TLSOCK_ALERT_NONE, error_get(self->p.c).alert_sent);
	e = nl_peek(&self->nl2);
	EXPECT_EQ(NULL, e);
}

/* A server whose flight is out and whose handshake keys are in: the alert goes under them. */
TEST_F(daemon, dies_owning_server_flight_sent)
{
	struct script s = { 0 };
	struct rec_key k = key_of(TLS13, SUITE_AES_128, TLSOCK_EPOCH_APPLICATION, true);
	struct event *e;

	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	ASSERT_EQ(0, open_server(&self->p));
	ASSERT_EQ(0, send_hello(self->p.c, 0, SIZE_MAX));
	for (int i = 0; i < 2; i++) {
		e = nl_next(&self->nl, PATIENCE_MS);
		ASSERT_NE(NULL, e);
		ASSERT_EQ(0, script_step(&self->nl, &s, e));
		free(e);
	}
	nl_close(&self->nl);
	expect_failed(_metadata, self->p.s, ECONNABORTED);

	/* ServerHello, change_cipher_spec, two or one records of the flight, then the alert. */
	static uint8_t rec[REC_MAX], plain[REC_MAX], type;
	ssize_t n, m = -1;

	while ((n = rec_read(self->p.c, rec)) > 0) {
		if (rec[0] == REC_DATA)
			m = rec_open(&k, rec, (size_t)n, &type, plain);
		else
			EXPECT_NE(REC_ALERT, rec[0]);
	}
	ASSERT_EQ(2, m);
	EXPECT_EQ(REC_ALERT, type);
	EXPECT_EQ(2, plain[0]);
}

TEST_F(daemon, dies_after_established)
{
	int one = 1;
	char byte;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, pair_tls(&self->p, 0));
	EXPECT_EQ(0, self->w.error);
	expect_traffic(_metadata, &self->p);
	worker_stop(&self->w);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockWorkers") == 0));

	expect_traffic(_metadata, &self->p);
	EXPECT_EQ(0, setsockopt(self->p.c, SOL_TLS, TLSOCK_KEY_UPDATE, &one, sizeof(one)));
	expect_traffic(_metadata, &self->p);
	EXPECT_EQ(1, info_get(self->p.c).tx_key_updates);
	EXPECT_EQ(1, info_get(self->p.s).rx_key_updates);
	EXPECT_EQ(0, shutdown(self->p.c, SHUT_WR));
	EXPECT_EQ(0, recv(self->p.s, &byte, 1, 0));
	EXPECT_EQ(0, error_get(self->p.s).error);
}

/* Any number of workers come and go while connections are made. */
TEST_F(daemon, comes_and_goes)
{
	ASSERT_EQ(0, nl_limit(TLSOCK_A_LIMIT_GRACE_MS, PATIENCE_MS));
	for (int i = 0; i < 8; i++) {
		ASSERT_EQ(0, worker_start(&self->w, NULL));
		ASSERT_EQ(0, pair_tls(&self->p, 0));
		expect_traffic(_metadata, &self->p);
		worker_stop(&self->w);
		EXPECT_EQ(0, self->w.error);
		expect_traffic(_metadata, &self->p);
		pair_close(&self->p);
	}
	EXPECT_EQ(16, stat_get("TlsockHandshakes"));
}

TEST_HARNESS_MAIN
