// SPDX-License-Identifier: MIT
/*
 * trace_print.c - handshake messages in the words of RFC 8446 section 4 and RFC 5246 section 7.4
 *
 * Shows what is there; judging it is the engine's. Bytes of a peer are printed in hexadecimal or
 * escaped.
 */
#include "trace.h"

#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "handshake/reader.h"

#define COLUMNS 100

enum {
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2,
	NEW_SESSION_TICKET = 4,
	ENCRYPTED_EXTENSIONS = 8,
	CERTIFICATE = 11,
	SERVER_KEY_EXCHANGE = 12,
	CERTIFICATE_REQUEST = 13,
	SERVER_HELLO_DONE = 14,
	CERTIFICATE_VERIFY = 15,
	CLIENT_KEY_EXCHANGE = 16,
	FINISHED = 20,
};

enum {
	EXT_SERVER_NAME = 0,
	EXT_GROUPS = 10,
	EXT_SCHEMES = 13,
	EXT_RECORD_LIMIT = 28,
	EXT_VERSIONS = 43,
	EXT_KEY_SHARE = 51,
};

void trace_line(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

void trace_detail(const char *format, ...)
{
	va_list ap;

	fputs("       ", stdout);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

void trace_hex(const char *what, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;

	printf("       %s ", what);
	for (size_t i = 0; i < len; i++) {
		if (i && i % 32 == 0)
			printf("\n       %*s ", (int)strlen(what), "");
		printf("%02x", b[i]);
	}
	putchar('\n');
}

static const char *message_name(uint8_t type)
{
	switch (type) {
	case CLIENT_HELLO:
		return "ClientHello";
	case SERVER_HELLO:
		return "ServerHello";
	case NEW_SESSION_TICKET:
		return "NewSessionTicket";
	case ENCRYPTED_EXTENSIONS:
		return "EncryptedExtensions";
	case CERTIFICATE:
		return "Certificate";
	case SERVER_KEY_EXCHANGE:
		return "ServerKeyExchange";
	case CERTIFICATE_REQUEST:
		return "CertificateRequest";
	case SERVER_HELLO_DONE:
		return "ServerHelloDone";
	case CERTIFICATE_VERIFY:
		return "CertificateVerify";
	case CLIENT_KEY_EXCHANGE:
		return "ClientKeyExchange";
	case FINISHED:
		return "Finished";
	default:
		return "(a message without a name here)";
	}
}

static const char *extension_name(uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
		{ 0, "server_name" },
		{ 1, "max_fragment_length" },
		{ 5, "status_request" },
		{ 10, "supported_groups" },
		{ 11, "ec_point_formats" },
		{ 13, "signature_algorithms" },
		{ 16, "application_layer_protocol_negotiation" },
		{ 22, "encrypt_then_mac" },
		{ 23, "extended_master_secret" },
		{ 28, "record_size_limit" },
		{ 35, "session_ticket" },
		{ 41, "pre_shared_key" },
		{ 42, "early_data" },
		{ 43, "supported_versions" },
		{ 44, "cookie" },
		{ 45, "psk_key_exchange_modes" },
		{ 47, "certificate_authorities" },
		{ 50, "signature_algorithms_cert" },
		{ 51, "key_share" },
		{ 0xff01, "renegotiation_info" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	return "(unknown)";
}

static const char *version_text(uint16_t code, char number[8])
{
	return name_or_number(version_name(code), code, number);
}

static const char *group_text(uint16_t code, char number[8])
{
	return name_or_number(group_name(code), code, number);
}

static const char *scheme_text(uint16_t code, char number[8])
{
	return name_or_number(scheme_name(code), code, number);
}

static const char *suite_text(uint16_t code, char number[8])
{
	return code == 0x00ff ? "TLS_EMPTY_RENEGOTIATION_INFO_SCSV" :
				name_or_number(suite_name(code), code, number);
}

static void codes(const char *what, struct reader r, const char *(*text)(uint16_t, char[8]))
{
	char number[8];
	uint16_t code;
	size_t indent = 7 + strlen(what), column = indent;

	printf("       %s", what);
	while (reader_u16(&r, &code)) {
		const char *word = text(code, number);

		if (column > indent && column + strlen(word) >= COLUMNS) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		}
		printf(" %s", word);
		column += 1 + strlen(word);
	}
	putchar('\n');
}

static void key_share_entry(struct reader *r)
{
	char number[8], what[64];
	struct reader key;
	uint16_t group;

	if (!reader_u16(r, &group))
		return;
	if (!reader_vec16(r, &key, 1, 65535)) { /* HelloRetryRequest names the group alone */
		trace_detail("key_share: please with %s", group_text(group, number));
		return;
	}
	snprintf(what, sizeof(what), "key_share %s, public value:", group_text(group, number));
	trace_hex(what, key.at, key.left);
}

static void extension(uint8_t message, uint16_t type, struct reader body)
{
	struct reader all = body, list;
	char text[600], number[8];
	uint16_t code;
	uint8_t kind;

	switch (type) {
	case EXT_SERVER_NAME:
		if (reader_vec16(&body, &list, 1, 65535) && reader_u8(&list, &kind) &&
		    reader_vec16(&list, &body, 1, 255)) {
			escape(body.at, body.left, text, sizeof(text));
			trace_detail("server_name \"%s\" (RFC 6066, readable by everybody)", text);
			return;
		}
		break;
	case EXT_GROUPS:
		if (reader_vec16(&body, &list, 2, 65535)) {
			codes("supported_groups:", list, group_text);
			return;
		}
		break;
	case EXT_SCHEMES:
		if (reader_vec16(&body, &list, 2, 65535)) {
			codes("signature_algorithms:", list, scheme_text);
			return;
		}
		break;
	case EXT_RECORD_LIMIT:
		if (reader_u16(&body, &code)) {
			trace_detail("record_size_limit: %u bytes", code);
			return;
		}
		break;
	case EXT_VERSIONS:
		if (message == CLIENT_HELLO && reader_vec8(&body, &list, 2, 254)) {
			codes("supported_versions:", list, version_text);
			return;
		}
		if (reader_u16(&body, &code)) {
			trace_detail("supported_versions: %s it is", version_text(code, number));
			return;
		}
		break;
	case EXT_KEY_SHARE:
		if (message != CLIENT_HELLO) {
			key_share_entry(&body);
			return;
		}
		if (reader_vec16(&body, &list, 0, 65535)) {
			while (!reader_done(&list))
				key_share_entry(&list);
			return;
		}
		break;
	}
	trace_detail("extension %s, %zu bytes", extension_name(type), all.left);
}

static void extensions(uint8_t message, struct reader *r)
{
	struct reader list, body;
	uint16_t type;

	if (!reader_vec16(r, &list, 0, 65535))
		return;
	while (reader_u16(&list, &type) && reader_vec16(&list, &body, 0, 65535))
		extension(message, type, body);
}

static void client_hello(struct reader r)
{
	struct reader random, session, suites, compression;
	uint16_t version;
	char number[8];

	if (!reader_u16(&r, &version) || !reader_span(&r, 32, &random) ||
	    !reader_vec8(&r, &session, 0, 32) || !reader_vec16(&r, &suites, 2, 65534) ||
	    !reader_vec8(&r, &compression, 1, 255))
		return;
	trace_detail("legacy_version %s", version_text(version, number));
	trace_hex("random", random.at, random.left);
	codes("cipher_suites:", suites, suite_text);
	extensions(CLIENT_HELLO, &r);
}

static void server_hello(struct trace_names *names, struct reader r)
{
	/* RFC 8446 section 4.1.3: the SHA-256 of "HelloRetryRequest" */
	static const uint8_t retry[] = { 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11 };
	struct reader random, session, rest;
	uint16_t version, suite, type;
	uint8_t compression;
	char number[8];

	if (!reader_u16(&r, &version) || !reader_span(&r, 32, &random) ||
	    !reader_vec8(&r, &session, 0, 32) || !reader_u16(&r, &suite) ||
	    !reader_u8(&r, &compression))
		return;
	if (!memcmp(random.at, retry, sizeof(retry)))
		trace_detail("this random says: HelloRetryRequest");
	trace_hex("random", random.at, random.left);
	trace_detail("cipher_suite %s", suite_text(suite, number));
	names->suite = suite;
	rest = r;
	if (reader_vec16(&rest, &session, 0, 65535))
		while (reader_u16(&session, &type) && reader_vec16(&session, &random, 0, 65535))
			names->tls13 |= type == EXT_VERSIONS;
	extensions(SERVER_HELLO, &r);
}

static void name_line(const char *what, const X509_NAME *name)
{
	char text[512] = "", clean[1024];
	BIO *out = BIO_new(BIO_s_mem());

	if (!out)
		return;
	if (X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253) >= 0) {
		int n = BIO_read(out, text, sizeof(text));

		escape(text, n > 0 ? (size_t)n : 0, clean, sizeof(clean));
		trace_detail("  %s %s", what, clean);
	}
	BIO_free(out);
}

static void one_certificate(struct reader der)
{
	const unsigned char *at = der.at;
	X509 *cert = d2i_X509(NULL, &at, (long)der.left);
	struct tm until;
	char text[32];

	trace_detail("certificate of %zu bytes", der.left);
	if (!cert)
		return;
	name_line("subject", X509_get_subject_name(cert));
	name_line("issuer ", X509_get_issuer_name(cert));
	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &until) == 1 &&
	    strftime(text, sizeof(text), "%F %T", &until))
		trace_detail("  valid until %s UTC", text);
	X509_free(cert);
}

static void certificate(const struct trace_names *names, struct reader r)
{
	struct reader context, list, der, rest;

	if (names->tls13 && !reader_vec8(&r, &context, 0, 255))
		return;
	if (!reader_vec24(&r, &list, 0, (1U << 24) - 1))
		return;
	while (reader_vec24(&list, &der, 1, (1U << 24) - 1)) {
		one_certificate(der);
		if (names->tls13 && !reader_vec16(&list, &rest, 0, 65535))
			return;
	}
}

static void signature(struct reader *r, const char *of)
{
	struct reader bytes;
	uint16_t scheme;
	char number[8];

	if (reader_u16(r, &scheme) && reader_vec16(r, &bytes, 0, 65535))
		trace_detail("signature %s, %zu bytes, over %s", scheme_text(scheme, number),
			     bytes.left, of);
}

static bool is_dhe(uint16_t suite)
{
	const char *name = suite_name(suite);

	return name && !strncmp(name, "TLS_DHE_", 8);
}

static void server_key_exchange(const struct trace_names *names, struct reader r)
{
	struct reader p, g, ys;
	char number[8], what[64];
	uint8_t curve_type;
	uint16_t group;

	if (is_dhe(names->suite)) {
		if (!reader_vec16(&r, &p, 1, 65535) || !reader_vec16(&r, &g, 1, 65535) ||
		    !reader_vec16(&r, &ys, 1, 65535))
			return;
		trace_detail("prime of %zu bits", p.left * 8);
		trace_hex("public value Ys:", ys.at, ys.left);
	} else {
		if (!reader_u8(&r, &curve_type) || !reader_u16(&r, &group) ||
		    !reader_vec8(&r, &ys, 1, 255))
			return;
		snprintf(what, sizeof(what),
			 "named_curve %s, public value:", group_text(group, number));
		trace_hex(what, ys.at, ys.left);
	}
	signature(&r, "both randoms and the parameters");
}

/* RSA key exchange, RFC 5246 section 7.4.7.1 */
static bool is_rsa(uint16_t suite)
{
	const char *name = suite_name(suite);

	return name && !strncmp(name, "TLS_RSA_", 8);
}

static void client_key_exchange(const struct trace_names *names, struct reader r)
{
	struct reader value;

	if (is_rsa(names->suite)) {
		if (reader_vec16(&r, &value, 1, 65535))
			trace_detail("pre-master secret, %zu bytes: encrypted to the "
				     "certificate's key",
				     value.left);
		return;
	}
	if (is_dhe(names->suite) ? reader_vec16(&r, &value, 1, 65535) :
				   reader_vec8(&r, &value, 1, 255))
		trace_hex("public value:", value.at, value.left);
}

static void contents(struct trace_names *names, uint8_t type, struct reader r)
{
	struct reader context;

	switch (type) {
	case CLIENT_HELLO:
		client_hello(r);
		break;
	case SERVER_HELLO:
		server_hello(names, r);
		break;
	case ENCRYPTED_EXTENSIONS:
		extensions(type, &r);
		break;
	case CERTIFICATE_REQUEST:
		if (names->tls13 && reader_vec8(&r, &context, 0, 255))
			extensions(type, &r);
		break;
	case CERTIFICATE:
		certificate(names, r);
		break;
	case SERVER_KEY_EXCHANGE:
		server_key_exchange(names, r);
		break;
	case CLIENT_KEY_EXCHANGE:
		client_key_exchange(names, r);
		break;
	case CERTIFICATE_VERIFY:
		signature(&r, "all messages so far");
		break;
	case FINISHED:
		trace_hex("verify_data", r.at, r.left);
		break;
	}
}

void trace_message(struct trace_names *names, bool sent, bool encrypted, const uint8_t *message,
		   size_t len)
{
	printf("%s%s %-20s%s %5zu bytes%s\n", colour(COLOUR_STRONG), sent ? "-->" : "<--",
	       message_name(message[0]), colour(COLOUR_NONE), len, encrypted ? ", encrypted" : "");
	contents(names, message[0], reader_over(message + 4, len - 4));
}
