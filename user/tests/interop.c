// SPDX-License-Identifier: MIT
/*
 * interop.c - what the tests against other implementations share
 *
 * See interop.h.
 */
#include "interop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

char interop_folder[] = "/tmp/interop.XXXXXX";
static char root_file[64], pem_files[KEY_OTHER + 1][64], client_file[64];
static struct identity *root, *leaves[KEY_OTHER + 1], *client;
static struct party party; /* for its random bytes and clock */

static void write_file(char *path, size_t size, const char *name, const char *a, const char *b)
{
	FILE *f;

	snprintf(path, size, "%s/%s", interop_folder, name);
	f = fopen(path, "w");
	if (!f || fputs(a, f) < 0 || fputs(b, f) < 0 || fclose(f))
		bail("cannot write %s", path);
}

/* The peers go by the real clock, so these are valid now. */
void make_identities(void)
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

	if (!mkdtemp(interop_folder))
		bail("no interop_folder for certificates");
	root = identity_new(&spec);
	write_file(root_file, sizeof(root_file), "root.pem", root->cert_pem, "");
	spec.authority = false;
	spec.issuer = root;
	spec.key_usage = "critical,digitalSignature";
	spec.names = "DNS:server.example,IP:127.0.0.1";
	for (int key = KEY_RSA; key <= KEY_ED25519; key++) {
		spec.common_name = "server.example";
		spec.key = (enum key_type)key;
		spec.key_usage = key == KEY_RSA ? "critical,digitalSignature,keyEncipherment" :
						  "critical,digitalSignature";
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

void remove_identities(void)
{
	for (int key = KEY_RSA; key <= KEY_ED25519; key++) {
		unlink(pem_files[key]);
		identity_free(leaves[key]);
	}
	unlink(root_file);
	unlink(client_file);
	rmdir(interop_folder);
	identity_free(root);
	identity_free(client);
}

/* A socket that listens on loopback, and its port. */
int listen_loopback(uint16_t *port)
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

int connect_loopback(uint16_t port)
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
	case HS_X25519MLKEM768:
		return "X25519MLKEM768";
	case HS_FFDHE2048:
		return "ffdhe2048";
	case HS_FFDHE3072:
		return "ffdhe3072";
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
	case HS_FFDHE2048:
		return "GROUP-FFDHE2048";
	case HS_FFDHE3072:
		return "GROUP-FFDHE3072";
	case HS_SECP256R1:
		return "GROUP-SECP256R1";
	}
	return "GROUP-SECP384R1";
}

static const char *gnutls_cipher(uint16_t suite)
{
	const char *name = hs_suite_name(suite);

	return strstr(name, "AES_128") ? "AES-128-GCM" :
	       strstr(name, "AES_256") ? "AES-256-GCM" :
					 "CHACHA20-POLY1305";
}

/* The start of GnuTLS's priority string: version, key exchange, cipher. */
static size_t gnutls_priority(const struct wish *w, char *out, size_t size)
{
	const char *name = hs_suite_name(w->suite);
	size_t used = (size_t)snprintf(out, size, "NORMAL:-VERS-ALL:+VERS-TLS1.%d",
				       w->version ? 2 : 3);

	if (w->version)
		used += (size_t)snprintf(out + used, size - used, ":-KX-ALL:+%s",
					 strstr(name, "_ECDSA_") ? "ECDHE-ECDSA" :
					 strstr(name, "_ECDHE_") ? "ECDHE-RSA" :
					 strstr(name, "_DHE_")	 ? "DHE-RSA" :
								   "RSA");
	if (w->suite)
		used += (size_t)snprintf(out + used, size - used, ":-CIPHER-ALL:+%s",
					 gnutls_cipher(w->suite));
	return used;
}

/* OpenSSL names the suites of TLS 1.2 in its own way. */
static size_t openssl_suite(const char **argv, size_t n, const struct wish *w)
{
	static char name[64];
	const char *iana = hs_suite_name(w->suite);

	if (!w->suite)
		return n;
	argv[n++] = w->version ? "-cipher" : "-ciphersuites";
	argv[n++] = w->version ? name : iana;
	snprintf(name, sizeof(name), "%s%s",
		 strstr(iana, "_ECDHE_ECDSA_") ? "ECDHE-ECDSA-" :
		 strstr(iana, "_ECDHE_")       ? "ECDHE-RSA-" :
		 strstr(iana, "_DHE_")	       ? "DHE-RSA-" :
						 "", /* RSA key exchange has no name */
		 strstr(iana, "AES_128") ? "AES128-GCM-SHA256" :
		 strstr(iana, "AES_256") ? "AES256-GCM-SHA384" :
					   "CHACHA20-POLY1305");
	return n;
}

void ours_init(struct ours *o, const struct wish *w, enum hs_role role)
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
	o->config.min_version = w->version;
	o->config.max_version = w->version;
	o->config.suites = &w->suite;
	o->config.suite_count = w->suite != 0;
	o->config.legacy = hs_suite_place(w->suite) == HS_PLACE_LEGACY;
	if (role == HS_CLIENT && w->first_group)
		o->groups[o->config.group_count++] = w->first_group;
	if (w->group)
		o->groups[o->config.group_count++] = w->group;
	if (w->version && w->group) /* for the certificates' curve */
		o->groups[o->config.group_count++] = w->group == HS_SECP256R1 ? HS_X25519 :
										HS_SECP256R1;
	o->config.groups = o->groups;
}

void ours_release(struct ours *o)
{
	hs_credential_unref(o->credential);
	hs_trust_unref(o->config.trust);
}

void openssl_client_args(const char **argv, const struct wish *w, const char *address, char *groups,
			 size_t size)
{
	size_t n = 0;
	const char *fixed[] = { "openssl",	    "s_client",	      "-tls1_3",
				"-connect",	    address,	      "-CAfile",
				root_file,	    "-servername",    "server.example",
				"-verify_hostname", "server.example", "-verify_return_error",
				"-quiet",	    "-no_ign_eof" };

	for (; n < sizeof(fixed) / sizeof(fixed[0]); n++)
		argv[n] = fixed[n];
	if (w->version)
		argv[2] = "-tls1_2";
	n = openssl_suite(argv, n, w);
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

void gnutls_client_args(const char **argv, const struct wish *w, const char *port, char *priority,
			size_t size)
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

	used = gnutls_priority(w, priority, size);
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

void openssl_server_args(const char **argv, const struct wish *w, const char *address)
{
	size_t n = 0;
	const char *fixed[] = { "openssl", "s_server", "-tls1_3",	  "-accept",
				address,   "-cert",    pem_files[w->key], "-rev" };

	for (; n < sizeof(fixed) / sizeof(fixed[0]); n++)
		argv[n] = fixed[n];
	if (w->version)
		argv[2] = "-tls1_2";
	n = openssl_suite(argv, n, w);
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

void gnutls_server_args(const char **argv, const struct wish *w, const char *port, char *priority,
			size_t size)
{
	size_t n = 0, used;
	const char *fixed[] = {
		"gnutls-serv",	 "--echo",	    "--port",	      port,
		"--priority",	 priority,	    "--x509certfile", pem_files[w->key],
		"--x509keyfile", pem_files[w->key], "--x509cafile",   root_file
	};

	used = gnutls_priority(w, priority, size);
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
