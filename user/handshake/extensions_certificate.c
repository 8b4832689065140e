// SPDX-License-Identifier: MIT
/*
 * extensions_certificate.c - the rows' functions of what goes with certificates
 *
 * RFC 6066 section 8 and RFC 8446 section 4.4.2.1 (status_request), section 4.2.4
 * (certificate_authorities). See extensions_hello.c for what a function may do.
 */
#include "extensions.h"

#include <stdlib.h>

#define MALFORMED (-1)
#define STATUS_OCSP 1
#define AUTHORITIES_MAX 16384 /* bytes that are named to a client */

int client_build_status_request(struct hs_engine *e, enum extension_message message,
				struct writer *w)
{
	(void)message;
	if (!e->config.ask_staple)
		return EXTENSION_OMIT;
	writer_u8(w, STATUS_OCSP);
	writer_u16(w, 0); /* responder_id_list */
	writer_u16(w, 0); /* request_extensions */
	return 0;
}

int server_parse_status_request(struct hs_engine *e, enum extension_message message,
				struct reader *r)
{
	struct reader responders, extensions;
	uint8_t type;

	(void)message;
	if (!reader_u8(r, &type))
		return MALFORMED;
	if (type != STATUS_OCSP) /* of a kind to come */
		return reader_span(r, r->left, &extensions) ? 0 : MALFORMED;
	if (!reader_vec16(r, &responders, 0, UINT16_MAX) ||
	    !reader_vec16(r, &extensions, 0, UINT16_MAX))
		return MALFORMED;
	e->in.wants_staple = true;
	return 0;
}

bool has_staple(const struct hs_engine *e)
{
	return e->role == HS_SERVER && e->in.wants_staple && credential_staple(e->credential)->len;
}

/* In TLS 1.2 a promise of a CertificateStatus; the response itself is not in a hello. */
int server_build_status_request(struct hs_engine *e, enum extension_message message,
				struct writer *w)
{
	(void)w;
	if (message != IN_SERVER_HELLO_TLS12 || e->resumed || !has_staple(e))
		return EXTENSION_OMIT;
	return 0;
}

void write_certificate_status(struct hs_engine *e, struct writer *w)
{
	const struct hs_der *staple = credential_staple(e->credential);

	writer_u8(w, STATUS_OCSP);
	writer_u24(w, (uint32_t)staple->len);
	writer_bytes(w, staple->data, staple->len);
}

bool parse_certificate_status_body(struct hs_engine *e, struct reader *r, struct reader *out)
{
	uint8_t type;

	(void)e;
	return reader_u8(r, &type) && type == STATUS_OCSP && reader_vec24(r, out, 1, HS_MAX_STAPLE);
}

/* Only what comes with the leaf is looked at. */
int client_parse_status_request(struct hs_engine *e, enum extension_message message,
				struct reader *r)
{
	struct reader staple;

	if (message == IN_CERTIFICATE_REQUEST)
		return reader_span(r, r->left, &staple) ? 0 : MALFORMED;
	if (message != IN_CERTIFICATE)
		return 0; /* a promise, empty: the driver sees to that */
	if (!parse_certificate_status_body(e, r, &staple))
		return MALFORMED;
	if (e->in.chain_count == 1)
		e->in.staple = staple;
	return 0;
}

/* As many anchors as there is room for. */
int write_authorities(struct hs_engine *e, struct writer *w)
{
	size_t list = writer_open(w, 2), begin = w->len, len, at;
	uint8_t *der;

	for (size_t i = 0; e->config.name_authorities; i++) {
		len = trust_subject(e->config.trust, i, &der);
		if (!len)
			break;
		if (w->len - begin + len > AUTHORITIES_MAX) {
			free(der);
			break;
		}
		at = writer_open(w, 2);
		writer_bytes(w, der, len);
		writer_close(w, at, 2);
		free(der);
	}
	len = w->len - begin;
	writer_close(w, list, 2);
	return len ? 0 : EXTENSION_OMIT;
}

int server_build_authorities(struct hs_engine *e, enum extension_message message, struct writer *w)
{
	(void)message;
	return e->config.name_authorities ? write_authorities(e, w) : EXTENSION_OMIT;
}

int client_parse_authorities(struct hs_engine *e, enum extension_message message, struct reader *r)
{
	struct reader list, name;

	(void)message;
	if (!reader_vec16(r, &list, 3, UINT16_MAX))
		return MALFORMED;
	e->in.authorities = list;
	while (!reader_done(&list))
		if (!reader_vec16(&list, &name, 1, UINT16_MAX))
			return MALFORMED;
	return 0;
}
