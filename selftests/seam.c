// SPDX-License-Identifier: GPL-2.0-only
/*
 * seam.c: the genl family in the hands of a good worker: what CONN_NEW says, the doorbell, PULL's
 * bounds, long flights in pieces, limits, counters, DUMP. And one that is neither good nor bad: a
 * seeded fuzz of PUSH messages, the same bytes in each run, which may meet errors alone.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include <grp.h>

#include "kselftest_harness.h"

#define CLIENTS 5
#define NOBODY 65534

FIXTURE(seam)
{
	struct nl nl;
	struct addr a;
	int l; /* a plain listener */
	int c[CLIENTS];
};

FIXTURE_SETUP(seam)
{
	ASSERT_EQ(0, env_setup());
	for (int i = 0; i < CLIENTS; i++)
		self->c[i] = -1;
	self->l = listen_on(AF_INET, false, &self->a);
	ASSERT_LE(0, self->l);
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
}

FIXTURE_TEARDOWN(seam)
{
	nl_close(&self->nl);
	for (int i = 0; i < CLIENTS; i++)
		if (self->c[i] >= 0)
			close(self->c[i]);
	close(self->l);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 0));
}

/* A tlsock client in its handshake: its fd. */
static int client(const struct addr *a)
{
	int fd = socket_new(AF_INET, true);

	set_nonblock(fd, true);
	/* no deadline passes, however busy the machine */
	if (opt_int(fd, TLSOCK_TIMEOUT_MS, 600000))
		return -1;
	if (connect(fd, &a->sa, a->len) != -1 || errno != EINPROGRESS)
		return -1;
	return fd;
}

TEST_F(seam, conn_new_of_a_client)
{
	struct addr local = { .len = sizeof(local.in6) };
	struct event *e;

	self->c[0] = socket_new(AF_INET, true);
	ASSERT_EQ(0, opt_str(self->c[0], TLSOCK_CREDENTIAL, "mine"));
	ASSERT_EQ(0, opt_str(self->c[0], TLSOCK_TRUST, "ours"));
	ASSERT_EQ(0, opt_str(self->c[0], TLSOCK_PROFILE, "strict"));
	ASSERT_EQ(0, setsockopt(self->c[0], SOL_TLS, TLSOCK_ALPN, "\2h2\10http/1.1", 12));
	set_nonblock(self->c[0], true);
	ASSERT_EQ(-1, connect(self->c[0], &self->a.sa, self->a.len));
	e = nl_next(&self->nl, PATIENCE_MS);
	ASSERT_NE(NULL, e);
	EXPECT_EQ(TLSOCK_CMD_CONN_NEW, e->cmd);
	EXPECT_EQ(TLSOCK_ROLE_CLIENT, e->role);
	EXPECT_STREQ("name.test", e->server_name);
	EXPECT_STREQ("mine", e->credential);
	EXPECT_STREQ("ours", e->trust);
	EXPECT_STREQ("strict", e->profile);
	EXPECT_EQ(12, e->alpn_len);
	EXPECT_EQ(0, memcmp(e->alpn, "\2h2\10http/1.1", 12));
	EXPECT_EQ(TLSOCK_VERIFY_REQUIRED, e->verify);
	ASSERT_EQ(0, getsockname(self->c[0], &local.sa, &local.len));
	EXPECT_EQ(sizeof(struct sockaddr_in), e->peer_len);
	EXPECT_EQ(0, memcmp(&e->local, &local.in, 8));
	EXPECT_EQ(0, memcmp(&e->peer, &self->a.in, 8));
	EXPECT_NE(0, e->id);
	EXPECT_EQ(e->id, info_get(self->c[0]).id);
	free(e);
}

/* In a child that is nobody: name one of the three on a socket that it was given. */
static int nobody_names(int fd, int opt, const char *name)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
		    setresuid(NOBODY, NOBODY, NOBODY))
			_exit(101);
		_exit(opt_str(fd, opt, name) ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* The owner as the daemon hears it, when the socket is root's and nobody names what it will use. */
static void expect_owner(struct __test_metadata *_metadata, struct nl *nl, int opt, uint32_t uid)
{
	struct addr to;
	int l = listen_on(AF_INET, false, &to), fd = socket(AF_INET, SOCK_STREAM, 0);
	struct event *e;

	ASSERT_EQ(0, ulp_attach(fd));
	ASSERT_EQ(0, opt_int(fd, TLSOCK_VERIFY, TLSOCK_VERIFY_NONE));
	EXPECT_EQ(0, nobody_names(fd, opt, "not.mine"));
	set_nonblock(fd, true);
	ASSERT_EQ(-1, connect(fd, &to.sa, to.len));
	do {
		e = nl_next(nl, PATIENCE_MS);
	} while (e && e->cmd != TLSOCK_CMD_CONN_NEW);
	ASSERT_NE(NULL, e);
	EXPECT_EQ(uid, e->uid);
	EXPECT_EQ(uid, e->gid);
	free(e);
	close(fd);
	close(l);
}

TEST_F(seam, owner_is_who_names)
{
	expect_owner(_metadata, &self->nl, TLSOCK_CREDENTIAL, NOBODY);
	expect_owner(_metadata, &self->nl, TLSOCK_TRUST, NOBODY);
	expect_owner(_metadata, &self->nl, TLSOCK_PROFILE, NOBODY);
	/* a name that anybody may ask for */
	expect_owner(_metadata, &self->nl, TLSOCK_SERVER_NAME, 0);
}

/* Names are asked for together, so they are of one user: EPERM for who would mix them. */
TEST_F(seam, names_of_two_users)
{
	uint8_t hello[204], rec[300];
	struct addr a;
	int l = listen_on(AF_INET, true, &a), s;
	struct event *e;
	size_t n;

	EXPECT_EQ(EPERM, nobody_names(l, TLSOCK_TRUST, "not.mine"));
	EXPECT_EQ(EPERM, nobody_names(l, TLSOCK_PROFILE, "not.mine"));
	EXPECT_EQ(0, nobody_names(l, TLSOCK_SERVER_NAME, "any.name"));
	self->c[0] = socket_new(AF_INET, false);
	ASSERT_EQ(0, connect(self->c[0], &a.sa, a.len));
	s = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	n = rec_plain(REC_HANDSHAKE, hello, hs_message(MSG_CLIENT_HELLO, 200, hello), rec);
	ASSERT_EQ((ssize_t)n, write_all(self->c[0], rec, n));
	e = nl_next(&self->nl, PATIENCE_MS);
	ASSERT_NE(NULL, e);
	EXPECT_STREQ("test", e->credential);
	EXPECT_EQ(0, e->uid);
	free(e);
	close(s);

	/* the same the other way round */
	EXPECT_EQ(0, nobody_names(l, TLSOCK_CREDENTIAL, "not.mine"));
	EXPECT_EQ(-1, opt_str(l, TLSOCK_PROFILE, "default"));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(0, opt_str(l, TLSOCK_CREDENTIAL, "test"));
	EXPECT_EQ(0, opt_str(l, TLSOCK_PROFILE, "default"));
	close(l);
}

/* Who may join it hears of each end; who may not: see netlink.c. */
TEST_F(seam, monitor)
{
	struct event *e;
	struct nl ear;
	struct msg m;

	ASSERT_EQ(0, nl_open(&ear));
	EXPECT_EQ(0, nl_monitor(&ear));
	self->c[0] = client(&self->a);
	e = nl_next(&self->nl, PATIENCE_MS);
	ASSERT_NE(NULL, e);
	push_start(&m, &self->nl, e->id, e->generation);
	push_fail(&m, EKEYREJECTED, 42, "a reason");
	EXPECT_EQ(0, push_send(&self->nl, &m));
	EXPECT_EQ(POLLIN, poll_for(ear.fd, POLLIN));
	nl_drain(&ear);
	ASSERT_NE(NULL, ear.head);
	EXPECT_EQ(TLSOCK_CMD_EVENT, ear.head->cmd);
	EXPECT_EQ(e->id, ear.head->id);
	EXPECT_EQ(TLSOCK_EVENT_FAILED, ear.head->stat[TLSOCK_A_EVENT]);
	free(e);
	nl_close(&ear);
}

/* Ids are random: a run of them has no order that a stranger could go on with. */
TEST_F(seam, ids_are_not_in_order)
{
	uint64_t last = 0, id;
	struct event *e;
	int close_by = 0;

	for (int i = 0; i < 20; i++) {
		self->c[0] = client(&self->a);
		e = nl_next(&self->nl, PATIENCE_MS);
		while (e && e->cmd == TLSOCK_CMD_CONN_GONE) {
			free(e);
			e = nl_next(&self->nl, PATIENCE_MS);
		}
		ASSERT_NE(NULL, e);
		id = e->id;
		close_by += (id > last ? id - last : last - id) < (1ULL << 32);
		last = id;
		free(e);
		close(self->c[0]);
		self->c[0] = -1;
	}
	EXPECT_EQ(0, close_by);
}

/* Datagrams that lie in the netlink socket now. */
static int waiting(struct nl *nl)
{
	char buf[8192];
	int n = 0;

	while (recv(nl->fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		n++;
	return n;
}

TEST_F(seam, doorbell_rings_once)
{
	struct pollfd p = { .fd = self->nl.fd, .events = POLLIN };

	/* Not armed: silence. */
	self->c[0] = client(&self->a);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 1));
	EXPECT_EQ(0, waiting(&self->nl));
	ASSERT_EQ(0, nl_pull(&self->nl, 0, 0));
	EXPECT_NE(NULL, self->nl.head);

	/* A PULL that gave something does not arm. */
	self->c[1] = client(&self->a);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 2));
	EXPECT_EQ(0, waiting(&self->nl));
	ASSERT_EQ(0, nl_pull(&self->nl, 0, 0));

	/* One that gave nothing does, for one doorbell. */
	ASSERT_EQ(0, nl_pull(&self->nl, 0, 0));
	for (int i = 2; i < CLIENTS; i++)
		self->c[i] = client(&self->a);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == CLIENTS));
	EXPECT_EQ(1, poll(&p, 1, PATIENCE_MS));
	EXPECT_EQ(1, waiting(&self->nl));
}

/*
 * Two armed workers and a connection: which of them hears the doorbell? The one that does not hear
 * it goes to *deaf.
 */
static struct nl *rung(struct nl *a, struct nl *b, struct nl **deaf)
{
	struct pollfd p[2] = { { .fd = a->fd, .events = POLLIN },
			       { .fd = b->fd, .events = POLLIN } };

	if (poll(p, 2, PATIENCE_MS) != 1)
		return NULL;
	*deaf = p[0].revents ? b : a;
	return p[0].revents ? a : b;
}

static bool hears(struct nl *nl)
{
	bool came = poll_for(nl->fd, POLLIN) == POLLIN;

	nl_drain(nl);
	return came && nl->doorbell;
}

/* A connection comes while two workers are armed. Returns the one that was rung. */
static struct nl *ring_one(struct __test_metadata *_metadata, FIXTURE_DATA(seam) * self,
			   struct nl *other, struct nl **deaf)
{
	struct nl *first;

	ASSERT_EQ(0, nl_open(other));
	ASSERT_EQ(0, nl_register(other));
	ASSERT_EQ(0, nl_pull(&self->nl, 0, 0));
	ASSERT_EQ(0, nl_pull(other, 0, 0));
	self->c[0] = client(&self->a);
	first = rung(&self->nl, other, deaf);
	ASSERT_NE(NULL, first);
	return first;
}

/* The other one hears of the connection, and finds it. */
static void expect_rung(struct __test_metadata *_metadata, struct nl *nl)
{
	struct event *e;

	EXPECT_TRUE(hears(nl));
	e = nl_peek(nl);
	ASSERT_NE(NULL, e);
	EXPECT_EQ(TLSOCK_CMD_CONN_NEW, e->cmd);
	free(e);
}

/* A doorbell that nobody answers any more is heard by another. */
TEST_F(seam, doorbell_of_a_dead_worker)
{
	struct nl other, *first, *second = NULL;

	first = ring_one(_metadata, self, &other, &second);
	nl_close(first);
	expect_rung(_metadata, second);
	nl_close(second);
}

/* ... and so is that of one which answers that it wants no new connection. */
TEST_F(seam, doorbell_declined)
{
	struct nl other, *first, *second = NULL;
	struct msg m;

	first = ring_one(_metadata, self, &other, &second);
	msg_start(&m, first, TLSOCK_CMD_PULL);
	msg_u32(&m, TLSOCK_A_MAX_CONNS, 0);
	EXPECT_EQ(0, nl_talk(first, &m));
	EXPECT_EQ(NULL, first->head);
	expect_rung(_metadata, second);
	nl_close(&other);
}

TEST_F(seam, pull_takes_no_more_than_asked)
{
	int n;

	for (int i = 0; i < CLIENTS; i++)
		self->c[i] = client(&self->a);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == CLIENTS));
	for (int i = 0; i < CLIENTS; i++) {
		ASSERT_EQ(0, nl_pull(&self->nl, 1, 0));
		for (n = 0; self->nl.head; n++)
			free(nl_take(&self->nl));
		EXPECT_EQ(1, n);
	}
	ASSERT_EQ(0, nl_pull(&self->nl, 1, 0));
	EXPECT_EQ(NULL, self->nl.head);
}

/* A receive buffer that takes one message, and not its ack: each PULL brings one connection. */
TEST_F(seam, full_receive_buffer)
{
	int tiny = 1, n = 0, rounds;
	uint64_t ids[CLIENTS];
	struct event *e;
	struct msg m;

	for (int i = 0; i < CLIENTS; i++)
		self->c[i] = client(&self->a);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == CLIENTS));
	ASSERT_EQ(0, setsockopt(self->nl.fd, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)));
	for (rounds = 0; n < CLIENTS && rounds < 3 * CLIENTS; rounds++) {
		msg_start(&m, &self->nl, TLSOCK_CMD_PULL);
		ASSERT_EQ(0, nl_post(&self->nl, &m));
		nl_drain(&self->nl);
		while ((e = nl_take(&self->nl))) {
			ASSERT_EQ(TLSOCK_CMD_CONN_NEW, e->cmd);
			for (int i = 0; i < n; i++)
				EXPECT_NE(ids[i], e->id);
			ASSERT_GT(CLIENTS, n);
			ids[n++] = e->id;
			free(e);
		}
	}
	EXPECT_EQ(CLIENTS, n);
	EXPECT_LT(1, rounds);
}

/* A ClientHello of 60000 bytes in small records comes in pieces that say MORE, whole. */
TEST_F(seam, long_hello)
{
	static uint8_t hello[60004], rec[REC_MAX], got[70000];
	size_t n = hs_message(MSG_CLIENT_HELLO, 60000, hello), at, have = 0;
	struct addr a;
	int l = listen_on(AF_INET, true, &a), s;
	struct event *e;
	bool more = true;

	pattern_fill(hello + 4, 60000, 0);
	self->c[0] = socket_new(AF_INET, false);
	ASSERT_EQ(0, connect(self->c[0], &a.sa, a.len));
	s = accept(l, NULL, NULL);
	for (at = 0; at < n; at += 1000) {
		size_t len = n - at < 1000 ? n - at : 1000;
		size_t whole = rec_plain(REC_HANDSHAKE, hello + at, len, rec);

		ASSERT_EQ((ssize_t)whole, write_all(self->c[0], rec, whole));
	}
	while (more) {
		e = nl_next(&self->nl, PATIENCE_MS);
		ASSERT_NE(NULL, e);
		if (e->cmd == TLSOCK_CMD_CONN_DATA) {
			more = e->more;
			ASSERT_GE(sizeof(got), have + e->data_len);
			memcpy(got + have, e->data, e->data_len);
			have += e->data_len;
			EXPECT_EQ(0, e->epoch);
		}
		free(e);
	}
	EXPECT_EQ(n, have);
	EXPECT_EQ(0, memcmp(got, hello, n));
	close(s);
	close(l);
}

/* ---- limits ---- */

static void limit_reached(struct __test_metadata *_metadata, const struct addr *a, int *c, int attr)
{
	int fd, one = 1;

	ASSERT_EQ(0, nl_limit(attr, 2));
	c[0] = client(a);
	c[1] = client(a);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 2));
	fd = socket_new(AF_INET, true);
	EXPECT_EQ(-1, connect(fd, &a->sa, a->len));
	EXPECT_EQ(ENOBUFS, errno);
	EXPECT_EQ(ENOBUFS, error_get(fd).error);
	close(fd);
	/* STARTTLS meets the same limit, as an error of the call. */
	fd = socket_new(AF_INET, false);
	ASSERT_EQ(0, connect(fd, &a->sa, a->len));
	ASSERT_EQ(0, ulp_attach(fd));
	ASSERT_EQ(0, opt_str(fd, TLSOCK_SERVER_NAME, "name.test"));
	EXPECT_EQ(-1, setsockopt(fd, SOL_TLS, TLSOCK_START, &one, sizeof(one)));
	EXPECT_EQ(ENOBUFS, errno);
	close(c[0]);
	c[0] = -1;
	EXPECT_EQ(0, setsockopt(fd, SOL_TLS, TLSOCK_START, &one, sizeof(one)));
	close(fd);
}

TEST_F(seam, limit_of_the_namespace)
{
	limit_reached(_metadata, &self->a, self->c, TLSOCK_A_LIMIT_HS_NETNS);
}

TEST_F(seam, limit_of_the_user)
{
	limit_reached(_metadata, &self->a, self->c, TLSOCK_A_LIMIT_HS_UID);
}

TEST_F(seam, limit_of_the_listener)
{
	struct addr a;
	int l = listen_on(AF_INET, true, &a), s[3];
	char byte;

	ASSERT_EQ(0, nl_limit(TLSOCK_A_LIMIT_HS_LISTENER, 2));
	for (int i = 0; i < 3; i++) {
		self->c[i] = socket_new(AF_INET, false);
		ASSERT_EQ(0, connect(self->c[i], &a.sa, a.len));
		s[i] = accept(l, NULL, NULL);
		ASSERT_LE(0, s[i]);
	}
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(s[0]).state);
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(s[1]).state);
	EXPECT_EQ(-1, recv(s[2], &byte, 1, 0));
	EXPECT_EQ(ENOBUFS, errno);
	for (int i = 0; i < 3; i++)
		close(s[i]);
	close(l);
}

TEST_F(seam, limits_are_told)
{
	struct event *e;
	struct msg m;

	msg_start(&m, &self->nl, TLSOCK_CMD_LIMITS);
	msg_u32(&m, TLSOCK_A_LIMIT_GRACE_MS, 1234);
	EXPECT_EQ(0, nl_talk(&self->nl, &m));
	e = nl_take(&self->nl);
	ASSERT_NE(NULL, e);
	EXPECT_EQ(1234, e->stat[TLSOCK_A_LIMIT_GRACE_MS]);
	EXPECT_EQ(16384, e->stat[TLSOCK_A_LIMIT_HS_NETNS]);
	EXPECT_EQ(8192, e->stat[TLSOCK_A_LIMIT_HS_UID]);
	EXPECT_EQ(8192, e->stat[TLSOCK_A_LIMIT_HS_LISTENER]);
	free(e);
	msg_start(&m, &self->nl, TLSOCK_CMD_LIMITS);
	msg_put(&m, TLSOCK_A_LIMIT_GRACE_MS, "ab", 2);
	EXPECT_GT(0, nl_talk(&self->nl, &m));
}

TEST_F(seam, stats_and_dump)
{
	struct event st, *e;
	int n = 0;

	for (int i = 0; i < 3; i++)
		self->c[i] = client(&self->a);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 3));
	EXPECT_EQ(0, nl_stats(&self->nl, &st));
	EXPECT_EQ(3, st.stat[TLSOCK_A_STAT_IN_FLIGHT]);
	EXPECT_EQ(1, st.stat[TLSOCK_A_STAT_WORKERS]);
	EXPECT_EQ(3, st.stat[TLSOCK_A_STAT_HS_STARTED]);
	EXPECT_EQ(0, st.stat[TLSOCK_A_STAT_HS_DONE]);
	ASSERT_EQ(0, nl_dump(&self->nl));
	while ((e = nl_take(&self->nl))) {
		EXPECT_EQ(TLSOCK_CMD_CONN_INFO, e->cmd);
		EXPECT_STREQ("name.test", e->server_name);
		free(e);
		n++;
	}
	EXPECT_EQ(3, n);
}

/* ---- a PUSH that meets the kernel at work ---- */

struct trickle {
	int fd;
	bool stop;
};

/* One message, longer than all that comes of it, in records of one byte. */
static void *trickle_main(void *arg)
{
	struct trickle *t = arg;
	uint8_t bytes[4], rec[REC_HEADER + 1];

	hs_message(MSG_SERVER_HELLO, 0, bytes);
	bytes[2] = 0xff;
	for (size_t i = 0; i < 60000 && !__atomic_load_n(&t->stop, __ATOMIC_RELAXED); i++) {
		size_t n = rec_plain(REC_HANDSHAKE, i < 4 ? &bytes[i] : bytes, 1, rec);

		if (write_all(t->fd, rec, n) != (ssize_t)n)
			break;
	}
	return NULL;
}

/* It has the socket locked time and again. A wrong PUSH is refused all the same, and harms nothing. */
TEST_F_TIMEOUT(seam, wrong_push_while_the_kernel_reads, 120)
{
	struct trickle t = { .fd = -1 };
	int told = 0, tries = 300;
	pthread_t thread;
	struct event *e;
	struct msg m;

	self->c[0] = client(&self->a);
	t.fd = accept4(self->l, NULL, NULL, SOCK_CLOEXEC);
	e = nl_next(&self->nl, PATIENCE_MS);
	ASSERT_TRUE(t.fd >= 0 && e);
	push_start(&m, &self->nl, e->id, e->generation);
	push_continue(&m);
	ASSERT_EQ(0, push_send(&self->nl, &m));
	thread = thread_start(trickle_main, &t);
	for (int i = 0; i < tries; i++) {
		push_start(&m, &self->nl, e->id, e->generation);
		push_data(&m, TLSOCK_EPOCH_HANDSHAKE, REC_HANDSHAKE, "wrong epoch", 11);
		told += push_send(&self->nl, &m) == -EINVAL;
	}
	__atomic_store_n(&t.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(tries, told);
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(self->c[0]).state);
	close(t.fd);
	free(e);
}

/* ---- fuzz ---- */

static uint32_t fuzz_state;

static uint32_t fuzz_next(uint32_t below)
{
	fuzz_state = fuzz_state * 1664525U + 1013904223U;
	return (uint32_t)(((uint64_t)fuzz_state * below) >> 32);
}

/* One of the shapes that a worker sends. */
static void fuzz_build(struct msg *m, const struct nl *nl, const struct event *e)
{
	struct script s = { .alpn = "h2", .certs = 1, .cert_len = 40, .max_payload = 1000 };
	uint8_t hello[64];

	push_start(m, nl, e->id, e->generation);
	switch (fuzz_next(4)) {
	case 0:
		push_data(m, 0, REC_HANDSHAKE, hello, hs_message(1, 40, hello));
		push_continue(m);
		break;
	case 1:
		push_app_keys(m, &s, false);
		push_complete(m, &s, false);
		break;
	case 2:
		push_fail(m, EPROTO, 40, "some words");
		break;
	case 3:
		push_data(m, 0, REC_CCS, "\1", 1);
		push_app_keys(m, &s, false);
		break;
	}
	while (m->depth)
		msg_end(m);
}

/* Change up to four bytes after the generation, and now and then the end. */
static void fuzz_mutate(struct msg *m)
{
	static const uint8_t edges[] = { 0, 1, 2, 3, 4, 5, 0x7f, 0x80, 0xff };
	const uint32_t fixed = 20 + 12 + 8;
	uint32_t n = 1 + fuzz_next(4), at;

	while (n--) {
		at = fixed + fuzz_next((uint32_t)m->len - fixed);
		m->buf[at] = fuzz_next(2) ? edges[fuzz_next(ARRAY_LEN(edges))] :
					    (uint8_t)fuzz_next(256);
	}
	if (fuzz_next(8) == 0)
		m->len -= fuzz_next((uint32_t)m->len - fixed);
}

TEST_F_TIMEOUT(seam, fuzz_push, 120)
{
	struct event *e = NULL;
	unsigned int good = 0, bad = 0;
	int rc, peer = -1;
	struct msg m;

	fuzz_state = 20240607;
	for (int i = 0; i < 3000; i++) {
		while (!e || info_get(self->c[0]).state != TLSOCK_STATE_HANDSHAKE) {
			if (self->c[0] >= 0) {
				close(self->c[0]);
				close(peer);
			}
			free(e);
			self->c[0] = client(&self->a);
			ASSERT_LE(0, self->c[0]);
			do {
				e = nl_next(&self->nl, PATIENCE_MS);
			} while (e && e->cmd != TLSOCK_CMD_CONN_NEW);
			ASSERT_NE(NULL, e);
			peer = accept4(self->l, NULL, NULL, SOCK_CLOEXEC);
			ASSERT_LE(0, peer);
		}
		fuzz_build(&m, &self->nl, e);
		fuzz_mutate(&m);
		rc = nl_talk(&self->nl, &m);
		ASSERT_GE(0, rc);
		ASSERT_NE(-ETIME, rc);
		good += rc == 0;
		bad += rc != 0;
	}
	free(e);
	close(peer);
	TH_LOG("%u taken, %u refused", good, bad);
	EXPECT_LT(100, bad);
	EXPECT_LT(10, good);
}

TEST_HARNESS_MAIN
