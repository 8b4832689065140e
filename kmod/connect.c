// SPDX-License-Identifier: GPL-2.0-only
/*
 * connect(): TCP's, then the handshake. Returns 0 only when the peer is authenticated; what
 * TCP refuses leaves a socket that can try again.
 */
#include <net/inet_common.h>

#include "tlsock.h"

/*
 * TCP's own connect() is never slept in: it tells of a TCP that is closed again by disconnecting,
 * and what the handshake failed of meanwhile would be gone. It only begins here; the wait is ours.
 */

/* 0: begin with TCP's connect; 1: it has begun, only wait; else a negative errno */
static int connect_begin(struct sock *sk, struct tlsock_ctx *ctx)
{
	switch (ctx->state) {
	case TLSOCK_STATE_IDLE:
		if (sk->sk_state != TCP_CLOSE)
			return -EISCONN;
		if (compat_defer_connect(sk))
			return -EOPNOTSUPP;
		if (!ctx->opts->server_name[0] && ctx->opts->verify != TLSOCK_VERIFY_NONE)
			return -EDESTADDRREQ;
		ctx->role = TLSOCK_ROLE_CLIENT;
		WRITE_ONCE(ctx->state, TLSOCK_STATE_CONNECTING);
		return 0;
	case TLSOCK_STATE_CONNECTING:
	case TLSOCK_STATE_HANDSHAKE:
		return ctx->role == TLSOCK_ROLE_CLIENT ? 1 : -EISCONN;
	case TLSOCK_STATE_ESTABLISHED:
		if (ctx->connect_done || ctx->role != TLSOCK_ROLE_CLIENT)
			return -EISCONN;
		return 1;
	case TLSOCK_STATE_FAILED:
		return -ctx->err;
	default:
		return -EISCONN;
	}
}

/* TCP was refused: as its own connect() leaves it, ready for another */
static int connect_refused(struct socket *sock, int flags)
{
	struct sock *sk = sock->sk;
	int err = sock_error(sk) ?: -ECONNABORTED;

	sk->sk_disconnects++;		/* who else waits is to give up */
	sock->state = sk->sk_prot->disconnect(sk, flags) ? SS_DISCONNECTING : SS_UNCONNECTED;
	return err;
}

/* Wait for TCP and the handshake, unless @flags say not to. @begun: by another call */
static int connect_finish(struct socket *sock, struct tlsock_ctx *ctx, int flags, bool begun)
{
	struct sock *sk = sock->sk;
	long timeo = sock_sndtimeo(sk, flags & O_NONBLOCK);
	int err;

	sock_owned_by_me(sk);
	do {
		tlsock_hs_begin(sk, ctx);
		err = tlsock_wait_handshake(sk, ctx, &timeo);
		if (err == -EAGAIN)
			return begun ? -EALREADY : -EINPROGRESS;
		if (err)
			return err;
	} while (ctx->state == TLSOCK_STATE_CONNECTING && ctx->tcp_up);

	switch (ctx->state) {
	case TLSOCK_STATE_ESTABLISHED:
		ctx->connect_done = true;
		sock->state = SS_CONNECTED;
		return 0;
	case TLSOCK_STATE_FAILED:
		sock_error(sk);		/* told now */
		return -ctx->err;
	case TLSOCK_STATE_CONNECTING:
		return connect_refused(sock, flags);
	default:
		return sock_error(sk) ?: -ECONNABORTED;
	}
}

/* In one piece: whoever comes in between would find a connection that has begun and is closed. */
static int connect_locked(struct socket *sock, struct tlsock_ctx *ctx, compat_sockaddr *addr,
			  int addr_len, int flags)
{
	struct sock *sk = sock->sk;
	int begun = connect_begin(sk, ctx), err;

	if (begun < 0)
		return begun;
	if (!begun) {
		/* what base_ops->connect does under the lock; see base_is_tcp() */
		err = __inet_stream_connect(sock, addr, addr_len, flags | O_NONBLOCK, 0);
		if (err && err != -EINPROGRESS) {
			if (ctx->state == TLSOCK_STATE_CONNECTING && sk->sk_state == TCP_CLOSE)
				tlsock_ctx_reset(sk, ctx);
			return err;
		}
		if (err && flags & O_NONBLOCK)
			return err;
		sk_flush_backlog(sk);	/* on loopback TCP is up there */
	}
	return connect_finish(sock, ctx, flags, begun);
}

int tlsock_connect(struct socket *sock, compat_sockaddr *addr, int addr_len, int flags)
{
	struct sock *sk = sock->sk;
	struct tlsock_ctx *ctx = tlsock_ctx(sk);
	int err;

	if (!ctx)
		return -ECONNABORTED;
	if (ctx->upstream_abi)
		return ctx->base_ops->connect(sock, addr, addr_len, flags);
	if (addr_len >= (int)sizeof(addr->sa_family) && addr->sa_family == AF_UNSPEC)
		return ctx->base_ops->connect(sock, addr, addr_len, flags);

	lock_sock(sk);
	err = connect_locked(sock, ctx, addr, addr_len, flags);
	release_sock(sk);
	return err;
}
