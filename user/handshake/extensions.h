/* SPDX-License-Identifier: MIT */
/*
 * extensions.h - every extension in one table, RFC 8446 section 4.2
 *
 * A row says which messages may carry the extension, and how each role builds and parses
 * it. The driver alone checks duplicates, strays, answers to what was never asked, and
 * bytes behind the end; a row's function must never do so itself.
 */
#ifndef HANDSHAKE_EXTENSIONS_H
#define HANDSHAKE_EXTENSIONS_H

#include "engine.h"

enum extension_message {
	IN_CLIENT_HELLO = 1 << 0,
	IN_SERVER_HELLO = 1 << 1,
	IN_HELLO_RETRY_REQUEST = 1 << 2,
	IN_ENCRYPTED_EXTENSIONS = 1 << 3,
	IN_CERTIFICATE = 1 << 4,
	IN_CERTIFICATE_REQUEST = 1 << 5,
	IN_NEW_SESSION_TICKET = 1 << 6,
	IN_SERVER_HELLO_TLS12 = 1 << 7,
};

enum {
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_MAX_FRAGMENT_LENGTH = 1,
	EXTENSION_STATUS_REQUEST = 5,
	EXTENSION_SUPPORTED_GROUPS = 10,
	EXTENSION_EC_POINT_FORMATS = 11,
	EXTENSION_SIGNATURE_ALGORITHMS = 13,
	EXTENSION_ALPN = 16,
	EXTENSION_PADDING = 21,
	EXTENSION_EXTENDED_MASTER_SECRET = 23,
	EXTENSION_RECORD_SIZE_LIMIT = 28,
	EXTENSION_SESSION_TICKET = 35,
	EXTENSION_PRE_SHARED_KEY = 41,
	EXTENSION_EARLY_DATA = 42,
	EXTENSION_SUPPORTED_VERSIONS = 43,
	EXTENSION_COOKIE = 44,
	EXTENSION_PSK_KEY_EXCHANGE_MODES = 45,
	EXTENSION_CERTIFICATE_AUTHORITIES = 47,
	EXTENSION_SIGNATURE_ALGORITHMS_CERT = 50,
	EXTENSION_KEY_SHARE = 51,
	EXTENSION_RENEGOTIATION_INFO = 0xff01,
};

/* A set of code points seen, to find duplicates among the unknown too. */
struct seen {
	uint8_t bits[65536 / 8];
};

bool seen_before(struct seen *s, uint16_t code);

/*
 * Reads an extension block (its length included) of @message into e->in. The failure is
 * recorded in the engine.
 */
int extensions_parse(struct hs_engine *e, enum extension_message message, struct reader *r);
/* Writes the extension block of @message, its length included. */
int extensions_build(struct hs_engine *e, enum extension_message message, struct writer *w);
/* Did e->in carry it? */
bool extension_seen(const struct hs_engine *e, uint16_t type);
/* Is @type in the block (its length not included)? No judgement of the rest. */
bool extension_find(struct reader block, uint16_t type, struct reader *out);

/* The rows' functions: extensions_hello.c */
typedef int extension_build_fn(struct hs_engine *e, enum extension_message message,
			       struct writer *w);
typedef int extension_parse_fn(struct hs_engine *e, enum extension_message message,
			       struct reader *r);

#define EXTENSION_OMIT 1 /* a build function has nothing to say */

extension_build_fn client_build_server_name, server_build_server_name;
extension_parse_fn client_parse_server_name, server_parse_server_name;
extension_build_fn client_build_alpn, server_build_alpn;
extension_parse_fn client_parse_alpn, server_parse_alpn;
extension_build_fn client_build_groups;
extension_parse_fn client_parse_groups, server_parse_groups;
extension_build_fn build_schemes;
extension_parse_fn parse_schemes, parse_schemes_cert;
extension_build_fn client_build_cookie;
extension_parse_fn client_parse_cookie, server_parse_cookie;
extension_build_fn client_build_key_share, server_build_key_share;
extension_parse_fn client_parse_key_share, server_parse_key_share;
extension_build_fn client_build_versions, server_build_versions;
extension_parse_fn client_parse_versions, server_parse_versions;
/* psk_tls13.c */
extension_build_fn client_build_psk_modes, client_build_psk, server_build_psk;
extension_parse_fn server_parse_psk_modes, server_parse_psk, client_parse_psk;
/* extensions_certificate.c */
extension_build_fn client_build_status_request, server_build_status_request;
extension_parse_fn client_parse_status_request, server_parse_status_request;
extension_build_fn server_build_authorities;
extension_parse_fn client_parse_authorities;
int write_authorities(struct hs_engine *e, struct writer *w); /* with their length */
void write_certificate_status(struct hs_engine *e, struct writer *w);
bool parse_certificate_status_body(struct hs_engine *e, struct reader *r, struct reader *out);
bool has_staple(const struct hs_engine *e); /* server: asked for, and there is one */
/* session_tls12.c */
extension_build_fn client_build_ticket, server_build_ticket;
extension_parse_fn client_parse_ticket, server_parse_ticket;
/* extensions_tls12.c */
extension_build_fn client_build_point_formats, server_build_point_formats;
extension_parse_fn parse_point_formats;
extension_build_fn client_build_master_secret, server_build_master_secret;
extension_parse_fn parse_master_secret;
extension_build_fn client_build_renegotiation, server_build_renegotiation;
extension_parse_fn parse_renegotiation;
/* extensions_hello.c */
extension_parse_fn server_parse_early_data, client_parse_early_data;
extension_build_fn client_build_record_limit, server_build_record_limit;
extension_parse_fn parse_record_limit;

#endif
