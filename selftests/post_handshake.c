// SPDX-License-Identifier: GPL-2.0-only
/*
 * post_handshake.c: what is not application data on an established connection, all of it the
 * kernel's own business: alerts and close_notify (RFC 8446 section 6), KeyUpdate (4.6.3),
 * NewSessionTicket (4.6.1), and everything that must not come. The worker is dead by then.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include <linux/sockios.h>

#include "kselftest_harness.h"

static uint8_t plain[REC_MAX], wire[REC_MAX];

FIXTURE(established)
{
	struct pair p; /* c: the raw peer, s: under test, whichever role it has */
	struct worker w;
};

FIXTURE_VARIANT(established)
{
	bool client; /* the end under test is the client */
	uint16_t suite;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(established, server_128) { .suite = SUITE_AES_128 };
FIXTURE_VARIANT_ADD(established, server_256) { .suite = SUITE_AES_256 };
FIXTURE_VARIANT_ADD(established, client_128) { .suite = SUITE_AES_128, .client = true };
/* clang-format on */

FIXTURE_SETUP(established)
{
	struct script brief = { .brief = true, .suite = variant->suite };
	struct pair *p = &self->p;
	struct pair q;

	pair_init(p, TLS13, variant->suite);
	memset(&self->w, 0, sizeof(self->w));
	ASSERT_EQ(0, env_setup());
	ASSERT_EQ(0, worker_start(&self->w, &brief));
	if (!variant->client) {
		ASSERT_EQ(0, pair_raw_client(p, variant->suite));
	} else {
		ASSERT_EQ(0, pair_raw_server(p, variant->suite));
		q = *p;
		p->c = q.s;
		p->s = q.c;
		p->ctx = q.stx;
		p->crx = q.srx;
	}
	worker_stop(&self->w);
	ASSERT_EQ(0, self->w.error);
}

FIXTURE_TEARDOWN(established)
{
	pair_close(&self->p);
}

/* The raw peer sends, the end under test receives, and back. */
static void expect_traffic(struct __test_metadata *_metadata, struct pair *p)
{
	uint8_t type = 0;

	EXPECT_EQ(0, rec_send(p->c, &p->ctx, REC_DATA, "ping", 4));
	EXPECT_EQ(4, read_all(p->s, plain, 4));
	EXPECT_EQ(0, memcmp(plain, "ping", 4));
	EXPECT_EQ(4, send(p->s, "pong", 4, MSG_NOSIGNAL));
	EXPECT_EQ(4, rec_recv(p->c, &p->crx, &type, plain));
	EXPECT_EQ(REC_DATA, type);
}

static void expect_failed(struct __test_metadata *_metadata, struct pair *p, int err, int alert)
{
	EXPECT_EQ(-1, recv(p->s, plain, sizeof(plain), 0));
	EXPECT_EQ(err, errno);
	EXPECT_EQ(alert, rec_alert(p->c, &p->crx, NULL));
	EXPECT_EQ(alert, error_get(p->s).alert_sent);
	EXPECT_EQ(-1, send(p->s, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(err, errno);
}

/* The peer must find a KeyUpdate next; its receive key moves on. */
static bool took_key_update(struct pair *p, uint8_t value)
{
	uint8_t type = 0;

	if (rec_recv(p->c, &p->crx, &type, plain) != 5 || type != REC_HANDSHAKE ||
	    memcmp(plain, "\30\0\0\1", 4) || plain[4] != value)
		return false;
	key_next(&p->crx);
	return true;
}

TEST_F(established, traffic_without_worker)
{
	for (int i = 0; i < 5; i++)
		expect_traffic(_metadata, &self->p);
	/* All records since the ULP was attached: the peer's hello, in the clear, is one. */
	EXPECT_EQ(6, info_get(self->p.s).rx_records);
	EXPECT_EQ(20, info_get(self->p.s).rx_bytes);
	EXPECT_EQ(20, info_get(self->p.s).tx_bytes);
}

TEST_F(established, close_notify_received)
{
	uint8_t type = 0;

	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, "last", 4));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_ALERT, "\1\0", 2));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, "late", 4));
	EXPECT_EQ(4, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(0, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(0, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_NE(0, POLLIN & poll_now(self->p.s, POLLIN));
	EXPECT_NE(0, TLSOCK_INFO_CLOSE_RECEIVED & info_get(self->p.s).flags);

	/* TLS 1.3 closes each direction by itself: ours still works. */
	EXPECT_EQ(4, send(self->p.s, "more", 4, MSG_NOSIGNAL));
	EXPECT_EQ(4, rec_recv(self->p.c, &self->p.crx, &type, plain));
	EXPECT_EQ(REC_DATA, type);
}

TEST_F(established, close_notify_by_shutdown)
{
	int level = 0;

	EXPECT_EQ(0, shutdown(self->p.s, SHUT_WR));
	EXPECT_EQ(0, rec_alert(self->p.c, &self->p.crx, &level));
	EXPECT_EQ(1, level);
	EXPECT_EQ(0, recv(self->p.c, plain, 1, 0));
	EXPECT_NE(0, TLSOCK_INFO_CLOSE_SENT & info_get(self->p.s).flags);
	EXPECT_EQ(-1, send(self->p.s, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, "still", 5));
	EXPECT_EQ(5, recv(self->p.s, plain, sizeof(plain), 0));
}

TEST_F(established, close_notify_by_close)
{
	uint8_t type = 0;

	EXPECT_EQ(4, send(self->p.s, "last", 4, 0));
	close(self->p.s);
	self->p.s = -1;
	EXPECT_EQ(4, rec_recv(self->p.c, &self->p.crx, &type, plain));
	EXPECT_EQ(0, rec_alert(self->p.c, &self->p.crx, NULL));
	EXPECT_EQ(0, recv(self->p.c, plain, 1, 0));
}

TEST_F(established, fatal_alert_received)
{
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, "good", 4));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_ALERT, "\2\50", 2));
	EXPECT_EQ(4, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(EPROTO, errno);
	EXPECT_EQ(40, error_get(self->p.s).alert_received);
	EXPECT_EQ(EPROTO, error_get(self->p.s).error);
	EXPECT_EQ(-1, send(self->p.s, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPROTO, errno);
}

TEST_F(established, malformed_alerts)
{
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_ALERT, "\1\0\0", 3));
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(EPROTO, errno);
	EXPECT_LT(0, rec_alert(self->p.c, &self->p.crx, NULL));
}

TEST_F(established, unknown_content_type)
{
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, 99, "x", 1));
	expect_failed(_metadata, &self->p, EPROTO, 10);
}

/* A record in the clear once keys are in force. */
TEST_F(established, plaintext_handshake_record)
{
	size_t n = rec_plain(REC_HANDSHAKE, "\0\0\0\0", 4, wire);

	ASSERT_EQ((ssize_t)n, write_all(self->p.c, wire, n));
	expect_failed(_metadata, &self->p, EPROTO, 10);
}

TEST_F(established, plaintext_alert_record)
{
	size_t n = rec_plain(REC_ALERT, "\1\0", 2, wire);

	ASSERT_EQ((ssize_t)n, write_all(self->p.c, wire, n));
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(EPROTO, errno);
}

TEST_F(established, key_update_received)
{
	ASSERT_EQ(0, pair_key_update(&self->p, 0));
	expect_traffic(_metadata, &self->p);
	EXPECT_EQ(1, info_get(self->p.s).rx_key_updates);
	EXPECT_EQ(0, info_get(self->p.s).tx_key_updates);
}

TEST_F(established, key_update_requested)
{
	uint8_t type = 0;

	ASSERT_EQ(0, pair_key_update(&self->p, 1));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, "ping", 4));
	EXPECT_EQ(4, read_all(self->p.s, plain, 4));
	EXPECT_EQ(4, send(self->p.s, "pong", 4, 0));
	EXPECT_TRUE(took_key_update(&self->p, 0));
	EXPECT_EQ(4, rec_recv(self->p.c, &self->p.crx, &type, plain));
	EXPECT_EQ(REC_DATA, type);
	EXPECT_EQ(1, info_get(self->p.s).tx_key_updates);
}

TEST_F(established, key_update_sent)
{
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0, opt_int(self->p.s, TLSOCK_KEY_UPDATE, 1));
		EXPECT_TRUE(took_key_update(&self->p, 0));
		expect_traffic(_metadata, &self->p);
	}
	EXPECT_EQ(3, info_get(self->p.s).tx_key_updates);
}

TEST_F(established, key_update_bad_value)
{
	ASSERT_EQ(0, pair_key_update(&self->p, 2));
	expect_failed(_metadata, &self->p, EPROTO, 47);
}

TEST_F(established, key_update_not_at_record_end)
{
	uint8_t msg[10] = { MSG_KEY_UPDATE, 0, 0, 1, 0, MSG_KEY_UPDATE, 0, 0, 1, 0 };

	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, msg, sizeof(msg)));
	expect_failed(_metadata, &self->p, EPROTO, 10);
}

TEST_F(established, key_update_bad_length)
{
	uint8_t msg[6] = { MSG_KEY_UPDATE, 0, 0, 2, 0, 0 };

	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, msg, sizeof(msg)));
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(EPROTO, errno);
	EXPECT_LT(0, rec_alert(self->p.c, &self->p.crx, NULL));
}

/* After the update, the old key must not open anything. */
TEST_F(established, key_update_old_key_again)
{
	struct rec_key old = self->p.ctx;

	ASSERT_EQ(0, pair_key_update(&self->p, 0));
	old.seq++;
	ASSERT_EQ(0, rec_send(self->p.c, &old, REC_DATA, "x", 1));
	expect_failed(_metadata, &self->p, EBADMSG, 20);
}

/* Until TCP takes no more: the bytes that went into records. */
static bool all_acked(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && !info.tcpi_unacked;
}

/* Until nothing more goes and nothing is on its way: the peer's window is closed for good, and the
 * send buffer does not grow by itself.
 */
static size_t fill(int fd)
{
	static const uint8_t zeros[16384];
	int size = 65536;
	size_t sent = 0, before;
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	do {
		before = sent;
		while ((n = send(fd, zeros, sizeof(zeros), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
			sent += (size_t)n;
		if (!WAIT_FOR(all_acked(fd)))
			break;
	} while (sent != before);
	return sent;
}

/* The peer reads so many bytes of data, and nothing else comes before their end. */
static bool drains(struct pair *p, size_t len)
{
	uint8_t type = 0;
	ssize_t n;

	for (; len; len -= (size_t)n) {
		n = rec_recv(p->c, &p->crx, &type, plain);
		if (n <= 0 || type != REC_DATA || (size_t)n > len)
			return false;
	}
	return true;
}

/*
 * TCP takes small records for some time after it is full: as many as there is room for in its last
 * packet. How many KeyUpdates that are; KEY_UPDATES if there is no end of them.
 */
#define KEY_UPDATES 4000

static uint32_t fill_with_key_updates(int fd)
{
	uint32_t n = 0;

	while (n < KEY_UPDATES && opt_int(fd, TLSOCK_KEY_UPDATE, 1) == 0)
		n++;
	return n;
}

static bool took_key_updates(struct pair *p, uint32_t n)
{
	while (n && took_key_update(p, 0))
		n--;
	return n == 0;
}

/* A peer that does not read is no way to the kernel's memory. */
TEST_F(established, key_update_in_a_loop)
{
	size_t sent = fill(self->p.s);
	uint32_t n = fill_with_key_updates(self->p.s);
	uint8_t type = 0;

	EXPECT_EQ(EAGAIN, errno);
	EXPECT_GT(KEY_UPDATES, n);
	n = info_get(self->p.s).tx_key_updates;
	EXPECT_TRUE(drains(&self->p, sent));
	EXPECT_TRUE(took_key_updates(&self->p, n));
	EXPECT_TRUE(WAIT_FOR(opt_int(self->p.s, TLSOCK_KEY_UPDATE, 1) == 0));
	EXPECT_TRUE(took_key_update(&self->p, 0));
	EXPECT_EQ(4, send(self->p.s, "pong", 4, MSG_NOSIGNAL));
	EXPECT_EQ(4, rec_recv(self->p.c, &self->p.crx, &type, plain));
}

static void *send_next(void *arg)
{
	const int *fd = arg;

	return (void *)(intptr_t)send(*fd, "next", 4, MSG_NOSIGNAL);
}

static int in_tcp(int fd)
{
	int n = -1;

	return ioctl(fd, SIOCOUTQ, &n) == 0 ? n : -1;
}

/* KeyUpdates that the peer reads before the data "next"; -1: something else came, or none at all
 * right before it.
 */
static int64_t key_updates_before_next(struct pair *p)
{
	int64_t n = 0;
	bool last = false;
	uint8_t type = 0;
	ssize_t len;

	while ((len = rec_recv(p->c, &p->crx, &type, plain)) > 0) {
		if (type == REC_DATA && len == 4 && memcmp(plain, "next", 4) == 0)
			return last ? n : -1;
		last = type == REC_HANDSHAKE;
		if (!last)
			continue;
		if (len != 5 || memcmp(plain, "\30\0\0\1", 5) != 0)
			return -1;
		key_next(&p->crx);
		n++;
	}
	return -1;
}

/* RFC 8446 section 4.6.3: one answer is enough for many requests, and it goes before new data.
 * While TCP takes nothing, none is made; a peer's window may open a little without a read.
 */
TEST_F(established, key_update_requested_by_a_deaf_peer)
{
	size_t sent = fill(self->p.s);
	pthread_t t;
	uint32_t n;
	int64_t end;
	int before;
	void *rc;

	EXPECT_LT(0, sent);
	fill_with_key_updates(self->p.s);
	n = info_get(self->p.s).tx_key_updates;
	before = in_tcp(self->p.s);
	for (int i = 0; i < 5; i++) {
		ASSERT_EQ(0, pair_key_update(&self->p, 1));
		ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, "x", 1));
		EXPECT_EQ(1, read_all(self->p.s, plain, 1));
		/* one in 100 ms is the most that a peer may send */
		end = now_ms() + 120;
		EXPECT_TRUE(WAIT_FOR(now_ms() >= end));
	}
	EXPECT_EQ(5, info_get(self->p.s).rx_key_updates);
	if (in_tcp(self->p.s) == before)
		EXPECT_EQ(n, info_get(self->p.s).tx_key_updates);
	set_nonblock(self->p.s, false);
	t = thread_start(send_next, &self->p.s);
	EXPECT_LT(n, key_updates_before_next(&self->p));
	pthread_join(t, &rc);
	EXPECT_EQ(4, (intptr_t)rc);
	EXPECT_GE(n + 5, info_get(self->p.s).tx_key_updates);
	expect_traffic(_metadata, &self->p);
}

/* Nobody sends, and yet the answer leaves, once there is room. */
TEST_F(established, key_update_answered_without_a_sender)
{
	size_t sent = fill(self->p.s);
	uint32_t n;

	fill_with_key_updates(self->p.s);
	n = info_get(self->p.s).tx_key_updates;
	ASSERT_EQ(0, pair_key_update(&self->p, 1));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, "x", 1));
	EXPECT_EQ(1, read_all(self->p.s, plain, 1));
	EXPECT_TRUE(drains(&self->p, sent));
	EXPECT_TRUE(took_key_updates(&self->p, n + 1));
	expect_traffic(_metadata, &self->p);
}

/* More than one answered KeyUpdate per 100 ms is an error rather than a spin. */
TEST_F(established, key_update_storm)
{
	ssize_t n;

	for (int i = 0; i < 40; i++) {
		if (pair_key_update(&self->p, 1))
			break;
	}
	n = recv(self->p.s, plain, sizeof(plain), 0);
	EXPECT_EQ(-1, n);
	EXPECT_EQ(EPROTO, errno);
	EXPECT_GT(40, info_get(self->p.s).tx_key_updates);
}

TEST_F(established, new_session_ticket)
{
	size_t n = hs_message(MSG_NEW_SESSION_TICKET, 100, plain);

	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, plain, n));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, plain, n));
	if (variant->client) {
		expect_traffic(_metadata, &self->p);
		return;
	}
	expect_failed(_metadata, &self->p, EPROTO, 10);
}

/* A ticket in three records, one byte in the last. */
TEST_F(established, new_session_ticket_in_pieces)
{
	size_t n = hs_message(MSG_NEW_SESSION_TICKET, 100, plain);

	if (!variant->client)
		SKIP(return, "tickets go to clients");
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, plain, 2));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, plain + 2, n - 3));
	EXPECT_EQ(0, poll_now(self->p.s, POLLIN));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, plain + n - 1, 1));
	expect_traffic(_metadata, &self->p);
}

/* As many records as it has bytes are no reason to refuse it. */
TEST_F(established, new_session_ticket_byte_by_byte)
{
	size_t n = hs_message(MSG_NEW_SESSION_TICKET, 100, plain);

	if (!variant->client)
		SKIP(return, "tickets go to clients");
	for (size_t i = 0; i < n; i++)
		ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, plain + i, 1));
	expect_traffic(_metadata, &self->p);
}

/* Not without end: 256 KiB, and data begin the count anew. */
TEST_F(established, new_session_tickets_without_end)
{
	size_t n = hs_message(MSG_NEW_SESSION_TICKET, 16000, plain);

	if (!variant->client)
		SKIP(return, "tickets go to clients");
	for (int i = 0; i < 32; i++) {
		if (i % 16 == 0)
			expect_traffic(_metadata, &self->p);
		hs_message(MSG_NEW_SESSION_TICKET, 16000, plain);
		ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, plain, n));
		poll_now(self->p.s, POLLIN); /* takes it: the window is smaller than all */
	}
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(self->p.s).state);
	hs_message(MSG_NEW_SESSION_TICKET, 16000, plain);
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, plain, n));
	expect_failed(_metadata, &self->p, EPROTO, 10);
}

/* RFC 8446 section 5.1: a message in pieces has nothing else between them. */
TEST_F(established, data_between_pieces)
{
	hs_message(MSG_NEW_SESSION_TICKET, 100, plain);
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, plain, 2));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, "data", 4));
	expect_failed(_metadata, &self->p, EPROTO, 10);
}

/* RFC 8446 section 5.1: a handshake record is never empty. */
TEST_F(established, empty_handshake_record)
{
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, "", 0));
	expect_failed(_metadata, &self->p, EPROTO, 10);
}

static void unexpected_message(struct __test_metadata *_metadata, struct pair *p, uint8_t msg_type,
			       size_t len)
{
	size_t n = hs_message(msg_type, len, plain);

	ASSERT_EQ(0, rec_send(p->c, &p->ctx, REC_HANDSHAKE, plain, n));
	expect_failed(_metadata, p, EPROTO, 10);
}

TEST_F(established, hello_request)
{
	unexpected_message(_metadata, &self->p, 0, 0);
}

TEST_F(established, client_hello)
{
	unexpected_message(_metadata, &self->p, MSG_CLIENT_HELLO, 200);
}

/* Nobody offers post_handshake_auth. */
TEST_F(established, certificate_request)
{
	unexpected_message(_metadata, &self->p, 13, 40);
}

TEST_F(established, second_finished)
{
	unexpected_message(_metadata, &self->p, MSG_FINISHED, 32);
}

TEST_HARNESS_MAIN
