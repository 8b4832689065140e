// SPDX-License-Identifier: GPL-2.0-only
/*
 * sizes.c: how long the records are that go out. Padding (RFC 8446 section 5.4) rounds their lengths
 * up and never shows to the receiver; it never makes a record longer than it may be. And at the
 * beginning of a connection a record is a packet, so that it can be opened when that is there. What
 * the peer takes (RFC 8449) binds every record that has a key.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include <linux/tls.h>

#include "kselftest_harness.h"

#define OVERHEAD (REC_HEADER + 1 + 16) /* of a record of TLS 1.3 */
#define SIZE (128 * 1024)

static uint8_t data[SIZE], plain[REC_MAX], wire[REC_MAX], got[SIZE];

FIXTURE(sizes)
{
	struct pair p; /* c: the raw peer, s: under test */
	struct worker w;
};

FIXTURE_VARIANT(sizes)
{
	bool manual;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(sizes, handshake) { .manual = false };
FIXTURE_VARIANT_ADD(sizes, manual) { .manual = true };
/* clang-format on */

FIXTURE_SETUP(sizes)
{
	struct script brief = { .brief = true };

	memset(&self->w, 0, sizeof(self->w));
	pair_init(&self->p, TLS13, SUITE_AES_128);
	ASSERT_EQ(0, env_setup());
	pattern_fill(data, sizeof(data), 0);
	if (variant->manual) {
		ASSERT_EQ(0, pair_manual_server(&self->p, TLS13, SUITE_AES_128));
		return;
	}
	ASSERT_EQ(0, worker_start(&self->w, &brief));
	ASSERT_EQ(0, pair_raw_client(&self->p, SUITE_AES_128));
}

FIXTURE_TEARDOWN(sizes)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_EQ(0, self->w.error);
}

/* The next record: bytes of content and padding, -1 if its content is not the pattern at offset. */
static ssize_t next(struct pair *p, size_t len, size_t offset)
{
	ssize_t n = rec_read(p->c, wire);
	uint8_t type;

	if (n <= OVERHEAD || rec_open(&p->crx, wire, (size_t)n, &type, plain) != (ssize_t)len ||
	    type != REC_DATA || !pattern_ok(plain, len, offset))
		return -1;
	return n - OVERHEAD;
}

static size_t padded(size_t len, size_t to)
{
	size_t n = to ? (len + to - 1) / to * to : len;

	return n < REC_PLAIN_MAX ? n : REC_PLAIN_MAX;
}

TEST_F(sizes, padding)
{
	static const int tos[] = { 0, 1, 2, 100, 256, 1000, 4096, 9000, REC_PLAIN_MAX, 0 };
	static const size_t lens[] = { 1, 99, 100, 101, 4095, 4096, 5000, 16001, REC_PLAIN_MAX };

	for (size_t i = 0; i < ARRAY_LEN(tos); i++) {
		ASSERT_EQ(0, opt_int(self->p.s, TLSOCK_PADDING, tos[i]));
		for (size_t j = 0; j < ARRAY_LEN(lens); j++) {
			ASSERT_EQ((ssize_t)lens[j], send(self->p.s, data, lens[j], 0));
			EXPECT_EQ((ssize_t)padded(lens[j], (size_t)tos[i]),
				  next(&self->p, lens[j], 0))
			{
				TH_LOG("%zu to %d", lens[j], tos[i]);
			}
		}
	}
}

/* Of a large write the last record alone has any; what is counted is content. */
TEST_F(sizes, padding_of_many)
{
	uint64_t before = info_get(self->p.s).tx_bytes;

	ASSERT_EQ(0, opt_int(self->p.s, TLSOCK_PADDING, 3000));
	ASSERT_EQ(40000, send(self->p.s, data, 40000, 0));
	EXPECT_EQ(REC_PLAIN_MAX, next(&self->p, REC_PLAIN_MAX, 0));
	EXPECT_EQ(REC_PLAIN_MAX, next(&self->p, REC_PLAIN_MAX, REC_PLAIN_MAX));
	EXPECT_EQ(9000, next(&self->p, 7232, 2UL * REC_PLAIN_MAX));
	EXPECT_EQ(40000, info_get(self->p.s).tx_bytes - before);
}

/* A record that stays open; its length is settled when it is closed. */
TEST_F(sizes, padding_of_more)
{
	ASSERT_EQ(0, opt_int(self->p.s, TLSOCK_PADDING, 5000));
	ASSERT_EQ(100, send(self->p.s, data, 100, MSG_MORE));
	EXPECT_EQ(-1, opt_int(self->p.s, TLSOCK_PADDING, 16000));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(4000, send(self->p.s, data + 100, 4000, 0));
	EXPECT_EQ(5000, next(&self->p, 4100, 0));
	ASSERT_EQ(5000, send(self->p.s, data, 5000, MSG_MORE));
	ASSERT_EQ(1, send(self->p.s, data + 5000, 1, 0));
	EXPECT_EQ(10000, next(&self->p, 5001, 0));
	ASSERT_EQ(0, opt_int(self->p.s, TLSOCK_PADDING, 16000));
}

/* Not beyond what the peer said that it takes (RFC 8449) */
TEST_F(sizes, padding_and_limit)
{
	uint16_t limit = 500;

	ASSERT_EQ(0, setsockopt(self->p.s, SOL_TLS, 5 /* TLS_TX_MAX_PAYLOAD_LEN */, &limit,
				sizeof(limit)));
	ASSERT_EQ(0, opt_int(self->p.s, TLSOCK_PADDING, 300));
	ASSERT_EQ(1001, send(self->p.s, data, 1001, 0));
	EXPECT_EQ(500, next(&self->p, 500, 0));
	EXPECT_EQ(500, next(&self->p, 500, 500));
	EXPECT_EQ(300, next(&self->p, 1, 1000));
	ASSERT_EQ(400, send(self->p.s, data, 400, 0));
	EXPECT_EQ(500, next(&self->p, 400, 0));
}

/* Two of us, with records of any size and padding */
TEST(padding_both_ways)
{
	static const int tos[] = { 17, 1400, REC_PLAIN_MAX };
	struct pair p;

	pair_init(&p, TLS13, SUITE_AES_128);
	ASSERT_EQ(0, env_setup());
	ASSERT_EQ(0, pair_manual(&p, TLS13, SUITE_AES_128));
	pattern_fill(data, sizeof(data), 0);
	for (size_t i = 0; i < ARRAY_LEN(tos); i++) {
		ASSERT_EQ(0, opt_int(p.s, TLSOCK_PADDING, tos[i]));
		for (size_t at = 0, n; at < 60000; at += n) {
			n = at % 7 ? at % 5000 + 1 : 1;
			ASSERT_EQ((ssize_t)n, send(p.s, data + at, n, at % 3 ? 0 : MSG_MORE));
			ASSERT_EQ(1, send(p.s, data, 1, 0));
			ASSERT_EQ((ssize_t)n + 1, read_all(p.c, got, n + 1));
			ASSERT_TRUE(pattern_ok(got, n, at));
		}
	}
	pair_close(&p);
}

/* A child has its listener's. */
TEST(padding_inherited)
{
	socklen_t len = sizeof(int);
	struct addr addr = addr_of(AF_INET, 0);
	int l, c, s, value = 0;

	ASSERT_EQ(0, env_setup());
	l = listen_on(AF_INET, true, &addr);
	ASSERT_EQ(0, opt_int(l, TLSOCK_PADDING, 512));
	c = socket_new(AF_INET, false);
	ASSERT_EQ(0, connect(c, &addr.sa, addr.len));
	s = accept(l, NULL, NULL);
	ASSERT_EQ(0, getsockopt(s, SOL_TLS, TLSOCK_PADDING, &value, &len));
	EXPECT_EQ(512, value);
	close(s);
	close(c);
	close(l);
}

/* TLS 1.2 has none: that is said where it is known, and the records are as they were. */
TEST(no_padding_in_tls12)
{
	struct pair p;
	uint8_t type;

	pair_init(&p, TLS12, SUITE_12_AES_128);
	ASSERT_EQ(0, env_setup());
	ASSERT_EQ(0, pair_plain(&p));
	ASSERT_EQ(0, ulp_attach(p.s));
	ASSERT_EQ(0, opt_int(p.s, TLSOCK_PADDING, 1000));
	p.crx = key_of(TLS12, SUITE_12_AES_128, 3, true);
	ASSERT_EQ(0, key_set(p.s, TLS_TX, &p.crx));
	EXPECT_EQ(-1, opt_int(p.s, TLSOCK_PADDING, 1000));
	EXPECT_EQ(EOPNOTSUPP, errno);
	ASSERT_EQ(100, send(p.s, data, 100, 0));
	EXPECT_EQ(REC_HEADER + 8 + 100 + 16, rec_read(p.c, wire));
	EXPECT_EQ(100, rec_open(&p.crx, wire, REC_HEADER + 8 + 100 + 16, &type, plain));
	pair_close(&p);
}

/* ---- what the congestion window allows ---- */

/* A server with keys and a raw client, over packets of a common size */
static int path(struct pair *p, bool tls)
{
	pair_init(p, TLS13, SUITE_AES_128);
	if (env_setup() || lo_mtu_set(1500) || pair_plain(p))
		return -1;
	if (tls ? setsockopt(p->s, IPPROTO_TCP, TCP_ULP, "tls", 3) : ulp_attach(p->s))
		return -1;
	pattern_fill(data, sizeof(data), 0);
	p->crx = key_of(TLS13, SUITE_AES_128, 3, true);
	return key_set(p->s, TLS_TX, &p->crx);
}

static ssize_t mss_of(int fd)
{
	int mss = 0;
	socklen_t len = sizeof(mss);

	return getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &mss, &len) ? -1 : mss;
}

static void *send_all(void *arg)
{
	int *fd = arg;

	return (void *)(intptr_t)(write_all(*fd, data, SIZE) == SIZE);
}

/* Ten packets are the first flight (RFC 6928), and each is a record; then they grow. */
TEST(growth)
{
	size_t at = 0, longest = 0;
	struct pair p;
	ssize_t n, mss;
	pthread_t t;
	void *ok;

	ASSERT_EQ(0, path(&p, false));
	mss = mss_of(p.s);
	ASSERT_LT(1000, mss);
	t = thread_start(send_all, &p.s);
	for (int i = 0; at < SIZE; i++, at += (size_t)n) {
		n = rec_read(p.c, wire) - OVERHEAD;
		ASSERT_LT(0, n);
		ASSERT_EQ(n, rec_open(&p.crx, wire, (size_t)n + OVERHEAD, &(uint8_t){ 0 }, plain));
		ASSERT_TRUE(pattern_ok(plain, (size_t)n, at));
		if (i < 10)
			EXPECT_EQ(mss, n + OVERHEAD);
		longest = (size_t)n > longest ? (size_t)n : longest;
	}
	pthread_join(t, &ok);
	EXPECT_TRUE((intptr_t)ok);
	EXPECT_EQ(REC_PLAIN_MAX, longest);
	pair_close(&p);
}

static bool is_idle(int fd)
{
	struct tcp_info i;
	socklen_t len = sizeof(i);

	return !getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &len) && !i.tcpi_unacked &&
	       i.tcpi_last_data_sent > i.tcpi_rto / 1000 + 20;
}

/* Idle for as long as TCP waits for an answer, it begins anew, and so do the records. */
TEST(growth_after_idle)
{
	struct pair p;
	ssize_t mss;
	pthread_t t;
	void *ok;

	ASSERT_EQ(0, path(&p, false));
	mss = mss_of(p.s);
	t = thread_start(send_all, &p.s);
	for (size_t at = 0, n; at < SIZE; at += n) {
		n = (size_t)rec_recv(p.c, &p.crx, &(uint8_t){ 0 }, plain);
		ASSERT_GE(REC_PLAIN_MAX, n);
	}
	pthread_join(t, &ok);
	ASSERT_TRUE((intptr_t)ok);
	ASSERT_TRUE(WAIT_FOR(is_idle(p.s)));
	ASSERT_EQ(5000, send(p.s, data, 5000, 0));
	EXPECT_EQ(mss - OVERHEAD, next(&p, (size_t)mss - OVERHEAD, 0));
	pair_close(&p);
}

/* Bytes that come one by one fill a packet as well, and no more. */
TEST(growth_of_more)
{
	struct pair p;
	ssize_t mss;

	ASSERT_EQ(0, path(&p, false));
	mss = mss_of(p.s);
	for (size_t at = 0; at < 2000; at += 400)
		ASSERT_EQ(400, send(p.s, data + at, 400, at < 1600 ? MSG_MORE : 0));
	EXPECT_EQ(mss - OVERHEAD, next(&p, (size_t)mss - OVERHEAD, 0));
	EXPECT_EQ(2000 - (mss - OVERHEAD),
		  next(&p, 2000 - ((size_t)mss - OVERHEAD), (size_t)mss - OVERHEAD));
	pair_close(&p);
}

/* Who sets a size gets that size; the ULP "tls" has upstream's. */
TEST(no_growth)
{
	uint16_t limit = REC_PLAIN_MAX;
	struct pair p;

	ASSERT_EQ(0, path(&p, false));
	ASSERT_EQ(0,
		  setsockopt(p.s, SOL_TLS, 5 /* TLS_TX_MAX_PAYLOAD_LEN */, &limit, sizeof(limit)));
	ASSERT_EQ(REC_PLAIN_MAX, send(p.s, data, REC_PLAIN_MAX, 0));
	EXPECT_EQ(REC_PLAIN_MAX, next(&p, REC_PLAIN_MAX, 0));
	pair_close(&p);
	if (!ktls_served())
		return;
	ASSERT_EQ(0, path(&p, true));
	ASSERT_EQ(REC_PLAIN_MAX, send(p.s, data, REC_PLAIN_MAX, 0));
	EXPECT_EQ(REC_PLAIN_MAX, next(&p, REC_PLAIN_MAX, 0));
	pair_close(&p);
}

/* ---- what the peer takes ---- */

#define HS TLSOCK_EPOCH_HANDSHAKE
#define APP TLSOCK_EPOCH_APPLICATION

FIXTURE(peer_limit)
{
	struct pair p; /* c: the raw peer, s: under test */
	struct nl nl;
	struct event *e; /* its ClientHello */
};

FIXTURE_SETUP(peer_limit)
{
	struct pair *p = &self->p;
	uint8_t hello[300];
	struct addr a;
	size_t n;

	pair_init(p, TLS13, SUITE_AES_128);
	pattern_fill(data, sizeof(data), 0);
	ASSERT_EQ(0, env_setup());
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	p->l = listen_on(AF_INET, true, &a);
	p->c = socket_new(AF_INET, false);
	ASSERT_EQ(0, connect(p->c, &a.sa, a.len));
	p->s = accept4(p->l, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, p->s);
	n = rec_plain(REC_HANDSHAKE, plain, hs_message(MSG_CLIENT_HELLO, 200, plain), hello);
	ASSERT_EQ((ssize_t)n, write_all(p->c, hello, n));
	do {
		free(self->e);
		self->e = nl_next(&self->nl, PATIENCE_MS);
		ASSERT_NE(NULL, self->e);
	} while (self->e->cmd != TLSOCK_CMD_CONN_DATA);
}

FIXTURE_TEARDOWN(peer_limit)
{
	free(self->e);
	pair_close(&self->p);
	nl_close(&self->nl);
}

static void push_flight(struct msg *m, uint8_t epoch, size_t len, uint16_t max_payload)
{
	msg_nest(m, TLSOCK_ACT_DATA);
	msg_u8(m, TLSOCK_AA_EPOCH, epoch);
	msg_u8(m, TLSOCK_AA_CONTENT_TYPE, REC_HANDSHAKE);
	msg_put(m, TLSOCK_AA_DATA, data, len);
	msg_u16(m, TLSOCK_AA_MAX_PAYLOAD, max_payload);
	msg_end(m);
}

/* A flight of @len bytes under the handshake key, and all is done. */
static int shake(struct nl *nl, const struct event *e, size_t len, uint16_t max_payload)
{
	struct rec_key k = key_of(TLS13, SUITE_AES_128, HS, true);
	struct script s = { .max_payload = max_payload };
	struct msg m;

	push_start(&m, nl, e->id, e->generation);
	push_key(&m, TLSOCK_DIR_TX, HS, &k, false);
	push_flight(&m, HS, len, max_payload);
	push_app_keys(&m, &s, true);
	push_complete(&m, &s, true);
	return push_send(nl, &m);
}

/* The raw peer hears @len bytes of the pattern, in records as long as they may be. */
static bool hears(struct pair *p, struct rec_key *k, uint8_t type, size_t len, size_t max)
{
	uint8_t is;

	for (size_t at = 0, n; at < len; at += n) {
		n = len - at < max ? len - at : max;
		if (rec_recv(p->c, k, &is, plain) != (ssize_t)n || is != type ||
		    !pattern_ok(plain, n, at))
			return false;
	}
	return true;
}

TEST_F(peer_limit, flight_and_data)
{
	struct rec_key k = key_of(TLS13, SUITE_AES_128, HS, true);

	ASSERT_EQ(0, shake(&self->nl, self->e, 40000, 999));
	EXPECT_TRUE(hears(&self->p, &k, REC_HANDSHAKE, 40000, 999));
	EXPECT_EQ(999, info_get(self->p.s).max_payload);
	ASSERT_EQ(100000, send(self->p.s, data, 100000, 0));
	EXPECT_TRUE(hears(&self->p, &self->p.crx, REC_DATA, 100000, 999));
	/* what is put together, too */
	for (size_t at = 0; at < 3000; at += 600)
		ASSERT_EQ(600, send(self->p.s, data + at, 600, at < 2400 ? MSG_MORE : 0));
	EXPECT_TRUE(hears(&self->p, &self->p.crx, REC_DATA, 3000, 999));
}

/* The least there is; KeyUpdate and close_notify have room in it. */
TEST_F(peer_limit, least)
{
	struct rec_key k = key_of(TLS13, SUITE_AES_128, HS, true);
	uint8_t type;

	ASSERT_EQ(0, shake(&self->nl, self->e, 500, 63));
	EXPECT_TRUE(hears(&self->p, &k, REC_HANDSHAKE, 500, 63));
	ASSERT_EQ(0, opt_int(self->p.s, TLSOCK_KEY_UPDATE, 0));
	EXPECT_EQ(5, rec_recv(self->p.c, &self->p.crx, &type, plain));
	EXPECT_EQ(REC_HANDSHAKE, type);
	key_next(&self->p.crx);
	ASSERT_EQ(20000, send(self->p.s, data, 20000, 0));
	EXPECT_TRUE(hears(&self->p, &self->p.crx, REC_DATA, 20000, 63));
	ASSERT_EQ(0, shutdown(self->p.s, SHUT_WR));
	EXPECT_EQ(0, rec_alert(self->p.c, &self->p.crx, NULL));
}

/* The lesser of it and what the program asks for counts, whenever that is; padding is inside. */
TEST_F(peer_limit, and_the_programs_own)
{
	static const struct {
		uint16_t asked, gets;
	} rows[] = { { 2000, 1000 }, { 500, 500 }, { 16384, 1000 } };
	socklen_t len = sizeof(rows[0].asked);
	struct rec_key k = key_of(TLS13, SUITE_AES_128, HS, true);
	uint16_t value;

	ASSERT_EQ(0, shake(&self->nl, self->e, 1, 1000));
	EXPECT_TRUE(hears(&self->p, &k, REC_HANDSHAKE, 1, 1000));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ASSERT_EQ(0, setsockopt(self->p.s, SOL_TLS, 5 /* TLS_TX_MAX_PAYLOAD_LEN */,
					&rows[i].asked, len));
		ASSERT_EQ(0, getsockopt(self->p.s, SOL_TLS, 5, &value, &len));
		EXPECT_EQ(rows[i].asked, value);
		EXPECT_EQ(rows[i].gets, info_get(self->p.s).max_payload);
		ASSERT_EQ(5000, send(self->p.s, data, 5000, 0));
		EXPECT_TRUE(hears(&self->p, &self->p.crx, REC_DATA, 5000, rows[i].gets));
	}
	ASSERT_EQ(0, opt_int(self->p.s, TLSOCK_PADDING, 600));
	ASSERT_EQ(700, send(self->p.s, data, 700, 0));
	EXPECT_EQ(1000, next(&self->p, 700, 0));
	ASSERT_EQ(1001, send(self->p.s, data, 1001, 0));
	EXPECT_EQ(1000, next(&self->p, 1000, 0));
	EXPECT_EQ(600, next(&self->p, 1, 1000));
}

/* What no peer can mean, and a limit on what has no key. A refused PUSH has done nothing. */
TEST_F(peer_limit, refused)
{
	static const uint16_t bad[] = { 0, 1, 62, REC_PLAIN_MAX + 1, UINT16_MAX };
	struct script s = { .brief = true };
	struct msg m;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		EXPECT_GT(0, shake(&self->nl, self->e, 10, bad[i]));
		push_start(&m, &self->nl, self->e->id, self->e->generation);
		push_app_keys(&m, &s, true);
		push_flight(&m, APP, 10, bad[i]);
		EXPECT_GT(0, push_send(&self->nl, &m));
		if (!bad[i])
			continue;
		s.max_payload = bad[i];
		push_start(&m, &self->nl, self->e->id, self->e->generation);
		push_app_keys(&m, &s, true);
		push_complete(&m, &s, true);
		EXPECT_GT(0, push_send(&self->nl, &m));
	}
	push_start(&m, &self->nl, self->e->id, self->e->generation);
	push_flight(&m, TLSOCK_EPOCH_INITIAL, 10, 1000);
	EXPECT_EQ(-EINVAL, push_send(&self->nl, &m));
	EXPECT_EQ(-1, recv(self->p.c, wire, 1, MSG_DONTWAIT));
	EXPECT_EQ(0, shake(&self->nl, self->e, 10, REC_PLAIN_MAX));
}

/* No content type to count: 64 are the least. */
TEST_F(peer_limit, tls12)
{
	struct rec_key tx = key_of(TLS12, SUITE_12_AES_128, APP, true);
	struct rec_key rx = key_of(TLS12, SUITE_12_AES_128, APP, false);
	struct script s = { .version = TLS12, .suite = SUITE_12_AES_128, .max_payload = 63 };
	struct msg m;
	size_t n;

	push_start(&m, &self->nl, self->e->id, self->e->generation);
	push_key(&m, TLSOCK_DIR_RX, APP, &rx, false);
	push_continue(&m);
	ASSERT_EQ(0, push_send(&self->nl, &m));
	n = rec_plain(REC_CCS, "\1", 1, wire);
	n += rec_seal(&rx, REC_HANDSHAKE, plain, hs_message(MSG_FINISHED, 12, plain), 0, wire + n);
	ASSERT_EQ((ssize_t)n, write_all(self->p.c, wire, n));
	free(self->e);
	self->e = nl_next(&self->nl, PATIENCE_MS);
	ASSERT_NE(NULL, self->e);
	for (uint16_t max = 63; max <= 64; max++) {
		s.max_payload = max;
		push_start(&m, &self->nl, self->e->id, self->e->generation);
		push_key(&m, TLSOCK_DIR_TX, APP, &tx, false);
		push_flight(&m, APP, 300, 64);
		push_complete(&m, &s, true);
		EXPECT_EQ(max < 64 ? -EINVAL : 0, push_send(&self->nl, &m));
	}
	EXPECT_TRUE(hears(&self->p, &tx, REC_HANDSHAKE, 300, 64));
	ASSERT_EQ(1000, send(self->p.s, data, 1000, 0));
	EXPECT_TRUE(hears(&self->p, &tx, REC_DATA, 1000, 64));
}

TEST_HARNESS_MAIN
