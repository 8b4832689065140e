// SPDX-License-Identifier: MIT
/*
 * tlsock.c - handshakes of the engine with itself
 *
 * RFC 8446, RFC 5246. See bench.h. The same work as in libssl.c; the records, which are the
 * module's, are left out: bytes go from engine to engine. Random bytes come from getrandom(),
 * as the daemon takes them.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bench.h"
#include "tap.h"

#define FLIGHT_MAX 16384

/* What one side has for the other, by epoch. */
struct flight {
	uint8_t bytes[4][FLIGHT_MAX];
	size_t len[4];
};

struct ends {
	struct hs_engine *engine[SIDES];
};

static struct hs_config configs[SIDES];
static struct hs_credential *credential;
static struct hs_trust *trust;
static uint8_t session[16384];
static size_t session_len;
static bool resume;
static bool fresh; /* a trust store that has not seen the server */
static struct flight flights[SIDES]; /* from this side */
static struct hs_engine **held;
static size_t held_count;

/* without P-256 TLS 1.2 takes no certificate with a key on it; a share is sent of the first */
static const uint16_t groups[] = { HS_X25519, HS_SECP256R1 };
static const uint16_t suites[] = { HS_AES_128_GCM_SHA256, HS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
				   HS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 };

static int random_bytes(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	return getrandom(out, len, 0) == (ssize_t)len ? 0 : -1;
}

static int64_t now(void *ctx)
{
	(void)ctx;
	return TEST_NOW;
}

static int ticket_key(void *ctx, bool seal, uint8_t *name, uint8_t *key)
{
	(void)ctx;
	if (seal)
		memset(name, 1, HS_TICKET_NAME_LEN);
	memset(key, 1, HS_TICKET_KEY_LEN);
	return 0;
}

static void keep_session(void *ctx, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	if (len > sizeof(session))
		bail("a session of %zu bytes", len);
	memcpy(session, bytes, len);
	session_len = len;
}

static void take_actions(struct hs_engine *e, int side)
{
	const struct hs_action *a;

	while ((a = hs_engine_next_action(e))) {
		struct flight *f = &flights[side];

		if (a->type == HS_ACTION_FAIL)
			bail("the engine does not shake hands: %s", a->failure.text);
		if (a->type != HS_ACTION_DATA || a->data.content_type != HS_CONTENT_HANDSHAKE)
			continue;
		if (a->data.len > FLIGHT_MAX - f->len[a->data.epoch])
			bail("a long flight");
		memcpy(f->bytes[a->data.epoch] + f->len[a->data.epoch], a->data.bytes, a->data.len);
		f->len[a->data.epoch] += a->data.len;
	}
}

/* The first message by itself if it is a ServerHello, as the module delivers it. */
static void deliver(struct ends *e, int to, int epoch, double us[SIDES])
{
	struct flight *f = &flights[!to];
	const uint8_t *at = f->bytes[epoch];
	size_t left = f->len[epoch];

	f->len[epoch] = 0;
	while (left) {
		size_t n = left;

		if (at[0] == 2)
			n = 4 + ((size_t)at[2] << 8 | at[3]);
		TIMED(us[to], hs_engine_input(e->engine[to], (enum hs_epoch)epoch, at, n);
		      take_actions(e->engine[to], to));
		at += n;
		left -= n;
	}
}

static void start(struct ends *e, int side)
{
	e->engine[side] = hs_engine_new(&configs[side], side == SERVER ? HS_SERVER : HS_CLIENT);
	if (!e->engine[side])
		bail("no engine");
	hs_engine_start(e->engine[side]);
	take_actions(e->engine[side], side);
}

static void begin(struct ends *e, double us[SIDES])
{
	memset(flights[SERVER].len, 0, sizeof(flights[SERVER].len));
	memset(flights[CLIENT].len, 0, sizeof(flights[CLIENT].len));
	TIMED(us[CLIENT], start(e, CLIENT));
	TIMED(us[SERVER], start(e, SERVER));
	deliver(e, SERVER, 0, us);
}

static bool pending(void)
{
	for (int side = 0; side < SIDES; side++)
		for (int epoch = 0; epoch < 4; epoch++)
			if (flights[side].len[epoch])
				return true;
	return false;
}

/* With the tickets of TLS 1.3, which come behind the end, or without. */
static void finish(struct ends *e, bool tickets, double us[SIDES])
{
	const struct hs_summary *s;

	while (pending()) {
		for (int side = 0; side < SIDES; side++)
			for (int epoch = 0; epoch < 4; epoch++) {
				if (hs_engine_summary(e->engine[side]) && !tickets)
					flights[!side].len[epoch] = 0;
				deliver(e, side, epoch, us);
			}
	}
	s = hs_engine_summary(e->engine[SERVER]);
	if (!s || !hs_engine_summary(e->engine[CLIENT]))
		bail("the engine is not done");
	if (resume && !tickets && !s->resumed)
		bail("the engine does not resume");
}

bool tlsock_set_up(const struct bench_case *c)
{
	double us[SIDES];
	struct ends e;

	credential = identity_credential(test_leaf(c->key));
	trust = identity_trust(test_root());
	for (int side = 0; side < SIDES; side++) {
		configs[side] = (struct hs_config){
			.random = random_bytes,
			.now = now,
			.min_version = c->version,
			.max_version = c->version,
			.suites = suites,
			.suite_count = 3,
			.groups = groups,
			.group_count = 2,
		};
	}
	configs[SERVER].credentials = &credential;
	configs[SERVER].credential_count = 1;
	configs[CLIENT].trust = trust;
	configs[CLIENT].server_name = "server.example";
	resume = c->resumed;
	fresh = c->fresh;
	if (!resume)
		return true;
	session_len = 0;
	configs[SERVER].ticket_key = ticket_key;
	configs[CLIENT].session_new = keep_session;
	begin(&e, us);
	finish(&e, true, us);
	for (int side = 0; side < SIDES; side++)
		hs_engine_free(e.engine[side]);
	configs[CLIENT].session = session;
	configs[CLIENT].session_len = session_len;
	return session_len > 0;
}

void tlsock_run(double us[SIDES])
{
	struct ends e;

	us[SERVER] = us[CLIENT] = 0;
	if (fresh) {
		hs_trust_unref(trust);
		trust = identity_trust(test_root());
		configs[CLIENT].trust = trust;
	}
	begin(&e, us);
	finish(&e, false, us);
	for (int side = 0; side < SIDES; side++)
		TIMED(us[side], hs_engine_free(e.engine[side]));
}

void tlsock_hold(size_t count)
{
	double us[SIDES];
	struct ends e;

	held = calloc(count, sizeof(struct hs_engine *));
	for (held_count = 0; held_count < count; held_count++) {
		begin(&e, us);
		hs_engine_free(e.engine[CLIENT]);
		held[held_count] = e.engine[SERVER];
	}
}

void tlsock_drop(void)
{
	while (held_count)
		hs_engine_free(held[--held_count]);
	free(held);
}

void tlsock_tear_down(void)
{
	hs_credential_unref(credential);
	hs_trust_unref(trust);
}
