// SPDX-License-Identifier: GPL-2.0-only
/*
 * sizes.c: how long the records are that go out. Padding (RFC 8446 section 5.4) rounds their lengths
 * up and never shows to the receiver; it never makes a record longer than it may be. And at the
 * beginning of a connection a record is a packet, so that it can be opened when that is there.
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

TEST_HARNESS_MAIN
