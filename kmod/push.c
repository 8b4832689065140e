// SPDX-License-Identifier: GPL-2.0-only
/*
 * PUSH: the daemon's answer for one connection is parsed and made ready here, before any
 * lock is taken, and given to the handshake as a list of steps. Every attribute may be
 * missing, short or wrong. Must never change a connection before all of it is understood.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <crypto/hash.h>
#include <net/genetlink.h>

#include "seam.h"

#define PUSH_DATA_MAX		65000	/* bytes in one DATA action */
#define PUSH_TOTAL_MAX		(256 * 1024)

static const struct nla_policy act_policy[TLSOCK_AA_MAX + 1] = {
	[TLSOCK_AA_EPOCH] = NLA_POLICY_MAX(NLA_U8, TLSOCK_EPOCH_APPLICATION),
	[TLSOCK_AA_CONTENT_TYPE] = NLA_POLICY_RANGE(NLA_U8, TLSOCK_CT_CCS, TLSOCK_CT_HANDSHAKE),
	[TLSOCK_AA_DATA] = { .type = NLA_BINARY, .len = PUSH_DATA_MAX },
	[TLSOCK_AA_DIRECTION] = NLA_POLICY_RANGE(NLA_U8, TLSOCK_DIR_TX, TLSOCK_DIR_RX),
	[TLSOCK_AA_VERSION] = { .type = NLA_U16 },
	[TLSOCK_AA_SUITE] = { .type = NLA_U16 },
	[TLSOCK_AA_KEY] = { .type = NLA_BINARY, .len = TLSOCK_KEY_MAX },
	[TLSOCK_AA_IV] = { .type = NLA_BINARY, .len = TLSOCK_NONCE_LEN },
	[TLSOCK_AA_SEQ] = { .type = NLA_U64 },
	[TLSOCK_AA_SECRET] = { .type = NLA_BINARY, .len = TLSOCK_SECRET_MAX },
	[TLSOCK_AA_GROUP] = { .type = NLA_U16 },
	[TLSOCK_AA_SIGNATURE_SCHEME] = { .type = NLA_U16 },
	[TLSOCK_AA_FLAGS] = NLA_POLICY_MASK(NLA_U32, TLSOCK_INFO_RESUMED | TLSOCK_INFO_VERIFIED),
	[TLSOCK_AA_ALPN] = { .type = NLA_BINARY, .len = 255 },
	[TLSOCK_AA_VERIFY_CODE] = { .type = NLA_U32 },
	[TLSOCK_AA_PEER_CERT] = { .type = NLA_BINARY },
	[TLSOCK_AA_CHANNEL_BINDING] = NLA_POLICY_EXACT_LEN(32),
	[TLSOCK_AA_SERVER_NAME] = { .type = NLA_NUL_STRING, .len = TLSOCK_NAME_MAX },
	[TLSOCK_AA_ERRNO] = NLA_POLICY_RANGE(NLA_U32, 1, MAX_ERRNO),
	[TLSOCK_AA_ALERT] = NLA_POLICY_MAX(NLA_U8, TLSOCK_ALERT_NONE - 1),
	[TLSOCK_AA_TEXT] = { .type = NLA_NUL_STRING, .len = 239 },
	[TLSOCK_AA_COOKIE] = { .type = NLA_BINARY, .len = TLSOCK_COOKIE_MAX },
	[TLSOCK_AA_MAX_PAYLOAD] = NLA_POLICY_RANGE(NLA_U16, TLSOCK_PAYLOAD_MIN - 1,
						   TLSOCK_FRAGMENT_MAX),
};

static const u8 *attr_bin(struct nlattr **tb, int attr, u16 *len)
{
	if (!tb[attr])
		return NULL;
	*len = nla_len(tb[attr]);
	return nla_data(tb[attr]);
}

static u16 attr_u16(struct nlattr **tb, int attr)
{
	return tb[attr] ? nla_get_u16(tb[attr]) : 0;
}

/* Bytes of content in a record */
static u16 attr_max_payload(struct nlattr **tb)
{
	return attr_u16(tb, TLSOCK_AA_MAX_PAYLOAD) ?: TLSOCK_FRAGMENT_MAX;
}

/* Room for the records of a DATA action */
static int prepare_data(struct tlsock_act *a, struct nlattr **tb)
{
	struct tlsock_txbuf *buf;
	u32 off, len;

	if (!tb[TLSOCK_AA_EPOCH] || !tb[TLSOCK_AA_CONTENT_TYPE] || !tb[TLSOCK_AA_DATA])
		return -EINVAL;
	a->epoch = nla_get_u8(tb[TLSOCK_AA_EPOCH]);
	a->content_type = nla_get_u8(tb[TLSOCK_AA_CONTENT_TYPE]);
	a->data = nla_data(tb[TLSOCK_AA_DATA]);
	a->data_len = nla_len(tb[TLSOCK_AA_DATA]);
	a->max_payload = attr_max_payload(tb);
	if (!a->data_len || a->content_type == TLSOCK_CT_ALERT)
		return -EINVAL;
	if (a->content_type == TLSOCK_CT_CCS && (a->data_len != 1 || a->data[0] != 1))
		return -EINVAL;
	for (off = 0; off < a->data_len; off += len) {
		len = min_t(u32, a->data_len - off, a->max_payload);
		buf = tlsock_txbuf_new(len, GFP_KERNEL);
		if (!buf)
			return -ENOMEM;
		list_add_tail(&buf->node, &a->bufs);
	}
	return 0;
}

static int prepare_key(struct tlsock_act *a, struct nlattr **tb)
{
	const struct tlsock_cipher *c;
	struct tlsock_keys *keys;

	if (!tb[TLSOCK_AA_DIRECTION] || !tb[TLSOCK_AA_EPOCH] || !tb[TLSOCK_AA_VERSION] ||
	    !tb[TLSOCK_AA_SUITE] || !tb[TLSOCK_AA_KEY] || !tb[TLSOCK_AA_IV])
		return -EINVAL;
	a->direction = nla_get_u8(tb[TLSOCK_AA_DIRECTION]);
	a->epoch = nla_get_u8(tb[TLSOCK_AA_EPOCH]);
	a->version = attr_u16(tb, TLSOCK_AA_VERSION);
	a->suite = attr_u16(tb, TLSOCK_AA_SUITE);
	a->key = attr_bin(tb, TLSOCK_AA_KEY, &a->key_len);
	a->iv = attr_bin(tb, TLSOCK_AA_IV, &a->iv_len);
	a->secret = attr_bin(tb, TLSOCK_AA_SECRET, &a->secret_len);
	if (a->epoch != TLSOCK_EPOCH_HANDSHAKE && a->epoch != TLSOCK_EPOCH_APPLICATION)
		return -EINVAL;
	c = tlsock_cipher_by_suite(a->suite, a->version);
	if (!c)
		return -EOPNOTSUPP;
	if (a->secret && (a->secret_len != c->hash_len || a->epoch != TLSOCK_EPOCH_APPLICATION))
		return -EINVAL;
	keys = tlsock_keys_new(c, a->key, a->key_len, a->iv, a->iv_len);
	if (IS_ERR(keys))
		return PTR_ERR(keys);
	/* A KeyUpdate that comes later must not fail for that. */
	if (a->secret && !crypto_has_shash(c->hmac, 0, 0)) {
		tlsock_keys_free(keys);
		return -EOPNOTSUPP;
	}
	keys->suite = a->suite;
	keys->epoch = a->epoch;
	if (tb[TLSOCK_AA_SEQ])
		keys->seq = nla_get_u64(tb[TLSOCK_AA_SEQ]);
	/* RFC 5288 section 3: the sequence number may serve as the explicit nonce, and does */
	keys->expl = keys->seq;
	keys->secret_len = a->secret_len;
	if (a->secret)
		memcpy(keys->secret, a->secret, a->secret_len);
	a->keys = keys;
	return 0;
}

/* Bytes that the chain takes; -EINVAL: there is something wrong with it */
static int certs_size(const struct nlattr *nest)
{
	const struct nlattr *nla;
	int rem, total = 0;

	nla_for_each_nested(nla, nest, rem) {
		if (nla_type(nla) != TLSOCK_AA_PEER_CERT)
			continue;
		total += sizeof(struct tlsock_cert) + ALIGN(nla_len(nla), 4);
		if (!nla_len(nla) || total > TLSOCK_CERT_BYTES_MAX)
			return -EINVAL;
	}
	return total;
}

/* The chain as getsockopt(TLSOCK_PEER_CERT) gives it. @out: zeroed. */
static void put_certs(u8 *out, const struct nlattr *nest)
{
	struct tlsock_cert *cert;
	const struct nlattr *nla;
	int rem;

	nla_for_each_nested(nla, nest, rem) {
		if (nla_type(nla) != TLSOCK_AA_PEER_CERT)
			continue;
		cert = (struct tlsock_cert *)out;
		cert->len = nla_len(nla);
		memcpy(cert->der, nla_data(nla), cert->len);
		out += sizeof(*cert) + ALIGN(cert->len, 4);
	}
}

static int prepare_complete(struct tlsock_act *a, struct nlattr **tb, const struct nlattr *nest)
{
	int certs = certs_size(nest);
	u16 alpn_len = 0, binding_len = 0, name_len = 1;
	const u8 *alpn = attr_bin(tb, TLSOCK_AA_ALPN, &alpn_len);
	const u8 *binding = attr_bin(tb, TLSOCK_AA_CHANNEL_BINDING, &binding_len);
	const u8 *name = attr_bin(tb, TLSOCK_AA_SERVER_NAME, &name_len);
	struct tlsock_result *r;

	if (!tb[TLSOCK_AA_VERSION] || !tb[TLSOCK_AA_SUITE] || certs < 0 ||
	    (tb[TLSOCK_AA_COOKIE] && !nla_len(tb[TLSOCK_AA_COOKIE])))
		return -EINVAL;
	/* one more: what NLA_NUL_STRING takes need not end in a NUL */
	r = kvzalloc(sizeof(*r) + certs + alpn_len + binding_len + name_len + 1, GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	a->result = r;
	a->version = attr_u16(tb, TLSOCK_AA_VERSION);
	a->max_payload = attr_max_payload(tb);
	r->suite = attr_u16(tb, TLSOCK_AA_SUITE);
	r->group = attr_u16(tb, TLSOCK_AA_GROUP);
	r->signature_scheme = attr_u16(tb, TLSOCK_AA_SIGNATURE_SCHEME);
	if (tb[TLSOCK_AA_FLAGS])
		r->flags = nla_get_u32(tb[TLSOCK_AA_FLAGS]);
	if (tb[TLSOCK_AA_VERIFY_CODE])
		r->x509_verify = nla_get_u32(tb[TLSOCK_AA_VERIFY_CODE]);
	if (tb[TLSOCK_AA_COOKIE]) {
		r->cookie = tlsock_cookie_new(nla_data(tb[TLSOCK_AA_COOKIE]),
					      nla_len(tb[TLSOCK_AA_COOKIE]));
		if (!r->cookie)
			return -ENOMEM;
	}
	r->certs_len = certs;
	r->alpn_len = alpn_len;
	r->binding_len = binding_len;
	r->certs = r->data;	/* first: it is aligned */
	r->alpn = r->certs + certs;
	r->binding = r->alpn + alpn_len;
	r->server_name = (const char *)r->binding + binding_len;
	put_certs(r->data, nest);
	if (alpn)
		memcpy((u8 *)r->alpn, alpn, alpn_len);
	if (binding)
		memcpy((u8 *)r->binding, binding, binding_len);
	if (name)
		memcpy((char *)r->server_name, name, name_len);
	return 0;
}

static int prepare_fail(struct tlsock_act *a, struct nlattr **tb)
{
	if (!tb[TLSOCK_AA_ERRNO])
		return -EINVAL;
	a->err = nla_get_u32(tb[TLSOCK_AA_ERRNO]);
	a->alert = tb[TLSOCK_AA_ALERT] ? nla_get_u8(tb[TLSOCK_AA_ALERT]) : TLSOCK_ALERT_NONE;
	if (tb[TLSOCK_AA_VERIFY_CODE])
		a->x509 = nla_get_u32(tb[TLSOCK_AA_VERIFY_CODE]);
	if (tb[TLSOCK_AA_TEXT])
		a->text = nla_data(tb[TLSOCK_AA_TEXT]);
	return 0;
}

static int prepare(struct tlsock_act *a, const struct nlattr *nla, struct nlattr **tb,
		   struct netlink_ext_ack *extack)
{
	int err;

	INIT_LIST_HEAD(&a->bufs);
	a->type = nla_type(nla);
	err = nla_parse_nested(tb, TLSOCK_AA_MAX, nla, act_policy, extack);
	if (err)
		return err;
	switch (a->type) {
	case TLSOCK_ACT_DATA:
		err = prepare_data(a, tb);
		break;
	case TLSOCK_ACT_KEY:
		err = prepare_key(a, tb);
		break;
	case TLSOCK_ACT_CONTINUE:
		break;
	case TLSOCK_ACT_COMPLETE:
		err = prepare_complete(a, tb, nla);
		break;
	case TLSOCK_ACT_FAIL:
		err = prepare_fail(a, tb);
		break;
	default:
		err = -EINVAL;
	}
	if (err == -EINVAL)
		NL_SET_ERR_MSG_ATTR(extack, nla, "malformed action");
	return err;
}

static void acts_free(struct tlsock_act *acts, int n)
{
	struct tlsock_txbuf *buf, *tmp;
	int i;

	for (i = 0; i < n; i++) {
		list_for_each_entry_safe(buf, tmp, &acts[i].bufs, node)
			kfree(buf);
		tlsock_keys_free(acts[i].keys);
		tlsock_result_free(acts[i].result);
	}
}

/* The actions of one nest, behind the @n there are. *@total: bytes of data so far. */
static int prepare_nest(struct tlsock_act *acts, const struct nlattr *nest, int *n,
			size_t *total, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	const struct nlattr *nla;
	int rem, err = 0, before = *n;

	nla_for_each_nested(nla, nest, rem) {
		if (*n == TLSOCK_ACTIONS_MAX) {
			NL_SET_ERR_MSG_ATTR(extack, nla, "too many actions");
			err = -EINVAL;
			break;
		}
		err = prepare(&acts[(*n)++], nla, tb, extack);
		if (err)
			break;
		*total += acts[*n - 1].data_len;
		if (*total > PUSH_TOTAL_MAX) {
			NL_SET_ERR_MSG_ATTR(extack, nla, "too much data");
			err = -EINVAL;
			break;
		}
	}
	if (!err && (rem || *n == before)) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "no action, or trailing bytes");
		err = -EINVAL;
	}
	return err;
}

/* Every ACTIONS attribute there is: one cannot be longer than 64 KiB */
static int prepare_all(struct tlsock_act *acts, struct genl_info *info, int *n)
{
	const struct nlattr *nla;
	struct nlattr **tb;
	size_t total = 0;
	int rem, err = 0;

	tb = kcalloc(TLSOCK_AA_MAX + 1, sizeof(*tb), GFP_KERNEL);
	if (!tb)
		return -ENOMEM;
	nlmsg_for_each_attr(nla, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(nla) == TLSOCK_A_ACTIONS)
			err = prepare_nest(acts, nla, n, &total, tb, info->extack);
		if (err)
			break;
	}
	kfree(tb);
	return err;
}

/* Keys lay in it. What an nlmon tap has copied is beyond reach; see the README. */
static void wipe(const struct nlmsghdr *nlh)
{
	memzero_explicit(nlmsg_data(nlh), nlmsg_len(nlh));
}

void tlsock_push_free(struct tlsock_push *p)
{
	if (!p)
		return;
	acts_free(p->acts, p->n);
	wipe(p->nlh);
	kfree_skb(p->skb);
	if (p->conn)
		tlsock_conn_put(p->conn);
	kfree(p);
}

/* 1: @p is the socket's now */
static int push(struct tlsock_push *p, struct genl_info *info)
{
	struct tlsock_net *tn = tlsock_net(genl_info_net(info));
	const char *why = NULL;
	struct sock *sk;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, TLSOCK_A_ID) ||
	    GENL_REQ_ATTR_CHECK(info, TLSOCK_A_GENERATION) ||
	    GENL_REQ_ATTR_CHECK(info, TLSOCK_A_ACTIONS))
		return -EINVAL;
	p->portid = info->snd_portid;
	p->generation = nla_get_u32(info->attrs[TLSOCK_A_GENERATION]);
	err = prepare_all(p->acts, info, &p->n);
	if (err)
		return err;
	err = tlsock_conn_find(tn, nla_get_u64(info->attrs[TLSOCK_A_ID]), p->generation,
			       p->portid, &p->conn, &sk);
	if (err)
		return err;
	err = tlsock_hs_push(sk, p, &why);
	if (err == -EINVAL && why)
		/* the strings are constant; extack needs no copy */
		info->extack->_msg = why;
	sock_put(sk);
	return err;
}

int tlsock_nl_push(struct sk_buff *skb, struct genl_info *info)
{
	struct tlsock_push *p = kzalloc(sizeof(*p), GFP_KERNEL);
	int err;

	if (!p) {
		wipe(info->nlhdr);
		return -ENOMEM;
	}
	p->skb = skb_get(skb);
	p->nlh = info->nlhdr;
	err = push(p, info);
	if (err == 1)
		return 0;
	tlsock_push_free(p);
	return err;
}
