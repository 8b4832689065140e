// SPDX-License-Identifier: MIT
/*
 * extensions_tls12.c - the rows' functions of what only TLS 1.2 knows
 *
 * RFC 8422 section 5.1 (ec_point_formats), RFC 7627 (extended_master_secret), RFC 5746
 * (renegotiation_info). See extensions_hello.c for what a function may do. A connection
 * that may become none of TLS 1.2 must never carry them.
 */
#include "extensions.h"

#define POINT_UNCOMPRESSED 0

static bool speaks_tls12(const struct hs_engine *e)
{
	return e->config.min_version == HS_TLS_1_2;
}

int client_build_point_formats(struct hs_engine *e, enum extension_message message,
			       struct writer *w)
{
	(void)message;
	if (!speaks_tls12(e))
		return EXTENSION_OMIT;
	writer_u8(w, 1);
	writer_u8(w, POINT_UNCOMPRESSED);
	return 0;
}

int server_build_point_formats(struct hs_engine *e, enum extension_message message,
			       struct writer *w)
{
	if (!extension_seen(e, EXTENSION_EC_POINT_FORMATS) || e->suite->exchange != EXCHANGE_ECDHE)
		return EXTENSION_OMIT;
	return client_build_point_formats(e, message, w);
}

int parse_point_formats(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	struct reader formats;

	if (!reader_vec8(r, &formats, 1, UINT8_MAX))
		return -1;
	e->in.malformed_point_formats = !memchr(formats.at, POINT_UNCOMPRESSED, formats.left);
	if (message == IN_SERVER_HELLO_TLS12 && e->in.malformed_point_formats)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the server does not take uncompressed points");
	return 0;
}

int client_build_master_secret(struct hs_engine *e, enum extension_message message,
			       struct writer *w)
{
	(void)message;
	(void)w;
	return speaks_tls12(e) ? 0 : EXTENSION_OMIT;
}

int server_build_master_secret(struct hs_engine *e, enum extension_message message,
			       struct writer *w)
{
	(void)message;
	(void)w;
	return e->extended_master_secret ? 0 : EXTENSION_OMIT;
}

/* Empty; the driver sees to that. */
int parse_master_secret(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	(void)e;
	(void)message;
	(void)r;
	return 0;
}

int client_build_renegotiation(struct hs_engine *e, enum extension_message message,
			       struct writer *w)
{
	(void)message;
	if (!speaks_tls12(e))
		return EXTENSION_OMIT;
	writer_u8(w, 0);
	return 0;
}

int server_build_renegotiation(struct hs_engine *e, enum extension_message message,
			       struct writer *w)
{
	(void)message;
	if (!extension_seen(e, EXTENSION_RENEGOTIATION_INFO) && !e->in.renegotiation_scsv)
		return EXTENSION_OMIT;
	writer_u8(w, 0);
	return 0;
}

/* RFC 5746 sections 3.4 and 3.6: in a first handshake it is empty. */
int parse_renegotiation(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	struct reader verify_data;

	(void)message;
	if (!reader_vec8(r, &verify_data, 0, UINT8_MAX))
		return -1;
	if (verify_data.left)
		return engine_fail(e, ALERT_HANDSHAKE_FAILURE, EPROTO,
				   "renegotiation_info of a handshake that was not");
	return 0;
}
