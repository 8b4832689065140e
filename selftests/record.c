// SPDX-License-Identifier: GPL-2.0-only
/*
 * record.c: the record layer against a peer that knows every byte on the wire (RFC 8446 section 5,
 * RFC 5246 section 6.2): what is sent opens under an independent implementation, what is received
 * wrongly is refused with the right error and the right alert, and never delivered.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include <linux/sockios.h>
#include <linux/tls.h>

#include "kselftest_harness.h"

static uint8_t data[256 * 1024], plain[REC_MAX], wire[REC_MAX];

FIXTURE(record)
{
	struct pair p; /* c: the raw peer, s: under test */
	struct worker w;
};

FIXTURE_VARIANT(record)
{
	uint16_t version, suite;
	bool manual;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(record, tls13_128) { .version = TLS13, .suite = SUITE_AES_128 };
FIXTURE_VARIANT_ADD(record, tls13_256) { .version = TLS13, .suite = SUITE_AES_256 };
FIXTURE_VARIANT_ADD(record, manual13_128) { .version = TLS13, .suite = SUITE_AES_128, .manual = true };
FIXTURE_VARIANT_ADD(record, manual13_256) { .version = TLS13, .suite = SUITE_AES_256, .manual = true };
FIXTURE_VARIANT_ADD(record, manual12_128) { .version = TLS12, .suite = SUITE_12_AES_128, .manual = true };
FIXTURE_VARIANT_ADD(record, manual12_256) { .version = TLS12, .suite = SUITE_12_AES_256, .manual = true };
/* clang-format on */

FIXTURE_SETUP(record)
{
	struct script brief = { .brief = true, .suite = variant->suite };
	struct pair *p = &self->p;

	memset(&self->w, 0, sizeof(self->w));
	pair_init(p, variant->version, variant->suite);
	ASSERT_EQ(0, env_setup());
	pattern_fill(data, sizeof(data), 0);
	if (variant->manual) {
		ASSERT_EQ(0, pair_manual_server(p, variant->version, variant->suite));
		return;
	}
	ASSERT_EQ(0, worker_start(&self->w, &brief));
	ASSERT_EQ(0, pair_raw_client(p, variant->suite));
}

FIXTURE_TEARDOWN(record)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_EQ(0, self->w.error);
}

/* The socket has failed with err; the peer saw the alert (not by hand: there alerts are not ours). */
static void expect_refused(struct __test_metadata *_metadata, struct pair *p, bool manual, int err,
			   int alert)
{
	int level = 0;

	EXPECT_EQ(-1, recv(p->s, plain, sizeof(plain), 0));
	EXPECT_EQ(err, errno);
	EXPECT_EQ(-1, recv(p->s, plain, sizeof(plain), 0));
	EXPECT_EQ(err, errno);
	if (manual)
		return;
	EXPECT_EQ(alert, rec_alert(p->c, &p->crx, &level));
	EXPECT_EQ(2, level);
	EXPECT_EQ(-1, send(p->s, data, 5, MSG_NOSIGNAL));
	EXPECT_EQ(err, errno);
	EXPECT_EQ(alert, error_get(p->s).alert_sent);
	EXPECT_EQ(err, error_get(p->s).error);
	EXPECT_LT(0, strlen(error_get(p->s).text));
}

/* Take len bytes of application data off the wire in records: how many records, or -1. */
static int take_data(struct pair *p, size_t len)
{
	size_t got = 0;
	int records = 0;
	uint8_t type;
	ssize_t n;

	while (got < len) {
		n = rec_recv(p->c, &p->crx, &type, plain);
		if (n <= 0 || n > REC_PLAIN_MAX || type != REC_DATA)
			return -1;
		if (!pattern_ok(plain, (size_t)n, got))
			return -1;
		got += (size_t)n;
		records++;
	}
	return got == len ? records : -1;
}

TEST_F(record, send_sizes)
{
	static const size_t sizes[] = { 1,    2,    15,	   16,	  17,	 255,
					1400, 4096, 16383, 16384, 16385, 70000 };

	EXPECT_EQ(0, send(self->p.s, data, 0, 0));
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		EXPECT_EQ((ssize_t)sizes[i], send(self->p.s, data, sizes[i], 0));
		EXPECT_LE((int)((sizes[i] + REC_PLAIN_MAX - 1) / REC_PLAIN_MAX),
			  take_data(&self->p, sizes[i]));
	}
}

TEST_F(record, receive_sizes)
{
	static const size_t sizes[] = { 1, 2, 15, 16, 17, 255, 1400, 4096, 16383, 16384 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, data, sizes[i]));
		EXPECT_EQ((ssize_t)sizes[i], read_all(self->p.s, plain, sizes[i]));
		EXPECT_TRUE(pattern_ok(plain, sizes[i], 0));
	}
	EXPECT_EQ(-1, recv(self->p.s, plain, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

/* Many records in one TCP segment, read with one call where the buffer takes them. */
TEST_F(record, receive_batch)
{
	static uint8_t batch[100 * 100];
	size_t at = 0;

	for (size_t i = 0; i < 60; i++)
		at += rec_seal(&self->p.ctx, REC_DATA, data + i * 50, 50, 0, batch + at);
	ASSERT_EQ((ssize_t)at, write_all(self->p.c, batch, at));
	EXPECT_EQ(60 * 50, recv(self->p.s, plain, 60 * 50, MSG_WAITALL));
	EXPECT_TRUE(pattern_ok(plain, 60 * 50, 0));
}

/* A record that comes a byte at a time, each in a segment of its own. */
TEST_F(record, receive_dribble)
{
	size_t n = rec_seal(&self->p.ctx, REC_DATA, data, 60, 0, wire);
	int one = 1;

	setsockopt(self->p.c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (size_t i = 0; i < n; i++) {
		EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), MSG_DONTWAIT));
		EXPECT_EQ(EAGAIN, errno);
		ASSERT_EQ(1, write_all(self->p.c, wire + i, 1));
	}
	EXPECT_EQ(60, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_TRUE(pattern_ok(plain, 60, 0));
}

TEST_F(record, receive_empty_records)
{
	for (int i = 0; i < 5; i++)
		ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, data, 0));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, data, 100));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, data, 0));
	EXPECT_EQ(100, read_all(self->p.s, plain, 100));
	EXPECT_TRUE(pattern_ok(plain, 100, 0));
}

TEST_F(record, receive_padding)
{
	static const size_t pads[] = { 1, 17, 255, 4000, 16384 - 100 };
	size_t n;

	if (variant->version != TLS13)
		SKIP(return, "TLS 1.2 has no padding");
	for (size_t i = 0; i < ARRAY_LEN(pads); i++) {
		n = rec_seal(&self->p.ctx, REC_DATA, data, 100, pads[i], wire);
		ASSERT_EQ((ssize_t)n, write_all(self->p.c, wire, n));
		EXPECT_EQ(100, read_all(self->p.s, plain, 100));
		EXPECT_TRUE(pattern_ok(plain, 100, 0));
	}
}

TEST_F(record, receive_only_padding)
{
	size_t n;

	if (variant->version != TLS13)
		SKIP(return, "TLS 1.2 has no padding");
	n = rec_seal(&self->p.ctx, 0, "", 0, 50, wire);
	ASSERT_EQ((ssize_t)n, write_all(self->p.c, wire, n));
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	if (!variant->manual)
		expect_refused(_metadata, &self->p, false, EPROTO, 10);
}

static void tampered(struct __test_metadata *_metadata, struct pair *p, bool manual, size_t at)
{
	size_t n = rec_seal(&p->ctx, REC_DATA, data, 500, 0, wire);

	wire[at < n ? at : n - 1] ^= 0x40;
	ASSERT_EQ((ssize_t)n, write_all(p->c, wire, n));
	ASSERT_EQ(0, rec_send(p->c, &p->ctx, REC_DATA, data, 500));
	expect_refused(_metadata, p, manual, EBADMSG, 20);
	EXPECT_EQ(1, stat_get("TlsockDecryptError"));
}

TEST_F(record, tampered_content)
{
	tampered(_metadata, &self->p, variant->manual, 60);
}

TEST_F(record, tampered_tag)
{
	tampered(_metadata, &self->p, variant->manual, SIZE_MAX);
}

TEST_F(record, replayed)
{
	size_t n = rec_seal(&self->p.ctx, REC_DATA, data, 500, 0, wire);

	ASSERT_EQ((ssize_t)n, write_all(self->p.c, wire, n));
	ASSERT_EQ((ssize_t)n, write_all(self->p.c, wire, n));
	EXPECT_EQ(500, read_all(self->p.s, plain, 500));
	expect_refused(_metadata, &self->p, variant->manual, EBADMSG, 20);
}

/* What was good before the bad record is still delivered, then the error. */
TEST_F(record, good_then_bad)
{
	static uint8_t both[2000];
	size_t a = rec_seal(&self->p.ctx, REC_DATA, data, 500, 0, both);
	size_t b = rec_seal(&self->p.ctx, REC_DATA, data, 500, 0, both + a);

	both[a + b - 1] ^= 1;
	ASSERT_EQ((ssize_t)(a + b), write_all(self->p.c, both, a + b));
	EXPECT_EQ(500, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_TRUE(pattern_ok(plain, 500, 0));
	expect_refused(_metadata, &self->p, variant->manual, EBADMSG, 20);
}

TEST_F(record, over_long_header)
{
	size_t max = variant->version == TLS13 ? 16384 + 256 : 16384 + 2048;

	memset(wire, 0, sizeof(wire));
	rec_plain(REC_DATA, data, max + 1, wire);
	ASSERT_EQ((ssize_t)(REC_HEADER + 1000), write_all(self->p.c, wire, REC_HEADER + 1000));
	expect_refused(_metadata, &self->p, variant->manual, variant->manual ? EMSGSIZE : EPROTO,
		       22);
}

TEST_F(record, over_long_content)
{
	size_t n = rec_seal(&self->p.ctx, REC_DATA, data, REC_PLAIN_MAX + 1, 0, wire);

	ASSERT_EQ((ssize_t)n, write_all(self->p.c, wire, n));
	if (variant->manual) {
		EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
		return;
	}
	expect_refused(_metadata, &self->p, false, EPROTO, 22);
}

/* Our record_size_limit counts the padding (RFC 8449 section 4). */
TEST_F(record, over_long_padding)
{
	size_t n;

	if (variant->version != TLS13)
		SKIP(return, "TLS 1.2 has no padding");
	n = rec_seal(&self->p.ctx, REC_DATA, data, 100, REC_PLAIN_MAX - 99, wire);
	ASSERT_EQ((ssize_t)n, write_all(self->p.c, wire, n));
	if (variant->manual) {
		EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
		return;
	}
	expect_refused(_metadata, &self->p, false, EPROTO, 22);
}

/* Too short to hold a tag and a content type. */
TEST_F(record, too_short)
{
	size_t n = rec_plain(REC_DATA, data, 16, wire);

	ASSERT_EQ((ssize_t)n, write_all(self->p.c, wire, n));
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_TRUE(errno == EBADMSG || errno == EPROTO);
	if (!variant->manual)
		EXPECT_LE(0, rec_alert(self->p.c, &self->p.crx, NULL));
}

TEST_F(record, fin_strict)
{
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, data, 10));
	shutdown(self->p.c, SHUT_WR);
	EXPECT_EQ(10, read_all(self->p.s, plain, 10));
	if (variant->manual) {
		EXPECT_EQ(0, recv(self->p.s, plain, 1, 0));
		return;
	}
	EXPECT_EQ(-1, recv(self->p.s, plain, 1, 0));
	EXPECT_EQ(EPROTO, errno);
	EXPECT_EQ(EPROTO, error_get(self->p.s).error);
}

TEST_F(record, fin_lenient)
{
	ASSERT_EQ(0, opt_int(self->p.s, TLSOCK_EOF, TLSOCK_EOF_LENIENT));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, data, 10));
	shutdown(self->p.c, SHUT_WR);
	EXPECT_EQ(10, read_all(self->p.s, plain, 10));
	EXPECT_EQ(0, recv(self->p.s, plain, 1, 0));
	EXPECT_EQ(0, recv(self->p.s, plain, 1, 0));
}

/* Lenient forgives a missing close_notify, not a record that was cut. */
TEST_F(record, fin_inside_record)
{
	size_t n = rec_seal(&self->p.ctx, REC_DATA, data, 500, 0, wire);

	if (variant->manual)
		SKIP(return, "end of file is the caller's business with keys by hand");
	ASSERT_EQ(0, opt_int(self->p.s, TLSOCK_EOF, TLSOCK_EOF_LENIENT));
	ASSERT_EQ((ssize_t)(n - 1), write_all(self->p.c, wire, n - 1));
	shutdown(self->p.c, SHUT_WR);
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(EPROTO, errno);
}

/* Data, and TCP's end without close_notify. Who sees both at once need not read on. */
TEST_F(record, fin_behind_data)
{
	size_t n = rec_seal(&self->p.ctx, REC_DATA, data, 500, 0, wire);

	if (variant->manual)
		SKIP(return, "end of file is the caller's business with keys by hand");
	ASSERT_EQ((ssize_t)n, write_all(self->p.c, wire, n));
	shutdown(self->p.s, SHUT_WR);
	shutdown(self->p.c, SHUT_WR);
	EXPECT_TRUE(WAIT_FOR(tcp_state(self->p.s) != TCP_FIN_WAIT1 &&
			     tcp_state(self->p.s) != TCP_FIN_WAIT2));
	EXPECT_EQ(POLLIN, poll_for(self->p.s, POLLIN | POLLRDHUP));
	EXPECT_EQ(500, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_TRUE(poll_for(self->p.s, POLLIN | POLLRDHUP) & POLLIN);
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(EPROTO, errno);
}

/* ---- a reset, which is never an end of file ---- */

static void expect_reset(struct __test_metadata *_metadata, int fd)
{
	errno = 0;
	EXPECT_EQ(-1, recv(fd, plain, sizeof(plain), 0));
	EXPECT_EQ(ECONNRESET, errno);
}

/* What came before it is read, and does not hide it. */
static void reset_after_data(struct __test_metadata *_metadata, struct pair *p)
{
	ASSERT_EQ(0, rec_send(p->c, &p->ctx, REC_DATA, data, 10));
	EXPECT_EQ(POLLIN, poll_for(p->s, POLLIN));
	reset(&p->c);
	EXPECT_TRUE(WAIT_FOR(poll_now(p->s, 0) & POLLHUP));
	EXPECT_EQ(10, recv(p->s, plain, sizeof(plain), MSG_WAITALL));
	EXPECT_TRUE(pattern_ok(plain, 10, 0));
	expect_reset(_metadata, p->s);
}

TEST_F(record, reset_strict)
{
	reset(&self->p.c);
	EXPECT_NE(0, POLLERR & poll_for(self->p.s, POLLIN));
	expect_reset(_metadata, self->p.s);
}

TEST_F(record, reset_lenient)
{
	ASSERT_EQ(0, opt_int(self->p.s, TLSOCK_EOF, TLSOCK_EOF_LENIENT));
	reset(&self->p.c);
	EXPECT_NE(0, POLLERR & poll_for(self->p.s, POLLIN));
	expect_reset(_metadata, self->p.s);
}

TEST_F(record, reset_strict_after_data)
{
	reset_after_data(_metadata, &self->p);
}

TEST_F(record, reset_lenient_after_data)
{
	ASSERT_EQ(0, opt_int(self->p.s, TLSOCK_EOF, TLSOCK_EOF_LENIENT));
	reset_after_data(_metadata, &self->p);
}

TEST_F(record, reset_inside_record)
{
	size_t n = rec_seal(&self->p.ctx, REC_DATA, data, 500, 0, wire);

	ASSERT_EQ((ssize_t)(n - 1), write_all(self->p.c, wire, n - 1));
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	reset(&self->p.c);
	EXPECT_NE(0, POLLERR & poll_for(self->p.s, POLLIN));
	expect_reset(_metadata, self->p.s);
}

static void *reader(void *arg)
{
	const int *fd = arg;

	return (void *)(intptr_t)(recv(*fd, plain, sizeof(plain), MSG_WAITALL) < 0 ? errno : 0);
}

TEST_F(record, reset_under_a_reader)
{
	pthread_t t = thread_start(reader, &self->p.s);
	void *err;

	breathe();
	reset(&self->p.c);
	pthread_join(t, &err);
	EXPECT_EQ(ECONNRESET, (intptr_t)err);
}

TEST_F(record, reset_under_splice)
{
	int pipefd[2];

	ASSERT_EQ(0, pipe(pipefd));
	reset(&self->p.c);
	EXPECT_NE(0, POLLERR & poll_for(self->p.s, POLLIN));
	EXPECT_EQ(-1, splice(self->p.s, NULL, pipefd[1], NULL, 100, 0));
	EXPECT_EQ(ECONNRESET, errno);
	close(pipefd[0]);
	close(pipefd[1]);
}

/* A record that TCP has no room for any more comes whole even so. */
TEST_F(record, lowered_receive_buffer)
{
	size_t n = rec_seal(&self->p.ctx, REC_DATA, data, 16000, 0, wire), at = 0, len;
	int least = 2304, one = 1, left;
	int64_t end;

	ASSERT_EQ(0, setsockopt(self->p.c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	for (; at < n; at += len) {
		len = n - at < 4000 ? n - at : 4000;
		ASSERT_EQ((ssize_t)len, send(self->p.c, wire + at, len, MSG_DONTWAIT));
		/* each piece in a packet of its own, as long as TCP takes them */
		end = now_ms() + 200;
		do {
			breathe();
			ASSERT_EQ(0, ioctl(self->p.c, SIOCOUTQ, &left));
		} while (left && now_ms() < end);
		if (!at)
			ASSERT_EQ(0, setsockopt(self->p.s, SOL_SOCKET, SO_RCVBUF, &least,
						sizeof(least)));
	}
	EXPECT_EQ(POLLIN, poll_for(self->p.s, POLLIN));
	EXPECT_EQ(16000, recv(self->p.s, plain, sizeof(plain), MSG_DONTWAIT));
	EXPECT_TRUE(pattern_ok(plain, 16000, 0));
}

/* ---- record types with keys by hand, as upstream has them ---- */

static ssize_t recv_type(int fd, uint8_t *type, int flags)
{
	union {
		struct cmsghdr hdr;
		char room[CMSG_SPACE(1)];
	} c;
	struct iovec iov = { plain, sizeof(plain) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)
	};
	ssize_t n = recvmsg(fd, &m, flags);
	struct cmsghdr *h = n >= 0 ? CMSG_FIRSTHDR(&m) : NULL;

	*type = 0;
	if (h && h->cmsg_level == SOL_TLS && h->cmsg_type == TLS_GET_RECORD_TYPE)
		*type = *CMSG_DATA(h);
	return n;
}

static ssize_t send_type(int fd, uint8_t type, const void *buf, size_t len)
{
	union {
		struct cmsghdr hdr;
		char room[CMSG_SPACE(1)];
	} c;
	struct iovec iov = { (void *)(uintptr_t)buf, len };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)
	};

	memset(&c, 0, sizeof(c));
	c.hdr.cmsg_level = SOL_TLS;
	c.hdr.cmsg_type = TLS_SET_RECORD_TYPE;
	c.hdr.cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(&c.hdr) = type;
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

TEST_F(record, cmsg_receive)
{
	uint8_t type;

	if (!variant->manual)
		SKIP(return, "a socket with a handshake delivers application data alone");
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, data, 100));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, data, 50));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_ALERT, "\1\0", 2));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, data, 10));
	EXPECT_EQ(100, recv_type(self->p.s, &type, 0));
	EXPECT_EQ(REC_DATA, type);
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(50, recv_type(self->p.s, &type, MSG_PEEK));
	EXPECT_EQ(REC_HANDSHAKE, type);
	EXPECT_EQ(50, recv_type(self->p.s, &type, 0));
	EXPECT_EQ(REC_HANDSHAKE, type);
	EXPECT_EQ(2, recv_type(self->p.s, &type, 0));
	EXPECT_EQ(REC_ALERT, type);
	EXPECT_EQ(10, recv(self->p.s, plain, sizeof(plain), 0));
}

TEST_F(record, cmsg_send)
{
	uint8_t type = 0;

	if (!variant->manual) {
		EXPECT_EQ(-1, send_type(self->p.s, REC_HANDSHAKE, data, 10));
		EXPECT_EQ(EOPNOTSUPP, errno);
		return;
	}
	EXPECT_EQ(10, send_type(self->p.s, REC_HANDSHAKE, data, 10));
	EXPECT_EQ(10, rec_recv(self->p.c, &self->p.crx, &type, plain));
	EXPECT_EQ(REC_HANDSHAKE, type);
	EXPECT_EQ(2, send_type(self->p.s, REC_ALERT, "\1\0", 2));
	EXPECT_EQ(2, rec_recv(self->p.c, &self->p.crx, &type, plain));
	EXPECT_EQ(REC_ALERT, type);
	EXPECT_EQ(10, send(self->p.s, data, 10, 0));
	EXPECT_EQ(10, rec_recv(self->p.c, &self->p.crx, &type, plain));
	EXPECT_EQ(REC_DATA, type);
}

/* ---- keys by hand: which calls may set them, and the sequence number's end ---- */

FIXTURE(by_hand)
{
	struct pair p;
};

FIXTURE_SETUP(by_hand)
{
	pair_init(&self->p, TLS13, 0);
	ASSERT_EQ(0, env_setup());
	ASSERT_EQ(0, pair_plain(&self->p));
	ASSERT_EQ(0, ulp_attach(self->p.s));
}

FIXTURE_TEARDOWN(by_hand)
{
	pair_close(&self->p);
}

TEST_F(by_hand, one_direction)
{
	EXPECT_EQ(TLSOCK_STATE_IDLE, info_get(self->p.s).state);
	EXPECT_EQ(-1, send(self->p.s, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(ENOTCONN, errno);
	ASSERT_EQ(0, key_set(self->p.s, TLS_TX, &self->p.stx));
	EXPECT_EQ(TLSOCK_STATE_MANUAL, info_get(self->p.s).state);
	EXPECT_EQ(1, send(self->p.s, "x", 1, 0));
	EXPECT_EQ(-1, recv(self->p.s, plain, 1, MSG_DONTWAIT));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(-1, opt_int(self->p.s, TLSOCK_START, TLSOCK_ROLE_CLIENT));
}

TEST_F(by_hand, bytes_before_the_key)
{
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, "early", 5));
	ASSERT_EQ(0, key_set(self->p.s, TLS_RX, &self->p.srx));
	EXPECT_EQ(5, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(0, memcmp(plain, "early", 5));
}

TEST_F(by_hand, first_sequence_number)
{
	uint8_t type = 0;

	self->p.stx.seq = self->p.crx.seq = 0x0102030405060708;
	ASSERT_EQ(0, key_set(self->p.s, TLS_TX, &self->p.stx));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(4, send(self->p.s, "abcd", 4, 0));
		EXPECT_EQ(4, rec_recv(self->p.c, &self->p.crx, &type, plain));
	}
}

/* RFC 8446 section 5.3: sequence numbers must not wrap. */
TEST_F(by_hand, last_sequence_number)
{
	uint8_t type = 0;
	int sent = 0;

	self->p.stx.seq = self->p.crx.seq = UINT64_MAX - 1;
	ASSERT_EQ(0, key_set(self->p.s, TLS_TX, &self->p.stx));
	while (sent < 4 && send(self->p.s, "abcd", 4, MSG_NOSIGNAL) == 4)
		sent++;
	EXPECT_LE(sent, 2);
	EXPECT_EQ(-1, send(self->p.s, "abcd", 4, MSG_NOSIGNAL));
	for (int i = 0; i < sent; i++)
		EXPECT_EQ(4, rec_recv(self->p.c, &self->p.crx, &type, plain));
}

/* ---- the ULP "tls", when it is ours ---- */

FIXTURE(ktls)
{
	struct pair p;
};

FIXTURE_SETUP(ktls)
{
	pair_init(&self->p, TLS13, 0);
	pattern_fill(data, sizeof(data), 0);
	ASSERT_EQ(0, env_setup());
	if (!ktls_served())
		SKIP(return, "the module was not loaded with ktls=1; see upstream.sh");
	ASSERT_EQ(0, pair_plain(&self->p));
	ASSERT_EQ(0, setsockopt(self->p.s, IPPROTO_TCP, TCP_ULP, "tls", 3));
	ASSERT_EQ(0, key_set(self->p.s, TLS_TX, &self->p.stx));
	ASSERT_EQ(0, key_set(self->p.s, TLS_RX, &self->p.srx));
}

FIXTURE_TEARDOWN(ktls)
{
	pair_close(&self->p);
}

TEST_F(ktls, reset)
{
	reset(&self->p.c);
	EXPECT_NE(0, POLLERR & poll_for(self->p.s, POLLIN));
	expect_reset(_metadata, self->p.s);
}

TEST_F(ktls, reset_after_data)
{
	reset_after_data(_metadata, &self->p);
}

TEST_F(by_hand, bad_crypto_info)
{
	struct tls12_crypto_info_aes_gcm_128 c;

	memset(&c, 0, sizeof(c));
	EXPECT_EQ(-1, setsockopt(self->p.s, SOL_TLS, TLS_TX, &c, sizeof(c)));
	c.info.version = TLS13;
	EXPECT_EQ(-1, setsockopt(self->p.s, SOL_TLS, TLS_TX, &c, sizeof(c)));
	c.info.cipher_type = TLS_CIPHER_AES_GCM_128;
	for (socklen_t len = 0; len < sizeof(c); len++)
		EXPECT_EQ(-1, setsockopt(self->p.s, SOL_TLS, TLS_TX, &c, len));
	EXPECT_EQ(-1, setsockopt(self->p.s, SOL_TLS, TLS_TX, NULL, sizeof(c)));
	EXPECT_EQ(0, setsockopt(self->p.s, SOL_TLS, TLS_TX, &c, sizeof(c)));
}

TEST_HARNESS_MAIN
