// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP's receive queue, as the records see it: the header of the next one, where its bytes lie, and
 * a copy of them where nothing else will do. What was read from where it lies is told to TCP for
 * many records at once (rx.taken): each telling takes a look at the window. An skb is never
 * written to: its pages can be shared. Bytes are taken only as far as the record in work goes, so
 * that a change of keys never finds a record opened too early. Every length here may come from an
 * attacker.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include "tlsock.h"

/* The most of rx.taken: what the peer may not send meanwhile */
#define RX_TAKEN_MAX	65536

void tlsock_rx_settle(struct sock *sk, struct tlsock_rx *rx)
{
	sock_owned_by_me(sk);
	if (!rx->taken)
		return;
	tcp_read_done(sk, rx->taken);
	rx->taken = 0;
	rx->skb = NULL;
}

/* tcp_read_sock()'s actor: as much of the record in work as the skb has */
static int rx_actor(read_descriptor_t *desc, struct sk_buff *skb, unsigned int off, size_t len)
{
	struct tlsock_rx *rx = desc->arg.data;
	size_t n = min_t(size_t, len, desc->count), done = 0, chunk, at;
	int err;

	while (done < n) {
		at = rx->fill;
		chunk = min_t(size_t, n - done, PAGE_SIZE - at % PAGE_SIZE);
		err = skb_copy_bits(skb, off + done,
				    page_address(rx->rec.pages[at / PAGE_SIZE]) + at % PAGE_SIZE,
				    chunk);
		if (err)
			return done ?: err;
		rx->fill += chunk;
		done += chunk;
	}
	desc->count -= n;
	return n;
}

int tlsock_rx_pages_grow(struct sock *sk, struct tlsock_rx *rx, size_t len)
{
	struct page **pages = rx->rec.pages;
	size_t i;

	for (i = 0; i < DIV_ROUND_UP(len, PAGE_SIZE); i++) {
		if (pages[i] && rx->fill <= i * PAGE_SIZE && page_count(pages[i]) > 1) {
			put_page(pages[i]);
			pages[i] = NULL;
		}
		if (pages[i])
			continue;
		pages[i] = tlsock_page_get(sk->sk_allocation);
		if (!pages[i])
			return -ENOMEM;
	}
	return 0;
}

int tlsock_rx_fill(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_rx *rx = &ctx->rx;
	read_descriptor_t desc = { .arg.data = rx, .count = rx->need - rx->fill };
	int err;

	tlsock_rx_settle(sk, rx);
	if (rx->fill >= rx->need)
		return 0;
	err = tlsock_rx_pages_grow(sk, rx, rx->need);
	if (err)
		return err;
	err = tcp_read_sock(sk, &desc, rx_actor);
	if (rx->fill >= rx->need)
		return 0;
	/* TCP stops at urgent data for ever; no TLS sends it */
	if (tcp_sk(sk)->urg_data) {
		tlsock_fail(sk, ctx, EPROTO, TLSOCK_ALERT_UNEXPECTED_MESSAGE, 0,
			    "the peer sent TCP urgent data");
		return -EPROTO;
	}
	return err < 0 && err != -ENOTCONN ? err : -EAGAIN;
}

/* The next skb that has byte @seq, from @skb on (NULL: the first one). NULL: it is not there. */
static struct sk_buff *rx_skb(struct sock *sk, struct sk_buff *skb, u32 seq)
{
	for (skb = skb ?: skb_peek(&sk->sk_receive_queue); skb;
	     skb = skb_peek_next(skb, &sk->sk_receive_queue))
		if (seq - TCP_SKB_CB(skb)->seq < skb->len)
			break;
	return skb;
}

void tlsock_rx_take(struct sock *sk, struct tlsock_rx *rx, size_t len, bool more)
{
	rx->taken += len;
	rx->skb = rx_skb(sk, rx->skb, tcp_sk(sk)->copied_seq + rx->taken - 1);
	if (!more || rx->taken >= RX_TAKEN_MAX)
		tlsock_rx_settle(sk, rx);
}

/* How many bytes lie together at @off of @skb, and where. 0: nowhere that can be read */
static u32 rx_run(const struct sk_buff *skb, u32 off, struct page **page, u32 *at)
{
	u32 size = skb_headlen(skb);
	int i;

	if (off < size) {
		*page = virt_to_page(skb->data + off);
		*at = offset_in_page(skb->data + off);
		return size - off;
	}
	off -= size;
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++, off -= size) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		size = skb_frag_size(frag);
		if (off >= size)
			continue;
		*page = skb_frag_page(frag);
		*at = skb_frag_off(frag) + off;
		return *page ? size - off : 0;
	}
	return 0;
}

static bool rx_copy(const struct sk_buff *skb, u32 off, u8 *out, u32 len)
{
	struct page *page;
	u32 at;

	if (rx_run(skb, off, &page, &at) < len || PageHighMem(page))
		return !skb_copy_bits(skb, off, out, len);
	memcpy(out, (u8 *)page_address(page) + at, len);
	return true;
}

/* What somebody else can still write to could change between authentication and decryption. */
static bool rx_may_open(const struct sk_buff *skb)
{
	return !skb_has_shared_frag(skb) && !skb_has_frag_list(skb) &&
	       !(TCP_SKB_CB(skb)->tcp_flags & TCPHDR_SYN);
}

u32 tlsock_rx_run(struct sock *sk, const struct tlsock_rx *rx, struct page **page, u32 *at)
{
	u32 seq = tcp_sk(sk)->copied_seq + rx->taken, run;
	struct sk_buff *skb = rx_skb(sk, rx->skb, seq);

	if (!skb || !rx_may_open(skb))
		return 0;
	run = rx_run(skb, seq - TCP_SKB_CB(skb)->seq, page, at);
	return run && !PageHighMem(*page) ? run : 0;
}

bool tlsock_rx_peek(struct sock *sk, const struct tlsock_rx *rx, u8 *out, size_t want)
{
	u32 seq = tcp_sk(sk)->copied_seq + rx->taken, off;
	struct sk_buff *skb = rx->skb;
	size_t n = min_t(size_t, rx->fill, want), chunk;

	if (n)
		memcpy(out, page_address(rx->rec.pages[0]), n);
	for (; n < want; n += chunk, seq += chunk) {
		skb = rx_skb(sk, skb, seq);
		if (!skb)
			return false;
		off = seq - TCP_SKB_CB(skb)->seq;
		chunk = min_t(size_t, want - n, skb->len - off);
		if (!rx_copy(skb, off, out + n, chunk))
			return false;
	}
	return true;
}

/* The @len bytes at @off of @skb, behind @n pieces. How many there are then; negative: no way */
static int rx_pieces(const struct sk_buff *skb, u32 off, size_t len, struct scatterlist *sg, int n)
{
	struct page *page;
	u32 run, at;

	for (; len; off += run, len -= run) {
		run = rx_run(skb, off, &page, &at);
		if (!run || n == TLSOCK_RX_PIECES)
			return -1;
		run = min_t(size_t, run, len);
		tlsock_sg_one(&sg[n], page, run, at);
		sg_unmark_end(&sg[n++]);
	}
	return n;
}

bool tlsock_rx_gather(struct sock *sk, const struct tlsock_rx *rx, struct scatterlist *sg,
		      size_t skip, size_t len)
{
	u32 seq = tcp_sk(sk)->copied_seq + rx->taken + skip, off;
	struct sk_buff *skb = rx->skb;
	size_t chunk;
	int n = 0;

	for (; len; seq += chunk, len -= chunk) {
		skb = rx_skb(sk, skb, seq);
		if (!skb || !rx_may_open(skb))
			return false;
		off = seq - TCP_SKB_CB(skb)->seq;
		chunk = min_t(size_t, len, skb->len - off);
		n = rx_pieces(skb, off, chunk, sg, n);
		if (n < 0)
			return false;
	}
	sg_mark_end(&sg[n - 1]);
	return true;
}
