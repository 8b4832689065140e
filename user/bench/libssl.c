// SPDX-License-Identifier: MIT
/*
 * libssl.c - handshakes of libssl with itself, through memory BIOs
 *
 * RFC 8446, RFC 5246. See bench.h. X25519, AES-128-GCM, a client that verifies chain and name;
 * tickets only where a session is resumed, and then one.
 */
#include "bench.h"

#include <stdlib.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "tap.h"

struct ends {
	SSL *ssl[SIDES];
};

static SSL_CTX *contexts[SIDES];
static uint8_t *stored; /* in DER: libssl takes a session of TLS 1.3 once */
static int stored_len;
static SSL_SESSION *session;
static bool resume;
static struct ends *held;
static size_t held_count;

static X509_STORE *store_of(const struct identity *root)
{
	X509_STORE *store = X509_STORE_new();

	if (!store || X509_STORE_add_cert(store, root->cert) != 1)
		bail("no store");
	return store;
}

static int keep_session(SSL *ssl, SSL_SESSION *s)
{
	(void)ssl;
	OPENSSL_free(stored);
	stored = NULL;
	stored_len = i2d_SSL_SESSION(s, &stored);
	return 0;
}

static void fresh_session(void)
{
	const uint8_t *at = stored;

	SSL_SESSION_free(session);
	session = stored ? d2i_SSL_SESSION(NULL, &at, stored_len) : NULL;
}

static SSL_CTX *context(const struct bench_case *c, int side)
{
	SSL_CTX *ctx = SSL_CTX_new(side == SERVER ? TLS_server_method() : TLS_client_method());
	const struct identity *leaf = test_leaf(c->key);
	X509_VERIFY_PARAM *param;

	if (!ctx || SSL_CTX_set_min_proto_version(ctx, c->version) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, c->version) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, "X25519:P-256") != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") != 1 ||
	    SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256:"
					 "ECDHE-RSA-AES128-GCM-SHA256") != 1)
		bail("no context");
	if (side == SERVER && (SSL_CTX_use_certificate(ctx, leaf->cert) != 1 ||
			       SSL_CTX_use_PrivateKey(ctx, leaf->key) != 1))
		bail("no key");
	SSL_CTX_set_num_tickets(ctx, c->resumed);
	SSL_CTX_set_session_cache_mode(ctx,
				       side == CLIENT && c->resumed ?
					       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL :
					       SSL_SESS_CACHE_OFF);
	if (!c->resumed)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	if (side == CLIENT) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_cert_store(ctx, store_of(test_root()));
		SSL_CTX_sess_set_new_cb(ctx, keep_session);
		param = SSL_CTX_get0_param(ctx);
		X509_VERIFY_PARAM_set_time(param, TEST_NOW);
	}
	return ctx;
}

static SSL *end_new(int side)
{
	SSL *ssl = SSL_new(contexts[side]);

	if (!ssl)
		bail("no SSL");
	if (side == SERVER) {
		SSL_set_accept_state(ssl);
		return ssl;
	}
	SSL_set_connect_state(ssl);
	SSL_set_tlsext_host_name(ssl, "server.example");
	SSL_set1_host(ssl, "server.example");
	if (resume && session)
		SSL_set_session(ssl, session);
	return ssl;
}

static void step(SSL *ssl)
{
	int rc = SSL_do_handshake(ssl);

	if (rc != 1 && SSL_get_error(ssl, rc) != SSL_ERROR_WANT_READ)
		bail("libssl does not shake hands");
}

/* Up to the server's flight; the rest is in finish(). */
static void begin(struct ends *e, double us[SIDES])
{
	BIO *to_server = BIO_new(BIO_s_mem()), *to_client = BIO_new(BIO_s_mem());

	if (!to_server || !to_client)
		bail("no BIO");
	BIO_set_mem_eof_return(to_server, -1);
	BIO_set_mem_eof_return(to_client, -1);
	fresh_session();
	TIMED(us[CLIENT], e->ssl[CLIENT] = end_new(CLIENT));
	TIMED(us[SERVER], e->ssl[SERVER] = end_new(SERVER));
	BIO_up_ref(to_server);
	BIO_up_ref(to_client);
	SSL_set_bio(e->ssl[SERVER], to_server, to_client);
	SSL_set_bio(e->ssl[CLIENT], to_client, to_server);
	TIMED(us[CLIENT], step(e->ssl[CLIENT]));
	TIMED(us[SERVER], step(e->ssl[SERVER]));
}

static void finish(struct ends *e, double us[SIDES])
{
	TIMED(us[CLIENT], step(e->ssl[CLIENT]));
	if (!SSL_is_init_finished(e->ssl[SERVER]))
		TIMED(us[SERVER], step(e->ssl[SERVER]));
	if (!SSL_is_init_finished(e->ssl[CLIENT]))
		TIMED(us[CLIENT], step(e->ssl[CLIENT]));
	if (!SSL_is_init_finished(e->ssl[SERVER]) || !SSL_is_init_finished(e->ssl[CLIENT]))
		bail("libssl is not done");
	if (resume && session && !SSL_session_reused(e->ssl[SERVER]))
		bail("libssl does not resume");
}

static void end_free(SSL *ssl)
{
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(ssl);
}

bool libssl_set_up(const struct bench_case *c)
{
	double us[SIDES] = { 0 };
	struct ends e;
	char byte;

	for (int side = 0; side < SIDES; side++)
		contexts[side] = context(c, side);
	resume = c->resumed;
	if (resume) {
		begin(&e, us);
		finish(&e, us);
		SSL_read(e.ssl[CLIENT], &byte, 1); /* the ticket */
		for (int side = 0; side < SIDES; side++)
			end_free(e.ssl[side]);
		if (!stored)
			bail("libssl gives no session");
	}
	return true;
}

void libssl_run(double us[SIDES])
{
	struct ends e;

	us[SERVER] = us[CLIENT] = 0;
	begin(&e, us);
	finish(&e, us);
	for (int side = 0; side < SIDES; side++)
		TIMED(us[side], end_free(e.ssl[side]));
}

void libssl_hold(size_t count)
{
	double us[SIDES];

	held = calloc(count, sizeof(*held));
	for (held_count = 0; held_count < count; held_count++) {
		begin(&held[held_count], us);
		SSL_free(held[held_count].ssl[CLIENT]);
	}
}

void libssl_drop(void)
{
	while (held_count)
		SSL_free(held[--held_count].ssl[SERVER]);
	free(held);
}

void libssl_tear_down(void)
{
	for (int side = 0; side < SIDES; side++)
		SSL_CTX_free(contexts[side]);
	SSL_SESSION_free(session);
	session = NULL;
	OPENSSL_free(stored);
	stored = NULL;
}
