// SPDX-License-Identifier: MIT
/*
 * test_staple.c - stapled OCSP responses, and authorities that a server names
 *
 * RFC 6066 section 8, RFC 6960, RFC 7633, RFC 8446 sections 4.2.4 and 4.4.2.1. Responses are made
 * on the spot, good and bad, by the issuer, by whom it has named, and by whom it has not.
 */
#include <stdlib.h>

#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "resumption.h"
#include "tap.h"

enum signer {
	BY_ISSUER,
	BY_RESPONDER, /* with a certificate of the issuer's for this */
	BY_OTHER_LEAF, /* of the issuer's, but not for this */
	BY_STRANGER,
	BY_ROOT,
};

struct response {
	const char *what;
	enum signer signer;
	int status;
	int64_t begin, end; /* seconds from now; end 0: not said */
	bool other_certificate;
	bool sha256; /* in the certificate's id */
	int failure; /* OCSP_RESPONSE_STATUS_ */
	int code; /* what is expected */
};

#define GOOD V_OCSP_CERTSTATUS_GOOD
#define BAD_STAPLE X509_V_ERR_OCSP_VERIFY_FAILED

static const struct response responses[] = {
	{ "good", BY_ISSUER, GOOD, -3600, 3600, false, false, 0, 0 },
	{ "good, id by SHA-256", BY_ISSUER, GOOD, -3600, 3600, false, true, 0, 0 },
	{ "good, by a responder", BY_RESPONDER, GOOD, -3600, 3600, false, false, 0, 0 },
	{ "good, of a clock a little ahead", BY_ISSUER, GOOD, 200, 3600, false, false, 0, 0 },
	{ "good, without an end", BY_ISSUER, GOOD, -3600, 0, false, false, 0, 0 },
	{ "without an end, and old", BY_ISSUER, GOOD, -8 * DAY, 0, false, false, 0, BAD_STAPLE },
	{ "over", BY_ISSUER, GOOD, -7200, -3600, false, false, 0, BAD_STAPLE },
	{ "not begun", BY_ISSUER, GOOD, 3600, 7200, false, false, 0, BAD_STAPLE },
	{ "revoked", BY_ISSUER, V_OCSP_CERTSTATUS_REVOKED, -3600, 3600, false, false, 0,
	  X509_V_ERR_CERT_REVOKED },
	{ "unknown", BY_ISSUER, V_OCSP_CERTSTATUS_UNKNOWN, -3600, 3600, false, false, 0,
	  BAD_STAPLE },
	{ "for another certificate", BY_ISSUER, GOOD, -3600, 3600, true, false, 0, BAD_STAPLE },
	{ "by another leaf", BY_OTHER_LEAF, GOOD, -3600, 3600, false, false, 0, BAD_STAPLE },
	{ "by a stranger", BY_STRANGER, GOOD, -3600, 3600, false, false, 0, BAD_STAPLE },
	{ "no answer", BY_ISSUER, GOOD, -3600, 3600, false, false, OCSP_RESPONSE_STATUS_TRYLATER,
	  BAD_STAPLE },
};

static struct identity *responder, *stranger, *must_staple;
static const struct identity *leaf_issuer; /* of the certificates that responses are about */

static struct identity *make(const char *name, const char *usage, const struct identity *issuer,
			     bool must)
{
	struct identity_spec spec = { .common_name = name, .key = KEY_ECDSA_P256 };

	spec.issuer = issuer;
	spec.extended_key_usage = usage;
	spec.must_staple = must;
	spec.names = "DNS:server.example";
	return identity_new(&spec);
}

static ASN1_TIME *at(int64_t seconds)
{
	return ASN1_TIME_set(NULL, (time_t)(TEST_NOW + seconds));
}

static void set_staple(struct hs_credential *c, const struct response *r,
		       const struct identity *leaf)
{
	const struct identity *by = r->signer == BY_ISSUER    ? leaf_issuer :
				    r->signer == BY_RESPONDER ? responder :
				    r->signer == BY_STRANGER  ? stranger :
				    r->signer == BY_ROOT      ? test_root() :
								test_leaf(KEY_ECDSA_P384);
	const X509 *subject = r->other_certificate ? responder->cert : leaf->cert;
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(r->sha256 ? EVP_sha256() : NULL, subject,
					  leaf_issuer->cert);
	ASN1_TIME *begin = at(r->begin), *end = r->end ? at(r->end) : NULL, *revoked = at(-DAY);
	OCSP_RESPONSE *response;
	unsigned char *der = NULL;
	int len;

	OCSP_basic_add1_status(basic, id, r->status, 0,
			       r->status == V_OCSP_CERTSTATUS_REVOKED ? revoked : NULL, begin, end);
	if (OCSP_basic_sign(basic, by->cert, by->key, EVP_sha256(), NULL, 0) != 1)
		bail("the response is not signed");
	response = OCSP_response_create(r->failure, r->failure ? NULL : basic);
	len = i2d_OCSP_RESPONSE(response, &der);
	if (len <= 0 || hs_credential_set_staple(c, der, (size_t)len) < 0)
		bail("no response");
	OPENSSL_free(der);
	OCSP_RESPONSE_free(response);
	OCSP_CERTID_free(id);
	OCSP_BASICRESP_free(basic);
	ASN1_TIME_free(begin);
	ASN1_TIME_free(end);
	ASN1_TIME_free(revoked);
}

static void prepare(struct pair *p, uint16_t version, const struct identity *leaf)
{
	reset();
	set_up(p);
	hs_credential_unref(p->credentials[0]);
	p->credentials[0] = identity_credential(leaf);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p->side[role].config.min_version = version;
		p->side[role].config.max_version = version;
	}
}

static bool is_refused(const struct pair *p, int code)
{
	const struct party *c = &p->side[HS_CLIENT];
	uint8_t alert = code == X509_V_ERR_CERT_REVOKED ? ALERT_CERTIFICATE_REVOKED :
							  ALERT_BAD_CERTIFICATE_STATUS_RESPONSE;

	return c->failed && !c->complete && c->failure.error == EKEYREJECTED &&
	       c->failure.verify_code == code && c->failure.alert == alert;
}

static void one_response(const struct response *r, uint16_t version, enum hs_verify verify)
{
	const struct identity *leaf = test_leaf(KEY_ECDSA_P256);
	const struct hs_summary *s;
	struct pair p;
	bool good;

	prepare(&p, version, leaf);
	set_staple(p.credentials[0], r, leaf);
	p.side[HS_CLIENT].config.verify = verify;
	pair_run(&p);
	s = hs_engine_summary(p.side[HS_CLIENT].engine);
	if (r->code && verify == HS_VERIFY_REQUIRED)
		good = is_refused(&p, r->code);
	else
		good = pair_complete(&p) && s->verify_code == r->code &&
		       s->peer_authenticated == !r->code && s->staple.len > 4 &&
		       s->staple.data[0] == 0x30;
	/* a session would have no response to look at */
	good = good && !stored == !!r->code;
	ok(good, "%s, %s, %s: %s", hs_version_name(version), r->what,
	   verify == HS_VERIFY_REQUIRED ? "required" : "optional", p.side[HS_CLIENT].text);
	pair_free(&p);
}

/* RFC 7633; and who does not ask gets none. */
static void must(uint16_t version, bool staple, bool ask, enum hs_verify verify)
{
	bool refused = !(staple && ask) && verify == HS_VERIFY_REQUIRED;
	const struct hs_summary *s;
	struct pair p;

	prepare(&p, version, must_staple);
	p.side[HS_CLIENT].config.no_staple = !ask;
	p.side[HS_CLIENT].config.verify = verify;
	if (staple)
		set_staple(p.credentials[0], &responses[0], must_staple);
	pair_run(&p);
	s = hs_engine_summary(p.side[HS_CLIENT].engine);
	ok(refused ? is_refused(&p, X509_V_ERR_OCSP_VERIFY_NEEDED) :
		     pair_complete(&p) &&
			     !s->staple.len == !(staple && ask && verify != HS_VERIFY_NONE),
	   "%s, a certificate that needs a response, %s, %s: %s", hs_version_name(version),
	   staple ? "there is one" : "there is none", ask ? "asked for" : "not asked for",
	   p.side[HS_CLIENT].text);
	pair_free(&p);
}

/* The issuer is no anchor, but comes with the chain: its word counts, and nobody's above it. */
static void by_intermediate(uint16_t version, bool revoked, bool by_root)
{
	struct identity_spec spec = {
		.common_name = "An Intermediate",
		.key = KEY_ECDSA_P256,
		.authority = true,
		.key_usage = "critical,keyCertSign",
	};
	struct response r = responses[0];
	struct identity *intermediate, *leaf;
	struct pair p;
	int code = by_root ? BAD_STAPLE : revoked ? X509_V_ERR_CERT_REVOKED : 0;

	spec.issuer = test_root();
	intermediate = identity_new(&spec);
	leaf = make("server.example", NULL, intermediate, true);
	r.status = revoked ? V_OCSP_CERTSTATUS_REVOKED : GOOD;
	prepare(&p, version, leaf);
	leaf_issuer = intermediate;
	if (by_root) /* of a certificate that it has not issued */
		r.signer = BY_ROOT;
	set_staple(p.credentials[0], &r, leaf);
	leaf_issuer = test_root();
	pair_run(&p);
	ok(code ? is_refused(&p, code) :
		  pair_complete(&p) &&
			   hs_engine_summary(p.side[HS_CLIENT].engine)->peer_authenticated,
	   "%s, %s by %s: %s", hs_version_name(version), revoked ? "revoked" : "good",
	   by_root ? "the root" : "an intermediate", p.side[HS_CLIENT].text);
	pair_free(&p);
	identity_free(leaf);
	identity_free(intermediate);
}

/* Takes the message away: TLS 1.2 lets a server break its promise. */
static void no_status(void)
{
	static const uint8_t junk[] = { 0x30, 0x03, 0x0a, 0x01, 0x00, 0x00 };
	struct pair p;

	prepare(&p, HS_TLS_1_2, must_staple);
	hs_credential_set_staple(p.credentials[0], junk, sizeof(junk));
	pair_run(&p);
	ok(is_refused(&p, BAD_STAPLE), "a response with bytes behind it: %s",
	   p.side[HS_CLIENT].text);
	pair_free(&p);

	prepare(&p, HS_TLS_1_2, must_staple);
	set_staple(p.credentials[0], &responses[0], must_staple);
	pair_start(&p);
	while (p.sent[p.delivered].bytes[0] != MESSAGE_CERTIFICATE_STATUS)
		if (!pair_step(&p))
			bail("no CertificateStatus");
	p.delivered++;
	while (pair_step(&p))
		;
	ok(is_refused(&p, X509_V_ERR_OCSP_VERIFY_NEEDED), "a promise that is not kept: %s",
	   p.side[HS_CLIENT].text);
	pair_free(&p);
	ok(hs_credential_set_staple(NULL, junk, HS_MAX_STAPLE + 1) == -E2BIG,
	   "a response that is too long to be one");
}

/* Two authorities, a certificate of each; the one that the server names counts. */
static void authorities(uint16_t version, bool name_them, bool stranger_first)
{
	struct identity *a = make("A", NULL, test_root(), false);
	struct identity *b = make("B", NULL, stranger, false);
	struct hs_credential *both[2];
	struct hs_trust *trust = identity_trust(test_root());
	const struct hs_summary *s;
	struct pair p;

	both[stranger_first] = identity_credential(a);
	both[!stranger_first] = identity_credential(b);
	prepare(&p, version, test_leaf(KEY_ECDSA_P256));
	p.side[HS_SERVER].config.verify = HS_VERIFY_OPTIONAL;
	p.side[HS_SERVER].config.trust = trust;
	p.side[HS_SERVER].config.name_authorities = name_them;
	p.side[HS_CLIENT].config.credentials = both;
	p.side[HS_CLIENT].config.credential_count = 2;
	pair_run(&p);
	s = hs_engine_summary(p.side[HS_SERVER].engine);
	ok(pair_complete(&p) && s->peer_authenticated == (name_them || !stranger_first),
	   "%s, authorities %s, the right certificate is number %d: %s", hs_version_name(version),
	   name_them ? "named" : "not named", 1 + stranger_first,
	   s && s->peer_authenticated ? "the right one" : "the first");
	pair_free(&p);
	for (int i = 0; i < 2; i++)
		hs_credential_unref(both[i]);
	hs_trust_unref(trust);
	identity_free(a);
	identity_free(b);
}

/* Lists of revoked certificates in the store stand in nobody's way. */
static void authorities_behind_lists(uint16_t version)
{
	struct identity_spec spec = {
		.common_name = "Second Root",
		.key = KEY_ECDSA_P256,
		.authority = true,
	};
	struct identity *second = identity_new(&spec);
	char *lists[] = { identity_crl(test_root(), NULL, -DAY, DAY),
			  identity_crl(stranger, NULL, -DAY, DAY) };
	const char *anchors[] = { test_root()->cert_pem, second->cert_pem };
	struct hs_trust *trust = hs_trust_new();
	uint8_t *der;
	struct pair p;
	bool named = false;

	for (int i = 0; i < 2; i++)
		if (hs_trust_add_crl_pem(trust, lists[i], strlen(lists[i]), NULL) != 1 ||
		    hs_trust_add_pem(trust, anchors[i], strlen(anchors[i]), NULL) != 1)
			bail("the store takes no list or certificate");
	prepare(&p, version, test_leaf(KEY_ECDSA_P256));
	p.side[HS_SERVER].config.verify = HS_VERIFY_OPTIONAL;
	p.side[HS_SERVER].config.trust = trust;
	p.side[HS_SERVER].config.name_authorities = true;
	pair_run(&p);
	for (size_t i = 0; i < p.sent_count; i++)
		named |= p.sent[i].bytes[0] == MESSAGE_CERTIFICATE_REQUEST &&
			 memmem(p.sent[i].bytes, p.sent[i].len, "Test Root", 9) &&
			 memmem(p.sent[i].bytes, p.sent[i].len, "Second Root", 11);
	ok(pair_complete(&p) && named && !trust_subject(trust, 2, &der),
	   "%s, anchors behind and between lists of revoked certificates are named",
	   hs_version_name(version));
	pair_free(&p);
	hs_trust_unref(trust);
	for (int i = 0; i < 2; i++)
		free(lists[i]);
	identity_free(second);
}

int main(void)
{
	struct identity_spec other = { .common_name = "Stranger",
				       .key = KEY_ECDSA_P256,
				       .authority = true };

	leaf_issuer = test_root();
	responder = make("Responder", "OCSPSigning", test_root(), false);
	must_staple = make("server.example", NULL, test_root(), true);
	stranger = identity_new(&other);
	for (uint16_t version = HS_TLS_1_2; version <= HS_TLS_1_3; version++) {
		for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
			one_response(&responses[i], version, HS_VERIFY_REQUIRED);
			one_response(&responses[i], version, HS_VERIFY_OPTIONAL);
		}
		must(version, true, true, HS_VERIFY_REQUIRED);
		must(version, false, true, HS_VERIFY_REQUIRED);
		must(version, true, false, HS_VERIFY_REQUIRED);
		must(version, true, true, HS_VERIFY_NONE);
		for (int bits = 0; bits < 4; bits++)
			authorities(version, bits & 1, bits & 2);
		authorities_behind_lists(version);
		by_intermediate(version, false, false);
		by_intermediate(version, true, false);
		by_intermediate(version, false, true);
	}
	no_status();
	identity_free(responder);
	identity_free(must_staple);
	identity_free(stranger);
	identities_free();
	return tap_done();
}
