// SPDX-License-Identifier: MIT
/*
 * seam.c - see seam.h
 *
 * libnl builds and parses messages and resolves the family. Sending and receiving is done here,
 * because the answer to a PULL is a stream with sequence number 0 in front of the acknowledgement,
 * and because libnl's receive path would allocate for every message.
 */
#include "seam.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/tlsock.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BUFFER (4 << 20) /* SO_RCVBUF; the kernel doubles it */
#define MESSAGE_MAX ((size_t)128 << 10)
#define QUEUE_MAX ((size_t)2 * RECEIVE_BUFFER) /* all that the socket can hold at once */
#define ACK_WAIT_S 10 /* an acknowledgement is there when sendmsg() returns */

/* libnl has its own numbers for errors. */
static int errno_of(int nl_error)
{
	switch (-nl_error) {
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	default:
		return -EPROTO;
	}
}

static void set_socket(int fd)
{
	struct timeval wait = { .tv_sec = ACK_WAIT_S };
	int size = RECEIVE_BUFFER, on = 1;

	/* Best effort: a small buffer makes a PULL shorter, and nothing is lost. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	/* An error's answer must not carry the request back: it has keys. */
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
}

int seam_open(struct seam *seam)
{
	int error;

	memset(seam, 0, sizeof(*seam));
	seam->fd = -1;
	seam->socket = nl_socket_alloc();
	seam->buffer = malloc(MESSAGE_MAX);
	seam->queue = malloc(QUEUE_MAX);
	error = -ENOMEM;
	if (!seam->socket || !seam->buffer || !seam->queue)
		goto fail;
	nl_socket_set_local_port(seam->socket, 0); /* the kernel's choice: unique after a fork */
	error = genl_connect(seam->socket);
	if (error) {
		error = errno_of(error);
		goto fail;
	}
	seam->family = genl_ctrl_resolve(seam->socket, TLSOCK_GENL_NAME);
	if (seam->family < 0) {
		error = errno_of(seam->family);
		goto fail;
	}
	seam->fd = nl_socket_get_fd(seam->socket);
	set_socket(seam->fd);
	return 0;
fail:
	seam_close(seam);
	return error;
}

void seam_close(struct seam *seam)
{
	nl_socket_free(seam->socket);
	free(seam->buffer);
	free(seam->queue);
	memset(seam, 0, sizeof(*seam));
	seam->fd = -1;
}

/* One datagram: its length, -EAGAIN, or -ENOBUFS when something did not fit before. */
static ssize_t receive(struct seam *seam, int flags)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = seam->buffer, .iov_len = MESSAGE_MAX };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n;

	do {
		n = recvmsg(seam->fd, &msg, flags);
	} while ((n < 0 && errno == EINTR) ||
		 (n >= 0 && from.nl_pid != 0)); /* the kernel's alone */
	if (n < 0)
		return -errno;
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	return n;
}

static void read_reason(struct seam *seam, struct nlmsghdr *h)
{
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];
	int offset = (int)sizeof(struct nlmsgerr); /* NETLINK_CAP_ACK: only the header comes back */

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) ||
	    nlmsg_parse(h, offset, attrs, NLMSGERR_ATTR_MAX, NULL) < 0 || !attrs[NLMSGERR_ATTR_MSG])
		return;
	nla_strlcpy(seam->reason, attrs[NLMSGERR_ATTR_MSG], sizeof(seam->reason));
}

/* Is @h the acknowledgement of @seq? Its verdict goes to @error. */
static bool is_ack(struct seam *seam, struct nlmsghdr *h, uint32_t seq, int *error)
{
	const struct nlmsgerr *verdict;

	if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq != seq ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(*verdict)))
		return false;
	verdict = nlmsg_data(h);
	*error = verdict->error;
	if (*error)
		read_reason(seam, h);
	return true;
}

static int send_message(struct seam *seam, struct nl_msg *message, uint32_t *seq)
{
	struct nlmsghdr *h;
	ssize_t n;

	nl_complete_msg(seam->socket, message);
	h = nlmsg_hdr(message);
	h->nlmsg_flags |= NLM_F_ACK;
	*seq = h->nlmsg_seq;
	seam->reason[0] = '\0';
	do {
		n = send(seam->fd, h, h->nlmsg_len, 0); /* connected to the kernel by default */
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int seam_request(struct seam *seam, struct nl_msg *message)
{
	uint32_t seq;
	int error = send_message(seam, message, &seq);

	while (!error) {
		ssize_t n = receive(seam, 0);
		struct nlmsghdr *h = (struct nlmsghdr *)seam->buffer;
		int left = (int)n, verdict;

		if (n < 0)
			return (int)n;
		/* A doorbell in between is no loss: a PULL follows every request. */
		for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
			if (is_ack(seam, h, seq, &verdict))
				return verdict;
	}
	return error;
}

static struct nl_msg *message_new(const struct seam *seam, uint8_t command)
{
	struct nl_msg *m = nlmsg_alloc();

	if (m && genlmsg_put(m, NL_AUTO_PORT, NL_AUTO_SEQ, seam->family, 0, NLM_F_REQUEST, command,
			     TLSOCK_GENL_VERSION))
		return m;
	nlmsg_free(m);
	return NULL;
}

int seam_register(struct seam *seam)
{
	struct nl_msg *m = message_new(seam, TLSOCK_CMD_REGISTER);
	int error = m ? seam_request(seam, m) : -ENOMEM;

	nlmsg_free(m);
	return error;
}

int seam_set_limits(struct seam *seam, const struct limits *limits)
{
	const struct {
		int attribute;
		int64_t value;
	} all[] = {
		{ TLSOCK_A_LIMIT_GRACE_MS, limits->grace_ms },
		{ TLSOCK_A_LIMIT_HS_NETNS, limits->handshakes },
		{ TLSOCK_A_LIMIT_HS_UID, limits->handshakes_per_uid },
		{ TLSOCK_A_LIMIT_HS_LISTENER, limits->handshakes_per_listener },
	};
	struct nl_msg *m = message_new(seam, TLSOCK_CMD_LIMITS);
	int error = m ? 0 : -ENOMEM;

	for (size_t i = 0; !error && i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].value >= 0 && nla_put_u32(m, all[i].attribute, (uint32_t)all[i].value))
			error = -EMSGSIZE;
	if (!error)
		error = seam_request(seam, m);
	nlmsg_free(m);
	return error;
}

/* What a PULL has brought */
struct pulled {
	int verdict;
	int count; /* messages */
	bool rung; /* the doorbell was among them */
	bool overrun;
};

/* Puts the messages of a datagram behind the queue; true: the acknowledgement was among them. */
static bool collect(struct seam *seam, size_t len, uint32_t seq, struct pulled *p)
{
	struct nlmsghdr *h = (struct nlmsghdr *)seam->buffer;
	int left = (int)len;

	for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
		size_t room = NLMSG_ALIGN(h->nlmsg_len);

		if (is_ack(seam, h, seq, &p->verdict))
			return true;
		if (h->nlmsg_type != seam->family || !genlmsg_valid_hdr(h, 0))
			continue;
		if (genlmsg_hdr(h)->cmd == TLSOCK_CMD_DOORBELL)
			p->rung = true;
		else if (seam->queue_len + room <= QUEUE_MAX) {
			memcpy(seam->queue + seam->queue_len, h, h->nlmsg_len);
			seam->queue_len += room;
			p->count++;
		}
	}
	return false;
}

static int pull_once(struct seam *seam, uint32_t max_conns, struct pulled *p)
{
	struct nl_msg *m = message_new(seam, TLSOCK_CMD_PULL);
	int error = -ENOMEM;
	bool done = false;
	uint32_t seq;

	memset(p, 0, sizeof(*p));
	if (m && !nla_put_u32(m, TLSOCK_A_MAX_CONNS, max_conns))
		error = send_message(seam, m, &seq);
	nlmsg_free(m);
	while (!error && !done) {
		/* After an overrun the acknowledgement may be lost too, and nothing is to come. */
		ssize_t n = receive(seam, p->overrun ? MSG_DONTWAIT : 0);

		if (n == -ENOBUFS)
			p->overrun = true;
		else if (n == -EAGAIN && p->overrun)
			done = true;
		else if (n < 0)
			error = (int)n;
		else
			done = collect(seam, (size_t)n, seq, p);
	}
	return error;
}

int seam_pull(struct seam *seam, uint32_t max_conns)
{
	struct pulled p;
	int error;

	seam->queue_len = seam->queue_at = 0;
	/*
	 * The kernel arms the doorbell before it acknowledges. One that rang in between has been read
	 * here with the rest and does not ring again: whoever waited for it would wait in vain.
	 */
	do {
		error = pull_once(seam, max_conns, &p);
	} while (!error && !p.verdict && !p.count && !p.overrun && p.rung);
	if (error)
		return error;
	if (p.count)
		return p.count;
	if (p.verdict == -EAGAIN || p.verdict == -ENOMEM || p.overrun)
		return -EAGAIN;
	return p.verdict;
}

struct nlmsghdr *seam_next(struct seam *seam)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(seam->queue + seam->queue_at);

	if (seam->queue_at >= seam->queue_len)
		return NULL;
	seam->queue_at += NLMSG_ALIGN(h->nlmsg_len);
	return h;
}

int seam_drain(struct seam *seam)
{
	ssize_t n;

	do {
		n = receive(seam, MSG_DONTWAIT);
	} while (n >= 0 || n == -ENOBUFS);
	return n == -EAGAIN ? 0 : (int)n;
}

int seam_watch_open(struct nl_sock **socket, int *fd)
{
	struct nl_sock *s = nl_socket_alloc();
	int group, error = -ENOMEM;

	if (!s)
		return error;
	nl_socket_set_local_port(s, 0);
	error = genl_connect(s);
	group = error ? error : genl_ctrl_resolve_grp(s, "nlctrl", "notify");
	error = group < 0 ? group : nl_socket_add_memberships(s, group, 0);
	if (error) {
		nl_socket_free(s);
		return errno_of(error);
	}
	*socket = s;
	*fd = nl_socket_get_fd(s);
	return 0;
}

static bool is_gone(struct nlmsghdr *h)
{
	struct nlattr *attrs[CTRL_ATTR_MAX + 1];

	if (h->nlmsg_type != GENL_ID_CTRL || !genlmsg_valid_hdr(h, 0) ||
	    genlmsg_hdr(h)->cmd != CTRL_CMD_DELFAMILY ||
	    genlmsg_parse(h, 0, attrs, CTRL_ATTR_MAX, NULL) < 0 || !attrs[CTRL_ATTR_FAMILY_NAME])
		return false;
	return !nla_strcmp(attrs[CTRL_ATTR_FAMILY_NAME], TLSOCK_GENL_NAME);
}

bool seam_watch_gone(struct nl_sock *socket)
{
	char bytes[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool gone = false;
	ssize_t n;

	while ((n = recv(nl_socket_get_fd(socket), bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		struct nlmsghdr *h = (struct nlmsghdr *)bytes;
		int left = (int)n;

		for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
			gone = gone || is_gone(h);
	}
	return gone;
}
