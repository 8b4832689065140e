// SPDX-License-Identifier: GPL-2.0-only
/*
 * Session tickets that came after a client's handshake (RFC 8446 section 4.6.1), on their way to
 * the daemon. Each goes with the cookie that COMPLETE left for it, so any worker can take it, the
 * one that did the handshake or another. Must never look into either, keep more than its bounds, or
 * do a connection any harm: what does not fit is dropped and counted.
 */
#include <linux/slab.h>

#include "seam.h"

#define TICKETS_EACH		4			/* looked at, of one connection */
#define TICKETS_NET		256			/* waiting, of a network namespace */
#define TICKETS_NET_BYTES	(1024 * 1024)		/* their cookies counted */

struct tlsock_cookie *tlsock_cookie_new(const void *bytes, size_t len)
{
	struct tlsock_cookie *c = kmalloc(struct_size(c, bytes, len), GFP_KERNEL);

	if (!c)
		return NULL;
	refcount_set(&c->refs, 1);
	c->tn = NULL;
	c->len = len;
	memcpy(c->bytes, bytes, len);
	return c;
}

void tlsock_cookie_put(struct tlsock_cookie *c)
{
	if (c && refcount_dec_and_test(&c->refs))
		kfree_sensitive(c);
}

static void ticket_free(struct tlsock_ticket *t)
{
	tlsock_cookie_put(t->cookie);
	kfree_sensitive(t);
}

static struct tlsock_ticket *ticket_new(const struct tlsock_ctx *ctx, const u8 *msg, size_t len,
					gfp_t gfp)
{
	struct tlsock_ticket *t;

	if (len > TLSOCK_TICKET_MAX)
		return NULL;
	t = kmalloc(struct_size(t, message, len), gfp | __GFP_NOWARN);
	if (!t)
		return NULL;
	t->id = ctx->id;
	t->cookie = ctx->result->cookie;
	refcount_inc(&t->cookie->refs);
	t->len = len;
	memcpy(t->message, msg, len);
	return t;
}

static u32 ticket_size(const struct tlsock_ticket *t)
{
	return t->len + t->cookie->len;
}

/* False: there is no room, or nobody to take it. */
static bool ticket_queue(struct tlsock_net *tn, struct tlsock_ticket *t)
{
	bool fits;

	spin_lock_bh(&tn->lock);
	fits = tn->n_workers && tn->n_tickets < TICKETS_NET &&
	       tn->ticket_bytes + ticket_size(t) <= TICKETS_NET_BYTES;
	if (fits) {
		list_add_tail(&t->node, &tn->tickets);
		tn->n_tickets++;
		tn->ticket_bytes += ticket_size(t);
		tlsock_worker_pass(tn);
	}
	spin_unlock_bh(&tn->lock);
	return fits;
}

void tlsock_ticket_recv(struct sock *sk, struct tlsock_ctx *ctx, const u8 *msg, size_t len)
{
	struct tlsock_result *r = ctx->result;
	struct tlsock_ticket *t = NULL;

	sock_owned_by_me(sk);
	if (r && r->cookie) {
		t = ticket_new(ctx, msg, len, sk->sk_allocation);
		/* whatever became of it: a peer that sends without end makes no work */
		if (++r->tickets == TICKETS_EACH) {
			tlsock_cookie_put(r->cookie);
			r->cookie = NULL;
		}
	}
	if (t && ticket_queue(t->cookie->tn, t)) {
		tlsock_inc(sk, TLSOCK_MIB_TICKETS);
		return;
	}
	if (t)
		ticket_free(t);
	tlsock_inc(sk, TLSOCK_MIB_TICKETS_DROPPED);
}

struct tlsock_ticket *tlsock_ticket_next(struct tlsock_net *tn)
{
	lockdep_assert_held(&tn->lock);
	return list_first_entry_or_null(&tn->tickets, struct tlsock_ticket, node);
}

void tlsock_ticket_told(struct tlsock_net *tn, struct tlsock_ticket *t)
{
	lockdep_assert_held(&tn->lock);
	list_del(&t->node);
	tn->n_tickets--;
	tn->ticket_bytes -= ticket_size(t);
	ticket_free(t);
}

void tlsock_tickets_clear(struct tlsock_net *tn)
{
	struct tlsock_ticket *t;

	while ((t = tlsock_ticket_next(tn)))
		tlsock_ticket_told(tn, t);
}
