// SPDX-License-Identifier: GPL-2.0-only
/*
 * connect(): TCP's, then the handshake. Returns 0 only when the peer is authenticated; what
 * TCP refuses leaves a socket that can try again.
 */
#include "tlsock.h"

/* 0: go on with TCP's connect; 1: only wait; else a negative errno */
static int connect_begin(struct sock *sk, struct tlsock_ctx *ctx, int flags)
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
		return 0;
	case TLSOCK_STATE_HANDSHAKE:
		return flags & O_NONBLOCK ? -EALREADY : 1;
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

/* TCP is connected: begin, and wait unless @flags say not to */
static int connect_finish(struct sock *sk, struct tlsock_ctx *ctx, int flags)
{
	long timeo = sock_sndtimeo(sk, flags & O_NONBLOCK);
	int err;

	tlsock_hs_begin(sk, ctx);
	err = tlsock_wait_handshake(sk, ctx, &timeo);
	if (err == -EAGAIN)
		return -EINPROGRESS;
	if (err)
		return err;
	if (ctx->state == TLSOCK_STATE_FAILED) {
		sock_error(sk);		/* told now */
		return -ctx->err;
	}
	if (ctx->state != TLSOCK_STATE_ESTABLISHED)
		return sock_error(sk) ?: -ECONNABORTED;
	ctx->connect_done = true;
	return 0;
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
	err = connect_begin(sk, ctx, flags);
	release_sock(sk);
	if (err < 0)
		return err;
	if (!err) {
		err = ctx->base_ops->connect(sock, addr, addr_len, flags);
		if (err && err != -EISCONN) {
			lock_sock(sk);
			if (ctx->state == TLSOCK_STATE_CONNECTING && sk->sk_state == TCP_CLOSE)
				tlsock_ctx_reset(sk, ctx);
			release_sock(sk);
			return err;
		}
	}
	lock_sock(sk);
	err = connect_finish(sk, ctx, flags);
	release_sock(sk);
	return err;
}
