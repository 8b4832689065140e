// SPDX-License-Identifier: GPL-2.0-only
/*
 * lossy.c: a path that loses, doubles, delays and reorders packets (sch_netem on the loopback of a
 * network namespace). Bulk data goes both ways through it, with KeyUpdates of both sides in the
 * middle; every byte arrives, in order, and nothing fails. TCP's own numbers show that packets were
 * lost.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include "kselftest_harness.h"

#define ROUNDS 3
#define SIZE (512 * 1024)
#define CHUNK 20000

struct side {
	int fd;
	uint64_t offset; /* of the pattern that it sends */
	bool sent, received;
};

static void *send_it(void *arg)
{
	struct side *s = arg;
	uint8_t buf[CHUNK];

	for (size_t at = 0, n; at < SIZE; at += n) {
		n = SIZE - at < CHUNK ? SIZE - at : CHUNK;
		pattern_fill(buf, n, s->offset + at);
		if (write_all(s->fd, buf, n) != (ssize_t)n)
			return NULL;
		/* EAGAIN: what was written has not gone to TCP yet */
		if (at < SIZE / 2 && at + n >= SIZE / 2 &&
		    !WAIT_FOR(!opt_int(s->fd, TLSOCK_KEY_UPDATE, 0) || errno != EAGAIN))
			return NULL;
	}
	s->sent = true;
	return NULL;
}

static void *receive_it(void *arg)
{
	struct side *s = arg;
	uint8_t buf[CHUNK];

	for (size_t at = 0, n; at < SIZE; at += n) {
		n = SIZE - at < CHUNK ? SIZE - at : CHUNK;
		if (read_all(s->fd, buf, n) != (ssize_t)n || !pattern_ok(buf, n, s->offset + at))
			return NULL;
	}
	s->received = true;
	return NULL;
}

static uint32_t retransmits(int fd)
{
	struct tcp_info i;
	socklen_t len = sizeof(i);

	memset(&i, 0, sizeof(i));
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &len) ? 0 : i.tcpi_total_retrans;
}

/* One KeyUpdate in 100 ms is the most that a peer takes. */
static void until(struct __test_metadata *_metadata, int64_t end)
{
	EXPECT_TRUE(WAIT_FOR(now_ms() >= end));
}

static void round_trip(struct __test_metadata *_metadata, struct pair *p, uint64_t offset)
{
	struct side c = { .fd = p->c, .offset = offset }, s = { .fd = p->s, .offset = offset + 77 };
	struct side from_c = { .fd = p->s, .offset = c.offset };
	struct side from_s = { .fd = p->c, .offset = s.offset };
	pthread_t t[] = { thread_start(send_it, &c), thread_start(send_it, &s),
			  thread_start(receive_it, &from_c), thread_start(receive_it, &from_s) };

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		pthread_join(t[i], NULL);
	EXPECT_TRUE(c.sent && s.sent);
	ASSERT_TRUE(from_c.received && from_s.received)
	{
		TH_LOG("c: %s s: %s", error_get(p->c).text, error_get(p->s).text);
	}
}

FIXTURE(lossy)
{
	struct pair p;
	struct worker w;
};

FIXTURE_SETUP(lossy)
{
	memset(&self->w, 0, sizeof(self->w));
	pair_init(&self->p, TLS13, 0);
	ASSERT_EQ(0, env_setup());
	ASSERT_EQ(0, lo_mtu_set(1500));
}

FIXTURE_TEARDOWN(lossy)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_EQ(0, self->w.error);
}

TEST_F_TIMEOUT(lossy, bulk_with_key_updates, 240)
{
	struct tlsock_info c, s;
	struct pair *p = &self->p;

	if (system("tc qdisc add dev lo root netem limit 10000 delay 2ms 2ms "
		   "loss 1% duplicate 1% reorder 25% 50%"))
		SKIP(return, "no tc, or no sch_netem in this kernel");
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, pair_tls(p, 0));

	for (uint64_t i = 0; i < ROUNDS; i++) {
		round_trip(_metadata, p, i * SIZE);
		until(_metadata, now_ms() + 120);
	}
	c = info_get(p->c);
	s = info_get(p->s);
	EXPECT_EQ(ROUNDS, c.tx_key_updates);
	EXPECT_EQ(ROUNDS, s.tx_key_updates);
	EXPECT_EQ(ROUNDS, c.rx_key_updates);
	EXPECT_EQ(ROUNDS, s.rx_key_updates);
	EXPECT_EQ(ROUNDS * SIZE, c.rx_bytes);
	EXPECT_EQ(ROUNDS * SIZE, s.rx_bytes);
	EXPECT_LT(0, retransmits(p->c) + retransmits(p->s));
	EXPECT_EQ(0, stat_get("TlsockDecryptError"));

	/* the end goes through it as well */
	ASSERT_EQ(0, shutdown(p->c, SHUT_WR));
	EXPECT_EQ(0, read_all(p->s, &c, 1));
}

TEST_HARNESS_MAIN
