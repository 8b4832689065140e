/* SPDX-License-Identifier: MIT */
/*
 * seen_openssl.h - chains that a trust store has found good before
 *
 * RFC 5280 section 6: the verdict on a chain follows from its bytes, the anchors, the name, the
 * purpose and the time, and libcrypto needs longer for it than for the rest of a handshake. So a
 * store keeps the last good ones, parsed, each with the span of time in which nothing of its
 * chain begins or ends. It must never keep a verdict that anything else could change, and
 * nothing that was not found good, or strangers could fill it. Included by *_openssl.c alone.
 */
#ifndef HANDSHAKE_SEEN_OPENSSL_H
#define HANDSHAKE_SEEN_OPENSSL_H

#include "certificate.h"

struct x509_st; /* OpenSSL's X509, STACK_OF(X509), X509_STORE_CTX */
struct stack_st_X509;
struct x509_store_ctx_st;

#define SEEN_DIGEST 32

struct seen; /* one store's; NULL is an empty one */

void seen_free(struct seen *seen); /* takes NULL */

/* Of a whole chain, as sent. */
int seen_digest(const struct hs_der *chain, size_t count, uint8_t digest[SEEN_DIGEST]);
/* The chain with this digest, parsed; the caller gets references. */
bool seen_find(const struct seen *seen, const uint8_t *digest, struct x509_st **leaf,
	       struct stack_st_X509 **others);
/* It was found good for the same name and purpose, and would be now. */
bool seen_good(struct seen *seen, const uint8_t *digest, const struct certificate_check *check);
/* Keeps what @ctx has just found good; does nothing if that may not be, or has no room. */
void seen_keep(struct seen **seen, const uint8_t *digest, struct x509_store_ctx_st *ctx,
	       const struct certificate_check *check);

#endif
