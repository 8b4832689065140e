// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending: application data is cut into records, protected, and given to TCP (RFC 8446
 * section 5.1 and 5.2). One record is in work at a time; it is copied behind its header and
 * encrypted in place. What TCP does not take at once waits in tx.queue, in order, with
 * alerts and handshake messages. Nothing may reach TCP that did not pass a key here,
 * but for the handshake's epoch 0.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "tlsock.h"

/* RFC 8446 section 5.5: AES-GCM may protect 2^24.5 full-size records under one key */
#define TLSOCK_KEY_RECORDS	BIT_ULL(24)

#define TLSOCK_SEND_FLAGS	(MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_CMSG_COMPAT | \
				 MSG_EOR | MSG_WAITALL | MSG_SPLICE_PAGES | \
				 MSG_SENDPAGE_NOTLAST | MSG_SENDPAGE_NOPOLICY | \
				 MSG_NO_SHARED_FRAGS | MSG_BATCH)

void tlsock_tx_init(struct tlsock_tx *tx)
{
	INIT_LIST_HEAD(&tx->queue);
	INIT_LIST_HEAD(&tx->rec.node);
	tx->rec.pages = tx->pages;
	tx->max_payload = TLSOCK_FRAGMENT_MAX;
}

void tlsock_tx_free(struct tlsock_tx *tx)
{
	struct tlsock_txbuf *buf, *tmp;
	int i;

	list_for_each_entry_safe(buf, tmp, &tx->queue, node) {
		list_del_init(&buf->node);
		if (!buf->pages)
			kfree(buf);
	}
	for (i = 0; i < TLSOCK_RECORD_PAGES; i++) {
		if (!tx->pages[i])
			continue;
		/* plaintext that was never sent may lie there */
		memzero_explicit(page_address(tx->pages[i]), PAGE_SIZE);
		put_page(tx->pages[i]);
		tx->pages[i] = NULL;
	}
	tx->open = 0;
	tlsock_keys_free(tx->keys);
	tx->keys = NULL;
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
	buf->pages = NULL;
	return buf;
}

/* Header and explicit nonce of the next record; returns how many bytes they are */
static size_t tx_head(const struct tlsock_keys *keys, u8 *out, u8 type, size_t content)
{
	const struct tlsock_cipher *c = keys->cipher;

	tlsock_header_put(out, c->version == TLSOCK_TLS_1_3 ? TLSOCK_CT_DATA : type,
			  c->explicit_len + content + TLSOCK_TAG_LEN);
	if (c->explicit_len)
		put_unaligned_be64(keys->expl, out + TLSOCK_HEADER_LEN);
	return TLSOCK_HEADER_LEN + c->explicit_len;
}

static void tx_enqueue(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_txbuf *buf)
{
	list_add_tail(&buf->node, &ctx->tx.queue);
	ctx->tx.records++;
	TLSOCK_INC(sk, TLSOCK_MIB_TX_RECORDS);
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
	/* RFC 8446 appendix D.4: the dummy change_cipher_spec is never protected */
	if (!keys || (type == TLSOCK_CT_CCS && keys->cipher->version == TLSOCK_TLS_1_3)) {
		tlsock_header_put(buf->data, type, len);
		memcpy(buf->data + TLSOCK_HEADER_LEN, data, len);
		buf->len = TLSOCK_HEADER_LEN + len;
		tx_enqueue(sk, ctx, buf);
		return 0;
	}

	head = TLSOCK_HEADER_LEN + keys->cipher->explicit_len;
	memcpy(buf->data + head, data, len);
	if (keys->cipher->version == TLSOCK_TLS_1_3)
		buf->data[head + len++] = type;
	tx_head(keys, buf->data, type, len);
	sg_init_one(&sg, buf->data + head, len + TLSOCK_TAG_LEN);
	err = tlsock_keys_seal(keys, &sg, type, len);
	if (err) {
		kfree_sensitive(buf);
		return err;
	}
	buf->len = head + len + TLSOCK_TAG_LEN;
	tx_enqueue(sk, ctx, buf);
	return 0;
}

/* A scatterlist over @len bytes at @off of @pages */
static void tx_pages_sg(struct scatterlist *sg, struct page **pages, size_t off, size_t len)
{
	size_t i = off / PAGE_SIZE, n = 0, chunk;

	sg_init_table(sg, TLSOCK_RECORD_PAGES);
	for (off %= PAGE_SIZE; len; off = 0, i++, n++) {
		chunk = min_t(size_t, len, PAGE_SIZE - off);
		sg_set_page(&sg[n], pages[i], chunk, off);
		len -= chunk;
	}
	sg_mark_end(&sg[n - 1]);
}

/* Pages for @len bytes of record */
static int tx_pages_grow(struct sock *sk, struct tlsock_tx *tx, size_t len)
{
	size_t i;

	for (i = 0; i < DIV_ROUND_UP(len, PAGE_SIZE); i++) {
		if (tx->pages[i])
			continue;
		tx->pages[i] = alloc_page(sk->sk_allocation | __GFP_ACCOUNT);
		if (!tx->pages[i])
			return -ENOMEM;
	}
	return 0;
}

int tlsock_tx_close_record(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct scatterlist sg[TLSOCK_RECORD_PAGES];
	struct tlsock_tx *tx = &ctx->tx;
	struct tlsock_keys *keys = tx->keys;
	size_t head, content = tx->open;
	int err;

	sock_owned_by_me(sk);
	if (!tx->open)
		return 0;
	if (WARN_ON_ONCE(!keys || !list_empty(&tx->rec.node)))
		return -EINVAL;

	head = TLSOCK_HEADER_LEN + keys->cipher->explicit_len;
	/* tx_pages_grow() made room for the inner type and the tag */
	if (keys->cipher->version == TLSOCK_TLS_1_3) {
		size_t at = head + content++;

		((u8 *)page_address(tx->pages[at / PAGE_SIZE]))[at % PAGE_SIZE] = tx->open_type;
	}
	tx_head(keys, page_address(tx->pages[0]), tx->open_type, content);
	tx_pages_sg(sg, tx->pages, head, content + TLSOCK_TAG_LEN);
	err = tlsock_keys_seal(keys, sg, tx->open_type, content);
	if (err) {
		tlsock_fail(sk, ctx, EIO, TLSOCK_ALERT_INTERNAL_ERROR, 0,
			    "a record could not be encrypted (%d)", err);
		return -EIO;
	}
	tx->bytes += tx->open;
	TLSOCK_ADD(sk, TLSOCK_MIB_TX_BYTES, tx->open);
	tx->open = 0;
	tx->rec.off = 0;
	tx->rec.len = head + content + TLSOCK_TAG_LEN;
	tx_enqueue(sk, ctx, &tx->rec);

	if (keys->secret_len && keys->seq >= TLSOCK_KEY_RECORDS)
		return tlsock_key_update_send(sk, ctx, false);
	return 0;
}

static int tx_push(struct sock *sk, struct tlsock_txbuf *buf)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct bio_vec bv[TLSOCK_RECORD_PAGES];
	size_t left = buf->len - buf->off, n = 0, i, off, len = left;
	struct kvec kv;

	if (!buf->pages) {
		kv.iov_base = buf->data + buf->off;
		kv.iov_len = left;
		iov_iter_kvec(&msg.msg_iter, WRITE, &kv, 1, left);
	} else {
		i = buf->off / PAGE_SIZE;
		for (off = buf->off % PAGE_SIZE; len; off = 0, i++, n++) {
			bv[n].bv_page = buf->pages[i];
			bv[n].bv_offset = off;
			bv[n].bv_len = min_t(size_t, len, PAGE_SIZE - off);
			len -= bv[n].bv_len;
		}
		iov_iter_bvec(&msg.msg_iter, WRITE, bv, n, left);
	}
	return tcp_sendmsg_locked(sk, &msg, left);
}

int tlsock_tx_flush(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_txbuf *buf;
	int n;

	sock_owned_by_me(sk);
	while ((buf = list_first_entry_or_null(&ctx->tx.queue, struct tlsock_txbuf, node))) {
		n = tx_push(sk, buf);
		/* TCP has taken its error to tell it; not everybody here does */
		if (n < 0 && n != -EAGAIN && n != -EPIPE && !sk->sk_err)
			WRITE_ONCE(sk->sk_err, -n);
		if (n <= 0)
			return n ?: -EAGAIN;
		buf->off += n;
		if (buf->off < buf->len)
			continue;
		list_del_init(&buf->node);
		if (!buf->pages)
			kfree(buf);
	}
	return 0;
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

/* Append to the open record. Returns bytes taken, or a negative errno. */
static int tx_append(struct sock *sk, struct tlsock_ctx *ctx, struct msghdr *msg)
{
	struct tlsock_tx *tx = &ctx->tx;
	size_t head = TLSOCK_HEADER_LEN + tx->keys->cipher->explicit_len;
	size_t at = head + tx->open, n, chunk, done = 0;
	int err;

	n = min_t(size_t, msg_data_left(msg), tx->max_payload - tx->open);
	err = tx_pages_grow(sk, tx, at + n + 1 + TLSOCK_TAG_LEN);
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

/* May data be sent now? After each sleep again. */
static int tx_check(struct sock *sk, struct tlsock_ctx *ctx)
{
	if (ctx->state == TLSOCK_STATE_FAILED)
		return -ctx->err;
	if (!ctx->tx.keys)
		return -ENOTCONN;
	/* RFC 8446 section 5.3: sequence numbers must not wrap */
	if (ctx->tx.keys->seq == U64_MAX)
		return ctx->upstream_abi ? -EBADMSG : -EKEYEXPIRED;
	if (sk->sk_err)
		return -READ_ONCE(sk->sk_err);
	if (sk->sk_shutdown & SEND_SHUTDOWN || ctx->tx.close_sent)
		return -EPIPE;
	return 0;
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

static int tx_send(struct sock *sk, struct tlsock_ctx *ctx, struct msghdr *msg, u8 type,
		   long *timeo, size_t *copied)
{
	bool more = msg->msg_flags & (MSG_MORE | MSG_SENDPAGE_NOTLAST) &&
		    !(msg->msg_flags & MSG_EOR);
	struct tlsock_tx *tx = &ctx->tx;
	int n, err;

	while (msg_data_left(msg)) {
		err = tx_wait_room(sk, ctx, timeo);
		if (err)
			return err;
		if (tx->open && tx->open_type != type) {
			err = tlsock_tx_close_record(sk, ctx);
			if (err)
				return err;
			continue;
		}
		tx->open_type = type;
		n = tx_append(sk, ctx, msg);
		if (n < 0)
			return n;
		*copied += n;
		if (tx->open < tx->max_payload && (more || msg_data_left(msg)))
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
	size_t copied = 0;
	long timeo;
	u8 type;
	int err;

	if (!ctx)
		return -ECONNABORTED;
	if (tlsock_passes(ctx, READ_ONCE(ctx->tx.keys)))
		return ctx->base_prot->sendmsg(sk, msg, len);
	if (msg->msg_flags & ~TLSOCK_SEND_FLAGS)
		return -EOPNOTSUPP;

	lock_sock(sk);
	timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	err = tlsock_wait_ready(sk, &timeo);
	if (!err)
		err = tx_check(sk, ctx);
	if (!err)
		err = tx_record_type(ctx, msg, &type);
	if (!err) {
		err = tx_send(sk, ctx, msg, type, &timeo, &copied);
		/* what was accepted before the error must not wait for the next write */
		if (err && copied && ctx->tx.open && ctx->state != TLSOCK_STATE_FAILED &&
		    list_empty(&ctx->tx.rec.node) && !tlsock_tx_close_record(sk, ctx))
			tlsock_tx_flush(sk, ctx);
	}
	if (!copied && err == -READ_ONCE(sk->sk_err) && ctx->state != TLSOCK_STATE_FAILED)
		sock_error(sk);		/* told now */
	if (!copied && err)
		err = sk_stream_error(sk, msg->msg_flags, err);
	release_sock(sk);
	return copied ? copied : err;
}
