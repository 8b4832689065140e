// SPDX-License-Identifier: GPL-2.0-only
/*
 * ways.c: see ways.h.
 */
#include "ways.h"

#include <sys/sendfile.h>

#include "uring.h"

static int marker_file(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 && (write(fd, MARKER, MARKER_LEN) != MARKER_LEN || lseek(fd, 0, SEEK_SET))) {
		close(fd);
		return -1;
	}
	return fd;
}

static ssize_t send_flags(int fd, int flags, const struct addr *to)
{
	return sendto(fd, MARKER, MARKER_LEN, flags | MSG_NOSIGNAL | MSG_DONTWAIT,
		      to ? &to->sa : NULL, to ? to->len : 0);
}

ssize_t way_send(int fd, const struct addr *to)
{
	(void)to;
	return send_flags(fd, 0, NULL);
}

static ssize_t way_write(int fd, const struct addr *to)
{
	(void)to;
	return write(fd, MARKER, MARKER_LEN);
}

static ssize_t way_writev(int fd, const struct addr *to)
{
	struct iovec v[2] = { { (void *)MARKER, 10 }, { (void *)&MARKER[10], MARKER_LEN - 10 } };

	(void)to;
	return writev(fd, v, 2);
}

static ssize_t way_more(int fd, const struct addr *to)
{
	(void)to;
	return send_flags(fd, MSG_MORE, NULL);
}

static ssize_t way_sendto(int fd, const struct addr *to)
{
	return send_flags(fd, 0, to);
}

ssize_t way_fast_open(int fd, const struct addr *to)
{
	return send_flags(fd, MSG_FASTOPEN, to);
}

ssize_t way_oob(int fd, const struct addr *to)
{
	(void)to;
	return send_flags(fd, MSG_OOB, NULL);
}

static ssize_t way_zerocopy(int fd, const struct addr *to)
{
	int one = 1;

	(void)to;
	/* Without it the flag would do nothing. */
	if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		return -1;
	return send_flags(fd, MSG_ZEROCOPY, NULL);
}

ssize_t way_sendfile(int fd, const struct addr *to)
{
	int file = marker_file();
	ssize_t n = sendfile(fd, file, NULL, MARKER_LEN);
	int err = errno;

	(void)to;
	close(file);
	errno = file < 0 ? 0 : err;
	return n;
}

/* What a full pipe holds, on to the socket; the pipe is closed. */
static ssize_t splice_on(int fd, const int p[2])
{
	ssize_t n = splice(p[0], NULL, fd, NULL, MARKER_LEN, SPLICE_F_NONBLOCK);
	int err = errno;

	close(p[0]);
	close(p[1]);
	errno = err;
	return n;
}

ssize_t way_splice(int fd, const struct addr *to)
{
	int p[2];

	(void)to;
	if (pipe2(p, O_CLOEXEC) || write(p[1], MARKER, MARKER_LEN) != MARKER_LEN)
		return 0;
	return splice_on(fd, p);
}

/* Pages of the program itself, given to a pipe and on to the socket. */
static ssize_t way_vmsplice(int fd, const struct addr *to)
{
	struct iovec v = { (void *)MARKER, MARKER_LEN };
	int p[2];

	(void)to;
	if (pipe2(p, O_CLOEXEC) || vmsplice(p[1], &v, 1, 0) != MARKER_LEN)
		return 0;
	return splice_on(fd, p);
}

static ssize_t uring_way(int fd, uint8_t op, const void *addr, size_t len)
{
	int rc = uring_call(op, fd, addr, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (rc >= 0)
		return rc;
	errno = -rc;
	return -1;
}

static ssize_t way_uring_send(int fd, const struct addr *to)
{
	(void)to;
	return uring_way(fd, IORING_OP_SEND, MARKER, MARKER_LEN);
}

static ssize_t way_uring_sendmsg(int fd, const struct addr *to)
{
	struct iovec v = { (void *)MARKER, MARKER_LEN };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	(void)to;
	return uring_way(fd, IORING_OP_SENDMSG, &m, 1);
}

static ssize_t way_uring_send_zc(int fd, const struct addr *to)
{
	(void)to;
	return uring_way(fd, URING_OP_SEND_ZC, MARKER, MARKER_LEN);
}

const struct way ways_plain[] = {
	{ "send", way_send, .works = true },
	{ "write", way_write, .works = true },
	{ "writev", way_writev, .works = true },
	{ "MSG_MORE", way_more, .works = true, .held = true },
	{ "sendto", way_sendto, .works = true },
	{ "MSG_ZEROCOPY", way_zerocopy, .works = true },
	{ 0 },
};

const struct way ways_fast_open[] = { { "MSG_FASTOPEN", way_fast_open, .works = false }, { 0 } };
const struct way ways_oob[] = { { "MSG_OOB", way_oob, .works = false }, { 0 } };
const struct way ways_sendfile[] = { { "sendfile", way_sendfile, .works = true }, { 0 } };

const struct way ways_splice[] = {
	{ "splice", way_splice, .works = true },
	{ "vmsplice", way_vmsplice, .works = true },
	{ 0 },
};

const struct way ways_uring[] = {
	{ "IORING_OP_SEND", way_uring_send, .works = true },
	{ "IORING_OP_SENDMSG", way_uring_sendmsg, .works = true },
	{ "IORING_OP_SEND_ZC", way_uring_send_zc, .works = true },
	{ 0 },
};
