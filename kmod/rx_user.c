// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving without a copy: a record of data that is whole in TCP's queue, and that a read has room
 * for, is opened straight into the memory of the reader. In TLS 1.3 only the last byte tells what
 * a record holds (RFC 8446 section 5.4): one that turns out to be padded, or no data, is wiped
 * from there and opened again the other way. What is not authentic must not stay there either.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/uio.h>

#include "tlsock.h"

#define RX_USER_PAGES	(TLSOCK_FRAGMENT_MAX / PAGE_SIZE + 2)
#define RX_USER_MIN	4096	/* bytes of content; with fewer a copy costs less */

/* User memory that a record is opened to */
struct rx_user {
	struct page *pages[RX_USER_PAGES];
	/* additional data, content, inner type: see tlsock_keys_skip() */
	struct scatterlist sg[RX_USER_PAGES + 2];
	struct scatterlist *content;	/* in sg */
	int n;				/* pages */
};

/* User memory for @len bytes, with a reference to each page, as @sg. How many pages; 0: not to be
 * had. @to is past them.
 */
static int rx_user_pages(struct iov_iter *to, struct page **pages, struct scatterlist *sg, size_t len)
{
	size_t left = len, off, chunk;
	int n = 0, first;
	ssize_t got;

	while (left && n < RX_USER_PAGES) {
		first = n;
		got = iov_iter_get_pages2(to, pages + n, left, RX_USER_PAGES - n, &off);
		if (got <= 0)
			break;
		left -= got;
		for (; got; n++, got -= chunk, off = 0) {
			chunk = min_t(size_t, got, PAGE_SIZE - off);
			sg_set_page(&sg[n], pages[n], chunk, off);
		}
		if (WARN_ON_ONCE(n == first))
			break;
	}
	if (!left)
		return n;
	iov_iter_revert(to, len - left);
	while (n)
		put_page(pages[--n]);
	return 0;
}

/* Take back what is not authentic, or not data. */
static void rx_user_wipe(struct scatterlist *sg, int n)
{
	for (; n; n--, sg++)
		memzero_page(sg_page(sg), sg->offset, sg->length);
}

/* @content bytes of @to for a record, and what else its opening writes. False: not to be had. */
static bool rx_user_aim(struct rx_user *u, struct tlsock_keys *k, struct iov_iter *to,
			size_t content, bool tls13)
{
	sg_init_table(u->sg, ARRAY_SIZE(u->sg));
	u->content = u->sg + tls13;
	u->n = rx_user_pages(to, u->pages, u->content, content);
	if (!u->n)
		return false;
	if (tls13) {
		sg_set_buf(&u->sg[0], k->aad, TLSOCK_HEADER_LEN);
		sg_set_buf(&u->content[u->n], &k->inner_type, 1);
	}
	sg_mark_end(&u->content[u->n - !tls13]);
	return true;
}

static void rx_user_done(struct rx_user *u)
{
	while (u->n)
		put_page(u->pages[--u->n]);
}

/* Bytes of content when the record can be opened to @room bytes of user memory, else 0 */
static size_t rx_user_fits(const struct tlsock_keys *k, const struct tlsock_header *h, size_t room)
{
	size_t more = tlsock_overhead(k->cipher);

	if (h->type != TLSOCK_CT_DATA || h->len < more + RX_USER_MIN || h->len - more > room ||
	    h->len - more > TLSOCK_FRAGMENT_MAX)
		return 0;
	return h->len - more;
}

ssize_t tlsock_rx_to_user(struct sock *sk, struct tlsock_ctx *ctx, struct iov_iter *to,
			  size_t room)
{
	u8 header[TLSOCK_HEADER_LEN + sizeof(u64)];
	struct scatterlist src[TLSOCK_RX_PIECES];
	struct tlsock_rx *rx = &ctx->rx;
	struct tlsock_keys *k = rx->keys;
	bool tls13 = k->cipher->version == TLSOCK_TLS_1_3, data;
	struct tlsock_header h;
	struct rx_user u;
	size_t content;
	int err;

	if (rx->open || rx->fill || rx->err || rx->dead || rx->key_pending || rx->padded ||
	    room < RX_USER_MIN || ctx->hs.len || !tlsock_rx_find(sk, ctx, &h, header, src))
		return 0;
	content = rx_user_fits(k, &h, room);
	if (!content || !rx_user_aim(&u, k, to, content, tls13))
		return 0;

	err = tlsock_keys_open(k, src, u.sg, h.type, header + TLSOCK_HEADER_LEN,
			       h.len - k->cipher->explicit_len);
	data = !err && (!tls13 || k->inner_type == TLSOCK_CT_DATA);
	if (!data) {
		rx_user_wipe(u.content, u.n);
		iov_iter_revert(to, content);
	}
	rx_user_done(&u);
	if (!err && !data) {
		/* once more, to our own pages; a peer that pads does so again */
		k->seq--;
		rx->padded = true;
		TLSOCK_INC(sk, TLSOCK_MIB_DECRYPT_RETRY);
		return 0;
	}
	tcp_read_done(sk, TLSOCK_HEADER_LEN + h.len);
	if (err)
		return tlsock_rx_open_failed(sk, ctx, err);
	rx->rec.type = TLSOCK_CT_DATA;
	rx->idle = 0;
	rx->records++;
	rx->bytes += content;
	TLSOCK_INC(sk, TLSOCK_MIB_RX_RECORDS);
	TLSOCK_ADD(sk, TLSOCK_MIB_RX_BYTES, content);
	return content;
}
