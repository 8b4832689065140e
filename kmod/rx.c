// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving: a record is opened from where it lies in TCP's queue into pages of our own, and
 * given to the application (RFC 8446 section 5), or straight into the application's (rx_user.c).
 * Where that cannot be, because it is not all there, lies in too many pieces or in pages that
 * somebody else may write to, its bytes are copied (rx_queue.c) and opened in place. What came out
 * of a record must not be seen before all of it is authentic.
 */
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include "tlsock.h"
#include "trace.h"

void tlsock_rx_init(struct tlsock_rx *rx)
{
	rx->need = TLSOCK_HEADER_LEN;
	INIT_LIST_HEAD(&rx->ahead);
}

void tlsock_rx_ahead_free(struct tlsock_rxrec *rec)
{
	list_del(&rec->node);
	tlsock_pages_put(rec->pages);
	kfree(rec);
}

void tlsock_rx_free(struct tlsock_rx *rx)
{
	struct tlsock_rxrec *rec, *tmp;

	list_for_each_entry_safe(rec, tmp, &rx->ahead, node)
		tlsock_rx_ahead_free(rec);
	rx->ahead_size = 0;
	tlsock_rx_stop(rx);
}

void tlsock_rx_stop(struct tlsock_rx *rx)
{
	tlsock_pages_put(rx->rec.pages);
	tlsock_keys_free(rx->keys);
	tlsock_keys_free(rx->pending);
	WRITE_ONCE(rx->keys, NULL);
	rx->pending = NULL;
	rx->open = false;
	rx->fill = 0;
	rx->need = TLSOCK_HEADER_LEN;
}

void tlsock_rx_idle(struct tlsock_rx *rx)
{
	if (!rx->open && !rx->fill && rx->rec.pages[0])
		tlsock_pages_put(rx->rec.pages);
}

void tlsock_rx_consume(struct tlsock_rx *rx)
{
	rx->open = false;
	rx->rec.len = 0;
	rx->fill = 0;
	rx->need = TLSOCK_HEADER_LEN;
}

void tlsock_rx_copy(const struct tlsock_rx *rx, u32 off, u8 *out, size_t len)
{
	size_t at = rx->rec.off + off, chunk;

	for (; len; at += chunk, out += chunk, len -= chunk) {
		chunk = min_t(size_t, len, PAGE_SIZE - at % PAGE_SIZE);
		memcpy(out, page_address(rx->rec.pages[at / PAGE_SIZE]) + at % PAGE_SIZE, chunk);
	}
}

static u8 rx_byte(const struct tlsock_rx *rx, size_t at)
{
	return ((u8 *)page_address(rx->rec.pages[at / PAGE_SIZE]))[at % PAGE_SIZE];
}

/* What the header of the record in work says of its length */
static size_t rx_length(const struct tlsock_rx *rx)
{
	return get_unaligned_be16(page_address(rx->rec.pages[0]) + 3);
}

void tlsock_rx_pull(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_rx *rx = &ctx->rx;

	if (!rx->keys || rx->open)
		return;
	if (rx->need == TLSOCK_HEADER_LEN && !tlsock_rx_fill(sk, ctx)) {
		size_t len = rx_length(rx);

		/* what is longer than a record can be is refused by the reader */
		if (len <= TLSOCK_CIPHERTEXT_MAX)
			rx->need += len;
	}
	if (ctx->state != TLSOCK_STATE_FAILED)
		tlsock_rx_fill(sk, ctx);
	if (ctx->state == TLSOCK_STATE_FAILED)
		return;
	tlsock_rx_update_ready(sk, ctx);
	if (rx->ready)
		ctx->base_data_ready(sk);
}

/* FIN at a record's end, within one, or nothing of the kind */
static int rx_at_end(struct sock *sk, const struct tlsock_rx *rx)
{
	if (!sock_flag(sk, SOCK_DONE) && sk->sk_state != TCP_CLOSE)
		return -EAGAIN;
	return rx->fill ? -EPROTO : -EPIPE;
}

static int rx_bad(struct sock *sk, struct tlsock_ctx *ctx, int err, u8 alert, const char *text)
{
	if (err == EBADMSG)
		tlsock_inc(sk, TLSOCK_MIB_DECRYPT_ERROR);
	tlsock_rx_settle(sk, &ctx->rx);
	if (ctx->state == TLSOCK_STATE_MANUAL) {
		/* Sending goes on: what the peer is to be told is the caller's business. */
		ctx->rx.err = err;
		WRITE_ONCE(sk->sk_err, err);
		sk_error_report(sk);
		sock_error(sk);		/* told now, whoever else has taken it */
		return -err;
	}
	tlsock_fail(sk, ctx, err, alert, 0, "%s", text);
	return -err;
}

static int rx_bad_header(struct sock *sk, struct tlsock_ctx *ctx, int alert)
{
	const char *text = "the peer sent a record that is too long";
	int err = EPROTO;

	/* upstream's errno for who brings the keys; length comes first there */
	if (ctx->state == TLSOCK_STATE_MANUAL) {
		err = alert == TLSOCK_ALERT_RECORD_OVERFLOW ||
		      rx_length(&ctx->rx) > TLSOCK_CIPHERTEXT_MAX ? EMSGSIZE : EINVAL;
		ctx->rx.dead = ctx->upstream_abi;
	}
	if (alert == TLSOCK_ALERT_UNEXPECTED_MESSAGE || alert == TLSOCK_ALERT_PROTOCOL_VERSION)
		text = ctx->rx.records ? "the peer sent a record of no known type or version" :
					 "the peer does not speak TLS";
	return rx_bad(sk, ctx, err, alert, text);
}

/* RFC 8446 section 5.4: strip the padding, find the content type */
static int rx_strip(struct sock *sk, struct tlsock_ctx *ctx, size_t len)
{
	struct tlsock_rx *rx = &ctx->rx;

	if (len > TLSOCK_FRAGMENT_MAX + 1)
		return rx_bad(sk, ctx, EPROTO, TLSOCK_ALERT_RECORD_OVERFLOW,
			      "the peer sent a record with too much in it");
	while (len && !rx_byte(rx, rx->rec.off + len - 1))
		len--;
	if (!len)
		return rx_bad(sk, ctx, EPROTO, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent a record of padding only");
	rx->rec.type = rx_byte(rx, rx->rec.off + len - 1);
	rx->rec.len = len - 1;
	/* RFC 8446 section 5: only an unprotected one is a dummy */
	if (rx->rec.type == TLSOCK_CT_CCS && ctx->state != TLSOCK_STATE_MANUAL)
		return rx_bad(sk, ctx, EPROTO, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent a protected change_cipher_spec");
	return 0;
}

int tlsock_rx_open_failed(struct sock *sk, struct tlsock_ctx *ctx, int err)
{
	if (err == -EBADMSG)
		return rx_bad(sk, ctx, EBADMSG, TLSOCK_ALERT_BAD_RECORD_MAC,
			      "a record did not authenticate");
	return rx_bad(sk, ctx, EIO, TLSOCK_ALERT_INTERNAL_ERROR, "a record could not be decrypted");
}

/* Open @src to the record's pages, where it begins at @place. @header: explicit nonce included. */
static int rx_decrypt(struct sock *sk, struct tlsock_ctx *ctx, const struct tlsock_header *h,
		      struct scatterlist *src, struct scatterlist *dst, const u8 *header,
		      size_t place)
{
	struct tlsock_rx *rx = &ctx->rx;
	const struct tlsock_cipher *c = rx->keys->cipher;
	size_t len = h->len - c->explicit_len;
	int err;

	rx->rec.off = place + tlsock_head_len(c);
	err = tlsock_keys_open(rx->keys, src, dst, h->type, header + TLSOCK_HEADER_LEN, len);
	if (err)
		return tlsock_rx_open_failed(sk, ctx, err);
	len -= TLSOCK_TAG_LEN;
	if (c->version == TLSOCK_TLS_1_3)
		return rx_strip(sk, ctx, len);
	if (len > TLSOCK_FRAGMENT_MAX)
		return rx_bad(sk, ctx, EPROTO, TLSOCK_ALERT_RECORD_OVERFLOW,
			      "the peer sent a record with too much in it");
	rx->rec.type = h->type;
	rx->rec.len = len;
	return 0;
}

/* The record is in its pages: open it there. */
static int rx_decrypt_in_place(struct sock *sk, struct tlsock_ctx *ctx,
			       const struct tlsock_header *h)
{
	struct tlsock_rx *rx = &ctx->rx;
	size_t skip = tlsock_keys_skip(rx->keys);
	struct scatterlist sg[TLSOCK_RECORD_PAGES];
	int err;

	if (h->len < rx->keys->cipher->explicit_len + TLSOCK_TAG_LEN)
		return rx_bad(sk, ctx, EBADMSG, TLSOCK_ALERT_BAD_RECORD_MAC,
			      "the peer sent a record too short to be authentic");
	err = tlsock_keys_wake(sk, ctx, rx->keys);
	if (err)
		return err;
	tlsock_pages_sg(sg, rx->rec.pages, skip, TLSOCK_HEADER_LEN + h->len - skip);
	return rx_decrypt(sk, ctx, h, sg, sg, page_address(rx->rec.pages[0]), 0);
}

/* What may come unprotected: everything before the first key; in TLS 1.3 the dummy
 * change_cipher_spec (RFC 8446 appendix D.4), and an alert of a peer that could not
 * compute the keys.
 */
static bool rx_is_plain(const struct tlsock_ctx *ctx, u8 type)
{
	const struct tlsock_keys *keys = ctx->rx.keys;

	if (!keys)
		return true;
	if (keys->cipher->version != TLSOCK_TLS_1_3 || ctx->state != TLSOCK_STATE_HANDSHAKE)
		return false;
	return type == TLSOCK_CT_CCS || (type == TLSOCK_CT_ALERT && !keys->seq);
}

/* tlsock_header_parse() of what comes next. By hand the types are the caller's. */
static int rx_parse(const struct tlsock_ctx *ctx, struct tlsock_header *h, const u8 *header)
{
	const struct tlsock_cipher *c = ctx->rx.keys ? ctx->rx.keys->cipher : NULL;

	return ctx->state == TLSOCK_STATE_MANUAL ? tlsock_header_parse_any(h, header, c) :
						   tlsock_header_parse(h, header, c);
}

/* Have the record in work whole, and its header read. Errors as tlsock_rx_record()'s. */
static int rx_whole(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_header *h)
{
	struct tlsock_rx *rx = &ctx->rx;
	const u8 *header;
	int err, alert;

	err = tlsock_rx_fill(sk, ctx);
	if (err)
		return err == -EAGAIN ? rx_at_end(sk, rx) : err;
	header = page_address(rx->rec.pages[0]);
	alert = rx_parse(ctx, h, header);
	if (alert >= 0)
		return rx_bad_header(sk, ctx, alert);
	rx->need = TLSOCK_HEADER_LEN + h->len;
	err = tlsock_rx_fill(sk, ctx);
	return err == -EAGAIN ? rx_at_end(sk, rx) : err;
}

/* Can the record with this header, explicit nonce included, be opened from TCP's queue? Else it has
 * to be copied first, or is wrong, which is found out, and said, on that way.
 */
static bool rx_head(struct sock *sk, const struct tlsock_ctx *ctx, struct tlsock_header *h,
		    const u8 *header)
{
	const struct tlsock_cipher *c = ctx->rx.keys->cipher;

	return !tcp_sk(sk)->urg_data && rx_parse(ctx, h, header) < 0 &&
	       (c->version != TLSOCK_TLS_1_3 || h->type == TLSOCK_CT_DATA) &&
	       h->len >= c->explicit_len + TLSOCK_TAG_LEN;
}

/* Where in its first page a record had best begin: a cipher goes by blocks, and from page to page
 * on both sides. @src: the bytes from @skip of it on; @len: all of it.
 */
static size_t rx_place(const struct scatterlist *src, size_t skip, size_t len)
{
	size_t at = (src->offset - skip) % PAGE_SIZE;

	return at + len > PAGE_SIZE && len + TLSOCK_BLOCK <= PAGE_SIZE ? at % TLSOCK_BLOCK : at;
}

/* Open the next record from TCP's queue. 1: it has to be copied first; else as rx_decrypt().
 * Kernels that clear what is on the stack clear both lists.
 */
static noinline int rx_from_queue(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_rx_to *to)
{
	struct scatterlist src[TLSOCK_RX_PIECES], dst[TLSOCK_RECORD_PAGES];
	u8 header[TLSOCK_HEADER_LEN + sizeof(u64)];
	struct tlsock_rx *rx = &ctx->rx;
	struct tlsock_header h;
	size_t len, skip, place;
	int err;

	if (!tlsock_rx_peek(sk, rx, header, tlsock_head_len(rx->keys->cipher)) ||
	    !rx_head(sk, ctx, &h, header))
		return 1;
	len = TLSOCK_HEADER_LEN + h.len;
	skip = tlsock_keys_skip(rx->keys);
	if (!tlsock_rx_gather(sk, rx, src, skip, len - skip))
		return 1;
	err = tlsock_keys_wake(sk, ctx, rx->keys);
	if (err)
		return err;
	err = to && to->iter ? tlsock_rx_to_user(sk, ctx, &h, header, src, to) : 1;
	if (err == 1) {
		place = rx_place(src, skip, len);
		err = tlsock_rx_pages_grow(sk, rx, place + len);
		if (err)
			return err;
		tlsock_pages_sg(dst, rx->rec.pages, place + skip, len - skip);
		err = rx_decrypt(sk, ctx, &h, src, dst, header, place);
	}
	/* after a failure of the connection too: what was read is read */
	tlsock_rx_take(sk, rx, len, !err && to && rx->rec.type == TLSOCK_CT_DATA);
	return err;
}

/* The same for one that lies together, and will do so in a page; too small for rx_user.c. */
static int rx_small(struct sock *sk, struct tlsock_ctx *ctx, const struct tlsock_rx_to *to)
{
	u8 header[TLSOCK_HEADER_LEN + sizeof(u64)];
	struct tlsock_rx *rx = &ctx->rx;
	size_t len, skip, place, head = tlsock_head_len(rx->keys->cipher);
	struct scatterlist src, dst;
	struct tlsock_header h;
	struct page *page;
	u32 at, run;
	int err;

	run = tlsock_rx_run(sk, rx, &page, &at);
	if (run < head)
		return 1;
	memcpy(header, (u8 *)page_address(page) + at, head);
	if (!rx_head(sk, ctx, &h, header))
		return 1;
	len = TLSOCK_HEADER_LEN + h.len;
	if (len > run || len + TLSOCK_BLOCK > PAGE_SIZE)
		return 1;
	skip = tlsock_keys_skip(rx->keys);
	tlsock_sg_one(&src, page, len - skip, at + skip);
	place = rx_place(&src, skip, len);
	err = tlsock_keys_wake(sk, ctx, rx->keys) ?: tlsock_rx_pages_grow(sk, rx, place + len);
	if (err)
		return err;
	tlsock_sg_one(&dst, rx->rec.pages[0], len - skip, place + skip);
	err = rx_decrypt(sk, ctx, &h, &src, &dst, header, place);
	tlsock_rx_take(sk, rx, len, !err && to && rx->rec.type == TLSOCK_CT_DATA);
	return err;
}

int tlsock_rx_record(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_rx_to *to)
{
	struct tlsock_rx *rx = &ctx->rx;
	struct tlsock_header h;
	int err;

	sock_owned_by_me(sk);
	if (rx->open)
		return 0;
	if (rx->dead)
		return rx_at_end(sk, rx);
	if (rx->err)
		return -rx->err;
	if (rx->key_pending)
		return -EKEYEXPIRED;
	if (rx->keys && !rx->fill) {
		err = rx_small(sk, ctx, to);
		if (err == 1)
			err = rx_from_queue(sk, ctx, to);
		if (!err)
			goto opened;
		if (err != 1)
			return err;
	}
	err = rx_whole(sk, ctx, &h);
	if (err)
		return err;

	if (rx_is_plain(ctx, h.type)) {
		rx->rec.off = TLSOCK_HEADER_LEN;
		rx->rec.len = h.len;
		rx->rec.type = h.type;
	} else if (rx->keys->cipher->version == TLSOCK_TLS_1_3 && h.type != TLSOCK_CT_DATA) {
		return rx_bad(sk, ctx, EPROTO, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent an unprotected record");
	} else {
		err = rx_decrypt_in_place(sk, ctx, &h);
		if (err)
			return err;
	}
opened:
	rx->open = true;
	/* RFC 8446 section 4.6.3: the key that it announces has to come first */
	if (ctx->state == TLSOCK_STATE_MANUAL && rx->rec.type == TLSOCK_CT_HANDSHAKE &&
	    rx->keys->cipher->version == TLSOCK_TLS_1_3 && rx->rec.len &&
	    rx_byte(rx, rx->rec.off) == TLSOCK_HT_KEY_UPDATE) {
		rx->key_pending = true;
		tlsock_inc(sk, TLSOCK_MIB_RX_REKEY_RECEIVED);
	}
	rx->records++;
	tlsock_inc(sk, TLSOCK_MIB_RX_RECORDS);
	trace_tlsock_record(sk, ctx, false, rx->rec.type, 1, rx->rec.len);
	return 0;
}

/* A record without application data; not too many in a row. A session ticket may come in as many
 * as it has bytes.
 */
static int rx_idle(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_rx *rx = &ctx->rx;

	if (rx->rec.type == TLSOCK_CT_HANDSHAKE)
		rx->idle_bytes += rx->rec.len;
	else
		rx->idle++;
	tlsock_rx_consume(rx);
	if (rx->idle <= TLSOCK_IDLE_RECORDS_MAX && rx->idle_bytes <= TLSOCK_IDLE_BYTES_MAX)
		return 0;
	return rx_bad(sk, ctx, EPROTO, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
		      "the peer sends records but no data");
}

int tlsock_rx_next(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_rx_to *to)
{
	struct tlsock_rx *rx = &ctx->rx;
	int err, tcp_err;

	for (;;) {
		if (ctx->state == TLSOCK_STATE_FAILED)
			return -ctx->err;
		if (!rx->open && rx->eof)
			return -ENODATA;
		err = tlsock_rx_record(sk, ctx, to);
		/* a reset is no end of file. Who gets it clears it; see recv.c */
		tcp_err = tlsock_sk_err(sk);
		if ((err == -EPIPE || err == -EPROTO) && tcp_err &&
		    ctx->state != TLSOCK_STATE_FAILED && !rx->err)
			return tcp_err;
		if (err == -EPIPE && (ctx->opts->eof == TLSOCK_EOF_LENIENT ||
				      ctx->state == TLSOCK_STATE_MANUAL))
			return -ENODATA;
		if ((err == -EPIPE || err == -EPROTO) && ctx->state != TLSOCK_STATE_FAILED &&
		    !rx->err)
			return rx_bad(sk, ctx, EPROTO, TLSOCK_ALERT_NONE, err == -EPIPE ?
				      "the peer closed TCP without close_notify" :
				      "the peer closed TCP within a record");
		if (err || ctx->state == TLSOCK_STATE_MANUAL)
			return err;

		switch (rx->rec.type) {
		case TLSOCK_CT_DATA:
			if (ctx->hs.len)
				return rx_bad(sk, ctx, EPROTO, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
					      "data within a handshake message");
			if (rx->rec.len || (to && to->given)) {
				rx->idle = 0;
				rx->idle_bytes = 0;
				return 0;
			}
			break;
		case TLSOCK_CT_ALERT:
			err = tlsock_alert_recv(sk, ctx);
			break;
		case TLSOCK_CT_HANDSHAKE:
			err = tlsock_post_handshake(sk, ctx);
			break;
		default:
			err = rx_bad(sk, ctx, EPROTO, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
				     "a record of a type that has no place here");
		}
		if (!err)
			err = rx_idle(sk, ctx);
		if (err)
			return err;
	}
}

void tlsock_rx_drain(struct sock *sk, struct tlsock_ctx *ctx)
{
	/* with nothing left but a FIN there is nothing to take, and nobody to tell */
	if (ctx->state == TLSOCK_STATE_ESTABLISHED && !tlsock_sk_err(sk) && tcp_inq(sk))
		tlsock_rx_next(sk, ctx, NULL);
}

void tlsock_rx_offer(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_rx *rx = &ctx->rx;

	if (rx->keys && list_empty(&rx->ahead) && !rx->open && !rx->eof && !rx->err &&
	    !tlsock_sk_err(sk) && (rx->fill || tcp_inq(sk)))
		tlsock_rx_next(sk, ctx, NULL);
	tlsock_rx_update_ready(sk, ctx);
}

bool tlsock_rx_look(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_rx *rx = &ctx->rx;
	bool unproven;

	lock_sock(sk);
	if (ctx->state == TLSOCK_STATE_ESTABLISHED)
		tlsock_rx_offer(sk, ctx);
	else
		tlsock_rx_update_ready(sk, ctx);
	unproven = (rx->open || !list_empty(&rx->ahead)) && !rx->eof && !rx->user_shut &&
		   ctx->opts->eof != TLSOCK_EOF_LENIENT;
	release_sock(sk);
	return unproven;
}

void tlsock_rx_update_ready(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_rx *rx = &ctx->rx;
	struct tcp_sock *tp = tcp_sk(sk);
	u8 header[TLSOCK_HEADER_LEN];
	size_t have = rx->fill + tcp_inq(sk), need = TLSOCK_HEADER_LEN;
	bool ready;

	ready = !list_empty(&rx->ahead) || (rx->err && !rx->dead) ||
		(rx->open && (rx->rec.len || ctx->state == TLSOCK_STATE_MANUAL)) || rx->eof ||
		rx->user_shut || tlsock_sk_err(sk) || tp->urg_data || sock_flag(sk, SOCK_DONE) ||
		sk->sk_state == TCP_CLOSE || ctx->state == TLSOCK_STATE_FAILED;
	if (!ready && !rx->dead && !rx->key_pending &&
	    tlsock_rx_peek(sk, rx, header, sizeof(header))) {
		need += get_unaligned_be16(header + 3);
		/* a record that is too long will be refused by its header alone */
		ready = have >= need || need > TLSOCK_HEADER_LEN + TLSOCK_CIPHERTEXT_MAX;
	}
	WRITE_ONCE(rx->ready, ready);
	/* The record does not fit the receive window or buffer: take what is there, to open it */
	if (!ready && !rx->key_pending && tcp_inq(sk) &&
	    (have + tcp_receive_window(tp) < need || tcp_epollin_ready(sk, INT_MAX)))
		tlsock_kick(ctx);
}
