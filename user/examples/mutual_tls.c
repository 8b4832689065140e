// SPDX-License-Identifier: MIT
/*
 * mutual_tls.c - both sides show a certificate: a server that knows who its clients are, and a client
 *
 * The server asks for a certificate and refuses who has none that its trust store verifies; then the
 * client's is there to be read, in DER. Who may do what by it is the program's business. Must never take
 * a certificate for proven that TLSOCK_INFO does not call verified.
 */
#include <errno.h>
#include <linux/tlsock.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail(int fd, const char *what)
{
	struct tlsock_error e = { .error = 0 };
	int error = errno;
	socklen_t len = sizeof(e);

	getsockopt(fd, SOL_TLS, TLSOCK_ERROR, &e, &len);
	fprintf(stderr, "%s: %s%s%s\n", what, strerrorname_np(error), e.error ? ": " : "", e.text);
	return 1;
}

static int set_name(int fd, int option, const char *name)
{
	return setsockopt(fd, SOL_TLS, option, name, (socklen_t)strlen(name));
}

static int tls_socket(const struct addrinfo *ai, const char *credential, const char *trust)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tlsock", strlen("tlsock")) ||
	    set_name(fd, TLSOCK_CREDENTIAL, credential) || set_name(fd, TLSOCK_TRUST, trust))
		exit(fail(fd, "socket"));
	return fd;
}

static int verified(int fd)
{
	struct tlsock_info info = { .size = 0 };
	socklen_t len = sizeof(info);

	return !getsockopt(fd, SOL_TLS, TLSOCK_INFO, &info, &len) &&
	       info.flags & TLSOCK_INFO_VERIFIED;
}

/* The leaf of the peer's chain on standard output; its length, or -1. ERANGE says how much there is. */
static long show_certificate(int fd)
{
	struct tlsock_cert *chain = NULL;
	socklen_t len = 0;
	long leaf = -1;

	if (getsockopt(fd, SOL_TLS, TLSOCK_PEER_CERT, NULL, &len) && errno == ERANGE)
		chain = malloc(len);
	if (chain && !getsockopt(fd, SOL_TLS, TLSOCK_PEER_CERT, chain, &len) &&
	    fwrite(chain->der, chain->len, 1, stdout) == 1 && !fflush(stdout))
		leaf = chain->len;
	free(chain);
	return leaf;
}

static void serve(int fd)
{
	char line[256];
	ssize_t n = read(fd, line, sizeof(line)); /* waits for the handshake */
	long leaf;

	if (n <= 0 || !verified(fd)) {
		fail(fd, "refused");
		return;
	}
	leaf = show_certificate(fd);
	dprintf(fd, "good day, whose certificate has %ld bytes\n", leaf);
	fprintf(stderr, "a client with a certificate of %ld bytes\n", leaf);
}

static int server(const struct addrinfo *ai, const char *credential, const char *trust)
{
	int listener = tls_socket(ai, credential, trust), how = TLSOCK_VERIFY_REQUIRED, fd;

	if (setsockopt(listener, SOL_TLS, TLSOCK_VERIFY, &how, sizeof(how)) ||
	    bind(listener, ai->ai_addr, ai->ai_addrlen) || listen(listener, 16))
		return fail(listener, "listen");
	fprintf(stderr, "listening\n");
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		serve(fd);
		close(fd);
	}
	return fail(listener, "accept");
}

/* In TLS 1.3 a client is done before the server has seen its certificate: a refusal comes with the answer. */
static int client(const struct addrinfo *ai, const char *credential, const char *trust,
		  const char *name)
{
	int fd = tls_socket(ai, credential, trust);
	char answer[256];
	ssize_t n;

	if (set_name(fd, TLSOCK_SERVER_NAME, name) || connect(fd, ai->ai_addr, ai->ai_addrlen))
		return fail(fd, "connect");
	if (dprintf(fd, "hello\n") < 0)
		return fail(fd, "write");
	n = read(fd, answer, sizeof(answer));
	if (n <= 0)
		return fail(fd, "read");
	fwrite(answer, 1, (size_t)n, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *ai;
	int serves = argc == 6 && !strcmp(argv[1], "server");

	if ((!serves && (argc != 7 || strcmp(argv[1], "client"))) ||
	    getaddrinfo(argv[2], argv[3], &hints, &ai)) {
		fprintf(stderr,
			"usage: mutual_tls server address port credential trust-store\n"
			"       mutual_tls client address port credential trust-store name\n");
		return 64;
	}
	signal(SIGPIPE, SIG_IGN);
	return serves ? server(ai, argv[4], argv[5]) : client(ai, argv[4], argv[5], argv[6]);
}
