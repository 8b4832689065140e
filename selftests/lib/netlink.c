// SPDX-License-Identifier: GPL-2.0-only
/*
 * netlink.c: see netlink.h.
 */
#include "netlink.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

#define RECV_SIZE (256 * 1024)
#define ATTR_HDR (sizeof(struct nlattr))

static size_t attr_pad(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

static void msg_grow(struct msg *m, size_t more)
{
	if (m->len + more <= m->cap)
		return;
	m->cap = (m->len + more) * 2;
	m->buf = realloc(m->buf, m->cap);
	if (!m->buf)
		abort();
}

static void msg_open(struct msg *m, uint16_t type, uint8_t cmd, uint8_t version)
{
	struct nlmsghdr nlh = { .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK };
	struct genlmsghdr genl = { .cmd = cmd, .version = version };

	memset(m, 0, sizeof(*m));
	msg_grow(m, 4096);
	memcpy(m->buf, &nlh, sizeof(nlh));
	memcpy(m->buf + NLMSG_HDRLEN, &genl, sizeof(genl));
	m->len = NLMSG_HDRLEN + GENL_HDRLEN;
}

void msg_start(struct msg *m, const struct nl *nl, uint8_t cmd)
{
	msg_open(m, nl->family, cmd, TLSOCK_GENL_VERSION);
}

void msg_put(struct msg *m, int type, const void *data, size_t len)
{
	struct nlattr nla = { .nla_type = (uint16_t)type, .nla_len = (uint16_t)(ATTR_HDR + len) };

	msg_grow(m, ATTR_HDR + attr_pad(len));
	memcpy(m->buf + m->len, &nla, sizeof(nla));
	memset(m->buf + m->len + ATTR_HDR, 0, attr_pad(len));
	if (len)
		memcpy(m->buf + m->len + ATTR_HDR, data, len);
	m->len += ATTR_HDR + attr_pad(len);
}

void msg_u8(struct msg *m, int type, uint8_t v)
{
	msg_put(m, type, &v, sizeof(v));
}

void msg_u16(struct msg *m, int type, uint16_t v)
{
	msg_put(m, type, &v, sizeof(v));
}

void msg_u32(struct msg *m, int type, uint32_t v)
{
	msg_put(m, type, &v, sizeof(v));
}

void msg_u64(struct msg *m, int type, uint64_t v)
{
	msg_put(m, type, &v, sizeof(v));
}

void msg_str(struct msg *m, int type, const char *v)
{
	msg_put(m, type, v, strlen(v) + 1);
}

void msg_nest(struct msg *m, int type)
{
	m->nest[m->depth++] = m->len;
	msg_put(m, type | NLA_F_NESTED, NULL, 0);
}

/* A nest longer than an attribute can say ends the test: the caller built it wrong. */
void msg_end(struct msg *m)
{
	size_t at = m->nest[--m->depth];
	uint16_t len = (uint16_t)(m->len - at);

	if (m->len - at > UINT16_MAX)
		len = UINT16_MAX;
	memcpy(m->buf + at, &len, sizeof(len));
}

void msg_free(struct msg *m)
{
	free(m->buf);
	m->buf = NULL;
}

/* ---- events ---- */

static void take_string(char *to, size_t size, const uint8_t *data, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(to, data, len);
	to[len] = '\0';
}

static void take_integer(struct event *e, int type, const uint8_t *data, size_t len)
{
	uint64_t v = 0;

	if (type > TLSOCK_A_MAX || len > sizeof(v))
		return;
	memcpy(&v, data, len);
	e->stat[type] = v;
}

static void take_attr(struct event *e, int type, const uint8_t *data, size_t len)
{
	take_integer(e, type, data, len);
	switch (type) {
	case TLSOCK_A_SERVER_NAME:
		take_string(e->server_name, sizeof(e->server_name), data, len);
		break;
	case TLSOCK_A_CREDENTIAL:
		take_string(e->credential, sizeof(e->credential), data, len);
		break;
	case TLSOCK_A_TRUST:
		take_string(e->trust, sizeof(e->trust), data, len);
		break;
	case TLSOCK_A_PROFILE:
		take_string(e->profile, sizeof(e->profile), data, len);
		break;
	case TLSOCK_A_ALPN:
		e->alpn_len = len < sizeof(e->alpn) ? len : sizeof(e->alpn);
		memcpy(e->alpn, data, e->alpn_len);
		break;
	case TLSOCK_A_LOCAL:
		e->local_len = len;
		memcpy(&e->local, data, len < sizeof(e->local) ? len : sizeof(e->local));
		break;
	case TLSOCK_A_PEER:
		e->peer_len = len;
		memcpy(&e->peer, data, len < sizeof(e->peer) ? len : sizeof(e->peer));
		break;
	case TLSOCK_A_DATA:
		e->data_len = len;
		memcpy(e->data, data, len);
		break;
	case TLSOCK_A_COOKIE:
		e->cookie_len = len;
		memcpy(e->cookie, data, len);
		break;
	case TLSOCK_A_MORE:
		e->more = true;
		break;
	}
}

static struct event *event_parse(const uint8_t *attrs, size_t len, int cmd)
{
	struct event *e = calloc(1, sizeof(*e) + 2 * len);
	struct nlattr nla;

	if (!e)
		abort();
	e->cmd = cmd;
	e->data = (uint8_t *)(e + 1);
	e->cookie = e->data + len;
	while (len >= ATTR_HDR) {
		memcpy(&nla, attrs, sizeof(nla));
		if (nla.nla_len < ATTR_HDR || nla.nla_len > len)
			break;
		take_attr(e, nla.nla_type & NLA_TYPE_MASK, attrs + ATTR_HDR,
			  (size_t)nla.nla_len - ATTR_HDR);
		if (attr_pad(nla.nla_len) >= len)
			break;
		attrs += attr_pad(nla.nla_len);
		len -= attr_pad(nla.nla_len);
	}
	e->id = e->stat[TLSOCK_A_ID];
	e->generation = (uint32_t)e->stat[TLSOCK_A_GENERATION];
	e->role = (uint8_t)e->stat[TLSOCK_A_ROLE];
	e->verify = (uint8_t)e->stat[TLSOCK_A_VERIFY];
	e->epoch = (uint8_t)e->stat[TLSOCK_A_EPOCH];
	e->uid = (uint32_t)e->stat[TLSOCK_A_UID];
	e->gid = (uint32_t)e->stat[TLSOCK_A_GID];
	e->pid = (uint32_t)e->stat[TLSOCK_A_PID];
	e->netns = e->stat[TLSOCK_A_NETNS];
	return e;
}

/* ---- the socket ---- */

static void note_extack(struct nl *nl, const struct nlmsghdr *nlh, const struct nlmsgerr *err)
{
	size_t at = NLMSG_HDRLEN + sizeof(*err);
	struct nlattr nla;

	nl->extack[0] = '\0';
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && err->error)
		at += NLMSG_ALIGN(err->msg.nlmsg_len) - sizeof(err->msg);
	while (at + ATTR_HDR <= nlh->nlmsg_len) {
		memcpy(&nla, (const uint8_t *)nlh + at, sizeof(nla));
		if (nla.nla_len < ATTR_HDR || at + nla.nla_len > nlh->nlmsg_len)
			return;
		if (nla.nla_type == NLMSGERR_ATTR_MSG)
			take_string(nl->extack, sizeof(nl->extack),
				    (const uint8_t *)nlh + at + ATTR_HDR,
				    (size_t)nla.nla_len - ATTR_HDR);
		at += attr_pad(nla.nla_len);
	}
}

/* The numbers of the family and of its only group out of CTRL_CMD_NEWFAMILY. */
static void note_family(struct nl *nl, const uint8_t *attrs, size_t len, bool group)
{
	struct nlattr nla;

	while (len >= ATTR_HDR) {
		memcpy(&nla, attrs, sizeof(nla));
		if (nla.nla_len < ATTR_HDR || nla.nla_len > len)
			return;
		if (group && nla.nla_type == CTRL_ATTR_MCAST_GRP_ID)
			memcpy(&nl->monitor, attrs + ATTR_HDR, sizeof(nl->monitor));
		else if (!group && nla.nla_type == CTRL_ATTR_FAMILY_ID)
			memcpy(&nl->family, attrs + ATTR_HDR, sizeof(nl->family));
		else if (!group && (nla.nla_type & NLA_TYPE_MASK) == CTRL_ATTR_MCAST_GROUPS &&
			 nla.nla_len > 2 * ATTR_HDR)
			note_family(nl, attrs + 2 * ATTR_HDR, nla.nla_len - 2 * ATTR_HDR, true);
		if (attr_pad(nla.nla_len) >= len)
			return;
		attrs += attr_pad(nla.nla_len);
		len -= attr_pad(nla.nla_len);
	}
}

static void take_message(struct nl *nl, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = (const void *)((const uint8_t *)nlh + NLMSG_HDRLEN);
	const uint8_t *attrs = (const uint8_t *)genl + GENL_HDRLEN;
	size_t len = nlh->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN;

	if (nlh->nlmsg_type == GENL_ID_CTRL) {
		note_family(nl, attrs, len, false);
	} else if (genl->cmd == TLSOCK_CMD_DOORBELL) {
		nl->doorbell = true;
	} else {
		struct event *e = event_parse(attrs, len, genl->cmd);

		*nl->tail = e;
		nl->tail = &e->next;
	}
}

/* Read one datagram. 1: the ack of seq came, its code in *rc. 0: not yet. */
static int nl_read(struct nl *nl, uint32_t seq, int *rc, int flags)
{
	ssize_t n = recv(nl->fd, nl->buf, RECV_SIZE, flags);
	const struct nlmsghdr *nlh = (const void *)nl->buf;
	int done = 0;

	if (n < 0) {
		if (errno == EINTR || errno == ENOBUFS)
			return 0;
		*rc = -errno;
		return 1;
	}
	for (; NLMSG_OK(nlh, (size_t)n); nlh = NLMSG_NEXT(nlh, n)) {
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *err = NLMSG_DATA(nlh);

			if (nlh->nlmsg_seq != seq)
				continue;
			*rc = err->error;
			note_extack(nl, nlh, err);
			done = 1;
		} else if (nlh->nlmsg_type == NLMSG_DONE) {
			done = 1;
		} else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
			take_message(nl, nlh);
		}
	}
	return done;
}

static int nl_put(struct nl *nl, struct msg *m)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct nlmsghdr *nlh = (void *)m->buf;

	nlh->nlmsg_len = (uint32_t)m->len;
	nlh->nlmsg_seq = ++nl->seq;
	if (sendto(nl->fd, m->buf, m->len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return 0;
}

int nl_send(struct nl *nl, struct msg *m)
{
	int64_t end = now_ms() + PATIENCE_MS;
	int rc = nl_put(nl, m);

	if (rc)
		return rc;
	while (now_ms() < end) {
		struct pollfd p = { .fd = nl->fd, .events = POLLIN };

		if (poll(&p, 1, PATIENCE_MS) > 0 && nl_read(nl, nl->seq, &rc, 0))
			return rc;
	}
	return -ETIME;
}

int nl_post(struct nl *nl, struct msg *m)
{
	int rc = nl_put(nl, m);

	msg_free(m);
	return rc;
}

void nl_drain(struct nl *nl)
{
	int rc = 0;

	/* An ack that says no is the last message, and EAGAIN the end of them. */
	while (!nl_read(nl, nl->seq, &rc, MSG_DONTWAIT) || rc == 0)
		;
}

int nl_talk(struct nl *nl, struct msg *m)
{
	int rc = nl_send(nl, m);

	msg_free(m);
	return rc;
}

int nl_open(struct nl *nl)
{
	struct msg m;
	int one = 1, big = 4 << 20, rc;

	memset(nl, 0, sizeof(*nl));
	nl->tail = &nl->head;
	nl->buf = malloc(RECV_SIZE);
	if (!nl->buf)
		abort();
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (nl->fd < 0)
		return -errno;
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
	msg_open(&m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	msg_str(&m, CTRL_ATTR_FAMILY_NAME, TLSOCK_GENL_NAME);
	rc = nl_talk(nl, &m);
	if (rc == 0 && nl->family == 0)
		rc = -ENOENT;
	return rc;
}

void nl_close(struct nl *nl)
{
	struct event *e;

	while ((e = nl->head)) {
		nl->head = e->next;
		free(e);
	}
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
	free(nl->buf);
	nl->buf = NULL;
}

int nl_monitor(struct nl *nl)
{
	return setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &nl->monitor,
			  sizeof(nl->monitor)) ?
		       -errno :
		       0;
}

void msg_dump(struct msg *m)
{
	uint16_t flags = NLM_F_REQUEST | NLM_F_DUMP;

	memcpy(m->buf + offsetof(struct nlmsghdr, nlmsg_flags), &flags, sizeof(flags));
}

int nl_dump(struct nl *nl)
{
	struct msg m;

	msg_start(&m, nl, TLSOCK_CMD_DUMP);
	msg_dump(&m);
	return nl_talk(nl, &m);
}

int nl_register(struct nl *nl)
{
	struct msg m;

	msg_start(&m, nl, TLSOCK_CMD_REGISTER);
	return nl_talk(nl, &m);
}

int nl_pull(struct nl *nl, uint32_t max_conns, uint32_t max_bytes)
{
	struct msg m;

	nl->doorbell = false;
	msg_start(&m, nl, TLSOCK_CMD_PULL);
	if (max_conns)
		msg_u32(&m, TLSOCK_A_MAX_CONNS, max_conns);
	if (max_bytes)
		msg_u32(&m, TLSOCK_A_MAX_BYTES, max_bytes);
	return nl_talk(nl, &m);
}

struct event *nl_take(struct nl *nl)
{
	struct event *e = nl->head;

	if (!e)
		return NULL;
	nl->head = e->next;
	if (!nl->head)
		nl->tail = &nl->head;
	return e;
}

struct event *nl_peek(struct nl *nl)
{
	if (!nl->head)
		nl_pull(nl, 0, 0);
	return nl_take(nl);
}

struct event *nl_next(struct nl *nl, int ms)
{
	int64_t end = now_ms() + ms, left;
	struct event *e;
	int rc = 0;

	for (;;) {
		e = nl_peek(nl);
		left = end - now_ms();
		if (e || left <= 0)
			return e;
		struct pollfd p = { .fd = nl->fd, .events = POLLIN };

		if (!nl->doorbell && poll(&p, 1, (int)left) > 0)
			nl_read(nl, 0, &rc, 0);
	}
}

int nl_limit(int attr, uint32_t value)
{
	struct nl nl;
	struct msg m;
	int rc = nl_open(&nl);

	if (rc == 0) {
		msg_start(&m, &nl, TLSOCK_CMD_LIMITS);
		msg_u32(&m, attr, value);
		rc = nl_talk(&nl, &m);
	}
	nl_close(&nl);
	return rc;
}

int nl_stats(struct nl *nl, struct event *out)
{
	struct msg m;
	struct event *e;
	int rc;

	msg_start(&m, nl, TLSOCK_CMD_STATS);
	rc = nl_talk(nl, &m);
	memset(out, 0, sizeof(*out));
	while ((e = nl_take(nl))) {
		if (e->cmd == TLSOCK_CMD_STATS)
			*out = *e;
		free(e);
	}
	return rc;
}

void push_start(struct msg *m, const struct nl *nl, uint64_t id, uint32_t generation)
{
	msg_start(m, nl, TLSOCK_CMD_PUSH);
	msg_u64(m, TLSOCK_A_ID, id);
	msg_u32(m, TLSOCK_A_GENERATION, generation);
	msg_nest(m, TLSOCK_A_ACTIONS);
}

void push_data(struct msg *m, uint8_t epoch, uint8_t content_type, const void *data, size_t len)
{
	msg_nest(m, TLSOCK_ACT_DATA);
	msg_u8(m, TLSOCK_AA_EPOCH, epoch);
	msg_u8(m, TLSOCK_AA_CONTENT_TYPE, content_type);
	msg_put(m, TLSOCK_AA_DATA, data, len);
	msg_end(m);
}

void push_continue(struct msg *m)
{
	msg_nest(m, TLSOCK_ACT_CONTINUE);
	msg_end(m);
}

void push_fail(struct msg *m, uint32_t err, int alert, const char *text)
{
	msg_nest(m, TLSOCK_ACT_FAIL);
	msg_u32(m, TLSOCK_AA_ERRNO, err);
	if (alert >= 0)
		msg_u8(m, TLSOCK_AA_ALERT, (uint8_t)alert);
	if (text)
		msg_str(m, TLSOCK_AA_TEXT, text);
	msg_end(m);
}

int push_send(struct nl *nl, struct msg *m)
{
	while (m->depth)
		msg_end(m);
	return nl_talk(nl, m);
}
