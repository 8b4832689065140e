// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockopt.c: every socket option of part 1 of the UAPI header with values that are too short, too
 * long, unaligned, missing and wrong; at the wrong state; twice; from two threads at once. A
 * setter only stores, a getter never writes beyond what it was given.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include <linux/tls.h>

#include "kselftest_harness.h"

static const int string_options[] = { TLSOCK_SERVER_NAME, TLSOCK_CREDENTIAL, TLSOCK_TRUST,
				      TLSOCK_PROFILE };
static const int int_options[] = { TLSOCK_VERIFY, TLSOCK_TIMEOUT_MS, TLSOCK_EOF, TLSOCK_PADDING,
				   TLSOCK_START };

FIXTURE(sockopt)
{
	struct pair p;
	struct worker w;
	int fd;
};

FIXTURE_SETUP(sockopt)
{
	memset(&self->w, 0, sizeof(self->w));
	pair_init(&self->p, TLS13, 0);
	ASSERT_EQ(0, env_setup());
	self->fd = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, ulp_attach(self->fd));
}

FIXTURE_TEARDOWN(sockopt)
{
	close(self->fd);
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_EQ(0, self->w.error);
}

/* The errno of a setsockopt(), 0 for success. */
static int set(int fd, int opt, const void *value, socklen_t len)
{
	return setsockopt(fd, SOL_TLS, opt, value, len) ? errno : 0;
}

static int get(int fd, int opt, void *value, socklen_t *len)
{
	return getsockopt(fd, SOL_TLS, opt, value, len) ? errno : 0;
}

static int start(int fd, int role)
{
	return set(fd, TLSOCK_START, &role, sizeof(role));
}

/* A TCP connection with the ULP on its client, nothing started: the client's fd. */
static int idle_connection(struct pair *p)
{
	if (pair_plain(p) || ulp_attach(p->c))
		return -1;
	return p->c;
}

TEST_F(sockopt, attach)
{
	int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
	char name[16] = "";
	socklen_t len = sizeof(name);

	EXPECT_EQ(-1, ulp_attach(self->fd));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_EQ(-1, ulp_attach(udp));
	EXPECT_EQ(-1, setsockopt(tcp, IPPROTO_TCP, TCP_ULP, "tlsoc", 5));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(0, getsockopt(self->fd, IPPROTO_TCP, TCP_ULP, name, &len));
	EXPECT_STREQ("tlsock", name);
	EXPECT_EQ(TLSOCK_STATE_IDLE, info_get(self->fd).state);
	close(udp);
	close(tcp);
}

TEST_F(sockopt, strings)
{
	char name[300], unaligned[16] = "?name.test";

	memset(name, 'a', sizeof(name));
	for (size_t i = 0; i < ARRAY_LEN(string_options); i++) {
		int opt = string_options[i];

		EXPECT_EQ(0, set(self->fd, opt, name, 1));
		EXPECT_EQ(0, set(self->fd, opt, name, 255));
		EXPECT_EQ(EINVAL, set(self->fd, opt, name, 256));
		EXPECT_EQ(EINVAL, set(self->fd, opt, name, 300));
		EXPECT_EQ(EINVAL, set(self->fd, opt, name, 1 << 30));
		EXPECT_EQ(EINVAL, set(self->fd, opt, name, (socklen_t)-1));
		EXPECT_EQ(EINVAL, set(self->fd, opt, name, 0));
		EXPECT_EQ(EINVAL, set(self->fd, opt, "\0", 1));
		EXPECT_EQ(EINVAL, set(self->fd, opt, "a\0b", 3));
		EXPECT_EQ(EINVAL, set(self->fd, opt, "ab\0\0", 4));
		EXPECT_EQ(0, set(self->fd, opt, "name.test", 10));
		EXPECT_EQ(EFAULT, set(self->fd, opt, NULL, 4));
		EXPECT_EQ(EFAULT, set(self->fd, opt, (void *)8, 4));
		EXPECT_EQ(0, set(self->fd, opt, unaligned + 1, 9));
	}
	/* 255 bytes and the NUL that is not kept. */
	name[255] = '\0';
	EXPECT_EQ(0, set(self->fd, TLSOCK_SERVER_NAME, name, 256));
}

TEST_F(sockopt, integers)
{
	int value = 1;
	char buf[2 * sizeof(int) + 1];

	memset(buf, 0, sizeof(buf));
	memcpy(buf + 1, &value, sizeof(value));
	for (size_t i = 0; i < ARRAY_LEN(int_options); i++) {
		int opt = int_options[i];

		for (socklen_t len = 0; len < sizeof(int); len++)
			EXPECT_EQ(EINVAL, set(self->fd, opt, &value, len));
		EXPECT_EQ(EINVAL, set(self->fd, opt, buf, 5));
		EXPECT_EQ(EINVAL, set(self->fd, opt, buf, 8));
		EXPECT_EQ(EINVAL, set(self->fd, opt, buf, (socklen_t)-1));
		EXPECT_EQ(EFAULT, set(self->fd, opt, NULL, sizeof(int)));
		EXPECT_EQ(EFAULT, set(self->fd, opt, (void *)8, sizeof(int)));
		if (opt != TLSOCK_START)
			EXPECT_EQ(0, set(self->fd, opt, buf + 1, sizeof(int)));
	}
}

TEST_F(sockopt, integer_values)
{
	static const struct {
		int opt, value, err;
	} rows[] = {
		{ TLSOCK_VERIFY, -1, EINVAL },
		{ TLSOCK_VERIFY, 3, EINVAL },
		{ TLSOCK_VERIFY, 0, 0 },
		{ TLSOCK_VERIFY, 2, 0 },
		{ TLSOCK_TIMEOUT_MS, 0, EINVAL },
		{ TLSOCK_TIMEOUT_MS, -5, EINVAL },
		{ TLSOCK_TIMEOUT_MS, 3600001, EINVAL },
		{ TLSOCK_TIMEOUT_MS, INT32_MAX, EINVAL },
		{ TLSOCK_TIMEOUT_MS, 1, 0 },
		{ TLSOCK_TIMEOUT_MS, 3600000, 0 },
		{ TLSOCK_EOF, 2, EINVAL },
		{ TLSOCK_EOF, -1, EINVAL },
		{ TLSOCK_EOF, 1, 0 },
		{ TLSOCK_EOF, 0, 0 },
		{ TLSOCK_PADDING, -1, EINVAL },
		{ TLSOCK_PADDING, 16385, EINVAL },
		{ TLSOCK_PADDING, INT32_MAX, EINVAL },
		{ TLSOCK_PADDING, 16384, 0 },
		{ TLSOCK_PADDING, 0, 0 },
		{ TLSOCK_START, 0, EINVAL },
		{ TLSOCK_START, 3, EINVAL },
		{ TLSOCK_START, -1, EINVAL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		EXPECT_EQ(rows[i].err, set(self->fd, rows[i].opt, &rows[i].value, sizeof(int)));
}

TEST_F(sockopt, alpn)
{
	uint8_t list[300];

	EXPECT_EQ(0, set(self->fd, TLSOCK_ALPN, "\2h2\10http/1.1", 12));
	EXPECT_EQ(EINVAL, set(self->fd, TLSOCK_ALPN, "\2h2\10http/1.1", 11));
	EXPECT_EQ(EINVAL, set(self->fd, TLSOCK_ALPN, "\2h2\0", 4));
	EXPECT_EQ(EINVAL, set(self->fd, TLSOCK_ALPN, "\0", 1));
	EXPECT_EQ(EINVAL, set(self->fd, TLSOCK_ALPN, "\1", 1));
	EXPECT_EQ(EINVAL, set(self->fd, TLSOCK_ALPN, "", 0));
	EXPECT_EQ(EFAULT, set(self->fd, TLSOCK_ALPN, NULL, 3));
	memset(list, 1, sizeof(list));
	EXPECT_EQ(0, set(self->fd, TLSOCK_ALPN, list, 254));
	EXPECT_EQ(EINVAL, set(self->fd, TLSOCK_ALPN, list, 256));
	list[0] = 254;
	EXPECT_EQ(0, set(self->fd, TLSOCK_ALPN, list, 255));
}

TEST_F(sockopt, no_such_option)
{
	static const int numbers[] = { -1, 0, 6, 0xff, 0x10b, 0x11f, 0x124, 0x7fffffff };
	char buf[64];
	socklen_t len;
	int one = 1;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		EXPECT_EQ(ENOPROTOOPT, set(self->fd, numbers[i], &one, sizeof(one)));
		len = sizeof(buf);
		EXPECT_EQ(ENOPROTOOPT, get(self->fd, numbers[i], buf, &len));
	}
	EXPECT_EQ(ENOPROTOOPT, set(self->fd, TLSOCK_INFO, &one, sizeof(one)));
	EXPECT_EQ(ENOPROTOOPT, set(self->fd, TLSOCK_PEER_CERT, &one, sizeof(one)));
	len = sizeof(buf);
	EXPECT_EQ(ENOPROTOOPT, get(self->fd, TLSOCK_START, buf, &len));
}

/* Other levels go where they went before. */
TEST_F(sockopt, other_levels)
{
	int one = 1, value = 0;
	socklen_t len = sizeof(value);
	struct tcp_info ti;

	EXPECT_EQ(0, setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	EXPECT_EQ(0, getsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &value, &len));
	EXPECT_EQ(1, value);
	EXPECT_EQ(0, setsockopt(self->fd, IPPROTO_IP, IP_TTL, &one, sizeof(one)));
	len = sizeof(ti);
	EXPECT_EQ(0, getsockopt(self->fd, IPPROTO_TCP, TCP_INFO, &ti, &len));
	EXPECT_EQ(-1, getsockopt(self->fd, IPPROTO_TCP, 9999, &value, &len));
}

TEST_F(sockopt, start_states)
{
	int fd;

	EXPECT_EQ(ENOTCONN, start(self->fd, TLSOCK_ROLE_CLIENT));
	fd = idle_connection(&self->p);
	ASSERT_LE(0, fd);
	EXPECT_EQ(EDESTADDRREQ, start(fd, TLSOCK_ROLE_CLIENT));
	EXPECT_EQ(EINVAL, start(fd, TLSOCK_ROLE_SERVER));
	ASSERT_EQ(0, opt_str(fd, TLSOCK_SERVER_NAME, "name.test"));
	EXPECT_EQ(0, start(fd, TLSOCK_ROLE_CLIENT));
	EXPECT_EQ(EALREADY, start(fd, TLSOCK_ROLE_CLIENT));
	EXPECT_EQ(EALREADY, start(fd, TLSOCK_ROLE_SERVER));
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(fd).state);
}

/* STARTTLS: plain bytes, then the handshake on the same connection, both ways. */
TEST_F(sockopt, start_on_a_used_connection)
{
	char buf[16];

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, pair_plain(&self->p));
	ASSERT_EQ(8, send(self->p.c, "STARTTLS", 8, 0));
	ASSERT_EQ(8, read_all(self->p.s, buf, 8));
	ASSERT_EQ(0, ulp_attach(self->p.c));
	ASSERT_EQ(0, ulp_attach(self->p.s));
	ASSERT_EQ(0, opt_str(self->p.c, TLSOCK_SERVER_NAME, "name.test"));
	ASSERT_EQ(0, opt_str(self->p.s, TLSOCK_CREDENTIAL, "test"));
	ASSERT_EQ(0, start(self->p.c, TLSOCK_ROLE_CLIENT));
	ASSERT_EQ(0, start(self->p.s, TLSOCK_ROLE_SERVER));
	/* No wait here: the first write and read wait for the handshake. */
	EXPECT_EQ(5, send(self->p.c, "hello", 5, 0));
	EXPECT_EQ(5, read_all(self->p.s, buf, 5));
	EXPECT_EQ(0, memcmp(buf, "hello", 5));
	EXPECT_EQ(EISCONN, start(self->p.c, TLSOCK_ROLE_CLIENT));
	EXPECT_EQ(EISCONN, start(self->p.s, TLSOCK_ROLE_SERVER));
}

TEST_F(sockopt, after_the_handshake_began)
{
	struct tls12_crypto_info_aes_gcm_128 c = { .info = { TLS13, TLS_CIPHER_AES_GCM_128 } };
	int fd = idle_connection(&self->p), zero = 0, one = 1;

	ASSERT_LE(0, fd);
	EXPECT_EQ(ENOTCONN, set(fd, TLSOCK_KEY_UPDATE, &one, sizeof(one)));
	ASSERT_EQ(0, opt_str(fd, TLSOCK_SERVER_NAME, "name.test"));
	ASSERT_EQ(0, start(fd, TLSOCK_ROLE_CLIENT));
	for (size_t i = 0; i < ARRAY_LEN(string_options); i++)
		EXPECT_EQ(EISCONN, set(fd, string_options[i], "other", 5));
	EXPECT_EQ(EISCONN, set(fd, TLSOCK_ALPN, "\2h2", 3));
	EXPECT_EQ(EISCONN, set(fd, TLSOCK_VERIFY, &zero, sizeof(zero)));
	EXPECT_EQ(EISCONN, set(fd, TLSOCK_TIMEOUT_MS, &one, sizeof(one)));
	EXPECT_EQ(0, set(fd, TLSOCK_EOF, &one, sizeof(one)));
	EXPECT_EQ(ENOTCONN, set(fd, TLSOCK_KEY_UPDATE, &one, sizeof(one)));
	EXPECT_NE(0, set(fd, TLS_TX, &c, sizeof(c)));
	EXPECT_NE(0, set(fd, TLS_RX, &c, sizeof(c)));
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(fd).state);
}

/* INFO and ERROR: as much as fits, the rest of the buffer untouched. */
static void growing_struct(struct __test_metadata *_metadata, int fd, int opt, socklen_t size)
{
	static const socklen_t lens[] = { 0, 1, 4, 7, 8, 100, 400, 1000 };
	uint8_t buf[1024];
	socklen_t len;

	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		memset(buf, 0xa5, sizeof(buf));
		len = lens[i];
		EXPECT_EQ(0, get(fd, opt, buf, &len));
		EXPECT_EQ(lens[i] < size ? lens[i] : size, len);
		EXPECT_EQ(0xa5, buf[lens[i] < size ? lens[i] : size]);
		if (lens[i] >= 4)
			EXPECT_EQ(0, memcmp(buf, &size, 4));
	}
	len = (socklen_t)-1;
	EXPECT_EQ(EINVAL, get(fd, opt, buf, &len));
	len = sizeof(buf);
	EXPECT_EQ(EFAULT, get(fd, opt, (void *)8, &len));
	EXPECT_EQ(-1, getsockopt(fd, SOL_TLS, opt, buf, NULL));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(sockopt, info_and_error)
{
	int fd = idle_connection(&self->p);

	growing_struct(_metadata, self->fd, TLSOCK_INFO, sizeof(struct tlsock_info));
	growing_struct(_metadata, self->fd, TLSOCK_ERROR, sizeof(struct tlsock_error));
	growing_struct(_metadata, fd, TLSOCK_INFO, sizeof(struct tlsock_info));
	EXPECT_EQ(0, error_get(self->fd).error);
	EXPECT_EQ(TLSOCK_ALERT_NONE, error_get(self->fd).alert_sent);
	EXPECT_EQ(TLSOCK_ALERT_NONE, error_get(self->fd).alert_received);
}

/* A getter with a buffer of len bytes that must say what it needs. */
static void too_small(struct __test_metadata *_metadata, int fd, int opt, socklen_t len,
		      socklen_t needed)
{
	uint8_t buf[8192];
	socklen_t l = len;

	memset(buf, 0xa5, sizeof(buf));
	EXPECT_EQ(ERANGE, get(fd, opt, buf, &l));
	EXPECT_EQ(needed, l);
	EXPECT_EQ(0xa5, buf[0]);
}

TEST_F(sockopt, peer_certificate)
{
	struct script s = { .certs = 3, .cert_len = 1001, .alpn = "h2" };
	const socklen_t needed = 3 * (4 + 1004);
	uint8_t buf[8192];
	socklen_t len = sizeof(buf);
	struct tlsock_cert cert;

	EXPECT_EQ(ENODATA, get(self->fd, TLSOCK_PEER_CERT, buf, &len));
	ASSERT_EQ(0, worker_start(&self->w, &s));
	ASSERT_EQ(0, pair_tls(&self->p, 0));
	too_small(_metadata, self->p.c, TLSOCK_PEER_CERT, 0, needed);
	too_small(_metadata, self->p.c, TLSOCK_PEER_CERT, 4, needed);
	too_small(_metadata, self->p.c, TLSOCK_PEER_CERT, needed - 1, needed);
	memset(buf, 0xa5, sizeof(buf));
	len = sizeof(buf);
	EXPECT_EQ(0, get(self->p.c, TLSOCK_PEER_CERT, buf, &len));
	EXPECT_EQ(needed, len);
	EXPECT_EQ(0xa5, buf[needed]);
	for (size_t i = 0, at = 0; i < 3; i++, at += 4 + 1004) {
		memcpy(&cert, buf + at, sizeof(cert));
		EXPECT_EQ(1001, cert.len);
		EXPECT_TRUE(pattern_ok(buf + at + 4, 1001, i));
	}
	EXPECT_EQ(2, info_get(self->p.c).alpn_len);
	EXPECT_EQ(0, memcmp(info_get(self->p.c).alpn, "h2", 2));
}

TEST_F(sockopt, channel_binding_and_names)
{
	uint8_t buf[64], expected[32];
	socklen_t len = sizeof(buf);

	EXPECT_EQ(ENODATA, get(self->fd, TLSOCK_CHANNEL_BINDING, buf, &len));
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, pair_tls(&self->p, 0));
	len = sizeof(buf);
	EXPECT_EQ(ENODATA, get(self->p.c, TLSOCK_PEER_CERT, buf, &len));
	too_small(_metadata, self->p.c, TLSOCK_CHANNEL_BINDING, 31, 32);
	too_small(_metadata, self->p.c, TLSOCK_CHANNEL_BINDING, 0, 32);
	len = sizeof(buf);
	memset(expected, 0x5a, sizeof(expected));
	EXPECT_EQ(0, get(self->p.c, TLSOCK_CHANNEL_BINDING, buf, &len));
	EXPECT_EQ(32, len);
	EXPECT_EQ(0, memcmp(expected, buf, 32));
	len = sizeof(buf);
	EXPECT_EQ(0, get(self->p.s, TLSOCK_SERVER_NAME, buf, &len));
	EXPECT_LE(10, len);
	EXPECT_EQ(0, memcmp(buf, "asked.test", 10));
	EXPECT_EQ(0, info_get(self->p.c).alpn_len);
	EXPECT_NE(0, info_get(self->p.c).id);
}

/* ---- two threads at once ---- */

struct race {
	int fd;
	pthread_barrier_t *barrier;
	int result;
	const char *name;
};

static void *race_names(void *arg)
{
	struct race *r = arg;

	pthread_barrier_wait(r->barrier);
	for (int i = 0; i < 1000 && r->result == 0; i++) {
		if (opt_str(r->fd, TLSOCK_SERVER_NAME, r->name))
			r->result = errno;
		if (opt_int(r->fd, TLSOCK_TIMEOUT_MS, 1000 + i))
			r->result = errno;
		info_get(r->fd);
		error_get(r->fd);
	}
	return NULL;
}

static void *race_start(void *arg)
{
	struct race *r = arg;

	pthread_barrier_wait(r->barrier);
	r->result = start(r->fd, TLSOCK_ROLE_CLIENT);
	return NULL;
}

static void *race_attach(void *arg)
{
	struct race *r = arg;

	pthread_barrier_wait(r->barrier);
	r->result = ulp_attach(r->fd) ? errno : 0;
	return NULL;
}

/* Run fn in two threads over one socket; their results. */
static void race(void *(*fn)(void *), int fd, const char *name1, const char *name2, int *results)
{
	pthread_barrier_t barrier;
	struct race r[2] = { { fd, &barrier, 0, name1 }, { fd, &barrier, 0, name2 } };
	pthread_t t[2];

	pthread_barrier_init(&barrier, NULL, 2);
	for (int i = 0; i < 2; i++)
		t[i] = thread_start(fn, &r[i]);
	for (int i = 0; i < 2; i++) {
		pthread_join(t[i], NULL);
		results[i] = r[i].result;
	}
	pthread_barrier_destroy(&barrier);
}

TEST_F(sockopt, set_from_two_threads)
{
	static const char longer[] = "a-rather-longer-name.that-goes-on.and-on.test";
	int fd = idle_connection(&self->p), results[2];
	struct event *e;
	struct nl nl;

	race(race_names, fd, "short.test", longer, results);
	EXPECT_EQ(0, results[0]);
	EXPECT_EQ(0, results[1]);
	ASSERT_EQ(0, nl_open(&nl));
	ASSERT_EQ(0, nl_register(&nl));
	ASSERT_EQ(0, start(fd, TLSOCK_ROLE_CLIENT));
	e = nl_next(&nl, PATIENCE_MS);
	ASSERT_NE(NULL, e);
	EXPECT_TRUE(!strcmp(e->server_name, "short.test") || !strcmp(e->server_name, longer));
	free(e);
	nl_close(&nl);
}

TEST_F(sockopt, start_from_two_threads)
{
	int fd, results[2];

	for (int i = 0; i < 20; i++) {
		fd = idle_connection(&self->p);
		ASSERT_EQ(0, opt_str(fd, TLSOCK_SERVER_NAME, "name.test"));
		race(race_start, fd, NULL, NULL, results);
		EXPECT_EQ(EALREADY, results[0] + results[1]);
		pair_close(&self->p);
	}
}

TEST_F(sockopt, attach_from_two_threads)
{
	int results[2];

	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(0, pair_plain(&self->p));
		race(race_attach, self->p.c, NULL, NULL, results);
		EXPECT_EQ(EEXIST, results[0] + results[1]);
		pair_close(&self->p);
	}
}

TEST_HARNESS_MAIN
