// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keys at rest. What a cipher makes of a key is most of what an idle connection costs, so a key
 * that was not used for net.tlsock.rest_ms gives its engine back, and gets another before the next
 * record. The timer is the handshake's, which is done with it: while a key in force has an engine,
 * the timer is on, or its work is under way. Must never cost a record: that there is no memory
 * is found out before anything else is done, and said as ENOMEM.
 */
#include <linux/jiffies.h>

#include "tlsock.h"

#define REST_MIN	(HZ / 50)	/* what a container may ask for is no storm of timers */

/* In jiffies; 0: not at all. Who allocates with care (a block device over a socket) must not wait
 * for memory to be freed in the middle of that.
 */
static u32 rest_after(const struct sock *sk)
{
	int ms = READ_ONCE(tlsock_net(sock_net(sk))->rest_ms);

	if (!ms || sk->sk_allocation != GFP_KERNEL)
		return 0;
	return max_t(unsigned long, msecs_to_jiffies(ms), REST_MIN);
}

void tlsock_rest_watch(struct sock *sk, struct tlsock_ctx *ctx)
{
	u32 after = rest_after(sk);

	sock_owned_by_me(sk);
	if (after && !delayed_work_pending(&ctx->timer))
		tlsock_timer_arm(ctx, jiffies + after);
}

/* Jiffies until @keys may rest; 0: they do */
static u32 rest_one(struct sock *sk, struct tlsock_keys *keys, u32 after, bool busy)
{
	u32 idle;

	if (!keys || !keys->engine)
		return 0;
	idle = (u32)jiffies - keys->used;
	if (busy || idle < after)
		return busy ? after : after - idle;
	tlsock_keys_unload(keys);
	tlsock_inc(sk, TLSOCK_MIB_KEYS_RESTED);
	return 0;
}

void tlsock_rest(struct sock *sk, struct tlsock_ctx *ctx)
{
	u32 after = rest_after(sk), tx, rx;

	sock_owned_by_me(sk);
	if (!after || delayed_work_pending(&ctx->timer))
		return;
	/* an open record is to be encrypted whatever happens */
	tx = rest_one(sk, ctx->tx.keys, after, ctx->tx.open);
	rx = rest_one(sk, ctx->rx.keys, after, false);
	if (tx || rx)
		tlsock_timer_arm(ctx, jiffies + min(tx ?: rx, rx ?: tx));
}

int tlsock_rest_end(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_keys *keys)
{
	int err = tlsock_keys_load(keys);

	if (!err)
		tlsock_rest_watch(sk, ctx);
	return err;
}
