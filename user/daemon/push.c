// SPDX-License-Identifier: MIT
/*
 * push.c - see push.h
 *
 * The length of an attribute is 16 bits, that of a nest too. So a long flight is cut into
 * several DATA actions, and an action that would make ACTIONS too long opens another ACTIONS:
 * they are one list for the kernel.
 */
#include "push.h"

#include <errno.h>
#include <linux/tlsock.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX ((size_t)192 * 1024)
#define NEST_MAX ((size_t)UINT16_MAX)
#define DATA_MAX ((size_t)32000) /* of the 65000 allowed: two fit in a nest */
#define CERTS_MAX ((size_t)60000)
#define TEXT_MAX ((size_t)239)
#define ACTION_OVERHEAD ((size_t)512) /* of any action, its bytes and certificates apart */

_Static_assert((int)HS_EPOCH_HANDSHAKE == (int)TLSOCK_EPOCH_HANDSHAKE, "epochs agree");
_Static_assert((int)HS_EPOCH_APPLICATION == (int)TLSOCK_EPOCH_APPLICATION, "epochs agree");

int push_new(struct push *push)
{
	memset(push, 0, sizeof(*push));
	push->message = nlmsg_alloc_size(MESSAGE_MAX);
	return push->message ? 0 : -ENOMEM;
}

void push_wipe(struct push *push)
{
	struct nlmsghdr *h = nlmsg_hdr(push->message);

	explicit_bzero(nlmsg_data(h), h->nlmsg_len - NLMSG_HDRLEN);
	h->nlmsg_len = NLMSG_HDRLEN;
	push->nest = NULL;
	push->actions = 0;
	push->cookie_len = 0;
}

void push_free(struct push *push)
{
	if (!push->message)
		return;
	push_wipe(push);
	nlmsg_free(push->message);
	push->message = NULL;
}

void push_begin(struct push *push, int family, uint64_t id, uint32_t generation)
{
	push_wipe(push);
	memset(nlmsg_hdr(push->message), 0, NLMSG_HDRLEN);
	nlmsg_hdr(push->message)->nlmsg_len = NLMSG_HDRLEN;
	genlmsg_put(push->message, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_REQUEST | NLM_F_ACK,
		    TLSOCK_CMD_PUSH, TLSOCK_GENL_VERSION);
	nla_put_u64(push->message, TLSOCK_A_ID, id);
	nla_put_u32(push->message, TLSOCK_A_GENERATION, generation);
}

void push_end(struct push *push)
{
	if (push->nest)
		nla_nest_end(push->message, push->nest);
	push->nest = NULL;
}

/* Starts an action that takes @bytes beyond its small attributes. */
static struct nlattr *open_action(struct push *push, int type, size_t bytes)
{
	struct nlmsghdr *h = nlmsg_hdr(push->message);
	size_t used;

	if (push->nest) {
		used = (size_t)((char *)nlmsg_tail(h) - (char *)push->nest);
		if (used + bytes + ACTION_OVERHEAD > NEST_MAX)
			push_end(push);
	}
	if (h->nlmsg_len + bytes + 2 * ACTION_OVERHEAD > MESSAGE_MAX)
		return NULL;
	if (!push->nest)
		push->nest = nla_nest_start(push->message, TLSOCK_A_ACTIONS | NLA_F_NESTED);
	if (!push->nest)
		return NULL;
	push->actions++;
	return nla_nest_start(push->message, type | NLA_F_NESTED);
}

/* libnl's nla_nest_end() drops an empty nest, and CONTINUE is one. */
static int close_action(struct push *push, struct nlattr *action, int failed)
{
	if (failed)
		return -EMSGSIZE;
	return nla_nest_end_keep_empty(push->message, action) ? -EMSGSIZE : 0;
}

/* Only what is less than any record's needs to be said. */
static int put_max_payload(struct nl_msg *m, uint16_t max_payload)
{
	return max_payload < HS_MAX_PAYLOAD ? nla_put_u16(m, TLSOCK_AA_MAX_PAYLOAD, max_payload) :
					      0;
}

static int put_data(struct push *push, const struct hs_data *data)
{
	for (size_t at = 0; at < data->len; at += DATA_MAX) {
		size_t n = data->len - at < DATA_MAX ? data->len - at : DATA_MAX;
		struct nlattr *action = open_action(push, TLSOCK_ACT_DATA, n);
		int failed;

		if (!action)
			return -EMSGSIZE;
		failed = put_max_payload(push->message, data->max_payload) ||
			 nla_put_u8(push->message, TLSOCK_AA_EPOCH, (uint8_t)data->epoch) ||
			 nla_put_u8(push->message, TLSOCK_AA_CONTENT_TYPE,
				    (uint8_t)data->content_type) ||
			 nla_put(push->message, TLSOCK_AA_DATA, (int)n, data->bytes + at);
		failed = close_action(push, action, failed);
		if (failed)
			return failed;
	}
	return 0;
}

static int put_key(struct push *push, const struct hs_key *key)
{
	struct nlattr *action = open_action(push, TLSOCK_ACT_KEY, 0);
	struct nl_msg *m = push->message;
	int failed;

	if (!action)
		return -EMSGSIZE;
	failed = nla_put_u8(m, TLSOCK_AA_DIRECTION,
			    key->direction == HS_TX ? TLSOCK_DIR_TX : TLSOCK_DIR_RX) ||
		 nla_put_u8(m, TLSOCK_AA_EPOCH, (uint8_t)key->epoch) ||
		 nla_put_u16(m, TLSOCK_AA_VERSION, key->version) ||
		 nla_put_u16(m, TLSOCK_AA_SUITE, key->suite) ||
		 nla_put(m, TLSOCK_AA_KEY, (int)key->key_len, key->key) ||
		 nla_put(m, TLSOCK_AA_IV, (int)key->iv_len, key->iv) ||
		 nla_put_u64(m, TLSOCK_AA_SEQ, key->seq);
	/* Only the application's keys are ever updated (RFC 8446 section 7.2). */
	if (!failed && key->epoch == HS_EPOCH_APPLICATION && key->secret_len)
		failed = nla_put(m, TLSOCK_AA_SECRET, (int)key->secret_len, key->secret);
	return close_action(push, action, failed);
}

static int put_certificates(struct nl_msg *m, const struct hs_summary *s)
{
	for (size_t i = 0; i < s->peer_chain_count; i++)
		if (nla_put(m, TLSOCK_AA_PEER_CERT, (int)s->peer_chain[i].len,
			    s->peer_chain[i].data))
			return -EMSGSIZE;
	return 0;
}

/* TLS 1.2 without extended_master_secret has none. */
static bool has_binding(const struct hs_summary *s)
{
	static const uint8_t none[HS_CHANNEL_BINDING_LEN];

	return memcmp(s->channel_binding, none, sizeof(none)) != 0;
}

static int put_complete(struct push *push, const struct hs_summary *s)
{
	uint32_t flags = (s->resumed ? TLSOCK_INFO_RESUMED : 0) |
			 (s->peer_authenticated ? TLSOCK_INFO_VERIFIED : 0);
	struct nl_msg *m = push->message;
	struct nlattr *action;
	size_t certs = 0;
	int failed;

	for (size_t i = 0; i < s->peer_chain_count; i++)
		certs += s->peer_chain[i].len + sizeof(struct nlattr) + NLA_ALIGNTO;
	if (certs > CERTS_MAX)
		return -E2BIG;
	if (certs + push->cookie_len > CERTS_MAX)
		push->cookie_len = 0; /* no tickets, then */
	action = open_action(push, TLSOCK_ACT_COMPLETE,
			     certs + push->cookie_len + sizeof(s->server_name));
	if (!action)
		return -EMSGSIZE;
	failed = nla_put_u16(m, TLSOCK_AA_VERSION, s->version) ||
		 nla_put_u16(m, TLSOCK_AA_SUITE, s->suite) ||
		 nla_put_u16(m, TLSOCK_AA_GROUP, s->group) ||
		 nla_put_u16(m, TLSOCK_AA_SIGNATURE_SCHEME, s->scheme) ||
		 nla_put_u32(m, TLSOCK_AA_FLAGS, flags) ||
		 nla_put_u32(m, TLSOCK_AA_VERIFY_CODE, (uint32_t)s->verify_code) ||
		 put_max_payload(m, s->max_payload) || put_certificates(m, s);
	if (!failed && has_binding(s))
		failed = nla_put(m, TLSOCK_AA_CHANNEL_BINDING, HS_CHANNEL_BINDING_LEN,
				 s->channel_binding);
	if (!failed && s->alpn_len)
		failed = nla_put(m, TLSOCK_AA_ALPN, (int)s->alpn_len, s->alpn);
	if (!failed && s->server_name[0])
		failed = nla_put_string(m, TLSOCK_AA_SERVER_NAME, s->server_name);
	if (!failed && push->cookie_len)
		failed = nla_put(m, TLSOCK_AA_COOKIE, (int)push->cookie_len, push->cookie);
	return close_action(push, action, failed);
}

/* Cuts at a character's border: a UTF-8 continuation byte is 10xxxxxx. */
static size_t text_length(const char *text)
{
	size_t n = strnlen(text, TEXT_MAX + 1);

	if (n <= TEXT_MAX)
		return n;
	n = TEXT_MAX;
	while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

int push_fail(struct push *push, int error, int alert, int verify_code, const char *text)
{
	struct nlattr *action = open_action(push, TLSOCK_ACT_FAIL, 0);
	struct nl_msg *m = push->message;
	char cut[TEXT_MAX + 1] = "";
	int failed;

	if (!action)
		return -EMSGSIZE;
	memcpy(cut, text, text_length(text));
	failed = nla_put_u32(m, TLSOCK_AA_ERRNO, (uint32_t)error) ||
		 nla_put_string(m, TLSOCK_AA_TEXT, cut);
	if (!failed && alert >= 0)
		failed = nla_put_u8(m, TLSOCK_AA_ALERT, (uint8_t)alert);
	if (!failed && verify_code)
		failed = nla_put_u32(m, TLSOCK_AA_VERIFY_CODE, (uint32_t)verify_code);
	return close_action(push, action, failed);
}

int push_continue(struct push *push)
{
	struct nlattr *action = open_action(push, TLSOCK_ACT_CONTINUE, 0);

	return action ? close_action(push, action, 0) : -EMSGSIZE;
}

int push_action(struct push *push, const struct hs_action *action)
{
	switch (action->type) {
	case HS_ACTION_DATA:
		return put_data(push, &action->data);
	case HS_ACTION_KEY:
		return put_key(push, &action->key);
	case HS_ACTION_CONTINUE:
		return push_continue(push);
	case HS_ACTION_COMPLETE:
		return put_complete(push, action->summary);
	case HS_ACTION_FAIL:
		return push_fail(push, action->failure.error, action->failure.alert,
				 action->failure.verify_code, action->failure.text);
	}
	return -EINVAL;
}
