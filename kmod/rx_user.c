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

#define RX_USER_MIN	4096	/* bytes of content; with fewer a copy costs less */

/* User memory that a record is opened to */
struct rx_user {
	struct page *pages[TLSOCK_ITER_PAGES];
	/* additional data, content, inner type: see tlsock_keys_skip() */
	struct scatterlist sg[TLSOCK_ITER_PAGES + 2];
	struct scatterlist *content;	/* in sg */
	int n;				/* pages */
};

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
	u->n = tlsock_iter_pages(to, u->pages, u->content, content);
	if (!u->n)
		return false;
	if (tls13) {
		sg_set_buf(&u->sg[0], k->engine->aad, TLSOCK_HEADER_LEN);
		sg_set_buf(&u->content[u->n], &k->engine->inner_type, 1);
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

int tlsock_rx_to_user(struct sock *sk, struct tlsock_ctx *ctx, const struct tlsock_header *h,
		      const u8 *header, struct scatterlist *src, struct tlsock_rx_to *to)
{
	struct tlsock_rx *rx = &ctx->rx;
	struct tlsock_keys *k = rx->keys;
	bool tls13 = k->cipher->version == TLSOCK_TLS_1_3, data;
	size_t content = rx_user_fits(k, h, to->room);
	struct rx_user u;
	int err;

	if (!content || rx->padded || ctx->hs.len || !rx_user_aim(&u, k, to->iter, content, tls13))
		return 1;
	err = tlsock_keys_open(k, src, u.sg, h->type, header + TLSOCK_HEADER_LEN,
			       h->len - k->cipher->explicit_len);
	data = !err && (!tls13 || k->engine->inner_type == TLSOCK_CT_DATA);
	if (!data) {
		rx_user_wipe(u.content, u.n);
		iov_iter_revert(to->iter, content);
	}
	rx_user_done(&u);
	if (err)
		return tlsock_rx_open_failed(sk, ctx, err);
	if (!data) {
		/* once more, to our own pages; a peer that pads does so again */
		k->seq--;
		rx->padded = true;
		tlsock_inc(sk, TLSOCK_MIB_DECRYPT_RETRY);
		return 1;
	}
	rx->rec.type = TLSOCK_CT_DATA;
	rx->rec.len = 0;
	to->given = content;
	return 0;
}
