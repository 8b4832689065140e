// SPDX-License-Identifier: MIT
/*
 * ocsp_openssl.c - stapled OCSP responses on libcrypto 3
 *
 * RFC 6960 sections 3.2 and 4.2, RFC 6066 section 8, RFC 7633 (a certificate that must come with
 * one). Signature and responder are libcrypto's to judge, times are the caller's clock's. It must
 * never take a response for another certificate, nor one that is over.
 */
#include "ocsp_openssl.h"

#include <errno.h>
#include <stdio.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#define FEATURE_STATUS_REQUEST 5 /* the extension's number, RFC 7633 section 4.1 */
#define SKEW 300 /* seconds that clocks may differ */
#define AGE_MAX (7 * 86400) /* of a response that does not say when it ends */
#define DAY 86400

bool ocsp_is_required(const X509 *leaf)
{
	TLS_FEATURE *features = X509_get_ext_d2i(leaf, NID_tlsfeature, NULL, NULL);
	bool required = false;

	for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
		required |= ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) ==
			    FEATURE_STATUS_REQUEST;
	sk_ASN1_INTEGER_pop_free(features, ASN1_INTEGER_free);
	ERR_clear_error();
	return required;
}

/* Who has issued @leaf: one that was sent, or an anchor. The caller frees. */
static X509 *find_issuer(X509_STORE *store, X509 *leaf, STACK_OF(X509) *others)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *issuer = NULL;

	for (int i = 0; !issuer && i < sk_X509_num(others); i++)
		if (X509_check_issued(sk_X509_value(others, i), leaf) == X509_V_OK)
			issuer = sk_X509_value(others, i);
	if (issuer)
		X509_up_ref(issuer);
	else if (ctx && X509_STORE_CTX_init(ctx, store, leaf, others) == 1 &&
		 X509_STORE_CTX_get1_issuer(&issuer, ctx, leaf) != 1)
		issuer = NULL;
	X509_STORE_CTX_free(ctx);
	return issuer;
}

/* The entry for @leaf, whatever hash its id is made with. */
static OCSP_SINGLERESP *find_entry(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer)
{
	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
		OCSP_CERTID *id = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single), *own;
		ASN1_OBJECT *hash = NULL;
		const EVP_MD *md;
		bool same;

		OCSP_id_get0_info(NULL, &hash, NULL, NULL, id);
		md = EVP_get_digestbyobj(hash);
		own = md ? OCSP_cert_to_id(md, leaf, issuer) : NULL;
		same = own && OCSP_id_cmp(own, id) == 0;
		OCSP_CERTID_free(own);
		if (same)
			return single;
	}
	return NULL;
}

/* From @now to @then in seconds. */
static bool seconds_to(int64_t now, const ASN1_TIME *then, int64_t *out)
{
	ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)now);
	int days, rest;
	bool good = time && ASN1_TIME_diff(&days, &rest, time, then) == 1;

	if (good)
		*out = (int64_t)days * DAY + rest;
	ASN1_TIME_free(time);
	return good;
}

static bool is_current(const ASN1_GENERALIZEDTIME *begin, const ASN1_GENERALIZEDTIME *end,
		       int64_t now)
{
	int64_t since, left;

	if (!begin || !seconds_to(now, begin, &since) || since > SKEW)
		return false;
	if (!end)
		return since > -AGE_MAX;
	return seconds_to(now, end, &left) && left > -SKEW;
}

static const char *judge_entry(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer, int64_t now,
			       int *code)
{
	OCSP_SINGLERESP *single = find_entry(basic, leaf, issuer);
	ASN1_GENERALIZEDTIME *begin = NULL, *end = NULL;
	int status;

	if (!single)
		return "is for another certificate";
	status = OCSP_single_get0_status(single, NULL, NULL, &begin, &end);
	if (!is_current(begin, end, now))
		return "is out of date";
	if (status == V_OCSP_CERTSTATUS_REVOKED) {
		*code = X509_V_ERR_CERT_REVOKED;
		return "says that the certificate was revoked";
	}
	if (status != V_OCSP_CERTSTATUS_GOOD)
		return "does not know the certificate";
	return NULL;
}

/* libcrypto looks at a responder's certificate by the clock of the store. */
static bool is_signed(OCSP_BASICRESP *basic, X509_STORE *store, STACK_OF(X509) *others, int64_t now)
{
	X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);

	X509_VERIFY_PARAM_set_time(param, (time_t)now);
	return X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
	       OCSP_basic_verify(basic, others, store, 0) == 1;
}

int ocsp_judge(X509_STORE *store, X509 *leaf, STACK_OF(X509) *others, const struct hs_der *staple,
	       int64_t now, char *text)
{
	const unsigned char *at = staple->data;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)staple->len);
	OCSP_BASICRESP *basic = NULL;
	X509 *issuer = find_issuer(store, leaf, others);
	const char *wrong = NULL;
	int code = X509_V_ERR_OCSP_VERIFY_FAILED;

	if (response && at == staple->data + staple->len &&
	    OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
		basic = OCSP_response_get1_basic(response);
	if (!basic)
		wrong = "is none, or no answer";
	else if (!issuer || !is_signed(basic, store, others, now))
		wrong = "is not signed by whom it should be";
	else
		wrong = judge_entry(basic, leaf, issuer, now, &code);
	if (wrong)
		snprintf(text, HS_MAX_TEXT, "the stapled OCSP response %s", wrong);
	X509_free(issuer);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
	return wrong ? code : 0;
}
