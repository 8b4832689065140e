// SPDX-License-Identifier: MIT
/*
 * starttls.c - a connection that begins in plaintext and goes on in TLS, as a client or as a server
 *
 * The dialogue is that of SMTP (RFC 3207), cut down to EHLO, STARTTLS, NOOP and QUIT. What came before the
 * handshake counts for nothing: whoever is on the way may have said it. So a line is read byte by byte and
 * nothing behind STARTTLS is taken from plaintext, and the client asks again what the server can do.
 * Must never go on without TLS because the other side would not.
 */
#include <errno.h>
#include <linux/tlsock.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE 512

static int fail(int fd, const char *what)
{
	struct tlsock_error e = { .error = 0 };
	int error = errno;
	socklen_t len = sizeof(e);

	getsockopt(fd, SOL_TLS, TLSOCK_ERROR, &e, &len);
	fprintf(stderr, "%s: %s%s%s\n", what, strerror(error), e.error ? ": " : "", e.text);
	return 1;
}

static int set_name(int fd, int option, const char *name)
{
	return setsockopt(fd, SOL_TLS, option, name, (socklen_t)strlen(name));
}

/* The ULP comes when the plaintext is over; names, then the handshake; the next read waits for its end. */
static int attach(int fd)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tlsock", strlen("tlsock"));
}

static int start(int fd, int role)
{
	return setsockopt(fd, SOL_TLS, TLSOCK_START, &role, sizeof(role));
}

/* A line without its end; 0, or -1: there is none. Byte by byte: the next one may be the handshake's. */
static int get_line(int fd, char line[LINE])
{
	size_t len = 0;

	while (len < LINE - 1) {
		if (read(fd, line + len, 1) != 1)
			return -1;
		if (line[len] == '\n') {
			line[len && line[len - 1] == '\r' ? len - 1 : len] = '\0';
			return 0;
		}
		len++;
	}
	errno = EMSGSIZE;
	return -1;
}

/* ---- the server */

static int serve(int fd, const char *credential)
{
	int tls = 0;
	char line[LINE];

	dprintf(fd, "220 example ESMTP\r\n");
	while (!get_line(fd, line)) {
		if (!strncasecmp(line, "EHLO", 4)) {
			dprintf(fd, tls ? "250 example\r\n" : "250-example\r\n250 STARTTLS\r\n");
		} else if (!strcasecmp(line, "STARTTLS") && !tls) {
			dprintf(fd, "220 go ahead\r\n");
			if (attach(fd) || set_name(fd, TLSOCK_CREDENTIAL, credential) ||
			    start(fd, TLSOCK_ROLE_SERVER))
				return fail(fd, "STARTTLS");
			tls = 1;
		} else if (!strcasecmp(line, "NOOP")) {
			dprintf(fd, tls ? "250 over TLS\r\n" : "530 STARTTLS first\r\n");
		} else if (!strcasecmp(line, "QUIT")) {
			dprintf(fd, "221 bye\r\n");
			return 0;
		} else {
			dprintf(fd, "502 no such command\r\n");
		}
	}
	return fail(fd, "server");
}

static int server(const struct addrinfo *ai, const char *credential)
{
	int listener = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), fd, one = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (listener < 0 || bind(listener, ai->ai_addr, ai->ai_addrlen) || listen(listener, 16))
		return fail(listener, "listen");
	fprintf(stderr, "listening\n");
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		serve(fd, credential);
		close(fd);
	}
	return fail(listener, "accept");
}

/* ---- the client */

/* An answer, of several lines or of one; 0 if it begins with @code. @has: looked for in it, or NULL. */
static int expect(int fd, const char *code, const char *has)
{
	char line[LINE];
	int found = !has;

	do {
		if (get_line(fd, line))
			return fail(fd, "answer");
		found = found || !strcasecmp(line + strnlen(line, 4), has);
	} while (strnlen(line, 4) == 4 && line[3] == '-');
	if (!strncmp(line, code, 3) && found)
		return 0;
	fprintf(stderr, "the server says: %s\n", line);
	return 1;
}

static int client(const struct addrinfo *ai, const char *name, const char *trust)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, ai->ai_addr, ai->ai_addrlen))
		return fail(fd, "connect");
	if (expect(fd, "220", NULL) || dprintf(fd, "EHLO client\r\n") < 0 ||
	    expect(fd, "250", "STARTTLS") || dprintf(fd, "STARTTLS\r\n") < 0 ||
	    expect(fd, "220", NULL))
		return 1;
	if (attach(fd) || set_name(fd, TLSOCK_SERVER_NAME, name) ||
	    set_name(fd, TLSOCK_TRUST, trust) || start(fd, TLSOCK_ROLE_CLIENT))
		return fail(fd, "STARTTLS");
	if (dprintf(fd, "EHLO client\r\n") < 0 || expect(fd, "250", NULL) ||
	    dprintf(fd, "NOOP\r\n") < 0 || expect(fd, "250", NULL) || dprintf(fd, "QUIT\r\n") < 0 ||
	    expect(fd, "221", NULL))
		return fail(fd, "over TLS");
	puts("over TLS");
	return 0;
}

int main(int argc, char **argv)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *ai;
	int serves = argc == 5 && !strcmp(argv[1], "server");

	if ((!serves && (argc != 6 || strcmp(argv[1], "client"))) ||
	    getaddrinfo(argv[2], argv[3], &hints, &ai)) {
		fprintf(stderr, "usage: starttls server address port credential\n"
				"       starttls client address port name trust-store\n");
		return 64;
	}
	signal(SIGPIPE, SIG_IGN);
	return serves ? server(ai, argv[4]) : client(ai, argv[4], argv[5]);
}
