// SPDX-License-Identifier: GPL-2.0-only
/*
 * netlink.c: the genl family "tlsock" (part 2 of the UAPI header) in the hands of someone who
 * may not use it, or uses it wrongly: privilege, malformed messages, wrong order, wrong worker,
 * wrong generation. The answer is always a clean error, and a refused PUSH has done nothing.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>

#include "kselftest_harness.h"

#define NOBODY 65534

FIXTURE(netlink)
{
	struct nl nl;
	struct pair p; /* c: a tlsock client in its handshake, s: its raw peer */
	struct event *e; /* its CONN_NEW */
};

FIXTURE_SETUP(netlink)
{
	struct pair *p = &self->p;
	struct addr a;

	pair_init(p, TLS13, SUITE_AES_128);
	ASSERT_EQ(0, env_setup());
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_register(&self->nl));
	p->l = listen_on(AF_INET, false, &a);
	p->c = socket_new(AF_INET, true);
	set_nonblock(p->c, true);
	ASSERT_EQ(-1, connect(p->c, &a.sa, a.len));
	p->s = accept4(p->l, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, p->s);
	self->e = nl_next(&self->nl, PATIENCE_MS);
	ASSERT_NE(NULL, self->e);
	ASSERT_EQ(TLSOCK_CMD_CONN_NEW, self->e->cmd);
}

FIXTURE_TEARDOWN(netlink)
{
	free(self->e);
	nl_close(&self->nl);
	pair_close(&self->p);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 0));
}

static void begin(struct msg *m, const struct nl *nl, const struct event *e)
{
	push_start(m, nl, e->id, e->generation);
}

/* The connection still stands and nothing was sent: it can be completed. */
static void expect_untouched(struct __test_metadata *_metadata, struct nl *nl, struct pair *p,
			     const struct event *e)
{
	struct script s = { 0 };
	struct msg m;
	char buf[64];

	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(p->c).state);
	EXPECT_EQ(-1, recv(p->s, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	begin(&m, nl, e);
	push_app_keys(&m, &s, false);
	push_complete(&m, &s, false);
	EXPECT_EQ(0, push_send(nl, &m));
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(p->c).state);
}

/* ---- who may ---- */

static const uint8_t commands[] = { TLSOCK_CMD_REGISTER, TLSOCK_CMD_PULL, TLSOCK_CMD_PUSH,
				    TLSOCK_CMD_STATS, TLSOCK_CMD_LIMITS };

/* In a child: every command must give err. The exit status is the number of those that did not. */
static int all_give(int err)
{
	struct nl nl;
	struct msg m;
	int bad = 0;

	if (nl_open(&nl))
		return 100;
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		msg_start(&m, &nl, commands[i]);
		bad += nl_talk(&nl, &m) != err;
	}
	bad += nl_dump(&nl) != err;
	bad += nl_monitor(&nl) != err;
	return bad;
}

static int child_status(pid_t pid)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void become_nobody(void)
{
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		_exit(101);
}

TEST_F(netlink, without_privilege)
{
	pid_t pid = fork();

	if (pid == 0) {
		become_nobody();
		_exit(all_give(-EPERM));
	}
	EXPECT_EQ(0, child_status(pid));
	expect_untouched(_metadata, &self->nl, &self->p, self->e);
}

/* Root of a user namespace of one's own has no power over anybody else's network namespace. */
TEST_F(netlink, root_of_another_user_namespace)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		become_nobody();
		prctl(PR_SET_DUMPABLE, 1);
		if (unshare(CLONE_NEWUSER))
			_exit(102);
		_exit(all_give(-EPERM));
	}
	status = child_status(pid);
	if (status == 102)
		SKIP(return, "no user namespaces for ordinary users in this kernel");
	EXPECT_EQ(0, status);
}

/* In one's own network namespace one may, and sees nothing of this one. */
static int own_namespace(uint64_t id)
{
	struct nl nl;
	struct msg m;
	int bad = 0;

	if (nl_open(&nl) || nl_register(&nl))
		return 100;
	bad += nl_pull(&nl, 0, 0) != 0;
	bad += nl.head != NULL;
	push_start(&m, &nl, id, 0);
	push_continue(&m);
	bad += push_send(&nl, &m) != -ENOENT;
	bad += nl_dump(&nl) != 0 || nl.head != NULL;
	nl_close(&nl);
	return bad;
}

TEST_F(netlink, own_network_namespace)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		become_nobody();
		prctl(PR_SET_DUMPABLE, 1);
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
			_exit(102);
		_exit(own_namespace(self->e->id));
	}
	status = child_status(pid);
	if (status == 102)
		SKIP(return, "no user namespaces for ordinary users in this kernel");
	EXPECT_EQ(0, status);
	expect_untouched(_metadata, &self->nl, &self->p, self->e);
}

TEST_F(netlink, register)
{
	struct nl other;
	struct msg m;

	EXPECT_EQ(-EALREADY, nl_register(&self->nl));
	ASSERT_EQ(0, nl_open(&other));
	EXPECT_EQ(-ENOTCONN, nl_pull(&other, 0, 0));
	begin(&m, &other, self->e);
	push_continue(&m);
	EXPECT_EQ(-EPERM, push_send(&other, &m));
	ASSERT_EQ(0, nl_register(&other));
	EXPECT_EQ(2, stat_get("TlsockWorkers"));
	begin(&m, &other, self->e);
	push_fail(&m, EPROTO, 40, "not mine");
	EXPECT_EQ(-EPERM, push_send(&other, &m));
	nl_close(&other);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockWorkers") == 1));
	expect_untouched(_metadata, &self->nl, &self->p, self->e);
}

TEST_F(netlink, unknown_commands)
{
	static const uint8_t wrong[] = { TLSOCK_CMD_UNSPEC,    TLSOCK_CMD_DOORBELL,
					 TLSOCK_CMD_CONN_NEW,  TLSOCK_CMD_CONN_DATA,
					 TLSOCK_CMD_CONN_GONE, TLSOCK_CMD_EVENT,
					 TLSOCK_CMD_MAX + 1,   255 };
	struct msg m;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		msg_start(&m, &self->nl, wrong[i]);
		EXPECT_EQ(-EOPNOTSUPP, nl_talk(&self->nl, &m));
	}
}

/* ---- which connection ---- */

TEST_F(netlink, stale_generation)
{
	struct msg m;

	for (int d = -1; d <= 1; d += 2) {
		push_start(&m, &self->nl, self->e->id, self->e->generation + (uint32_t)d);
		push_fail(&m, EPROTO, 40, NULL);
		EXPECT_EQ(-ESTALE, push_send(&self->nl, &m));
	}
	push_start(&m, &self->nl, self->e->id ^ 1, self->e->generation);
	push_fail(&m, EPROTO, 40, NULL);
	EXPECT_EQ(-ENOENT, push_send(&self->nl, &m));
	expect_untouched(_metadata, &self->nl, &self->p, self->e);
}

TEST_F(netlink, closed_by_the_application)
{
	struct event *e;
	struct msg m;

	close(self->p.c);
	self->p.c = -1;
	begin(&m, &self->nl, self->e);
	push_data(&m, 0, REC_HANDSHAKE, "\1\0\0\0", 4);
	EXPECT_EQ(-ENOENT, push_send(&self->nl, &m));
	e = nl_next(&self->nl, PATIENCE_MS);
	ASSERT_NE(NULL, e);
	EXPECT_EQ(TLSOCK_CMD_CONN_GONE, e->cmd);
	EXPECT_EQ(self->e->id, e->id);
	free(e);
}

TEST_F(netlink, reset_by_the_peer)
{
	struct linger hard = { .l_onoff = 1 };
	struct msg m;
	int rc;

	ASSERT_EQ(0, setsockopt(self->p.s, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)));
	close(self->p.s);
	self->p.s = -1;
	EXPECT_TRUE(WAIT_FOR(info_get(self->p.c).state == TLSOCK_STATE_FAILED));
	begin(&m, &self->nl, self->e);
	push_data(&m, 0, REC_HANDSHAKE, "\1\0\0\0", 4);
	rc = push_send(&self->nl, &m);
	EXPECT_TRUE(rc == -ENOENT || rc == -EPIPE);
}

TEST_F(netlink, after_the_end)
{
	struct script s = { 0 };
	struct msg m;

	expect_untouched(_metadata, &self->nl, &self->p, self->e);
	/* A second COMPLETE, and a FAIL of what is established. */
	begin(&m, &self->nl, self->e);
	push_complete(&m, &s, false);
	EXPECT_EQ(-ENOENT, push_send(&self->nl, &m));
	begin(&m, &self->nl, self->e);
	push_fail(&m, EPROTO, 40, NULL);
	EXPECT_EQ(-ENOENT, push_send(&self->nl, &m));
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(self->p.c).state);
}

TEST_F(netlink, after_fail)
{
	struct msg m;

	begin(&m, &self->nl, self->e);
	push_fail(&m, EPERM, 71, "no");
	EXPECT_EQ(0, push_send(&self->nl, &m));
	begin(&m, &self->nl, self->e);
	push_fail(&m, EPROTO, 40, "again");
	EXPECT_EQ(-ENOENT, push_send(&self->nl, &m));
	EXPECT_EQ(EPERM, error_get(self->p.c).error);
	EXPECT_EQ(71, error_get(self->p.c).alert_sent);
	EXPECT_EQ(71, rec_alert(self->p.s, NULL, NULL));
}

/* ---- malformed messages ---- */

/* Lengths around the right one of an attribute outside ACTIONS. */
TEST_F(netlink, wrong_lengths)
{
	static const struct {
		int attr;
		size_t right;
	} rows[] = { { TLSOCK_A_ID, 8 }, { TLSOCK_A_GENERATION, 4 } };
	uint8_t bytes[16] = { 0 };
	struct msg m;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t len = 0; len <= 12; len++) {
			if (len == rows[i].right)
				continue;
			msg_start(&m, &self->nl, TLSOCK_CMD_PUSH);
			msg_put(&m, rows[i].attr, bytes, len);
			if (rows[i].attr != TLSOCK_A_ID)
				msg_u64(&m, TLSOCK_A_ID, self->e->id);
			else
				msg_u32(&m, TLSOCK_A_GENERATION, self->e->generation);
			msg_nest(&m, TLSOCK_A_ACTIONS);
			push_continue(&m);
			EXPECT_GT(0, push_send(&self->nl, &m));
		}
	}
	expect_untouched(_metadata, &self->nl, &self->p, self->e);
}

TEST_F(netlink, missing_and_unknown_attributes)
{
	struct msg m;

	for (int missing = 0; missing < 3; missing++) {
		msg_start(&m, &self->nl, TLSOCK_CMD_PUSH);
		if (missing != 0)
			msg_u64(&m, TLSOCK_A_ID, self->e->id);
		if (missing != 1)
			msg_u32(&m, TLSOCK_A_GENERATION, self->e->generation);
		if (missing != 2) {
			msg_nest(&m, TLSOCK_A_ACTIONS);
			push_continue(&m);
		}
		EXPECT_EQ(-EINVAL, push_send(&self->nl, &m));
	}
	/* No action at all, an action of no known type, an attribute beyond the last. */
	begin(&m, &self->nl, self->e);
	EXPECT_EQ(-EINVAL, push_send(&self->nl, &m));
	begin(&m, &self->nl, self->e);
	msg_nest(&m, TLSOCK_ACT_MAX + 1);
	EXPECT_EQ(-EINVAL, push_send(&self->nl, &m));
	begin(&m, &self->nl, self->e);
	msg_nest(&m, TLSOCK_ACT_CONTINUE);
	msg_u8(&m, TLSOCK_AA_MAX + 1, 0);
	EXPECT_EQ(-EINVAL, push_send(&self->nl, &m));
	begin(&m, &self->nl, self->e);
	push_continue(&m);
	msg_end(&m);
	msg_u8(&m, TLSOCK_A_MAX + 1, 0);
	EXPECT_EQ(-EINVAL, push_send(&self->nl, &m));
	/* Commands that take none refuse any. */
	static const uint8_t bare[] = { TLSOCK_CMD_REGISTER, TLSOCK_CMD_STATS, TLSOCK_CMD_DUMP };

	for (size_t i = 0; i < sizeof(bare); i++) {
		msg_start(&m, &self->nl, bare[i]);
		if (bare[i] == TLSOCK_CMD_DUMP)
			msg_dump(&m);
		msg_u32(&m, TLSOCK_A_MAX_CONNS, 1);
		EXPECT_EQ(-EINVAL, nl_talk(&self->nl, &m));
	}
	/* ACTIONS without the flag of a nest. */
	msg_start(&m, &self->nl, TLSOCK_CMD_PUSH);
	msg_u64(&m, TLSOCK_A_ID, self->e->id);
	msg_u32(&m, TLSOCK_A_GENERATION, self->e->generation);
	msg_put(&m, TLSOCK_A_ACTIONS, "\4\0\3\0", 4);
	EXPECT_EQ(-EINVAL, push_send(&self->nl, &m));
	expect_untouched(_metadata, &self->nl, &self->p, self->e);
}

/* A whole, good PUSH, as it stands before it is sent. */
static void good_push(struct msg *m, const struct nl *nl, const struct event *e)
{
	struct script s = { .alpn = "h2", .certs = 2, .cert_len = 21 };
	uint8_t hello[64];

	begin(m, nl, e);
	push_data(m, 0, REC_HANDSHAKE, hello, hs_message(MSG_CLIENT_HELLO, 20, hello));
	push_app_keys(m, &s, false);
	push_complete(m, &s, false);
	while (m->depth)
		msg_end(m);
}

/* The same message cut at every byte; what is refused must have done nothing. */
TEST_F(netlink, truncated_at_every_byte)
{
	struct msg good, cut;

	good_push(&good, &self->nl, self->e);
	for (size_t len = 20; len + 4 <= good.len; len++) {
		cut = good;
		cut.buf = malloc(good.len);
		ASSERT_NE(NULL, cut.buf);
		memcpy(cut.buf, good.buf, good.len);
		cut.len = len;
		ASSERT_GT(0, nl_talk(&self->nl, &cut));
	}
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(self->p.c).state);
	EXPECT_EQ(0, nl_talk(&self->nl, &good));
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(self->p.c).state);
}

/* A KEY action of which one field is wrong. */
struct bad_key {
	const char *what;
	int err;
	uint8_t direction, epoch;
	uint16_t version, suite;
	size_t key_len, iv_len, secret_len;
};

static const struct bad_key bad_keys[] = {
	{ "direction 0", -EINVAL, 0, 2, TLS13, SUITE_AES_128, 16, 12, 0 },
	{ "direction 3", -EINVAL, 3, 2, TLS13, SUITE_AES_128, 16, 12, 0 },
	{ "epoch 0", -EINVAL, 1, 0, TLS13, SUITE_AES_128, 16, 12, 0 },
	{ "epoch 1", -EINVAL, 1, 1, TLS13, SUITE_AES_128, 16, 12, 0 },
	{ "epoch 4", -EINVAL, 1, 4, TLS13, SUITE_AES_128, 16, 12, 0 },
	{ "epoch 255", -EINVAL, 2, 255, TLS13, SUITE_AES_128, 16, 12, 0 },
	{ "version 0", -EOPNOTSUPP, 1, 2, 0, SUITE_AES_128, 16, 12, 0 },
	{ "version 1.2 of a 1.3 suite", -EOPNOTSUPP, 1, 3, TLS12, SUITE_AES_128, 16, 12, 0 },
	{ "version 1.4", -EOPNOTSUPP, 1, 2, 0x0305, SUITE_AES_128, 16, 12, 0 },
	{ "no such suite", -EOPNOTSUPP, 1, 2, TLS13, 0x1399, 16, 12, 0 },
	{ "suite NULL", -EOPNOTSUPP, 1, 2, TLS13, 0, 16, 12, 0 },
	{ "no key", -EINVAL, 1, 2, TLS13, SUITE_AES_128, 0, 12, 0 },
	{ "key of 15", -EINVAL, 1, 2, TLS13, SUITE_AES_128, 15, 12, 0 },
	{ "key of 17", -EINVAL, 1, 2, TLS13, SUITE_AES_128, 17, 12, 0 },
	{ "key of 32 for AES-128", -EINVAL, 1, 2, TLS13, SUITE_AES_128, 32, 12, 0 },
	{ "key of 16 for AES-256", -EINVAL, 1, 2, TLS13, SUITE_AES_256, 16, 12, 0 },
	{ "key of 33", -EINVAL, 1, 2, TLS13, SUITE_AES_256, 33, 12, 0 },
	{ "key of 1000", -EINVAL, 1, 2, TLS13, SUITE_AES_256, 1000, 12, 0 },
	{ "no IV", -EINVAL, 1, 2, TLS13, SUITE_AES_128, 16, 0, 0 },
	{ "IV of 4", -EINVAL, 1, 2, TLS13, SUITE_AES_128, 16, 4, 0 },
	{ "IV of 11", -EINVAL, 1, 2, TLS13, SUITE_AES_128, 16, 11, 0 },
	{ "IV of 13", -EINVAL, 1, 2, TLS13, SUITE_AES_128, 16, 13, 0 },
	{ "secret of 31", -EINVAL, 1, 3, TLS13, SUITE_AES_128, 16, 12, 31 },
	{ "secret of 48 for SHA-256", -EINVAL, 1, 3, TLS13, SUITE_AES_128, 16, 12, 48 },
	{ "secret of 32 for SHA-384", -EINVAL, 1, 3, TLS13, SUITE_AES_256, 32, 12, 32 },
	{ "secret of 500", -EINVAL, 1, 3, TLS13, SUITE_AES_256, 32, 12, 500 },
	{ "secret in the handshake epoch", -EINVAL, 1, 2, TLS13, SUITE_AES_128, 16, 12, 32 },
};

TEST_F(netlink, bad_keys)
{
	static const uint8_t bytes[1024];
	uint8_t hello[64];
	struct msg m;
	int rc;

	for (size_t i = 0; i < ARRAY_LEN(bad_keys); i++) {
		const struct bad_key *k = &bad_keys[i];

		begin(&m, &self->nl, self->e);
		/* Before it, an action that is good: it must not be done. */
		push_data(&m, 0, REC_HANDSHAKE, hello, hs_message(MSG_CLIENT_HELLO, 20, hello));
		msg_nest(&m, TLSOCK_ACT_KEY);
		msg_u8(&m, TLSOCK_AA_DIRECTION, k->direction);
		msg_u8(&m, TLSOCK_AA_EPOCH, k->epoch);
		msg_u16(&m, TLSOCK_AA_VERSION, k->version);
		msg_u16(&m, TLSOCK_AA_SUITE, k->suite);
		msg_put(&m, TLSOCK_AA_KEY, bytes, k->key_len);
		msg_put(&m, TLSOCK_AA_IV, bytes, k->iv_len);
		if (k->secret_len)
			msg_put(&m, TLSOCK_AA_SECRET, bytes, k->secret_len);
		rc = push_send(&self->nl, &m);
		/* A length beyond what any suite has is ERANGE to netlink's own policy. */
		if (rc != -ERANGE)
			EXPECT_EQ(k->err, rc)
		TH_LOG("%s", k->what);
	}
	expect_untouched(_metadata, &self->nl, &self->p, self->e);
}

/* The attributes that an action needs, but for one. */
static void all_but(struct msg *m, int action, int attr)
{
	static const uint8_t bytes[16];

	if (action == TLSOCK_ACT_FAIL && attr != TLSOCK_AA_ERRNO)
		msg_u32(m, TLSOCK_AA_ERRNO, EPROTO);
	if (action == TLSOCK_ACT_FAIL)
		return;
	if (action != TLSOCK_ACT_COMPLETE && attr != TLSOCK_AA_EPOCH)
		msg_u8(m, TLSOCK_AA_EPOCH, action == TLSOCK_ACT_KEY ? 2 : 0);
	if (action == TLSOCK_ACT_DATA) {
		if (attr != TLSOCK_AA_CONTENT_TYPE)
			msg_u8(m, TLSOCK_AA_CONTENT_TYPE, REC_HANDSHAKE);
		msg_put(m, TLSOCK_AA_DATA, bytes, 10);
		return;
	}
	if (attr != TLSOCK_AA_VERSION)
		msg_u16(m, TLSOCK_AA_VERSION, TLS13);
	if (attr != TLSOCK_AA_SUITE)
		msg_u16(m, TLSOCK_AA_SUITE, SUITE_AES_128);
	if (action == TLSOCK_ACT_COMPLETE)
		return;
	if (attr != TLSOCK_AA_DIRECTION)
		msg_u8(m, TLSOCK_AA_DIRECTION, TLSOCK_DIR_TX);
	msg_put(m, TLSOCK_AA_KEY, bytes, 16);
	msg_put(m, TLSOCK_AA_IV, bytes, 12);
}

/* Every attribute that has one length, with one byte less and one more. */
TEST_F(netlink, wrong_lengths_in_actions)
{
	static const struct {
		int action, attr;
		size_t right;
	} rows[] = {
		{ TLSOCK_ACT_DATA, TLSOCK_AA_EPOCH, 1 },
		{ TLSOCK_ACT_DATA, TLSOCK_AA_CONTENT_TYPE, 1 },
		{ TLSOCK_ACT_DATA, TLSOCK_AA_MAX_PAYLOAD, 2 },
		{ TLSOCK_ACT_KEY, TLSOCK_AA_DIRECTION, 1 },
		{ TLSOCK_ACT_KEY, TLSOCK_AA_VERSION, 2 },
		{ TLSOCK_ACT_KEY, TLSOCK_AA_SUITE, 2 },
		{ TLSOCK_ACT_KEY, TLSOCK_AA_SEQ, 8 },
		{ TLSOCK_ACT_COMPLETE, TLSOCK_AA_GROUP, 2 },
		{ TLSOCK_ACT_COMPLETE, TLSOCK_AA_SIGNATURE_SCHEME, 2 },
		{ TLSOCK_ACT_COMPLETE, TLSOCK_AA_FLAGS, 4 },
		{ TLSOCK_ACT_COMPLETE, TLSOCK_AA_VERIFY_CODE, 4 },
		{ TLSOCK_ACT_COMPLETE, TLSOCK_AA_MAX_PAYLOAD, 2 },
		{ TLSOCK_ACT_COMPLETE, TLSOCK_AA_CHANNEL_BINDING, 32 },
		{ TLSOCK_ACT_FAIL, TLSOCK_AA_ERRNO, 4 },
		{ TLSOCK_ACT_FAIL, TLSOCK_AA_ALERT, 1 },
	};
	uint8_t bytes[64] = { 0 };
	struct script s = { 0 };
	struct msg m;

	for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
		int attr = rows[i / 2].attr;

		begin(&m, &self->nl, self->e);
		if (rows[i / 2].action == TLSOCK_ACT_COMPLETE)
			push_app_keys(&m, &s, false);
		msg_nest(&m, rows[i / 2].action);
		all_but(&m, rows[i / 2].action, attr);
		msg_put(&m, attr, bytes, i % 2 ? rows[i / 2].right + 1 : rows[i / 2].right - 1);
		EXPECT_GT(0, push_send(&self->nl, &m))
		TH_LOG("action %d attribute %d", rows[i / 2].action, attr);
	}
	expect_untouched(_metadata, &self->nl, &self->p, self->e);
}

/* ---- good actions at the wrong time ---- */

static int push_one_key(struct nl *nl, const struct event *e, uint8_t direction, uint8_t epoch)
{
	struct rec_key k = key_of(TLS13, SUITE_AES_128, epoch, false);
	struct msg m;

	begin(&m, nl, e);
	push_key(&m, direction, epoch, &k, false);
	return push_send(nl, &m);
}

static int push_one_data(struct nl *nl, const struct event *e, uint8_t epoch, uint8_t type,
			 size_t len)
{
	uint8_t *bytes = calloc(1, len + 1);
	struct msg m;
	int rc;

	begin(&m, nl, e);
	push_data(&m, epoch, type, bytes, len);
	rc = push_send(nl, &m);
	free(bytes);
	return rc;
}

TEST_F(netlink, epochs_only_rise)
{
	EXPECT_EQ(0, push_one_key(&self->nl, self->e, TLSOCK_DIR_TX, 2));
	EXPECT_EQ(-EINVAL, push_one_key(&self->nl, self->e, TLSOCK_DIR_TX, 2));
	EXPECT_EQ(0, push_one_key(&self->nl, self->e, TLSOCK_DIR_TX, 3));
	EXPECT_EQ(-EINVAL, push_one_key(&self->nl, self->e, TLSOCK_DIR_TX, 2));
	EXPECT_EQ(-EINVAL, push_one_key(&self->nl, self->e, TLSOCK_DIR_TX, 3));
	/* The directions are apart. */
	EXPECT_EQ(0, push_one_key(&self->nl, self->e, TLSOCK_DIR_RX, 2));
	EXPECT_EQ(0, push_one_key(&self->nl, self->e, TLSOCK_DIR_RX, 3));
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(self->p.c).state);
}

TEST_F(netlink, data_of_the_wrong_epoch_or_type)
{
	static const uint8_t types[] = { 0, 19, REC_ALERT, REC_DATA, 24, 255 };

	EXPECT_EQ(-EINVAL, push_one_data(&self->nl, self->e, 2, REC_HANDSHAKE, 10));
	EXPECT_EQ(-EINVAL, push_one_data(&self->nl, self->e, 3, REC_HANDSHAKE, 10));
	EXPECT_EQ(-EINVAL, push_one_data(&self->nl, self->e, 1, REC_HANDSHAKE, 10));
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		EXPECT_GT(0, push_one_data(&self->nl, self->e, 0, types[i], 10));
	EXPECT_EQ(-EINVAL, push_one_data(&self->nl, self->e, 0, REC_HANDSHAKE, 0));
	EXPECT_GT(0, push_one_data(&self->nl, self->e, 0, REC_HANDSHAKE, 65001));
	EXPECT_EQ(0, push_one_key(&self->nl, self->e, TLSOCK_DIR_TX, 2));
	EXPECT_EQ(-EINVAL, push_one_data(&self->nl, self->e, 0, REC_HANDSHAKE, 10));
}

/* The longest DATA goes out whole, cut into records. */
TEST_F(netlink, longest_data)
{
	static uint8_t rec[REC_MAX];
	size_t got = 0;

	EXPECT_EQ(0, push_one_data(&self->nl, self->e, 0, REC_HANDSHAKE, 65000));
	while (got < 65000) {
		ssize_t n = rec_read(self->p.s, rec);

		ASSERT_LT(REC_HEADER, n);
		ASSERT_GE(REC_HEADER + REC_PLAIN_MAX, n);
		ASSERT_EQ(REC_HANDSHAKE, rec[0]);
		got += (size_t)n - REC_HEADER;
	}
	EXPECT_EQ(65000, got);
}

TEST_F(netlink, complete_without_keys)
{
	struct script s = { 0 };
	struct rec_key k = key_of(TLS13, SUITE_AES_128, 3, false);
	struct msg m;

	for (int direction = 0; direction <= 2; direction++) {
		begin(&m, &self->nl, self->e);
		if (direction)
			push_key(&m, (uint8_t)direction, 3, &k, false);
		push_complete(&m, &s, false);
		EXPECT_EQ(-EINVAL, push_send(&self->nl, &m));
		EXPECT_LT(0, strlen(self->nl.extack));
	}
	k = key_of(TLS13, SUITE_AES_128, 2, false);
	begin(&m, &self->nl, self->e);
	push_key(&m, TLSOCK_DIR_TX, 2, &k, false);
	push_key(&m, TLSOCK_DIR_RX, 2, &k, false);
	push_complete(&m, &s, false);
	EXPECT_EQ(-EINVAL, push_send(&self->nl, &m));
	expect_untouched(_metadata, &self->nl, &self->p, self->e);
}

TEST_F(netlink, last_must_be_last)
{
	struct script s = { 0 };
	struct msg m;

	begin(&m, &self->nl, self->e);
	push_app_keys(&m, &s, false);
	push_complete(&m, &s, false);
	push_continue(&m);
	EXPECT_EQ(-EINVAL, push_send(&self->nl, &m));
	begin(&m, &self->nl, self->e);
	push_fail(&m, EPROTO, 40, NULL);
	push_fail(&m, EPROTO, 40, NULL);
	EXPECT_EQ(-EINVAL, push_send(&self->nl, &m));
	expect_untouched(_metadata, &self->nl, &self->p, self->e);
}

TEST_F(netlink, bad_fail)
{
	char text[260];
	struct msg m;

	memset(text, 'x', sizeof(text));
	begin(&m, &self->nl, self->e);
	push_fail(&m, 0, 40, NULL);
	EXPECT_GT(0, push_send(&self->nl, &m));
	begin(&m, &self->nl, self->e);
	push_fail(&m, 5000, 40, NULL);
	EXPECT_GT(0, push_send(&self->nl, &m));
	text[240] = '\0';
	begin(&m, &self->nl, self->e);
	push_fail(&m, EPROTO, 40, text);
	EXPECT_GT(0, push_send(&self->nl, &m));
	/* No NUL at the end. */
	begin(&m, &self->nl, self->e);
	msg_nest(&m, TLSOCK_ACT_FAIL);
	msg_u32(&m, TLSOCK_AA_ERRNO, EPROTO);
	msg_put(&m, TLSOCK_AA_TEXT, text, 100);
	EXPECT_GT(0, push_send(&self->nl, &m));
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(self->p.c).state);
	text[239] = '\0';
	begin(&m, &self->nl, self->e);
	push_fail(&m, EPROTO, -1, text);
	EXPECT_EQ(0, push_send(&self->nl, &m));
	EXPECT_STREQ(text, error_get(self->p.c).text);
	EXPECT_EQ(TLSOCK_ALERT_NONE, error_get(self->p.c).alert_sent);
	EXPECT_EQ(0, read_all(self->p.s, text, 100));
}

TEST_HARNESS_MAIN
