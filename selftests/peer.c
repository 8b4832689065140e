// SPDX-License-Identifier: GPL-2.0-only
/*
 * peer.c: a peer that does not speak TLS, or speaks it badly, before the handshake is done: garbage,
 * HTTP, records too long, cut or out of place, messages across a change of keys, a byte now and
 * then, nothing at all. Each ends in one error, in time, and nothing of it is ever delivered.
 */
#include "lib/net.h"
#include "lib/segments.h"
#include "lib/worker.h"

#include <signal.h>

#include "kselftest_harness.h"

#define ANY_ALERT (-2)
#define NO_ALERT (-1)

static uint8_t rec[REC_MAX], plain[REC_MAX];

FIXTURE(server)
{
	struct pair p; /* s: under test, c: the raw peer */
	struct worker w;
};

FIXTURE_SETUP(server)
{
	struct pair *p = &self->p;
	struct addr a;

	pair_init(p, TLS13, 0);
	memset(&self->w, 0, sizeof(self->w));
	ASSERT_EQ(0, env_setup());
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	p->l = listen_on(AF_INET, true, &a);
	ASSERT_EQ(0, opt_int(p->l, TLSOCK_TIMEOUT_MS, PATIENCE_MS));
	p->c = socket_new(AF_INET, false);
	ASSERT_EQ(0, connect(p->c, &a.sa, a.len));
	p->s = accept4(p->l, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, p->s);
}

FIXTURE_TEARDOWN(server)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 0));
}

static void expect_failed(struct __test_metadata *_metadata, int fd, int peer, int err, int alert)
{
	struct tlsock_error e;
	int seen;

	EXPECT_EQ(-1, recv(fd, plain, sizeof(plain), 0));
	EXPECT_EQ(err, errno);
	EXPECT_EQ(-1, send(fd, "plaintext", 9, MSG_NOSIGNAL));
	EXPECT_EQ(err, errno);
	e = error_get(fd);
	EXPECT_EQ(err, e.error);
	EXPECT_LT(0, strlen(e.text));
	EXPECT_EQ(TLSOCK_STATE_FAILED, info_get(fd).state);
	if (alert == NO_ALERT)
		return;
	seen = rec_alert(peer, NULL, NULL);
	EXPECT_EQ(alert == ANY_ALERT ? seen : alert, seen);
	EXPECT_LE(0, seen);
}

static void sends(struct __test_metadata *_metadata, struct pair *p, const void *bytes, size_t len,
		  int alert)
{
	ASSERT_EQ((ssize_t)len, write_all(p->c, bytes, len));
	expect_failed(_metadata, p->s, p->c, EPROTO, alert);
}

static int send_plain(int fd, uint8_t type, const void *data, size_t len)
{
	size_t n = rec_plain(type, data, len, rec);

	return write_all(fd, rec, n) == (ssize_t)n ? 0 : -1;
}

static int send_hello(int fd)
{
	size_t n = hs_message(MSG_CLIENT_HELLO, 200, plain);

	return send_plain(fd, REC_HANDSHAKE, plain, n);
}

TEST_F(server, garbage)
{
	uint8_t bytes[300];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 129);
	sends(_metadata, &self->p, bytes, sizeof(bytes), ANY_ALERT);
}

TEST_F(server, plain_http)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: name.test\r\n\r\n";

	sends(_metadata, &self->p, get, sizeof(get) - 1, ANY_ALERT);
}

TEST_F(server, ssl2_hello)
{
	static const char hello[] = "\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10\x01\x00\x80\x03";

	sends(_metadata, &self->p, hello, sizeof(hello) - 1, ANY_ALERT);
}

TEST_F(server, oversized_record)
{
	sends(_metadata, &self->p, "\x16\x03\x01\xff\xff\x01", 6, 22);
}

/* 2^14 is the most that a record in the clear may have. */
TEST_F(server, oversized_record_by_one)
{
	sends(_metadata, &self->p, "\x16\x03\x01\x40\x01\x01", 6, 22);
}

TEST_F(server, cut_record_then_fin)
{
	ASSERT_EQ(100, write_all(self->p.c, rec, rec_plain(REC_HANDSHAKE, plain, 95, rec)));
	shutdown(self->p.c, SHUT_WR);
	expect_failed(_metadata, self->p.s, self->p.c, EPROTO, NO_ALERT);
}

TEST_F(server, cut_header_then_fin)
{
	ASSERT_EQ(3, write_all(self->p.c, "\x16\x03\x01", 3));
	shutdown(self->p.c, SHUT_WR);
	expect_failed(_metadata, self->p.s, self->p.c, EPROTO, NO_ALERT);
}

TEST_F(server, fin_alone)
{
	shutdown(self->p.c, SHUT_WR);
	expect_failed(_metadata, self->p.s, self->p.c, EPROTO, NO_ALERT);
}

TEST_F(server, application_data_first)
{
	ASSERT_EQ(0, send_plain(self->p.c, REC_DATA, "plaintext", 9));
	expect_failed(_metadata, self->p.s, self->p.c, EPROTO, 10);
}

TEST_F(server, fatal_alert_first)
{
	ASSERT_EQ(0, send_plain(self->p.c, REC_ALERT, "\2\50", 2));
	expect_failed(_metadata, self->p.s, self->p.c, EPROTO, NO_ALERT);
	EXPECT_EQ(40, error_get(self->p.s).alert_received);
}

TEST_F(server, change_cipher_spec_first)
{
	ASSERT_EQ(0, send_plain(self->p.c, REC_CCS, "\1", 1));
	expect_failed(_metadata, self->p.s, self->p.c, EPROTO, 10);
}

TEST_F(server, unknown_content_type)
{
	ASSERT_EQ(0, send_plain(self->p.c, 99, "x", 1));
	expect_failed(_metadata, self->p.s, self->p.c, EPROTO, ANY_ALERT);
}

TEST_F(server, empty_handshake_record)
{
	ASSERT_EQ(0, send_plain(self->p.c, REC_HANDSHAKE, "", 0));
	expect_failed(_metadata, self->p.s, self->p.c, EPROTO, 10);
}

TEST_F(server, other_message_first)
{
	size_t n = hs_message(MSG_FINISHED, 32, plain);

	ASSERT_EQ(0, send_plain(self->p.c, REC_HANDSHAKE, plain, n));
	expect_failed(_metadata, self->p.s, self->p.c, EPROTO, 10);
}

/* The length alone is enough to refuse: nobody waits for 16 MiB. */
TEST_F(server, message_of_2_to_24)
{
	ASSERT_EQ(0, send_plain(self->p.c, REC_HANDSHAKE, "\x01\xff\xff\xff", 4));
	expect_failed(_metadata, self->p.s, self->p.c, EPROTO, ANY_ALERT);
}

TEST_F(server, hello_beyond_64_kib)
{
	ASSERT_EQ(0, send_plain(self->p.c, REC_HANDSHAKE, "\x01\x01\x00\x01", 4));
	expect_failed(_metadata, self->p.s, self->p.c, EPROTO, ANY_ALERT);
}

/* A second message behind the ClientHello, in its record: it would cross the change of keys. */
TEST_F(server, bytes_behind_hello)
{
	size_t n = hs_message(MSG_CLIENT_HELLO, 200, plain);

	n += hs_message(MSG_FINISHED, 32, plain + n);
	ASSERT_EQ(0, send_plain(self->p.c, REC_HANDSHAKE, plain, n));
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(EPROTO, errno);
	EXPECT_EQ(10, error_get(self->p.s).alert_sent);
	self->w.error = 0;
}

/* Plaintext when the handshake's keys are in force. */
TEST_F(server, plaintext_after_hello)
{
	ASSERT_EQ(0, send_hello(self->p.c));
	ASSERT_LT(REC_HEADER, rec_read(self->p.c, rec));
	ASSERT_EQ(0, send_plain(self->p.c, REC_HANDSHAKE, plain, hs_message(20, 32, plain)));
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(EPROTO, errno);
	EXPECT_EQ(10, error_get(self->p.s).alert_sent);
}

TEST_F(server, data_before_finished)
{
	struct rec_key k = key_of(TLS13, SUITE_AES_128, TLSOCK_EPOCH_HANDSHAKE, false);

	ASSERT_EQ(0, send_hello(self->p.c));
	ASSERT_EQ(0, rec_send(self->p.c, &k, REC_DATA, "plaintext", 9));
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(EPROTO, errno);
	EXPECT_EQ(10, error_get(self->p.s).alert_sent);
}

/* RFC 8446 section 5: only the unprotected one is dropped. */
TEST_F(server, protected_change_cipher_spec)
{
	struct rec_key k = key_of(TLS13, SUITE_AES_128, TLSOCK_EPOCH_HANDSHAKE, false);

	ASSERT_EQ(0, send_hello(self->p.c));
	ASSERT_EQ(0, rec_send(self->p.c, &k, REC_CCS, "\1", 1));
	/* were it dropped, this would end the handshake well */
	rec_send(self->p.c, &k, REC_HANDSHAKE, plain, hs_message(MSG_FINISHED, 32, plain));
	EXPECT_TRUE(poll_for(self->p.s, POLLOUT));
	EXPECT_EQ(TLSOCK_STATE_FAILED, info_get(self->p.s).state);
	EXPECT_EQ(EPROTO, error_get(self->p.s).error);
	EXPECT_EQ(10, error_get(self->p.s).alert_sent);
}

TEST_F(server, tampered_finished)
{
	struct rec_key k = key_of(TLS13, SUITE_AES_128, TLSOCK_EPOCH_HANDSHAKE, false);
	size_t n = hs_message(MSG_FINISHED, 32, plain);

	ASSERT_EQ(0, send_hello(self->p.c));
	n = rec_seal(&k, REC_HANDSHAKE, plain, n, 0, rec);
	rec[n - 1] ^= 1;
	ASSERT_EQ((ssize_t)n, write_all(self->p.c, rec, n));
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(EBADMSG, errno);
	EXPECT_EQ(20, error_get(self->p.s).alert_sent);
}

/* RFC 8446 appendix D.4 wants one change_cipher_spec dropped; CVE-2020-12457 was a flood. */
TEST_F(server, change_cipher_spec_once_and_flood)
{
	ASSERT_EQ(0, send_hello(self->p.c));
	ASSERT_EQ(0, send_plain(self->p.c, REC_CCS, "\1", 1));
	ASSERT_LT(REC_HEADER, rec_read(self->p.c, rec));
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(self->p.s).state);
	for (int i = 0; i < 100; i++)
		send_plain(self->p.c, REC_CCS, "\1", 1);
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(EPROTO, errno);
}

TEST_F(server, change_cipher_spec_bad_value)
{
	ASSERT_EQ(0, send_hello(self->p.c));
	ASSERT_EQ(0, send_plain(self->p.c, REC_CCS, "\2", 1));
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(EPROTO, errno);
	EXPECT_EQ(10, error_get(self->p.s).alert_sent);
}

/* user_canceled is a warning that may come; a thousand of them may not. */
TEST_F(server, warning_flood)
{
	ASSERT_EQ(0, send_hello(self->p.c));
	for (int i = 0; i < 1000; i++)
		if (send_plain(self->p.c, REC_ALERT, "\1\132", 2))
			break;
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(EPROTO, errno);
}

/* Every byte of the ClientHello in a record of its own: slow, and right. */
TEST_F(server, hello_in_records_of_one_byte)
{
	struct rec_key k = key_of(TLS13, SUITE_AES_128, TLSOCK_EPOCH_HANDSHAKE, false);
	static uint8_t hello[204], all[204 * 6];
	size_t n = hs_message(MSG_CLIENT_HELLO, 200, hello), at = 0;

	for (size_t i = 0; i < n; i++)
		at += rec_plain(REC_HANDSHAKE, hello + i, 1, all + at);
	ASSERT_EQ((ssize_t)at, write_all(self->p.c, all, at));
	n = hs_message(MSG_FINISHED, 32, plain);
	for (size_t i = 0; i < n; i++)
		ASSERT_EQ(0, rec_send(self->p.c, &k, REC_HANDSHAKE, plain + i, 1));
	EXPECT_EQ(POLLOUT, poll_for(self->p.s, POLLOUT));
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(self->p.s).state);
	EXPECT_EQ(0, self->w.error);
}

/* ---- time ---- */

FIXTURE(slow)
{
	struct pair p;
	struct worker w;
};

FIXTURE_SETUP(slow)
{
	struct pair *p = &self->p;
	struct addr a;

	pair_init(p, TLS13, 0);
	memset(&self->w, 0, sizeof(self->w));
	ASSERT_EQ(0, env_setup());
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	p->l = listen_on(AF_INET, true, &a);
	ASSERT_EQ(0, opt_int(p->l, TLSOCK_TIMEOUT_MS, 600));
	p->c = socket_new(AF_INET, false);
	ASSERT_EQ(0, connect(p->c, &a.sa, a.len));
	p->s = accept4(p->l, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, p->s);
}

FIXTURE_TEARDOWN(slow)
{
	pair_close(&self->p);
	worker_stop(&self->w);
}

TEST_F(slow, nothing)
{
	int64_t start = now_ms();

	expect_failed(_metadata, self->p.s, self->p.c, ETIMEDOUT, NO_ALERT);
	EXPECT_GT(PATIENCE_MS / 2, now_ms() - start);
}

/* A byte every 100 ms does not move the deadline. */
TEST_F(slow, a_byte_now_and_then)
{
	size_t n = hs_message(MSG_CLIENT_HELLO, 200, plain), at = 0;
	int64_t start = now_ms();
	struct pollfd p = { .fd = self->p.s, .events = POLLIN };

	n = rec_plain(REC_HANDSHAKE, plain, n, rec);
	while (at < n && poll(&p, 1, 100) == 0)
		ASSERT_EQ(1, write_all(self->p.c, rec + at++, 1));
	EXPECT_GT(100, at);
	expect_failed(_metadata, self->p.s, self->p.c, ETIMEDOUT, NO_ALERT);
	EXPECT_GT(PATIENCE_MS / 2, now_ms() - start);
}

/* The second flight is what does not come. */
TEST_F(slow, half_a_handshake)
{
	ASSERT_EQ(0, send_hello(self->p.c));
	EXPECT_EQ(-1, recv(self->p.s, plain, 1, 0));
	EXPECT_EQ(ETIMEDOUT, errno);
}

/* Who asks meanwhile how much there is to read takes nothing from the handshake. */
TEST_F(server, bytes_to_read_in_the_handshake)
{
	struct rec_key hs = key_of(TLS13, SUITE_AES_128, TLSOCK_EPOCH_HANDSHAKE, false);
	struct rec_key app = key_of(TLS13, SUITE_AES_128, TLSOCK_EPOCH_APPLICATION, false);
	static uint8_t both[REC_MAX];
	size_t n;
	int len = 0;

	ASSERT_EQ(0, send_hello(self->p.c));
	ASSERT_LT(REC_HEADER, rec_read(self->p.c, rec));
	n = rec_seal(&hs, REC_HANDSHAKE, plain, hs_message(MSG_FINISHED, 32, plain), 0, both);
	n += rec_seal(&app, REC_DATA, "plaintext", 9, 0, both + n);
	ASSERT_EQ((ssize_t)n, write_all(self->p.c, both, n));
	EXPECT_TRUE(WAIT_FOR(ioctl(self->p.s, FIONREAD, &len) || len));
	EXPECT_EQ(9, len);
	EXPECT_EQ(9, recv(self->p.s, plain, sizeof(plain), 0));
}

/* However many records, to be acknowledged once (RFC 9293 section 3.7.4). */
TEST_F(server, flight_in_one_segment)
{
	ASSERT_EQ(0, send_hello(self->p.c));
	for (int i = 0; i < 4; i++)
		ASSERT_LT(REC_HEADER, rec_read(self->p.c, rec));
	EXPECT_EQ(1, segments_sent(self->p.s));
}

/* ---- a client under test ---- */

FIXTURE(client)
{
	struct pair p; /* c: under test, s: the raw peer, its ClientHello taken */
	struct worker w;
};

FIXTURE_SETUP(client)
{
	struct pair *p = &self->p;
	struct addr a;

	pair_init(p, TLS13, 0);
	memset(&self->w, 0, sizeof(self->w));
	ASSERT_EQ(0, env_setup());
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	p->l = listen_on(AF_INET, false, &a);
	p->c = socket_new(AF_INET, true);
	set_nonblock(p->c, true);
	ASSERT_EQ(-1, connect(p->c, &a.sa, a.len));
	p->s = accept4(p->l, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LT(REC_HEADER, rec_read(p->s, rec));
	set_nonblock(p->c, false);
}

FIXTURE_TEARDOWN(client)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 0));
}

TEST_F(client, http_answer)
{
	static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

	ASSERT_LT(0, write_all(self->p.s, answer, sizeof(answer) - 1));
	expect_failed(_metadata, self->p.c, self->p.s, EPROTO, ANY_ALERT);
}

TEST_F(client, handshake_failure)
{
	ASSERT_EQ(0, send_plain(self->p.s, REC_ALERT, "\2\50", 2));
	expect_failed(_metadata, self->p.c, self->p.s, EPROTO, NO_ALERT);
	EXPECT_EQ(40, error_get(self->p.c).alert_received);
}

TEST_F(client, data_in_the_clear)
{
	ASSERT_EQ(0, send_plain(self->p.s, REC_DATA, "plaintext", 9));
	expect_failed(_metadata, self->p.c, self->p.s, EPROTO, 10);
}

TEST_F(client, bytes_behind_server_hello)
{
	size_t n = hs_message(MSG_SERVER_HELLO, 90, plain);

	n += hs_message(MSG_ENCRYPTED_EXTENSIONS, 2, plain + n);
	ASSERT_EQ(0, send_plain(self->p.s, REC_HANDSHAKE, plain, n));
	EXPECT_EQ(-1, recv(self->p.c, plain, sizeof(plain), 0));
	EXPECT_EQ(EPROTO, errno);
	EXPECT_EQ(10, error_get(self->p.c).alert_sent);
	self->w.error = 0;
}

/* Application data under the application key, before Finished was seen. */
TEST_F(client, data_in_place_of_finished)
{
	struct rec_key k = key_of(TLS13, SUITE_AES_128, TLSOCK_EPOCH_HANDSHAKE, true);
	size_t n = hs_message(MSG_SERVER_HELLO, 90, plain);

	ASSERT_EQ(0, send_plain(self->p.s, REC_HANDSHAKE, plain, n));
	n = hs_message(MSG_ENCRYPTED_EXTENSIONS, 2, plain);
	ASSERT_EQ(0, rec_send(self->p.s, &k, REC_HANDSHAKE, plain, n));
	ASSERT_EQ(0, rec_send(self->p.s, &k, REC_DATA, "plaintext", 9));
	EXPECT_EQ(-1, recv(self->p.c, plain, sizeof(plain), 0));
	EXPECT_EQ(EPROTO, errno);
	EXPECT_EQ(10, error_get(self->p.c).alert_sent);
}

/* The server's flight with a change_cipher_spec in it, behind so many bytes of it. */
static void flight_with_ccs(struct __test_metadata *_metadata, struct pair *p, size_t before,
			    bool protected)
{
	struct rec_key k = key_of(TLS13, SUITE_AES_128, TLSOCK_EPOCH_HANDSHAKE, true);
	size_t n = hs_message(MSG_SERVER_HELLO, 90, plain);

	ASSERT_EQ(0, send_plain(p->s, REC_HANDSHAKE, plain, n));
	n = hs_message(MSG_ENCRYPTED_EXTENSIONS, 2, plain);
	n += hs_message(MSG_FINISHED, 32, plain + n);
	if (before)
		ASSERT_EQ(0, rec_send(p->s, &k, REC_HANDSHAKE, plain, before));
	ASSERT_EQ(0, protected ? rec_send(p->s, &k, REC_CCS, "\1", 1) :
				 send_plain(p->s, REC_CCS, "\1", 1));
	rec_send(p->s, &k, REC_HANDSHAKE, plain + before, n - before);
	EXPECT_TRUE(poll_for(p->c, POLLOUT));
}

/* RFC 8446 section 5: dropped at any time, so between two messages that the kernel holds as well. */
TEST_F(client, change_cipher_spec_between_messages)
{
	flight_with_ccs(_metadata, &self->p, 6, false);
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(self->p.c).state);
	EXPECT_EQ(0, self->w.error);
}

/* change_cipher_spec and Finished go together, and what the application writes behind them goes at
 * once: Nagle's algorithm does not count what it has not written. The peer acknowledges nothing soon.
 */
TEST_F(client, flight_in_one_segment)
{
	int off = 0;

	ASSERT_EQ(0, setsockopt(self->p.s, SOL_TCP, TCP_QUICKACK, &off, sizeof(off)));
	flight_with_ccs(_metadata, &self->p, 0, false);
	EXPECT_EQ(2, segments_sent(self->p.c)); /* ClientHello the first */
	ASSERT_EQ(9, send(self->p.c, "plaintext", 9, 0));
	EXPECT_EQ(0, bytes_unsent(self->p.c));
	EXPECT_EQ(3, segments_sent(self->p.c));
}

/* fcntl(2), O_ASYNC: a signal when the socket can be written, which is after the handshake. */
TEST_F(client, signal_at_the_end)
{
	struct timespec none = { 0 }, patience = { .tv_sec = PATIENCE_MS / 1000 };
	struct f_owner_ex me = { .type = F_OWNER_TID, .pid = gettid() };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	ASSERT_EQ(0, pthread_sigmask(SIG_BLOCK, &set, NULL));
	/* the worker's thread does not block it */
	ASSERT_EQ(0, fcntl(self->p.c, F_SETOWN_EX, &me));
	ASSERT_EQ(0, fcntl(self->p.c, F_SETFL, O_ASYNC));
	while (sigtimedwait(&set, NULL, &none) == SIGIO)
		;
	flight_with_ccs(_metadata, &self->p, 0, false);
	EXPECT_EQ(SIGIO, sigtimedwait(&set, NULL, &patience));
}

/* RFC 8446 section 5.1: nothing comes within a message. */
TEST_F(client, change_cipher_spec_within_a_message)
{
	flight_with_ccs(_metadata, &self->p, 9, false);
	EXPECT_EQ(TLSOCK_STATE_FAILED, info_get(self->p.c).state);
	EXPECT_EQ(10, error_get(self->p.c).alert_sent);
}

TEST_F(client, protected_change_cipher_spec)
{
	flight_with_ccs(_metadata, &self->p, 0, true);
	EXPECT_EQ(TLSOCK_STATE_FAILED, info_get(self->p.c).state);
	EXPECT_EQ(10, error_get(self->p.c).alert_sent);
}

TEST_F(client, endless_flight)
{
	struct rec_key k = key_of(TLS13, SUITE_AES_128, TLSOCK_EPOCH_HANDSHAKE, true);
	size_t n = hs_message(MSG_SERVER_HELLO, 90, plain);

	ASSERT_EQ(0, send_plain(self->p.s, REC_HANDSHAKE, plain, n));
	n = hs_message(11, 16000, plain);
	for (int i = 0; i < 20; i++)
		if (rec_send(self->p.s, &k, REC_HANDSHAKE, plain, n))
			break;
	EXPECT_EQ(-1, recv(self->p.c, plain, sizeof(plain), 0));
	EXPECT_TRUE(errno == EPROTO || errno == EMSGSIZE);
	EXPECT_EQ(TLSOCK_STATE_FAILED, info_get(self->p.c).state);
}

TEST_HARNESS_MAIN
