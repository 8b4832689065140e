// SPDX-License-Identifier: GPL-2.0-only
/*
 * The socket's side of a handshake: handshake messages are put together from records and
 * handed to the daemon, whole flights at a time (RFC 8446 section 5.1); what the daemon
 * answers is sent and its keys are put in force. Of the messages only the four-byte header is
 * looked at. Reading stops at a message that may end an epoch until the daemon has answered, so
 * no byte ever crosses a change of keys. All under the socket lock, in process context.
 */
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/mm.h>

#include "seam.h"
#include "trace.h"

#define ALERT_FATAL	2
#define CCS_MAX		4	/* RFC 8446 appendix D.4: one or two are usual */

static void hs_free_buf(struct tlsock_hs *hs)
{
	kfree(hs->buf);
	hs->buf = NULL;
	hs->len = 0;
	hs->size = 0;
	hs->ready = 0;
}

void tlsock_timer_arm(struct tlsock_ctx *ctx, unsigned long when)
{
	unsigned long delay = time_after(when, jiffies) ? when - jiffies : 0;

	refcount_inc(&ctx->refs);
	sock_hold(ctx->sk);
	if (mod_delayed_work(tlsock_wq, &ctx->timer, delay)) {
		/* it was pending, with references of its own */
		sock_put(ctx->sk);
		tlsock_ctx_put(ctx);
	}
}

void tlsock_hs_drop(struct sock *sk, struct tlsock_ctx *ctx)
{
	if (cancel_delayed_work(&ctx->timer)) {
		sock_put(sk);
		tlsock_ctx_put(ctx);
	}
	hs_free_buf(&ctx->hs);
	if (!ctx->hs.conn)
		return;
	WRITE_ONCE(sk->sk_rcvlowat, ctx->rcvlowat);
	tlsock_conn_remove(ctx->hs.conn, ctx->state != TLSOCK_STATE_ESTABLISHED);
	tlsock_conn_put(ctx->hs.conn);
	ctx->hs.conn = NULL;
}

static void hs_event(struct sock *sk, struct tlsock_ctx *ctx, u8 event)
{
	if (ctx->hs.conn)
		tlsock_nl_event(ctx->hs.conn, sock_net(sk), event, ctx->err,
				ctx->err_text ?: "", ctx->version,
				ctx->result ? ctx->result->suite : 0);
}

void tlsock_fail(struct sock *sk, struct tlsock_ctx *ctx, int err, u8 alert, u32 x509,
		 const char *fmt, ...)
{
	va_list args;

	sock_owned_by_me(sk);
	if (ctx->state == TLSOCK_STATE_FAILED)
		return;
	va_start(args, fmt);
	ctx->err_text = kvasprintf(GFP_KERNEL, fmt, args);
	va_end(args);
	ctx->err = err;
	ctx->err_x509 = x509;
	ctx->alert_sent = alert;
	if (ctx->state == TLSOCK_STATE_HANDSHAKE)
		tlsock_inc(sk, TLSOCK_MIB_FAILED);
	trace_tlsock_handshake(sk, ctx, TLSOCK_TRACE_FAILED, err);

	/* no application data after this, whatever happens to the alert */
	ctx->tx.open = 0;
	if (alert != TLSOCK_ALERT_NONE && !(sk->sk_shutdown & SEND_SHUTDOWN))
		tlsock_alert_send(sk, ctx, ALERT_FATAL, alert);
	tlsock_tx_flush_all(sk, ctx);

	hs_event(sk, ctx, TLSOCK_EVENT_FAILED);
	tlsock_hs_drop(sk, ctx);
	WRITE_ONCE(ctx->state, TLSOCK_STATE_FAILED);
	smp_wmb();	/* see tlsock_passes() */
	tlsock_tx_free(&ctx->tx);
	tlsock_rx_stop(&ctx->rx);
	WRITE_ONCE(ctx->rx.ready, true);

	if (!(sk->sk_shutdown & SEND_SHUTDOWN) &&
	    (1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)) {
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
		ctx->base_prot->shutdown(sk, SEND_SHUTDOWN);
	}
	WRITE_ONCE(sk->sk_err, err);
	sk_error_report(sk);
	ctx->base_state_change(sk);
}

void tlsock_hs_done(struct sock *sk, struct tlsock_ctx *ctx)
{
	sock_owned_by_me(sk);
	WRITE_ONCE(ctx->state, TLSOCK_STATE_ESTABLISHED);
	ctx->rx.idle = 0;
	tlsock_inc(sk, TLSOCK_MIB_DONE);
	if (ctx->result->flags & TLSOCK_INFO_RESUMED)
		tlsock_inc(sk, TLSOCK_MIB_RESUMED);
	trace_tlsock_handshake(sk, ctx, TLSOCK_TRACE_DONE, 0);
	hs_event(sk, ctx, TLSOCK_EVENT_DONE);
	tlsock_hs_drop(sk, ctx);
	tlsock_rest_watch(sk, ctx);
	tlsock_rx_update_ready(sk, ctx);
	ctx->base_state_change(sk);
	sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
	if (ctx->rx.ready)
		ctx->base_data_ready(sk);
}

/* The deadline, and how long to wait for a daemon */
static void hs_clock(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_net *tn = tlsock_net(sock_net(sk));
	unsigned long next = ctx->hs.deadline, since;

	if (time_after_eq(jiffies, ctx->hs.deadline)) {
		tlsock_fail(sk, ctx, ETIMEDOUT, ctx->role == TLSOCK_ROLE_SERVER ?
			    TLSOCK_ALERT_USER_CANCELED : TLSOCK_ALERT_NONE, 0,
			    "the handshake took longer than %u ms", ctx->opts->timeout_ms);
		return;
	}
	if (tlsock_conn_lonely(ctx->hs.conn, &since)) {
		if (time_after(ctx->hs.started, since))
			since = ctx->hs.started;
		since += msecs_to_jiffies(READ_ONCE(tn->grace_ms));
		if (time_after_eq(jiffies, since)) {
			tlsock_fail(sk, ctx, EUNATCH, ctx->role == TLSOCK_ROLE_SERVER ?
				    TLSOCK_ALERT_INTERNAL_ERROR : TLSOCK_ALERT_NONE, 0,
				    "no handshake daemon (tlsockd) is running");
			return;
		}
		if (time_before(since, next))
			next = since;
	}
	tlsock_timer_arm(ctx, next);
}

int tlsock_hs_start(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_hs *hs = &ctx->hs;
	struct tlsock_conn *conn;
	int err;

	sock_owned_by_me(sk);
	err = tlsock_ctx_claim(sk, ctx);
	if (err)
		return err;
	conn = tlsock_conn_new(sk, ctx);
	if (IS_ERR(conn))
		return PTR_ERR(conn);
	tlsock_inc(sk, TLSOCK_MIB_HANDSHAKES);
	hs->conn = conn;
	ctx->id = conn->id;
	trace_tlsock_handshake(sk, ctx, TLSOCK_TRACE_STARTED, 0);
	hs->started = jiffies;
	hs->deadline = jiffies + msecs_to_jiffies(ctx->opts->timeout_ms);
	hs->blocked = ctx->role == TLSOCK_ROLE_CLIENT;
	/* TCP wakes nobody below SO_RCVLOWAT, and a flight can be shorter than that */
	ctx->rcvlowat = sk->sk_rcvlowat;
	WRITE_ONCE(sk->sk_rcvlowat, 1);
	WRITE_ONCE(ctx->state, TLSOCK_STATE_HANDSHAKE);
	if (ctx->role == TLSOCK_ROLE_CLIENT)
		tlsock_conn_announce(conn);
	tlsock_hs_run(sk, ctx);
	return 0;
}

void tlsock_hs_start_or_fail(struct sock *sk, struct tlsock_ctx *ctx)
{
	int err = tlsock_hs_start(sk, ctx);

	if (err)
		tlsock_fail(sk, ctx, -err, ctx->role == TLSOCK_ROLE_SERVER ?
			    TLSOCK_ALERT_INTERNAL_ERROR : TLSOCK_ALERT_NONE, 0,
			    err == -ENOBUFS ? "too many handshakes are in flight" :
			    "the handshake could not be started");
}

void tlsock_hs_begin(struct sock *sk, struct tlsock_ctx *ctx)
{
	sock_owned_by_me(sk);
	/* TCP may have been established and ended before anybody looked */
	if (ctx->state == TLSOCK_STATE_CONNECTING &&
	    (ctx->tcp_up || sk->sk_state == TCP_ESTABLISHED))
		tlsock_hs_start_or_fail(sk, ctx);
}

/* May more of the flight follow @type? Then the daemon need not be woken for it yet. Nothing is
 * held in front of the change_cipher_spec of TLS 1.2, which CertificateVerify is there.
 */
static bool hs_holds(const struct tlsock_ctx *ctx, u8 type)
{
	switch (type) {
	case TLSOCK_HT_ENCRYPTED_EXTENSIONS:
	case TLSOCK_HT_CERTIFICATE:
	case TLSOCK_HT_SERVER_KEY_EXCHANGE:
	case TLSOCK_HT_CERTIFICATE_REQUEST:
	case TLSOCK_HT_CERTIFICATE_STATUS:
		return true;
	case TLSOCK_HT_CERTIFICATE_VERIFY:
		return ctx->rx.keys;
	default:
		return false;
	}
}

/* Find complete messages. 1: a flight ends at hs.ready; 0: more is needed; -errno: failed */
static int hs_scan(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_hs *hs = &ctx->hs;
	u32 len;
	u8 type;

	while (hs->len - hs->ready >= 4) {
		type = hs->buf[hs->ready];
		len = 4 + get_unaligned_be24(hs->buf + hs->ready + 1);
		if (len > TLSOCK_HS_BYTES_MAX ||
		    (type == TLSOCK_HT_CLIENT_HELLO && len > TLSOCK_HELLO_BYTES_MAX)) {
			tlsock_fail(sk, ctx, EPROTO, TLSOCK_ALERT_DECODE_ERROR, 0,
				    "the peer sent a handshake message that is too long");
			return -EPROTO;
		}
		if (hs->len - hs->ready < len)
			break;
		hs->ready += len;
		if (!hs_holds(ctx, type))
			return 1;
	}
	return 0;
}

static int hs_deliver(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_hs *hs = &ctx->hs;
	u8 *flight;

	/* bytes that follow the flight stay; there are none but from a wrong peer */
	if (hs->len == hs->ready) {
		flight = hs->buf;
	} else {
		flight = kvmalloc(hs->ready, GFP_KERNEL);
		if (!flight) {
			tlsock_fail(sk, ctx, ENOMEM, TLSOCK_ALERT_INTERNAL_ERROR, 0,
				    "no memory for a handshake message");
			return -ENOMEM;
		}
		memcpy(flight, hs->buf, hs->ready);
	}
	hs->blocked = true;
	trace_tlsock_handshake(sk, ctx, TLSOCK_TRACE_DELIVERED, hs->ready);
	tlsock_conn_deliver(hs->conn, flight, hs->ready,
			    ctx->rx.keys ? ctx->rx.keys->epoch : TLSOCK_EPOCH_INITIAL);
	hs->len -= hs->ready;
	if (hs->len) {
		memmove(hs->buf, hs->buf + hs->ready, hs->len);
	} else {
		hs->buf = NULL;		/* it is the flight */
		hs->size = 0;
	}
	hs->ready = 0;
	return 0;
}

static int hs_bad(struct sock *sk, struct tlsock_ctx *ctx, u8 alert, const char *text)
{
	tlsock_fail(sk, ctx, EPROTO, alert, 0, "%s", text);
	return -EPROTO;
}

/* Append the open record, of handshake type, to hs.buf */
static int hs_append(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_hs *hs = &ctx->hs;
	u32 n = ctx->rx.rec.len, size;
	u8 *buf;

	/* RFC 8446 section 5.1: zero-length fragments are not allowed */
	if (!n)
		return hs_bad(sk, ctx, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent an empty handshake record");
	if (ctx->role == TLSOCK_ROLE_SERVER && !hs->total) {
		u8 type;

		tlsock_rx_copy(&ctx->rx, 0, &type, 1);
		if (type != TLSOCK_HT_CLIENT_HELLO)
			return hs_bad(sk, ctx, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
				      "the peer did not begin with a ClientHello");
	}
	hs->total += n;
	if (hs->total > TLSOCK_HS_BYTES_MAX)
		return hs_bad(sk, ctx, TLSOCK_ALERT_DECODE_ERROR,
			      "the peer sent more than a handshake can need");
	if (hs->len + n > hs->size) {
		size = max_t(u32, 1024, roundup_pow_of_two(hs->len + n));
		buf = krealloc(hs->buf, size, GFP_KERNEL);
		if (!buf) {
			tlsock_fail(sk, ctx, ENOMEM, TLSOCK_ALERT_INTERNAL_ERROR, 0,
				    "no memory for a handshake message");
			return -ENOMEM;
		}
		hs->buf = buf;
		hs->size = size;
	}
	tlsock_rx_copy(&ctx->rx, 0, hs->buf + hs->len, n);
	hs->len += n;
	return 0;
}

/*
 * TLS 1.3: dropped, once the ClientHello is there, but not within a message (RFC 8446 appendix
 * D.4). TLS 1.2: puts the key in force that waits for it, between two messages and once (RFC 5246
 * section 7.1). One that comes before the version is known is remembered; see push_key().
 */
static int hs_ccs(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_rx *rx = &ctx->rx;
	bool good = ctx->role == TLSOCK_ROLE_CLIENT || ctx->hs.total;
	u8 value = 0;

	if (rx->rec.len == 1)
		tlsock_rx_copy(rx, 0, &value, 1);
	if (rx->pending)
		good = !ctx->hs.len;
	else if (rx->keys && rx->keys->cipher->version == TLSOCK_TLS_1_2)
		good = false;
	else
		good = good && ctx->hs.len == ctx->hs.ready && ctx->hs.ccs_seen++ < CCS_MAX;
	if (value != 1 || !good)
		return hs_bad(sk, ctx, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent a change_cipher_spec that has no place here");
	if (rx->pending) {
		tlsock_keys_free(rx->keys);
		WRITE_ONCE(rx->keys, rx->pending);
		rx->pending = NULL;
	}
	return 0;
}

static int hs_record(struct sock *sk, struct tlsock_ctx *ctx)
{
	int err;

	switch (ctx->rx.rec.type) {
	case TLSOCK_CT_HANDSHAKE:
		err = hs_append(sk, ctx);
		break;
	case TLSOCK_CT_ALERT:
		err = tlsock_alert_recv(sk, ctx);
		if (!err && ++ctx->rx.idle > TLSOCK_IDLE_RECORDS_MAX)
			err = hs_bad(sk, ctx, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
				     "the peer sends nothing but alerts");
		break;
	case TLSOCK_CT_CCS:
		err = hs_ccs(sk, ctx);
		break;
	default:
		err = hs_bad(sk, ctx, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
			     "the peer sent data before the handshake was done");
	}
	if (!err)
		tlsock_rx_consume(&ctx->rx);
	return err;
}

static void hs_read(struct sock *sk, struct tlsock_ctx *ctx)
{
	int err;

	while (ctx->state == TLSOCK_STATE_HANDSHAKE && !ctx->hs.blocked) {
		err = hs_scan(sk, ctx);
		if (err > 0) {
			hs_deliver(sk, ctx);
			return;
		}
		if (err)
			return;
		err = tlsock_rx_record(sk, ctx, NULL);
		if (err == -EAGAIN || ctx->state == TLSOCK_STATE_FAILED)
			return;
		if (err == -EPIPE || err == -EPROTO) {
			tlsock_fail(sk, ctx, -tlsock_sk_err(sk) ?: EPROTO, TLSOCK_ALERT_NONE, 0,
				    "the peer closed the connection during the handshake");
			return;
		}
		if (err) {
			tlsock_fail(sk, ctx, -err, TLSOCK_ALERT_INTERNAL_ERROR, 0,
				    "the handshake could not be read");
			return;
		}
		if (hs_record(sk, ctx))
			return;
	}
}

void tlsock_hs_run(struct sock *sk, struct tlsock_ctx *ctx)
{
	sock_owned_by_me(sk);
	if (ctx->state != TLSOCK_STATE_HANDSHAKE)
		return;
	if (tlsock_conn_orphaned(ctx->hs.conn)) {
		tlsock_fail(sk, ctx, ECONNABORTED, TLSOCK_ALERT_INTERNAL_ERROR, 0,
			    "the handshake daemon went away in the middle of the handshake");
		return;
	}
	hs_read(sk, ctx);
	if (ctx->state != TLSOCK_STATE_HANDSHAKE)
		return;
	if (tlsock_sk_err(sk) || sk->sk_state == TCP_CLOSE) {
		tlsock_fail(sk, ctx, -tlsock_sk_err(sk) ?: ECONNRESET, TLSOCK_ALERT_NONE, 0,
			    "TCP lost the connection during the handshake");
		return;
	}
	hs_clock(sk, ctx);
}

/*
 * A work or another PUSH owns the socket: that is brief, since neither waits for user memory, and
 * a PUSH that waits for it can be told what was wrong with it. On the queue of lock_sock(), which
 * would wait for whoever came next as well. Enters and leaves with slock held, and drops it. (With
 * BH off the context stands, as under rcu_read_lock().)
 */
static void wait_for_brief_owner(struct sock *sk)
{
	struct tlsock_ctx *ctx;
	DEFINE_WAIT(wait);

	while (sock_owned_by_user_nocheck(sk)) {
		ctx = tlsock_ctx(sk);
		if (!ctx || !ctx->brief)
			break;
		prepare_to_wait(&sk->sk_lock.wq, &wait, TASK_UNINTERRUPTIBLE);
		spin_unlock_bh(&sk->sk_lock.slock);
		schedule();
		spin_lock_bh(&sk->sk_lock.slock);
	}
	finish_wait(&sk->sk_lock.wq, &wait);
}

/*
 * Who has the socket lock may be waiting for a page of user memory, for as long as its program
 * likes. Neither the daemon nor a work waits for that: what they have to do is left to be
 * done when the lock is free; see tlsock_release_cb(). 0: the caller has the lock now, as by
 * lock_sock(), which would wait for whoever came between a look and the lock; 1: it is not
 * free, and @p is parked; -EAGAIN: one is parked already; -ENOENT: close() has begun.
 */
static int lock_or_leave(struct sock *sk, struct tlsock_push *p)
{
	struct tlsock_ctx *ctx;
	int err = 0;

	spin_lock_bh(&sk->sk_lock.slock);
	if (p)
		wait_for_brief_owner(sk);
	ctx = tlsock_ctx(sk);
	if (!sock_owned_by_user_nocheck(sk)) {
		sk->sk_lock.owned = 1;
		if (ctx)
			ctx->brief = true;
	} else if (!ctx || ctx->detached) {
		err = -ENOENT;
	} else {
		ctx->missed = true;
		err = p && ctx->parked ? -EAGAIN : 1;
		if (p && !ctx->parked)
			ctx->parked = p;
	}
	spin_unlock_bh(&sk->sk_lock.slock);
	if (!err)
		mutex_acquire(&sk->sk_lock.dep_map, 0, 1, _RET_IP_);
	return err;
}

struct tlsock_push *tlsock_hs_parked(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_push *p;

	sock_owned_by_me(sk);
	spin_lock_bh(&sk->sk_lock.slock);
	p = ctx->parked;
	ctx->parked = NULL;
	spin_unlock_bh(&sk->sk_lock.slock);
	return p;
}

static void apply_parked(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_push *p = tlsock_hs_parked(sk, ctx);
	const char *why;

	if (!p)
		return;
	/* there is nobody left to tell */
	if (tlsock_push_apply(sk, p, &why) == -EINVAL)
		tlsock_fail(sk, ctx, ECONNABORTED, TLSOCK_ALERT_INTERNAL_ERROR, 0,
			    "the handshake daemon is wrong: %s", why);
	tlsock_push_free(p);
}

int tlsock_hs_push(struct sock *sk, struct tlsock_push *p, const char **why)
{
	struct tlsock_ctx *ctx;
	int err = lock_or_leave(sk, p);

	if (err)
		return err;
	ctx = tlsock_ctx(sk);
	if (ctx)
		apply_parked(sk, ctx);	/* in their order */
	err = tlsock_push_apply(sk, p, why);
	release_sock(sk);
	return err;
}

static void work_locked(struct sock *sk, struct tlsock_ctx *ctx, bool timer)
{
	apply_parked(sk, ctx);
	tlsock_tx_flush(sk, ctx);
	tlsock_key_update_answer(sk, ctx);
	if (ctx->state == TLSOCK_STATE_CONNECTING) {
		tlsock_hs_begin(sk, ctx);
	} else if (ctx->state == TLSOCK_STATE_HANDSHAKE) {
		tlsock_hs_run(sk, ctx);
	} else if (ctx->state == TLSOCK_STATE_ESTABLISHED || ctx->state == TLSOCK_STATE_MANUAL) {
		/* see tlsock_rx_update_ready(): open the window */
		if (!timer)
			tlsock_rx_pull(sk, ctx);
		tlsock_rest(sk, ctx);
	}
}

/* Works hold a reference to the socket and the context; see tlsock_kick() and
 * tlsock_timer_arm().
 */
static void work(struct tlsock_ctx *ctx, bool timer)
{
	struct sock *sk = ctx->sk;

	if (!lock_or_leave(sk, NULL)) {
		if (!ctx->detached)
			work_locked(sk, ctx, timer);
		release_sock(sk);
	}
	sock_put(sk);
	tlsock_ctx_put(ctx);
}

void tlsock_work(struct work_struct *w)
{
	work(container_of(w, struct tlsock_ctx, work), false);
}

void tlsock_timer(struct work_struct *w)
{
	work(container_of(to_delayed_work(w), struct tlsock_ctx, timer), true);
}
