// SPDX-License-Identifier: GPL-2.0-only
/*
 * The application's side of receiving: recvmsg(), MSG_PEEK and splice() over opened records. Record
 * types are never merged, and nothing that was decrypted is lost on an error. Knows no cipher;
 * rx.c makes the records.
 */
#include <linux/pipe_fs_i.h>
#include <linux/slab.h>
#include <linux/splice.h>
#include <linux/uio.h>

#include "tlsock.h"

/* Sleep until a read would do something. 0, or a negative errno. */
static int rx_wait(struct sock *sk, struct tlsock_ctx *ctx, long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int rc;

	if (!*timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(*timeo);
	tlsock_rx_settle(sk, &ctx->rx);
	tlsock_rx_update_ready(sk, ctx);
	add_wait_queue(sk_sleep(sk), &wait);
	sk_set_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	rc = sk_wait_event(sk, timeo, READ_ONCE(ctx->rx.ready), &wait);
	sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	remove_wait_queue(sk_sleep(sk), &wait);
	return rc < 0 ? rc : 0;
}

/* tlsock_rx_next(), sleeping as long as *@timeo allows */
static int rx_next_wait(struct sock *sk, struct tlsock_ctx *ctx, long *timeo, bool may_wait,
			struct tlsock_rx_to *to)
{
	int err;

	for (;;) {
		err = tlsock_rx_next(sk, ctx, to);
		/* what came before shutdown() can be read, as TCP has it */
		if (err == -EAGAIN && ctx->rx.user_shut)
			return -ENODATA;
		if (err != -EAGAIN || !may_wait)
			return err;
		err = tlsock_sk_err(sk);
		if (err)
			return err;
		err = rx_wait(sk, ctx, timeo);
		if (err)
			return err;
	}
}

/* The first record with something to read: set aside, or in work. Sleeps as rx_next_wait(). */
static int rx_front(struct sock *sk, struct tlsock_ctx *ctx, long *timeo, bool may_wait,
		    struct tlsock_rxrec **rec, struct tlsock_rx_to *to)
{
	*rec = list_first_entry_or_null(&ctx->rx.ahead, struct tlsock_rxrec, node);
	if (*rec)
		return 0;
	*rec = &ctx->rx.rec;
	return rx_next_wait(sk, ctx, timeo, may_wait, to);
}

static int rx_give(const struct tlsock_rxrec *rec, struct msghdr *msg, size_t n)
{
	size_t at = rec->off, chunk;

	for (; n; at += chunk, n -= chunk) {
		chunk = min_t(size_t, n, PAGE_SIZE - at % PAGE_SIZE);
		if (copy_page_to_iter(rec->pages[at / PAGE_SIZE], at % PAGE_SIZE, chunk,
				      &msg->msg_iter) != chunk)
			return -EFAULT;
	}
	return 0;
}

/* Keys set by hand: tell the record type. A control record needs room for that. */
static int rx_tell_type(const struct tlsock_ctx *ctx, const struct tlsock_rxrec *rec,
			struct msghdr *msg, int *told)
{
	u8 type = rec->type;

	if (ctx->state != TLSOCK_STATE_MANUAL)
		return 0;

	if (*told == type)
		return 0;
	if (*told)
		return -ENODATA;	/* types are never merged */
	*told = type;
	if (put_cmsg(msg, SOL_TLS, TLS_GET_RECORD_TYPE, sizeof(type), &type) ||
	    (msg->msg_flags & MSG_CTRUNC && type != TLSOCK_CT_DATA))
		return type == TLSOCK_CT_DATA ? 0 : -EIO;
	return 0;
}

/* As much of @rec as there is room for, and its type. Returns the bytes, or a negative errno. With
 * MSG_TRUNC they are only counted: there may be no memory for them, tcp(7).
 */
static ssize_t rx_show(const struct tlsock_ctx *ctx, const struct tlsock_rxrec *rec,
		       struct msghdr *msg, size_t room, int flags, int *told)
{
	size_t n = min_t(size_t, room, rec->len);
	int err = rx_tell_type(ctx, rec, msg, told);

	if (!err && !(flags & MSG_TRUNC))
		err = rx_give(rec, msg, n);
	return err ?: (ssize_t)n;
}

static void rx_count(struct sock *sk, struct tlsock_rx *rx, size_t n)
{
	rx->bytes += n;
	tlsock_add(sk, TLSOCK_MIB_RX_BYTES, n);
}

static void rx_took(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_rxrec *rec, size_t n)
{
	struct tlsock_rx *rx = &ctx->rx;

	rec->off += n;
	rec->len -= n;
	rx_count(sk, rx, n);
	if (rec->len)
		return;
	if (rec == &rx->rec) {
		tlsock_rx_consume(rx);
		return;
	}
	rx->ahead_size -= rec->size;
	tlsock_rx_ahead_free(rec);
}

/* Make room for the next record in work, and keep this one to be read. */
static int rx_set_aside(struct sock *sk, struct tlsock_rx *rx)
{
	size_t first = rx->rec.off / PAGE_SIZE, i;
	size_t last = (rx->rec.off + rx->rec.len - 1) / PAGE_SIZE;
	u32 size = sizeof(rx->rec) + (last - first + 1) * PAGE_SIZE;
	struct tlsock_rxrec *rec;

	/* what it costs, not what it says: a record can be one byte of content */
	if (rx->ahead_size + size > READ_ONCE(sk->sk_rcvbuf))
		return -ENOBUFS;
	rec = kmemdup(&rx->rec, sizeof(*rec), sk->sk_allocation);
	if (!rec)
		return -ENOMEM;
	rec->size = size;
	list_add_tail(&rec->node, &rx->ahead);
	rx->ahead_size += size;
	for (i = 0; i < TLSOCK_RECORD_PAGES; i++) {
		if (i >= first && i <= last)
			rx->rec.pages[i] = NULL;
		else
			rec->pages[i] = NULL;
	}
	tlsock_rx_consume(rx);
	return 0;
}

/* MSG_PEEK, across as many records as it takes */
static int rx_peek(struct sock *sk, struct tlsock_ctx *ctx, struct msghdr *msg, size_t len,
		   int flags, long *timeo, size_t *copied)
{
	size_t target = sock_rcvlowat(sk, flags & MSG_WAITALL, len);
	struct tlsock_rx *rx = &ctx->rx;
	struct tlsock_rxrec *rec;
	int told = 0, err;
	ssize_t n;

	list_for_each_entry(rec, &rx->ahead, node) {
		n = rx_show(ctx, rec, msg, len - *copied, flags, &told);
		if (n < 0)
			return n;
		*copied += n;
		if (*copied == len)
			return 0;
	}
	for (;;) {
		n = rx_next_wait(sk, ctx, timeo, *copied < target, NULL) ?:
		    rx_show(ctx, &rx->rec, msg, len - *copied, flags, &told);
		if (n < 0)
			return n;
		*copied += n;
		if (*copied == len || rx->rec.type != TLSOCK_CT_DATA)
			return 0;
		/* an empty one leaves no trace, and need not be kept */
		if (!n) {
			tlsock_rx_consume(rx);
			continue;
		}
		err = rx_set_aside(sk, rx);
		if (err)
			return err;
	}
}

static int rx_recv(struct sock *sk, struct tlsock_ctx *ctx, struct msghdr *msg, size_t len,
		   int flags, long *timeo, size_t *copied)
{
	size_t target = sock_rcvlowat(sk, flags & MSG_WAITALL, len);
	struct tlsock_rxrec *rec;
	struct tlsock_rx_to to;
	int told = 0;
	ssize_t n;
	u8 type;

	do {
		to.iter = user_backed_iter(&msg->msg_iter) && !(flags & MSG_TRUNC) &&
			  (!told || told == TLSOCK_CT_DATA) ? &msg->msg_iter : NULL;
		to.room = len - *copied;
		to.given = 0;
		n = rx_front(sk, ctx, timeo, *copied < target, &rec, &to) ?:
		    rx_show(ctx, rec, msg, to.room, flags, &told);
		if (n < 0)
			return n;
		*copied += n + to.given;
		type = rec->type;
		if (type != TLSOCK_CT_DATA && rec->len == n)
			msg->msg_flags |= MSG_EOR;
		rx_took(sk, ctx, rec, n);
		rx_count(sk, &ctx->rx, to.given);
	} while (*copied < len && type == TLSOCK_CT_DATA);
	return 0;
}

/* An error of TCP is told once, and never lost behind bytes that came before it. */
static void rx_told(struct sock *sk, const struct tlsock_ctx *ctx, int err)
{
	if (ctx->state != TLSOCK_STATE_FAILED && err < 0 && err == tlsock_sk_err(sk))
		sock_error(sk);
}

static int rx_may_read(struct sock *sk, struct tlsock_ctx *ctx, long *timeo)
{
	int err;

	if (!list_empty(&ctx->rx.ahead))
		return 0;
	err = tlsock_wait_ready(sk, timeo);
	return err ?: ctx->rx.keys ? 0 : -ENOTCONN;
}

int tlsock_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct tlsock_ctx *ctx = tlsock_ctx(sk);
	size_t copied = 0;
	long timeo;
	int err;

	if (!ctx)
		return -ECONNABORTED;
	/* nothing of the connection's own is in the error queue */
	if (flags & MSG_ERRQUEUE || tlsock_passes(ctx, READ_ONCE(ctx->rx.keys)))
		return compat_recvmsg(ctx->base_prot, sk, msg, len, flags);
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;

	lock_sock(sk);
	timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	err = rx_may_read(sk, ctx, &timeo);
	if (!err && len)
		err = flags & MSG_PEEK ? rx_peek(sk, ctx, msg, len, flags, &timeo, &copied) :
					 rx_recv(sk, ctx, msg, len, flags, &timeo, &copied);
	if (!copied)
		rx_told(sk, ctx, err);
	tlsock_rx_settle(sk, &ctx->rx);
	tlsock_rx_idle(&ctx->rx);
	tlsock_rx_update_ready(sk, ctx);
	/* Who waits for edges takes this for all there is, epoll(7); TCP will not wake for the end
	 * that lay behind it.
	 */
	if (copied && copied < len && !(flags & MSG_PEEK) && ctx->rx.ready)
		ctx->base_data_ready(sk);
	release_sock(sk);
	if (copied || err == -ENODATA)
		return copied;
	return err;
}

static void rx_spd_release(struct splice_pipe_desc *spd, unsigned int i)
{
	put_page(spd->pages[i]);
}

ssize_t tlsock_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			   size_t len, unsigned int flags)
{
	struct partial_page partial[TLSOCK_RECORD_PAGES];
	struct page *pages[TLSOCK_RECORD_PAGES];
	struct splice_pipe_desc spd = {
		.pages = pages, .partial = partial, .nr_pages_max = TLSOCK_RECORD_PAGES,
		.ops = &nosteal_pipe_buf_ops, .spd_release = rx_spd_release,
	};
	struct sock *sk = sock->sk;
	struct tlsock_ctx *ctx = tlsock_ctx(sk);
	struct tlsock_rxrec *rec;
	ssize_t ret;
	bool nonblock;
	size_t at, n;
	long timeo;

	if (!ctx)
		return -ECONNABORTED;
	if (tlsock_passes(ctx, READ_ONCE(ctx->rx.keys)))
		return ctx->base_ops->splice_read(sock, ppos, pipe, len, flags);
	lock_sock(sk);
	nonblock = flags & SPLICE_F_NONBLOCK || sock->file->f_flags & O_NONBLOCK;
	timeo = sock_rcvtimeo(sk, nonblock);
	ret = rx_may_read(sk, ctx, &timeo) ?: rx_front(sk, ctx, &timeo, true, &rec, NULL);
	if (!ret && rec->type != TLSOCK_CT_DATA)
		ret = -EINVAL;		/* a pipe cannot tell the type */
	if (ret)
		goto out;

	len = min_t(size_t, len, rec->len);
	for (at = rec->off, n = len; n; at += partial[spd.nr_pages++].len) {
		pages[spd.nr_pages] = rec->pages[at / PAGE_SIZE];
		get_page(pages[spd.nr_pages]);
		partial[spd.nr_pages].offset = at % PAGE_SIZE;
		partial[spd.nr_pages].len = min_t(size_t, n, PAGE_SIZE - at % PAGE_SIZE);
		n -= partial[spd.nr_pages].len;
	}
	ret = len ? splice_to_pipe(pipe, &spd) : 0;
	if (ret > 0)
		rx_took(sk, ctx, rec, ret);
out:
	rx_told(sk, ctx, ret);
	tlsock_rx_idle(&ctx->rx);
	tlsock_rx_update_ready(sk, ctx);
	release_sock(sk);
	return ret == -ENODATA ? 0 : ret;
}

/* What is left of @rec, to @actor. Returns the bytes that it took, or a negative errno. */
static int rx_act(struct sock *sk, const struct tlsock_rxrec *rec, read_descriptor_t *desc,
		  sk_read_actor_t actor)
{
	struct sk_buff *skb = alloc_skb(0, sk->sk_allocation);
	size_t at = rec->off, left = rec->len, chunk;
	int i, used;

	if (!skb)
		return -ENOMEM;
	for (i = 0; left; i++, at += chunk, left -= chunk) {
		struct page *page = rec->pages[at / PAGE_SIZE];

		chunk = min_t(size_t, left, PAGE_SIZE - at % PAGE_SIZE);
		get_page(page);
		skb_fill_page_desc(skb, i, page, at % PAGE_SIZE, chunk);
		skb->truesize += PAGE_SIZE;
	}
	skb->len = rec->len;
	skb->data_len = rec->len;
	used = actor(desc, skb, 0, rec->len);
	kfree_skb(skb);
	return used;
}

int tlsock_read_sock(struct sock *sk, read_descriptor_t *desc, sk_read_actor_t actor)
{
	struct tlsock_ctx *ctx = tlsock_ctx(sk);
	struct tlsock_rxrec *rec;
	int copied = 0, n;
	long timeo = 0;
	bool all;

	sock_owned_by_me(sk);
	if (!ctx)
		return -ECONNABORTED;
	if (tlsock_passes(ctx, ctx->rx.keys))
		return ctx->base_ops->read_sock(sk, desc, actor);
	if (list_empty(&ctx->rx.ahead) && !ctx->rx.keys)
		return -ENOTCONN;
	/* A strparser tries in softirq first, where no record can be opened; then in a work. */
	if (!sock_owned_by_user_nocheck(sk)) {
		desc->error = -ENOMEM;
		return 0;
	}
	do {
		n = rx_front(sk, ctx, &timeo, false, &rec, NULL);
		if (!n && rec->type != TLSOCK_CT_DATA)
			n = -EINVAL;	/* an skb cannot tell the type */
		if (n)
			break;
		n = rec->len ? rx_act(sk, rec, desc, actor) : 0;
		all = n == rec->len;
		if (n < 0 || (!n && !all))
			break;
		copied += n;
		rx_took(sk, ctx, rec, n);
	} while (all && desc->count);
	tlsock_rx_update_ready(sk, ctx);
	if (copied || n == -EAGAIN || n == -ENODATA)
		return copied;
	rx_told(sk, ctx, n);
	return n;
}
