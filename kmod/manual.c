// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keys set by hand: the socket options of <linux/tls.h>, with upstream's structs, rules and
 * errno values, on the ULP "tls" and on "tlsock" alike. Here the caller does the handshake, and
 * a second key takes the place of the first (RFC 8446 section 4.6.3). Keys that came from
 * the daemon are never given out. All under the socket lock.
 */
#include <linux/slab.h>
#include <linux/sockptr.h>

#include "tlsock.h"

#define REC_SEQ_LEN		8

/* struct tls12_crypto_info_*: info, iv, key, salt, rec_seq, without holes, for every cipher */
struct layout {
	size_t iv_len, iv, key, salt, seq, size;
};

#define CRYPTO_INFO_MAX	(sizeof(struct tls_crypto_info) + TLSOCK_NONCE_LEN + TLSOCK_KEY_MAX + \
			 REC_SEQ_LEN)

static struct layout layout_of(const struct tlsock_cipher *c)
{
	struct layout l;

	BUILD_BUG_ON(sizeof(struct tls12_crypto_info_aes_gcm_256) > CRYPTO_INFO_MAX);
	BUILD_BUG_ON(sizeof(struct tls12_crypto_info_chacha20_poly1305) > CRYPTO_INFO_MAX);
	l.iv_len = TLSOCK_NONCE_LEN - c->salt_len;
	l.iv = sizeof(struct tls_crypto_info);
	l.key = l.iv + l.iv_len;
	l.salt = l.key + c->key_len;
	l.seq = l.salt + c->salt_len;
	l.size = l.seq + REC_SEQ_LEN;
	return l;
}

static struct tlsock_keys *manual_keys(const struct tlsock_cipher *c, const u8 *in)
{
	struct layout l = layout_of(c);
	u8 iv[TLSOCK_NONCE_LEN];
	struct tlsock_keys *keys;

	memcpy(iv, in + l.salt, c->salt_len);
	memcpy(iv + c->salt_len, in + l.iv, l.iv_len);
	keys = tlsock_keys_new(c, in + l.key, c->key_len, iv, c->iv_len);
	memzero_explicit(iv, sizeof(iv));
	if (IS_ERR(keys))
		return keys;
	keys->seq = get_unaligned_be64(in + l.seq);
	if (c->explicit_len)
		keys->expl = get_unaligned_be64(in + l.iv);
	keys->epoch = TLSOCK_EPOCH_APPLICATION;
	return keys;
}

/* May @info take the place of @old, beside the other direction's @other? */
static int check_info(const struct tls_crypto_info *info, const struct tlsock_keys *old,
		      const struct tlsock_keys *other)
{
	const struct tlsock_keys *like = old ?: other;

	if (like && (like->cipher->version != info->version ||
		     like->cipher->kernel_type != info->cipher_type))
		return -EINVAL;
	return 0;
}

static int manual_key(struct sock *sk, struct tlsock_ctx *ctx, bool tx, sockptr_t optval,
		      unsigned int optlen, u8 *in)
{
	struct tlsock_keys **to = tx ? &ctx->tx.keys : &ctx->rx.keys, *keys;
	struct tls_crypto_info *info = (struct tls_crypto_info *)in;
	const struct tlsock_cipher *c;
	int err;

	if (*to && (*to)->cipher->version != TLSOCK_TLS_1_3)
		return -EBUSY;
	if (copy_from_sockptr(in, optval, optlen))
		return -EFAULT;
	err = check_info(info, *to, tx ? ctx->rx.keys : ctx->tx.keys);
	if (err)
		return err;
	c = tlsock_cipher_by_kernel_type(info->cipher_type, info->version);
	if (!c || optlen != layout_of(c).size)
		return -EINVAL;
	keys = manual_keys(c, in);
	if (IS_ERR(keys))
		return ctx->upstream_abi && PTR_ERR(keys) == -EOPNOTSUPP ? -ENOENT : PTR_ERR(keys);

	/* What was accepted for the old key goes out under it. */
	if (tx && ctx->tx.open) {
		err = tlsock_tx_close_record(sk, ctx);
		if (err) {
			tlsock_keys_free(keys);
			return err;
		}
		tlsock_tx_flush(sk, ctx);
	}
	if (*to)
		tlsock_inc(sk, tx ? TLSOCK_MIB_TX_REKEY : TLSOCK_MIB_RX_REKEY);
	else
		tlsock_stats_direction(sk, ctx, tx);
	tlsock_keys_free(*to);
	WRITE_ONCE(*to, keys);
	WRITE_ONCE(ctx->kernel_type, c->kernel_type);
	return 0;
}

static int set_key(struct sock *sk, struct tlsock_ctx *ctx, bool tx, sockptr_t optval,
		   unsigned int optlen)
{
	u8 in[CRYPTO_INFO_MAX] __aligned(__alignof__(struct tls_crypto_info)) = {};
	bool again = tx ? ctx->tx.keys : ctx->rx.keys;
	int err;

	if (sockptr_is_null(optval) || optlen < sizeof(struct tls_crypto_info) ||
	    optlen > sizeof(in))
		return -EINVAL;
	if (!ctx->upstream_abi && sk->sk_state != TCP_ESTABLISHED &&
	    sk->sk_state != TCP_CLOSE_WAIT)
		return -ENOTCONN;
	if (ctx->state != TLSOCK_STATE_IDLE && ctx->state != TLSOCK_STATE_MANUAL)
		return -EISCONN;
	err = ctx->upstream_abi ? 0 : tlsock_ctx_claim(sk, ctx);
	if (err)
		return err;
	err = manual_key(sk, ctx, tx, optval, optlen, in);
	memzero_explicit(in, sizeof(in));
	if (err) {
		if (again)
			tlsock_inc(sk, tx ? TLSOCK_MIB_TX_REKEY_ERROR : TLSOCK_MIB_RX_REKEY_ERROR);
		return err;
	}
	WRITE_ONCE(ctx->state, TLSOCK_STATE_MANUAL);
	tlsock_rest_watch(sk, ctx);
	if (tx) {
		WRITE_ONCE(ctx->version, ctx->tx.keys->cipher->version);
		return 0;
	}
	WRITE_ONCE(ctx->version, ctx->rx.keys->cipher->version);
	ctx->rx.key_pending = false;
	tlsock_rx_update_ready(sk, ctx);
	if (ctx->rx.ready)
		ctx->base_data_ready(sk);
	return 0;
}

static int set_max_payload(struct tlsock_ctx *ctx, sockptr_t optval, unsigned int optlen)
{
	u16 value, min = TLSOCK_PAYLOAD_MIN;

	if (ctx->tx.open)
		return -EBUSY;
	if (sockptr_is_null(optval) || optlen != sizeof(value))
		return -EINVAL;
	if (copy_from_sockptr(&value, optval, sizeof(value)))
		return -EFAULT;
	/* RFC 8449 section 4: in TLS 1.3 the limit counts the content type */
	if (ctx->tx.keys && ctx->tx.keys->cipher->version == TLSOCK_TLS_1_3)
		min--;
	if (value < min || value > TLSOCK_FRAGMENT_MAX)
		return -EINVAL;
	ctx->tx.max_payload = value;
	ctx->tx.fixed = true;
	return 0;
}

static int set_flag(sockptr_t optval, unsigned int optlen, bool *to)
{
	u32 value;

	if (sockptr_is_null(optval) || optlen != sizeof(value))
		return -EINVAL;
	if (copy_from_sockptr(&value, optval, sizeof(value)))
		return -EFAULT;
	if (value > 1)
		return -EINVAL;
	*to = value;
	return 0;
}

static bool rx_is_tls13(const struct tlsock_ctx *ctx)
{
	return ctx->rx.keys && ctx->rx.keys->cipher->version == TLSOCK_TLS_1_3;
}

int tlsock_manual_set(struct sock *sk, struct tlsock_ctx *ctx, int optname, sockptr_t optval,
		      unsigned int optlen)
{
	sock_owned_by_me(sk);
	switch (optname) {
	case TLS_TX:
	case TLS_RX:
		return set_key(sk, ctx, optname == TLS_TX, optval, optlen);
	case TLS_TX_ZEROCOPY_RO:
		return set_flag(optval, optlen, &ctx->tx.zerocopy_ro);
	case TLS_RX_EXPECT_NO_PAD:
		return rx_is_tls13(ctx) ? set_flag(optval, optlen, &ctx->rx.no_pad) : -EINVAL;
	case TLS_TX_MAX_PAYLOAD_LEN:
		return set_max_payload(ctx, optval, optlen);
	default:
		return -ENOPROTOOPT;
	}
}

static int get_key(const struct tlsock_ctx *ctx, bool tx, int len, struct tlsock_answer **answer)
{
	const struct tlsock_keys *k = tx ? ctx->tx.keys : ctx->rx.keys;
	u8 out[CRYPTO_INFO_MAX] __aligned(__alignof__(struct tls_crypto_info)) = {};
	struct tls_crypto_info *info = (struct tls_crypto_info *)out;
	struct layout l;
	int err;

	if (len < (int)sizeof(*info))
		return -EINVAL;
	if (!k || ctx->state != TLSOCK_STATE_MANUAL)
		return -EBUSY;
	l = layout_of(k->cipher);
	if (len != sizeof(*info) && len != (int)l.size)
		return -EINVAL;
	info->version = k->cipher->version;
	info->cipher_type = k->cipher->kernel_type;
	memcpy(out + l.salt, k->iv, k->cipher->salt_len);
	if (k->cipher->explicit_len)
		put_unaligned_be64(k->expl, out + l.iv);
	else
		memcpy(out + l.iv, k->iv + k->cipher->salt_len, l.iv_len);
	memcpy(out + l.key, k->key, k->cipher->key_len);
	put_unaligned_be64(k->seq, out + l.seq);
	err = tlsock_answer(answer, out, len);
	memzero_explicit(out, sizeof(out));
	return err;
}

int tlsock_manual_get(struct sock *sk, struct tlsock_ctx *ctx, int optname, int len,
		      struct tlsock_answer **out)
{
	unsigned int flag;

	sock_owned_by_me(sk);
	switch (optname) {
	case TLS_TX:
	case TLS_RX:
		return get_key(ctx, optname == TLS_TX, len, out);
	case TLS_TX_ZEROCOPY_RO:
		flag = ctx->tx.zerocopy_ro;
		return len != sizeof(flag) ? -EINVAL : tlsock_answer(out, &flag, sizeof(flag));
	case TLS_RX_EXPECT_NO_PAD:
		flag = ctx->rx.no_pad;
		return !rx_is_tls13(ctx) || len < (int)sizeof(flag) ?
		       -EINVAL : tlsock_answer(out, &flag, sizeof(flag));
	case TLS_TX_MAX_PAYLOAD_LEN:
		return len < (int)sizeof(ctx->tx.max_payload) ?
		       -EINVAL : tlsock_answer(out, &ctx->tx.max_payload,
					       sizeof(ctx->tx.max_payload));
	default:
		return -ENOPROTOOPT;
	}
}
