// SPDX-License-Identifier: MIT
/*
 * extensions.c - the one table of extensions and its driver, RFC 8446 section 4.2
 *
 * See extensions.h. The order of the rows is the order on the wire; pre_shared_key has to
 * be the last. It must never let an answer through to what was not asked.
 */
#include "extensions.h"

#define EXTENSIONS_MAX 256 /* in one block; a hundred would be odd already */

struct extension {
	uint16_t type;
	const char *name;
	unsigned int messages; /* enum extension_message */
	extension_build_fn *build[2]; /* by role; NULL: says nothing */
	extension_parse_fn *parse[2]; /* by role; NULL: the other role's to read */
};

static const struct extension table[] = {
	{ EXTENSION_SERVER_NAME,
	  "server_name",
	  IN_CLIENT_HELLO | IN_ENCRYPTED_EXTENSIONS | IN_SERVER_HELLO_TLS12,
	  { client_build_server_name, server_build_server_name },
	  { client_parse_server_name, server_parse_server_name } },
	{ EXTENSION_STATUS_REQUEST,
	  "status_request",
	  IN_CLIENT_HELLO | IN_CERTIFICATE_REQUEST | IN_CERTIFICATE | IN_SERVER_HELLO_TLS12,
	  { client_build_status_request, server_build_status_request },
	  { client_parse_status_request, server_parse_status_request } },
	{ EXTENSION_SUPPORTED_GROUPS,
	  "supported_groups", /* old servers echo it, which means nothing */
	  IN_CLIENT_HELLO | IN_ENCRYPTED_EXTENSIONS | IN_SERVER_HELLO_TLS12,
	  { client_build_groups, NULL },
	  { client_parse_groups, server_parse_groups } },
	{ EXTENSION_EC_POINT_FORMATS,
	  "ec_point_formats",
	  IN_CLIENT_HELLO | IN_SERVER_HELLO_TLS12,
	  { client_build_point_formats, server_build_point_formats },
	  { parse_point_formats, parse_point_formats } },
	{ EXTENSION_EXTENDED_MASTER_SECRET,
	  "extended_master_secret",
	  IN_CLIENT_HELLO | IN_SERVER_HELLO_TLS12,
	  { client_build_master_secret, server_build_master_secret },
	  { parse_master_secret, parse_master_secret } },
	{ EXTENSION_RENEGOTIATION_INFO,
	  "renegotiation_info",
	  IN_CLIENT_HELLO | IN_SERVER_HELLO_TLS12,
	  { client_build_renegotiation, server_build_renegotiation },
	  { parse_renegotiation, parse_renegotiation } },
	{ EXTENSION_SIGNATURE_ALGORITHMS,
	  "signature_algorithms",
	  IN_CLIENT_HELLO | IN_CERTIFICATE_REQUEST,
	  { build_schemes, build_schemes },
	  { parse_schemes, parse_schemes } },
	{ EXTENSION_SIGNATURE_ALGORITHMS_CERT,
	  "signature_algorithms_cert", /* ours are one list, so it is not sent */
	  IN_CLIENT_HELLO | IN_CERTIFICATE_REQUEST,
	  { NULL, NULL },
	  { parse_schemes_cert, parse_schemes_cert } },
	{ EXTENSION_ALPN,
	  "application_layer_protocol_negotiation",
	  IN_CLIENT_HELLO | IN_ENCRYPTED_EXTENSIONS | IN_SERVER_HELLO_TLS12,
	  { client_build_alpn, server_build_alpn },
	  { client_parse_alpn, server_parse_alpn } },
	{ EXTENSION_RECORD_SIZE_LIMIT,
	  "record_size_limit",
	  IN_CLIENT_HELLO | IN_ENCRYPTED_EXTENSIONS | IN_SERVER_HELLO_TLS12,
	  { client_build_record_limit, server_build_record_limit },
	  { parse_record_limit, parse_record_limit } },
	{ EXTENSION_SESSION_TICKET,
	  "session_ticket",
	  IN_CLIENT_HELLO | IN_SERVER_HELLO_TLS12,
	  { client_build_ticket, server_build_ticket },
	  { client_parse_ticket, server_parse_ticket } },
	{ EXTENSION_COOKIE,
	  "cookie",
	  IN_CLIENT_HELLO | IN_HELLO_RETRY_REQUEST,
	  { client_build_cookie, NULL },
	  { client_parse_cookie, server_parse_cookie } },
	{ EXTENSION_KEY_SHARE,
	  "key_share",
	  IN_CLIENT_HELLO | IN_SERVER_HELLO | IN_HELLO_RETRY_REQUEST,
	  { client_build_key_share, server_build_key_share },
	  { client_parse_key_share, server_parse_key_share } },
	{ EXTENSION_SUPPORTED_VERSIONS,
	  "supported_versions",
	  IN_CLIENT_HELLO | IN_SERVER_HELLO | IN_HELLO_RETRY_REQUEST,
	  { client_build_versions, server_build_versions },
	  { client_parse_versions, server_parse_versions } },
	{ EXTENSION_PSK_KEY_EXCHANGE_MODES,
	  "psk_key_exchange_modes",
	  IN_CLIENT_HELLO,
	  { client_build_psk_modes, NULL },
	  { NULL, server_parse_psk_modes } },
	{ EXTENSION_CERTIFICATE_AUTHORITIES,
	  "certificate_authorities",
	  IN_CLIENT_HELLO | IN_CERTIFICATE_REQUEST,
	  { NULL, server_build_authorities },
	  { client_parse_authorities, NULL } },
	{ EXTENSION_EARLY_DATA,
	  "early_data",
	  IN_CLIENT_HELLO | IN_ENCRYPTED_EXTENSIONS | IN_NEW_SESSION_TICKET, /* never offered */
	  { NULL, NULL },
	  { client_parse_early_data, server_parse_early_data } },
	{ EXTENSION_PRE_SHARED_KEY,
	  "pre_shared_key",
	  IN_CLIENT_HELLO | IN_SERVER_HELLO,
	  { client_build_psk, server_build_psk },
	  { client_parse_psk, server_parse_psk } },
};

#define ROWS (sizeof(table) / sizeof(table[0]))

static const char *block_name(enum extension_message message)
{
	switch (message) {
	case IN_CLIENT_HELLO:
		return "ClientHello";
	case IN_SERVER_HELLO:
	case IN_SERVER_HELLO_TLS12:
		return "ServerHello";
	case IN_HELLO_RETRY_REQUEST:
		return "HelloRetryRequest";
	case IN_ENCRYPTED_EXTENSIONS:
		return "EncryptedExtensions";
	case IN_CERTIFICATE:
		return "Certificate";
	case IN_CERTIFICATE_REQUEST:
		return "CertificateRequest";
	case IN_NEW_SESSION_TICKET:
		return "NewSessionTicket";
	}
	return "?";
}

static const struct extension *find_row(uint16_t type)
{
	for (size_t i = 0; i < ROWS; i++)
		if (table[i].type == type)
			return &table[i];
	return NULL;
}

static uint32_t row_bit(const struct extension *row)
{
	return 1u << (row - table);
}

bool seen_before(struct seen *s, uint16_t code)
{
	uint8_t bit = (uint8_t)(1 << (code & 7));
	bool before = s->bits[code >> 3] & bit;

	s->bits[code >> 3] |= bit;
	return before;
}

bool extension_seen(const struct hs_engine *e, uint16_t type)
{
	const struct extension *row = find_row(type);

	return row && (e->in.extensions_seen & row_bit(row));
}

bool extension_find(struct reader block, uint16_t type, struct reader *out)
{
	uint16_t found;

	while (reader_u16(&block, &found) && reader_vec16(&block, out, 0, UINT16_MAX))
		if (found == type)
			return true;
	return false;
}

/*
 * Messages that ask may carry what we do not know; messages that answer may carry nothing
 * but what was asked for (RFC 8446 section 4.2), the cookie excepted.
 */
static bool is_answer(enum extension_message message)
{
	return !(message & (IN_CLIENT_HELLO | IN_CERTIFICATE_REQUEST | IN_NEW_SESSION_TICKET));
}

static bool was_asked(const struct hs_engine *e, const struct extension *row,
		      enum extension_message message)
{
	uint32_t asked = e->role == HS_CLIENT ? e->extensions_offered : e->extensions_requested;

	if (message == IN_HELLO_RETRY_REQUEST && row->type == EXTENSION_COOKIE)
		return true;
	return asked & row_bit(row);
}

static int parse_one(struct hs_engine *e, enum extension_message message, uint16_t type,
		     struct reader body)
{
	const struct extension *row = find_row(type);
	struct reader other;
	int rc;

	if (row && !(row->messages & message))
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO, "%s carries %s",
				   block_name(message), row->name);
	/* RFC 8449 section 5; alone it is as any that was not asked for */
	if (is_answer(message) && type == EXTENSION_MAX_FRAGMENT_LENGTH &&
	    extension_find(e->in.extensions, EXTENSION_RECORD_SIZE_LIMIT, &other))
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "%s carries both max_fragment_length and record_size_limit",
				   block_name(message));
	if (is_answer(message) && (!row || !was_asked(e, row, message)))
		return engine_fail(e, ALERT_UNSUPPORTED_EXTENSION, EPROTO,
				   "%s carries extension %u, which was not asked for",
				   block_name(message), type);
	if (!row || !row->parse[e->role])
		return 0;
	e->in.extensions_seen |= row_bit(row);
	rc = row->parse[e->role](e, message, &body);
	if (rc < 0)
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "%s is malformed in %s",
				   row->name, block_name(message));
	if (!reader_done(&body))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "%zu bytes trail in %s of %s",
				   body.left, row->name, block_name(message));
	return 0;
}

int extensions_parse(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	struct seen seen = { { 0 } };
	struct reader block, body;
	uint16_t type;
	int rc;

	if (!reader_vec16(r, &block, 0, UINT16_MAX))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO,
				   "the extensions of %s are malformed", block_name(message));
	e->in.extensions = block;
	for (unsigned int count = 0; !reader_done(&block); count++) {
		if (!reader_u16(&block, &type) || !reader_vec16(&block, &body, 0, UINT16_MAX))
			return engine_fail(e, ALERT_DECODE_ERROR, EPROTO,
					   "the extensions of %s are malformed",
					   block_name(message));
		if (seen_before(&seen, type) || count == EXTENSIONS_MAX)
			return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
					   "%s carries extension %u twice, or too many",
					   block_name(message), type);
		rc = parse_one(e, message, type, body);
		if (rc < 0)
			return rc;
		/* RFC 8446 section 4.2.11 */
		if (type == EXTENSION_PRE_SHARED_KEY && message == IN_CLIENT_HELLO &&
		    !reader_done(&block))
			return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
					   "pre_shared_key is not the last extension");
	}
	return 0;
}

int extensions_build(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	size_t block = writer_open(w, 2);

	if (message == IN_CLIENT_HELLO && e->grease[GREASE_EXTENSION]) {
		writer_u16(w, e->grease[GREASE_EXTENSION]);
		writer_u16(w, 0);
	}
	for (size_t i = 0; i < ROWS; i++) {
		extension_build_fn *build = table[i].build[e->role];
		size_t start = w->len, mark;
		int rc;

		if (!(table[i].messages & message) || !build)
			continue;
		writer_u16(w, table[i].type);
		mark = writer_open(w, 2);
		rc = build(e, message, w);
		if (rc < 0)
			return rc;
		if (rc == EXTENSION_OMIT) {
			w->len = start;
			continue;
		}
		writer_close(w, mark, 2);
		if (message == IN_CLIENT_HELLO)
			e->extensions_offered |= 1u << i;
		if (message == IN_CERTIFICATE_REQUEST)
			e->extensions_requested |= 1u << i;
	}
	writer_close(w, block, 2);
	return 0;
}
