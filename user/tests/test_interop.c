// SPDX-License-Identifier: MIT
/*
 * test_interop.c - the engine against OpenSSL and GnuTLS, over loopback
 *
 * Both roles (RFC 8446 section 2): suites, groups, certificate types, HelloRetryRequest,
 * client certificates, ALPN. The peers are the stock programs openssl and gnutls-cli/serv;
 * where one is missing its tests are skipped, with the reason.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "identity.h"
#include "link.h"
#include "pair.h"
#include "tap.h"

#define ARGS_MAX 40
#define OURS "hello from the engine\n"
#define THEIRS "hello from the peer\n"

static char folder[] = "/tmp/interop.XXXXXX";
static char root_file[64], pem_files[KEY_OTHER + 1][64], client_file[64];
static struct identity *root, *leaves[KEY_OTHER + 1], *client;
static struct party party; /* for its random bytes and clock */

struct wish {
	const char *what;
	enum key_type key; /* of the server's certificate */
	uint16_t suite, group; /* 0: default */
	uint16_t first_group; /* the client's first, for a HelloRetryRequest */
	bool client_certificate;
	bool alpn;
};

static const struct wish wishes[] = {
	{ "defaults", KEY_ECDSA_P256, 0, 0, 0, false, false },
	{ "AES-256-GCM", KEY_ECDSA_P256, HS_AES_256_GCM_SHA384, 0, 0, false, false },
	{ "ChaCha20-Poly1305", KEY_ECDSA_P256, HS_CHACHA20_POLY1305_SHA256, 0, 0, false, false },
	{ "P-256", KEY_ECDSA_P256, 0, HS_SECP256R1, 0, false, false },
	{ "P-384", KEY_ECDSA_P256, HS_AES_256_GCM_SHA384, HS_SECP384R1, 0, false, false },
	{ "ECDSA P-384 certificate", KEY_ECDSA_P384, 0, 0, 0, false, false },
	{ "RSA certificate", KEY_RSA, 0, 0, 0, false, false },
	{ "RSA-PSS certificate", KEY_RSA_PSS, 0, 0, 0, false, false },
	{ "Ed25519 certificate", KEY_ED25519, 0, 0, 0, false, false },
	{ "HelloRetryRequest to P-256", KEY_ECDSA_P256, 0, HS_SECP256R1, HS_X25519, false, false },
	{ "HelloRetryRequest to P-384, AES-256", KEY_RSA, HS_AES_256_GCM_SHA384, HS_SECP384R1,
	  HS_SECP256R1, false, false },
	{ "client certificate", KEY_ECDSA_P256, 0, 0, 0, true, false },
	{ "ALPN", KEY_ECDSA_P256, 0, 0, 0, false, true },
};

#define WISHES (sizeof(wishes) / sizeof(wishes[0]))

static void write_file(char *path, size_t size, const char *name, const char *a, const char *b)
{
	FILE *f;

	snprintf(path, size, "%s/%s", folder, name);
	f = fopen(path, "w");
	if (!f || fputs(a, f) < 0 || fputs(b, f) < 0 || fclose(f))
		bail("cannot write %s", path);
}

/* The peers go by the real clock, so these are valid now. */
static void make_identities(void)
{
	int64_t now = time(NULL);
	struct identity_spec spec = {
		.common_name = "Interop Root",
		.key = KEY_ECDSA_P256,
		.authority = true,
		.key_usage = "critical,keyCertSign,cRLSign",
		.not_before = now - DAY,
		.not_after = now + DAY,
	};
	char name[32];

	if (!mkdtemp(folder))
		bail("no folder for certificates");
	root = identity_new(&spec);
	write_file(root_file, sizeof(root_file), "root.pem", root->cert_pem, "");
	spec.authority = false;
	spec.issuer = root;
	spec.key_usage = "critical,digitalSignature";
	spec.names = "DNS:server.example,IP:127.0.0.1";
	for (int key = KEY_RSA; key <= KEY_ED25519; key++) {
		spec.common_name = "server.example";
		spec.key = (enum key_type)key;
		leaves[key] = identity_new(&spec);
		snprintf(name, sizeof(name), "server%d.pem", key);
		write_file(pem_files[key], sizeof(pem_files[key]), name, leaves[key]->cert_pem,
			   leaves[key]->key_pem);
	}
	spec.key = KEY_ECDSA_P256;
	spec.common_name = "A Client";
	spec.names = NULL;
	spec.extended_key_usage = "clientAuth";
	client = identity_new(&spec);
	write_file(client_file, sizeof(client_file), "client.pem", client->cert_pem,
		   client->key_pem);
	party.random_state = (uint64_t)now | 1;
	party.now = now;
}

static void remove_identities(void)
{
	for (int key = KEY_RSA; key <= KEY_ED25519; key++) {
		unlink(pem_files[key]);
		identity_free(leaves[key]);
	}
	unlink(root_file);
	unlink(client_file);
	rmdir(folder);
	identity_free(root);
	identity_free(client);
}

/* A socket that listens on loopback, and its port. */
static int listen_loopback(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		bail("no loopback");
	*port = ntohs(a.sin_port);
	return fd;
}

static int connect_loopback(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		bail("the peer does not listen");
	return fd;
}

static const char *openssl_group(uint16_t group)
{
	switch (group) {
	case HS_X25519:
		return "X25519";
	case HS_SECP256R1:
		return "P-256";
	}
	return "P-384";
}

static const char *gnutls_group(uint16_t group)
{
	switch (group) {
	case HS_X25519:
		return "GROUP-X25519";
	case HS_SECP256R1:
		return "GROUP-SECP256R1";
	}
	return "GROUP-SECP384R1";
}

static const char *gnutls_cipher(uint16_t suite)
{
	switch (suite) {
	case HS_AES_128_GCM_SHA256:
		return "AES-128-GCM";
	case HS_AES_256_GCM_SHA384:
		return "AES-256-GCM";
	}
	return "CHACHA20-POLY1305";
}

/* The configuration of our side. */
struct ours {
	struct hs_config config;
	struct hs_credential *credential;
	uint16_t groups[2];
};

static void ours_init(struct ours *o, const struct wish *w, enum hs_role role)
{
	memset(o, 0, sizeof(*o));
	o->config.random = test_random;
	o->config.now = test_now;
	o->config.ctx = &party;
	o->config.trust = identity_trust(root);
	o->config.credentials = &o->credential;
	if (role == HS_SERVER || w->client_certificate) {
		o->credential = identity_credential(role == HS_SERVER ? leaves[w->key] : client);
		o->config.credential_count = 1;
	}
	if (role == HS_CLIENT)
		o->config.server_name = "server.example";
	else if (w->client_certificate)
		o->config.verify = HS_VERIFY_REQUIRED;
	if (w->alpn) {
		o->config.alpn = (const uint8_t *)"\x08http/1.1";
		o->config.alpn_len = 9;
	}
	o->config.suites = &w->suite;
	o->config.suite_count = w->suite != 0;
	if (role == HS_CLIENT && w->first_group)
		o->groups[o->config.group_count++] = w->first_group;
	if (w->group)
		o->groups[o->config.group_count++] = w->group;
	o->config.groups = o->groups;
}

static void ours_release(struct ours *o)
{
	hs_credential_unref(o->credential);
	hs_trust_unref(o->config.trust);
}

static bool as_wished(const struct link *link, const struct wish *w, enum hs_role role)
{
	const struct hs_summary *s = hs_engine_summary(link->engine);

	return s && (!w->suite || s->suite == w->suite) && (!w->group || s->group == w->group) &&
	       s->retried == (w->first_group != 0) &&
	       s->peer_authenticated == (role == HS_CLIENT || w->client_certificate) &&
	       (w->alpn ? s->alpn_len == 8 && !memcmp(s->alpn, "http/1.1", 8) : !s->alpn_len);
}

/* --- our server, foreign client --- */

static void openssl_client_args(const char **argv, const struct wish *w, const char *address,
				char *groups, size_t size)
{
	size_t n = 0;
	const char *fixed[] = { "openssl",	    "s_client",	      "-tls1_3",
				"-connect",	    address,	      "-CAfile",
				root_file,	    "-servername",    "server.example",
				"-verify_hostname", "server.example", "-verify_return_error",
				"-quiet",	    "-no_ign_eof" };

	for (; n < sizeof(fixed) / sizeof(fixed[0]); n++)
		argv[n] = fixed[n];
	if (w->suite) {
		argv[n++] = "-ciphersuites";
		argv[n++] = hs_suite_name(w->suite);
	}
	if (w->group) {
		snprintf(groups, size, "%s%s%s",
			 w->first_group ? openssl_group(w->first_group) : "",
			 w->first_group ? ":" : "", openssl_group(w->group));
		argv[n++] = "-groups";
		argv[n++] = groups;
	}
	if (w->client_certificate) {
		argv[n++] = "-cert";
		argv[n++] = client_file;
	}
	if (w->alpn) {
		argv[n++] = "-alpn";
		argv[n++] = "h2,http/1.1";
	}
	argv[n] = NULL;
}

static void gnutls_client_args(const char **argv, const struct wish *w, const char *port,
			       char *priority, size_t size)
{
	size_t n = 0, used;
	const char *fixed[] = { "gnutls-cli",
				"--x509cafile",
				root_file,
				"--port",
				port,
				"--sni-hostname",
				"server.example",
				"--verify-hostname",
				"server.example",
				"--priority",
				priority,
				"127.0.0.1" };

	used = (size_t)snprintf(priority, size, "NORMAL:-VERS-ALL:+VERS-TLS1.3");
	if (w->suite)
		used += (size_t)snprintf(priority + used, size - used, ":-CIPHER-ALL:+%s",
					 gnutls_cipher(w->suite));
	if (w->group)
		used += (size_t)snprintf(priority + used, size - used, ":-GROUP-ALL");
	if (w->first_group)
		used += (size_t)snprintf(priority + used, size - used, ":+%s",
					 gnutls_group(w->first_group));
	if (w->group)
		snprintf(priority + used, size - used, ":+%s", gnutls_group(w->group));
	for (; n < sizeof(fixed) / sizeof(fixed[0]); n++)
		argv[n] = fixed[n];
	if (w->client_certificate) {
		argv[n++] = "--x509certfile";
		argv[n++] = client_file;
		argv[n++] = "--x509keyfile";
		argv[n++] = client_file;
	}
	if (w->alpn) {
		argv[n++] = "--alpn=h2";
		argv[n++] = "--alpn=http/1.1";
	}
	if (w->first_group)
		argv[n++] = "--single-key-share";
	argv[n] = NULL;
}

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

static void openssl_server_args(const char **argv, const struct wish *w, const char *address)
{
	size_t n = 0;
	const char *fixed[] = { "openssl", "s_server", "-tls1_3",	  "-accept",
				address,   "-cert",    pem_files[w->key], "-rev" };

	for (; n < sizeof(fixed) / sizeof(fixed[0]); n++)
		argv[n] = fixed[n];
	if (w->suite) {
		argv[n++] = "-ciphersuites";
		argv[n++] = hs_suite_name(w->suite);
	}
	if (w->group) {
		argv[n++] = "-groups";
		argv[n++] = openssl_group(w->group);
	}
	if (w->client_certificate) {
		argv[n++] = "-CAfile";
		argv[n++] = root_file;
		argv[n++] = "-verify_return_error";
		argv[n++] = "-Verify";
		argv[n++] = "3";
	}
	if (w->alpn) {
		argv[n++] = "-alpn";
		argv[n++] = "http/1.1";
	}
	argv[n] = NULL;
}

static void gnutls_server_args(const char **argv, const struct wish *w, const char *port,
			       char *priority, size_t size)
{
	size_t n = 0, used;
	const char *fixed[] = {
		"gnutls-serv",	 "--echo",	    "--port",	      port,
		"--priority",	 priority,	    "--x509certfile", pem_files[w->key],
		"--x509keyfile", pem_files[w->key], "--x509cafile",   root_file
	};

	used = (size_t)snprintf(priority, size, "NORMAL:-VERS-ALL:+VERS-TLS1.3");
	if (w->suite)
		used += (size_t)snprintf(priority + used, size - used, ":-CIPHER-ALL:+%s",
					 gnutls_cipher(w->suite));
	if (w->group)
		snprintf(priority + used, size - used, ":-GROUP-ALL:+%s", gnutls_group(w->group));
	for (; n < sizeof(fixed) / sizeof(fixed[0]); n++)
		argv[n] = fixed[n];
	if (w->client_certificate) {
		argv[n++] = "--require-client-cert";
		argv[n++] = "--verify-client-cert";
	} else {
		argv[n++] = "--disable-client-cert";
	}
	if (w->alpn)
		argv[n++] = "--alpn=http/1.1";
	argv[n] = NULL;
}

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

static void all_wishes(const char *program, void (*test)(const char *, const struct wish *))
{
	for (size_t i = 0; i < WISHES; i++) {
		if (program_exists(program))
			test(program, &wishes[i]);
		else
			skip(wishes[i].what, "the peer program is not installed");
	}
}

int main(void)
{
	make_identities();
	all_wishes("openssl", serve);
	all_wishes("openssl", visit);
	if (program_exists("openssl"))
		old_versions();
	else
		skip("TLS 1.2", "openssl is not installed");
	all_wishes("gnutls-cli", serve);
	all_wishes("gnutls-serv", visit);
	remove_identities();
	return tap_done();
}
