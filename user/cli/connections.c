// SPDX-License-Identifier: MIT
/*
 * connections.c - tlsock connections: the TCP sockets of this network namespace that are TLS
 *
 * What inet_diag tells of a socket's ULP, for everybody who may look at sockets; it needs neither
 * the daemon nor its records. Asks only.
 */
#include "cli.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

static const char usage[] = "usage: tlsock connections [-jh]\n";

struct connections {
	struct json *j; /* NULL: in words */
	uint64_t count;
};

struct row {
	char local[64], peer[64], number[8];
	const char *state, *version, *cipher;
	uint32_t uid, inode;
	bool tx, rx;
};

static const char *cipher_name(uint16_t type)
{
	switch (type) {
	case TLS_CIPHER_AES_GCM_128:
		return "AES_128_GCM";
	case TLS_CIPHER_AES_GCM_256:
		return "AES_256_GCM";
	case TLS_CIPHER_AES_CCM_128:
		return "AES_128_CCM";
	case TLS_CIPHER_CHACHA20_POLY1305:
		return "CHACHA20_POLY1305";
	default:
		return "-";
	}
}

static const char *tcp_state(uint8_t state)
{
	static const char *const names[] = {
		"?",	      "established", "syn-sent",  "syn-received",
		"fin-wait-1", "fin-wait-2",  "time-wait", "closed",
		"close-wait", "last-ack",    "listen",	  "closing"
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : names[0];
}

static void print(struct connections *all, const struct row *r)
{
	struct json *j = all->j;

	if (!all->count++ && !j)
		printf("%-13s %-24s %-24s %-8s %-17s %s\n", "STATE", "LOCAL", "PEER", "VERSION",
		       "CIPHER", "UID");
	if (!j) {
		printf("%-13s %-24s %-24s %-8s %-17s %u\n", r->state, r->local, r->peer, r->version,
		       r->cipher, r->uid);
		return;
	}
	json_open(j, NULL, '{');
	json_string(j, "tcp_state", r->state);
	json_string(j, "local", r->local);
	json_string(j, "peer", r->peer);
	json_string(j, "version", r->version);
	json_string(j, "cipher", r->cipher);
	json_bool(j, "tx_protected", r->tx);
	json_bool(j, "rx_protected", r->rx);
	json_number(j, "uid", r->uid);
	json_number(j, "inode", r->inode);
	json_close(j, '}');
}

/* A socket of ours: its ULP is called "tlsock". */
static bool ulp_of(struct nlattr *attr, struct row *r)
{
	struct nlattr *ulp[INET_ULP_INFO_MAX + 1], *tls[TLS_INFO_MAX + 1] = { 0 };
	uint16_t version, conf;

	if (!attr || nla_parse_nested(ulp, INET_ULP_INFO_MAX, attr, NULL) ||
	    !ulp[INET_ULP_INFO_NAME] ||
	    strcmp(nla_get_string(ulp[INET_ULP_INFO_NAME]), TLSOCK_ULP_NAME) != 0)
		return false;
	r->version = r->cipher = "-";
	if (!ulp[INET_ULP_INFO_TLS] ||
	    nla_parse_nested(tls, TLS_INFO_MAX, ulp[INET_ULP_INFO_TLS], NULL))
		return true;
	if (tls[TLS_INFO_VERSION]) {
		version = nla_get_u16(tls[TLS_INFO_VERSION]);
		r->version = name_or_number(version_name(version), version, r->number);
	}
	if (tls[TLS_INFO_CIPHER])
		r->cipher = cipher_name(nla_get_u16(tls[TLS_INFO_CIPHER]));
	conf = tls[TLS_INFO_TXCONF] ? nla_get_u16(tls[TLS_INFO_TXCONF]) : TLS_CONF_BASE;
	r->tx = conf != TLS_CONF_BASE;
	conf = tls[TLS_INFO_RXCONF] ? nla_get_u16(tls[TLS_INFO_RXCONF]) : TLS_CONF_BASE;
	r->rx = conf != TLS_CONF_BASE;
	return true;
}

static int on_socket(struct nl_msg *msg, void *arg)
{
	const struct inet_diag_msg *m = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *attrs[INET_DIAG_MAX + 1];
	struct row r = { 0 };
	bool six;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*m), attrs, INET_DIAG_MAX, NULL) < 0 ||
	    !ulp_of(attrs[INET_DIAG_ULP_INFO], &r))
		return NL_SKIP;
	six = m->idiag_family == AF_INET6;
	address_digits(six, m->id.idiag_src, ntohs(m->id.idiag_sport), r.local, sizeof(r.local));
	address_digits(six, m->id.idiag_dst, ntohs(m->id.idiag_dport), r.peer, sizeof(r.peer));
	r.state = tcp_state(m->idiag_state);
	r.uid = m->idiag_uid;
	r.inode = m->idiag_inode;
	print(arg, &r);
	return NL_OK;
}

/* 0 or a negative error of libnl */
static int ask(struct nl_sock *sk, uint8_t family)
{
	struct inet_diag_req_v2 request = {
		.sdiag_family = family,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_ext = 1 << (INET_DIAG_INFO - 1), /* the ULP comes with it */
		.idiag_states = ~0U,
	};
	int rc = nl_send_simple(sk, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request));

	return rc < 0 ? rc : nl_recvmsgs_default(sk);
}

static int list(struct connections *all)
{
	struct nl_sock *sk = nl_socket_alloc();
	int rc = sk ? nl_connect(sk, NETLINK_SOCK_DIAG) : -NLE_NOMEM;

	if (!rc) {
		nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_socket, all);
		rc = ask(sk, AF_INET);
	}
	if (rc >= 0)
		rc = ask(sk, AF_INET6);
	nl_socket_free(sk);
	if (rc < 0)
		complain("the kernel does not tell of its sockets: %s", nl_geterror(rc));
	return rc < 0 ? EX_OSERR : 0;
}

int cmd_connections(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct json json = { .to = stdout };
	struct connections all = { 0 };
	int c, status;

	while ((c = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		if (c == 'j') {
			cli->json = true;
			continue;
		}
		fputs(usage, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : EX_USAGE;
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (cli->json) {
		all.j = &json;
		json_open(&json, NULL, '[');
	}
	status = list(&all);
	if (cli->json) {
		json_close(&json, ']');
		putchar('\n');
	}
	return status;
}
