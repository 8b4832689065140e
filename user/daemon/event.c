// SPDX-License-Identifier: MIT
/*
 * event.c - see event.h
 */
#include "event.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <string.h>

/* libnl's NLA_STRING is the one that has to end in NUL. */
static struct nla_policy policy[TLSOCK_A_MAX + 1] = {
	[TLSOCK_A_ID] = { .type = NLA_U64 },
	[TLSOCK_A_GENERATION] = { .type = NLA_U32 },
	[TLSOCK_A_ROLE] = { .type = NLA_U8 },
	[TLSOCK_A_SERVER_NAME] = { .type = NLA_STRING, .maxlen = TLSOCK_NAME_MAX + 1 },
	[TLSOCK_A_CREDENTIAL] = { .type = NLA_STRING, .maxlen = TLSOCK_NAME_MAX + 1 },
	[TLSOCK_A_TRUST] = { .type = NLA_STRING, .maxlen = TLSOCK_NAME_MAX + 1 },
	[TLSOCK_A_PROFILE] = { .type = NLA_STRING, .maxlen = TLSOCK_NAME_MAX + 1 },
	[TLSOCK_A_ALPN] = { .maxlen = 255 },
	[TLSOCK_A_VERIFY] = { .type = NLA_U8 },
	[TLSOCK_A_UID] = { .type = NLA_U32 },
	[TLSOCK_A_GID] = { .type = NLA_U32 },
	[TLSOCK_A_PID] = { .type = NLA_U32 },
	[TLSOCK_A_NETNS] = { .type = NLA_U64 },
	[TLSOCK_A_NETNS_INODE] = { .type = NLA_U32 },
	[TLSOCK_A_EPOCH] = { .type = NLA_U8 },
	[TLSOCK_A_MORE] = { .type = NLA_FLAG },
	[TLSOCK_A_COOKIE] = { .minlen = 1, .maxlen = TLSOCK_COOKIE_MAX },
};

static const char *string_of(struct nlattr *attr)
{
	return attr ? nla_get_string(attr) : "";
}

static const void *bytes_of(struct nlattr *attr, size_t *len)
{
	*len = attr ? (size_t)nla_len(attr) : 0;
	return attr ? nla_data(attr) : NULL;
}

static int parse_new(struct nlattr **attrs, struct event *e)
{
	if (!attrs[TLSOCK_A_ROLE] || !attrs[TLSOCK_A_VERIFY] || !attrs[TLSOCK_A_UID] ||
	    !attrs[TLSOCK_A_GID])
		return -EBADMSG;
	switch (nla_get_u8(attrs[TLSOCK_A_ROLE])) {
	case TLSOCK_ROLE_CLIENT:
		e->server = false;
		break;
	case TLSOCK_ROLE_SERVER:
		e->server = true;
		break;
	default:
		return -EBADMSG;
	}
	e->verify = nla_get_u8(attrs[TLSOCK_A_VERIFY]);
	if (e->verify > TLSOCK_VERIFY_REQUIRED)
		return -EBADMSG;
	e->server_name = string_of(attrs[TLSOCK_A_SERVER_NAME]);
	e->credential = string_of(attrs[TLSOCK_A_CREDENTIAL]);
	e->trust = string_of(attrs[TLSOCK_A_TRUST]);
	e->profile = string_of(attrs[TLSOCK_A_PROFILE]);
	e->alpn = bytes_of(attrs[TLSOCK_A_ALPN], &e->alpn_len);
	e->local = bytes_of(attrs[TLSOCK_A_LOCAL], &e->local_len);
	e->peer = bytes_of(attrs[TLSOCK_A_PEER], &e->peer_len);
	e->uid = nla_get_u32(attrs[TLSOCK_A_UID]);
	e->gid = nla_get_u32(attrs[TLSOCK_A_GID]);
	e->pid = attrs[TLSOCK_A_PID] ? nla_get_u32(attrs[TLSOCK_A_PID]) : 0;
	e->netns = attrs[TLSOCK_A_NETNS] ? nla_get_u64(attrs[TLSOCK_A_NETNS]) : 0;
	if (attrs[TLSOCK_A_NETNS_INODE])
		e->netns_inode = nla_get_u32(attrs[TLSOCK_A_NETNS_INODE]);
	return 0;
}

static int parse_data(struct nlattr **attrs, struct event *e)
{
	if (!attrs[TLSOCK_A_EPOCH] || !attrs[TLSOCK_A_DATA])
		return -EBADMSG;
	e->epoch = nla_get_u8(attrs[TLSOCK_A_EPOCH]);
	e->data = bytes_of(attrs[TLSOCK_A_DATA], &e->data_len);
	e->more = attrs[TLSOCK_A_MORE] != NULL;
	return e->data_len ? 0 : -EBADMSG;
}

static int parse_ticket(struct nlattr **attrs, struct event *e)
{
	e->cookie = bytes_of(attrs[TLSOCK_A_COOKIE], &e->cookie_len);
	e->data = bytes_of(attrs[TLSOCK_A_DATA], &e->data_len);
	return e->cookie_len && e->data_len ? 0 : -EBADMSG;
}

int event_parse(struct nlmsghdr *header, struct event *event)
{
	struct nlattr *attrs[TLSOCK_A_MAX + 1];
	const struct genlmsghdr *genl;

	memset(event, 0, sizeof(*event));
	event->server_name = event->credential = event->trust = event->profile = "";
	if (!genlmsg_valid_hdr(header, 0))
		return -EBADMSG;
	genl = genlmsg_hdr(header);
	event->command = genl->cmd;
	if (genl->cmd != TLSOCK_CMD_CONN_NEW && genl->cmd != TLSOCK_CMD_CONN_DATA &&
	    genl->cmd != TLSOCK_CMD_CONN_GONE && genl->cmd != TLSOCK_CMD_CONN_TICKET)
		return -EOPNOTSUPP;
	if (genlmsg_parse(header, 0, attrs, TLSOCK_A_MAX, policy) < 0)
		return -EBADMSG;
	if (!attrs[TLSOCK_A_ID])
		return -EBADMSG;
	event->id = nla_get_u64(attrs[TLSOCK_A_ID]);
	if (genl->cmd == TLSOCK_CMD_CONN_TICKET)
		return parse_ticket(attrs, event);
	if (!attrs[TLSOCK_A_GENERATION])
		return -EBADMSG;
	event->generation = nla_get_u32(attrs[TLSOCK_A_GENERATION]);
	if (genl->cmd == TLSOCK_CMD_CONN_NEW)
		return parse_new(attrs, event);
	if (genl->cmd == TLSOCK_CMD_CONN_DATA)
		return parse_data(attrs, event);
	return 0;
}

static void put_address(char *out, size_t size, const void *address, size_t len)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;
	char host[INET6_ADDRSTRLEN];

	snprintf(out, size, "?");
	if (len >= sizeof(v4))
		memcpy(&v4, address, sizeof(v4));
	if (len == sizeof(v4) && v4.sin_family == AF_INET) {
		if (inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host)))
			snprintf(out, size, "%s:%u", host, ntohs(v4.sin_port));
	} else if (len == sizeof(v6)) {
		memcpy(&v6, address, sizeof(v6));
		if (v6.sin6_family == AF_INET6 &&
		    inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host)))
			snprintf(out, size, "[%s]:%u", host, ntohs(v6.sin6_port));
	}
}

void event_subject(const struct event *event, struct log_subject *subject)
{
	memset(subject, 0, sizeof(*subject));
	subject->id = event->id;
	subject->server = event->server;
	subject->uid = event->uid;
	subject->pid = event->pid;
	snprintf(subject->name, sizeof(subject->name), "%s", event->server_name);
	log_make_printable(subject->name);
	put_address(subject->local, sizeof(subject->local), event->local, event->local_len);
	put_address(subject->peer, sizeof(subject->peer), event->peer, event->peer_len);
}
