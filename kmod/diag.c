// SPDX-License-Identifier: GPL-2.0-only
/*
 * What inet_diag, and so ss(8), tells of a socket: version, cipher and directions, in
 * upstream's attributes. Runs in a dump without the socket lock; never gives a key away.
 */
#include <linux/inet_diag.h>
#include <net/netlink.h>

#include "tlsock.h"

/* For ss(8): what upstream tells of a socket */
int tlsock_get_info(struct sock *sk, struct sk_buff *skb COMPAT_ULP_INFO_PARAMS)
{
	u16 version = 0, cipher = 0, tx = TLS_CONF_BASE, rx = TLS_CONF_BASE;
	const struct tlsock_ctx *ctx;
	struct nlattr *start;

	/* A dump owns no lock of the socket. The context is freed by RCU; keys are only looked
	 * for, never looked at.
	 */
	rcu_read_lock();
	ctx = rcu_dereference(inet_csk(sk)->icsk_ulp_data);
	if (ctx) {
		version = READ_ONCE(ctx->version);
		cipher = READ_ONCE(ctx->kernel_type);
		tx = READ_ONCE(ctx->tx.keys) ? TLS_CONF_SW : TLS_CONF_BASE;
		rx = READ_ONCE(ctx->rx.keys) ? TLS_CONF_SW : TLS_CONF_BASE;
	}
	rcu_read_unlock();

	start = nla_nest_start_noflag(skb, INET_ULP_INFO_TLS);
	if (!start)
		return -EMSGSIZE;
	if ((version && (nla_put_u16(skb, TLS_INFO_VERSION, version) ||
			 nla_put_u16(skb, TLS_INFO_CIPHER, cipher))) ||
	    nla_put_u16(skb, TLS_INFO_TXCONF, tx) || nla_put_u16(skb, TLS_INFO_RXCONF, rx)) {
		nla_nest_cancel(skb, start);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, start);
	return 0;
}

size_t tlsock_get_info_size(const struct sock *sk COMPAT_ULP_INFO_PARAMS)
{
	return nla_total_size(0) + 4 * nla_total_size(sizeof(u16));
}
