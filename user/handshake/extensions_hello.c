// SPDX-License-Identifier: MIT
/*
 * extensions_hello.c - the rows' functions: how each extension is built and parsed
 *
 * RFC 8446 section 4.2, RFC 6066 section 3 (server_name), RFC 7301 (ALPN). A parse returns
 * 0 or -1 for malformed bytes, and keeps what it read in e->in; whether the values please
 * is for the act of the message to say. A build returns 0 or EXTENSION_OMIT.
 */
#include "extensions.h"

#define MALFORMED (-1)

/* --- server_name, RFC 6066 section 3 --- */

int client_build_server_name(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	const char *name = e->config.server_name;
	size_t list, entry;

	(void)message;
	if (!name || e->config.name_is_address)
		return EXTENSION_OMIT;
	list = writer_open(w, 2);
	writer_u8(w, 0);
	entry = writer_open(w, 2);
	writer_bytes(w, name, strlen(name));
	writer_close(w, entry, 2);
	writer_close(w, list, 2);
	return 0;
}

int server_parse_server_name(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	struct reader list;
	uint8_t type;

	(void)message;
	if (!reader_vec16(r, &list, 1, UINT16_MAX) || !reader_u8(&list, &type) || type != 0 ||
	    !reader_vec16(&list, &e->in.server_name, 1, HS_MAX_SERVER_NAME) || !reader_done(&list))
		return MALFORMED;
	for (size_t i = 0; i < e->in.server_name.left; i++)
		if (e->in.server_name.at[i] <= ' ' || e->in.server_name.at[i] > '~')
			return MALFORMED;
	return 0;
}

int server_build_server_name(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	(void)message;
	(void)w;
	/* RFC 6066 section 3: not when a session is resumed */
	return e->server_name_used && !e->resumed ? 0 : EXTENSION_OMIT;
}

/* An acknowledgement, empty: the driver sees to that. */
int client_parse_server_name(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	(void)e;
	(void)message;
	(void)r;
	return 0;
}

/* --- application_layer_protocol_negotiation, RFC 7301 --- */

int client_build_alpn(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	size_t list;

	(void)message;
	if (!e->config.alpn_len)
		return EXTENSION_OMIT;
	list = writer_open(w, 2);
	writer_bytes(w, e->config.alpn, e->config.alpn_len);
	writer_close(w, list, 2);
	return 0;
}

int server_parse_alpn(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	struct reader list, name;

	(void)message;
	if (!reader_vec16(r, &list, 2, UINT16_MAX))
		return MALFORMED;
	e->in.alpn = list;
	while (!reader_done(&list))
		if (!reader_vec8(&list, &name, 1, UINT8_MAX))
			return MALFORMED;
	return 0;
}

int server_build_alpn(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	size_t list, name;

	(void)message;
	if (!e->summary.alpn_len)
		return EXTENSION_OMIT;
	list = writer_open(w, 2);
	name = writer_open(w, 1);
	writer_bytes(w, e->summary.alpn, e->summary.alpn_len);
	writer_close(w, name, 1);
	writer_close(w, list, 2);
	return 0;
}

/* Exactly one name, RFC 7301 section 3.1 */
int client_parse_alpn(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	struct reader list;

	(void)message;
	if (!reader_vec16(r, &list, 2, UINT16_MAX) ||
	    !reader_vec8(&list, &e->in.alpn, 1, UINT8_MAX) || !reader_done(&list))
		return MALFORMED;
	return 0;
}

/* --- supported_groups, RFC 8446 section 4.2.7 --- */

int client_build_groups(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	size_t list = writer_open(w, 2), begin;

	(void)message;
	if (e->grease[GREASE_GROUP])
		writer_u16(w, e->grease[GREASE_GROUP]);
	begin = w->len;
	for (size_t i = 0; i < e->config.group_count; i++)
		if (e->config.groups[i]->kind != GROUP_HYBRID ||
		    e->config.max_version == HS_TLS_1_3)
			writer_u16(w, e->config.groups[i]->code);
	if (w->len == begin)
		return EXTENSION_OMIT;
	writer_close(w, list, 2);
	return 0;
}

int server_parse_groups(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	struct reader list;
	uint16_t code;

	(void)message;
	if (!reader_vec16(r, &list, 2, UINT16_MAX))
		return MALFORMED;
	while (!reader_done(&list)) {
		int i;

		if (!reader_u16(&list, &code))
			return MALFORMED;
		i = group_index(&e->config, code);
		if (i >= 0)
			e->in.groups_shared |= 1u << i;
		/* RFC 7919 section 2 */
		e->in.ffdhe |= code >> 8 == 1;
		e->in.ffdhe2048 |= code == HS_FFDHE2048;
		e->in.ffdhe3072 |= code == HS_FFDHE3072;
	}
	return 0;
}

/* What the server would have liked better: nothing to act upon within this connection. */
int client_parse_groups(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	struct reader list;
	uint16_t code;

	(void)e;
	(void)message;
	if (!reader_vec16(r, &list, 2, UINT16_MAX))
		return MALFORMED;
	while (!reader_done(&list))
		if (!reader_u16(&list, &code))
			return MALFORMED;
	return 0;
}

/* --- signature_algorithms, RFC 8446 section 4.2.3 --- */

int build_schemes(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	size_t list = writer_open(w, 2);

	(void)message;
	if (e->grease[GREASE_GROUP]) /* a list of its own: the same value serves */
		writer_u16(w, e->grease[GREASE_GROUP]);
	for (size_t i = 0; i < e->config.scheme_count; i++)
		writer_u16(w, e->config.schemes[i]->code);
	writer_close(w, list, 2);
	return 0;
}

int parse_schemes(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	struct reader list;
	uint16_t code;

	(void)message;
	if (!reader_vec16(r, &list, 2, UINT16_MAX - 1))
		return MALFORMED;
	e->in.schemes = list;
	while (!reader_done(&list)) {
		int i;

		if (!reader_u16(&list, &code))
			return MALFORMED;
		i = scheme_index(&e->config, code);
		if (i >= 0)
			e->in.schemes_shared |= 1u << i;
	}
	return 0;
}

/* What the peer verifies in certificates, where that differs. */
int parse_schemes_cert(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	(void)message;
	if (!reader_vec16(r, &e->in.schemes_cert, 2, UINT16_MAX - 1) || e->in.schemes_cert.left % 2)
		return MALFORMED;
	return 0;
}

/* --- cookie, RFC 8446 section 4.2.2 --- */

int client_build_cookie(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	size_t cookie;

	(void)message;
	if (!e->cookie)
		return EXTENSION_OMIT;
	cookie = writer_open(w, 2);
	writer_bytes(w, e->cookie, e->cookie_len);
	writer_close(w, cookie, 2);
	return 0;
}

static int parse_cookie(struct hs_engine *e, struct reader *r)
{
	return reader_vec16(r, &e->in.cookie, 1, UINT16_MAX) ? 0 : MALFORMED;
}

int client_parse_cookie(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	(void)message;
	return parse_cookie(e, r);
}

int server_parse_cookie(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	(void)message;
	return parse_cookie(e, r);
}

/* --- key_share, RFC 8446 section 4.2.8 --- */

static void write_share(struct hs_engine *e, const struct group *group, struct writer *w)
{
	size_t share, len;
	const uint8_t *bytes = crypto_share_public(e->share, group, &len);

	writer_u16(w, group->code);
	share = writer_open(w, 2);
	writer_bytes(w, bytes, len);
	writer_close(w, share, 2);
}

int client_build_key_share(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	size_t list;

	(void)message;
	if (e->config.max_version < HS_TLS_1_3)
		return EXTENSION_OMIT;
	list = writer_open(w, 2);
	if (e->grease[GREASE_GROUP] && !e->retry_group) { /* RFC 8701 section 3.1: of any bytes */
		writer_u16(w, e->grease[GREASE_GROUP]);
		writer_u16(w, 1);
		writer_u8(w, 0);
	}
	write_share(e, e->group, w);
	/* a hybrid's curve for servers that do not have the hybrid; a retry asks for one alone */
	for (size_t i = 0; !e->retry_group && i < e->config.group_count; i++)
		if (e->config.groups[i] != e->group &&
		    crypto_share_serves(e->share, e->config.groups[i]))
			write_share(e, e->config.groups[i], w);
	writer_close(w, list, 2);
	return 0;
}

int server_build_key_share(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	if (message == IN_HELLO_RETRY_REQUEST)
		writer_u16(w, e->retry_group);
	else
		write_share(e, e->group, w);
	return 0;
}

int server_parse_key_share(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	struct seen seen = { { 0 } };
	struct reader list, share;
	uint16_t code;

	(void)message;
	if (!reader_vec16(r, &list, 0, UINT16_MAX))
		return MALFORMED;
	while (!reader_done(&list)) {
		int i;

		if (!reader_u16(&list, &code) || !reader_vec16(&list, &share, 1, UINT16_MAX))
			return MALFORMED;
		if (seen_before(&seen, code))
			return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
					   "two key shares of group %u", code);
		i = group_index(&e->config, code);
		if (i < 0)
			continue;
		e->in.shares_present |= 1u << i;
		e->in.shares[i] = share;
	}
	return 0;
}

int client_parse_key_share(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	if (!reader_u16(r, &e->in.share_group))
		return MALFORMED;
	if (message == IN_HELLO_RETRY_REQUEST)
		return 0;
	return reader_vec16(r, &e->in.share, 1, UINT16_MAX) ? 0 : MALFORMED;
}

/* --- supported_versions, RFC 8446 section 4.2.1 --- */

int client_build_versions(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	size_t list;

	(void)message;
	if (e->config.max_version < HS_TLS_1_3)
		return EXTENSION_OMIT;
	list = writer_open(w, 1);
	if (e->grease[GREASE_VERSION])
		writer_u16(w, e->grease[GREASE_VERSION]);
	writer_u16(w, HS_TLS_1_3);
	if (e->config.min_version == HS_TLS_1_2)
		writer_u16(w, HS_TLS_1_2);
	writer_close(w, list, 1);
	return 0;
}

int server_parse_versions(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	struct reader list;
	uint16_t version;

	(void)message;
	if (!reader_vec8(r, &list, 2, 254))
		return MALFORMED;
	while (!reader_done(&list)) {
		if (!reader_u16(&list, &version))
			return MALFORMED;
		if (version == HS_TLS_1_3)
			e->in.offers_tls13 = true;
		if (version == HS_TLS_1_2)
			e->in.offers_tls12 = true;
	}
	return 0;
}

int server_build_versions(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	(void)e;
	(void)message;
	writer_u16(w, HS_TLS_1_3);
	return 0;
}

int client_parse_versions(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	(void)message;
	return reader_u16(r, &e->in.version) ? 0 : MALFORMED;
}

/* --- early_data, never offered and never taken, RFC 8446 section 4.2.10 --- */

int server_parse_early_data(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	(void)e;
	(void)message;
	(void)r;
	return 0;
}

int client_parse_early_data(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	uint32_t max;

	(void)e;
	if (message != IN_NEW_SESSION_TICKET)
		return 0;
	return reader_u32(r, &max) ? 0 : MALFORMED;
}

/* --- record_size_limit, RFC 8449 --- */

static void write_record_limit(const struct hs_engine *e, uint16_t version, struct writer *w)
{
	/* section 4: in TLS 1.3 the content type counts */
	uint16_t most = (uint16_t)(HS_MAX_PAYLOAD + (version == HS_TLS_1_3));

	writer_u16(w, e->config.record_limit < most ? e->config.record_limit : most);
}

int client_build_record_limit(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	(void)message;
	write_record_limit(e, e->config.max_version, w);
	return 0;
}

int server_build_record_limit(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	(void)message;
	if (!extension_seen(e, EXTENSION_RECORD_SIZE_LIMIT))
		return EXTENSION_OMIT;
	write_record_limit(e, e->version, w);
	return 0;
}

/* More than a version has may be for one that we do not know. */
int parse_record_limit(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	(void)message;
	if (!reader_u16(r, &e->in.record_limit))
		return MALFORMED;
	if (e->in.record_limit < RECORD_LIMIT_MIN)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "record_size_limit is %u, which is too small",
				   e->in.record_limit);
	return 0;
}
