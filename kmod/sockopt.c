// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket options: TLSOCK_* of the UAPI header; those of <linux/tls.h> are manual.c's. Setters
 * store and return; getters answer from the kernel. Values come from any program and are
 * never truncated. User memory is touched with the socket lock free: a page of it can take as
 * long as its program likes. Options of TCP that would lead past the record layer are refused.
 */
#include <linux/slab.h>
#include <linux/sockptr.h>
#include <linux/uaccess.h>

#include "tlsock.h"

#define TIMEOUT_MS_DEFAULT	10000
#define TIMEOUT_MS_MAX		3600000
#define OPTION_MAX		4096	/* bytes; no option is that long */

/* What a socket has before it asks for anything. The first reference is never put. */
static struct tlsock_opts opts_default = {
	.refs = REFCOUNT_INIT(1),
	.timeout_ms = TIMEOUT_MS_DEFAULT,
	.verify = TLSOCK_VERIFY_UNSET,
	.eof = TLSOCK_EOF_STRICT,
	.alpn = "",
	.server_name = "",
	.credential = "",
	.trust = "",
	.profile = "",
};

struct tlsock_opts *tlsock_opts_get(struct tlsock_opts *o)
{
	if (!o)
		o = &opts_default;
	refcount_inc(&o->refs);
	return o;
}

void tlsock_opts_put(struct tlsock_opts *o)
{
	if (o && refcount_dec_and_test(&o->refs))
		kfree(o);
}

/* Options with room to change them */
struct opts_edit {
	u8 alpn[255];
	char name[TLSOCK_NAME_MAX + 1];
	struct tlsock_opts now;		/* what it says is in these two, or in the old ones */
};

static char *put_string(char *to, const char **from)
{
	size_t n = strlen(*from) + 1;

	memcpy(to, *from, n);
	*from = to;
	return to + n;
}

/* @o as options of their own, with one reference */
static struct tlsock_opts *opts_new(const struct tlsock_opts *o)
{
	struct tlsock_opts *new;
	char *at;

	new = kmalloc(sizeof(*new) + o->alpn_len + strlen(o->server_name) +
		      strlen(o->credential) + strlen(o->trust) + strlen(o->profile) + 4,
		      GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	*new = *o;
	refcount_set(&new->refs, 1);
	at = put_string(new->data, &new->server_name);
	at = put_string(at, &new->credential);
	at = put_string(at, &new->trust);
	at = put_string(at, &new->profile);
	new->alpn = memcpy(at, o->alpn, o->alpn_len);
	return new;
}

/* Setting */

static int get_int(sockptr_t optval, unsigned int optlen, int min, int max, int *out)
{
	if (optlen != sizeof(*out))
		return -EINVAL;
	if (copy_from_sockptr(out, optval, sizeof(*out)))
		return -EFAULT;
	return *out < min || *out > max ? -EINVAL : 0;
}

static int get_name(sockptr_t optval, unsigned int optlen, struct opts_edit *e, const char **to)
{
	char *out = e->name;
	unsigned int i;

	if (!optlen || optlen > sizeof(e->name))
		return -EINVAL;
	memset(out, 0, sizeof(e->name));
	if (copy_from_sockptr(out, optval, optlen))
		return -EFAULT;
	if (!out[optlen - 1])
		optlen--;
	if (!optlen || optlen > TLSOCK_NAME_MAX)
		return -EINVAL;
	/* no NUL, space or control character belongs into a name or a log line */
	for (i = 0; i < optlen; i++)
		if ((u8)out[i] <= ' ' || out[i] == 0x7f)
			return -EINVAL;
	*to = out;
	return 0;
}

/* RFC 7301 section 3.1: names of 1 to 255 bytes that fill the list exactly */
static int get_alpn(sockptr_t optval, unsigned int optlen, struct opts_edit *e)
{
	unsigned int i;

	if (optlen < 2 || optlen > sizeof(e->alpn))
		return -EINVAL;
	if (copy_from_sockptr(e->alpn, optval, optlen))
		return -EFAULT;
	for (i = 0; i < optlen; i += 1 + e->alpn[i])
		if (!e->alpn[i])
			return -EINVAL;
	if (i != optlen)
		return -EINVAL;
	e->now.alpn = e->alpn;
	e->now.alpn_len = optlen;
	return 0;
}

static int set_field(struct opts_edit *e, int optname, sockptr_t optval, unsigned int optlen)
{
	struct tlsock_opts *o = &e->now;
	int err, v = 0;

	switch (optname) {
	case TLSOCK_SERVER_NAME:
		return get_name(optval, optlen, e, &o->server_name);
	case TLSOCK_CREDENTIAL:
		return get_name(optval, optlen, e, &o->credential);
	case TLSOCK_TRUST:
		return get_name(optval, optlen, e, &o->trust);
	case TLSOCK_PROFILE:
		return get_name(optval, optlen, e, &o->profile);
	case TLSOCK_ALPN:
		return get_alpn(optval, optlen, e);
	case TLSOCK_VERIFY:
		err = get_int(optval, optlen, TLSOCK_VERIFY_NONE, TLSOCK_VERIFY_REQUIRED, &v);
		o->verify = v;
		return err;
	case TLSOCK_TIMEOUT_MS:
		err = get_int(optval, optlen, 1, TIMEOUT_MS_MAX, &v);
		o->timeout_ms = v;
		return err;
	case TLSOCK_EOF:
		err = get_int(optval, optlen, TLSOCK_EOF_STRICT, TLSOCK_EOF_LENIENT, &v);
		o->eof = v;
		return err;
	case TLSOCK_PADDING:
		err = get_int(optval, optlen, 0, TLSOCK_FRAGMENT_MAX, &v);
		o->padding = v;
		return err;
	default:
		return -ENOPROTOOPT;
	}
}

/* What the daemon's policy gives to some users only */
static bool is_policed(int optname)
{
	return optname == TLSOCK_CREDENTIAL || optname == TLSOCK_TRUST || optname == TLSOCK_PROFILE;
}

/* The daemon asks whether a user may have these names: it is who gives them, not who made the
 * socket and passed it on. Names of two users cannot be asked for together.
 */
static int check_owner(const struct tlsock_ctx *ctx, const struct tlsock_opts *o, int optname)
{
	if (!is_policed(optname) || uid_eq(current_fsuid(), ctx->uid))
		return 0;
	if ((o->credential[0] && optname != TLSOCK_CREDENTIAL) ||
	    (o->trust[0] && optname != TLSOCK_TRUST) ||
	    (o->profile[0] && optname != TLSOCK_PROFILE))
		return -EPERM;
	return 0;
}

/* May it be set now? */
static int check_state(const struct tlsock_ctx *ctx, int optname)
{
	switch (optname) {
	case TLSOCK_EOF:
		return 0;
	case TLSOCK_PADDING:
		if (ctx->version == TLSOCK_TLS_1_2)
			return -EOPNOTSUPP;
		/* tx_append() made no room for it */
		return ctx->tx.open ? -EBUSY : 0;
	default:
		return ctx->state == TLSOCK_STATE_IDLE ? 0 : -EISCONN;
	}
}

/* Options are shared with handshakes and children, so a change makes others. */
static int store_option(struct tlsock_ctx *ctx, int optname, sockptr_t optval,
			unsigned int optlen)
{
	struct opts_edit *e = kmalloc(sizeof(*e), GFP_KERNEL);
	struct tlsock_opts *o = NULL;
	int err;

	if (!e)
		return -ENOMEM;
	e->now = *ctx->opts;
	err = set_field(e, optname, optval, optlen);
	if (!err)
		err = check_state(ctx, optname);
	if (!err)
		err = check_owner(ctx, &e->now, optname);
	if (!err) {
		o = opts_new(&e->now);
		err = o ? 0 : -ENOMEM;
	}
	kfree(e);
	if (err)
		return err;
	tlsock_opts_put(ctx->opts);
	ctx->opts = o;
	ctx->tx.padding = o->padding;
	if (is_policed(optname))
		tlsock_ctx_owner(ctx);
	return 0;
}

static int set_start(struct sock *sk, struct tlsock_ctx *ctx, sockptr_t optval,
		     unsigned int optlen)
{
	int role, err;

	err = get_int(optval, optlen, TLSOCK_ROLE_CLIENT, TLSOCK_ROLE_SERVER, &role);
	if (err)
		return err;
	if (ctx->state == TLSOCK_STATE_HANDSHAKE || ctx->state == TLSOCK_STATE_CONNECTING)
		return -EALREADY;
	if (ctx->state != TLSOCK_STATE_IDLE)
		return -EISCONN;
	if (sk->sk_state != TCP_ESTABLISHED && sk->sk_state != TCP_CLOSE_WAIT)
		return -ENOTCONN;
	if (role == TLSOCK_ROLE_CLIENT && !ctx->opts->server_name[0] &&
	    ctx->opts->verify != TLSOCK_VERIFY_NONE)
		return -EDESTADDRREQ;
	if (role == TLSOCK_ROLE_SERVER && !ctx->opts->credential[0])
		return -EINVAL;
	ctx->role = role;
	err = tlsock_hs_start(sk, ctx);
	if (err)
		ctx->role = TLSOCK_ROLE_NONE;
	return err;
}

static int set_key_update(struct sock *sk, struct tlsock_ctx *ctx, sockptr_t optval,
			  unsigned int optlen)
{
	int v, err;

	err = get_int(optval, optlen, INT_MIN, INT_MAX, &v);
	if (err)
		return err;
	if (ctx->tx.open && list_empty(&ctx->tx.rec.node))
		err = tlsock_tx_close_record(sk, ctx);
	/* an open record was built for the old key: it has to be out of the way */
	if (!err && ctx->tx.open)
		err = -EAGAIN;
	return err ?: tlsock_key_update_send(sk, ctx, false);
}

/* Options of TCP that send or receive without the record layer */
static bool is_refused(int level, int optname)
{
	return level == SOL_TCP &&
	       (optname == TCP_FASTOPEN || optname == TCP_FASTOPEN_CONNECT ||
		optname == TCP_REPAIR || optname == TCP_ZEROCOPY_RECEIVE);
}

static int set_option(struct sock *sk, struct tlsock_ctx *ctx, int optname, sockptr_t optval,
		      unsigned int optlen)
{
	switch (optname) {
	case TLS_TX ... TLS_TX_MAX_PAYLOAD_LEN:
		return tlsock_manual_set(sk, ctx, optname, optval, optlen);
	case TLSOCK_START:
		return set_start(sk, ctx, optval, optlen);
	case TLSOCK_KEY_UPDATE:
		return set_key_update(sk, ctx, optval, optlen);
	default:
		return store_option(ctx, optname, optval, optlen);
	}
}

/* TCP sends what it holds when TCP_NODELAY is set or TCP_CORK taken away, tcp(7): so do we. */
static void push_held(struct sock *sk, struct tlsock_ctx *ctx, int optname)
{
	u8 nonagle;

	lock_sock(sk);
	nonagle = tcp_sk(sk)->nonagle;
	if (optname == TCP_NODELAY ? nonagle & TCP_NAGLE_OFF : !(nonagle & TCP_NAGLE_CORK))
		tlsock_tx_end_record(sk, ctx);
	release_sock(sk);
}

int tlsock_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
		      unsigned int optlen)
{
	struct tlsock_ctx *ctx = tlsock_ctx(sk);
	void *value = NULL;
	int err;

	if (!ctx)
		return -ECONNABORTED;
	if (!ctx->upstream_abi && is_refused(level, optname))
		return -EOPNOTSUPP;
	if (level != SOL_TLS) {
		err = ctx->base_prot->setsockopt(sk, level, optname, optval, optlen);
		if (!err && level == SOL_TCP && (optname == TCP_NODELAY || optname == TCP_CORK))
			push_held(sk, ctx, optname);
		return err;
	}
	if (ctx->upstream_abi && optname >= TLSOCK_SERVER_NAME)
		return -ENOPROTOOPT;

	if (!sockptr_is_null(optval)) {
		if (optlen > OPTION_MAX)
			return -EINVAL;
		value = memdup_sockptr(optval, optlen);
		if (IS_ERR(value))
			return PTR_ERR(value);
		optval = KERNEL_SOCKPTR(value);
	}
	lock_sock(sk);
	err = set_option(sk, ctx, optname, optval, optlen);
	release_sock(sk);
	kfree_sensitive(value);
	return err;
}

/* Getting */

static u8 state_of(const struct sock *sk, const struct tlsock_ctx *ctx)
{
	return sk->sk_state == TCP_LISTEN ? TLSOCK_STATE_LISTEN : ctx->state;
}

static u8 verify_of(const struct tlsock_ctx *ctx)
{
	if (ctx->opts->verify != TLSOCK_VERIFY_UNSET)
		return ctx->opts->verify;
	return ctx->role == TLSOCK_ROLE_CLIENT ? TLSOCK_VERIFY_REQUIRED : TLSOCK_VERIFY_NONE;
}

static void fill_info(const struct sock *sk, const struct tlsock_ctx *ctx,
		      struct tlsock_info *info)
{
	const struct tlsock_result *r = ctx->result;

	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	info->flags = (ctx->tx.close_sent ? TLSOCK_INFO_CLOSE_SENT : 0) |
		      (ctx->rx.eof ? TLSOCK_INFO_CLOSE_RECEIVED : 0);
	info->state = state_of(sk, ctx);
	info->role = ctx->role;
	info->verify = verify_of(ctx);
	info->version = ctx->version;
	info->tx_records = ctx->tx.records;
	info->rx_records = ctx->rx.records;
	info->tx_bytes = ctx->tx.bytes;
	info->rx_bytes = ctx->rx.bytes;
	info->tx_key_updates = ctx->tx.key_updates;
	info->rx_key_updates = ctx->rx.key_updates;
	info->id = ctx->id;
	info->max_payload = tlsock_tx_payload(&ctx->tx);
	if (!r)
		return;
	info->flags |= r->flags;
	info->cipher_suite = r->suite;
	info->group = r->group;
	info->signature_scheme = r->signature_scheme;
	info->x509_verify = r->x509_verify;
	info->alpn_len = r->alpn_len;
	memcpy(info->alpn, r->alpn, r->alpn_len);
}

static void fill_error(const struct tlsock_ctx *ctx, struct tlsock_error *e)
{
	memset(e, 0, sizeof(*e));
	e->size = sizeof(*e);
	e->error = ctx->err;
	e->alert_sent = ctx->alert_sent;
	e->alert_received = ctx->alert_received;
	e->x509_verify = ctx->err_x509;
	if (ctx->err_text)
		strscpy(e->text, ctx->err_text, sizeof(e->text));
}

/* What getsockopt() gives, to be copied once the socket lock is free */
int tlsock_answer(struct tlsock_answer **out, const void *data, size_t size)
{
	struct tlsock_answer *a = kvmalloc(sizeof(*a) + size, GFP_KERNEL);

	if (!a)
		return -ENOMEM;
	a->size = size;
	a->grows = false;
	memcpy(a->data, data, size);
	*out = a;
	return 0;
}

static int answer_name(struct tlsock_answer **out, const char *name)
{
	return tlsock_answer(out, name, strlen(name) + 1);
}

static int answer_int(struct tlsock_answer **out, int len, int v)
{
	return len < (int)sizeof(v) ? -EINVAL : tlsock_answer(out, &v, sizeof(v));
}

/* A struct that grows */
static int answer_some(struct tlsock_answer **out, const void *data, size_t size)
{
	int err = tlsock_answer(out, data, size);

	if (!err)
		(*out)->grows = true;
	return err;
}

/* A struct that grows is cut to what fits; anything else must not be. */
static int answer_put(const struct tlsock_answer *a, char __user *optval, int __user *optlen,
		      int len)
{
	size_t n = a->grows ? min_t(size_t, len, a->size) : a->size;

	if (put_user((int)n, optlen))
		return -EFAULT;
	if ((size_t)len < n)
		return -ERANGE;
	return copy_to_user(optval, a->data, n) ? -EFAULT : 0;
}

static int read_option(struct sock *sk, struct tlsock_ctx *ctx, int optname, int len,
		       struct tlsock_answer **out)
{
	const struct tlsock_result *r = ctx->result;
	const struct tlsock_opts *o = ctx->opts;
	union {
		struct tlsock_info info;
		struct tlsock_error error;
	} u;

	switch (optname) {
	case TLSOCK_SERVER_NAME:
		if (ctx->role == TLSOCK_ROLE_SERVER)
			return answer_name(out, r ? r->server_name : "");
		return answer_name(out, o->server_name);
	case TLSOCK_CREDENTIAL:
		return answer_name(out, o->credential);
	case TLSOCK_TRUST:
		return answer_name(out, o->trust);
	case TLSOCK_PROFILE:
		return answer_name(out, o->profile);
	case TLSOCK_ALPN:
		return tlsock_answer(out, o->alpn, o->alpn_len);
	case TLSOCK_VERIFY:
		return answer_int(out, len, verify_of(ctx));
	case TLSOCK_TIMEOUT_MS:
		return answer_int(out, len, o->timeout_ms);
	case TLSOCK_EOF:
		return answer_int(out, len, o->eof);
	case TLSOCK_PADDING:
		return answer_int(out, len, o->padding);
	case TLSOCK_INFO:
		fill_info(sk, ctx, &u.info);
		return answer_some(out, &u.info, sizeof(u.info));
	case TLSOCK_ERROR:
		fill_error(ctx, &u.error);
		return answer_some(out, &u.error, sizeof(u.error));
	case TLSOCK_PEER_CERT:
		if (!r || !r->certs_len)
			return -ENODATA;
		return tlsock_answer(out, r->certs, r->certs_len);
	case TLSOCK_CHANNEL_BINDING:
		if (!r || !r->binding_len)
			return -ENODATA;
		return tlsock_answer(out, r->binding, r->binding_len);
	default:
		return -ENOPROTOOPT;
	}
}

int tlsock_getsockopt(struct sock *sk, int level, int optname, char __user *optval,
		      int __user *optlen)
{
	struct tlsock_ctx *ctx = tlsock_ctx(sk);
	struct tlsock_answer *out;
	int len, err;

	if (!ctx)
		return -ECONNABORTED;
	if (is_refused(level, optname) && optname == TCP_ZEROCOPY_RECEIVE)
		return -EOPNOTSUPP;
	if (level != SOL_TLS)
		return ctx->base_prot->getsockopt(sk, level, optname, optval, optlen);

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	lock_sock(sk);
	err = optname < TLSOCK_SERVER_NAME ? tlsock_manual_get(sk, ctx, optname, len, &out) :
					     read_option(sk, ctx, optname, len, &out);
	release_sock(sk);
	if (err)
		return err;
	err = answer_put(out, optval, optlen, len);
	kvfree_sensitive(out, sizeof(*out) + out->size);
	return err;
}
