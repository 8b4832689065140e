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
	struct tlsock_ctx *ctx;
	struct nlattr *start;
	u16 version = 0, cipher = 0, tx = TLS_CONF_BASE, rx = TLS_CONF_BASE;
	int err;

	start = nla_nest_start_noflag(skb, INET_ULP_INFO_TLS);
	if (!start)
		return -EMSGSIZE;
	/* A dump owns no lock of the socket, and may hold one of a hash table: only try. Keys
	 * come and go while a process owns the socket.
	 */
	if (spin_trylock_bh(&sk->sk_lock.slock)) {
		ctx = tlsock_ctx(sk);
		if (ctx && !sock_owned_by_user_nocheck(sk)) {
			const struct tlsock_keys *k = ctx->tx.keys ?: ctx->rx.keys;

			version = k ? k->cipher->version : 0;
			cipher = k ? k->cipher->kernel_type : 0;
			tx = ctx->tx.keys ? TLS_CONF_SW : TLS_CONF_BASE;
			rx = ctx->rx.keys ? TLS_CONF_SW : TLS_CONF_BASE;
		}
		spin_unlock_bh(&sk->sk_lock.slock);
	}
	err = version && (nla_put_u16(skb, TLS_INFO_VERSION, version) ||
			  nla_put_u16(skb, TLS_INFO_CIPHER, cipher));
	if (err || nla_put_u16(skb, TLS_INFO_TXCONF, tx) ||
	    nla_put_u16(skb, TLS_INFO_RXCONF, rx)) {
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
