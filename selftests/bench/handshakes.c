// SPDX-License-Identifier: GPL-2.0-only
/*
 * handshakes.c: the ends of the bench of whole handshakes (whole_path.sh), each one thread with epoll:
 * a server on the ULP "tlsock", the same server on libssl, and a client on libssl that keeps so many
 * connections in their handshake and tells how long each took from connect() to its answer (TLS 1.3,
 * X25519, AES-128-GCM, one session ticket). It must never count a connection without its answer.
 *
 *	handshakes tlsock PORT CREDENTIAL
 *	handshakes libssl PORT CHAIN KEY
 *	handshakes load PORT AT_ONCE COUNT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tlsock.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define ANSWER "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"
#define REQUEST "GET / HTTP/1.0\r\n\r\n"

static SSL_CTX *tls; /* NULL: the kernel's */
static int poller;

struct conn {
	int fd;
	SSL *ssl;
	bool shaken; /* the client: its request is sent */
	double since;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static struct sockaddr_in address(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

/* Waits for either: only one side's state tells which comes next. */
static void watch(struct conn *c)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c };

	if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e))
		die("epoll_ctl");
}

static void conn_end(struct conn *c)
{
	SSL_free(c->ssl);
	close(c->fd);
	free(c);
}

static struct conn *conn_new(int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		die("calloc");
	c->fd = fd;
	if (!tls)
		return c;
	c->ssl = SSL_new(tls);
	if (!c->ssl || !SSL_set_fd(c->ssl, fd))
		die("SSL_new");
	if (SSL_CTX_get_ssl_method(tls) == TLS_server_method())
		SSL_set_accept_state(c->ssl);
	else
		SSL_set_connect_state(c->ssl);
	return c;
}

/* Bytes; 0: not yet; -1: it is over. */
static int receive(struct conn *c, char *buf, int size)
{
	int n;

	if (!c->ssl) {
		n = (int)read(c->fd, buf, (size_t)size);
		return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
	}
	n = SSL_read(c->ssl, buf, size);
	if (n > 0)
		return n;
	n = SSL_get_error(c->ssl, n);
	return n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static bool tell(struct conn *c, const char *text)
{
	int len = (int)strlen(text);

	return c->ssl ? SSL_write(c->ssl, text, len) == len : write(c->fd, text, (size_t)len) == len;
}

/* ---- the servers */

static void serve_one(struct conn *c)
{
	char buf[1024];
	int n = receive(c, buf, sizeof(buf));

	if (!n)
		return;
	if (n > 0 && tell(c, ANSWER) && c->ssl)
		SSL_shutdown(c->ssl);
	conn_end(c); /* of the kernel's it sends close_notify */
}

static void accept_all(int l)
{
	int fd;

	while ((fd = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		watch(conn_new(fd));
}

static int listener(const char *port, const char *credential)
{
	struct sockaddr_in a = address(port);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (l < 0 || setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    (credential && (setsockopt(l, IPPROTO_TCP, TCP_ULP, "tlsock", 6) ||
			    setsockopt(l, SOL_TLS, TLSOCK_CREDENTIAL, credential,
				       (socklen_t)strlen(credential)))) ||
	    bind(l, (struct sockaddr *)&a, sizeof(a)) || listen(l, 4096))
		die("listen");
	return l;
}

static void serve(int l)
{
	struct epoll_event e = { .events = EPOLLIN }, events[EVENTS];
	int n;

	if (epoll_ctl(poller, EPOLL_CTL_ADD, l, &e))
		die("epoll_ctl");
	while ((n = epoll_wait(poller, events, EVENTS, -1)) >= 0 || errno == EINTR)
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				serve_one(events[i].data.ptr);
			else
				accept_all(l);
		}
}

static void context(bool server)
{
	tls = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	if (!tls || !SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) ||
	    !SSL_CTX_set1_groups_list(tls, "X25519") ||
	    !SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256") ||
	    !SSL_CTX_set_num_tickets(tls, 1))
		die("SSL_CTX_new");
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
}

/* ---- the client */

struct load {
	struct sockaddr_in to;
	int started, ended, count;
	double *us; /* of each that has ended */
};

static void start(struct load *l)
{
	struct conn *c;
	int fd;

	if (l->started == l->count)
		return;
	l->started++;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	c = conn_new(fd);
	c->since = now_us();
	if (connect(fd, (struct sockaddr *)&l->to, sizeof(l->to)) && errno != EINPROGRESS)
		die("connect");
	watch(c);
}

static void go_on(struct load *l, struct conn *c)
{
	char buf[1024];
	int n;

	if (!c->shaken) {
		n = SSL_do_handshake(c->ssl);
		if (n != 1) {
			n = SSL_get_error(c->ssl, n);
			if (n != SSL_ERROR_WANT_READ && n != SSL_ERROR_WANT_WRITE)
				die("handshake");
			return;
		}
		c->shaken = true;
		if (!tell(c, REQUEST))
			die("request");
	}
	n = receive(c, buf, sizeof(buf));
	if (!n)
		return;
	if (n < 12 || memcmp(buf + 9, "200", 3))
		die("answer");
	l->us[l->ended++] = now_us() - c->since;
	SSL_shutdown(c->ssl);
	conn_end(c);
	start(l);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Prints: connections, processor time of this end for each, the median and the 99th percentile; us. */
static void load(const char *port, int at_once, int count)
{
	struct load l = { .to = address(port), .count = count, .us = calloc((size_t)count, 8) };
	struct epoll_event events[EVENTS];
	double used;
	int n;

	if (!l.us)
		die("calloc");
	used = (double)clock();
	for (int i = 0; i < at_once; i++)
		start(&l);
	while (l.ended < count) {
		n = epoll_wait(poller, events, EVENTS, 60000);
		if (n <= 0)
			die("no answer");
		for (int i = 0; i < n; i++)
			go_on(&l, events[i].data.ptr);
	}
	used = ((double)clock() - used) * 1e6 / CLOCKS_PER_SEC;
	qsort(l.us, (size_t)count, sizeof(*l.us), by_value);
	printf("%d %.1f %.0f %.0f\n", count, used / count, l.us[count / 2],
	       l.us[(size_t)count * 99 / 100]);
	free(l.us);
}

int main(int argc, char **argv)
{
	struct rlimit files = { 8192, 8192 };

	signal(SIGPIPE, SIG_IGN);
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (setrlimit(RLIMIT_NOFILE, &files) || poller < 0)
		die("setrlimit");
	if (argc == 4 && !strcmp(argv[1], "tlsock")) {
		serve(listener(argv[2], argv[3]));
	} else if (argc == 5 && !strcmp(argv[1], "libssl")) {
		context(true);
		if (SSL_CTX_use_certificate_chain_file(tls, argv[3]) != 1 ||
		    SSL_CTX_use_PrivateKey_file(tls, argv[4], SSL_FILETYPE_PEM) != 1)
			die(argv[3]);
		serve(listener(argv[2], NULL));
	} else if (argc == 5 && !strcmp(argv[1], "load")) {
		context(false);
		load(argv[2], atoi(argv[3]), atoi(argv[4]));
		return 0;
	}
	fprintf(stderr, "usage: see handshakes.c\n");
	return 64;
}
