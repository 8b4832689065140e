/* SPDX-License-Identifier: MIT */
/*
 * ocsp_openssl.h - stapled OCSP responses, RFC 6960, RFC 6066 section 8, RFC 7633
 *
 * For a chain that has verified. It must never be asked about one that has not. Included by
 * *_openssl.c alone.
 */
#ifndef HANDSHAKE_OCSP_OPENSSL_H
#define HANDSHAKE_OCSP_OPENSSL_H

#include "certificate.h"

struct x509_st; /* OpenSSL's X509, STACK_OF(X509), X509_STORE */
struct stack_st_X509;
struct x509_store_st;

bool ocsp_is_required(const struct x509_st *leaf); /* "must staple" */
/* 0, or an X509_V_ERR code with its reason in @text (HS_MAX_TEXT) */
int ocsp_judge(struct x509_store_st *store, struct x509_st *leaf, struct stack_st_X509 *others,
	       const struct hs_der *staple, int64_t now, char *text);

#endif
