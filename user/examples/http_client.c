// SPDX-License-Identifier: MIT
/*
 * http_client.c - fetch one file over HTTPS (RFC 9110 section 9.3.1), by socket options
 *
 * connect() succeeds only if the peer has proven to be the one that was named. Must never take
 * a connection that was cut off for the end of the file: read() gives EPROTO for it.
 */
#include <errno.h>
#include <linux/tlsock.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail(int fd, const char *what)
{
	int error = errno;
	struct tlsock_error e = { .error = 0 };
	socklen_t len = sizeof(e);

	getsockopt(fd, SOL_TLS, TLSOCK_ERROR, &e, &len);
	fprintf(stderr, "%s: %s: %s%s%s\n", what, strerrorname_np(error), strerror(error),
		e.error ? ": " : "", e.text);
	return 1;
}

static void info(int fd)
{
	struct tlsock_info i = { .size = 0 };
	socklen_t len = sizeof(i);

	if (getsockopt(fd, SOL_TLS, TLSOCK_INFO, &i, &len))
		return;
	fprintf(stderr, "info: suite %04x group %04x ", i.cipher_suite, i.group);
	fprintf(stderr, "records %llu/%llu bytes %llu/%llu updates %u/%u\n", i.tx_records,
		i.rx_records, i.tx_bytes, i.rx_bytes, i.tx_key_updates, i.rx_key_updates);
}

int main(int argc, char **argv)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char buf[65536], *body = NULL;
	struct addrinfo *ai;
	size_t len = 0;
	ssize_t n;
	int fd;

	if (argc != 6 || getaddrinfo(argv[1], argv[2], &hints, &ai)) {
		fprintf(stderr, "usage: http_client address port path name trust-store >file\n");
		return 64;
	}
	fd = socket(ai->ai_family, SOCK_STREAM, 0);
	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tlsock", strlen("tlsock")) ||
	    setsockopt(fd, SOL_TLS, TLSOCK_SERVER_NAME, argv[4], (socklen_t)strlen(argv[4])) ||
	    setsockopt(fd, SOL_TLS, TLSOCK_TRUST, argv[5], (socklen_t)strlen(argv[5])))
		return fail(fd, "socket");
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) ||
	    dprintf(fd, "GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n", argv[3], argv[4]) < 0)
		return fail(fd, "connect");
	for (; !body && len < sizeof(buf) - 1; len += (size_t)n) {
		n = read(fd, buf + len, sizeof(buf) - 1 - len);
		if (n <= 0)
			return fail(fd, "read");
		buf[len + (size_t)n] = 0;
		body = strstr(buf, "\r\n\r\n");
	}
	if (!body || strncmp(buf, "HTTP/1.", 7) || strncmp(buf + 8, " 200", 4))
		return fprintf(stderr, "no file: %.*s\n", (int)strcspn(buf, "\r\n"), buf), 1;
	fwrite(body + 4, 1, len - (size_t)(body + 4 - buf), stdout);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
	if (n < 0)
		return fail(fd, "read");
	shutdown(fd, SHUT_WR);
	info(fd);
	return fflush(stdout) ? fail(-1, "standard output") : 0;
}
