// SPDX-License-Identifier: GPL-2.0-only
/*
 * client_tickets.c: session tickets that come after a client's handshake (RFC 8446 section 4.6.1)
 * and go to a worker with the cookie that COMPLETE left: whole, whichever worker there is, within
 * bounds, and never at the connection's cost. The worker that did the handshake is dead by then.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#define COOKIE_LEN 100

static uint8_t plain[REC_MAX];

FIXTURE(tickets)
{
	struct nl nl; /* the worker that lives on */
	struct pair p; /* c: under test, s: its raw peer */
};

static int establish(struct pair *p, size_t n, const struct script *s)
{
	struct worker w;
	int rc = worker_start(&w, s);

	for (size_t i = 0; !rc && i < n; i++)
		rc = pair_raw_server(&p[i], SUITE_AES_128);
	worker_stop(&w);
	return rc ? rc : w.error;
}

FIXTURE_SETUP(tickets)
{
	struct script s = { .brief = true, .cookie_len = COOKIE_LEN };

	memset(&self->nl, 0, sizeof(self->nl));
	self->nl.fd = -1;
	pair_init(&self->p, TLS13, SUITE_AES_128);
	ASSERT_EQ(0, env_setup());
	ASSERT_EQ(0, establish(&self->p, 1, &s));
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
}

FIXTURE_TEARDOWN(tickets)
{
	nl_close(&self->nl);
	pair_close(&self->p);
}

/* From the peer; nobody reads on our side, but somebody asks whether there is something to read. */
static int send_ticket(struct pair *p, size_t len)
{
	size_t n = hs_message(MSG_NEW_SESSION_TICKET, len, plain);
	long long before = stat_get("TlsockRxRecords");

	if (rec_send(p->s, &p->stx, REC_HANDSHAKE, plain, n))
		return -1;
	return WAIT_FOR(poll_now(p->c, POLLIN) || stat_get("TlsockRxRecords") > before) ? 0 : -1;
}

/* Bytes that the other end has not taken yet. */
static int unacknowledged(int fd)
{
	int n = -1;

	return ioctl(fd, SIOCOUTQ, &n) ? -1 : n;
}

static void expect_ticket(struct __test_metadata *_metadata, struct nl *nl, struct pair *p,
			  size_t len)
{
	uint8_t cookie[COOKIE_LEN], message[200];
	struct event *e = nl_next(nl, PATIENCE_MS);

	ASSERT_NE(NULL, e);
	EXPECT_EQ(TLSOCK_CMD_CONN_TICKET, e->cmd);
	EXPECT_EQ(info_get(p->c).id, e->id);
	pattern_fill(cookie, sizeof(cookie), 0);
	ASSERT_EQ(sizeof(cookie), e->cookie_len);
	EXPECT_EQ(0, memcmp(cookie, e->cookie, sizeof(cookie)));
	ASSERT_EQ(len + 4, e->data_len);
	if (len + 4 <= sizeof(message)) {
		hs_message(MSG_NEW_SESSION_TICKET, len, message);
		EXPECT_EQ(0, memcmp(message, e->data, e->data_len));
	}
	free(e);
}

/* As a worker that drains: no new connection until its next PULL. */
static int decline(struct nl *nl)
{
	struct msg m;

	msg_start(&m, nl, TLSOCK_CMD_PULL);
	msg_u32(&m, TLSOCK_A_MAX_CONNS, 0);
	return nl_talk(nl, &m);
}

static void expect_none(struct __test_metadata *_metadata, struct nl *nl)
{
	struct event *e = nl_peek(nl);

	EXPECT_EQ(NULL, e);
	free(e);
}

static void expect_traffic(struct __test_metadata *_metadata, struct pair *p)
{
	uint8_t type = 0;

	EXPECT_EQ(0, rec_send(p->s, &p->stx, REC_DATA, "ping", 4));
	EXPECT_EQ(4, read_all(p->c, plain, 4));
	EXPECT_EQ(4, send(p->c, "pong", 4, MSG_NOSIGNAL));
	EXPECT_EQ(4, rec_recv(p->s, &p->srx, &type, plain));
}

/* To another worker than the one that completed it: that one has ended. */
TEST_F(tickets, given_without_a_reader)
{
	ASSERT_EQ(0, send_ticket(&self->p, 100));
	expect_ticket(_metadata, &self->nl, &self->p, 100);
	expect_none(_metadata, &self->nl);
	expect_traffic(_metadata, &self->p);
	EXPECT_EQ(1, stat_get("TlsockTickets"));
	EXPECT_EQ(0, stat_get("TlsockTicketsDropped"));
}

TEST_F(tickets, by_doorbell)
{
	expect_none(_metadata, &self->nl); /* armed */
	ASSERT_EQ(0, send_ticket(&self->p, 100));
	nl_drain(&self->nl);
	EXPECT_TRUE(self->nl.doorbell);
	expect_ticket(_metadata, &self->nl, &self->p, 100);
}

TEST_F(tickets, in_pieces)
{
	size_t n = hs_message(MSG_NEW_SESSION_TICKET, 100, plain);

	ASSERT_EQ(0, rec_send(self->p.s, &self->p.stx, REC_HANDSHAKE, plain, 3));
	ASSERT_EQ(0, rec_send(self->p.s, &self->p.stx, REC_HANDSHAKE, plain + 3, n - 4));
	EXPECT_TRUE(WAIT_FOR(poll_now(self->p.c, POLLIN) || stat_get("TlsockRxRecords") >= 3));
	expect_none(_metadata, &self->nl);
	ASSERT_EQ(0, rec_send(self->p.s, &self->p.stx, REC_HANDSHAKE, plain + n - 1, 1));
	expect_traffic(_metadata, &self->p);
	expect_ticket(_metadata, &self->nl, &self->p, 100);
}

TEST_F(tickets, two_in_a_record)
{
	size_t n = hs_message(MSG_NEW_SESSION_TICKET, 10, plain);

	n += hs_message(MSG_NEW_SESSION_TICKET, 20, plain + n);
	ASSERT_EQ(0, rec_send(self->p.s, &self->p.stx, REC_HANDSHAKE, plain, n));
	expect_traffic(_metadata, &self->p);
	expect_ticket(_metadata, &self->nl, &self->p, 10);
	expect_ticket(_metadata, &self->nl, &self->p, 20);
}

/* The program closes without having read once. */
TEST_F(tickets, at_close)
{
	size_t n = hs_message(MSG_NEW_SESSION_TICKET, 100, plain);
	struct event *e;

	ASSERT_EQ(0, rec_send(self->p.s, &self->p.stx, REC_HANDSHAKE, plain, n));
	EXPECT_TRUE(WAIT_FOR(!unacknowledged(self->p.s)));
	close(self->p.c);
	self->p.c = -1;
	e = nl_next(&self->nl, PATIENCE_MS);
	ASSERT_NE(NULL, e);
	EXPECT_EQ(TLSOCK_CMD_CONN_TICKET, e->cmd);
	free(e);
}

TEST_F(tickets, four_of_a_connection)
{
	for (size_t i = 0; i < 10; i++)
		ASSERT_EQ(0, send_ticket(&self->p, 10 + i));
	for (size_t i = 0; i < 4; i++)
		expect_ticket(_metadata, &self->nl, &self->p, 10 + i);
	expect_none(_metadata, &self->nl);
	EXPECT_EQ(4, stat_get("TlsockTickets"));
	EXPECT_EQ(6, stat_get("TlsockTicketsDropped"));
	expect_traffic(_metadata, &self->p);
}

TEST_F(tickets, too_long)
{
	size_t n = hs_message(MSG_NEW_SESSION_TICKET, 0, plain);

	/* 16 KiB and one byte, header counted, in two records */
	plain[2] = (16384 - 3) >> 8;
	plain[3] = (16384 - 3) & 255;
	memset(plain + n, 0, 16384 - 3);
	ASSERT_EQ(0, rec_send(self->p.s, &self->p.stx, REC_HANDSHAKE, plain, 10000));
	ASSERT_EQ(0, rec_send(self->p.s, &self->p.stx, REC_HANDSHAKE, plain + 10000, 6385));
	expect_traffic(_metadata, &self->p);
	expect_none(_metadata, &self->nl);
	ASSERT_EQ(0, send_ticket(&self->p, 16384 - 4));
	expect_ticket(_metadata, &self->nl, &self->p, 16384 - 4);
	EXPECT_EQ(1, stat_get("TlsockTicketsDropped"));
}

TEST_F(tickets, no_worker)
{
	nl_close(&self->nl);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockWorkers") == 0));
	ASSERT_EQ(0, send_ticket(&self->p, 100));
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	expect_none(_metadata, &self->nl);
	ASSERT_EQ(0, send_ticket(&self->p, 90));
	expect_ticket(_metadata, &self->nl, &self->p, 90);
	expect_traffic(_metadata, &self->p);
}

/* The last worker dies with one unread: nobody else gets it. */
TEST_F(tickets, dies_with_the_last_worker)
{
	ASSERT_EQ(0, send_ticket(&self->p, 100));
	nl_close(&self->nl);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockWorkers") == 0));
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	expect_none(_metadata, &self->nl);
}

TEST_F(tickets, not_to_a_worker_that_drains)
{
	ASSERT_EQ(0, decline(&self->nl));
	ASSERT_EQ(0, send_ticket(&self->p, 100));
	ASSERT_EQ(0, decline(&self->nl));
	EXPECT_EQ(NULL, nl_take(&self->nl));
	EXPECT_FALSE(self->nl.doorbell);
	expect_ticket(_metadata, &self->nl, &self->p, 100);
}

/* 1 MiB wait at most, cookies counted; what is more is lost, and nothing else is. */
TEST_F(tickets, a_namespace_full)
{
	struct script s = { .brief = true, .cookie_len = TLSOCK_COOKIE_MAX };
	enum { CONNS = 12 };
	struct pair p[CONNS];
	struct event *e;
	int n = 0;

	nl_close(&self->nl);
	ASSERT_EQ(0, establish(p, CONNS, &s));
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	for (int i = 0; i < 4 * CONNS; i++)
		ASSERT_EQ(0, send_ticket(&p[i % CONNS], 16384 - 4));
	while ((e = nl_peek(&self->nl))) {
		EXPECT_EQ(TLSOCK_COOKIE_MAX, e->cookie_len);
		EXPECT_EQ(16384, e->data_len);
		free(e);
		n++;
	}
	EXPECT_EQ((1 << 20) / (16384 + TLSOCK_COOKIE_MAX), n);
	EXPECT_EQ(4 * CONNS - n, stat_get("TlsockTicketsDropped"));
	for (int i = 0; i < CONNS; i++) {
		expect_traffic(_metadata, &p[i]);
		pair_close(&p[i]);
	}
}

TEST_F(tickets, without_a_cookie)
{
	struct script s = { .brief = true };
	struct pair p;

	ASSERT_EQ(0, decline(&self->nl)); /* the handshake is not for it */
	ASSERT_EQ(0, establish(&p, 1, &s));
	ASSERT_EQ(0, send_ticket(&p, 100));
	expect_none(_metadata, &self->nl);
	EXPECT_EQ(1, stat_get("TlsockTicketsDropped"));
	expect_traffic(_metadata, &p);
	pair_close(&p);
}

/* Of no bytes, of too many, of TLS 1.2, of a server. */
TEST_F(tickets, wrong_cookies)
{
	struct script s = { .brief = true };
	struct rec_key k = key_of(TLS12, SUITE_12_AES_128, 3, false);
	struct pair p;
	struct event *e;
	struct msg m;

	pair_init(&p, TLS13, SUITE_AES_128);
	ASSERT_EQ(0, pair_handshake(&p));
	e = nl_next(&self->nl, PATIENCE_MS);
	ASSERT_NE(NULL, e);
	for (size_t len = 0; len <= TLSOCK_COOKIE_MAX + 1; len += TLSOCK_COOKIE_MAX + 1) {
		push_start(&m, &self->nl, e->id, e->generation);
		push_app_keys(&m, &s, false);
		msg_nest(&m, TLSOCK_ACT_COMPLETE);
		msg_u16(&m, TLSOCK_AA_VERSION, TLS13);
		msg_u16(&m, TLSOCK_AA_SUITE, SUITE_AES_128);
		memset(plain, 0, sizeof(plain));
		msg_put(&m, TLSOCK_AA_COOKIE, plain, len);
		msg_end(&m);
		EXPECT_EQ(len ? -ERANGE : -EINVAL, push_send(&self->nl, &m));
	}
	push_start(&m, &self->nl, e->id, e->generation);
	push_key(&m, TLSOCK_DIR_TX, 3, &k, false);
	s.version = TLS12;
	s.cookie_len = 1;
	push_complete(&m, &s, false);
	EXPECT_EQ(-EINVAL, push_send(&self->nl, &m));
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(p.c).state);
	free(e);
	pair_close(&p);
}

TEST_F(tickets, a_server_has_none)
{
	struct script s = { .brief = true, .cookie_len = COOKIE_LEN };
	uint8_t hello[300];
	struct pair p;
	struct addr a;
	struct event *e;
	size_t n;
	int rc = 0;

	pair_init(&p, TLS13, SUITE_AES_128);
	p.l = listen_on(AF_INET, true, &a);
	p.c = socket_new(AF_INET, false);
	ASSERT_EQ(0, connect(p.c, &a.sa, a.len));
	p.s = accept4(p.l, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, p.s);
	n = rec_plain(REC_HANDSHAKE, hello, hs_message(MSG_CLIENT_HELLO, 200, hello), plain);
	ASSERT_EQ((ssize_t)n, write_all(p.c, plain, n));
	while (!rc && (e = nl_next(&self->nl, PATIENCE_MS))) {
		rc = script_step(&self->nl, &s, e);
		free(e);
	}
	EXPECT_EQ(-EINVAL, rc);
	EXPECT_NE(NULL, strstr(self->nl.extack, "COOKIE"));
	pair_close(&p);
}

TEST_F(tickets, resumed_is_counted)
{
	struct script s = { .brief = true, .flags = TLSOCK_INFO_RESUMED };
	struct event st = { 0 };
	struct pair p;

	ASSERT_EQ(0, decline(&self->nl));
	EXPECT_EQ(0, stat_get("TlsockHandshakeResumed"));
	ASSERT_EQ(0, establish(&p, 1, &s));
	EXPECT_EQ(1, stat_get("TlsockHandshakeResumed"));
	EXPECT_EQ(0, nl_stats(&self->nl, &st));
	EXPECT_EQ(1, st.stat[TLSOCK_A_STAT_HS_RESUMED]);
	pair_close(&p);
}

TEST_HARNESS_MAIN
