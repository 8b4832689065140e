// SPDX-License-Identifier: MIT
/*
 * monitor.c - tlsock monitor: handshakes as they end, from the kernel's multicast group
 *
 * A line for each, in words or as a JSON object, written at once. What the kernel had to leave out
 * because nobody read fast enough is told. Listens only.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUFFER (1 << 20)

static const char usage[] = "usage: tlsock monitor [-jh] [-n COUNT]\n"
			    "  -n, --count COUNT  end after so many\n";

struct monitor {
	const struct cli *cli;
	uint64_t left; /* 0: without end */
	bool done;
};

static const char *event_name(uint8_t event)
{
	switch (event) {
	case TLSOCK_EVENT_DONE:
		return "done";
	case TLSOCK_EVENT_FAILED:
		return "failed";
	case TLSOCK_EVENT_KEY_UPDATE:
		return "key_update";
	case TLSOCK_EVENT_CLOSED:
		return "closed";
	default:
		return NULL;
	}
}

static const char *string_of(struct nlattr *attr)
{
	return attr ? nla_get_string(attr) : "";
}

static uint16_t code_of(struct nlattr *attr)
{
	return attr ? nla_get_u16(attr) : 0;
}

static uint8_t byte_of(struct nlattr *attr)
{
	return attr ? nla_get_u8(attr) : 0;
}

struct event {
	char time[40], id[17], local[64], peer[64], number[4][8];
	const char *what, *role, *name, *credential, *version, *suite, *error, *text;
	uint32_t uid, pid;
};

static void event_of(struct nlattr **a, struct event *e)
{
	uint16_t version = code_of(a[TLSOCK_A_VERSION]), suite = code_of(a[TLSOCK_A_SUITE]);
	uint8_t what = byte_of(a[TLSOCK_A_EVENT]), role = byte_of(a[TLSOCK_A_ROLE]);
	int error = a[TLSOCK_A_ERROR] ? nla_get_s32(a[TLSOCK_A_ERROR]) : 0;
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(e->time, sizeof(e->time), "%FT%T", &tm);
	snprintf(e->time + strlen(e->time), 8, ".%03dZ", (int)(now.tv_nsec / 1000000) % 1000);
	snprintf(e->id, sizeof(e->id), "%016" PRIx64,
		 a[TLSOCK_A_ID] ? (uint64_t)nla_get_u64(a[TLSOCK_A_ID]) : 0);
	address_words(a[TLSOCK_A_LOCAL] ? nla_data(a[TLSOCK_A_LOCAL]) : NULL,
		      a[TLSOCK_A_LOCAL] ? (size_t)nla_len(a[TLSOCK_A_LOCAL]) : 0, e->local,
		      sizeof(e->local));
	address_words(a[TLSOCK_A_PEER] ? nla_data(a[TLSOCK_A_PEER]) : NULL,
		      a[TLSOCK_A_PEER] ? (size_t)nla_len(a[TLSOCK_A_PEER]) : 0, e->peer,
		      sizeof(e->peer));
	e->what = name_or_number(event_name(what), what, e->number[0]);
	e->role = name_or_number(role_name(role), role, e->number[1]);
	e->name = string_of(a[TLSOCK_A_SERVER_NAME]);
	e->credential = string_of(a[TLSOCK_A_CREDENTIAL]);
	e->version = version ? name_or_number(version_name(version), version, e->number[2]) : "";
	e->suite = suite ? name_or_number(suite_name(suite), suite, e->number[3]) : "";
	e->error = error ? strerrorname_np(error) : NULL;
	e->text = string_of(a[TLSOCK_A_TEXT]);
	e->uid = a[TLSOCK_A_UID] ? nla_get_u32(a[TLSOCK_A_UID]) : 0;
	e->pid = a[TLSOCK_A_PID] ? nla_get_u32(a[TLSOCK_A_PID]) : 0;
}

static void object(const struct event *e)
{
	struct json j = { .to = stdout };

	json_open(&j, NULL, '{');
	json_string(&j, "time", e->time);
	json_string(&j, "event", e->what);
	json_string(&j, "id", e->id);
	json_string(&j, "role", e->role);
	json_string(&j, "local", e->local);
	json_string(&j, "peer", e->peer);
	json_string(&j, "server_name", e->name);
	json_string(&j, "credential", e->credential);
	json_number(&j, "uid", e->uid);
	json_number(&j, "pid", e->pid);
	if (e->version[0])
		json_string(&j, "version", e->version);
	if (e->suite[0])
		json_string(&j, "cipher_suite", e->suite);
	if (e->error) {
		json_string(&j, "error", e->error);
		json_string(&j, "text", e->text);
	}
	json_close(&j, '}');
	putchar('\n');
}

static void line(const struct event *e)
{
	char name[1024], text[1024];

	escape(e->name, strlen(e->name), name, sizeof(name));
	escape(e->text, strlen(e->text), text, sizeof(text));
	printf("%s %s%-6s%s %s %s %s -> %s", e->time, colour(e->error ? COLOUR_BAD : COLOUR_GOOD),
	       e->what, colour(COLOUR_NONE), e->id, e->role, e->local, e->peer);
	if (name[0])
		printf(" name %s", name);
	printf(" uid %u pid %u", e->uid, e->pid);
	if (e->version[0])
		printf(" %s %s", e->version, e->suite);
	if (e->error)
		printf(": %s (%s)", text, e->error);
	putchar('\n');
}

static int on_event(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[TLSOCK_A_MAX + 1];
	struct monitor *m = arg;
	struct event e;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, TLSOCK_A_MAX, NULL) < 0 ||
	    !attrs[TLSOCK_A_EVENT] || m->done)
		return NL_SKIP;
	event_of(attrs, &e);
	if (m->cli->json)
		object(&e);
	else
		line(&e);
	/* a reader that has gone ends it */
	m->done = fflush(stdout) || (m->left && !--m->left);
	return NL_OK;
}

static int listen_to(struct monitor *m, struct nl_sock *sk)
{
	int group, rc = 0;

	nl_socket_disable_seq_check(sk);
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_event, m);
	group = genl_ctrl_resolve_grp(sk, TLSOCK_GENL_NAME, TLSOCK_GENL_MCGRP_MONITOR);
	if (group < 0) {
		complain("the kernel module tlsock is not loaded");
		return EX_UNAVAILABLE;
	}
	rc = nl_socket_set_buffer_size(sk, BUFFER, 0);
	if (!rc)
		rc = nl_socket_add_membership(sk, group);
	if (rc) {
		complain("monitor: this is for CAP_NET_ADMIN");
		return EX_NOPERM;
	}
	while (!m->done) {
		rc = nl_recvmsgs_default(sk);
		if (rc == -NLE_NOMEM || rc == -NLE_AGAIN) {
			complain("events were lost");
		} else if (rc < 0) {
			complain("monitor: %s", nl_geterror(rc));
			return EX_OSERR;
		}
	}
	return 0;
}

int cmd_monitor(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "count", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct monitor m = { .cli = cli };
	struct nl_sock *sk;
	int c, status;

	while ((c = getopt_long(argc, argv, "jn:h", options, NULL)) != -1) {
		if (c == 'j') {
			cli->json = true;
		} else if (c == 'n') {
			m.left = strtoull(optarg, NULL, 10);
		} else {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : EX_USAGE;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	sk = nl_socket_alloc();
	if (!sk || genl_connect(sk) < 0) {
		complain("no generic netlink socket");
		status = EX_OSERR;
	} else {
		status = listen_to(&m, sk);
	}
	nl_socket_free(sk);
	return status;
}
