// SPDX-License-Identifier: GPL-2.0-only
/*
 * The genl family "tlsock": the seam to the daemon (see the UAPI header, part 2, and
 * tlsock.yaml). Parses and builds messages, and knows nothing of records or TCP. A daemon
 * is privileged but may be wrong: every length and number is checked here or in
 * tlsock_hs_push(). Keys are wiped from every message they came in.
 */
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <crypto/hash.h>
#include <net/genetlink.h>

#include "seam.h"

#define DATA_CHUNK		16384	/* bytes of a flight in one CONN_DATA */
#define PULL_CONNS		64
#define PULL_MESSAGES		256	/* connections with something to tell, in one PULL */
#define PULL_BYTES		65536

static struct genl_family tlsock_family;

static const struct nla_policy pull_policy[TLSOCK_A_MAX + 1] = {
	[TLSOCK_A_MAX_CONNS] = { .type = NLA_U32 },
	[TLSOCK_A_MAX_BYTES] = NLA_POLICY_MIN(NLA_U32, 1),
};

static const struct nla_policy push_policy[TLSOCK_A_MAX + 1] = {
	[TLSOCK_A_ID] = { .type = NLA_U64 },
	[TLSOCK_A_GENERATION] = { .type = NLA_U32 },
	[TLSOCK_A_ACTIONS] = { .type = NLA_NESTED },
};

static struct netlink_range_validation grace_range = { .max = 3600000 };
static struct netlink_range_validation limit_range = { .max = S32_MAX };

static const struct nla_policy limits_policy[TLSOCK_A_MAX + 1] = {
	[TLSOCK_A_LIMIT_GRACE_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &grace_range),
	[TLSOCK_A_LIMIT_HS_NETNS] = NLA_POLICY_FULL_RANGE(NLA_U32, &limit_range),
	[TLSOCK_A_LIMIT_HS_UID] = NLA_POLICY_FULL_RANGE(NLA_U32, &limit_range),
	[TLSOCK_A_LIMIT_HS_LISTENER] = NLA_POLICY_FULL_RANGE(NLA_U32, &limit_range),
};

/* kernel -> worker. All in atomic context, under tn->lock. */

static int give(struct tlsock_net *tn, struct sk_buff *skb, void *hdr, u32 portid)
{
	genlmsg_end(skb, hdr);
	return genlmsg_unicast(tn->net, skb, portid);
}

static struct sk_buff *msg_new(u8 cmd, u32 portid, size_t payload, void **hdr, gfp_t gfp)
{
	struct sk_buff *skb = genlmsg_new(payload, gfp);

	if (!skb)
		return NULL;
	*hdr = genlmsg_put(skb, portid, 0, &tlsock_family, 0, cmd);
	if (*hdr)
		return skb;
	nlmsg_free(skb);
	return NULL;
}

/* Made when a worker is armed: there may be no memory for one when it is to ring. */
static struct sk_buff *doorbell_new(u32 portid)
{
	struct sk_buff *skb;
	void *hdr;

	skb = msg_new(TLSOCK_CMD_DOORBELL, portid, 0, &hdr, GFP_KERNEL);
	if (skb)
		genlmsg_end(skb, hdr);
	return skb;
}

void tlsock_nl_doorbell(struct net *net, u32 portid, struct sk_buff *bell)
{
	/* A doorbell that is lost costs nothing: the worker's queue is full, and a worker
	 * whose queue was full PULLs.
	 */
	genlmsg_unicast(net, bell, portid);
}

static int put_ident(struct sk_buff *skb, const struct tlsock_conn *conn)
{
	return nla_put_u64_64bit(skb, TLSOCK_A_ID, conn->id, TLSOCK_A_PAD) ?:
	       nla_put_u32(skb, TLSOCK_A_GENERATION, conn->generation);
}

static int put_name(struct sk_buff *skb, int attr, const char *name)
{
	return name[0] ? nla_put_string(skb, attr, name) : 0;
}

static u8 verify_of(const struct tlsock_conn *conn)
{
	if (conn->opts->verify != TLSOCK_VERIFY_UNSET)
		return conn->opts->verify;
	return conn->role == TLSOCK_ROLE_CLIENT ? TLSOCK_VERIFY_REQUIRED : TLSOCK_VERIFY_NONE;
}

static int put_address(struct sk_buff *skb, int attr, const struct sockaddr_storage *a)
{
	return nla_put(skb, attr, a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
							     sizeof(struct sockaddr_in), a);
}

/* @net: of who reads it, in whose terms a user is told. The inode tells it of another namespace. */
static int put_conn(struct sk_buff *skb, const struct tlsock_conn *conn, const struct net *net)
{
	const struct tlsock_opts *o = conn->opts;

	return put_ident(skb, conn) ?:
	       nla_put_u8(skb, TLSOCK_A_ROLE, conn->role) ?:
	       put_name(skb, TLSOCK_A_SERVER_NAME, o->server_name) ?:
	       put_name(skb, TLSOCK_A_CREDENTIAL, o->credential) ?:
	       put_name(skb, TLSOCK_A_TRUST, o->trust) ?:
	       put_name(skb, TLSOCK_A_PROFILE, o->profile) ?:
	       (o->alpn_len ? nla_put(skb, TLSOCK_A_ALPN, o->alpn_len, o->alpn) : 0) ?:
	       nla_put_u8(skb, TLSOCK_A_VERIFY, verify_of(conn)) ?:
	       put_address(skb, TLSOCK_A_LOCAL, &conn->local) ?:
	       put_address(skb, TLSOCK_A_PEER, &conn->peer) ?:
	       nla_put_u32(skb, TLSOCK_A_UID, from_kuid_munged(net->user_ns, conn->kuid)) ?:
	       nla_put_u32(skb, TLSOCK_A_GID, from_kgid_munged(net->user_ns, conn->kgid)) ?:
	       nla_put_u32(skb, TLSOCK_A_PID, conn->pid) ?:
	       nla_put_u64_64bit(skb, TLSOCK_A_NETNS, conn->netns, TLSOCK_A_PAD) ?:
	       (conn->netns != net->net_cookie ?
		nla_put_u32(skb, TLSOCK_A_NETNS_INODE, conn->netns_inode) : 0);
}

static int give_new(struct tlsock_net *tn, struct tlsock_conn *conn, u32 portid)
{
	struct sk_buff *skb;
	void *hdr;

	skb = msg_new(TLSOCK_CMD_CONN_NEW, portid, NLMSG_GOODSIZE, &hdr, GFP_ATOMIC);
	if (!skb)
		return -ENOMEM;
	if (put_conn(skb, conn, tn->net)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	return give(tn, skb, hdr, portid);
}

static int give_gone(struct tlsock_net *tn, struct tlsock_conn *conn, u32 portid)
{
	struct sk_buff *skb;
	void *hdr;

	skb = msg_new(TLSOCK_CMD_CONN_GONE, portid, 64, &hdr, GFP_ATOMIC);
	if (!skb)
		return -ENOMEM;
	if (put_ident(skb, conn)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	return give(tn, skb, hdr, portid);
}

static int give_data(struct tlsock_net *tn, struct tlsock_conn *conn, u32 portid)
{
	u32 n = min_t(u32, conn->flight_len - conn->flight_off, DATA_CHUNK);
	struct sk_buff *skb;
	void *hdr;
	int err;

	skb = msg_new(TLSOCK_CMD_CONN_DATA, portid, n + 64, &hdr, GFP_ATOMIC);
	if (!skb)
		return -ENOMEM;
	if (put_ident(skb, conn) ||
	    nla_put_u8(skb, TLSOCK_A_EPOCH, conn->flight_epoch) ||
	    nla_put(skb, TLSOCK_A_DATA, n, conn->flight + conn->flight_off) ||
	    (conn->flight_off + n < conn->flight_len && nla_put_flag(skb, TLSOCK_A_MORE))) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	err = give(tn, skb, hdr, portid);
	if (!err)
		conn->flight_off += n;
	return err;
}

/* All that @portid has to know of @conn. What could not be given stays for the next PULL. */
static int give_conn(struct tlsock_net *tn, struct tlsock_conn *conn, u32 portid, u32 *bytes)
{
	int err;

	lockdep_assert_held(&tn->lock);
	if (conn->gone) {
		err = give_gone(tn, conn, portid);
		if (!err)
			tlsock_conn_told(conn);
		return err;
	}
	if (!conn->announced) {
		err = give_new(tn, conn, portid);
		if (err)
			return err;
		conn->announced = true;
	}
	while (conn->flight_off < conn->flight_len) {
		u32 before = conn->flight_off;

		err = give_data(tn, conn, portid);
		if (err)
			return err;
		*bytes += conn->flight_off - before;
	}
	tlsock_conn_told(conn);
	return 0;
}

static int give_ticket(struct tlsock_net *tn, const struct tlsock_ticket *t, u32 portid)
{
	struct sk_buff *skb;
	void *hdr;

	skb = msg_new(TLSOCK_CMD_CONN_TICKET, portid, t->len + t->cookie->len + 64, &hdr,
		      GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return -ENOMEM;
	if (nla_put_u64_64bit(skb, TLSOCK_A_ID, t->id, TLSOCK_A_PAD) ||
	    nla_put(skb, TLSOCK_A_COOKIE, t->cookie->len, t->cookie->bytes) ||
	    nla_put(skb, TLSOCK_A_DATA, t->len, t->message)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	return give(tn, skb, hdr, portid);
}

/* Tickets wait behind handshakes. One that cannot be given is lost, for a full handshake. */
static u32 give_tickets(struct tlsock_net *tn, u32 portid, u32 max, u32 *bytes)
{
	struct tlsock_ticket *t;
	u32 given = 0;
	int err;

	lockdep_assert_held(&tn->lock);
	while (*bytes < max && given < PULL_MESSAGES && (t = tlsock_ticket_next(tn))) {
		err = give_ticket(tn, t, portid);
		if (err == -EAGAIN)	/* its queue is full: it comes back */
			break;
		given += !err;
		*bytes += t->len + t->cookie->len;
		tlsock_ticket_told(tn, t);
	}
	return given;
}

/* worker -> kernel */

static int do_register(struct sk_buff *skb, struct genl_info *info)
{
	return tlsock_worker_add(tlsock_net(genl_info_net(info)), info->snd_portid);
}

static u32 attr_u32(const struct genl_info *info, int attr, u32 otherwise)
{
	return info->attrs[attr] ? nla_get_u32(info->attrs[attr]) : otherwise;
}

static int do_pull(struct sk_buff *skb, struct genl_info *info)
{
	struct tlsock_net *tn = tlsock_net(genl_info_net(info));
	u32 conns = attr_u32(info, TLSOCK_A_MAX_CONNS, PULL_CONNS);
	u32 max = attr_u32(info, TLSOCK_A_MAX_BYTES, PULL_BYTES), bytes = 0, given = 0, fresh = 0;
	struct sk_buff *bell = doorbell_new(info->snd_portid);
	struct tlsock_conn *conn;
	struct tlsock_worker *w;
	int err = 0;

	if (!bell)
		return -ENOMEM;
	spin_lock_bh(&tn->lock);
	w = tlsock_worker_find(tn, info->snd_portid);
	if (!w) {
		spin_unlock_bh(&tn->lock);
		nlmsg_free(bell);
		return -ENOTCONN;
	}
	w->takes_new = conns;
	while (bytes < max && given < PULL_MESSAGES &&
	       (conn = tlsock_conn_next(tn, w, fresh < conns))) {
		fresh += !conn->announced;
		err = give_conn(tn, conn, w->portid, &bytes);
		if (err)
			break;
		given++;
	}
	if (!err && conns)
		given += give_tickets(tn, w->portid, max, &bytes);
	/* Under the same lock as ring(): nothing can come between. */
	if (!given && !err && !w->bell)
		swap(w->bell, bell);
	/* rung for connections that it does not want */
	if (!conns)
		tlsock_worker_pass(tn);
	spin_unlock_bh(&tn->lock);
	nlmsg_free(bell);
	return given ? 0 : err;
}

/* tool -> kernel */

static int dump_conns(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct tlsock_net *tn = tlsock_net(sock_net(skb->sk));
	struct tlsock_conn *conn;
	long bucket = cb->args[0], skip = cb->args[1], i = 0;
	void *hdr;

	spin_lock_bh(&tn->lock);
	for (; bucket < (long)ARRAY_SIZE(tn->conns); bucket++, skip = 0) {
		i = 0;
		hlist_for_each_entry(conn, &tn->conns[bucket], hash) {
			if (i++ < skip)
				continue;
			hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
					  &tlsock_family, NLM_F_MULTI, TLSOCK_CMD_CONN_INFO);
			if (!hdr)
				goto full;
			if (put_conn(skb, conn, tn->net)) {
				genlmsg_cancel(skb, hdr);
				goto full;
			}
			genlmsg_end(skb, hdr);
			skip = i;
		}
	}
full:
	spin_unlock_bh(&tn->lock);
	cb->args[0] = bucket;
	cb->args[1] = skip;
	return skb->len;
}

static int put_stat(struct sk_buff *reply, int attr, u64 value)
{
	return nla_put_u64_64bit(reply, attr, value, TLSOCK_A_PAD);
}

static int do_stats(struct sk_buff *skb, struct genl_info *info)
{
	struct tlsock_net *tn = tlsock_net(genl_info_net(info));
	struct tlsock_mib m;
	struct sk_buff *reply;
	void *hdr;

	tlsock_stats_sum(tn, &m);
	reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	hdr = genlmsg_put_reply(reply, info, &tlsock_family, 0, TLSOCK_CMD_STATS);
	if (!hdr ||
	    put_stat(reply, TLSOCK_A_STAT_TX_RECORDS, m.v[TLSOCK_MIB_TX_RECORDS]) ||
	    put_stat(reply, TLSOCK_A_STAT_RX_RECORDS, m.v[TLSOCK_MIB_RX_RECORDS]) ||
	    put_stat(reply, TLSOCK_A_STAT_TX_BYTES, m.v[TLSOCK_MIB_TX_BYTES]) ||
	    put_stat(reply, TLSOCK_A_STAT_RX_BYTES, m.v[TLSOCK_MIB_RX_BYTES]) ||
	    put_stat(reply, TLSOCK_A_STAT_HS_STARTED, m.v[TLSOCK_MIB_HANDSHAKES]) ||
	    put_stat(reply, TLSOCK_A_STAT_HS_DONE, m.v[TLSOCK_MIB_DONE]) ||
	    put_stat(reply, TLSOCK_A_STAT_HS_FAILED, m.v[TLSOCK_MIB_FAILED]) ||
	    put_stat(reply, TLSOCK_A_STAT_HS_RESUMED, m.v[TLSOCK_MIB_RESUMED]) ||
	    put_stat(reply, TLSOCK_A_STAT_DECRYPT_ERROR, m.v[TLSOCK_MIB_DECRYPT_ERROR]) ||
	    put_stat(reply, TLSOCK_A_STAT_WORKERS, READ_ONCE(tn->n_workers)) ||
	    put_stat(reply, TLSOCK_A_STAT_IN_FLIGHT, READ_ONCE(tn->in_flight))) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

static int do_limits(struct sk_buff *skb, struct genl_info *info)
{
	struct tlsock_net *tn = tlsock_net(genl_info_net(info));
	u32 grace, netns, uid, listener;
	struct sk_buff *reply;
	void *hdr;

	spin_lock_bh(&tn->lock);
	grace = attr_u32(info, TLSOCK_A_LIMIT_GRACE_MS, tn->grace_ms);
	netns = attr_u32(info, TLSOCK_A_LIMIT_HS_NETNS, tn->max_netns);
	uid = attr_u32(info, TLSOCK_A_LIMIT_HS_UID, tn->max_uid);
	listener = attr_u32(info, TLSOCK_A_LIMIT_HS_LISTENER, tn->max_listener);
	WRITE_ONCE(tn->grace_ms, grace);
	tn->max_netns = netns;
	tn->max_uid = uid;
	tn->max_listener = listener;
	spin_unlock_bh(&tn->lock);

	reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	hdr = genlmsg_put_reply(reply, info, &tlsock_family, 0, TLSOCK_CMD_LIMITS);
	if (!hdr || nla_put_u32(reply, TLSOCK_A_LIMIT_GRACE_MS, grace) ||
	    nla_put_u32(reply, TLSOCK_A_LIMIT_HS_NETNS, netns) ||
	    nla_put_u32(reply, TLSOCK_A_LIMIT_HS_UID, uid) ||
	    nla_put_u32(reply, TLSOCK_A_LIMIT_HS_LISTENER, listener)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

/* kernel -> "monitor" */

static const struct genl_multicast_group mcgrps[] = {
	{ .name = TLSOCK_GENL_MCGRP_MONITOR, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

static void event_to(const struct tlsock_conn *conn, struct net *net, u8 event, int err,
		     const char *text, u16 version, u16 suite)
{
	struct sk_buff *skb;
	void *hdr;

	if (!genl_has_listeners(&tlsock_family, net, 0))
		return;
	skb = msg_new(TLSOCK_CMD_EVENT, 0, NLMSG_GOODSIZE, &hdr, GFP_KERNEL);
	if (!skb)
		return;
	if (nla_put_u8(skb, TLSOCK_A_EVENT, event) || put_conn(skb, conn, net) ||
	    (err && nla_put_s32(skb, TLSOCK_A_ERROR, err)) ||
	    (err && nla_put_string(skb, TLSOCK_A_TEXT, text)) ||
	    (version && nla_put_u16(skb, TLSOCK_A_VERSION, version)) ||
	    (suite && nla_put_u16(skb, TLSOCK_A_SUITE, suite))) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast_netns(&tlsock_family, net, skb, 0, 0, GFP_KERNEL);
}

void tlsock_nl_event(const struct tlsock_conn *conn, struct net *net, u8 event, int err,
		     const char *text, u16 version, u16 suite)
{
	event_to(conn, net, event, err, text, version, suite);
	if (conn->tn->net != net)
		event_to(conn, conn->tn->net, event, err, text, version, suite);
}

static const struct genl_ops tlsock_ops[] = {
	{
		.cmd = TLSOCK_CMD_REGISTER,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = do_register,
	}, {
		.cmd = TLSOCK_CMD_PULL,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = do_pull,
		.policy = pull_policy,
		.maxattr = TLSOCK_A_MAX,
	}, {
		.cmd = TLSOCK_CMD_PUSH,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = tlsock_nl_push,
		.policy = push_policy,
		.maxattr = TLSOCK_A_MAX,
	}, {
		.cmd = TLSOCK_CMD_DUMP,
		.flags = GENL_UNS_ADMIN_PERM,
		.dumpit = dump_conns,
	}, {
		.cmd = TLSOCK_CMD_STATS,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = do_stats,
	}, {
		.cmd = TLSOCK_CMD_LIMITS,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = do_limits,
		.policy = limits_policy,
		.maxattr = TLSOCK_A_MAX,
	},
};

static struct genl_family tlsock_family = {
	.name = TLSOCK_GENL_NAME,
	.version = TLSOCK_GENL_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = tlsock_ops,
	.n_ops = ARRAY_SIZE(tlsock_ops),
	.resv_start_op = TLSOCK_CMD_UNSPEC + 1,
	.mcgrps = mcgrps,
	.n_mcgrps = ARRAY_SIZE(mcgrps),
};

/* A worker's socket closed, whatever the reason */
static int netlink_event(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *n = data;

	if (event == NETLINK_URELEASE && n->protocol == NETLINK_GENERIC)
		tlsock_worker_del(tlsock_net(n->net), n->portid);
	return NOTIFY_DONE;
}

static struct notifier_block netlink_notifier = {
	.notifier_call = netlink_event,
};

int tlsock_nl_init(void)
{
	int err = netlink_register_notifier(&netlink_notifier);

	if (err)
		return err;
	err = genl_register_family(&tlsock_family);
	if (err)
		netlink_unregister_notifier(&netlink_notifier);
	return err;
}

void tlsock_nl_exit(void)
{
	genl_unregister_family(&tlsock_family);
	netlink_unregister_notifier(&netlink_notifier);
}
