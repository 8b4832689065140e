// SPDX-License-Identifier: GPL-2.0-only
/*
 * key_change.c: what crosses a change of keys, or comes where a key ends: KeyUpdates that cross or
 * come early (RFC 8446 section 4.6.3), change_cipher_spec after the handshake (section 5), the end
 * of a sequence (sections 5.3 and 5.5), a Finished under another epoch's key, many messages in a
 * record (section 5.1), and what follows a fatal alert (section 6.2).
 */
#include "lib/net.h"
#include "lib/worker.h"

#include "kselftest_harness.h"

#define APP TLSOCK_EPOCH_APPLICATION
#define HS TLSOCK_EPOCH_HANDSHAKE
#define KEY_RECORDS (1ull << 24) /* of a sender, RFC 8446 section 5.5 */

static uint8_t plain[REC_MAX], wire[REC_MAX];

static int send_plain(int fd, uint8_t type, const void *data, size_t len)
{
	size_t n = rec_plain(type, data, len, wire);

	return write_all(fd, wire, n) == (ssize_t)n ? 0 : -1;
}

/* ---- established ---- */

/* The peer is c, the end under test s, whichever role it has. */
static int establish(struct pair *p, bool client, uint64_t seq)
{
	struct script brief = { .brief = true };
	struct worker w = { .error = 0 };
	struct pair q;

	brief.seq[APP] = seq;
	pair_init(p, TLS13, 0);
	if (env_setup() || worker_start(&w, &brief) ||
	    (client ? pair_raw_server(p, SUITE_AES_128) : pair_raw_client(p, SUITE_AES_128)))
		return -1;
	if (client) {
		q = *p;
		p->c = q.s;
		p->s = q.c;
		p->ctx = q.stx;
		p->crx = q.srx;
	}
	p->ctx.seq = p->crx.seq = seq;
	worker_stop(&w);
	return w.error;
}

FIXTURE(established)
{
	struct pair p;
};

FIXTURE_VARIANT(established)
{
	bool client; /* the end under test is the client */
};

/* clang-format off */
FIXTURE_VARIANT_ADD(established, server) { .client = false };
FIXTURE_VARIANT_ADD(established, client) { .client = true };
/* clang-format on */

FIXTURE_SETUP(established)
{
	ASSERT_EQ(0, establish(&self->p, variant->client, 0));
}

FIXTURE_TEARDOWN(established)
{
	pair_close(&self->p);
}

static void expect_failed(struct __test_metadata *_metadata, struct pair *p, int err, int alert)
{
	EXPECT_EQ(-1, recv(p->s, plain, sizeof(plain), 0));
	EXPECT_EQ(err, errno);
	EXPECT_EQ(alert, error_get(p->s).alert_sent);
	EXPECT_EQ(-1, send(p->s, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(err, errno);
}

static void expect_ping(struct __test_metadata *_metadata, struct pair *p)
{
	EXPECT_EQ(0, rec_send(p->c, &p->ctx, REC_DATA, "ping", 4));
	EXPECT_EQ(4, read_all(p->s, plain, 4));
	EXPECT_EQ(0, memcmp(plain, "ping", 4));
}

static void expect_pong(struct __test_metadata *_metadata, struct pair *p)
{
	uint8_t type = 0;

	EXPECT_EQ(4, rec_recv(p->c, &p->crx, &type, plain));
	EXPECT_EQ(REC_DATA, type);
}

/* The peer must find a KeyUpdate next; its receive key moves on. */
static bool took_key_update(struct pair *p)
{
	uint8_t type = 0;

	if (rec_recv(p->c, &p->crx, &type, plain) != 5 || type != REC_HANDSHAKE ||
	    memcmp(plain, "\30\0\0\1\0", 5) != 0)
		return false;
	key_next(&p->crx);
	return true;
}

/* RFC 8446 section 5: once Finished was received, there is no change_cipher_spec any more. */
TEST_F(established, change_cipher_spec_after_finished)
{
	ASSERT_EQ(0, send_plain(self->p.c, REC_CCS, "\1", 1));
	expect_failed(_metadata, &self->p, EPROTO, 10);
}

TEST_F(established, protected_change_cipher_spec_after_finished)
{
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_CCS, "\1", 1));
	expect_failed(_metadata, &self->p, EPROTO, 10);
}

/* Within a message, too: the first two bytes of a ticket came before it. */
TEST_F(established, change_cipher_spec_within_a_message)
{
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, "\4\0", 2));
	ASSERT_EQ(0, send_plain(self->p.c, REC_CCS, "\1", 1));
	expect_failed(_metadata, &self->p, EPROTO, 10);
}

/* Neither side has read the other's KeyUpdate when it sends its own. */
TEST_F(established, key_updates_cross)
{
	ASSERT_EQ(0, pair_key_update(&self->p, 1));
	ASSERT_EQ(0, opt_int(self->p.s, TLSOCK_KEY_UPDATE, 1));
	ASSERT_EQ(4, send(self->p.s, "pong", 4, MSG_NOSIGNAL));
	expect_ping(_metadata, &self->p); /* and with it the peer's KeyUpdate is read */
	EXPECT_TRUE(took_key_update(&self->p));
	expect_pong(_metadata, &self->p);
	EXPECT_TRUE(took_key_update(&self->p)); /* the answer that was asked for */
	ASSERT_EQ(4, send(self->p.s, "pong", 4, MSG_NOSIGNAL));
	expect_pong(_metadata, &self->p);
	EXPECT_EQ(1, info_get(self->p.s).rx_key_updates);
	EXPECT_EQ(2, info_get(self->p.s).tx_key_updates);
	expect_ping(_metadata, &self->p);
}

/* RFC 8446 section 6.2: after a fatal alert nothing is taken any more. */
TEST_F(established, data_after_a_fatal_alert)
{
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_ALERT, "\2\50", 2));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, "late", 4));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
		EXPECT_EQ(EPROTO, errno);
	}
	EXPECT_EQ(0, info_get(self->p.s).rx_bytes);
	EXPECT_EQ(40, error_get(self->p.s).alert_received);
}

/* A length of 2^24 - 1 is refused by its header: nobody waits for 16 MiB. */
TEST_F(established, message_of_2_to_24)
{
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, "\4\xff\xff\xff", 4));
	expect_failed(_metadata, &self->p, EPROTO, 50);
}

/* As many tickets as a record has room for; they go to clients alone. */
TEST_F(established, many_messages_in_a_record)
{
	static uint8_t tickets[REC_PLAIN_MAX];
	size_t n = 0;

	while (n + 24 <= sizeof(tickets))
		n += hs_message(MSG_NEW_SESSION_TICKET, 20, tickets + n);
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, tickets, n));
	if (variant->client)
		expect_ping(_metadata, &self->p);
	else
		expect_failed(_metadata, &self->p, EPROTO, 10);
}

/* ---- a key that has served long ---- */

FIXTURE(old_key)
{
	struct pair p;
};

FIXTURE_SETUP(old_key)
{
	ASSERT_EQ(0, establish(&self->p, false, KEY_RECORDS - 3));
}

FIXTURE_TEARDOWN(old_key)
{
	pair_close(&self->p);
}

/* RFC 8446 section 5.5: a key serves for 2^24 records, and the next one is made unasked. */
TEST_F(old_key, key_update_by_itself)
{
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(4, send(self->p.s, "pong", 4, MSG_NOSIGNAL));
		expect_pong(_metadata, &self->p);
	}
	EXPECT_EQ(KEY_RECORDS, self->p.crx.seq);
	EXPECT_TRUE(took_key_update(&self->p));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(4, send(self->p.s, "pong", 4, MSG_NOSIGNAL));
		expect_pong(_metadata, &self->p);
	}
	EXPECT_EQ(1, info_get(self->p.s).tx_key_updates);
	expect_ping(_metadata, &self->p);
}

/* The same within one large write: no record of it is made under the old key. */
TEST_F(old_key, key_update_by_itself_within_a_write)
{
	static uint8_t data[16 * REC_PLAIN_MAX];
	uint64_t at = 0;
	uint8_t type = 0;
	ssize_t n;

	pattern_fill(data, sizeof(data), 0);
	ASSERT_EQ((ssize_t)sizeof(data), write_all(self->p.s, data, sizeof(data)));
	while (at < sizeof(data)) {
		if (self->p.crx.seq == KEY_RECORDS)
			ASSERT_TRUE(took_key_update(&self->p));
		n = rec_recv(self->p.c, &self->p.crx, &type, plain);
		ASSERT_LT(0, n);
		ASSERT_EQ(REC_DATA, type);
		ASSERT_TRUE(pattern_ok(plain, (size_t)n, at));
		at += (uint64_t)n;
	}
	EXPECT_EQ(1, info_get(self->p.s).tx_key_updates);
}

FIXTURE(spent_key)
{
	struct pair p;
};

FIXTURE_SETUP(spent_key)
{
	ASSERT_EQ(0, establish(&self->p, false, UINT64_MAX - 2));
}

FIXTURE_TEARDOWN(spent_key)
{
	pair_close(&self->p);
}

/* RFC 8446 section 5.3: no record is opened under a number that came round. */
TEST_F(spent_key, received_sequence_wraps)
{
	expect_ping(_metadata, &self->p);
	expect_ping(_metadata, &self->p);
	EXPECT_EQ(UINT64_MAX, self->p.ctx.seq);
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_DATA, "ping", 4));
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_NE(EAGAIN, errno);
	EXPECT_EQ(TLSOCK_STATE_FAILED, info_get(self->p.s).state);
}

/* ---- in the handshake: a server under test and a raw client ---- */

/* The ClientHello is sent; the handshake's keys begin with the record @seq. */
static int begin(struct pair *p, struct worker *w, uint64_t seq)
{
	struct script script = { .suite = 0 };
	struct addr a;

	script.seq[HS] = seq;
	pair_init(p, TLS13, 0);
	memset(w, 0, sizeof(*w));
	if (env_setup() || worker_start(w, &script))
		return -1;
	p->l = listen_on(AF_INET, true, &a);
	p->c = socket_new(AF_INET, false);
	if (opt_int(p->l, TLSOCK_TIMEOUT_MS, PATIENCE_MS) || connect(p->c, &a.sa, a.len))
		return -1;
	p->s = accept4(p->l, NULL, NULL, SOCK_CLOEXEC);
	p->ctx = key_of(TLS13, SUITE_AES_128, HS, false);
	p->crx = key_of(TLS13, SUITE_AES_128, HS, true);
	p->ctx.seq = p->crx.seq = seq;
	return send_plain(p->c, REC_HANDSHAKE, plain, hs_message(MSG_CLIENT_HELLO, 200, plain));
}

FIXTURE(handshake)
{
	struct pair p; /* s: under test */
	struct worker w;
};

FIXTURE_SETUP(handshake)
{
	ASSERT_EQ(0, begin(&self->p, &self->w, 0));
}

FIXTURE_TEARDOWN(handshake)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 0));
}

/* two records are left to each side's key */
FIXTURE(last_numbers)
{
	struct pair p; /* s: under test */
	struct worker w;
};

FIXTURE_SETUP(last_numbers)
{
	ASSERT_EQ(0, begin(&self->p, &self->w, UINT64_MAX - 2));
}

FIXTURE_TEARDOWN(last_numbers)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 0));
}

FIXTURE(no_number)
{
	struct pair p; /* s: under test */
	struct worker w;
};

FIXTURE_SETUP(no_number)
{
	ASSERT_EQ(0, begin(&self->p, &self->w, UINT64_MAX));
}

FIXTURE_TEARDOWN(no_number)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 0));
}

static void expect_ended(struct __test_metadata *_metadata, struct pair *p, int err, int alert)
{
	EXPECT_EQ(-1, recv(p->s, plain, sizeof(plain), 0));
	EXPECT_EQ(err, errno);
	EXPECT_EQ(alert, error_get(p->s).alert_sent);
	EXPECT_EQ(TLSOCK_STATE_FAILED, info_get(p->s).state);
}

/* ServerHello and change_cipher_spec are in the clear, then comes the first of the flight. */
static ssize_t first_protected(struct pair *p, uint8_t *type)
{
	if (rec_read(p->c, wire) <= REC_HEADER || rec_read(p->c, wire) <= REC_HEADER)
		return -1;
	return rec_recv(p->c, &p->crx, type, plain);
}

/* The handshake needs no more. */
TEST_F(last_numbers, suffice)
{
	uint8_t type = 0;
	size_t n;

	ASSERT_LT(0, first_protected(&self->p, &type));
	EXPECT_EQ(REC_HANDSHAKE, type);
	n = hs_message(MSG_FINISHED, 32, plain);
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, plain, 9));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, plain + 9, n - 9));
	EXPECT_EQ(POLLOUT, poll_for(self->p.s, POLLOUT));
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info_get(self->p.s).state);
	EXPECT_EQ(0, self->w.error);
}

/* In three records it would need one too many of the peer's. */
TEST_F(last_numbers, received_sequence_wraps)
{
	size_t n;

	n = hs_message(MSG_FINISHED, 32, plain);
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, plain, 9));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, plain + 9, 9));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, plain + 18, n - 18));
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_NE(EAGAIN, errno);
	EXPECT_EQ(TLSOCK_STATE_FAILED, info_get(self->p.s).state);
}

/* A worker that installs a key without a number left: nothing is sent under it. */
TEST_F(no_number, sent_sequence_wraps)
{
	uint8_t type = 0;

	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_NE(EAGAIN, errno);
	EXPECT_EQ(TLSOCK_STATE_FAILED, info_get(self->p.s).state);
	self->p.crx.seq = 0; /* where it would have gone on */
	EXPECT_GE(0, first_protected(&self->p, &type));
	worker_stop(&self->w);
}

/* Finished by the key of the next epoch, and by that of the other side. */
TEST_F(handshake, finished_under_the_application_key)
{
	struct rec_key k = key_of(TLS13, SUITE_AES_128, APP, false);

	ASSERT_EQ(0, rec_send(self->p.c, &k, REC_HANDSHAKE, plain,
			      hs_message(MSG_FINISHED, 32, plain)));
	expect_ended(_metadata, &self->p, EBADMSG, 20);
}

TEST_F(handshake, finished_under_the_servers_key)
{
	struct rec_key k = key_of(TLS13, SUITE_AES_128, HS, true);

	ASSERT_EQ(0, rec_send(self->p.c, &k, REC_HANDSHAKE, plain,
			      hs_message(MSG_FINISHED, 32, plain)));
	expect_ended(_metadata, &self->p, EBADMSG, 20);
}

/* Data under the handshake's key, behind Finished in one go: it belongs to no epoch. */
TEST_F(handshake, data_under_the_handshake_key_after_finished)
{
	size_t n;

	n = hs_message(MSG_FINISHED, 32, plain);
	n = rec_seal(&self->p.ctx, REC_HANDSHAKE, plain, n, 0, wire);
	n += rec_seal(&self->p.ctx, REC_DATA, "plaintext", 9, 0, wire + n);
	ASSERT_EQ((ssize_t)n, write_all(self->p.c, wire, n));
	expect_ended(_metadata, &self->p, EBADMSG, 20);
}

/*
 * A KeyUpdate is no message of a handshake. The worker, whose it is to judge, is told of it as of
 * any other, and the key stays what it was.
 */
TEST_F(handshake, key_update_before_finished)
{
	uint8_t type = 0;

	ASSERT_LT(0, first_protected(&self->p, &type));
	ASSERT_EQ(0, rec_send(self->p.c, &self->p.ctx, REC_HANDSHAKE, "\30\0\0\1\0", 5));
	EXPECT_TRUE(WAIT_FOR(info_get(self->p.s).rx_records >= 2));
	EXPECT_EQ(TLSOCK_STATE_HANDSHAKE, info_get(self->p.s).state);
	EXPECT_EQ(0, info_get(self->p.s).rx_key_updates);
	EXPECT_EQ(0, info_get(self->p.s).tx_key_updates);
}

/* Fatal, then what would have ended the handshake well. */
TEST_F(handshake, finished_after_a_fatal_alert)
{
	size_t n;

	n = rec_seal(&self->p.ctx, REC_ALERT, "\2\50", 2, 0, wire);
	n += rec_seal(&self->p.ctx, REC_HANDSHAKE, plain, hs_message(MSG_FINISHED, 32, plain), 0,
		      wire + n);
	ASSERT_EQ((ssize_t)n, write_all(self->p.c, wire, n));
	EXPECT_EQ(-1, recv(self->p.s, plain, sizeof(plain), 0));
	EXPECT_EQ(EPROTO, errno);
	EXPECT_EQ(TLSOCK_STATE_FAILED, info_get(self->p.s).state);
	EXPECT_EQ(40, error_get(self->p.s).alert_received);
}

TEST_HARNESS_MAIN
