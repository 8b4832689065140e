// SPDX-License-Identifier: MIT
/*
 * http_server.c - static files over HTTPS (RFC 9110 section 9.3.1: GET alone), by socket options
 *
 * Two options make a listening TCP socket a TLS one; the rest is what it would be without TLS,
 * sendfile() included. One process for each connection. Must never open a file outside the
 * folder it was given.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/tlsock.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int folder;

static void report(int fd, const char *what)
{
	int error = errno;
	struct tlsock_error e = { .error = 0 };
	socklen_t len = sizeof(e);

	getsockopt(fd, SOL_TLS, TLSOCK_ERROR, &e, &len);
	fprintf(stderr, "%s: %s%s%s\n", what, strerror(error), e.error ? ": " : "", e.text);
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

static int send_file(int fd, const char *path)
{
	const struct open_how how = { .flags = O_RDONLY | O_NONBLOCK, .resolve = RESOLVE_BENEATH };
	int file = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
	struct stat st;
	off_t at = 0;
	int ret;

	if (file < 0 || fstat(file, &st) || !S_ISREG(st.st_mode)) {
		ret = dprintf(fd, "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
		goto out;
	}
	ret = dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\nConnection: close\r\n\r\n",
		      (long long)st.st_size);
	while (ret >= 0 && at < st.st_size)
		if (sendfile(fd, file, &at, (size_t)(st.st_size - at)) <= 0)
			ret = -1;
out:
	if (file >= 0)
		close(file);
	return ret;
}

static int serve(int fd)
{
	char request[4096], path[2048];
	size_t len = 0;
	ssize_t n;

	errno = 0;
	do {
		n = read(fd, request + len, sizeof(request) - 1 - len);
		if (n <= 0)
			return -1;
		len += (size_t)n;
		request[len] = 0;
	} while (!strstr(request, "\r\n\r\n") && len < sizeof(request) - 1);
	if (sscanf(request, "GET /%2047[^ ?\r\n]", path) == 1)
		n = send_file(fd, path);
	else
		n = dprintf(fd, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
	if (n < 0 || shutdown(fd, SHUT_WR))
		return -1;
	while ((n = read(fd, request, sizeof(request))) > 0)
		;
	return (int)n;
}

static int listen_at(const char *host, const char *port, const char *credential)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *ai;
	int fd, one = 1;

	if (getaddrinfo(host, port, &hints, &ai))
		return -1;
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tlsock", strlen("tlsock")) ||
	    setsockopt(fd, SOL_TLS, TLSOCK_CREDENTIAL, credential, (socklen_t)strlen(credential)) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, 128))
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	int listener, fd;

	if (argc != 5) {
		fprintf(stderr, "usage: http_server address port credential folder\n");
		return 64;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	listener = listen_at(argv[1], argv[2], argv[3]);
	folder = open(argv[4], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (listener < 0 || folder < 0) {
		perror(listener < 0 ? "listen" : argv[4]);
		return 1;
	}
	fprintf(stderr, "listening\n");
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno != EBADF) {
		if (fd >= 0 && fork() == 0) {
			if (serve(fd))
				report(fd, "connection");
			info(fd);
			return 0;
		}
		if (fd >= 0)
			close(fd);
	}
	return 1;
}
