// SPDX-License-Identifier: MIT
/*
 * relay.c - two pipes between a TLS socket and a pair of descriptors
 *
 * The end of the input becomes a close_notify (shutdown), the peer's ends the output. Must never
 * take an error for an end: a truncated stream has to be seen.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536

struct pipe_end {
	char data[CHUNK];
	size_t at, len;
	bool ended;
};

static bool again(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* Fill an empty buffer. 0 or -errno. */
static int fill(struct pipe_end *p, int fd)
{
	ssize_t n = read(fd, p->data, sizeof(p->data));

	if (n < 0)
		return again(errno) ? 0 : -errno;
	p->at = 0;
	p->len = (size_t)n;
	p->ended = n == 0;
	return 0;
}

static int drain(struct pipe_end *p, int fd)
{
	ssize_t n = write(fd, p->data + p->at, p->len);

	if (n < 0)
		return again(errno) ? 0 : -errno;
	p->at += (size_t)n;
	p->len -= (size_t)n;
	return 0;
}

static int set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ? -errno : 0;
}

/* A peer that has said its good-bye may be gone before ours: no error, reading would tell one. */
static int end(int fd)
{
	return shutdown(fd, SHUT_WR) && errno != ENOTCONN ? -errno : 0;
}

/* One turn for the direction out: input to socket. */
static int send_side(struct pipe_end *up, int fd, int in, const struct pollfd *p)
{
	int error = 0;

	if (!up->ended && !up->len && (p[1].revents & (POLLIN | POLLHUP | POLLERR))) {
		error = fill(up, in);
		if (!error && up->ended)
			error = end(fd);
	}
	if (!error && up->len)
		error = drain(up, fd);
	return error;
}

/* Output may block: there is nothing better to do than wait for it. */
static int receive_side(struct pipe_end *down, int fd, int out, const struct pollfd *p)
{
	int error = 0;

	if (p[0].revents & (POLLIN | POLLHUP | POLLERR))
		error = fill(down, fd);
	while (!error && down->len)
		error = drain(down, out);
	return error;
}

int relay(int fd, int in, int out)
{
	static struct pipe_end up, down;
	int error = set_nonblock(fd);

	up.len = down.len = 0;
	up.ended = down.ended = false;
	while (!error && !(up.ended && down.ended)) {
		struct pollfd p[2] = { { .fd = -1 }, { .fd = -1 } };

		p[0].fd = down.ended && !up.len ? -1 : fd;
		p[0].events = (short)((down.ended ? 0 : POLLIN) | (up.len ? POLLOUT : 0));
		if (!up.ended && !up.len) {
			p[1].fd = in;
			p[1].events = POLLIN;
		}
		if (poll(p, 2, -1) < 0) {
			error = errno == EINTR ? 0 : -errno;
			continue;
		}
		if (!down.ended)
			error = receive_side(&down, fd, out, p);
		if (!error)
			error = send_side(&up, fd, in, p);
		/* nobody goes on typing for a peer that is done; a file or a pipe does */
		if (down.ended && !up.len && isatty(in))
			break;
	}
	return error;
}

int relay_echo(int fd)
{
	static struct pipe_end p;
	int error;

	do {
		error = fill(&p, fd);
		while (!error && p.len)
			error = drain(&p, fd);
	} while (!error && !p.ended);
	return error ? error : end(fd);
}
