// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioctl(): what waits to be read (SIOCINQ, which FIONREAD is) and to be sent (SIOCOUTQ,
 * SIOCOUTQNSD). TCP knows only what it still has, and would say 0 while the rest of an opened
 * record waits; a program that finds a socket readable and nothing in it takes that for the end.
 * Everything else is TCP's. Must never take anything from the application, nor tell it an error
 * that a read is to tell.
 */
#include <linux/sockios.h>
#include <linux/uaccess.h>
#include <asm/ioctls.h>

#include "tlsock.h"

/* Bytes of opened records. One is opened if none is, so that this is 0 only if a read has none.
 * Before the end of the handshake there is nothing for the application, and the records are its.
 */
static u32 bytes_to_read(struct sock *sk, struct tlsock_ctx *ctx)
{
	const struct tlsock_rxrec *rec;
	struct tlsock_rx *rx = &ctx->rx;
	u32 n = 0;

	list_for_each_entry(rec, &rx->ahead, node)
		n += rec->len;
	if (ctx->state != TLSOCK_STATE_ESTABLISHED && ctx->state != TLSOCK_STATE_MANUAL)
		return n;
	tlsock_rx_offer(sk, ctx);
	if (rx->open)
		n += rx->rec.len;
	return n;
}

/* What TCP has not taken yet: of finished records their bytes, of an open one its content */
static u32 bytes_to_send(const struct tlsock_tx *tx)
{
	const struct tlsock_txbuf *buf;
	u32 n = tx->open;

	list_for_each_entry(buf, &tx->queue, node)
		n += buf->len - buf->off;
	return n;
}

/* 0 and *@n; or -ENOIOCTLCMD: TCP knows. */
static int queue_len(struct sock *sk, struct tlsock_ctx *ctx, int cmd, u32 *n)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	sock_owned_by_me(sk);
	if ((1 << sk->sk_state) & (TCPF_LISTEN | TCPF_SYN_SENT | TCPF_SYN_RECV))
		return -ENOIOCTLCMD;
	if (cmd == SIOCINQ)
		*n = bytes_to_read(sk, ctx);
	else
		*n = tp->write_seq - (cmd == SIOCOUTQ ? tp->snd_una : tp->snd_nxt) +
		     bytes_to_send(&ctx->tx);
	return 0;
}

int tlsock_ioctl(struct sock *sk, int cmd, compat_ioctl_arg arg)
{
	struct tlsock_ctx *ctx = tlsock_ctx(sk);
	int err = -ENOIOCTLCMD;
	u32 n;

	if (!ctx)
		return -ECONNABORTED;
	if (cmd == SIOCINQ || cmd == SIOCOUTQ || cmd == SIOCOUTQNSD) {
		lock_sock(sk);
		if (!tlsock_passes(ctx, cmd == SIOCINQ ? ctx->rx.keys : ctx->tx.keys))
			err = queue_len(sk, ctx, cmd, &n);
		release_sock(sk);
	}
	if (err)
		return ctx->base_prot->ioctl(sk, cmd, arg);
	return compat_ioctl_put(n, arg);
}
