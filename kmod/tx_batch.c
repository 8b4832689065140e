// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whole records, made in the page fragments that TCP itself copies to, as many as a call has for:
 * TCP gets the pages. A large one is encrypted from where its content lies, user memory or the
 * pages of a file; what is small, or cannot be reached so, is copied and encrypted in place. The
 * page fragments hold plaintext only within the call, and TCP is not told of them before it is
 * encrypted. Must never leave a half-made record in tx.seg.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/uio.h>

#include "tlsock.h"

#define TX_DIRECT_MIN	4096	/* bytes of content; with fewer a copy costs less */

/* A record in the making. Kernels that clear what is on the stack clear all of this. */
struct tx_making {
	size_t head, content, len;	/* header and nonce; content; with what goes behind it */
	size_t pad;			/* behind the inner type */
	size_t skip;			/* tlsock_keys_skip() */
	u8 type;
	bool tls13;
	/* where tx.seg ended */
	u8 n_seg;
	u32 last_len;
	/* where the record lies, from skip on */
	struct scatterlist dst[TLSOCK_RECORD_PAGES + 1];
	/* additional data, content, inner type; n_pages 0: it is encrypted in place */
	struct scatterlist src[TLSOCK_ITER_PAGES + 2];
	struct page *pages[TLSOCK_ITER_PAGES];
	int n_pages;
};

/* Bytes to leave in a page fragment, so that the content lies by blocks as its source does */
static size_t tx_align(const struct tx_making *m, size_t at)
{
	size_t as = m->n_pages ? m->src[m->tls13].offset : 0;

	return m->content < TX_DIRECT_MIN ? 0 : (as - at - m->head) % TLSOCK_BLOCK;
}

/* Room for the records of a large write. When there is none, they go out one by one. */
static void tx_seg_many(struct tlsock_tx *tx, gfp_t gfp)
{
	struct bio_vec *seg;

	if (WARN_ON_ONCE(tx->n_seg) || tx->seg != tx->few)
		return;
	seg = kmalloc_array(TLSOCK_BATCH_SEGS, sizeof(*seg), gfp | __GFP_NOWARN);
	if (!seg)
		return;
	tx->seg = seg;
	tx->max_seg = TLSOCK_BATCH_SEGS;
}

/* The next @len bytes of @pf, for which there is room in seg */
static void tx_seg_add(struct tlsock_tx *tx, struct page_frag *pf, size_t len)
{
	struct bio_vec *last = tx->n_seg ? &tx->seg[tx->n_seg - 1] : NULL;

	if (last && last->bv_page == pf->page && last->bv_offset + last->bv_len == pf->offset) {
		last->bv_len += len;
	} else {
		get_page(pf->page);
		tx->seg[tx->n_seg].bv_page = pf->page;
		tx->seg[tx->n_seg].bv_offset = pf->offset;
		tx->seg[tx->n_seg++].bv_len = len;
	}
	pf->offset += len;
}

/* Take bytes of page fragments into seg for @m from @at on, as many as lie together. Returns how
 * many.
 */
static size_t tx_seg_take(struct sock *sk, struct tlsock_tx *tx, const struct tx_making *m,
			  size_t at, u8 **out)
{
	struct page_frag *pf = sk_page_frag(sk);
	size_t len;

	/* a fragment has room for this and the header at least */
	if (tx->n_seg >= tx->max_seg || !sk_page_frag_refill(sk, pf))
		return 0;
	if (!at)
		pf->offset += tx_align(m, pf->offset);
	len = min_t(size_t, m->len - at, pf->size - pf->offset);
	*out = (u8 *)page_address(pf->page) + pf->offset;
	tx_seg_add(tx, pf, len);
	return len;
}

/* Give back what was taken for the record. */
static void tx_seg_back(struct tlsock_tx *tx, const struct tx_making *m)
{
	while (tx->n_seg > m->n_seg)
		put_page(tx->seg[--tx->n_seg].bv_page);
	if (m->n_seg)
		tx->seg[m->n_seg - 1].bv_len = m->last_len;
}

/* One piece of a record: @n bytes at @at of it. The content comes from @msg, if it is copied;
 * header and inner type are written where they fall into it.
 */
static int tx_piece(const struct tlsock_keys *keys, const struct tx_making *m, u8 *out, size_t at,
		    size_t n, struct msghdr *msg)
{
	size_t from = max(at, m->head), to = min(at + n, m->head + m->content);

	if (!at)
		tlsock_tx_head(keys, out, m->type, m->content + m->tls13 + m->pad);
	if (!m->n_pages && from < to &&
	    !copy_from_iter_full(out + from - at, to - from, &msg->msg_iter))
		return -EFAULT;
	if (m->tls13 && m->head + m->content >= at && m->head + m->content < at + n)
		out[m->head + m->content - at] = m->type;
	if (unlikely(m->pad)) {
		from = max(at, m->head + m->content + 1);
		to = min(at + n, m->head + m->content + 1 + m->pad);
		if (from < to)
			memset(out + from - at, 0, to - from);
	}
	return 0;
}

/* The content from where it lies, if that can be, and is worth it */
static void tx_source(struct tlsock_keys *keys, struct tx_making *m, struct msghdr *msg)
{
	m->n_pages = 0;
	if (m->content < TX_DIRECT_MIN || m->pad ||
	    !(user_backed_iter(&msg->msg_iter) ||
	      (iov_iter_is_bvec(&msg->msg_iter) && msg->msg_flags & MSG_SPLICE_PAGES)))
		return;
	sg_init_table(m->src, ARRAY_SIZE(m->src));
	m->n_pages = tlsock_iter_pages(&msg->msg_iter, m->pages, m->src + m->tls13, m->content);
	if (!m->n_pages)
		return;
	if (m->tls13) {
		keys->engine->inner_type = m->type;
		sg_set_buf(&m->src[m->n_pages + 1], &keys->engine->inner_type, 1);
	}
	sg_mark_end(&m->src[m->n_pages - 1 + 2 * m->tls13]);
}

/* The record's bytes in page fragments, but for what the cipher writes */
static int tx_lay_out(struct sock *sk, struct tlsock_ctx *ctx, struct tx_making *m,
		      struct msghdr *msg)
{
	struct tlsock_tx *tx = &ctx->tx;
	size_t at, n, skip = m->skip;
	int err, i = 0;
	u8 *out;

	sg_init_table(m->dst, ARRAY_SIZE(m->dst));
	for (at = 0; at < m->len; at += n, skip = 0) {
		n = i < ARRAY_SIZE(m->dst) ? tx_seg_take(sk, tx, m, at, &out) : 0;
		err = n ? tx_piece(tx->keys, m, out, at, n, msg) : -ENOMEM;
		if (err)
			return err;
		if (!at && m->n_pages && m->tls13)
			sg_set_buf(&m->src[0], out, TLSOCK_HEADER_LEN);
		if (n > skip)
			sg_set_buf(&m->dst[i++], out + skip, n - skip);
	}
	sg_mark_end(&m->dst[i - 1]);
	return 0;
}

/* A whole record of @content bytes of @msg, behind those in seg. 0 or a negative errno, which
 * leaves seg and @msg as they were; -EIO: the connection has failed.
 */
static noinline int tx_whole(struct sock *sk, struct tlsock_ctx *ctx, struct msghdr *msg, u8 type,
			     size_t content)
{
	struct tlsock_tx *tx = &ctx->tx;
	struct tlsock_keys *keys = tx->keys;
	size_t before = msg_data_left(msg);
	struct tx_making m;
	int err, sealed;

	m.tls13 = keys->cipher->version == TLSOCK_TLS_1_3;
	m.head = tlsock_head_len(keys->cipher);
	m.content = content;
	m.pad = tlsock_tx_pad(tx, content);
	m.len = m.head + content + m.tls13 + m.pad + TLSOCK_TAG_LEN;
	m.skip = tlsock_keys_skip(keys);
	m.type = type;
	m.n_seg = tx->n_seg;
	m.last_len = m.n_seg ? tx->seg[m.n_seg - 1].bv_len : 0;

	tx_source(keys, &m, msg);
	err = tx_lay_out(sk, ctx, &m, msg);
	if (!err)
		sealed = tlsock_keys_seal(keys, m.n_pages ? m.src : m.dst, m.dst, type,
					  content + m.tls13 + m.pad);
	while (m.n_pages)
		put_page(m.pages[--m.n_pages]);
	if (!err && !sealed) {
		tx->rec.len += m.len;
		return 0;
	}
	iov_iter_revert(&msg->msg_iter, before - msg_data_left(msg));
	tx_seg_back(tx, &m);
	return err ?: tlsock_tx_seal_failed(sk, ctx, sealed);
}

/* The same for a small one that lies together, which most of a small write are. 1: it does not. */
static int tx_small(struct sock *sk, struct tlsock_ctx *ctx, struct msghdr *msg, u8 type,
		    size_t content)
{
	struct page_frag *pf = sk_page_frag(sk);
	struct tlsock_tx *tx = &ctx->tx;
	struct tlsock_keys *keys = tx->keys;
	size_t head = tlsock_head_len(keys->cipher), skip = tlsock_keys_skip(keys), pad, inner, len;
	bool tls13 = keys->cipher->version == TLSOCK_TLS_1_3;
	struct scatterlist sg;
	int sealed;
	u8 *out;

	if (content >= TX_DIRECT_MIN || tx->n_seg >= tx->max_seg || !sk_page_frag_refill(sk, pf))
		return 1;
	pad = tlsock_tx_pad(tx, content);
	inner = content + tls13 + pad;
	len = head + inner + TLSOCK_TAG_LEN;
	if (len > pf->size - pf->offset)
		return 1;

	out = (u8 *)page_address(pf->page) + pf->offset;
	if (!copy_from_iter_full(out + head, content, &msg->msg_iter))
		return -EFAULT;
	tlsock_tx_head(keys, out, type, inner);
	if (tls13) {
		out[head + content] = type;
		if (unlikely(pad))
			memset(out + head + content + 1, 0, pad);
	}
	tlsock_sg_one(&sg, pf->page, len - skip, pf->offset + skip);
	sealed = tlsock_keys_seal(keys, &sg, &sg, type, inner);
	if (sealed) {
		iov_iter_revert(&msg->msg_iter, content);
		return tlsock_tx_seal_failed(sk, ctx, sealed);
	}
	tx_seg_add(tx, pf, len);
	tx->rec.len += len;
	return 0;
}

int tlsock_tx_batch(struct sock *sk, struct tlsock_ctx *ctx, struct msghdr *msg, u8 type,
		    size_t fit, bool more)
{
	struct tlsock_tx *tx = &ctx->tx;
	u32 records = 0, taken = 0;
	size_t n, room;
	int err = 0;

	if (msg_data_left(msg) > fit)
		tx_seg_many(tx, sk->sk_allocation);
	room = clamp_t(int, sk_stream_wspace(sk), 1, TLSOCK_BATCH_BYTES);
	while (msg_data_left(msg) && taken < room) {
		if (records)
			fit = tlsock_tx_fit(sk, tx);
		n = min_t(size_t, msg_data_left(msg), fit);
		if ((more && n < fit) || tx->keys->seq == U64_MAX ||
		    (records && tx->keys->seq >= TLSOCK_KEY_RECORDS) ||
		    (records && tx->n_seg + TLSOCK_RECORD_SEGS > tx->max_seg))
			break;
		err = tx_small(sk, ctx, msg, type, n);
		if (err == 1)
			err = tx_whole(sk, ctx, msg, type, n);
		if (err)
			break;
		records++;
		taken += n;
	}
	if (ctx->state == TLSOCK_STATE_FAILED)
		return err;
	if (records)
		err = tlsock_tx_enqueue(sk, ctx, records, taken);
	return taken ?: err;
}
