// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending: application data is cut into records, protected, and given to TCP (RFC 8446
 * section 5.1 and 5.2). Whole records are made by tx_batch.c; a record that more is to be added
 * to stays open here, in pages of its own. What TCP does not take at once waits in tx.queue, in
 * order, with alerts and handshake messages. Nothing may reach TCP that did not pass a key
 * here, but for the handshake's epoch 0.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "tlsock.h"
#include "trace.h"

#define TLSOCK_SEND_FLAGS	(MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_CMSG_COMPAT | \
				 MSG_EOR | MSG_WAITALL | MSG_SPLICE_PAGES | \
				 MSG_SENDPAGE_NOTLAST | MSG_SENDPAGE_NOPOLICY | \
				 MSG_NO_SHARED_FRAGS | MSG_BATCH | MSG_ZEROCOPY)

/* Nothing is in work */
static void tx_segs_few(struct tlsock_tx *tx)
{
	tx->seg = tx->few;
	tx->max_seg = ARRAY_SIZE(tx->few);
	tx->n_seg = 0;
	tx->seg_at = 0;
}

void tlsock_tx_init(struct tlsock_tx *tx)
{
	INIT_LIST_HEAD(&tx->queue);
	INIT_LIST_HEAD(&tx->rec.node);
	tx_segs_few(tx);
	tx->max_payload = TLSOCK_FRAGMENT_MAX;
	tx->peer_payload = TLSOCK_FRAGMENT_MAX;
}

u16 tlsock_tx_payload(const struct tlsock_tx *tx)
{
	return min(tx->max_payload, tx->peer_payload);
}

static void tx_segs_free(struct tlsock_tx *tx)
{
	for (; tx->seg_at < tx->n_seg; tx->seg_at++)
		put_page(tx->seg[tx->seg_at].bv_page);
	if (tx->seg != tx->few)
		kfree(tx->seg);
	tx_segs_few(tx);
	tx->rec.off = 0;
	tx->rec.len = 0;
}

void tlsock_tx_free(struct tlsock_tx *tx)
{
	struct tlsock_txbuf *buf, *tmp;

	list_for_each_entry_safe(buf, tmp, &tx->queue, node) {
		list_del_init(&buf->node);
		if (buf != &tx->rec)
			kfree(buf);
	}
	tx_segs_free(tx);
	tlsock_pages_put(tx->pages);
	tx->open = 0;
	tlsock_keys_free(tx->keys);
	WRITE_ONCE(tx->keys, NULL);
}

struct tlsock_txbuf *tlsock_txbuf_new(size_t len, gfp_t gfp)
{
	struct tlsock_txbuf *buf;

	buf = kmalloc(sizeof(*buf) + TLSOCK_OVERHEAD_MAX + len, gfp);
	if (!buf)
		return NULL;
	INIT_LIST_HEAD(&buf->node);
	buf->off = 0;
	buf->len = 0;
	return buf;
}

void tlsock_tx_head(const struct tlsock_keys *keys, u8 *out, u8 type, size_t content)
{
	const struct tlsock_cipher *c = keys->cipher;

	tlsock_header_put(out, c->version == TLSOCK_TLS_1_3 ? TLSOCK_CT_DATA : type,
			  c->explicit_len + content + TLSOCK_TAG_LEN);
	if (c->explicit_len)
		put_unaligned_be64(keys->expl, out + TLSOCK_HEADER_LEN);
}

size_t tlsock_tx_pad_len(const struct tlsock_tx *tx, size_t content)
{
	size_t to = min_t(size_t, roundup(content, tx->padding), tlsock_tx_payload(tx));

	return to > content && tx->keys->cipher->version == TLSOCK_TLS_1_3 ? to - content : 0;
}

static void tx_enqueue(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_txbuf *buf)
{
	list_add_tail(&buf->node, &ctx->tx.queue);
	ctx->tx.records++;
	tlsock_inc(sk, TLSOCK_MIB_TX_RECORDS);
}

int tlsock_tx_enqueue(struct sock *sk, struct tlsock_ctx *ctx, u32 records, u32 content)
{
	struct tlsock_tx *tx = &ctx->tx;

	list_add_tail(&tx->rec.node, &tx->queue);
	tx->records += records;
	tx->bytes += content;
	tlsock_add(sk, TLSOCK_MIB_TX_RECORDS, records);
	tlsock_add(sk, TLSOCK_MIB_TX_BYTES, content);
	trace_tlsock_record(sk, ctx, true, tx->open_type ?: TLSOCK_CT_DATA, records, content);
	if (tx->keys->secret_len && tx->keys->seq >= TLSOCK_KEY_RECORDS)
		return tlsock_key_update_send(sk, ctx, false);
	return 0;
}

int tlsock_tx_seal_failed(struct sock *sk, struct tlsock_ctx *ctx, int err)
{
	tlsock_fail(sk, ctx, EIO, TLSOCK_ALERT_INTERNAL_ERROR, 0,
		    "a record could not be encrypted (%d)", err);
	return -EIO;
}

int tlsock_tx_record(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_txbuf *buf,
		     u8 type, const u8 *data, size_t len)
{
	struct tlsock_keys *keys = ctx->tx.keys;
	struct scatterlist sg;
	size_t head;
	int err;

	sock_owned_by_me(sk);
	if (WARN_ON_ONCE(len > TLSOCK_FRAGMENT_MAX)) {
		kfree(buf);
		return -EINVAL;
	}
	err = keys ? tlsock_keys_wake(sk, ctx, keys) : 0;
	if (err) {
		kfree(buf);
		return err;
	}
	trace_tlsock_record(sk, ctx, true, type, 1, len);
	/* RFC 8446 appendix D.4: the dummy change_cipher_spec is never protected */
	if (!keys || (type == TLSOCK_CT_CCS && keys->cipher->version == TLSOCK_TLS_1_3)) {
		tlsock_header_put(buf->data, type, len);
		memcpy(buf->data + TLSOCK_HEADER_LEN, data, len);
		buf->len = TLSOCK_HEADER_LEN + len;
		tx_enqueue(sk, ctx, buf);
		return 0;
	}

	head = tlsock_head_len(keys->cipher);
	memcpy(buf->data + head, data, len);
	if (keys->cipher->version == TLSOCK_TLS_1_3)
		buf->data[head + len++] = type;
	tlsock_tx_head(keys, buf->data, type, len);
	sg_init_one(&sg, buf->data + tlsock_keys_skip(keys),
		    head + len + TLSOCK_TAG_LEN - tlsock_keys_skip(keys));
	err = tlsock_keys_seal(keys, &sg, &sg, type, len);
	if (err) {
		kfree_sensitive(buf);
		return err;
	}
	buf->len = head + len + TLSOCK_TAG_LEN;
	tx_enqueue(sk, ctx, buf);
	return 0;
}

/* Pages for @len bytes of record */
static int tx_pages_grow(struct sock *sk, struct tlsock_tx *tx, size_t len)
{
	size_t i;

	for (i = 0; i < DIV_ROUND_UP(len, PAGE_SIZE); i++) {
		if (tx->pages[i])
			continue;
		tx->pages[i] = tlsock_page_get(sk->sk_allocation);
		if (!tx->pages[i])
			return -ENOMEM;
	}
	return 0;
}

static void tx_pages_zero(struct tlsock_tx *tx, size_t at, size_t len)
{
	size_t n;

	for (; len; at += n, len -= n) {
		n = min_t(size_t, len, PAGE_SIZE - at % PAGE_SIZE);
		memset(page_address(tx->pages[at / PAGE_SIZE]) + at % PAGE_SIZE, 0, n);
	}
}

int tlsock_tx_close_record(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct scatterlist sg[TLSOCK_RECORD_PAGES];
	struct tlsock_tx *tx = &ctx->tx;
	struct tlsock_keys *keys = tx->keys;
	size_t head, skip, len, content = tx->open, pad, i;
	u32 bytes = tx->open;
	int err;

	sock_owned_by_me(sk);
	if (!tx->open)
		return 0;
	if (WARN_ON_ONCE(!keys || !list_empty(&tx->rec.node)))
		return -EINVAL;

	head = tlsock_head_len(keys->cipher);
	skip = tlsock_keys_skip(keys);
	/* tx_append() made room for the inner type, the padding and the tag */
	if (keys->cipher->version == TLSOCK_TLS_1_3) {
		size_t at = head + content++;

		((u8 *)page_address(tx->pages[at / PAGE_SIZE]))[at % PAGE_SIZE] = tx->open_type;
		pad = tlsock_tx_pad(tx, tx->open);
		tx_pages_zero(tx, at + 1, pad);
		content += pad;
	}
	tlsock_tx_head(keys, page_address(tx->pages[0]), tx->open_type, content);
	len = head + content + TLSOCK_TAG_LEN;
	tlsock_pages_sg(sg, tx->pages, skip, len - skip);
	err = tlsock_keys_seal(keys, sg, sg, tx->open_type, content);
	if (err)
		return tlsock_tx_seal_failed(sk, ctx, err);
	tx->open = 0;
	tx->rec.len = len;
	for (i = 0; i < DIV_ROUND_UP(len, PAGE_SIZE); i++) {
		tx->seg[i].bv_page = tx->pages[i];
		tx->seg[i].bv_offset = 0;
		tx->seg[i].bv_len = min_t(size_t, len - i * PAGE_SIZE, PAGE_SIZE);
		tx->pages[i] = NULL;
	}
	tx->n_seg = i;
	tlsock_pages_put(tx->pages);
	return tlsock_tx_enqueue(sk, ctx, 1, bytes);
}

#ifdef TLSOCK_HAVE_PROTO_SENDPAGE
/* Here MSG_SPLICE_PAGES means nothing to TCP. */
static int tx_push_rec(struct sock *sk, const struct tlsock_tx *tx)
{
	const struct bio_vec *bv = &tx->seg[tx->seg_at];
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_NO_SHARED_FRAGS;

	if (tx->seg_at + 1 < tx->n_seg)
		flags |= MSG_SENDPAGE_NOTLAST;
	return do_tcp_sendpages(sk, bv->bv_page, bv->bv_offset, bv->bv_len, flags);
}
#else
static __always_inline int tx_push_rec(struct sock *sk, const struct tlsock_tx *tx)
{
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_SPLICE_PAGES | MSG_NO_SHARED_FRAGS,
	};
	size_t left = tx->rec.len - tx->rec.off;

	iov_iter_bvec(&msg.msg_iter, WRITE, tx->seg + tx->seg_at, tx->n_seg - tx->seg_at, left);
	return tcp_sendmsg_locked(sk, &msg, left);
}
#endif

/* An alert or handshake record. A flight is as few segments as it can be, and what nobody wrote
 * does not hold back what somebody will: Nagle's algorithm (RFC 9293 section 3.7.4, with Minshall's
 * change) waits for small segments of the application's alone.
 */
static noinline int tx_push_buf(struct sock *sk, const struct tlsock_tx *tx,
				struct tlsock_txbuf *buf)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	u32 small = tcp_sk(sk)->snd_sml;
	struct kvec kv;
	int n;

	if (!list_is_last(&buf->node, &tx->queue))
		msg.msg_flags |= MSG_MORE;
	kv.iov_base = buf->data + buf->off;
	kv.iov_len = buf->len - buf->off;
	iov_iter_kvec(&msg.msg_iter, WRITE, &kv, 1, kv.iov_len);
	n = tcp_sendmsg_locked(sk, &msg, kv.iov_len);
	tcp_sk(sk)->snd_sml = small;
	return n;
}

/* TCP has taken @n bytes of the segments, and holds their pages itself. */
static void tx_segs_advance(struct tlsock_tx *tx, u32 n)
{
	struct bio_vec *bv;

	while (n) {
		bv = &tx->seg[tx->seg_at];
		if (n < bv->bv_len) {
			bv->bv_offset += n;
			bv->bv_len -= n;
			return;
		}
		n -= bv->bv_len;
		put_page(bv->bv_page);
		tx->seg_at++;
	}
}

/* tlsock_tx_flush(). Inlined for data, like what it calls: over loopback the processor has
 * forgotten the way back when TCP returns, and pays for each level of it.
 */
static __always_inline int tx_flush(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_tx *tx = &ctx->tx;
	struct tlsock_txbuf *buf;
	int n;

	sock_owned_by_me(sk);
	while ((buf = list_first_entry_or_null(&tx->queue, struct tlsock_txbuf, node))) {
		n = buf == &tx->rec ? tx_push_rec(sk, tx) : tx_push_buf(sk, tx, buf);
		/* TCP has taken its error to tell it; not everybody here does */
		if (n < 0 && n != -EAGAIN && n != -EPIPE && !tlsock_sk_err(sk))
			WRITE_ONCE(sk->sk_err, -n);
		if (n <= 0)
			return n ?: -EAGAIN;
		buf->off += n;
		if (buf == &tx->rec)
			tx_segs_advance(tx, n);
		if (buf->off < buf->len)
			continue;
		list_del_init(&buf->node);
		if (buf == &tx->rec)
			tx_segs_free(tx);
		else
			kfree(buf);
	}
	return 0;
}

/* It announces records that are to come, and goes in one segment with the first. */
static bool tx_only_ccs(const struct tlsock_tx *tx)
{
	const struct tlsock_txbuf *buf;

	if (!list_is_singular(&tx->queue))
		return false;
	buf = list_first_entry(&tx->queue, struct tlsock_txbuf, node);
	return buf != &tx->rec && !buf->off && buf->data[0] == TLSOCK_CT_CCS;
}

int tlsock_tx_flush(struct sock *sk, struct tlsock_ctx *ctx)
{
	return tx_only_ccs(&ctx->tx) ? 0 : tx_flush(sk, ctx);
}

int tlsock_tx_flush_all(struct sock *sk, struct tlsock_ctx *ctx)
{
	u32 lowat = tcp_sk(sk)->notsent_lowat;
	int sndbuf = sk->sk_sndbuf, err;

	/* At most one application record and some alerts: bounded, and better than to lose
	 * what write() has accepted.
	 */
	WRITE_ONCE(sk->sk_sndbuf, INT_MAX / 2);
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, UINT_MAX);
	err = tlsock_tx_flush(sk, ctx);
	WRITE_ONCE(sk->sk_sndbuf, sndbuf);
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, lowat);
	return err;
}

/*
 * A record can be opened when it is there whole. Early in a connection, and after a pause, one of
 * 16 KiB takes more than a flight; so what TCP can send in its first flight goes in records that
 * fill a packet each, and what has to wait for its answer in ever larger ones, since the window has
 * grown by then. With some packets more than TCP begins with, or as many waiting in front, a record
 * has its full size.
 */
size_t tlsock_tx_fit(const struct sock *sk, const struct tlsock_tx *tx)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 mss = max_t(u32, tp->mss_cache, TCP_MSS_DEFAULT), waiting, segs;
	size_t over;

	if (tx->fixed || mss >= TLSOCK_FRAGMENT_MAX + TLSOCK_OVERHEAD_MAX)
		return tlsock_tx_payload(tx);
	over = TLSOCK_HEADER_LEN + tlsock_overhead(tx->keys->cipher);
	waiting = tp->write_seq - tp->snd_una;
	segs = tcp_snd_cwnd(tp);
	/* RFC 5681 section 4.1: after so long TCP begins anew */
	if (!waiting && tcp_jiffies32 - tp->lsndtime > inet_csk(sk)->icsk_rto)
		segs = min_t(u32, segs, TCP_INIT_CWND);
	if (segs < TCP_INIT_CWND + TLSOCK_FRAGMENT_MAX / TCP_MSS_DEFAULT) {
		waiting += tx->rec.len - tx->rec.off;
		segs = max(segs, waiting / mss);
	}
	segs = segs > TCP_INIT_CWND ? segs - TCP_INIT_CWND + 1 : 1;
	return min_t(size_t, (size_t)segs * mss - over, tlsock_tx_payload(tx));
}

/* Append to the open record, up to @fit bytes of it. Returns bytes taken, or a negative errno. */
static int tx_append(struct sock *sk, struct tlsock_ctx *ctx, struct msghdr *msg, size_t fit)
{
	struct tlsock_tx *tx = &ctx->tx;
	size_t head = tlsock_head_len(tx->keys->cipher);
	size_t at = head + tx->open, n, chunk, done = 0;
	int err;

	n = min_t(size_t, msg_data_left(msg), fit - tx->open);
	err = tx_pages_grow(sk, tx, at + n + 1 + tlsock_tx_pad(tx, tx->open + n) + TLSOCK_TAG_LEN);
	if (err)
		return err;
	while (done < n) {
		chunk = min_t(size_t, n - done, PAGE_SIZE - at % PAGE_SIZE);
		if (copy_page_from_iter(tx->pages[at / PAGE_SIZE], at % PAGE_SIZE, chunk,
					&msg->msg_iter) != chunk)
			return -EFAULT;
		at += chunk;
		done += chunk;
	}
	tx->open += n;
	return n;
}

/* TLS_SET_RECORD_TYPE, for keys set by hand only */
static int tx_record_type(struct tlsock_ctx *ctx, struct msghdr *msg, u8 *type)
{
	struct cmsghdr *cmsg;

	*type = TLSOCK_CT_DATA;
	if (!msg->msg_controllen)
		return 0;
	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg))
			return -EINVAL;
		if (cmsg->cmsg_level != SOL_TLS)
			continue;
		if (cmsg->cmsg_type != TLS_SET_RECORD_TYPE ||
		    cmsg->cmsg_len < CMSG_LEN(sizeof(*type)))
			return -EINVAL;
		if (ctx->state != TLSOCK_STATE_MANUAL)
			return -EOPNOTSUPP;
		if (msg->msg_flags & MSG_MORE)
			return -EINVAL;
		*type = *(u8 *)CMSG_DATA(cmsg);
	}
	return 0;
}

void tlsock_tx_end_record(struct sock *sk, struct tlsock_ctx *ctx)
{
	if (ctx->tx.open && ctx->state != TLSOCK_STATE_FAILED && list_empty(&ctx->tx.rec.node) &&
	    !tlsock_tx_close_record(sk, ctx))
		tlsock_tx_flush(sk, ctx);
}

/* May data be sent now? After each sleep again. */
static int tx_check(struct sock *sk, struct tlsock_ctx *ctx)
{
	int err;

	if (ctx->state == TLSOCK_STATE_FAILED)
		return -ctx->err;
	if (!ctx->tx.keys)
		return -ENOTCONN;
	/* RFC 8446 section 5.3: sequence numbers must not wrap */
	if (ctx->tx.keys->seq == U64_MAX)
		return ctx->upstream_abi ? -EBADMSG : -EKEYEXPIRED;
	err = tlsock_sk_err(sk);
	if (err)
		return err;
	if (sk->sk_shutdown & SEND_SHUTDOWN || ctx->tx.close_sent)
		return -EPIPE;
	return tlsock_keys_wake(sk, ctx, ctx->tx.keys);
}

/* Until the record in work is free and TCP has room */
static int tx_wait_room(struct sock *sk, struct tlsock_ctx *ctx, long *timeo)
{
	int err;

	for (;;) {
		err = tx_check(sk, ctx);
		if (err)
			return err;
		err = tlsock_tx_flush(sk, ctx) ?: tlsock_key_update_answer(sk, ctx);
		if (!err && sk_stream_memory_free(sk))
			return 0;
		if (err && err != -EAGAIN)
			return err;
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		err = sk_stream_wait_memory(sk, timeo);
		if (err)
			return err;
	}
}

/* What one call of sendmsg() has come to */
struct tx_call {
	u8 type;
	long timeo;
	size_t copied;
	struct ubuf_info *zc;	/* of MSG_ZEROCOPY, or NULL */
};

/* As tcp_sendmsg_locked() does it: MSG_ZEROCOPY without SO_ZEROCOPY is nothing. No page of the
 * caller's outlives the call, which is told as a copy. The completion takes its number when bytes
 * are about to be taken: until the first ones are, the socket lock stays held. io_uring (msg_ubuf)
 * completes its own when the call returns.
 */
static int tx_zerocopy(struct sock *sk, const struct msghdr *msg, struct tx_call *call)
{
	if (call->zc || msg->msg_ubuf || !sock_flag(sk, SOCK_ZEROCOPY))
		return 0;
	call->zc = compat_zerocopy_alloc(sk);
	if (!call->zc)
		return -ENOBUFS;
	uarg_to_msgzc(call->zc)->zerocopy = 0;
	return 0;
}

static void tx_zerocopy_done(const struct tx_call *call)
{
	if (call->zc && call->copied)
		net_zcopy_put(call->zc);
	else if (call->zc)
		msg_zerocopy_put_abort(call->zc, true);
}

static __always_inline int tx_send(struct sock *sk, struct tlsock_ctx *ctx, struct msghdr *msg,
				   struct tx_call *call)
{
	bool more = msg->msg_flags & (MSG_MORE | MSG_SENDPAGE_NOTLAST) &&
		    !(msg->msg_flags & MSG_EOR);
	struct tlsock_tx *tx = &ctx->tx;
	size_t fit;
	int n, err;

	while (msg_data_left(msg)) {
		err = tx_wait_room(sk, ctx, &call->timeo);
		if (err)
			return err;
		fit = tlsock_tx_fit(sk, tx);
		if (tx->open && (tx->open_type != call->type || tx->open >= fit)) {
			err = tlsock_tx_close_record(sk, ctx);
			if (err)
				return err;
			continue;
		}
		err = unlikely(msg->msg_flags & MSG_ZEROCOPY) ? tx_zerocopy(sk, msg, call) : 0;
		if (err)
			return err;
		tx->open_type = call->type;
		if (!tx->open && (!more || msg_data_left(msg) >= fit)) {
			n = tlsock_tx_batch(sk, ctx, msg, call->type, fit, more);
			if (n <= 0)
				return n;
			call->copied += n;
			err = tx_flush(sk, ctx);
			if (err && err != -EAGAIN)
				return err;
			continue;
		}
		n = tx_append(sk, ctx, msg, fit);
		if (n < 0)
			return n;
		call->copied += n;
		if (tx->open < fit && (more || msg_data_left(msg)))
			continue;
		err = tlsock_tx_close_record(sk, ctx);
		if (!err)
			err = tlsock_tx_flush(sk, ctx);
		if (err && err != -EAGAIN)
			return err;
	}
	return 0;
}

int tlsock_sendmsg(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct tlsock_ctx *ctx = tlsock_ctx(sk);
	struct tx_call call = {};
	int err;

	if (!ctx)
		return -ECONNABORTED;
	if (tlsock_passes(ctx, READ_ONCE(ctx->tx.keys)))
		return ctx->base_prot->sendmsg(sk, msg, len);
	if (msg->msg_flags & ~TLSOCK_SEND_FLAGS)
		return -EOPNOTSUPP;

	lock_sock(sk);
	call.timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	err = tlsock_wait_ready(sk, &call.timeo);
	if (!err)
		err = tx_check(sk, ctx);
	if (!err)
		err = tx_record_type(ctx, msg, &call.type);
	if (!err) {
		err = tx_send(sk, ctx, msg, &call);
		/* what was accepted before the error must not wait for the next write */
		if (err && call.copied)
			tlsock_tx_end_record(sk, ctx);
		tx_zerocopy_done(&call);
	}
	if (!call.copied && err == tlsock_sk_err(sk) && ctx->state != TLSOCK_STATE_FAILED)
		sock_error(sk);		/* told now */
	if (!call.copied && err)
		err = sk_stream_error(sk, msg->msg_flags, err);
	release_sock(sk);
	return call.copied ?: err;
}
