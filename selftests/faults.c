// SPDX-License-Identifier: GPL-2.0-only
/*
 * faults.c: each operation with its n-th allocation, or copy from or to user memory, failing, for n
 * from 1 until it needs no more of them. What failed says so with an errno that fits, and can be done
 * again; what was accepted arrives, once and in order; the connection ends or goes on, and nothing goes
 * out in plaintext. Leaks and complaints of the kernel are for the gate. It needs a kernel that can
 * inject faults (CONFIG_FAULT_INJECTION): check-debug's.
 */
#include "lib/capture.h"
#include "lib/fault.h"
#include "lib/net.h"

#include <linux/tls.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "kselftest_harness.h"

#define MARK_LEN 32

static uint8_t data[80 * 1024], got[sizeof(data)], plain[REC_MAX];

FIXTURE(faults)
{
	struct pair p;
	int cap;
};

FIXTURE_VARIANT(faults)
{
	uint16_t version, suite;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(faults, tls13) { .version = TLS13, .suite = SUITE_AES_128 };
FIXTURE_VARIANT_ADD(faults, tls12) { .version = TLS12, .suite = SUITE_12_AES_256 };
/* clang-format on */

FIXTURE_SETUP(faults)
{
	memset(self, 0, sizeof(*self));
	pair_init(&self->p, variant->version, variant->suite);
	ASSERT_EQ(0, env_setup());
	if (!faults_ready())
		SKIP(return, "this kernel cannot inject faults");
	pattern_fill(data, sizeof(data), 0);
	self->cap = capture_open();
	ASSERT_LE(0, self->cap);
}

FIXTURE_TEARDOWN(faults)
{
	if (self->cap)
		EXPECT_TRUE(capture_clean(self->cap, data, MARK_LEN));
	pair_close(&self->p);
}

/* Keys by hand; a connection that has failed is followed by a fresh one. */
static int fresh(struct pair *p, uint16_t version, uint16_t suite)
{
	int big = 1 << 20;

	pair_close(p);
	if (pair_manual(p, version, suite))
		return -1;
	return setsockopt(p->s, SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
}

TEST_F_TIMEOUT(faults, attach, 280)
{
	bool hit = true;
	int rc, fd;

	for (int n = 1; hit && n < FAULTS_MOST; n++) {
		fd = socket_new(AF_INET, false);
		arm(n);
		rc = ulp_attach(fd);
		hit = fired();
		if (rc) {
			EXPECT_TRUE(fits(errno));
			EXPECT_EQ(0, ulp_attach(fd));
		}
		close(fd);
	}
	EXPECT_FALSE(hit);
}

TEST_F_TIMEOUT(faults, keys, 280)
{
	struct pair *p = &self->p;
	struct rec_key k = key_of(variant->version, variant->suite, 3, true);
	bool hit;
	int rc;

	for (int opt = TLS_TX; opt <= TLS_RX; opt++) {
		hit = true;
		for (int n = 1; hit && n < FAULTS_MOST; n++) {
			ASSERT_EQ(0, pair_plain(p));
			ASSERT_EQ(0, ulp_attach(p->s));
			arm(n);
			rc = key_set(p->s, opt, &k);
			hit = fired();
			if (rc) {
				EXPECT_TRUE(fits(errno));
				EXPECT_EQ(-1, send(p->s, data, 100, MSG_NOSIGNAL));
				EXPECT_EQ(-1, recv(p->s, got, 100, MSG_DONTWAIT));
				EXPECT_EQ(0, key_set(p->s, opt, &k));
			}
			pair_close(p);
		}
		EXPECT_FALSE(hit);
	}
}

/* ---- sending ---- */

typedef ssize_t (*sender)(int fd, size_t len);

static ssize_t by_send(int fd, size_t len)
{
	return send(fd, data, len, MSG_NOSIGNAL);
}

static ssize_t by_more(int fd, size_t len)
{
	return send(fd, data, len, MSG_NOSIGNAL | MSG_MORE);
}

static int file_fd;

static ssize_t by_sendfile(int fd, size_t len)
{
	off_t at = 0;

	return sendfile(fd, file_fd, &at, len);
}

static int pipes[2];

static ssize_t by_splice(int fd, size_t len)
{
	return splice(pipes[0], NULL, fd, NULL, len, 0);
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

/* One pair whose client has no ULP: it takes records off the wire itself. */
static int fresh_raw(struct pair *p, uint16_t version, uint16_t suite)
{
	int big = 1 << 20;

	pair_close(p);
	if (pair_manual_server(p, version, suite))
		return -1;
	return setsockopt(p->s, SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
}

/* Keys at rest: so that they have to come back for each operation. They are, within a jiffy. */
static bool resting;

static void let_rest(void)
{
	long long before;

	if (!resting)
		return;
	do {
		before = stat_get("TlsockKeysRested");
		poll(NULL, 0, 100);
	} while (stat_get("TlsockKeysRested") != before);
}

static int rest_begin(void)
{
	resting = true;
	return sysctl_set("/proc/sys/net/tlsock/rest_ms", "20");
}

static void sending(struct __test_metadata *_metadata, struct pair *p, uint16_t version,
		    uint16_t suite, sender by, size_t len)
{
	bool hit = true, dead;
	ssize_t sent;

	ASSERT_EQ(0, fresh_raw(p, version, suite));
	for (int n = 1; hit && n < FAULTS_MOST; n++) {
		if (by == by_splice)
			ASSERT_EQ((ssize_t)len, write(pipes[1], data, len));
		let_rest();
		arm(n);
		sent = by(p->s, len);
		hit = fired();
		dead = sent < 0 && errno == EIO;
		EXPECT_TRUE(sent >= 0 || dead || fits(errno));
		if (sent < 0)
			sent = 0;
		if (dead) {
			EXPECT_EQ(-1, send(p->s, data, len, MSG_NOSIGNAL));
			EXPECT_EQ(0, fresh_raw(p, version, suite));
		}
		if (by == by_splice && (size_t)sent < len)
			ASSERT_EQ((ssize_t)len - sent, read(pipes[0], got, len));
		if (dead)
			continue;
		if ((size_t)sent < len || by == by_more)
			ASSERT_EQ((ssize_t)sizeof(data) - sent,
				  write_all(p->s, data + sent, sizeof(data) - (size_t)sent));
		ASSERT_TRUE(arrives(p, &p->crx,
				    (size_t)sent < len || by == by_more ? sizeof(data) : len));
	}
	EXPECT_FALSE(hit);
}

TEST_F_TIMEOUT(faults, send, 280)
{
	static const size_t sizes[] = { 1, 1400, 16384, 70000 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		sending(_metadata, &self->p, variant->version, variant->suite, by_send, sizes[i]);
		sending(_metadata, &self->p, variant->version, variant->suite, by_more, sizes[i]);
	}
}

TEST_F_TIMEOUT(faults, sendfile, 280)
{
	file_fd = memfd_create("file", MFD_CLOEXEC);
	ASSERT_EQ((ssize_t)sizeof(data), write(file_fd, data, sizeof(data)));
	sending(_metadata, &self->p, variant->version, variant->suite, by_sendfile, 1400);
	sending(_metadata, &self->p, variant->version, variant->suite, by_sendfile, 70000);
	close(file_fd);
}

TEST_F_TIMEOUT(faults, splice_out, 280)
{
	ASSERT_EQ(0, pipe(pipes));
	sending(_metadata, &self->p, variant->version, variant->suite, by_splice, 1400);
	sending(_metadata, &self->p, variant->version, variant->suite, by_splice, 40000);
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- receiving ---- */

typedef ssize_t (*receiver)(int fd, uint8_t *buf, size_t len);

static ssize_t by_recv(int fd, uint8_t *buf, size_t len)
{
	return recv(fd, buf, len, MSG_WAITALL);
}

static ssize_t by_peek(int fd, uint8_t *buf, size_t len)
{
	ssize_t n = recv(fd, buf, len, MSG_PEEK);

	/* it takes nothing */
	return n < 0 ? n : 0;
}

static ssize_t by_poll(int fd, uint8_t *buf, size_t len)
{
	(void)buf;
	(void)len;
	poll_now(fd, POLLIN);
	return 0;
}

static ssize_t by_splice_in(int fd, uint8_t *buf, size_t len)
{
	(void)buf;
	return splice(fd, NULL, pipes[1], NULL, len, 0);
}

static int records(struct pair *p, size_t len)
{
	size_t at = 0, n;

	for (; at < len; at += n) {
		n = len - at < REC_PLAIN_MAX ? len - at : REC_PLAIN_MAX;
		if (rec_send(p->c, &p->ctx, REC_DATA, data + at, n))
			return -1;
	}
	return 0;
}

static void receiving(struct __test_metadata *_metadata, struct pair *p, uint16_t version,
		      uint16_t suite, receiver by, size_t len)
{
	bool hit = true;
	ssize_t n_got;

	ASSERT_EQ(0, fresh_raw(p, version, suite));
	for (int n = 1; hit && n < FAULTS_MOST; n++) {
		ASSERT_EQ(0, records(p, len));
		ASSERT_NE(0, poll_for(p->s, POLLIN));
		memset(got, 0, sizeof(got));
		let_rest();
		arm(n);
		n_got = by(p->s, got, len);
		hit = fired();
		if (by == by_splice_in && n_got > 0)
			ASSERT_EQ(n_got, read(pipes[0], got, len));
		if (n_got < 0 && errno == EIO) {
			ASSERT_EQ(0, fresh_raw(p, version, suite));
			continue;
		}
		EXPECT_TRUE(n_got >= 0 || fits(errno));
		if (n_got < 0)
			n_got = 0;
		ASSERT_EQ((ssize_t)len - n_got, read_all(p->s, got + n_got, len - (size_t)n_got));
		ASSERT_TRUE(pattern_ok(got, len, 0));
	}
	EXPECT_FALSE(hit);
}

TEST_F_TIMEOUT(faults, receive, 280)
{
	static const size_t sizes[] = { 1, 1400, 16384, 50000 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		receiving(_metadata, &self->p, variant->version, variant->suite, by_recv, sizes[i]);
		receiving(_metadata, &self->p, variant->version, variant->suite, by_peek, sizes[i]);
	}
	receiving(_metadata, &self->p, variant->version, variant->suite, by_poll, 1400);
}

TEST_F_TIMEOUT(faults, splice_in, 280)
{
	ASSERT_EQ(0, pipe(pipes));
	receiving(_metadata, &self->p, variant->version, variant->suite, by_splice_in, 1400);
	receiving(_metadata, &self->p, variant->version, variant->suite, by_splice_in, 16384);
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F_TIMEOUT(faults, send_after_a_rest, 280)
{
	ASSERT_EQ(0, rest_begin());
	sending(_metadata, &self->p, variant->version, variant->suite, by_send, 1400);
	sending(_metadata, &self->p, variant->version, variant->suite, by_more, 1400);
}

TEST_F_TIMEOUT(faults, receive_after_a_rest, 280)
{
	ASSERT_EQ(0, rest_begin());
	receiving(_metadata, &self->p, variant->version, variant->suite, by_recv, 1400);
	receiving(_metadata, &self->p, variant->version, variant->suite, by_recv, 16384);
	receiving(_metadata, &self->p, variant->version, variant->suite, by_poll, 1400);
}

TEST_F_TIMEOUT(faults, options, 280)
{
	struct tlsock_info info;
	bool hit = true;
	socklen_t len;
	int rc;

	ASSERT_EQ(0, fresh(&self->p, variant->version, variant->suite));
	for (int n = 1; hit && n < FAULTS_MOST; n++) {
		int fd = socket_new(AF_INET, true);

		arm(n);
		rc = opt_str(fd, TLSOCK_SERVER_NAME, "another.test") ?:
			     opt_str(fd, TLSOCK_ALPN, "\2h2")	     ?:
			     opt_int(fd, TLSOCK_TIMEOUT_MS, 1000);
		hit = fired();
		EXPECT_TRUE(rc == 0 || fits(errno));
		close(fd);
	}
	EXPECT_FALSE(hit);
	hit = true;
	for (int n = 1; hit && n < FAULTS_MOST; n++) {
		len = sizeof(info);
		arm(n);
		rc = getsockopt(self->p.s, SOL_TLS, TLSOCK_INFO, &info, &len);
		hit = fired();
		EXPECT_TRUE(rc == 0 || fits(errno));
	}
	EXPECT_FALSE(hit);
}

TEST_HARNESS_MAIN
