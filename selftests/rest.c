// SPDX-License-Identifier: GPL-2.0-only
/*
 * rest.c: keys at rest. A key that was not used for net.tlsock.rest_ms gives up what the cipher made
 * of it; whatever happens on the connection then goes on as if it had not. That there is no
 * memory for its return is faults.c's.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include <linux/tls.h>

#include "kselftest_harness.h"

#define REST_MS "/proc/sys/net/tlsock/rest_ms"
#define SOON "20"

static uint8_t data[100000], got[sizeof(data)];

static int rest_set(const char *ms)
{
	return sysctl_set(REST_MS, ms);
}

static int rest_get(void)
{
	int fd = open(REST_MS, O_RDONLY | O_CLOEXEC);
	char text[16] = "";

	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return atoi(text);
}

static bool rested(long long keys)
{
	return WAIT_FOR(stat_get("TlsockKeysRested") >= keys);
}

FIXTURE(rest)
{
	struct pair p;
	struct worker w;
};

FIXTURE_VARIANT(rest)
{
	uint16_t version, suite;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(rest, tls13) { .version = TLS13, .suite = SUITE_AES_128 };
FIXTURE_VARIANT_ADD(rest, tls13_256) { .version = TLS13, .suite = SUITE_AES_256 };
FIXTURE_VARIANT_ADD(rest, tls12) { .version = TLS12, .suite = SUITE_12_AES_256 };
/* clang-format on */

FIXTURE_SETUP(rest)
{
	memset(self, 0, sizeof(*self));
	pair_init(&self->p, variant->version, variant->suite);
	ASSERT_EQ(0, env_setup());
	ASSERT_EQ(10000, rest_get());
	ASSERT_EQ(0, rest_set(SOON));
	pattern_fill(data, sizeof(data), 0);
	ASSERT_EQ(0, pair_manual(&self->p, variant->version, variant->suite));
}

FIXTURE_TEARDOWN(rest)
{
	pair_close(&self->p);
}

struct flood {
	int fd;
	size_t len;
};

static void *flood(void *arg)
{
	struct flood *f = arg;

	write_all(f->fd, data, f->len);
	return NULL;
}

static bool crosses(int from, int to, size_t len)
{
	struct flood f = { .fd = from, .len = len };
	pthread_t t = thread_start(flood, &f);
	bool ok = read_all(to, got, len) == (ssize_t)len && pattern_ok(got, len, 0);

	pthread_join(t, NULL);
	return ok;
}

/* Each size finds all four keys at rest. */
TEST_F(rest, goes_on)
{
	static const size_t sizes[] = { 1, 1400, 16384, sizeof(data) };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		ASSERT_TRUE(rested(4 * (long long)(i + 1)));
		EXPECT_TRUE(crosses(self->p.c, self->p.s, sizes[i]));
		EXPECT_TRUE(crosses(self->p.s, self->p.c, sizes[i]));
	}
}

TEST_F(rest, poll_wakes)
{
	ASSERT_TRUE(rested(4));
	EXPECT_EQ(0, poll_now(self->p.s, POLLIN));
	EXPECT_EQ(3, send(self->p.c, data, 3, 0));
	EXPECT_EQ(POLLIN, poll_for(self->p.s, POLLIN));
	EXPECT_EQ(3, recv(self->p.s, got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(-1, recv(self->p.s, got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

/* What MSG_MORE holds back was accepted: its key stays, so that no memory is needed for it. */
TEST_F(rest, open_record)
{
	EXPECT_EQ(5, send(self->p.c, data, 5, MSG_MORE));
	ASSERT_TRUE(rested(3));
	poll(NULL, 0, 10 * atoi(SOON));
	EXPECT_EQ(3, stat_get("TlsockKeysRested"));
	EXPECT_EQ(5, send(self->p.c, data + 5, 5, 0));
	EXPECT_EQ(10, read_all(self->p.s, got, 10));
	EXPECT_TRUE(pattern_ok(got, 10, 0));
	EXPECT_TRUE(rested(5));
}

/* Nobody sees a difference in what getsockopt() tells. */
TEST_F(rest, sequence_numbers)
{
	union {
		struct tls_crypto_info info;
		struct tls12_crypto_info_aes_gcm_128 gcm128;
		struct tls12_crypto_info_aes_gcm_256 gcm256;
	} before = { 0 }, after = { 0 };
	socklen_t len = variant->suite == SUITE_AES_128 ? sizeof(before.gcm128) :
							  sizeof(before.gcm256);

	EXPECT_TRUE(crosses(self->p.c, self->p.s, 3));
	ASSERT_EQ(0, getsockopt(self->p.c, SOL_TLS, TLS_TX, &before, &len));
	ASSERT_TRUE(rested(4));
	ASSERT_EQ(0, getsockopt(self->p.c, SOL_TLS, TLS_TX, &after, &len));
	EXPECT_EQ(0, memcmp(&before, &after, len));
	EXPECT_TRUE(crosses(self->p.c, self->p.s, 3));
}

/* Both directions, keys coming and going as they like */
TEST_F(rest, in_use)
{
	struct flood f = { .fd = self->p.c, .len = 1 };
	pthread_t t;

	ASSERT_EQ(0, rest_set("1"));
	for (int i = 0; i < 50; i++) {
		t = thread_start(flood, &f);
		ASSERT_EQ(1, send(self->p.s, data, 1, 0));
		ASSERT_EQ(1, recv(self->p.s, got, 1, 0));
		ASSERT_EQ(1, recv(self->p.c, got, 1, 0));
		pthread_join(t, NULL);
		poll(NULL, 0, 10 * (i % 5));
	}
	EXPECT_LT(0, stat_get("TlsockKeysRested"));
	EXPECT_TRUE(crosses(self->p.c, self->p.s, sizeof(data)));
}

TEST_F(rest, closed_at_rest)
{
	ASSERT_TRUE(rested(4));
	pair_close(&self->p);
}

FIXTURE(established)
{
	struct pair p;
	struct worker w;
};

FIXTURE_SETUP(established)
{
	memset(self, 0, sizeof(*self));
	pair_init(&self->p, TLS13, SUITE_AES_128);
	ASSERT_EQ(0, env_setup());
	ASSERT_EQ(0, rest_set(SOON));
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, pair_tls(&self->p, SUITE_AES_128));
	pattern_fill(data, sizeof(data), 0);
}

FIXTURE_TEARDOWN(established)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_EQ(0, self->w.error);
}

TEST_F(established, key_update)
{
	for (int i = 1; i <= 3; i++) {
		ASSERT_TRUE(rested(4 * i));
		ASSERT_EQ(0, opt_int(self->p.c, TLSOCK_KEY_UPDATE, 1));
		EXPECT_TRUE(crosses(self->p.c, self->p.s, 1400));
		EXPECT_TRUE(crosses(self->p.s, self->p.c, 1400));
		EXPECT_EQ(i, (int)info_get(self->p.s).rx_key_updates);
		poll(NULL, 0, 150); /* the next one must not come too fast */
	}
}

/* close_notify is a record too. */
TEST_F(established, close_notify)
{
	ASSERT_TRUE(rested(4));
	close(self->p.c);
	self->p.c = -1;
	EXPECT_EQ(0, recv(self->p.s, got, 1, 0));
}

/* 0 is never, for what is made from then on. */
TEST_F(established, never)
{
	long long before;

	ASSERT_TRUE(rested(4));
	ASSERT_EQ(0, rest_set("0"));
	before = stat_get("TlsockKeysRested");
	EXPECT_TRUE(crosses(self->p.c, self->p.s, 1400));
	poll(NULL, 0, 10 * atoi(SOON));
	EXPECT_EQ(before, stat_get("TlsockKeysRested"));
	EXPECT_EQ(-1, rest_set("-1"));
	EXPECT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
