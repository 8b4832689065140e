// SPDX-License-Identifier: GPL-2.0-only
/*
 * tls12.c: the seam in a handshake of TLS 1.2 (RFC 5246 section 7.3), whose keys change at
 * change_cipher_spec. The test is the daemon and the raw peer at once, and plants each order that
 * is wrong: a change_cipher_spec that is early, late, twice or within a message, a Finished in the
 * clear, keys of two versions. Then what may not come on an established connection.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include "kselftest_harness.h"

#define PLAIN TLSOCK_EPOCH_INITIAL
#define APP TLSOCK_EPOCH_APPLICATION

static uint8_t rec[REC_MAX], plain[REC_MAX];
static const struct script tls12 = { .version = TLS12 };

struct side {
	struct nl nl;
	struct pair p;
	int tls, raw; /* the end under test, and the peer */
	bool server; /* is the end under test */
	uint64_t id;
	uint32_t generation;
	struct rec_key tx, rx; /* of the end under test */
};

static int setup(struct side *t, bool server)
{
	struct addr a;

	memset(t, 0, sizeof(*t));
	pair_init(&t->p, TLS12, SUITE_12_AES_128);
	t->server = server;
	t->tx = key_of(TLS12, SUITE_12_AES_128, APP, server);
	t->rx = key_of(TLS12, SUITE_12_AES_128, APP, !server);
	if (env_setup() || nl_open(&t->nl) || nl_register(&t->nl))
		return -1;
	t->p.l = listen_on(AF_INET, server, &a);
	t->p.c = socket_new(AF_INET, !server);
	set_nonblock(t->p.c, !server);
	if (connect(t->p.c, &a.sa, a.len) && (server || errno != EINPROGRESS))
		return -1;
	t->p.s = accept4(t->p.l, NULL, NULL, SOCK_CLOEXEC);
	t->tls = server ? t->p.s : t->p.c;
	t->raw = server ? t->p.c : t->p.s;
	set_nonblock(t->tls, false);
	return t->p.s < 0 ? -1 : 0;
}

static void teardown(struct side *t)
{
	pair_close(&t->p);
	nl_close(&t->nl);
}

/* ---- the peer ---- */

static int send_plain(struct side *t, uint8_t type, const void *data, size_t len)
{
	size_t n = rec_plain(type, data, len, rec);

	return write_all(t->raw, rec, n) == (ssize_t)n ? 0 : -1;
}

static int say(struct side *t, uint8_t type, size_t len)
{
	return send_plain(t, REC_HANDSHAKE, plain, hs_message(type, len, plain));
}

static int say_protected(struct side *t, uint8_t type, size_t len)
{
	return rec_send(t->raw, &t->rx, REC_HANDSHAKE, plain, hs_message(type, len, plain));
}

static int change_cipher_spec(struct side *t)
{
	return send_plain(t, REC_CCS, "\1", 1);
}

/* The next record is in the clear and of this type. */
static bool hears_plain(struct side *t, uint8_t type)
{
	return rec_read(t->raw, rec) > REC_HEADER && rec[0] == type;
}

/* The next record is protected, a handshake message of this type. */
static bool hears_protected(struct side *t, uint8_t type)
{
	uint8_t record_type = 0;

	return rec_recv(t->raw, &t->tx, &record_type, plain) > 4 && record_type == REC_HANDSHAKE &&
	       plain[0] == type;
}

/* ---- the daemon ---- */

/* The daemon hears these messages, in this epoch and in one flight; -1 ends the list. */
static bool told(struct side *t, uint8_t epoch, int first, int second)
{
	struct event *e = nl_next(&t->nl, PATIENCE_MS);
	size_t at;
	bool good;

	while (e && e->cmd == TLSOCK_CMD_CONN_NEW) {
		t->id = e->id;
		t->generation = e->generation;
		free(e);
		if (!t->server && first < 0)
			return true;
		e = nl_next(&t->nl, PATIENCE_MS);
	}
	if (!e)
		return false;
	good = e->cmd == TLSOCK_CMD_CONN_DATA && e->epoch == epoch && e->data_len >= 4 &&
	       e->data[0] == first;
	if (good) {
		at = 4 + (size_t)(e->data[1] << 16 | e->data[2] << 8 | e->data[3]);
		good = second < 0 ? at == e->data_len : at < e->data_len && e->data[at] == second;
	}
	free(e);
	return good;
}

static void begin(struct side *t, struct msg *m)
{
	push_start(m, &t->nl, t->id, t->generation);
}

static void put_message(struct msg *m, uint8_t epoch, uint8_t type, size_t len)
{
	uint8_t body[1024];

	push_data(m, epoch, REC_HANDSHAKE, body, hs_message(type, len, body));
}

static int go_on(struct side *t)
{
	struct msg m;

	begin(t, &m);
	push_continue(&m);
	return push_send(&t->nl, &m);
}

static int give_rx_key(struct side *t)
{
	struct rec_key k = t->rx;
	struct msg m;

	k.seq = 0; /* the peer may have sent already */
	begin(t, &m);
	push_key(&m, TLSOCK_DIR_RX, APP, &k, false);
	push_continue(&m);
	return push_send(&t->nl, &m);
}

/* The end of a handshake on the side that hears Finished first. */
static int finish(struct side *t)
{
	struct msg m;

	begin(t, &m);
	push_data(&m, PLAIN, REC_CCS, "\1", 1);
	push_key(&m, TLSOCK_DIR_TX, APP, &t->tx, false);
	put_message(&m, APP, MSG_FINISHED, 12);
	push_complete(&m, &tls12, t->server);
	return push_send(&t->nl, &m);
}

/* The peer's Finished is there; ours is the last word. */
static void finish_second(struct __test_metadata *_metadata, struct side *t)
{
	ASSERT_TRUE(told(t, APP, MSG_FINISHED, -1));
	ASSERT_EQ(0, finish(t));
	ASSERT_TRUE(hears_plain(t, REC_CCS));
	ASSERT_TRUE(hears_protected(t, MSG_FINISHED));
}

static int complete(struct side *t)
{
	struct msg m;

	begin(t, &m);
	push_complete(&m, &tls12, t->server);
	return push_send(&t->nl, &m);
}

/* ---- what comes of it ---- */

static void expect_failed(struct __test_metadata *_metadata, struct side *t, int err, int alert)
{
	EXPECT_EQ(-1, recv(t->tls, plain, sizeof(plain), 0));
	EXPECT_EQ(err, errno);
	EXPECT_EQ(err, error_get(t->tls).error);
	EXPECT_EQ(alert, error_get(t->tls).alert_sent);
	EXPECT_EQ(-1, send(t->tls, "plaintext", 9, MSG_NOSIGNAL));
}

static void expect_traffic(struct __test_metadata *_metadata, struct side *t)
{
	uint64_t seq = t->tx.seq;
	uint8_t type = 0;

	EXPECT_EQ(0, rec_send(t->raw, &t->rx, REC_DATA, "ping", 4));
	EXPECT_EQ(4, read_all(t->tls, plain, 4));
	EXPECT_EQ(0, memcmp(plain, "ping", 4));
	EXPECT_EQ(4, send(t->tls, "pong", 4, MSG_NOSIGNAL));
	ASSERT_EQ(REC_HEADER + 8 + 4 + 16, rec_read(t->raw, rec));
	/* RFC 5288 section 3: no explicit nonce comes twice; ours is the sequence number */
	EXPECT_EQ(seq, (uint64_t)rec[11] << 8 | rec[12]);
	EXPECT_EQ(4, rec_open(&t->tx, rec, REC_HEADER + 8 + 4 + 16, &type, plain));
	EXPECT_EQ(REC_DATA, type);
	EXPECT_EQ(0, memcmp(plain, "pong", 4));
}

static void expect_established(struct __test_metadata *_metadata, struct side *t)
{
	struct tlsock_info info;
	socklen_t len = 32;

	EXPECT_EQ(POLLOUT, poll_for(t->tls, POLLOUT));
	info = info_get(t->tls);
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info.state);
	EXPECT_EQ(TLS12, info.version);
	EXPECT_EQ(SUITE_12_AES_128, info.cipher_suite);
	/* there is none without RFC 7627 */
	EXPECT_EQ(-1, getsockopt(t->tls, SOL_TLS, TLSOCK_CHANNEL_BINDING, plain, &len));
	EXPECT_EQ(ENODATA, errno);
	EXPECT_EQ(-1, opt_int(t->tls, TLSOCK_KEY_UPDATE, 1));
	EXPECT_EQ(EOPNOTSUPP, errno);
	expect_traffic(_metadata, t);
}

/* ---- a server ---- */

FIXTURE(server)
{
	struct side t;
};

FIXTURE_SETUP(server)
{
	struct side *t = &self->t;
	struct msg m;

	ASSERT_EQ(0, setup(t, true));
	ASSERT_EQ(0, say(t, MSG_CLIENT_HELLO, 200));
	ASSERT_TRUE(told(t, PLAIN, MSG_CLIENT_HELLO, -1));
	begin(t, &m);
	put_message(&m, PLAIN, MSG_SERVER_HELLO, 70);
	put_message(&m, PLAIN, MSG_SERVER_HELLO_DONE, 0);
	push_continue(&m);
	ASSERT_EQ(0, push_send(&t->nl, &m));
	ASSERT_TRUE(hears_plain(t, REC_HANDSHAKE));
	ASSERT_TRUE(hears_plain(t, REC_HANDSHAKE));
}

FIXTURE_TEARDOWN(server)
{
	teardown(&self->t);
}

/* As far as the client's Finished, with the key that opens it. */
static void key_exchange(struct __test_metadata *_metadata, struct side *t)
{
	ASSERT_EQ(0, say(t, MSG_CLIENT_KEY_EXCHANGE, 33));
	ASSERT_TRUE(told(t, PLAIN, MSG_CLIENT_KEY_EXCHANGE, -1));
	ASSERT_EQ(0, give_rx_key(t));
}

static void server_established(struct __test_metadata *_metadata, struct side *t)
{
	key_exchange(_metadata, t);
	ASSERT_EQ(0, change_cipher_spec(t));
	ASSERT_EQ(0, say_protected(t, MSG_FINISHED, 12));
	finish_second(_metadata, t);
}

TEST_F(server, handshake)
{
	server_established(_metadata, &self->t);
	expect_established(_metadata, &self->t);
	expect_traffic(_metadata, &self->t);
}

/* Certificate, ClientKeyExchange, CertificateVerify, change_cipher_spec, Finished at once. */
TEST_F(server, client_certificate)
{
	struct side *t = &self->t;
	size_t n = hs_message(MSG_CERTIFICATE, 300, plain);

	n += hs_message(MSG_CLIENT_KEY_EXCHANGE, 33, plain + n);
	n += hs_message(MSG_CERTIFICATE_VERIFY, 70, plain + n);
	ASSERT_EQ(0, send_plain(t, REC_HANDSHAKE, plain, n));
	ASSERT_EQ(0, change_cipher_spec(t));
	ASSERT_EQ(0, say_protected(t, MSG_FINISHED, 12));
	ASSERT_TRUE(told(t, PLAIN, MSG_CERTIFICATE, MSG_CLIENT_KEY_EXCHANGE));
	ASSERT_EQ(0, give_rx_key(t));
	ASSERT_TRUE(told(t, PLAIN, MSG_CERTIFICATE_VERIFY, -1));
	ASSERT_EQ(0, go_on(t));
	finish_second(_metadata, t);
	expect_established(_metadata, t);
}

/* CVE-2014-0224: nothing changes at it, and it is not forgotten. */
TEST_F(server, early_change_cipher_spec)
{
	struct side *t = &self->t;

	ASSERT_EQ(0, change_cipher_spec(t));
	ASSERT_EQ(0, say(t, MSG_CLIENT_KEY_EXCHANGE, 33));
	ASSERT_TRUE(told(t, PLAIN, MSG_CLIENT_KEY_EXCHANGE, -1));
	EXPECT_EQ(-EPIPE, give_rx_key(t));
	expect_failed(_metadata, t, EPROTO, 10);
}

TEST_F(server, early_flood)
{
	struct side *t = &self->t;

	for (int i = 0; i < 100; i++)
		if (change_cipher_spec(t))
			break;
	expect_failed(_metadata, t, EPROTO, 10);
}

/* In front of CertificateVerify: what comes in the clear then is not authentic. */
TEST_F(server, change_cipher_spec_before_certificate_verify)
{
	struct side *t = &self->t;

	key_exchange(_metadata, t);
	ASSERT_EQ(0, change_cipher_spec(t));
	ASSERT_EQ(0, say(t, MSG_CERTIFICATE_VERIFY, 70));
	expect_failed(_metadata, t, EBADMSG, 20);
}

TEST_F(server, change_cipher_spec_within_a_message)
{
	struct side *t = &self->t;
	size_t n = hs_message(MSG_CLIENT_KEY_EXCHANGE, 33, plain);

	n += hs_message(MSG_CERTIFICATE_VERIFY, 70, plain + n);
	ASSERT_EQ(0, send_plain(t, REC_HANDSHAKE, plain, n - 1));
	ASSERT_TRUE(told(t, PLAIN, MSG_CLIENT_KEY_EXCHANGE, -1));
	ASSERT_EQ(0, give_rx_key(t));
	ASSERT_EQ(0, change_cipher_spec(t));
	expect_failed(_metadata, t, EPROTO, 10);
}

TEST_F(server, malformed_change_cipher_spec)
{
	key_exchange(_metadata, &self->t);
	ASSERT_EQ(0, send_plain(&self->t, REC_CCS, "\1\1", 2));
	expect_failed(_metadata, &self->t, EPROTO, 10);
}

TEST_F(server, second_change_cipher_spec)
{
	key_exchange(_metadata, &self->t);
	ASSERT_EQ(0, change_cipher_spec(&self->t));
	ASSERT_EQ(0, change_cipher_spec(&self->t));
	expect_failed(_metadata, &self->t, EBADMSG, 20);
}

TEST_F(server, second_change_cipher_spec_protected)
{
	key_exchange(_metadata, &self->t);
	ASSERT_EQ(0, change_cipher_spec(&self->t));
	ASSERT_EQ(0, rec_send(self->t.raw, &self->t.rx, REC_CCS, "\1", 1));
	expect_failed(_metadata, &self->t, EPROTO, 10);
}

TEST_F(server, data_before_finished)
{
	key_exchange(_metadata, &self->t);
	ASSERT_EQ(0, change_cipher_spec(&self->t));
	ASSERT_EQ(0, rec_send(self->t.raw, &self->t.rx, REC_DATA, "plaintext", 9));
	expect_failed(_metadata, &self->t, EPROTO, 10);
}

TEST_F(server, tampered_finished)
{
	struct side *t = &self->t;
	size_t n = hs_message(MSG_FINISHED, 12, plain);

	key_exchange(_metadata, t);
	ASSERT_EQ(0, change_cipher_spec(t));
	n = rec_seal(&t->rx, REC_HANDSHAKE, plain, n, 0, rec);
	rec[n - 1] ^= 1;
	ASSERT_EQ((ssize_t)n, write_all(t->raw, rec, n));
	expect_failed(_metadata, t, EBADMSG, 20);
}

/* A Finished in the clear: the daemon sees its epoch, and could not complete if it did not. */
TEST_F(server, complete_too_early)
{
	struct side *t = &self->t;

	key_exchange(_metadata, t);
	ASSERT_EQ(0, say(t, MSG_FINISHED, 12));
	ASSERT_TRUE(told(t, PLAIN, MSG_FINISHED, -1));
	EXPECT_EQ(-EINVAL, finish(t));
	EXPECT_LT(0, strlen(t->nl.extack));
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(t->tls).state);
}

/* One wrong step each; the connection is as it was. */
static int wrong_order(struct side *t, int which)
{
	struct rec_key k13 = key_of(TLS13, SUITE_AES_128, APP, true);
	struct rec_key secret = t->rx;
	struct msg m;

	begin(t, &m);
	push_data(&m, PLAIN, REC_CCS, "\1", 1);
	switch (which) {
	case 0: /* DATA under a key that is not there yet */
		put_message(&m, APP, MSG_FINISHED, 12);
		break;
	case 1: /* in the clear behind a key */
		push_key(&m, TLSOCK_DIR_TX, APP, &t->tx, false);
		put_message(&m, PLAIN, MSG_FINISHED, 12);
		break;
	case 2: /* change_cipher_spec behind the key that it announces */
		push_key(&m, TLSOCK_DIR_TX, APP, &t->tx, false);
		push_data(&m, APP, REC_CCS, "\1", 1);
		break;
	case 3: /* a second key */
		push_key(&m, TLSOCK_DIR_RX, APP, &t->rx, false);
		push_key(&m, TLSOCK_DIR_RX, APP, &t->rx, false);
		break;
	case 4: /* an epoch that TLS 1.2 does not have */
		push_key(&m, TLSOCK_DIR_RX, TLSOCK_EPOCH_HANDSHAKE, &t->rx, false);
		break;
	case 5: /* two versions */
		push_key(&m, TLSOCK_DIR_TX, APP, &k13, false);
		push_key(&m, TLSOCK_DIR_RX, APP, &t->rx, false);
		break;
	case 6: /* a traffic secret, which TLS 1.2 does not have */
		push_key(&m, TLSOCK_DIR_RX, APP, &secret, true);
		break;
	default: /* complete, while the key still waits */
		push_key(&m, TLSOCK_DIR_RX, APP, &t->rx, false);
		push_key(&m, TLSOCK_DIR_TX, APP, &t->tx, false);
		push_complete(&m, &tls12, true);
	}
	return push_send(&t->nl, &m);
}

TEST_F(server, wrong_orders)
{
	struct side *t = &self->t;

	for (int which = 0; which <= 7; which++) {
		TH_LOG("order %d", which);
		EXPECT_EQ(-EINVAL, wrong_order(t, which));
	}
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(t->tls).state);
	server_established(_metadata, t);
	expect_established(_metadata, t);
}

TEST_F(server, complete_of_another_version)
{
	struct side *t = &self->t;
	struct script s = { .version = TLS13 };
	struct msg m;

	key_exchange(_metadata, t);
	ASSERT_EQ(0, change_cipher_spec(t));
	ASSERT_EQ(0, say_protected(t, MSG_FINISHED, 12));
	ASSERT_TRUE(told(t, APP, MSG_FINISHED, -1));
	begin(t, &m);
	push_key(&m, TLSOCK_DIR_TX, APP, &t->tx, false);
	push_complete(&m, &s, true);
	EXPECT_EQ(-EINVAL, push_send(&t->nl, &m));
	ASSERT_EQ(0, finish(t));
}

/* RFC 5246 section 7.2.2: a warning, and the connection goes on; who insists is shown out. */
TEST_F(server, renegotiation)
{
	struct side *t = &self->t;
	int level = 0;

	server_established(_metadata, t);
	ASSERT_EQ(0, say_protected(t, MSG_CLIENT_HELLO, 200));
	EXPECT_EQ(0, rec_send(t->raw, &t->rx, REC_DATA, "ping", 4));
	EXPECT_EQ(4, read_all(t->tls, plain, 4));
	EXPECT_EQ(100, rec_alert(t->raw, &t->tx, &level));
	EXPECT_EQ(1, level);
	expect_traffic(_metadata, t);
	ASSERT_EQ(0, say_protected(t, MSG_CLIENT_HELLO, 200));
	expect_failed(_metadata, t, EPROTO, 10);
	EXPECT_EQ(10, rec_alert(t->raw, &t->tx, &level));
	EXPECT_EQ(2, level);
}

static void refused(struct __test_metadata *_metadata, struct side *t, uint8_t type, size_t len,
		    int alert)
{
	int level = 0;

	ASSERT_EQ(0, say_protected(t, type, len));
	expect_failed(_metadata, t, EPROTO, alert);
	EXPECT_EQ(alert, rec_alert(t->raw, &t->tx, &level));
	EXPECT_EQ(2, level);
}

/* A client does not ask a server to be asked. */
TEST_F(server, hello_request)
{
	server_established(_metadata, &self->t);
	refused(_metadata, &self->t, MSG_HELLO_REQUEST, 0, 10);
}

TEST_F(server, key_update)
{
	server_established(_metadata, &self->t);
	refused(_metadata, &self->t, MSG_KEY_UPDATE, 1, 10);
}

TEST_F(server, change_cipher_spec_when_established)
{
	struct side *t = &self->t;

	server_established(_metadata, t);
	ASSERT_EQ(0, rec_send(t->raw, &t->rx, REC_CCS, "\1", 1));
	expect_failed(_metadata, t, EPROTO, 10);
}

/* ---- a client ---- */

FIXTURE(client)
{
	struct side t;
};

FIXTURE_SETUP(client)
{
	struct side *t = &self->t;
	struct msg m;

	ASSERT_EQ(0, setup(t, false));
	ASSERT_TRUE(told(t, PLAIN, -1, -1));
	begin(t, &m);
	put_message(&m, PLAIN, MSG_CLIENT_HELLO, 200);
	push_continue(&m);
	ASSERT_EQ(0, push_send(&t->nl, &m));
	ASSERT_TRUE(hears_plain(t, REC_HANDSHAKE));
}

FIXTURE_TEARDOWN(client)
{
	teardown(&self->t);
}

/* ServerHello to ServerHelloDone in one record; then the client's second flight. */
static int client_flight(struct side *t)
{
	size_t n = hs_message(MSG_SERVER_HELLO, 70, plain);
	struct msg m;

	n += hs_message(MSG_CERTIFICATE, 500, plain + n);
	n += hs_message(MSG_SERVER_KEY_EXCHANGE, 140, plain + n);
	n += hs_message(MSG_SERVER_HELLO_DONE, 0, plain + n);
	if (send_plain(t, REC_HANDSHAKE, plain, n) || !told(t, PLAIN, MSG_SERVER_HELLO, -1) ||
	    go_on(t) || !told(t, PLAIN, MSG_CERTIFICATE, MSG_SERVER_KEY_EXCHANGE))
		return -1;
	begin(t, &m);
	put_message(&m, PLAIN, MSG_CLIENT_KEY_EXCHANGE, 33);
	push_data(&m, PLAIN, REC_CCS, "\1", 1);
	push_key(&m, TLSOCK_DIR_TX, APP, &t->tx, false);
	put_message(&m, APP, MSG_FINISHED, 12);
	push_key(&m, TLSOCK_DIR_RX, APP, &t->rx, false);
	push_continue(&m);
	return push_send(&t->nl, &m);
}

static void client_established(struct __test_metadata *_metadata, struct side *t)
{
	ASSERT_EQ(0, client_flight(t));
	ASSERT_TRUE(hears_plain(t, REC_HANDSHAKE));
	ASSERT_TRUE(hears_plain(t, REC_CCS));
	ASSERT_TRUE(hears_protected(t, MSG_FINISHED));
	ASSERT_EQ(0, change_cipher_spec(t));
	ASSERT_EQ(0, say_protected(t, MSG_FINISHED, 12));
	ASSERT_TRUE(told(t, APP, MSG_FINISHED, -1));
	ASSERT_EQ(0, complete(t));
}

TEST_F(client, handshake)
{
	client_established(_metadata, &self->t);
	expect_established(_metadata, &self->t);
	expect_traffic(_metadata, &self->t);
}

/* RFC 5077 section 3.3: between ServerHelloDone and change_cipher_spec */
TEST_F(client, ticket)
{
	struct side *t = &self->t;

	ASSERT_EQ(0, client_flight(t));
	ASSERT_EQ(0, say(t, MSG_NEW_SESSION_TICKET, 150));
	ASSERT_EQ(0, change_cipher_spec(t));
	ASSERT_EQ(0, say_protected(t, MSG_FINISHED, 12));
	ASSERT_TRUE(told(t, PLAIN, MSG_NEW_SESSION_TICKET, -1));
	ASSERT_EQ(0, go_on(t));
	ASSERT_TRUE(told(t, APP, MSG_FINISHED, -1));
	ASSERT_EQ(0, complete(t));
	EXPECT_EQ(POLLOUT, poll_for(t->tls, POLLOUT));
}

/* RFC 5077 section 3.1, figure 2: the server finishes first. */
TEST_F(client, resumed)
{
	struct side *t = &self->t;
	size_t n = hs_message(MSG_SERVER_HELLO, 70, plain);

	n += hs_message(MSG_NEW_SESSION_TICKET, 150, plain + n);
	ASSERT_EQ(0, send_plain(t, REC_HANDSHAKE, plain, n));
	ASSERT_EQ(0, change_cipher_spec(t));
	ASSERT_EQ(0, say_protected(t, MSG_FINISHED, 12));
	ASSERT_TRUE(told(t, PLAIN, MSG_SERVER_HELLO, -1));
	ASSERT_EQ(0, give_rx_key(t));
	ASSERT_TRUE(told(t, PLAIN, MSG_NEW_SESSION_TICKET, -1));
	ASSERT_EQ(0, go_on(t));
	finish_second(_metadata, t);
	expect_established(_metadata, t);
}

TEST_F(client, early_change_cipher_spec)
{
	struct side *t = &self->t;

	ASSERT_EQ(0, change_cipher_spec(t));
	EXPECT_EQ(-EPIPE, client_flight(t));
	expect_failed(_metadata, t, EPROTO, 10);
}

TEST_F(client, change_cipher_spec_within_a_message)
{
	struct side *t = &self->t;

	ASSERT_EQ(0, client_flight(t));
	hs_message(MSG_NEW_SESSION_TICKET, 150, plain);
	ASSERT_EQ(0, send_plain(t, REC_HANDSHAKE, plain, 30));
	ASSERT_EQ(0, change_cipher_spec(t));
	expect_failed(_metadata, t, EPROTO, 10);
}

TEST_F(client, finished_in_the_clear)
{
	struct side *t = &self->t;

	ASSERT_EQ(0, client_flight(t));
	ASSERT_EQ(0, say(t, MSG_FINISHED, 12));
	ASSERT_TRUE(told(t, PLAIN, MSG_FINISHED, -1));
	EXPECT_EQ(-EINVAL, complete(t));
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(t->tls).state);
}

TEST_F(client, hello_request)
{
	struct side *t = &self->t;
	int level = 0;

	client_established(_metadata, t);
	ASSERT_EQ(0, say_protected(t, MSG_HELLO_REQUEST, 0));
	EXPECT_EQ(0, rec_send(t->raw, &t->rx, REC_DATA, "ping", 4));
	EXPECT_EQ(4, read_all(t->tls, plain, 4));
	EXPECT_EQ(100, rec_alert(t->raw, &t->tx, &level));
	EXPECT_EQ(1, level);
	expect_traffic(_metadata, t);
	refused(_metadata, t, MSG_HELLO_REQUEST, 0, 10);
}

TEST_F(client, hello_request_malformed)
{
	client_established(_metadata, &self->t);
	refused(_metadata, &self->t, MSG_HELLO_REQUEST, 1, 50);
}

TEST_F(client, renegotiation_from_the_wrong_side)
{
	client_established(_metadata, &self->t);
	refused(_metadata, &self->t, MSG_CLIENT_HELLO, 200, 10);
}

TEST_HARNESS_MAIN
