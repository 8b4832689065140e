// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ULP "tlsock": the proto and proto_ops that take the place of TCP's. Every way by which a
 * program could get bytes past the record layer ends here. TCP's own functions are called
 * through the saved proto and proto_ops only.
 *
 * A child of a listener has no context (tlsock_ctx() is NULL) until accept() gives it one:
 * the accept queue holds nothing of ours, nothing can fail in softirq, and whatever reaches
 * such a socket is refused.
 */
#include <linux/module.h>
#include <linux/skmsg.h>
#include <linux/slab.h>
#include <linux/bvec.h>
#include <net/inet_common.h>

#include "seam.h"

/* What replaces TCP's, once for each address family */
struct tlsock_family {
	const struct proto *base_prot;
	const struct proto_ops *base_ops;
	struct proto prot;
	struct proto_ops ops;
};

static struct tlsock_family families[2];
static DEFINE_MUTEX(families_lock);
static struct tcp_ulp_ops tlsock_ulp_ops;

static struct tlsock_family *family_of(const struct sock *sk)
{
	return &families[sk->sk_family == AF_INET6];
}

/* Callbacks of TCP: softirq with the socket lock free, or its owner. */

static void tlsock_data_ready(struct sock *sk)
{
	struct tlsock_ctx *ctx = tlsock_ctx(sk);

	if (!ctx)
		return;		/* still in the accept queue: nobody can wait for it */
	switch (ctx->state) {
	case TLSOCK_STATE_HANDSHAKE:
		tlsock_kick(ctx);
		return;
	case TLSOCK_STATE_ESTABLISHED:
	case TLSOCK_STATE_MANUAL:
		if (!ctx->rx.keys)
			break;
		/* it ends only with what is consumed, and who does that looks again */
		if (!ctx->rx.ready)
			tlsock_rx_update_ready(sk, ctx);
		if (ctx->rx.ready)
			ctx->base_data_ready(sk);
		return;
	default:
		break;
	}
	ctx->base_data_ready(sk);
}

static void tlsock_state_change(struct sock *sk)
{
	struct tlsock_ctx *ctx = tlsock_ctx(sk);

	if (!ctx)
		return;
	switch (ctx->state) {
	case TLSOCK_STATE_CONNECTING:
		if (sk->sk_state == TCP_ESTABLISHED)
			ctx->tcp_up = true;
		if (ctx->tcp_up)
			tlsock_kick(ctx);
		break;
	case TLSOCK_STATE_HANDSHAKE:
		tlsock_kick(ctx);
		break;
	case TLSOCK_STATE_ESTABLISHED:
	case TLSOCK_STATE_MANUAL:
		if (ctx->rx.keys)
			tlsock_rx_update_ready(sk, ctx);
		break;
	default:
		break;
	}
	ctx->base_state_change(sk);
}

static void tlsock_write_space(struct sock *sk)
{
	struct tlsock_ctx *ctx = tlsock_ctx(sk);

	if (!ctx)
		return;
	if (!list_empty(&ctx->tx.queue))
		tlsock_kick(ctx);
	ctx->base_write_space(sk);
}

/* Under slock, when the owner of the socket lock lets go of it: what a work or the daemon found
 * that they would have had to wait for is done now.
 */
static void tlsock_release_cb(struct sock *sk)
{
	struct tlsock_ctx *ctx = tlsock_ctx(sk);

	family_of(sk)->base_prot->release_cb(sk);
	if (!ctx)
		return;
	ctx->brief = false;
	if (ctx->missed) {
		ctx->missed = false;
		tlsock_kick(ctx);
	}
}

static void callbacks_set(struct sock *sk, struct tlsock_ctx *ctx)
{
	write_lock_bh(&sk->sk_callback_lock);
	ctx->base_data_ready = sk->sk_data_ready;
	ctx->base_state_change = sk->sk_state_change;
	ctx->base_write_space = sk->sk_write_space;
	sk->sk_data_ready = tlsock_data_ready;
	sk->sk_state_change = tlsock_state_change;
	sk->sk_write_space = tlsock_write_space;
	write_unlock_bh(&sk->sk_callback_lock);
}

static void callbacks_restore(struct sock *sk, const struct tlsock_ctx *ctx)
{
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = ctx->base_data_ready;
	sk->sk_state_change = ctx->base_state_change;
	sk->sk_write_space = ctx->base_write_space;
	write_unlock_bh(&sk->sk_callback_lock);
}

/* Waiting for the handshake */

static bool in_progress(const struct sock *sk, const struct tlsock_ctx *ctx)
{
	switch (READ_ONCE(ctx->state)) {
	case TLSOCK_STATE_HANDSHAKE:
		return true;
	case TLSOCK_STATE_CONNECTING:
		return inet_sk_state_load(sk) != TCP_CLOSE;
	default:
		return false;
	}
}

int tlsock_wait_handshake(struct sock *sk, struct tlsock_ctx *ctx, long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int rc = 0;

	add_wait_queue(sk_sleep(sk), &wait);
	while (in_progress(sk, ctx)) {
		if (!*timeo) {
			rc = -EAGAIN;
			break;
		}
		if (signal_pending(current)) {
			rc = sock_intr_errno(*timeo);
			break;
		}
		rc = sk_wait_event(sk, timeo, !in_progress(sk, ctx), &wait);
		if (rc < 0)
			break;
		rc = 0;
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return rc;
}

int tlsock_wait_ready(struct sock *sk, long *timeo)
{
	struct tlsock_ctx *ctx = tlsock_ctx(sk);
	int err;

	sock_owned_by_me(sk);
	err = in_progress(sk, ctx) ? tlsock_wait_handshake(sk, ctx, timeo) : 0;
	if (err)
		return err;
	switch (ctx->state) {
	case TLSOCK_STATE_ESTABLISHED:
	case TLSOCK_STATE_MANUAL:
		return 0;
	case TLSOCK_STATE_FAILED:
		return -ctx->err;
	default:
		return -ENOTCONN;
	}
}

/* accept() */

/* A context for a child, out of its listener's */
static struct tlsock_ctx *ctx_inherit(struct sock *listener, struct sock *sk)
{
	struct tlsock_ctx *from = tlsock_ctx(listener), *ctx;

	lock_sock(listener);
	if (!from->quota)
		from->quota = tlsock_quota_new();
	ctx = from->quota ? tlsock_ctx_new(sk, from->opts) : NULL;
	if (ctx) {
		ctx->base_prot = from->base_prot;
		ctx->base_ops = from->base_ops;
		ctx->base_data_ready = from->base_data_ready;
		ctx->base_state_change = from->base_state_change;
		ctx->base_write_space = from->base_write_space;
		ctx->uid = from->uid;
		ctx->gid = from->gid;
		ctx->pid = from->pid;
		ctx->role = TLSOCK_ROLE_SERVER;
		ctx->quota = from->quota;
		refcount_inc(&ctx->quota->refs);
	}
	release_sock(listener);
	return ctx;
}

static int tlsock_accept(struct socket *sock, struct socket *newsock, COMPAT_ACCEPT_PARAMS)
{
	struct tlsock_ctx *from = tlsock_ctx(sock->sk), *ctx;
	struct sock *sk;
	int err;

	if (!from)
		return -EINVAL;
	err = from->base_ops->accept(sock, newsock, COMPAT_ACCEPT_ARGS);
	if (err)
		return err;
	sk = newsock->sk;
	/* On error the caller closes newsock, which ends the connection. */
	if (WARN_ON_ONCE(inet_csk(sk)->icsk_ulp_ops != &tlsock_ulp_ops))
		return -ECONNABORTED;
	ctx = ctx_inherit(sock->sk, sk);
	if (!ctx)
		return -ENOMEM;

	lock_sock(sk);
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, ctx);
	tlsock_hs_start_or_fail(sk, ctx);
	release_sock(sk);
	return 0;
}

/* poll() */

static __poll_t tlsock_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct sock *sk = sock->sk;
	struct tlsock_ctx *ctx = tlsock_ctx(sk);
	__poll_t in = EPOLLIN | EPOLLRDNORM, out = EPOLLOUT | EPOLLWRNORM, mask;

	if (!ctx)
		return EPOLLERR | EPOLLHUP;
	mask = ctx->base_ops->poll(file, sock, wait);
	switch (READ_ONCE(ctx->state)) {
	case TLSOCK_STATE_CONNECTING:
		if (inet_sk_state_load(sk) == TCP_CLOSE)
			return mask;
		fallthrough;
	case TLSOCK_STATE_HANDSHAKE:
		return mask & ~(in | out | EPOLLRDHUP | EPOLLPRI);
	case TLSOCK_STATE_FAILED:
		return in | out | EPOLLERR | EPOLLHUP | EPOLLRDHUP;
	case TLSOCK_STATE_ESTABLISHED:
		/* Who sees the end with the data reads no more, and would miss that it is none. */
		if (READ_ONCE(ctx->rx.ready) && tlsock_rx_look(sk, ctx) && !(mask & EPOLLERR))
			mask &= ~(EPOLLRDHUP | EPOLLHUP);
		if (READ_ONCE(ctx->state) == TLSOCK_STATE_FAILED)
			return in | out | EPOLLERR | EPOLLHUP | EPOLLRDHUP;
		fallthrough;
	case TLSOCK_STATE_MANUAL:
		if (!READ_ONCE(ctx->rx.keys))
			return mask;
		mask &= ~(in | EPOLLPRI);
		if (READ_ONCE(ctx->rx.ready))
			mask |= in;
		if (READ_ONCE(ctx->rx.eof))
			mask |= EPOLLRDHUP;
		return mask;
	default:
		return mask;
	}
}

/* Under the socket lock. During a handshake it is kept for later; see tlsock_hs_start(). */
static int tlsock_set_rcvlowat(struct sock *sk, int val)
{
	struct tlsock_ctx *ctx = tlsock_ctx(sk);

	if (ctx && ctx->hs.conn) {
		ctx->rcvlowat = val ?: 1;
		return 0;
	}
	return family_of(sk)->base_ops->set_rcvlowat(sk, val);
}

static int tlsock_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	struct tlsock_ctx *ctx = tlsock_ctx(sk);
	int err = 0;

	if (!ctx)
		return -ECONNABORTED;
	lock_sock(sk);
	/* close_notify is a record: without one the end would be a truncation */
	if (how != SHUT_RD && ctx->state == TLSOCK_STATE_ESTABLISHED && !ctx->tx.close_sent)
		err = tlsock_keys_wake(sk, ctx, ctx->tx.keys);
	if (err) {
		release_sock(sk);
		return err;
	}
	if (how == SHUT_RD || how == SHUT_RDWR)
		ctx->rx.user_shut = true;
	if (how == SHUT_WR || how == SHUT_RDWR) {
		if (ctx->state == TLSOCK_STATE_HANDSHAKE ||
		    (ctx->state == TLSOCK_STATE_CONNECTING && ctx->tcp_up))
			tlsock_fail(sk, ctx, ECONNABORTED, TLSOCK_ALERT_USER_CANCELED, 0,
				    "the application shut the connection down during its handshake");
		if (ctx->state == TLSOCK_STATE_MANUAL && list_empty(&ctx->tx.rec.node))
			tlsock_tx_close_record(sk, ctx);
		tlsock_close_notify(sk, ctx);
		tlsock_tx_flush_all(sk, ctx);
	}
	release_sock(sk);
	return ctx->base_ops->shutdown(sock, how);
}

#ifdef TLSOCK_HAVE_PROTO_SPLICE_EOF
static void tlsock_splice_eof(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct tlsock_ctx *ctx = tlsock_ctx(sk);

	if (!ctx)
		return;
	if (tlsock_passes(ctx, READ_ONCE(ctx->tx.keys))) {
		ctx->base_prot->splice_eof(sock);
		return;
	}
	lock_sock(sk);
	tlsock_tx_end_record(sk, ctx);
	release_sock(sk);
}
#endif

#ifdef TLSOCK_HAVE_PROTO_SENDPAGE
static int tlsock_sendpage(struct sock *sk, struct page *page, int offset, size_t size,
			   int flags)
{
	struct bio_vec bv = { .bv_page = page, .bv_offset = offset, .bv_len = size };
	struct tlsock_ctx *ctx = tlsock_ctx(sk);
	struct msghdr msg = { .msg_flags = flags | MSG_SPLICE_PAGES };

	/* sendfile() says it of a file's last page too, when it was asked for more than there is;
	 * and here nobody says that the file has ended.
	 */
	if (!(flags & MSG_SENDPAGE_NOTLAST))
		msg.msg_flags &= ~MSG_MORE;
	if (ctx && tlsock_passes(ctx, READ_ONCE(ctx->tx.keys)))
		return ctx->base_prot->sendpage(sk, page, offset, size, flags);

	iov_iter_bvec(&msg.msg_iter, WRITE, &bv, 1, size);
	return tlsock_sendmsg(sk, &msg, size);
}
#endif

static int tlsock_proto_recvmsg(struct sock *sk, struct msghdr *msg, size_t len,
				COMPAT_RECVMSG_PARAMS)
{
	return tlsock_recvmsg(sk, msg, len, flags);
}

static int tlsock_disconnect(struct sock *sk, int flags)
{
	struct tlsock_ctx *ctx = tlsock_ctx(sk);

	if (ctx && ctx->upstream_abi)
		return -EOPNOTSUPP;
	if (ctx)
		tlsock_ctx_reset(sk, ctx);
	return family_of(sk)->base_prot->disconnect(sk, flags);
}

/* As TCP asks it. A peer that had close_notify first would take the reset for an end. */
static bool close_resets(const struct sock *sk)
{
	return sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime;
}

static void close_in_order(struct sock *sk, struct tlsock_ctx *ctx)
{
	tlsock_close_notify(sk, ctx);
	if (ctx->state == TLSOCK_STATE_MANUAL && list_empty(&ctx->tx.rec.node))
		tlsock_tx_close_record(sk, ctx);
	if (!list_empty(&ctx->tx.queue) && tlsock_tx_flush_all(sk, ctx)) {
		/* accepted data cannot be delivered: a reset tells, a FIN would not */
		sock_set_flag(sk, SOCK_LINGER);
		sk->sk_lingertime = 0;
	}
	tlsock_rx_drain(sk, ctx);
}

static void tlsock_close(struct sock *sk, long timeout)
{
	struct tlsock_ctx *ctx = tlsock_ctx(sk);
	const struct proto *base = family_of(sk)->base_prot;

	if (!ctx) {
		base->close(sk, timeout);
		return;
	}
	lock_sock(sk);
	spin_lock_bh(&sk->sk_lock.slock);
	ctx->detached = true;		/* from here on nothing is parked */
	spin_unlock_bh(&sk->sk_lock.slock);
	tlsock_push_free(tlsock_hs_parked(sk, ctx));
	if (!close_resets(sk))
		close_in_order(sk, ctx);
	tlsock_ctx_reset(sk, ctx);
	callbacks_restore(sk, ctx);
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, NULL);
	WRITE_ONCE(sk->sk_prot, (struct proto *)base);
	release_sock(sk);

	if (cancel_work(&ctx->work)) {
		sock_put(sk);
		tlsock_ctx_put(ctx);
	}
	tlsock_ctx_put(ctx);
	base->close(sk, timeout);
}

/* The ULP */

static void family_build(struct tlsock_family *f, const struct sock *sk)
{
	f->base_prot = sk->sk_prot;
	f->prot = *sk->sk_prot;
	f->prot.close = tlsock_close;
	f->prot.release_cb = tlsock_release_cb;
	f->prot.disconnect = tlsock_disconnect;
	f->prot.setsockopt = tlsock_setsockopt;
	f->prot.getsockopt = tlsock_getsockopt;
	f->prot.ioctl = tlsock_ioctl;
	f->prot.sendmsg = tlsock_sendmsg;
	f->prot.recvmsg = tlsock_proto_recvmsg;
#ifdef TLSOCK_HAVE_PROTO_SENDPAGE
	f->prot.sendpage = tlsock_sendpage;
#endif
#ifdef TLSOCK_HAVE_PROTO_SPLICE_EOF
	f->prot.splice_eof = tlsock_splice_eof;
#endif

	f->base_ops = sk->sk_socket->ops;
	f->ops = *sk->sk_socket->ops;
	f->ops.connect = tlsock_connect;
	f->ops.accept = tlsock_accept;
	f->ops.poll = tlsock_poll;
	f->ops.set_rcvlowat = tlsock_set_rcvlowat;
	f->ops.shutdown = tlsock_shutdown;
	f->ops.splice_read = tlsock_splice_read;
	f->ops.read_sock = tlsock_read_sock;
	f->ops.mmap = sock_no_mmap;
	f->ops.set_peek_off = NULL;	/* SO_PEEK_OFF: TCP's would count what is encrypted */
	/* ways around the record layer for users within the kernel */
	f->ops.read_skb = NULL;
	f->ops.sendmsg_locked = NULL;
#ifdef TLSOCK_HAVE_PROTO_SENDPAGE
	f->ops.sendpage_locked = NULL;
#endif
}

/* Plain TCP, with nobody else on top of it? */
static bool base_is_tcp(const struct sock *sk)
{
	const struct proto_ops *ops = sk->sk_socket->ops;

	if (sk->sk_family == AF_INET)
		return sk->sk_prot == &tcp_prot && ops == &inet_stream_ops;
	return sk->sk_family == AF_INET6 && !strcmp(sk->sk_prot->name, "TCPv6") &&
	       sk->sk_prot->sendmsg == tcp_sendmsg && sk->sk_prot->close == tcp_close &&
	       ops->family == AF_INET6 && ops->connect == inet_stream_connect &&
	       ops->poll == tcp_poll;
}

static int ulp_attach(struct sock *sk, bool upstream_abi)
{
	struct tlsock_family *f = family_of(sk);
	struct tlsock_ctx *ctx;
	int err = 0;
	bool busy;

	sock_owned_by_me(sk);
	/* its callbacks would be under ours, and ask for its data when that is gone */
	rcu_read_lock();
	busy = upstream_abi ? !!sk_psock(sk) : !!sk->sk_user_data;
	rcu_read_unlock();
	if (!sk->sk_socket || !base_is_tcp(sk) || busy)
		return -EINVAL;
	if (sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_ESTABLISHED)
		return -EINVAL;
	if (tcp_sk(sk)->fastopen_connect || compat_defer_connect(sk) || tcp_sk(sk)->repair)
		return -EINVAL;

	mutex_lock(&families_lock);
	if (!f->base_prot)
		family_build(f, sk);
	else if (f->base_prot != sk->sk_prot || f->base_ops != sk->sk_socket->ops)
		err = -EINVAL;
	mutex_unlock(&families_lock);
	if (err)
		return err;

	ctx = tlsock_ctx_new(sk, NULL);
	if (!ctx)
		return -ENOMEM;
	/* Who sleeps in TCP's own send or receive must not go on there: for them this is a
	 * disconnect. Before its keys "tls" is TCP.
	 */
	if (!upstream_abi)
		sk->sk_disconnects++;
	ctx->upstream_abi = upstream_abi;
	ctx->tx.fixed = upstream_abi;
	if (upstream_abi)
		ctx->state = TLSOCK_STATE_MANUAL;
	ctx->base_prot = f->base_prot;
	ctx->base_ops = f->base_ops;
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, ctx);
	callbacks_set(sk, ctx);
	WRITE_ONCE(sk->sk_prot, &f->prot);
	WRITE_ONCE(sk->sk_socket->ops, &f->ops);
	/* tcp_set_ulp() has taken it away; accept() hands it on */
	set_bit(SOCK_SUPPORT_ZC, &sk->sk_socket->flags);
	return 0;
}

static int ulp_init(struct sock *sk)
{
	return ulp_attach(sk, false);
}

/* The TLS ULP is for established sockets only, as upstream's. */
static int tls_ulp_init(struct sock *sk)
{
	if (sk->sk_state != TCP_ESTABLISHED)
		return -ENOTCONN;
	return ulp_attach(sk, true);
}

/* Softirq, for a child that copied its listener: the reference that tcp_cleanup_ulp() will
 * put is ours to take. See accept() for the context.
 */
static void ulp_clone(const struct request_sock *req, struct sock *newsk, const gfp_t priority)
{
	RCU_INIT_POINTER(inet_csk(newsk)->icsk_ulp_data, NULL);
	__module_get(THIS_MODULE);
}

/* The last breath of the socket. close() has detached the context; a child that was never
 * accepted has none.
 */
static void ulp_release(struct sock *sk)
{
	WARN_ON_ONCE(tlsock_ctx(sk));
	WRITE_ONCE(sk->sk_prot, (struct proto *)family_of(sk)->base_prot);
}

static struct tcp_ulp_ops tlsock_ulp_ops = {
	.name = TLSOCK_ULP_NAME,
	.owner = THIS_MODULE,
	.init = ulp_init,
	.release = ulp_release,
	.clone = ulp_clone,
	.get_info = tlsock_get_info,
	.get_info_size = tlsock_get_info_size,
};

/* Without clone: no listener can have it. */
static struct tcp_ulp_ops tls_ulp_ops = {
	.name = "tls",
	.owner = THIS_MODULE,
	.init = tls_ulp_init,
	.release = ulp_release,
	.get_info = tlsock_get_info,
	.get_info_size = tlsock_get_info_size,
};

static bool tls_registered;

/* With @tls, the name "tls" as well, when nobody has it yet */
int tlsock_ulp_register(bool tls)
{
	int err = tcp_register_ulp(&tlsock_ulp_ops);

	if (err || !tls)
		return err;
	err = tcp_register_ulp(&tls_ulp_ops);
	tls_registered = !err;
	if (err == -EEXIST)
		pr_warn("tlsock: the kernel's own tls module is loaded and keeps the name \"tls\"; sockets with that ULP are not served by tlsock\n");
	else if (err)
		pr_warn("tlsock: the ULP \"tls\" could not be registered (%d)\n", err);
	return 0;
}

bool tlsock_ulp_is_tls(void)
{
	return tls_registered;
}

void tlsock_ulp_unregister(void)
{
	if (tls_registered)
		tcp_unregister_ulp(&tls_ulp_ops);
	tcp_unregister_ulp(&tlsock_ulp_ops);
}
