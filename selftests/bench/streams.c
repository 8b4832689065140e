// SPDX-License-Identifier: GPL-2.0-only
/*
 * streams.c: the bench, as programs see it: a write and its read with all the system calls they
 * take, over several connections in turn, for plain TCP, both ULPs with keys set by hand, and
 * OpenSSL in user space. Round by round, so that a busy neighbour disturbs all of them alike. It
 * prints one line a round, as records.ko does; medians are made on the host. It must never judge.
 *
 * streams rounds connections size...
 */
#include <err.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CIPHER		"tls13-aes-128-gcm"
#define WRITE_MAX	65536			/* fits the buffers: a write never waits for its read */
#define BUFFER		(1 << 20)		/* of a socket */
#define ROUND_BYTES	(1 << 18)
#define ROUND_WRITES	512

#define TRANSPORTS	4
static const char *const transports[TRANSPORTS] = { "plain", "tls", "tlsock", "openssl" };

struct pair {
	int a, b;				/* a sends */
	SSL *sa, *sb;				/* or NULL */
};

static unsigned char data[WRITE_MAX];

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void set_buffers(int fd)
{
	struct timeval patience = { .tv_sec = 30 };
	int size = BUFFER, one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(fd, SOL_TCP, TCP_NODELAY, &one, sizeof(one)))
		err(1, "setsockopt");
}

static void set_ulp(int fd, const char *ulp)
{
	/* the same key both ways, sequence numbers from 0: nobody has to trust these records */
	struct tls12_crypto_info_aes_gcm_128 key = {
		.info = { .version = TLS_1_3_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128 },
	};

	if (setsockopt(fd, SOL_TCP, TCP_ULP, ulp, strlen(ulp)) ||
	    setsockopt(fd, SOL_TLS, TLS_TX, &key, sizeof(key)) ||
	    setsockopt(fd, SOL_TLS, TLS_RX, &key, sizeof(key)))
		err(1, "%s", ulp);
}

/* An ECDSA certificate of its own, valid now, that nobody looks at */
static SSL_CTX *server_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	if (!ctx || !key || !cert || !X509_set_version(cert, X509_VERSION_3) ||
	    !ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -3600) ||
	    !X509_gmtime_adj(X509_getm_notAfter(cert), 3600) || !X509_set_pubkey(cert, key) ||
	    !X509_sign(cert, key, EVP_sha256()) || SSL_CTX_use_certificate(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, key) != 1 || !SSL_CTX_set_num_tickets(ctx, 0))
		errx(1, "no certificate for OpenSSL");
	X509_free(cert);
	EVP_PKEY_free(key);
	return ctx;
}

static SSL *ssl_on(SSL_CTX *ctx, int fd)
{
	SSL *ssl;

	if (SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") != 1 ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1)
		errx(1, "no TLS 1.3 in OpenSSL");
	SSL_CTX_set_read_ahead(ctx, 1);		/* a record with one read() where it can be */
	ssl = SSL_new(ctx);
	if (!ssl || SSL_set_fd(ssl, fd) != 1)
		errx(1, "no connection of OpenSSL");
	return ssl;
}

static bool ssl_step(SSL *ssl)
{
	int rc = SSL_do_handshake(ssl), why = SSL_get_error(ssl, rc);

	if (rc != 1 && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		errx(1, "handshake of OpenSSL: %d", why);
	return rc == 1;
}

static void ssl_connect(struct pair *p)
{
	static SSL_CTX *server, *client;
	bool a = false, b = false;

	if (!server) {
		server = server_context();
		client = SSL_CTX_new(TLS_client_method());
	}
	if (!client || fcntl(p->a, F_SETFL, O_NONBLOCK) || fcntl(p->b, F_SETFL, O_NONBLOCK))
		err(1, "OpenSSL");
	p->sa = ssl_on(client, p->a);
	p->sb = ssl_on(server, p->b);
	SSL_set_connect_state(p->sa);
	SSL_set_accept_state(p->sb);
	while (!a || !b) {
		a = a || ssl_step(p->sa);
		b = b || ssl_step(p->sb);
	}
	if (fcntl(p->a, F_SETFL, 0) || fcntl(p->b, F_SETFL, 0))
		err(1, "fcntl");
}

static void pair_open(struct pair *p, const char *transport)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int l = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(addr);

	*p = (struct pair){ .a = socket(AF_INET, SOCK_STREAM, 0) };
	if (bind(l, (struct sockaddr *)&addr, len) || listen(l, 1) ||
	    getsockname(l, (struct sockaddr *)&addr, &len) ||
	    connect(p->a, (struct sockaddr *)&addr, len))
		err(1, "loopback");
	p->b = accept(l, NULL, NULL);
	close(l);
	if (p->b < 0)
		err(1, "accept");
	set_buffers(p->a);
	set_buffers(p->b);
	if (!strcmp(transport, "openssl")) {
		ssl_connect(p);
	} else if (strcmp(transport, "plain")) {
		set_ulp(p->a, transport);
		set_ulp(p->b, transport);
	}
}

static void pair_close(struct pair *p)
{
	SSL_free(p->sa);
	SSL_free(p->sb);
	close(p->a);
	close(p->b);
}

static void pair_send(const struct pair *p, size_t size)
{
	ssize_t n = p->sa ? SSL_write(p->sa, data, (int)size) : write(p->a, data, size);

	if (n != (ssize_t)size)
		err(1, "write: %zd of %zu", n, size);
}

static void pair_receive(const struct pair *p, size_t size)
{
	ssize_t n;

	for (; size; size -= (size_t)n) {
		n = p->sb ? SSL_read(p->sb, data, (int)size) : read(p->b, data, size);
		if (n <= 0)
			err(1, "read: %zd", n);
	}
}

static void measure(const struct pair *pairs, size_t count, size_t size, const char *transport)
{
	size_t writes = ROUND_BYTES / size, passes, i, k;
	long long sent = 0, received = 0, start, middle;

	writes = writes > ROUND_WRITES ? ROUND_WRITES : writes;
	passes = writes > count ? writes / count : 1;
	for (k = 0; k < passes; k++) {
		start = now();
		for (i = 0; i < count; i++)
			pair_send(&pairs[i], size);
		middle = now();
		for (i = 0; i < count; i++)
			pair_receive(&pairs[i], size);
		sent += middle - start;
		received += now() - middle;
	}
	writes = passes * count;
	printf("stream " CIPHER " calls-x%zu %zu %s %lld %lld\n", count, size, transport,
	       sent * 1000 / (long long)writes, received * 1000 / (long long)writes);
}

int main(int argc, char **argv)
{
	size_t count = argc > 3 ? strtoul(argv[2], NULL, 10) : 0, t, k, size;
	long rounds = argc > 3 ? strtol(argv[1], NULL, 10) : 0, r;
	const struct rlimit files = { 4096, 4096 };
	struct pair *pairs;
	int i;

	if (rounds < 1 || count < 1 || count > 256)
		errx(2, "usage: streams rounds connections size...");
	if (setrlimit(RLIMIT_NOFILE, &files))
		err(1, "setrlimit");
	pairs = calloc(TRANSPORTS * count, sizeof(*pairs));
	if (!pairs)
		err(1, "memory");
	for (t = 0; t < TRANSPORTS; t++)
		for (k = 0; k < count; k++)
			pair_open(&pairs[t * count + k], transports[t]);
	for (i = 3; i < argc; i++) {
		size = strtoul(argv[i], NULL, 10);
		if (size < 1 || size > WRITE_MAX)
			errx(2, "a size is 1 to %d", WRITE_MAX);
		for (k = 0; k < TRANSPORTS * count; k++) {	/* windows open, caches fill */
			pair_send(&pairs[k], size);
			pair_receive(&pairs[k], size);
		}
		for (r = 0; r < rounds; r++)
			for (t = 0; t < TRANSPORTS; t++)
				measure(&pairs[t * count], count, size, transports[t]);
	}
	for (k = 0; k < TRANSPORTS * count; k++)
		pair_close(&pairs[k]);
	free(pairs);
	return 0;
}
