// SPDX-License-Identifier: MIT
/*
 * status.c - tlsock status: what the kernel module counts, in this network namespace
 *
 * STATS, LIMITS and DUMP of <linux/tlsock.h> for who has CAP_NET_ADMIN; for everybody else the
 * counters of /proc/net/tlsock_stat. Asks only, never sets.
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
#include <unistd.h>

#include "daemon/control_words.h"

static const char usage[] = "usage: tlsock status [-jh] [--prometheus]\n";

struct field {
	int attr;
	const char *json;
	const char *words;
};

static const struct field stats[] = {
	{ TLSOCK_A_STAT_WORKERS, "workers", "workers of the daemon" },
	{ TLSOCK_A_STAT_IN_FLIGHT, "in_flight", "handshakes in flight" },
	{ TLSOCK_A_STAT_HS_STARTED, "handshakes", "handshakes started" },
	{ TLSOCK_A_STAT_HS_DONE, "handshakes_done", "handshakes done" },
	{ TLSOCK_A_STAT_HS_RESUMED, "handshakes_resumed", "handshakes that resumed a session" },
	{ TLSOCK_A_STAT_HS_FAILED, "handshakes_failed", "handshakes failed" },
	{ TLSOCK_A_STAT_TX_RECORDS, "tx_records", "records sent" },
	{ TLSOCK_A_STAT_RX_RECORDS, "rx_records", "records received" },
	{ TLSOCK_A_STAT_TX_BYTES, "tx_bytes", "bytes sent" },
	{ TLSOCK_A_STAT_RX_BYTES, "rx_bytes", "bytes received" },
	{ TLSOCK_A_STAT_DECRYPT_ERROR, "decrypt_errors", "records that did not authenticate" },
};

static const struct field limits[] = {
	{ TLSOCK_A_LIMIT_GRACE_MS, "grace_ms", "limit: milliseconds without a daemon" },
	{ TLSOCK_A_LIMIT_HS_NETNS, "handshakes", "limit: handshakes in flight" },
	{ TLSOCK_A_LIMIT_HS_UID, "handshakes_per_uid", "limit: the same, of one user" },
	{ TLSOCK_A_LIMIT_HS_LISTENER, "handshakes_per_listener",
	  "limit: the same, of one listener" },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct query {
	struct nl_sock *sk;
	int family;
	struct json *j; /* NULL: in words */
	uint8_t cmd;
	bool quiet;
	int pending; /* 1: the answer has not ended; else how it ended, negative errno */
};

static void print_field(struct json *j, const struct field *f, struct nlattr *attr)
{
	uint64_t value = nla_len(attr) == 8 ? nla_get_u64(attr) : nla_get_u32(attr);

	if (j)
		json_number(j, f->json, value);
	else
		printf("%-38s %" PRIu64 "\n", f->words, value);
}

static void address_text(struct nlattr *attr, char *out, size_t size)
{
	address_words(attr ? nla_data(attr) : NULL, attr ? (size_t)nla_len(attr) : 0, out, size);
}

static void print_conn(struct json *j, struct nlattr **a)
{
	char local[64], peer[64], name[1024] = "", id[17], number[8];
	const char *server = a[TLSOCK_A_SERVER_NAME] ? nla_get_string(a[TLSOCK_A_SERVER_NAME]) : "";
	uint8_t role = a[TLSOCK_A_ROLE] ? nla_get_u8(a[TLSOCK_A_ROLE]) : 0;
	uint32_t uid = a[TLSOCK_A_UID] ? nla_get_u32(a[TLSOCK_A_UID]) : 0;
	uint32_t pid = a[TLSOCK_A_PID] ? nla_get_u32(a[TLSOCK_A_PID]) : 0;
	const char *role_text = name_or_number(role_name(role), role, number);

	snprintf(id, sizeof(id), "%016" PRIx64,
		 a[TLSOCK_A_ID] ? (uint64_t)nla_get_u64(a[TLSOCK_A_ID]) : 0);
	address_text(a[TLSOCK_A_LOCAL], local, sizeof(local));
	address_text(a[TLSOCK_A_PEER], peer, sizeof(peer));
	if (!j) {
		escape(server, strlen(server), name, sizeof(name));
		printf("%s %s %s -> %s name %s uid %u pid %u\n", id, role_text, local, peer,
		       name[0] ? name : "-", uid, pid);
		return;
	}
	json_open(j, NULL, '{');
	json_string(j, "id", id);
	json_string(j, "role", role_text);
	json_string(j, "local", local);
	json_string(j, "peer", peer);
	json_string(j, "server_name", server);
	json_number(j, "uid", uid);
	json_number(j, "pid", pid);
	json_close(j, '}');
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[TLSOCK_A_MAX + 1];
	struct query *q = arg;

	if (q->quiet || genlmsg_parse(nlmsg_hdr(msg), 0, attrs, TLSOCK_A_MAX, NULL) < 0)
		return NL_SKIP;
	for (size_t i = 0; q->cmd == TLSOCK_CMD_STATS && i < COUNT(stats); i++)
		if (attrs[stats[i].attr])
			print_field(q->j, &stats[i], attrs[stats[i].attr]);
	for (size_t i = 0; q->cmd == TLSOCK_CMD_LIMITS && i < COUNT(limits); i++)
		if (attrs[limits[i].attr])
			print_field(q->j, &limits[i], attrs[limits[i].attr]);
	if (q->cmd == TLSOCK_CMD_DUMP)
		print_conn(q->j, attrs);
	return NL_OK;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	(void)msg;
	((struct query *)arg)->pending = 0;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	(void)from;
	((struct query *)arg)->pending = e->error;
	return NL_STOP;
}

/* 0: the family was found and the query is ready. Else an exit status, told. */
static int query_open(struct query *q, struct json *j)
{
	memset(q, 0, sizeof(*q));
	q->j = j;
	q->sk = nl_socket_alloc();
	if (!q->sk || genl_connect(q->sk) < 0) {
		complain("no generic netlink socket");
		return EX_OSERR;
	}
	q->family = genl_ctrl_resolve(q->sk, TLSOCK_GENL_NAME);
	if (q->family < 0) {
		complain("the kernel module tlsock is not loaded");
		return EX_UNAVAILABLE;
	}
	nl_socket_modify_cb(q->sk, NL_CB_VALID, NL_CB_CUSTOM, on_message, q);
	nl_socket_modify_cb(q->sk, NL_CB_ACK, NL_CB_CUSTOM, on_end, q);
	nl_socket_modify_cb(q->sk, NL_CB_FINISH, NL_CB_CUSTOM, on_end, q);
	nl_socket_modify_err_cb(q->sk, NL_CB_CUSTOM, on_error, q);
	return 0;
}

/* One question and its whole answer: 0 or a negative errno. */
static int ask(struct query *q, uint8_t cmd, int flags)
{
	int rc;

	q->cmd = cmd;
	q->pending = 1;
	rc = genl_send_simple(q->sk, q->family, cmd, TLSOCK_GENL_VERSION, flags);
	while (rc >= 0 && q->pending == 1)
		rc = nl_recvmsgs_default(q->sk);
	if (q->pending < 0)
		return q->pending;
	return q->pending ? -EIO : 0;
}

/* Does anybody get the secrets, or see handshakes? The daemon's word; nothing where there is none, or one without it. */
static void report_listeners(struct json *j)
{
	static const char *const what[] = { "key_log", "trace", "key log", "trace" };
	char text[CONTROL_TEXT], clean[CONTROL_TEXT * 4], *rest = text, *line;
	int fd = control_connect();

	if (fd < 0)
		return;
	if (!control_ask(fd, CONTROL_STATUS, text, sizeof(text), NULL)) {
		for (int i = 0; i < 2 && (line = strsep(&rest, "\n")); i++) {
			escape(line, strlen(line), clean, sizeof(clean));
			if (j)
				json_string(j, what[i], line);
			else
				printf("%-38s %s\n", what[2 + i], clean);
		}
	}
	close(fd);
}

/* The daemon's credentials, and until when they are good */
static void report_credentials(struct json *j)
{
	char text[CONTROL_TEXT], clean[CONTROL_TEXT * 4], *rest, *at, *words;
	int fd = control_connect();

	if (fd < 0)
		return;
	if (j)
		json_open(j, "credentials", '[');
	for (unsigned int i = 0;; i++) {
		snprintf(text, sizeof(text), CONTROL_CREDENTIAL "%u", i);
		if (control_ask(fd, text, text, sizeof(text), NULL) || !strcmp(text, CONTROL_END))
			break;
		rest = text;
		at = strsep(&rest, "\n");
		words = strsep(&rest, "\n");
		if (!words || !rest)
			break;
		if (j) {
			json_open(j, NULL, '{');
			json_string(j, "name", rest);
			json_number(j, "expires", strtoull(at, NULL, 10));
			json_string(j, "expiry", words);
			json_close(j, '}');
		} else {
			escape(rest, strlen(rest), clean, sizeof(clean));
			printf("credential %-27s %s\n", clean, words);
		}
	}
	if (j)
		json_close(j, ']');
	close(fd);
}

static int report_all(struct query *q)
{
	static const struct {
		uint8_t cmd;
		int flags;
		const char *key;
		char open, close;
	} parts[] = {
		{ TLSOCK_CMD_STATS, 0, "counters", '{', '}' },
		{ TLSOCK_CMD_LIMITS, 0, "limits", '{', '}' },
		{ TLSOCK_CMD_DUMP, NLM_F_DUMP, "in_flight", '[', ']' },
	};
	int rc = 0;

	if (q->j)
		json_open(q->j, NULL, '{');
	for (size_t i = 0; i < COUNT(parts); i++) {
		if (q->j)
			json_open(q->j, parts[i].key, parts[i].open);
		if (!rc)
			rc = ask(q, parts[i].cmd, parts[i].flags);
		if (q->j)
			json_close(q->j, parts[i].close);
	}
	report_listeners(q->j);
	report_credentials(q->j);
	if (q->j) {
		json_close(q->j, '}');
		putchar('\n');
	}
	return rc;
}

/* Without the privilege to ask: the counters alone, by their names there. */
static int report_proc(struct json *j)
{
	FILE *f = fopen("/proc/net/tlsock_stat", "re");
	unsigned long long value;
	char name[64];

	if (!f)
		return -errno;
	if (j) {
		json_open(j, NULL, '{');
		json_open(j, "proc", '{');
	}
	while (fscanf(f, "%63s %llu", name, &value) == 2) {
		if (j)
			json_number(j, name, value);
		else
			printf("%-38s %llu\n", name, value);
	}
	fclose(f);
	if (j) {
		json_close(j, '}');
		json_close(j, '}');
		putchar('\n');
	}
	return 0;
}

static int prometheus(void)
{
	FILE *f = fopen("/proc/net/tlsock_stat", "re");

	if (!f) {
		complain("the kernel module tlsock is not loaded");
		return EX_UNAVAILABLE;
	}
	prometheus_print(f, stdout);
	fclose(f);
	return 0;
}

/* May this process ask? STATS is the smallest question there is. */
static bool permitted(struct query *q)
{
	bool yes;

	q->quiet = true;
	yes = ask(q, TLSOCK_CMD_STATS, 0) != -EPERM;
	q->quiet = false;
	return yes;
}

static int query(struct json *j)
{
	struct query q;
	int code = query_open(&q, j), rc;

	if (code)
		goto out;
	if (permitted(&q)) {
		rc = report_all(&q);
		if (rc) {
			complain("the module gave no answer: %s", tlsock_strerror(rc));
			code = EX_UNAVAILABLE;
		}
	} else if (report_proc(j)) {
		complain("/proc/net/tlsock_stat cannot be read");
		code = EX_NOPERM;
	} else {
		complain("limits and handshakes in flight are for CAP_NET_ADMIN");
	}
out:
	nl_socket_free(q.sk);
	return code;
}

int cmd_status(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "prometheus", no_argument, NULL, 'P' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct json json = { .to = stdout };
	bool metrics = false;
	int c;

	while ((c = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		if (c == 'j') {
			cli->json = true;
			continue;
		}
		if (c == 'P') {
			metrics = true;
			continue;
		}
		fputs(usage, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : EX_USAGE;
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (metrics)
		return prometheus();
	return query(cli->json ? &json : NULL);
}
