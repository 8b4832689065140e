// SPDX-License-Identifier: MIT
/*
 * fuzz_session.c - stored sessions, tickets, certificates and keys from a fuzzer
 *
 * RFC 8446 section 4.6.1, RFC 5280. See fuzz.h. What is taken must be what would be written
 * again, byte for byte.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "pair.h"
#include "session.h"
#include "tap.h"

#define NONCE_LEN 12
#define TAG_LEN 16

static void both_ways(const uint8_t *bytes, size_t len)
{
	struct session s;
	uint8_t *again = NULL;
	size_t again_len = 0;

	if (session_decode(&s, bytes, len) < 0)
		return;
	if (session_encode(&s, &again, &again_len) == 0 &&
	    (again_len != len || memcmp(again, bytes, len) != 0))
		abort();
	session_bytes_free(again, again_len);
	session_release(&s);
}

int fuzz_session(const uint8_t *bytes, size_t len)
{
	struct session s;
	struct pair p;

	both_ways(bytes, len);
	fuzz_set_up(&p, 0);
	p.side[HS_CLIENT].config.session = bytes;
	p.side[HS_CLIENT].config.session_len = len;
	pair_start(&p);
	if (ticket_open(p.side[HS_SERVER].engine, reader_over(bytes, len), &s) == 0)
		session_release(&s);
	pair_free(&p);
	return 0;
}

/* The name of the server's key, a nonce, and what it seals: see ticket_seal(). */
static size_t seal(const uint8_t *bytes, size_t len, uint8_t *ticket)
{
	uint8_t key[HS_TICKET_KEY_LEN], *nonce = ticket + HS_TICKET_NAME_LEN;

	memset(ticket, 1, HS_TICKET_NAME_LEN);
	memset(nonce, 2, NONCE_LEN);
	memset(key, 1, sizeof(key));
	if (crypto_init() < 0 ||
	    crypto_seal(key, nonce, ticket, HS_TICKET_NAME_LEN, bytes, len, nonce + NONCE_LEN) < 0)
		abort();
	return HS_TICKET_NAME_LEN + NONCE_LEN + len + TAG_LEN;
}

/* A session that stands, but for the ticket: the fuzzer's. */
static void offer(const uint8_t *ticket, size_t len)
{
	struct session s;
	uint8_t *bytes = NULL;
	size_t bytes_len = 0;
	struct pair p;

	fuzz_set_up(&p, FUZZ_RESUMED);
	if (session_decode(&s, p.side[HS_CLIENT].config.session,
			   p.side[HS_CLIENT].config.session_len) < 0)
		abort();
	s.ticket = reader_over(ticket, len);
	if (session_encode(&s, &bytes, &bytes_len) == 0) {
		p.side[HS_CLIENT].config.session = bytes;
		p.side[HS_CLIENT].config.session_len = bytes_len;
	}
	pair_run(&p);
	/* only a wrong binder ends it: whatever else is wrong with a ticket, it is a full one */
	if (!pair_complete(&p) && p.side[HS_SERVER].failure.alert != ALERT_DECRYPT_ERROR)
		abort();
	pair_free(&p);
	session_bytes_free(bytes, bytes_len);
	session_release(&s);
}

int fuzz_ticket(const uint8_t *bytes, size_t len)
{
	static uint8_t sealed[SESSION_TICKET_MAX + HS_TICKET_NAME_LEN + NONCE_LEN + TAG_LEN];
	const uint8_t *ticket = bytes + 1;
	struct session s;
	struct pair p;

	if (!len--)
		return 0;
	if (*bytes & 1 && len <= SESSION_TICKET_MAX) {
		len = seal(ticket, len, sealed);
		ticket = sealed;
	}
	fuzz_set_up(&p, 0);
	pair_start(&p);
	if (ticket_open(p.side[HS_SERVER].engine, reader_over(ticket, len), &s) == 0)
		session_release(&s);
	pair_free(&p);
	if (len)
		offer(ticket, len);
	return 0;
}

int fuzz_certificate(const uint8_t *bytes, size_t len)
{
	static struct hs_trust *trust;
	struct hs_der der = { .data = bytes, .len = len };
	struct certificate_check check = { .now = TEST_NOW,
					   .peer = HS_SERVER,
					   .name = "a.example" };
	struct certificates *c = NULL;
	char text[HS_MAX_TEXT];
	size_t bad;

	if (!trust)
		trust = identity_trust(test_root());
	check.trust = trust;
	if (certificates_parse(NULL, &der, 1, &c, &bad) == 0) {
		/* nobody but the test's root signs for it, and that one not for this */
		if (certificates_verify(c, &check, text) == 0)
			abort();
		certificates_may_sign(c);
		certificates_free(c);
	}
	hs_credential_unref(
		hs_credential_new_pem(bytes, len / 2, bytes + len / 2, len - len / 2, text));
	return 0;
}
