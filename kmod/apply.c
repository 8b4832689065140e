// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PUSH is carried out: checked as a whole against the state of the connection, then done step
 * by step, in order (RFC 8446 section 5.1, RFC 5246 section 7.1 for what a change of keys needs).
 * Everything was made ready before, so that no step can fail but for the cipher or TCP itself.
 * All under the socket lock, in process context. Must never look at the netlink message.
 */
#include "seam.h"

/* What a connection's keys will be, from step to step */
struct outlook {
	u8 tx, rx;			/* enum tlsock_epoch */
	u16 version;			/* of the keys; 0 while there is none */
	bool pending;			/* a key waits for the peer's change_cipher_spec */
};

static void look_at(struct outlook *o, const struct tlsock_keys *keys, u8 *epoch)
{
	if (!keys)
		return;
	*epoch = keys->epoch;
	o->version = keys->cipher->version;
}

/* RFC 8449 section 4: 64 bytes at least, and in TLS 1.3 one of them is the content type. */
static const char *check_max_payload(const struct outlook *o, const struct tlsock_act *a)
{
	u16 least = TLSOCK_PAYLOAD_MIN;

	if (o->version == TLSOCK_TLS_1_3)
		least--;
	if (a->max_payload < least)
		return "a MAX_PAYLOAD that is too small for the version";
	return NULL;
}

static const char *check_data(const struct outlook *o, const struct tlsock_act *a)
{
	if (a->epoch != o->tx)
		return "DATA of another epoch than the send key's";
	if (a->content_type == TLSOCK_CT_CCS &&
	    (o->tx == TLSOCK_EPOCH_APPLICATION || (o->tx && o->version == TLSOCK_TLS_1_2)))
		return "a change_cipher_spec under the last key";
	if (!o->tx && a->max_payload < TLSOCK_FRAGMENT_MAX)
		return "a MAX_PAYLOAD without a key";
	return check_max_payload(o, a);
}

static const char *check_key(struct outlook *o, const struct tlsock_act *a)
{
	u8 *epoch = a->direction == TLSOCK_DIR_TX ? &o->tx : &o->rx;

	if (a->epoch <= *epoch)
		return "KEY of an epoch that does not come next";
	if (a->version == TLSOCK_TLS_1_2 && a->epoch != TLSOCK_EPOCH_APPLICATION)
		return "KEY of an epoch that TLS 1.2 does not have";
	if (o->version && o->version != a->version)
		return "KEY of another version than the one before";
	*epoch = a->epoch;
	o->version = a->version;
	if (a->direction == TLSOCK_DIR_RX && a->version == TLSOCK_TLS_1_2)
		o->pending = true;
	return NULL;
}

static const char *check_complete(const struct tlsock_ctx *ctx, const struct outlook *o,
				  const struct tlsock_act *a)
{
	if (o->tx != TLSOCK_EPOCH_APPLICATION || o->rx != TLSOCK_EPOCH_APPLICATION)
		return "COMPLETE without application keys in both directions";
	if (o->pending)
		return "COMPLETE before the peer's change_cipher_spec";
	if (o->version != a->version)
		return "COMPLETE of another version than the keys";
	if (a->result->cookie && (ctx->role != TLSOCK_ROLE_CLIENT || a->version != TLSOCK_TLS_1_3))
		return "COMPLETE with a COOKIE, where no tickets can come";
	return check_max_payload(o, a);
}

/* NULL, or what is wrong */
static const char *push_check(const struct tlsock_ctx *ctx, const struct tlsock_act *acts, int n)
{
	struct outlook o = { .pending = ctx->rx.pending };
	const struct tlsock_act *a;
	const char *why = NULL;

	look_at(&o, ctx->tx.keys, &o.tx);
	look_at(&o, ctx->rx.keys, &o.rx);
	look_at(&o, ctx->rx.pending, &o.rx);
	for (a = acts; a < acts + n && !why; a++) {
		switch (a->type) {
		case TLSOCK_ACT_DATA:
			why = check_data(&o, a);
			break;
		case TLSOCK_ACT_KEY:
			why = check_key(&o, a);
			break;
		case TLSOCK_ACT_COMPLETE:
			why = check_complete(ctx, &o, a);
			fallthrough;
		case TLSOCK_ACT_FAIL:
			if (!why && a != acts + n - 1)
				why = "COMPLETE or FAIL is not the last action";
			break;
		case TLSOCK_ACT_CONTINUE:
			break;
		}
	}
	return why;
}

static int push_data(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_act *a)
{
	struct tlsock_txbuf *buf;
	u32 off, len;
	int err;

	for (off = 0; off < a->data_len; off += len) {
		buf = list_first_entry(&a->bufs, struct tlsock_txbuf, node);
		list_del_init(&buf->node);
		len = min_t(u32, a->data_len - off, a->max_payload);
		err = tlsock_tx_record(sk, ctx, buf, a->content_type, a->data + off, len);
		if (err)
			return err;
	}
	return 0;
}

static int push_bad(struct sock *sk, struct tlsock_ctx *ctx, const char *text)
{
	tlsock_fail(sk, ctx, EPROTO, TLSOCK_ALERT_UNEXPECTED_MESSAGE, 0, "%s", text);
	return -EPROTO;
}

static int push_key(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_act *a)
{
	struct tlsock_keys **to = &ctx->tx.keys;

	if (a->direction == TLSOCK_DIR_RX && a->version == TLSOCK_TLS_1_2) {
		/* RFC 5246 section 7.1: it announces this key. An early one, which at the time
		 * may have been a dummy of TLS 1.3, was CVE-2014-0224.
		 */
		if (ctx->hs.ccs_seen)
			return push_bad(sk, ctx,
					"the peer sent a change_cipher_spec that was too early");
		to = &ctx->rx.pending;
	} else if (a->direction == TLSOCK_DIR_RX) {
		/* RFC 8446 section 5.1: messages must not span a key change */
		if (ctx->hs.len)
			return push_bad(sk, ctx,
					"the peer sent more under a key that had ended");
		to = &ctx->rx.keys;
	}
	tlsock_keys_free(*to);
	WRITE_ONCE(*to, a->keys);
	WRITE_ONCE(ctx->kernel_type, a->keys->cipher->kernel_type);
	a->keys = NULL;
	return 0;
}

static void push_complete(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_act *a)
{
	if (a->result->cookie)
		a->result->cookie->tn = ctx->hs.conn->tn;
	ctx->result = a->result;
	a->result = NULL;
	WRITE_ONCE(ctx->version, a->version);
	ctx->tx.peer_payload = a->max_payload;
	tlsock_hs_done(sk, ctx);
}

static int push_do(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_act *acts, int n)
{
	struct tlsock_act *a;
	int err = 0;

	for (a = acts; a < acts + n && !err; a++) {
		switch (a->type) {
		case TLSOCK_ACT_DATA:
			err = push_data(sk, ctx, a);
			break;
		case TLSOCK_ACT_KEY:
			err = push_key(sk, ctx, a);
			break;
		case TLSOCK_ACT_CONTINUE:
			ctx->hs.blocked = false;
			break;
		case TLSOCK_ACT_COMPLETE:
			tlsock_tx_flush(sk, ctx);
			push_complete(sk, ctx, a);
			return 0;
		case TLSOCK_ACT_FAIL:
			tlsock_fail(sk, ctx, a->err, a->alert, a->x509, "%s",
				    a->text ?: "the handshake failed");
			return 0;
		}
	}
	if (!err) {
		err = tlsock_tx_flush(sk, ctx);
		if (err == -EAGAIN)
			err = 0;	/* write_space goes on with it */
	}
	if (err && ctx->state != TLSOCK_STATE_FAILED)
		tlsock_fail(sk, ctx, -tlsock_sk_err(sk) ?: -err, TLSOCK_ALERT_INTERNAL_ERROR, 0,
			    "the handshake could not be sent");
	else
		tlsock_hs_run(sk, ctx);
	return err ? -EPIPE : 0;
}

int tlsock_push_apply(struct sock *sk, struct tlsock_push *p, const char **why)
{
	struct tlsock_ctx *ctx = tlsock_ctx(sk);
	bool pins = false;
	int err, i;

	sock_owned_by_me(sk);
	if (!ctx || ctx->state != TLSOCK_STATE_HANDSHAKE || ctx->hs.conn != p->conn)
		return -ENOENT;
	*why = push_check(ctx, p->acts, p->n);
	if (*why)
		return -EINVAL;
	/* SYN_RECV: a child of TCP Fast Open */
	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_SYN_RECV)))
		return -EPIPE;
	for (i = 0; i < p->n; i++)
		pins |= p->acts[i].type != TLSOCK_ACT_FAIL;
	err = tlsock_conn_claim(p->conn, p->portid, p->generation, pins);
	return err ?: push_do(sk, ctx, p->acts, p->n);
}
