// SPDX-License-Identifier: GPL-2.0-only
/*
 * damage.c: a record that is wrong in one place, for each place there is (RFC 8446 section 5.2, RFC 5246
 * section 6.2.3): its header, nonce, content and tag byte by byte, its length, its end, its sequence
 * number. Nothing of it is ever delivered, what came before it is, and nothing that comes after it is.
 * Every cipher, in TLS 1.2 and 1.3, with keys by hand. The good records are the module's own: that they
 * are what the RFCs say is for record.c and for the programs of interop/.
 */
#include "lib/net.h"

#include <linux/tls.h>
#include <sched.h>
#include <sys/epoll.h>

#include "kselftest_harness.h"

#define CONTENT 40
#define TRIES 10
#define WAITS 300

static uint8_t data[CONTENT], plain[REC_MAX], good[REC_MAX], wire[3 * REC_MAX];

FIXTURE(damage)
{
	struct pair p; /* c: on the wire, s: under test */
	struct pair from; /* c: where records are made, s: their wire */
};

FIXTURE_VARIANT(damage)
{
	uint16_t version, cipher;
	size_t iv, key, salt;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(damage, aes128_13) { TLS13, TLS_CIPHER_AES_GCM_128, 8, 16, 4 };
FIXTURE_VARIANT_ADD(damage, aes256_13) { TLS13, TLS_CIPHER_AES_GCM_256, 8, 32, 4 };
FIXTURE_VARIANT_ADD(damage, chacha_13) { TLS13, TLS_CIPHER_CHACHA20_POLY1305, 12, 32, 0 };
FIXTURE_VARIANT_ADD(damage, ccm_13) { TLS13, TLS_CIPHER_AES_CCM_128, 8, 16, 4 };
FIXTURE_VARIANT_ADD(damage, aes128_12) { TLS12, TLS_CIPHER_AES_GCM_128, 8, 16, 4 };
FIXTURE_VARIANT_ADD(damage, aes256_12) { TLS12, TLS_CIPHER_AES_GCM_256, 8, 32, 4 };
FIXTURE_VARIANT_ADD(damage, chacha_12) { TLS12, TLS_CIPHER_CHACHA20_POLY1305, 12, 32, 0 };
FIXTURE_VARIANT_ADD(damage, ccm_12) { TLS12, TLS_CIPHER_AES_CCM_128, 8, 16, 4 };
/* clang-format on */

/* struct tls12_crypto_info_*: version and cipher, iv, key, salt, sequence number */
static int set_key(int fd, int opt, const FIXTURE_VARIANT(damage) * v, uint64_t seq)
{
	uint8_t info[64] = { 0 };
	struct tls_crypto_info head = { v->version, v->cipher };
	size_t at = sizeof(head) + v->iv + v->key + v->salt;

	memcpy(info, &head, sizeof(head));
	for (size_t i = sizeof(head); i < at; i++)
		info[i] = (uint8_t)(i * 37);
	for (int i = 7; i >= 0; i--, seq >>= 8)
		info[at + (size_t)i] = (uint8_t)seq;
	return setsockopt(fd, SOL_TLS, opt, info, (socklen_t)(at + 8));
}

/* A fresh receiver. */
static void receiver(struct __test_metadata *_metadata, FIXTURE_DATA(damage) * self,
		     const FIXTURE_VARIANT(damage) * variant, uint64_t seq)
{
	pair_close(&self->p);
	ASSERT_EQ(0, pair_plain(&self->p));
	ASSERT_EQ(0, ulp_attach(self->p.s));
	ASSERT_EQ(0, set_key(self->p.s, TLS_RX, variant, seq));
}

FIXTURE_SETUP(damage)
{
	pair_init(&self->p, TLS13, 0);
	pair_init(&self->from, TLS13, 0);
	ASSERT_EQ(0, env_setup());
	pattern_fill(data, sizeof(data), 0);
	ASSERT_EQ(0, pair_plain(&self->from));
	ASSERT_EQ(0, ulp_attach(self->from.c));
	ASSERT_EQ(0, set_key(self->from.c, TLS_TX, variant, 0));
}

FIXTURE_TEARDOWN(damage)
{
	pair_close(&self->p);
	pair_close(&self->from);
}

/* The next record on the wire, with the content of data: its length. */
static size_t make(struct __test_metadata *_metadata, FIXTURE_DATA(damage) * self, uint8_t *out)
{
	ssize_t n;

	EXPECT_EQ(CONTENT, send(self->from.c, data, CONTENT, MSG_NOSIGNAL));
	n = rec_read(self->from.s, out);
	EXPECT_LT(REC_HEADER + CONTENT, n);
	return n > 0 ? (size_t)n : 0;
}

static bool is_refusal(int err)
{
	return err == EBADMSG || err == EMSGSIZE || err == EINVAL || err == EPROTO;
}

/* A good record, then len bytes that are none, then the end: what was good is all that comes. */
static void refused(struct __test_metadata *_metadata, FIXTURE_DATA(damage) * self, size_t first,
		    size_t len, size_t at)
{
	ssize_t n;

	ASSERT_EQ((ssize_t)(first + len), write_all(self->p.c, wire, first + len));
	shutdown(self->p.c, SHUT_WR);
	if (first) {
		EXPECT_EQ(CONTENT, recv(self->p.s, plain, CONTENT, 0));
		EXPECT_TRUE(pattern_ok(plain, CONTENT, 0));
	}
	n = recv(self->p.s, plain, sizeof(plain), 0);
	if (n != -1 || !is_refusal(errno))
		fprintf(stderr, "# at %zu: %zd, %s\n", at, n, n < 0 ? strerror(errno) : "");
	EXPECT_EQ(-1, n);
	EXPECT_TRUE(is_refusal(errno));
	EXPECT_GE(0, recv(self->p.s, plain, sizeof(plain), 0));
}

/* Each byte of a record with a bit turned, behind a good record and before another one. */
TEST_F_TIMEOUT(damage, bits, 200)
{
	size_t first = make(_metadata, self, wire), n = make(_metadata, self, good);
	size_t last = make(_metadata, self, plain);

	memcpy(wire + first + n, plain, last);
	for (size_t at = 0; at < n; at++) {
		for (int bit = 0; bit < 8; bit++) {
			/* behind the header one cipher's bit is like the other */
			if (at >= REC_HEADER && bit != (int)(at % 8))
				continue;
			memcpy(wire + first, good, n);
			wire[first + at] ^= (uint8_t)(1 << bit);
			receiver(_metadata, self, variant, 0);
			refused(_metadata, self, first, n + last, at);
		}
	}
}

/* Each length that its header could say instead, as far as there are bytes, and beyond. */
TEST_F_TIMEOUT(damage, lengths, 200)
{
	size_t first = make(_metadata, self, wire), n = make(_metadata, self, good);
	static const size_t more[] = { 16383,	     16384 + 16,   16384 + 256, 16384 + 257,
				       16384 + 2048, 16384 + 2049, 65535 };

	for (size_t len = 0; len < n + ARRAY_LEN(more); len++) {
		size_t said = len < n ? len : more[len - n];

		if (said == n - REC_HEADER)
			continue;
		memcpy(wire + first, good, n);
		wire[first + 3] = (uint8_t)(said >> 8);
		wire[first + 4] = (uint8_t)said;
		receiver(_metadata, self, variant, 0);
		refused(_metadata, self, first, n, said);
	}
}

/* The end of TCP within a record, at each byte of it. */
TEST_F_TIMEOUT(damage, cut, 200)
{
	size_t first = make(_metadata, self, wire), n = make(_metadata, self, good);

	memcpy(wire + first, good, n);
	for (size_t len = 1; len < n; len++) {
		receiver(_metadata, self, variant, 0);
		refused(_metadata, self, first, len, len);
	}
}

/* One left out, one twice, two the other way round: RFC 8446 section 5.3. */
TEST_F(damage, order)
{
	size_t one = make(_metadata, self, wire), two = make(_metadata, self, good), three;

	three = make(_metadata, self, wire + one);
	receiver(_metadata, self, variant, 0);
	refused(_metadata, self, one, three, 3);
	memcpy(wire + one, wire, one);
	receiver(_metadata, self, variant, 0);
	refused(_metadata, self, one, one, 1);
	memcpy(wire, good, two);
	receiver(_metadata, self, variant, 0);
	refused(_metadata, self, 0, two, 2);
}

struct taker {
	int fd; /* -1: none just now */
	bool stop;
};

/* Takes the socket's error, as soon as there is one. */
static void *take_errors(void *arg)
{
	struct taker *t = arg;
	int err, fd;
	socklen_t len;

	while (!__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE)) {
		fd = __atomic_load_n(&t->fd, __ATOMIC_ACQUIRE);
		len = sizeof(err);
		if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
			sched_yield();
	}
	return NULL;
}

/*
 * Somebody else takes the error between its being set and its being told: a refusal all the same. In
 * between those who wait for it are woken; many of them make it long.
 */
TEST_F_TIMEOUT(damage, error_taken, 200)
{
	struct epoll_event in = { .events = EPOLLIN };
	struct taker t = { .fd = -1 };
	pthread_t thread = thread_start(take_errors, &t);
	size_t n = make(_metadata, self, wire);
	int waits[WAITS];

	for (size_t i = 0; i < WAITS; i++)
		waits[i] = epoll_create1(0);
	wire[n - 1] ^= 1;
	for (size_t i = 0; i < TRIES; i++) {
		receiver(_metadata, self, variant, 0);
		for (size_t j = 0; j < WAITS; j++)
			EXPECT_EQ(0, epoll_ctl(waits[j], EPOLL_CTL_ADD, self->p.s, &in));
		__atomic_store_n(&t.fd, self->p.s, __ATOMIC_RELEASE);
		refused(_metadata, self, 0, n, i);
		__atomic_store_n(&t.fd, -1, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&t.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	for (size_t i = 0; i < WAITS; i++)
		close(waits[i]);
}

/* The last sequence number is never used, the one before it is: RFC 8446 section 5.3. */
TEST_F(damage, wrap)
{
	ssize_t n;

	pair_close(&self->from);
	ASSERT_EQ(0, pair_plain(&self->from));
	ASSERT_EQ(0, ulp_attach(self->from.c));
	ASSERT_EQ(0, set_key(self->from.c, TLS_TX, variant, UINT64_MAX - 1));
	n = (ssize_t)make(_metadata, self, wire);
	EXPECT_EQ(-1, send(self->from.c, data, CONTENT, MSG_NOSIGNAL));
	EXPECT_EQ(EKEYEXPIRED, errno);
	receiver(_metadata, self, variant, UINT64_MAX - 1);
	ASSERT_EQ(n, write_all(self->p.c, wire, (size_t)n));
	EXPECT_EQ(CONTENT, recv(self->p.s, plain, CONTENT, 0));
	ASSERT_EQ(n, write_all(self->p.c, wire, (size_t)n));
	EXPECT_EQ(-1, recv(self->p.s, plain, CONTENT, 0));
}

TEST_HARNESS_MAIN
