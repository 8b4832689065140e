/* SPDX-License-Identifier: MIT */
/*
 * certificate.h - X.509 for the engine: credentials, trust stores, verification
 *
 * RFC 5280 path validation is libcrypto's; what is asked of it, and how its verdict is put
 * in words, is decided behind this header. Names are verified by RFC 9525: from the
 * subject alternative names, never from the common name.
 */
#ifndef HANDSHAKE_CERTIFICATE_H
#define HANDSHAKE_CERTIFICATE_H

#include "crypto.h"
#include "handshake.h"
#include "reader.h"

/* The peer's certificates, parsed. */
struct certificates;

/*
 * @trust, or NULL, may have the chain parsed already.
 * -EBADMSG: the one at @bad (from 0) is no certificate, or has trailing bytes
 */
int certificates_parse(const struct hs_trust *trust, const struct hs_der *chain, size_t count,
		       struct certificates **out, size_t *bad);
void certificates_free(struct certificates *c); /* takes NULL */
struct evp_pkey_st *certificates_key(struct certificates *c); /* the leaf's; borrowed, or NULL */
bool certificates_may_encrypt(struct certificates *c);
bool certificates_may_sign(struct certificates *c); /* key usage allows digitalSignature */

struct certificate_check {
	struct hs_trust *trust; /* NULL trusts nobody */
	int64_t now;
	enum hs_role peer; /* decides the extended key usage that is asked for */
	const char *name; /* DNS name or IP address; NULL: not checked */
};

/*
 * Returns 0, or an X509_V_ERR code (positive) with its reason in @text (HS_MAX_TEXT), or a
 * negative errno.
 */
int certificates_verify(struct certificates *c, const struct certificate_check *check, char *text);
/*
 * What a stapled OCSP response says of a chain that has verified; one of no bytes is none, which is
 * wrong where the certificate asks for one (RFC 7633). Returns as certificates_verify() does.
 */
int certificates_staple(struct certificates *c, const struct certificate_check *check,
			const struct hs_der *staple, char *text);
uint8_t certificate_alert(int verify_code); /* RFC 8446 section 6.2 */

bool name_is_address(const char *name);

/* Is one of @names, Name in DER each behind its two-byte length, an issuer in the chain? */
bool credential_issued_by(const struct hs_credential *c, const uint8_t *names, size_t len);
const struct hs_der *credential_staple(const struct hs_credential *c);
/* The subject of the anchor number @i in DER, for free(); its length, or 0: no such one. */
size_t trust_subject(const struct hs_trust *trust, size_t i, uint8_t **der);

/* Is each certificate of the chain signed by one of these, a list of code points? */
bool credential_signed_by(const struct hs_credential *c, struct reader schemes);

/* What a credential can do. */
bool credential_has_name(const struct hs_credential *c, const char *name);
enum key_type credential_key_type(const struct hs_credential *c);
const struct hs_der *credential_chain(const struct hs_credential *c, size_t *count);
/* RSA key exchange of TLS 1.2, RFC 5246 section 7.4.2: an RSA key whose usage allows it */
bool credential_may_decrypt(const struct hs_credential *c);
/* As crypto_rsa_decrypt_raw(), which says what there is to fear. */
int credential_decrypt_raw(const struct hs_credential *c, const uint8_t *bytes, size_t len,
			   uint8_t *out);
size_t credential_signature_max(const struct hs_credential *c);
int credential_sign(const struct hs_credential *c, const struct scheme *scheme,
		    const uint8_t *bytes, size_t len, uint8_t *signature, size_t *signature_len);

#endif
