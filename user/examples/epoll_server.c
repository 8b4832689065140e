// SPDX-License-Identifier: MIT
/*
 * epoll_server.c - one process, many connections: what comes is sent back, by socket options and epoll(7)
 *
 * The loop is that of any server. A handshake needs nothing of it: a socket is not ready before its
 * handshake is over, so a peer that is slow or says nothing holds up nobody. Must never keep more than a
 * buffer of a peer that does not read: what it has sent waits in its own socket then.
 */
#include <errno.h>
#include <linux/tlsock.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER 16384
#define EVENTS 64

struct peer {
	int fd;
	size_t len, sent; /* of the buffer; what is between them has to go first */
	char buffer[BUFFER];
};

static int listen_at(const char *host, const char *port, const char *credential)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *ai;
	int fd, one = 1;

	if (getaddrinfo(host, port, &hints, &ai))
		return -1;
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tlsock", strlen("tlsock")) ||
	    setsockopt(fd, SOL_TLS, TLSOCK_CREDENTIAL, credential, (socklen_t)strlen(credential)) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, SOMAXCONN))
		return -1;
	return fd;
}

static void leave(struct peer *p)
{
	struct tlsock_error e = { .error = 0 };
	socklen_t len = sizeof(e);

	if (!getsockopt(p->fd, SOL_TLS, TLSOCK_ERROR, &e, &len) && e.error)
		fprintf(stderr, "failed: %s\n", e.text);
	close(p->fd); /* close_notify goes with it, and epoll forgets it */
	free(p);
}

/* What is in the buffer; 1: all of it went, 0: not now, -1: never. */
static int flush_to(struct peer *p)
{
	while (p->sent < p->len) {
		ssize_t n = send(p->fd, p->buffer + p->sent, p->len - p->sent, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		p->sent += (size_t)n;
	}
	p->sent = p->len = 0;
	return 1;
}

/* Until there is nothing to read or no room to write; false: it is over. */
static bool serve(struct peer *p)
{
	int rc;

	while ((rc = flush_to(p)) > 0) {
		ssize_t n = recv(p->fd, p->buffer, sizeof(p->buffer), 0);

		if (n == 0) /* its close_notify; a connection that was cut is an error */
			return false;
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		p->len = (size_t)n;
	}
	return rc == 0;
}

static void greet(int loop, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct peer *p = fd < 0 ? NULL : calloc(1, sizeof(*p));
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = p };

	if (fd < 0)
		return;
	if (p)
		p->fd = fd;
	if (!p || epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event)) {
		free(p);
		close(fd);
	}
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS], interest = { .events = EPOLLIN, .data.ptr = NULL };
	int loop = epoll_create1(EPOLL_CLOEXEC), listener, n;

	if (argc != 4) {
		fprintf(stderr, "usage: epoll_server address port credential\n");
		return 64;
	}
	listener = listen_at(argv[1], argv[2], argv[3]);
	if (listener < 0 || loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, listener, &interest)) {
		perror("listen");
		return 1;
	}
	fprintf(stderr, "listening\n");
	while ((n = epoll_wait(loop, events, EVENTS, -1)) >= 0 || errno == EINTR) {
		for (int i = 0; i < n; i++) {
			struct peer *p = events[i].data.ptr;

			if (!p)
				greet(loop, listener);
			else if (!serve(p))
				leave(p);
		}
	}
	perror("epoll_wait");
	return 1;
}
