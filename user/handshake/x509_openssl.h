/* SPDX-License-Identifier: MIT */
/*
 * x509_openssl.h - what trust stores and credentials share
 *
 * Certificates in PEM (RFC 7468) and DER, and how names are compared (RFC 9525). Included by
 * *_openssl.c alone.
 */
#ifndef HANDSHAKE_X509_OPENSSL_H
#define HANDSHAKE_X509_OPENSSL_H

#include "certificate.h"

struct x509_st; /* OpenSSL's X509 */

#define HOST_FLAGS (X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)

void x509_say(char *text, const char *what); /* @text: HS_MAX_TEXT bytes, or NULL */
/* What ended a run of PEM_read_bio_X509(): the end of the bytes, or a bad certificate? */
bool x509_pem_at_end(void);
struct x509_st *x509_parse_der(const struct hs_der *der); /* NULL: none, or bytes behind it */

#endif
