// SPDX-License-Identifier: MIT
/*
 * test_daemon_seam.c - what seam.c makes of messages in an order that the kernel gives now and then:
 * the other end of its socket is a thread that answers each PULL with what is next in a script
 */
#include <errno.h>
#include <linux/tlsock.h>
#include <netlink/genl/genl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "seam.h"
#include "tap.h"

#define FAMILY 0x20

struct kernel {
	int fd;
	const char *const
		*answers; /* b: doorbell, d: CONN_DATA, a: the acknowledgement, e: EAGAIN */
	int pulls;
};

static void say(const struct kernel *k, const struct nlmsghdr *request, char what)
{
	struct nl_msg *m = nlmsg_alloc();
	struct nlmsgerr verdict = { .error = what == 'e' ? -EAGAIN : 0, .msg = *request };
	struct nlmsghdr *h;

	if (!m)
		bail("out of memory");
	if (what == 'a' || what == 'e') {
		h = nlmsg_put(m, 0, request->nlmsg_seq, NLMSG_ERROR, 0, NLM_F_CAPPED);
		nlmsg_append(m, &verdict, sizeof(verdict), NLMSG_ALIGNTO);
	} else {
		genlmsg_put(m, 0, 0, FAMILY, 0, 0,
			    what == 'b' ? TLSOCK_CMD_DOORBELL : TLSOCK_CMD_CONN_DATA, 1);
		h = nlmsg_hdr(m);
	}
	if (send(k->fd, h, nlmsg_hdr(m)->nlmsg_len, 0) < 0)
		bail("send: %s", strerror(errno));
	nlmsg_free(m);
}

static void *run(void *arg)
{
	struct kernel *k = arg;
	union {
		struct nlmsghdr h;
		uint8_t bytes[1024];
	} request;

	while (k->answers[k->pulls] && recv(k->fd, &request, sizeof(request), 0) > 0)
		for (const char *a = k->answers[k->pulls++]; *a; a++)
			say(k, &request.h, *a);
	return NULL;
}

/* What one PULL of the seam brings, and how many it took */
static int pull(const char *const *answers, int *pulls)
{
	struct seam seam = { .socket = nl_socket_alloc(), .family = FAMILY };
	struct timeval wait = { .tv_sec = 10 };
	struct kernel k = { .answers = answers };
	pthread_t thread;
	int pair[2], n;

	seam.buffer = malloc(128 << 10);
	seam.queue = malloc(8 << 20);
	if (!seam.socket || !seam.buffer || !seam.queue ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		bail("no seam");
	seam.fd = pair[0];
	k.fd = pair[1];
	setsockopt(seam.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (pthread_create(&thread, NULL, run, &k))
		bail("no thread");
	n = seam_pull(&seam, 64);
	shutdown(pair[0], SHUT_RDWR);
	pthread_join(thread, NULL);
	close(pair[0]);
	close(pair[1]);
	seam_close(&seam);
	*pulls = k.pulls;
	return n;
}

int main(void)
{
	static const char *const nothing[] = { "a", NULL };
	static const char *const data[] = { "dda", NULL };
	static const char *const rung[] = { "ba", "a", NULL };
	static const char *const work[] = { "ba", "da", NULL };
	static const char *const both[] = { "bda", NULL };
	static const char *const twice[] = { "ba", "ba", "dda", NULL };
	static const char *const full[] = { "e", NULL };
	int pulls;

	ok(pull(nothing, &pulls) == 0 && pulls == 1, "nothing to do: the doorbell is armed");
	ok(pull(data, &pulls) == 2 && pulls == 1, "two messages");
	ok(pull(full, &pulls) == -EAGAIN && pulls == 1, "no room");
	/* It rang when it had just been armed: nobody will ring again. */
	ok(pull(work, &pulls) == 1 && pulls == 2,
	   "a doorbell before the acknowledgement: one more");
	ok(pull(rung, &pulls) == 0 && pulls == 2,
	   "what it rang for may be another worker's by now");
	ok(pull(twice, &pulls) == 2 && pulls == 3, "and again");
	ok(pull(both, &pulls) == 1 && pulls == 1, "with messages, a PULL follows anyway");
	return tap_done();
}
