// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a context: made by setsockopt(TCP_ULP) or accept(), reset when a connection ends,
 * freed by RCU with its last reference. Must never call into TCP but for the references it holds.
 */
#include <linux/slab.h>

#include "seam.h"

static struct kmem_cache *ctx_cache;

int tlsock_ctx_init(void)
{
	ctx_cache = KMEM_CACHE(tlsock_ctx, 0);
	return ctx_cache ? 0 : -ENOMEM;
}

/* Behind an rcu_barrier() */
void tlsock_ctx_exit(void)
{
	kmem_cache_destroy(ctx_cache);
}

struct tlsock_ctx *tlsock_ctx_new(struct sock *sk, struct tlsock_opts *opts)
{
	struct tlsock_ctx *ctx;

	ctx = kmem_cache_zalloc(ctx_cache, GFP_KERNEL_ACCOUNT);
	if (!ctx)
		return NULL;
	refcount_set(&ctx->refs, 1);
	ctx->sk = sk;
	ctx->opts = tlsock_opts_get(opts);
	ctx->state = TLSOCK_STATE_IDLE;
	ctx->alert_sent = TLSOCK_ALERT_NONE;
	ctx->alert_received = TLSOCK_ALERT_NONE;
	tlsock_ctx_owner(ctx);
	tlsock_tx_init(&ctx->tx);
	ctx->tx.padding = ctx->opts->padding;
	tlsock_rx_init(&ctx->rx);
	INIT_WORK(&ctx->work, tlsock_work);
	INIT_DELAYED_WORK(&ctx->timer, tlsock_timer);
	return ctx;
}

static void ctx_free(struct rcu_head *rcu)
{
	kmem_cache_free(ctx_cache, container_of(rcu, struct tlsock_ctx, rcu));
}

void tlsock_ctx_put(struct tlsock_ctx *ctx)
{
	if (!refcount_dec_and_test(&ctx->refs))
		return;
	tlsock_opts_put(ctx->opts);
	tlsock_quota_put(ctx->quota);
	call_rcu(&ctx->rcu, ctx_free);
}

void tlsock_result_free(struct tlsock_result *r)
{
	if (!r)
		return;
	tlsock_cookie_put(r->cookie);
	kvfree(r);
}

void tlsock_ctx_owner(struct tlsock_ctx *ctx)
{
	ctx->uid = current_fsuid();
	ctx->gid = current_fsgid();
	ctx->pid = task_tgid_nr(current);
}

void tlsock_kick(struct tlsock_ctx *ctx)
{
	refcount_inc(&ctx->refs);
	sock_hold(ctx->sk);
	if (!queue_work(tlsock_wq, &ctx->work)) {
		/* it was queued, with references of its own */
		sock_put(ctx->sk);
		tlsock_ctx_put(ctx);
	}
}

int tlsock_ctx_claim(struct sock *sk, struct tlsock_ctx *ctx)
{
	sock_owned_by_me(sk);
	if (ctx->claimed)
		return 0;
	write_lock_bh(&sk->sk_callback_lock);
	if (!sk->sk_user_data) {
		__rcu_assign_sk_user_data_with_flags(sk, ctx, SK_USER_DATA_NOCOPY);
		ctx->claimed = true;
	}
	write_unlock_bh(&sk->sk_callback_lock);
	return ctx->claimed ? 0 : -EBUSY;
}

static void ctx_disclaim(struct sock *sk, struct tlsock_ctx *ctx)
{
	if (!ctx->claimed)
		return;
	write_lock_bh(&sk->sk_callback_lock);
	/* a kernel user that was given the socket may have put its own there */
	if (((uintptr_t)sk->sk_user_data & SK_USER_DATA_PTRMASK) == (uintptr_t)ctx)
		rcu_assign_sk_user_data(sk, NULL);
	ctx->claimed = false;
	write_unlock_bh(&sk->sk_callback_lock);
}

void tlsock_ctx_reset(struct sock *sk, struct tlsock_ctx *ctx)
{
	sock_owned_by_me(sk);
	tlsock_stats_end(sk, ctx);
	tlsock_hs_drop(sk, ctx);
	ctx_disclaim(sk, ctx);
	tlsock_tx_free(&ctx->tx);
	tlsock_rx_free(&ctx->rx);
	tlsock_result_free(ctx->result);
	ctx->result = NULL;
	ctx->id = 0;
	WRITE_ONCE(ctx->version, 0);
	ctx->tx.close_sent = false;
	WRITE_ONCE(ctx->rx.eof, false);
	ctx->rx.user_shut = false;
	ctx->rx.idle = 0;
	ctx->rx.idle_bytes = 0;
	ctx->rx.refused = false;
	ctx->rx.err = 0;
	ctx->rx.dead = false;
	ctx->rx.key_pending = false;
	ctx->rx.padded = false;
	ctx->rx.key_updates = 0;
	ctx->tx.key_updates = 0;
	ctx->tx.answer_due = false;
	ctx->tx.peer_payload = TLSOCK_FRAGMENT_MAX;
	memset(&ctx->hs, 0, sizeof(ctx->hs));
	ctx->role = TLSOCK_ROLE_NONE;
	ctx->connect_done = false;
	ctx->tcp_up = false;
	ctx->err = 0;
	kfree(ctx->err_text);
	ctx->err_text = NULL;
	ctx->err_x509 = 0;
	ctx->alert_sent = TLSOCK_ALERT_NONE;
	ctx->alert_received = TLSOCK_ALERT_NONE;
	WRITE_ONCE(ctx->rx.ready, false);
	WRITE_ONCE(ctx->state, TLSOCK_STATE_IDLE);
}
