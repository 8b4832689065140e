// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handshake messages after the handshake: KeyUpdate is answered here (RFC 8446 section
 * 4.6.3, keys by section 7.2), NewSessionTicket is passed on, renegotiation is refused, anything
 * else has no place. An established connection never needs the daemon. Under the socket lock.
 */
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "seam.h"
#include "trace.h"

#define ALERT_WARNING			1

#define KEY_UPDATE_NOT_REQUESTED	0
#define KEY_UPDATE_REQUESTED		1

static int bad(struct sock *sk, struct tlsock_ctx *ctx, u8 alert, const char *text)
{
	tlsock_fail(sk, ctx, EPROTO, alert, 0, "%s", text);
	return -EPROTO;
}

int tlsock_key_update_send(struct sock *sk, struct tlsock_ctx *ctx, bool request)
{
	const u8 msg[5] = { TLSOCK_HT_KEY_UPDATE, 0, 0, 1,
			    request ? KEY_UPDATE_REQUESTED : KEY_UPDATE_NOT_REQUESTED };
	struct tlsock_keys *keys = ctx->tx.keys, *next;
	struct tlsock_txbuf *buf;
	int err;

	sock_owned_by_me(sk);
	if (ctx->state != TLSOCK_STATE_ESTABLISHED || !keys)
		return -ENOTCONN;
	if (!keys->secret_len)
		return -EOPNOTSUPP;
	if (ctx->tx.close_sent || sk->sk_shutdown & SEND_SHUTDOWN)
		return -EPIPE;
	/* At most one of them waits for TCP, whoever asks and however often. */
	if (!list_empty(&ctx->tx.queue) && tlsock_tx_flush(sk, ctx))
		return -EAGAIN;
	next = tlsock_keys_next(keys);
	if (IS_ERR(next))
		return PTR_ERR(next);
	buf = tlsock_txbuf_new(sizeof(msg), sk->sk_allocation);
	if (!buf) {
		tlsock_keys_free(next);
		return -ENOMEM;
	}
	err = tlsock_tx_record(sk, ctx, buf, TLSOCK_CT_HANDSHAKE, msg, sizeof(msg));
	if (err) {
		tlsock_keys_free(next);
		return err;
	}
	WRITE_ONCE(ctx->tx.keys, next);
	ctx->tx.key_updates++;
	trace_tlsock_key_update(sk, ctx, true, ctx->tx.key_updates);
	tlsock_keys_free(keys);
	/* what TCP does not take now goes out before the next record, in order */
	tlsock_tx_flush(sk, ctx);
	return 0;
}

/* RFC 8446 section 4.6.3: before the next application data; one answers many requests */
int tlsock_key_update_answer(struct sock *sk, struct tlsock_ctx *ctx)
{
	int err;

	if (!ctx->tx.answer_due || ctx->state != TLSOCK_STATE_ESTABLISHED)
		return 0;
	/* an open record was built for the old key: it goes first */
	err = list_empty(&ctx->tx.rec.node) ? tlsock_tx_close_record(sk, ctx) : 0;
	if (!err)
		err = tlsock_key_update_send(sk, ctx, false);
	if (err == -EAGAIN || err == -ENOMEM || ctx->state == TLSOCK_STATE_FAILED)
		return err;
	ctx->tx.answer_due = false;
	/* who closed for sending owes no answer */
	if (err && err != -EPIPE)
		tlsock_fail(sk, ctx, -err, TLSOCK_ALERT_INTERNAL_ERROR, 0,
			    "the send key could not be updated");
	return err == -EPIPE ? 0 : err;
}

static int key_update_recv(struct sock *sk, struct tlsock_ctx *ctx, u8 request, bool more)
{
	struct tlsock_rx *rx = &ctx->rx;
	struct tlsock_keys *next;
	int err;

	if (request > KEY_UPDATE_REQUESTED)
		return bad(sk, ctx, TLSOCK_ALERT_ILLEGAL_PARAMETER,
			   "the peer sent a KeyUpdate with a bad value");
	/* RFC 8446 section 5.1: nothing may follow it under the old key */
	if (more)
		return bad(sk, ctx, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
			   "a KeyUpdate does not end its record");
	if (!rx->keys->secret_len)
		return bad(sk, ctx, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
			   "the peer sent a KeyUpdate that cannot be followed");
	if (rx->key_updates && time_before(jiffies, rx->last_update +
					   msecs_to_jiffies(TLSOCK_KEY_UPDATE_MS)))
		return bad(sk, ctx, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
			   "the peer sends KeyUpdates too fast");
	next = tlsock_keys_next(rx->keys);
	if (IS_ERR(next)) {
		tlsock_fail(sk, ctx, ENOMEM, TLSOCK_ALERT_INTERNAL_ERROR, 0,
			    "no memory for new keys");
		return -ENOMEM;
	}
	tlsock_keys_free(rx->keys);
	WRITE_ONCE(rx->keys, next);
	rx->key_updates++;
	trace_tlsock_key_update(sk, ctx, false, rx->key_updates);
	rx->last_update = jiffies;
	if (request != KEY_UPDATE_REQUESTED)
		return 0;
	ctx->tx.answer_due = true;
	err = tlsock_key_update_answer(sk, ctx);
	return err == -EAGAIN || err == -ENOMEM ? 0 : err;
}

/*
 * HelloRequest or ClientHello on a connection of TLS 1.2. RFC 5246 sections 7.2.2 and 7.4.1.1: no
 * is said by a warning, and the connection goes on (RFC 5746 section 4 would have it secure, had
 * it begun). It is said once: a peer that asks on and never reads would fill the send queue.
 */
static int refuse_new_handshake(struct sock *sk, struct tlsock_ctx *ctx, const u8 *msg, size_t len)
{
	bool server = ctx->role == TLSOCK_ROLE_SERVER;

	if (msg[0] != (server ? TLSOCK_HT_CLIENT_HELLO : TLSOCK_HT_HELLO_REQUEST))
		return bad(sk, ctx, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
			   "the peer asks for renegotiation in the other's place");
	if (!server && len != 4)
		return bad(sk, ctx, TLSOCK_ALERT_DECODE_ERROR,
			   "the peer sent a malformed HelloRequest");
	if (ctx->rx.refused)
		return bad(sk, ctx, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
			   "the peer insists on renegotiation");
	ctx->rx.refused = true;
	if (!ctx->tx.close_sent && !(sk->sk_shutdown & SEND_SHUTDOWN))
		tlsock_alert_send(sk, ctx, ALERT_WARNING, TLSOCK_ALERT_NO_RENEGOTIATION);
	return 0;
}

/* One message of @len bytes at @msg. @more: bytes follow it. */
static int one_message(struct sock *sk, struct tlsock_ctx *ctx, const u8 *msg, size_t len,
		       bool more)
{
	if (ctx->rx.keys->cipher->version == TLSOCK_TLS_1_3) {
		if (msg[0] == TLSOCK_HT_KEY_UPDATE && len == 5)
			return key_update_recv(sk, ctx, msg[4], more);
		if (msg[0] == TLSOCK_HT_KEY_UPDATE)
			return bad(sk, ctx, TLSOCK_ALERT_DECODE_ERROR,
				   "the peer sent a malformed KeyUpdate");
		if (msg[0] == TLSOCK_HT_NEW_SESSION_TICKET && ctx->role == TLSOCK_ROLE_CLIENT) {
			tlsock_ticket_recv(sk, ctx, msg, len);
			return 0;
		}
	} else if (msg[0] == TLSOCK_HT_HELLO_REQUEST || msg[0] == TLSOCK_HT_CLIENT_HELLO) {
		return refuse_new_handshake(sk, ctx, msg, len);
	}
	return bad(sk, ctx, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
		   "the peer sent a handshake message after the handshake");
}

int tlsock_post_handshake(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_hs *hs = &ctx->hs;
	u32 len, off = 0, left;
	int err = 0;
	u8 *buf;

	if (!ctx->rx.rec.len)
		return bad(sk, ctx, TLSOCK_ALERT_UNEXPECTED_MESSAGE,
			   "the peer sent an empty handshake record");
	len = hs->len + ctx->rx.rec.len;
	if (len > TLSOCK_HELLO_BYTES_MAX)
		return bad(sk, ctx, TLSOCK_ALERT_DECODE_ERROR,
			   "a handshake message is too long");
	buf = krealloc(hs->buf, len, sk->sk_allocation);
	if (!buf) {
		tlsock_fail(sk, ctx, ENOMEM, TLSOCK_ALERT_INTERNAL_ERROR, 0,
			    "no memory for a handshake message");
		return -ENOMEM;
	}
	hs->buf = buf;
	tlsock_rx_copy(&ctx->rx, 0, buf + hs->len, ctx->rx.rec.len);
	hs->len = len;

	while (!err && (left = hs->len - off) >= 4) {
		len = 4 + get_unaligned_be24(buf + off + 1);
		if (len > TLSOCK_HELLO_BYTES_MAX)
			return bad(sk, ctx, TLSOCK_ALERT_DECODE_ERROR,
				   "a handshake message is too long");
		if (len > left)
			break;
		err = one_message(sk, ctx, buf + off, len, left > len);
		off += len;
	}
	if (err || ctx->state == TLSOCK_STATE_FAILED)
		return err;
	hs->len -= off;
	if (hs->len) {
		memmove(buf, buf + off, hs->len);
	} else {
		kfree(hs->buf);
		hs->buf = NULL;
	}
	return 0;
}
