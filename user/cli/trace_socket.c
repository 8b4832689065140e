// SPDX-License-Identifier: MIT
/*
 * trace_socket.c - the plain TCP below a traced handshake, as either side
 *
 * Must never speak before it is told to; what is told of addresses is in digits.
 */
#include "trace.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli.h"

static struct addrinfo *look_up(const char *host, const char *service, int flags)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_protocol = IPPROTO_TCP,
				  .ai_flags = flags };
	struct addrinfo *list = NULL;
	int code = getaddrinfo(host, service, &hints, &list);

	if (!code)
		return list;
	complain("%s: %s", host ? host : service, gai_strerror(code));
	return NULL;
}

int trace_connect(const char *host, const char *service)
{
	struct addrinfo *list = look_up(host, service, 0);
	int fd = -1;

	if (!list)
		return -1;
	for (const struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next) {
		fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
		if (fd >= 0 && connect(fd, ai->ai_addr, ai->ai_addrlen)) {
			close(fd);
			fd = -1;
		}
	}
	if (fd < 0)
		complain("%s: %s", host, tlsock_strerror(errno));
	freeaddrinfo(list);
	return fd;
}

static void tell_address(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	char words[64];

	if (getsockname(fd, (struct sockaddr *)&at, &len))
		return;
	address_words(&at, len, words, sizeof(words));
	complain("listening on %s", words);
}

/* Until somebody comes; the one alone. */
static int accept_one(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

int trace_accept(const char *host, const char *service)
{
	struct addrinfo *list = look_up(host && host[0] ? host : NULL, service, AI_PASSIVE);
	int listener, fd = -1, one = 1;

	if (!list)
		return -1;
	listener = socket(list->ai_family, list->ai_socktype | SOCK_CLOEXEC, list->ai_protocol);
	if (listener >= 0 && !setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) &&
	    !bind(listener, list->ai_addr, list->ai_addrlen) && !listen(listener, 1)) {
		tell_address(listener);
		fd = accept_one(listener);
	}
	if (fd < 0)
		complain("%s: %s", service, tlsock_strerror(errno));
	if (listener >= 0)
		close(listener);
	freeaddrinfo(list);
	return fd;
}

bool trace_read(int fd, void *out, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (size_t at = 0; at < len;) {
		ssize_t n = poll(&p, 1, TRACE_TIMEOUT_MS) == 1 ?
				    recv(fd, (char *)out + at, len - at, 0) :
				    -1;

		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

/* What is left unread would reset the connection, and the peer might not see what was said last. */
void trace_close(int fd)
{
	char rest[4096];

	if (!shutdown(fd, SHUT_WR))
		while (trace_read(fd, rest, 1))
			;
	close(fd);
}
