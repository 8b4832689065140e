// SPDX-License-Identifier: MIT
/*
 * test_interop.c - the engine against OpenSSL and GnuTLS, over loopback
 *
 * Both roles and both versions (RFC 8446 section 2, RFC 5246 section 7.3): suites, groups,
 * certificate types, HelloRetryRequest, client certificates, ALPN, resumption. The peers are the stock programs openssl and gnutls-cli/serv;
 * where one is missing its tests are skipped, with the reason.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "interop.h"
#include "tap.h"

#define OURS "hello from the engine\n"
#define THEIRS "hello from the peer\n"

static const struct wish wishes[] = {
	{ "defaults", KEY_ECDSA_P256, 0, 0, 0, false, false, 0 },
	{ "AES-256-GCM", KEY_ECDSA_P256, HS_AES_256_GCM_SHA384, 0, 0, false, false, 0 },
	{ "ChaCha20-Poly1305", KEY_ECDSA_P256, HS_CHACHA20_POLY1305_SHA256, 0, 0, false, false, 0 },
	{ "P-256", KEY_ECDSA_P256, 0, HS_SECP256R1, 0, false, false, 0 },
	{ "P-384", KEY_ECDSA_P256, HS_AES_256_GCM_SHA384, HS_SECP384R1, 0, false, false, 0 },
	{ "ECDSA P-384 certificate", KEY_ECDSA_P384, 0, 0, 0, false, false, 0 },
	{ "RSA certificate", KEY_RSA, 0, 0, 0, false, false, 0 },
	{ "RSA-PSS certificate", KEY_RSA_PSS, 0, 0, 0, false, false, 0 },
	{ "Ed25519 certificate", KEY_ED25519, 0, 0, 0, false, false, 0 },
	{ "HelloRetryRequest to P-256", KEY_ECDSA_P256, 0, HS_SECP256R1, HS_X25519, false, false,
	  0 },
	{ "HelloRetryRequest to P-384, AES-256", KEY_RSA, HS_AES_256_GCM_SHA384, HS_SECP384R1,
	  HS_SECP256R1, false, false, 0 },
	{ "client certificate", KEY_ECDSA_P256, 0, 0, 0, true, false, 0 },
	{ "ALPN", KEY_ECDSA_P256, 0, 0, 0, false, true, 0 },
	{ "ffdhe2048", KEY_ECDSA_P256, 0, HS_FFDHE2048, 0, false, false, 0 },
	{ "HelloRetryRequest to ffdhe3072", KEY_RSA, 0, HS_FFDHE3072, HS_X25519, false, false, 0 },
	/* where our libcrypto has it, the same package's openssl has it, too */
	{ "X25519MLKEM768", KEY_ECDSA_P256, 0, HS_X25519MLKEM768, 0, false, false, 0 },
	{ "HelloRetryRequest to X25519MLKEM768", KEY_RSA, 0, HS_X25519MLKEM768, HS_X25519, false,
	  false, 0 },
#define OLD(what, key, suite, group, client)                                           \
	{                                                                              \
		"TLS 1.2, " what, key, HS_##suite, group, 0, client, false, HS_TLS_1_2 \
	}
	OLD("ECDHE-ECDSA, AES-128", KEY_ECDSA_P256, ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0, false),
	OLD("ECDHE-ECDSA, AES-256", KEY_ECDSA_P384, ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, 0, false),
	OLD("ECDHE-ECDSA, ChaCha20", KEY_ED25519, ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, 0,
	    false),
	OLD("ECDHE-RSA, AES-128", KEY_RSA, ECDHE_RSA_WITH_AES_128_GCM_SHA256, HS_SECP256R1, false),
	OLD("ECDHE-RSA, AES-256", KEY_RSA, ECDHE_RSA_WITH_AES_256_GCM_SHA384, HS_SECP384R1, false),
	OLD("ECDHE-RSA, ChaCha20", KEY_RSA, ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, HS_X25519,
	    false),
	OLD("ECDHE-RSA, RSA-PSS certificate", KEY_RSA_PSS, ECDHE_RSA_WITH_AES_128_GCM_SHA256, 0,
	    false),
	OLD("DHE-RSA, AES-128", KEY_RSA, DHE_RSA_WITH_AES_128_GCM_SHA256, 0, false),
	OLD("DHE-RSA, AES-256", KEY_RSA, DHE_RSA_WITH_AES_256_GCM_SHA384, 0, false),
	OLD("RSA, AES-128", KEY_RSA, RSA_WITH_AES_128_GCM_SHA256, 0, false),
	OLD("RSA, AES-256, client certificate", KEY_RSA, RSA_WITH_AES_256_GCM_SHA384, 0, true),
	OLD("client certificate", KEY_RSA, ECDHE_RSA_WITH_AES_256_GCM_SHA384, 0, true),
};

#define WISHES (sizeof(wishes) / sizeof(wishes[0]))

static bool as_wished(const struct link *link, const struct wish *w, enum hs_role role)
{
	const struct hs_summary *s = hs_engine_summary(link->engine);

	return s && s->version == (w->version ? w->version : HS_TLS_1_3) &&
	       (!w->suite || s->suite == w->suite) && (!w->group || s->group == w->group) &&
	       s->retried == (w->first_group != 0) &&
	       s->peer_authenticated == (role == HS_CLIENT || w->client_certificate) &&
	       (w->alpn ? s->alpn_len == 8 && !memcmp(s->alpn, "http/1.1", 8) : !s->alpn_len);
}

/* --- our server, foreign client --- */

static int accept_one(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	if (poll(&p, 1, LINK_TIMEOUT_MS) != 1)
		return -1;
	return accept(listener, NULL, NULL);
}

static void serve(const char *program, const struct wish *w)
{
	bool gnutls = !strcmp(program, "gnutls-cli");
	char address[32], scratch[256];
	const char *argv[ARGS_MAX];
	struct ours o;
	struct link *link;
	struct peer *peer;
	uint16_t port;
	int listener = listen_loopback(&port), fd;
	bool good;

	ours_init(&o, w, HS_SERVER);
	snprintf(address, sizeof(address), gnutls ? "%.0s%u" : "%s:%u", "127.0.0.1", port);
	if (gnutls)
		gnutls_client_args(argv, w, address, scratch, sizeof(scratch));
	else
		openssl_client_args(argv, w, address, scratch, sizeof(scratch));
	peer = peer_start(argv);
	fd = accept_one(listener);
	if (fd < 0)
		bail("%s does not connect: %s", program, peer->output);
	link = link_new(fd, &o.config, HS_SERVER);
	good = link_handshake(link) && as_wished(link, w, HS_SERVER) && link_send(link, OURS) &&
	       write(peer->in, THEIRS, strlen(THEIRS)) == (ssize_t)strlen(THEIRS) &&
	       link_expect(link, THEIRS) && peer_expect(peer, OURS);
	ok(good, "%s connects to our server: %s", program, w->what);
	if (!good)
		note("%s | %s says: %s", link->text, program, peer->output);
	link_close(link);
	close(listener);
	peer_finish(peer);
	peer_kill(peer);
	ours_release(&o);
}

/* --- our client, foreign server --- */

static void visit(const char *program, const struct wish *w)
{
	bool gnutls = !strcmp(program, "gnutls-serv");
	char address[32], scratch[256];
	const char *argv[ARGS_MAX];
	struct ours o;
	struct link *link;
	struct peer *peer;
	uint16_t port;
	bool good;

	close(listen_loopback(&port)); /* a port that is free */
	ours_init(&o, w, HS_CLIENT);
	snprintf(address, sizeof(address), gnutls ? "%.0s%u" : "%s:%u", "127.0.0.1", port);
	if (gnutls)
		gnutls_server_args(argv, w, address, scratch, sizeof(scratch));
	else
		openssl_server_args(argv, w, address);
	peer = peer_start(argv);
	if (!peer_expect(peer, gnutls ? "done" : "ACCEPT"))
		bail("%s does not start: %s", program, peer->output);
	link = link_new(connect_loopback(port), &o.config, HS_CLIENT);
	good = link_handshake(link) && as_wished(link, w, HS_CLIENT) && link_send(link, "abc\n") &&
	       link_expect(link, gnutls ? "abc\n" : "cba\n");
	ok(good, "our client connects to %s: %s", program, w->what);
	if (!good)
		note("%s | %s says: %s", link->text, program, peer->output);
	if (good && !strcmp(w->what, "defaults"))
		ok(link->post_handshake_messages > 0, "and was sent a ticket");
	link_close(link);
	peer_kill(peer);
	ours_release(&o);
}

/* A server that only speaks TLS 1.2, and a client that only does. */
static void old_versions(void)
{
	const struct wish w = { .what = "TLS 1.2 only", .key = KEY_ECDSA_P256 };
	const char *argv[ARGS_MAX];
	char address[32], scratch[256];
	struct ours o;
	struct link *link;
	struct peer *peer;
	uint16_t port;
	int listener, fd;

	close(listen_loopback(&port));
	ours_init(&o, &w, HS_CLIENT);
	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	openssl_server_args(argv, &w, address);
	argv[2] = "-tls1_2";
	peer = peer_start(argv);
	if (!peer_expect(peer, "ACCEPT"))
		bail("openssl does not start: %s", peer->output);
	link = link_new(connect_loopback(port), &o.config, HS_CLIENT);
	ok(!link_handshake(link) && strstr(link->text, "protocol_version"),
	   "a server without TLS 1.3 refuses our client: %s", link->text);
	link_close(link);
	peer_kill(peer);
	ours_release(&o);

	listener = listen_loopback(&port);
	ours_init(&o, &w, HS_SERVER);
	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	openssl_client_args(argv, &w, address, scratch, sizeof(scratch));
	argv[2] = "-tls1_2";
	peer = peer_start(argv);
	fd = accept_one(listener);
	link = link_new(fd, &o.config, HS_SERVER);
	ok(!link_handshake(link) && link->failure.alert == ALERT_PROTOCOL_VERSION,
	   "our server refuses a client without TLS 1.3: %s", link->text);
	link_close(link);
	ok(peer_finish(peer) != 0 && strstr(peer->output, "protocol version"),
	   "which learns why from the alert");
	peer_kill(peer);
	close(listener);
	ours_release(&o);
}

/* --- resumption --- */

static uint8_t session[65536];
static size_t session_len;
static char session_file[64];

static void keep_session(void *ctx, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	if (len <= sizeof(session)) {
		memcpy(session, bytes, len);
		session_len = len;
	}
}

static int give_key(void *ctx, bool seal, uint8_t *name, uint8_t *key)
{
	(void)ctx;
	(void)seal;
	memset(name, 1, HS_TICKET_NAME_LEN);
	memset(key, 2, HS_TICKET_KEY_LEN);
	return 0;
}

/* One connection of our client; did it resume? -1: it failed */
static int visit_again(struct ours *o, uint16_t port, const char *expect)
{
	struct link *link;
	int resumed = -1;

	o->config.session_new = keep_session;
	o->config.session = session;
	o->config.session_len = session_len;
	link = link_new(connect_loopback(port), &o->config, HS_CLIENT);
	if (link_handshake(link) && link_send(link, "abc\n") && link_expect(link, expect))
		resumed = hs_engine_summary(link->engine)->resumed;
	else
		note("%s", link->text);
	link_close(link);
	return resumed;
}

static void resume_visit(const char *program, const struct wish *w)
{
	bool gnutls = !strcmp(program, "gnutls-serv");
	const char *expect = gnutls ? "abc\n" : "cba\n", *argv[ARGS_MAX];
	char address[32], scratch[256];
	struct ours o;
	struct peer *peer;
	uint16_t port;
	int first, second;

	session_len = 0;
	close(listen_loopback(&port));
	ours_init(&o, w, HS_CLIENT);
	snprintf(address, sizeof(address), gnutls ? "%.0s%u" : "%s:%u", "127.0.0.1", port);
	if (gnutls)
		gnutls_server_args(argv, w, address, scratch, sizeof(scratch));
	else
		openssl_server_args(argv, w, address);
	peer = peer_start(argv);
	if (!peer_expect(peer, gnutls ? "done" : "ACCEPT"))
		bail("%s does not start: %s", program, peer->output);
	first = visit_again(&o, port, expect);
	second = visit_again(&o, port, expect);
	ok(first == 0 && second == 1 && session_len, "our client resumes with %s: %s", program,
	   w->what);
	if (second != 1)
		note("%s says: %s", program, peer->output);
	peer_kill(peer);
	ours_release(&o);
}

/* One connection to our server; did the client resume? -1: it failed */
static int serve_again(struct ours *o, int listener, struct peer *peer)
{
	struct link *link;
	int resumed = -1, fd;

	o->config.ticket_key = give_key;
	fd = accept_one(listener);
	if (fd < 0)
		return -1;
	link = link_new(fd, &o->config, HS_SERVER);
	if (link_handshake(link) && link_send(link, OURS))
		resumed = hs_engine_summary(link->engine)->resumed;
	if (resumed >= 0 && !peer_expect(peer, OURS))
		resumed = -1;
	link_close(link);
	return resumed;
}

static void resume_serve_openssl(const struct wish *w)
{
	char address[32], scratch[256];
	const char *argv[ARGS_MAX];
	struct peer *peer;
	struct ours o;
	uint16_t port;
	int listener = listen_loopback(&port), resumed[2];

	ours_init(&o, w, HS_SERVER);
	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	snprintf(session_file, sizeof(session_file), "%s/session.pem", interop_folder);
	for (int i = 0; i < 2; i++) {
		size_t n = 0;

		openssl_client_args(argv, w, address, scratch, sizeof(scratch));
		while (argv[n])
			n++;
		argv[n++] = i ? "-sess_in" : "-sess_out";
		argv[n++] = session_file;
		argv[n] = NULL;
		peer = peer_start(argv);
		resumed[i] = serve_again(&o, listener, peer);
		peer_finish(peer);
		if (resumed[i] != i)
			note("openssl says: %s", peer->output);
		peer_kill(peer);
	}
	ok(resumed[0] == 0 && resumed[1] == 1, "openssl resumes with our server: %s", w->what);
	unlink(session_file);
	close(listener);
	ours_release(&o);
}

static const struct wish again[] = {
	{ "TLS 1.3, AES-128", KEY_ECDSA_P256, HS_AES_128_GCM_SHA256, 0, 0, false, false, 0 },
	{ "TLS 1.3, AES-256", KEY_ECDSA_P256, HS_AES_256_GCM_SHA384, 0, 0, false, false, 0 },
	{ "TLS 1.3, client certificate", KEY_RSA, 0, 0, 0, true, false, 0 },
	{ "TLS 1.3, HelloRetryRequest", KEY_RSA, 0, HS_SECP384R1, HS_X25519, false, false, 0 },
	{ "TLS 1.2, AES-128", KEY_ECDSA_P256, HS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0, 0, false,
	  false, HS_TLS_1_2 },
	{ "TLS 1.2, AES-256, client certificate", KEY_RSA, HS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, 0,
	  0, true, false, HS_TLS_1_2 },
	{ "TLS 1.2, RSA key exchange", KEY_RSA, HS_RSA_WITH_AES_128_GCM_SHA256, 0, 0, false, false,
	  HS_TLS_1_2 },
};

static void resumption(void)
{
	for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++) {
		if (program_exists("openssl")) {
			resume_visit("openssl", &again[i]);
			resume_serve_openssl(&again[i]);
		} else {
			skip("resumption", "openssl is not installed");
		}
		if (program_exists("gnutls-serv"))
			resume_visit("gnutls-serv", &again[i]);
		else
			skip("resumption", "gnutls-serv is not installed");
	}
}

/* --- an external key, that openssl knows by its hex --- */

#define KEY_HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static int know_key(void *ctx, struct hs_psk *psk)
{
	(void)ctx;
	psk->identity_len = 2;
	memcpy(psk->identity, "me", 2);
	psk->key_len = 32;
	for (uint8_t i = 0; i < 32; i++)
		psk->key[i] = i;
	return 0;
}

static void external_key(bool retry)
{
	struct wish w = { .what = retry ? "an external key, a retry" : "an external key" };
	const char *argv[ARGS_MAX] = { "openssl", "s_server", "-tls1_3", "-nocert", "-psk",
				       KEY_HEX,	  "-rev",     "-accept", NULL,	    "-psk_identity",
				       "me",	  "-groups",  NULL };
	char address[32];
	struct ours o;
	struct link *link;
	struct peer *peer;
	uint16_t port;
	int listener;

	w.group = retry ? HS_SECP256R1 : 0;
	w.first_group = retry ? HS_X25519 : 0;
	close(listen_loopback(&port));
	ours_init(&o, &w, HS_CLIENT);
	o.config.psk = know_key;
	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	argv[8] = address;
	argv[12] = retry ? "P-256" : "X25519:P-256";
	peer = peer_start(argv);
	if (!peer_expect(peer, "ACCEPT"))
		bail("openssl does not start: %s", peer->output);
	link = link_new(connect_loopback(port), &o.config, HS_CLIENT);
	ok(link_handshake(link) && hs_engine_summary(link->engine)->psk &&
		   hs_engine_summary(link->engine)->retried == retry && link_send(link, "abc\n") &&
		   link_expect(link, "cba\n"),
	   "our client connects to openssl: %s %s", w.what, link->text);
	link_close(link);
	peer_kill(peer);
	ours_release(&o);

	listener = listen_loopback(&port);
	ours_init(&o, &w, HS_SERVER);
	o.config.psk = know_key;
	o.config.credential_count = 0;
	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	argv[1] = "s_client";
	argv[3] = "-quiet";
	argv[6] = "-no_ign_eof";
	argv[7] = "-connect";
	argv[12] = "X25519:P-256";
	peer = peer_start(argv);
	link = link_new(accept_one(listener), &o.config, HS_SERVER);
	ok(link_handshake(link) && hs_engine_summary(link->engine)->psk && link_send(link, OURS) &&
		   peer_expect(peer, OURS),
	   "openssl connects to our server: %s %s", w.what, link->text);
	link_close(link);
	close(listener);
	peer_finish(peer);
	peer_kill(peer);
	ours_release(&o);
}

static void all_wishes(const char *program, void (*test)(const char *, const struct wish *))
{
	for (size_t i = 0; i < WISHES; i++) {
		bool hybrid = wishes[i].group == HS_X25519MLKEM768;

		if (hybrid && (strcmp(program, "openssl") != 0 ||
			       !crypto_has_group(group_find(wishes[i].group))))
			skip(wishes[i].what, "no ML-KEM, or not the peer's");
		else if (program_exists(program))
			test(program, &wishes[i]);
		else
			skip(wishes[i].what, "the peer program is not installed");
	}
}

int main(void)
{
	if (crypto_init() < 0)
		bail("libcrypto");
	make_identities();
	all_wishes("openssl", serve);
	all_wishes("openssl", visit);
	if (program_exists("openssl"))
		old_versions();
	else
		skip("TLS 1.2", "openssl is not installed");
	all_wishes("gnutls-cli", serve);
	all_wishes("gnutls-serv", visit);
	resumption();
	for (int retry = 0; retry < 2; retry++) {
		if (program_exists("openssl"))
			external_key(retry);
		else
			skip("an external key", "openssl is not installed");
	}
	remove_identities();
	return tap_done();
}
