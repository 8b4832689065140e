// SPDX-License-Identifier: MIT
/*
 * uring_client.c - fetch one file over HTTPS with io_uring(7): connect, send and receive as one submission each
 *
 * The operations are those of any TCP socket, and the completion of connect says that the peer is who it
 * should be. Without a library, so the ring is handled here. Must never take a completion for an
 * operation that it did not submit: there is one at a time.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <linux/tlsock.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ring {
	int fd;
	struct io_uring_params p;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
};

static void *map(const struct ring *r, size_t size, off_t what)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, what);
}

static int ring_open(struct ring *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = (int)syscall(SYS_io_uring_setup, 2, &r->p);
	if (r->fd < 0)
		return -1;
	r->sq = map(r, r->p.sq_off.array + r->p.sq_entries * sizeof(__u32), IORING_OFF_SQ_RING);
	r->cq = map(r, r->p.cq_off.cqes + r->p.cq_entries * sizeof(struct io_uring_cqe),
		    IORING_OFF_CQ_RING);
	r->sqes = map(r, r->p.sq_entries * sizeof(*r->sqes), IORING_OFF_SQES);
	return r->sq == MAP_FAILED || r->cq == MAP_FAILED || (void *)r->sqes == MAP_FAILED ? -1 : 0;
}

static __u32 *word(char *ring, __u32 offset)
{
	return (__u32 *)(void *)(ring + offset);
}

/* One operation and its completion: what the system call would return, -1 with errno. */
static long ring_do(struct ring *r, const struct io_uring_sqe *what)
{
	__u32 *tail = word(r->sq, r->p.sq_off.tail), *head = word(r->cq, r->p.cq_off.head);
	__u32 at = *tail & *word(r->sq, r->p.sq_off.ring_mask);
	const struct io_uring_cqe *cqes = (const void *)(r->cq + r->p.cq_off.cqes);
	int result;

	r->sqes[at] = *what;
	word(r->sq, r->p.sq_off.array)[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE); /* the kernel acquires it */
	if (syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return -1;
	/* acquire: the entry was written before the tail, which is past it as we have waited */
	if (__atomic_load_n(word(r->cq, r->p.cq_off.tail), __ATOMIC_ACQUIRE) == *head) {
		errno = EINTR;
		return -1;
	}
	result = cqes[*head & *word(r->cq, r->p.cq_off.ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	errno = result < 0 ? -result : errno;
	return result < 0 ? -1 : result;
}

static long transfer(struct ring *r, __u8 op, int fd, const void *bytes, size_t len)
{
	const struct io_uring_sqe what = { .opcode = op,
					   .fd = fd,
					   .addr = (__u64)(unsigned long)bytes,
					   .len = (__u32)len,
					   .msg_flags = MSG_NOSIGNAL };

	return ring_do(r, &what);
}

static int connect_by(struct ring *r, int fd, const struct addrinfo *ai)
{
	const struct io_uring_sqe what = { .opcode = IORING_OP_CONNECT,
					   .fd = fd,
					   .addr = (__u64)(unsigned long)ai->ai_addr,
					   .off = ai->ai_addrlen };

	return ring_do(r, &what) < 0 ? -1 : 0;
}

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

int main(int argc, char **argv)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char request[1024], buf[16384];
	struct addrinfo *ai;
	struct ring ring;
	long n, at = 0;
	int fd, len;

	if (argc != 6 || getaddrinfo(argv[1], argv[2], &hints, &ai)) {
		fprintf(stderr, "usage: uring_client address port path name trust-store >answer\n");
		return 64;
	}
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ring_open(&ring) || fd < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tlsock", strlen("tlsock")) ||
	    set_name(fd, TLSOCK_SERVER_NAME, argv[4]) || set_name(fd, TLSOCK_TRUST, argv[5]))
		return fail(fd, "socket");
	len = snprintf(request, sizeof(request), "GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n", argv[3],
		       argv[4]);
	if (len >= (int)sizeof(request) || connect_by(&ring, fd, ai))
		return fail(fd, "connect");
	for (; at < len; at += n) {
		n = transfer(&ring, IORING_OP_SEND, fd, request + at, (size_t)(len - at));
		if (n < 0)
			return fail(fd, "send");
	}
	while ((n = transfer(&ring, IORING_OP_RECV, fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
	if (n < 0) /* one that was cut off too: EPROTO */
		return fail(fd, "receive");
	return fflush(stdout) ? 1 : 0;
}
