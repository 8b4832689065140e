// SPDX-License-Identifier: MIT
/*
 * test_certificates.c - which certificates and signatures are refused, and how
 *
 * RFC 5280 section 6, RFC 9525, RFC 8446 section 4.4: for each refusal the alert, the
 * errno, the verification code and the words that a person will read.
 */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "pair.h"
#include "tap.h"

struct refusal {
	const char *what;
	struct identity_spec spec;
	const char *name; /* asked for; NULL: server.example */
	int code; /* X509_V_*; X509_V_OK: accepted */
	enum alert alert;
	const char *words; /* in the reason */
};

#define NUL_NAME "DER:30:16:82:14:73:65:72:76:65:72:2e:65:78:61:6d:70:6c:65:00:2e:65:76:69:6c"

static const struct refusal refusals[] = {
	{ "a good one", { .names = "DNS:server.example" }, NULL, X509_V_OK, 0, NULL },
	{ "a wildcard", { .names = "DNS:*.b.example" }, "a.b.example", X509_V_OK, 0, NULL },
	{ "an address",
	  { .names = "IP:2001:db8::1,IP:192.0.2.7" },
	  "2001:db8::1",
	  X509_V_OK,
	  0,
	  NULL },
	{ "a good one with an extended key usage",
	  { .names = "DNS:server.example", .extended_key_usage = "serverAuth" },
	  NULL,
	  X509_V_OK,
	  0,
	  NULL },
	{ "expired",
	  { .names = "DNS:server.example",
	    .not_before = TEST_NOW - 9 * DAY,
	    .not_after = TEST_NOW - 1 },
	  NULL,
	  X509_V_ERR_CERT_HAS_EXPIRED,
	  ALERT_CERTIFICATE_EXPIRED,
	  "has expired: not after 2023-11-14 22:13:19 UTC" },
	{ "not yet valid",
	  { .names = "DNS:server.example", .not_before = TEST_NOW + 1 },
	  NULL,
	  X509_V_ERR_CERT_NOT_YET_VALID,
	  ALERT_CERTIFICATE_EXPIRED,
	  "is not yet valid: not before 2023-11-14 22:13:21 UTC" },
	{ "of another name",
	  { .names = "DNS:a.example,DNS:b.example,IP:192.0.2.7" },
	  NULL,
	  X509_V_ERR_HOSTNAME_MISMATCH,
	  ALERT_BAD_CERTIFICATE,
	  "not for server.example, but for a.example, b.example, address 192.0.2.7" },
	{ "of another address",
	  { .names = "DNS:server.example,IP:2001:db8::7" },
	  "192.0.2.1",
	  X509_V_ERR_IP_ADDRESS_MISMATCH,
	  ALERT_BAD_CERTIFICATE,
	  "not for address 192.0.2.1, but for server.example, address 2001:db8:0:0:0:0:0:7" },
	{ "with an address as a DNS name",
	  { .names = "DNS:192.0.2.1" },
	  "192.0.2.1",
	  X509_V_ERR_IP_ADDRESS_MISMATCH,
	  ALERT_BAD_CERTIFICATE,
	  "not for address 192.0.2.1, but for 192.0.2.1" },
	{ "with the name in the common name only",
	  { .common_name = "server.example" },
	  NULL,
	  X509_V_ERR_HOSTNAME_MISMATCH,
	  ALERT_BAD_CERTIFICATE,
	  "but for no host name at all" },
	{ "with a zero byte in the name",
	  { .names = NUL_NAME },
	  NULL,
	  X509_V_ERR_HOSTNAME_MISMATCH,
	  ALERT_BAD_CERTIFICATE,
	  "but for server.example?.evil" },
	{ "with a wildcard too high",
	  { .names = "DNS:*.b.example" },
	  "x.a.b.example",
	  X509_V_ERR_HOSTNAME_MISMATCH,
	  ALERT_BAD_CERTIFICATE,
	  "not for x.a.b.example" },
	{ "with a wildcard within a label",
	  { .names = "DNS:a*.b.example" },
	  "aa.b.example",
	  X509_V_ERR_HOSTNAME_MISMATCH,
	  ALERT_BAD_CERTIFICATE,
	  "not for aa.b.example" },
	{ "for clients",
	  { .names = "DNS:server.example", .extended_key_usage = "clientAuth" },
	  NULL,
	  X509_V_ERR_INVALID_PURPOSE,
	  ALERT_UNSUPPORTED_CERTIFICATE,
	  "purpose" },
	{ "with a key usage that forbids signatures",
	  { .names = "DNS:server.example", .key_usage = "critical,keyAgreement" },
	  NULL,
	  -1,
	  ALERT_UNSUPPORTED_CERTIFICATE,
	  "key usage forbids signatures" },
	{ "with an RSA key of 1024 bits",
	  { .names = "DNS:server.example", .key = KEY_RSA, .rsa_bits = 1024 },
	  NULL,
	  X509_V_ERR_EE_KEY_TOO_SMALL,
	  ALERT_BAD_CERTIFICATE,
	  "key too weak" },
	{ "signed with SHA-1",
	  { .names = "DNS:server.example", .digest = "SHA1" },
	  NULL,
	  X509_V_ERR_CA_MD_TOO_WEAK,
	  ALERT_BAD_CERTIFICATE,
	  "too weak" },
};

/* A pair whose server has @id, and whose client asks for @name. */
static void init_with(struct pair *p, const struct identity *id, const char *name)
{
	pair_init(p, KEY_ED25519);
	hs_credential_unref(p->side[HS_SERVER].config.credentials[0]);
	((struct hs_credential **)(uintptr_t)p->side[HS_SERVER].config.credentials)[0] =
		identity_credential(id);
	if (name)
		p->side[HS_CLIENT].config.server_name = name;
}

static void check(struct pair *p, const char *what, int code, enum alert alert, const char *words)
{
	const struct party *c = &p->side[HS_CLIENT];
	bool good;

	if (code == X509_V_OK)
		good = pair_complete(p) && hs_engine_summary(c->engine)->peer_authenticated;
	else
		good = c->failed && !c->complete && c->failure.alert == alert &&
		       c->failure.error == EKEYREJECTED &&
		       c->failure.verify_code == (code > 0 ? code : 0) && strstr(c->text, words);
	ok(good, "%s: %s", what, code == X509_V_OK ? "accepted" : c->text);
	if (!good)
		note("alert %s, errno %d, code %d", hs_alert_name(c->failure.alert),
		     c->failure.error, c->failure.verify_code);
}

static void one_refusal(const struct refusal *r)
{
	struct identity_spec spec = r->spec;
	struct identity *id;
	struct pair p;

	spec.issuer = test_root();
	if (!spec.common_name)
		spec.common_name = "A Server";
	if (spec.key != KEY_RSA || !spec.rsa_bits)
		spec.key = KEY_ECDSA_P256;
	id = identity_new(&spec);
	init_with(&p, id, r->name);
	pair_run(&p);
	check(&p, r->what, r->code, r->alert, r->words);
	pair_free(&p);
	if (r->code > 0) {
		/* the same is told, and tolerated, where verification is optional */
		init_with(&p, id, r->name);
		p.side[HS_CLIENT].config.verify = HS_VERIFY_OPTIONAL;
		pair_run(&p);
		ok(pair_complete(&p) &&
			   !hs_engine_summary(p.side[HS_CLIENT].engine)->peer_authenticated &&
			   hs_engine_summary(p.side[HS_CLIENT].engine)->verify_code == r->code,
		   "%s: told, where verification is optional", r->what);
		pair_free(&p);
	}
	identity_free(id);
}

/* --- chains --- */

static void one_chain(const char *what, const struct identity_spec *middle, bool send_middle,
		      int code, enum alert alert, const char *words)
{
	struct identity *ca = identity_new(middle), *leaf;
	struct identity_spec spec = {
		.common_name = "A Server",
		.names = "DNS:server.example",
		.key = KEY_ECDSA_P256,
		.issuer = ca,
	};
	struct pair p;

	leaf = identity_new(&spec);
	if (!send_middle)
		*strstr(strstr(leaf->cert_pem, "-----END"), "\n") = '\0';
	init_with(&p, leaf, NULL);
	pair_run(&p);
	check(&p, what, code, alert, words);
	if (code == X509_V_OK)
		ok(hs_engine_summary(p.side[HS_CLIENT].engine)->peer_chain_count == 2,
		   "%s: the chain is in the summary", what);
	pair_free(&p);
	identity_free(leaf);
	identity_free(ca);
}

static void test_chains(void)
{
	struct identity_spec middle = {
		.common_name = "Middle",
		.key = KEY_ECDSA_P256,
		.authority = true,
		.key_usage = "critical,keyCertSign",
	};

	middle.issuer = test_root();
	one_chain("an intermediate", &middle, true, X509_V_OK, 0, NULL);
	one_chain("a missing intermediate", &middle, false,
		  X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, ALERT_UNKNOWN_CA,
		  "comes from CN=Middle, an authority that is not trusted");
	middle.name_constraints = "critical,permitted;DNS:other.example";
	one_chain("a name outside of the constraints", &middle, true,
		  X509_V_ERR_PERMITTED_VIOLATION, ALERT_BAD_CERTIFICATE, "permitted subtree");
	middle.name_constraints = NULL;
	middle.not_before = TEST_NOW - 9 * DAY;
	middle.not_after = TEST_NOW - DAY;
	one_chain("an expired intermediate", &middle, true, X509_V_ERR_CERT_HAS_EXPIRED,
		  ALERT_CERTIFICATE_EXPIRED, "CN=Middle has expired");
	middle.not_before = middle.not_after = 0;
	middle.authority = false;
	one_chain("an intermediate that is no authority", &middle, true, X509_V_ERR_INVALID_CA,
		  ALERT_BAD_CERTIFICATE, "CN=Middle");
	middle.authority = true;
	middle.issuer = NULL;
	middle.common_name = "Unknown Root";
	one_chain("an unknown authority", &middle, true,
		  X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, ALERT_UNKNOWN_CA,
		  "comes from CN=Unknown Root, an authority that is not trusted");
}

/* Depth: root, @count intermediates, leaf. */
static void one_depth(int count, bool accepted)
{
	struct identity_spec spec = {
		.key = KEY_ED25519,
		.authority = true,
		.key_usage = "critical,keyCertSign",
	};
	char name[32];
	struct identity *ids[20];
	struct pair p;

	spec.issuer = test_root();
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "Link %d", i);
		spec.common_name = name;
		ids[i] = identity_new(&spec);
		spec.issuer = ids[i];
	}
	spec.common_name = "A Server";
	spec.authority = false;
	spec.key_usage = NULL;
	spec.names = "DNS:server.example";
	ids[count] = identity_new(&spec);
	init_with(&p, ids[count], NULL);
	pair_run(&p);
	ok(p.side[HS_CLIENT].complete == accepted &&
		   (accepted || p.side[HS_CLIENT].failure.error == EKEYREJECTED),
	   "a chain with %d intermediates: %s", count,
	   *p.side[HS_CLIENT].text ? p.side[HS_CLIENT].text : "accepted");
	pair_free(&p);
	for (int i = 0; i <= count; i++)
		identity_free(ids[i]);
}

static void test_self_signed(void)
{
	struct identity_spec spec = {
		.common_name = "Alone",
		.names = "DNS:server.example",
		.key = KEY_ECDSA_P256,
	};
	struct identity *id = identity_new(&spec);
	struct hs_trust *empty = hs_trust_new();
	struct pair p;

	init_with(&p, id, NULL);
	pair_run(&p);
	check(&p, "self-signed", X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, ALERT_UNKNOWN_CA,
	      "not trusted");
	pair_free(&p);

	init_with(&p, id, NULL);
	hs_trust_unref(p.side[HS_CLIENT].config.trust);
	p.side[HS_CLIENT].config.trust = identity_trust(id);
	pair_run(&p);
	check(&p, "self-signed, and in the store", X509_V_OK, 0, NULL);
	pair_free(&p);

	init_with(&p, test_leaf(KEY_ECDSA_P256), NULL);
	hs_trust_unref(p.side[HS_CLIENT].config.trust);
	p.side[HS_CLIENT].config.trust = empty;
	pair_run(&p);
	check(&p, "an empty store trusts nobody", X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
	      ALERT_UNKNOWN_CA, "not trusted");
	pair_free(&p);

	init_with(&p, test_leaf(KEY_ECDSA_P256), NULL);
	hs_trust_unref(p.side[HS_CLIENT].config.trust);
	p.side[HS_CLIENT].config.trust = NULL;
	p.side[HS_CLIENT].config.verify = HS_VERIFY_OPTIONAL;
	p.side[HS_CLIENT].config.server_name = NULL;
	pair_run(&p);
	ok(pair_complete(&p) && !hs_engine_summary(p.side[HS_CLIENT].engine)->peer_authenticated &&
		   hs_engine_summary(p.side[HS_CLIENT].engine)->verify_code,
	   "without a store nobody is authenticated");
	pair_free(&p);
	identity_free(id);
}

/* --- the clock is the callback's --- */

static void test_clock(void)
{
	struct pair p;

	init_with(&p, test_leaf(KEY_ECDSA_P256), NULL);
	p.side[HS_CLIENT].now = TEST_NOW + 400 * DAY;
	pair_run(&p);
	check(&p, "a year later", X509_V_ERR_CERT_HAS_EXPIRED, ALERT_CERTIFICATE_EXPIRED,
	      "has expired");
	pair_free(&p);
}

/* --- CertificateVerify and the Certificate message, changed on the way --- */

struct change {
	uint8_t type; /* of the message */
	size_t at;
	uint8_t bytes[4];
	size_t len;
	size_t cut; /* bytes to drop from the end of the body */
};

static void change_message(struct pair *p, struct message *m, size_t index)
{
	const struct change *c = p->tamper_arg;

	(void)index;
	if (m->bytes[0] != c->type || m->from != HS_SERVER)
		return;
	memcpy(m->bytes + c->at, c->bytes, c->len);
}

static void one_change(const char *what, enum key_type key, struct change change, enum alert alert,
		       int error, const char *words)
{
	const struct party *c;
	struct pair p;

	pair_init(&p, key);
	p.tamper = change_message;
	p.tamper_arg = &change;
	pair_run(&p);
	c = &p.side[HS_CLIENT];
	ok(c->failed && !c->complete && c->failure.alert == alert && c->failure.error == error &&
		   strstr(c->text, words),
	   "%s: %s", what, c->text);
	pair_free(&p);
}

static void test_signatures(void)
{
	one_change("a scheme that was not offered", KEY_ECDSA_P256,
		   (struct change){ MESSAGE_CERTIFICATE_VERIFY, 4, { 0x06, 0x03 }, 2, 0 },
		   ALERT_ILLEGAL_PARAMETER, EPROTO, "not offered");
	one_change("RSA PKCS#1 in TLS 1.3", KEY_RSA,
		   (struct change){ MESSAGE_CERTIFICATE_VERIFY, 4, { 0x04, 0x01 }, 2, 0 },
		   ALERT_ILLEGAL_PARAMETER, EPROTO, "rsa_pkcs1_sha256");
	one_change("a curve that is not the key's", KEY_ECDSA_P256,
		   (struct change){ MESSAGE_CERTIFICATE_VERIFY, 4, { 0x05, 0x03 }, 2, 0 },
		   ALERT_ILLEGAL_PARAMETER, EPROTO, "does not fit");
	one_change("PSS of another kind of key", KEY_RSA,
		   (struct change){ MESSAGE_CERTIFICATE_VERIFY, 4, { 0x08, 0x09 }, 2, 0 },
		   ALERT_ILLEGAL_PARAMETER, EPROTO, "does not fit");
	one_change("another hash than was signed", KEY_RSA,
		   (struct change){ MESSAGE_CERTIFICATE_VERIFY, 4, { 0x08, 0x05 }, 2, 0 },
		   ALERT_DECRYPT_ERROR, EKEYREJECTED, "does not prove");
	for (int key = KEY_RSA; key <= KEY_ED25519; key++)
		one_change(key_type_name((enum key_type)key), (enum key_type)key,
			   (struct change){ MESSAGE_CERTIFICATE_VERIFY, 40, { 1, 2, 3, 4 }, 4, 0 },
			   ALERT_DECRYPT_ERROR, EKEYREJECTED, "does not prove");
	one_change("a certificate that is none", KEY_ED25519,
		   (struct change){ MESSAGE_CERTIFICATE, 11, { 0 }, 1, 0 }, ALERT_BAD_CERTIFICATE,
		   EKEYREJECTED, "number 1 of the chain does not parse");
	one_change("a context in Certificate", KEY_ED25519,
		   (struct change){ MESSAGE_CERTIFICATE, 4, { 1 }, 1, 0 }, ALERT_DECODE_ERROR,
		   EPROTO, "malformed");
}

static void empty_certificate(struct pair *p, struct message *m, size_t index)
{
	static const uint8_t empty[] = { MESSAGE_CERTIFICATE, 0, 0, 4, 0, 0, 0, 0 };

	(void)p;
	(void)index;
	if (m->bytes[0] != MESSAGE_CERTIFICATE)
		return;
	memcpy(m->bytes, empty, sizeof(empty));
	m->len = sizeof(empty);
}

/* Seventeen certificates: the first one, again and again. */
static void many_certificates(struct pair *p, struct message *m, size_t index)
{
	size_t cert = m->len - 8, body = 4 + 17 * cert;
	uint8_t *bytes;

	(void)p;
	(void)index;
	if (m->bytes[0] != MESSAGE_CERTIFICATE)
		return;
	bytes = malloc(4 + body);
	bytes[0] = MESSAGE_CERTIFICATE;
	for (size_t i = 0; i < 3; i++) {
		bytes[1 + i] = (uint8_t)(body >> (8 * (2 - i)));
		bytes[5 + i] = (uint8_t)((body - 4) >> (8 * (2 - i)));
	}
	bytes[4] = 0;
	for (size_t i = 0; i < 17; i++)
		memcpy(bytes + 8 + i * cert, m->bytes + 8, cert);
	free(m->bytes);
	m->bytes = bytes;
	m->len = 4 + body;
}

static void test_message(void)
{
	struct pair p;

	pair_init(&p, KEY_ED25519);
	p.tamper = empty_certificate;
	pair_run(&p);
	ok(p.side[HS_CLIENT].failure.alert == ALERT_DECODE_ERROR && !p.side[HS_CLIENT].complete,
	   "a server without a certificate: %s", p.side[HS_CLIENT].text);
	pair_free(&p);

	pair_init(&p, KEY_ED25519);
	p.tamper = many_certificates;
	pair_run(&p);
	ok(p.side[HS_CLIENT].failure.alert == ALERT_BAD_CERTIFICATE && !p.side[HS_CLIENT].complete,
	   "too many certificates: %s", p.side[HS_CLIENT].text);
	pair_free(&p);
}

/* --- client certificates --- */

static void one_client(const char *what, struct identity_spec spec, int code, enum alert alert)
{
	struct hs_trust *trust = identity_trust(test_root());
	struct hs_credential *credential;
	struct identity *id;
	const struct party *s;
	struct pair p;

	id = identity_new(&spec);
	credential = identity_credential(id);
	pair_init(&p, KEY_ED25519);
	p.side[HS_CLIENT].config.credentials = &credential;
	p.side[HS_CLIENT].config.credential_count = 1;
	p.side[HS_SERVER].config.verify = HS_VERIFY_REQUIRED;
	p.side[HS_SERVER].config.trust = trust;
	pair_run(&p);
	s = &p.side[HS_SERVER];
	ok(s->failed && !s->complete && s->failure.alert == alert &&
		   s->failure.verify_code == code && s->failure.error == EKEYREJECTED,
	   "a client's certificate, %s: %s", what, s->text);
	pair_free(&p);
	hs_credential_unref(credential);
	hs_trust_unref(trust);
	identity_free(id);
}

static void test_clients(void)
{
	struct identity_spec spec = { .common_name = "C", .key = KEY_ECDSA_P256 };

	one_client("self-signed", spec, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, ALERT_UNKNOWN_CA);
	spec.issuer = test_root();
	spec.extended_key_usage = "serverAuth";
	one_client("for servers", spec, X509_V_ERR_INVALID_PURPOSE, ALERT_UNSUPPORTED_CERTIFICATE);
	spec.extended_key_usage = NULL;
	spec.not_before = TEST_NOW - 2 * DAY;
	spec.not_after = TEST_NOW - DAY;
	one_client("expired", spec, X509_V_ERR_CERT_HAS_EXPIRED, ALERT_CERTIFICATE_EXPIRED);
}

/* --- loading --- */

static char *encrypted_key(const struct identity *id)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes, *copy;
	long len;

	if (PEM_write_bio_PrivateKey(bio, id->key, EVP_aes_128_cbc(), (unsigned char *)"pw", 2,
				     NULL, NULL) != 1)
		bail("PEM");
	len = BIO_get_mem_data(bio, &bytes);
	copy = strndup(bytes, (size_t)len);
	BIO_free(bio);
	return copy;
}

static void one_load(const char *what, const char *chain, const char *key, const char *words)
{
	char text[HS_MAX_TEXT] = "";
	struct hs_credential *c = hs_credential_new_pem(chain, strlen(chain), key, strlen(key),
							text);

	ok(!c && strstr(text, words), "%s: %s", what, text);
	hs_credential_unref(c);
}

static void test_loading(void)
{
	const struct identity *a = test_leaf(KEY_ECDSA_P256), *b = test_leaf(KEY_ED25519);
	struct identity_spec spec = { .common_name = "P-521", .key = KEY_OTHER };
	struct identity *odd = identity_new(&spec);
	struct hs_trust *trust = hs_trust_new();
	char *locked = encrypted_key(a), text[HS_MAX_TEXT] = "", broken[4096];

	one_load("a key of another certificate", a->cert_pem, b->key_pem, "does not belong");
	one_load("an encrypted key", a->cert_pem, locked, "encrypted");
	one_load("no key", a->cert_pem, "", "does not parse");
	one_load("no certificate", "", a->key_pem, "no certificate");
	one_load("a key in the place of the certificate", a->key_pem, a->key_pem, "no certificate");
	one_load("a curve that is not spoken", odd->cert_pem, odd->key_pem, "none of RSA");
	snprintf(broken, sizeof(broken), "%s", a->cert_pem);
	memcpy(broken + 60, "AAAAAAAA", 8);
	one_load("a broken certificate", broken, a->key_pem, "does not parse");
	ok(hs_trust_add_pem(trust, "", 0, text) == -ENOENT && *text, "an empty bundle: %s", text);
	ok(hs_trust_add_pem(trust, "nonsense", 8, text) == -ENOENT, "a bundle of nonsense: %s",
	   text);
	ok(hs_trust_add_pem(trust, broken, strlen(broken), text) == -EBADMSG, "a broken bundle: %s",
	   text);
	ok(hs_trust_add_pem(trust, a->cert_pem, strlen(a->cert_pem), text) == 1 &&
		   hs_trust_add_pem(trust, a->cert_pem, strlen(a->cert_pem), text) == 1,
	   "the same certificate twice");
	hs_trust_unref(trust);
	hs_trust_unref(NULL);
	free(locked);
	identity_free(odd);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		one_refusal(&refusals[i]);
	test_chains();
	one_depth(8, true);
	one_depth(9, false);
	test_self_signed();
	test_clock();
	test_signatures();
	test_message();
	test_clients();
	test_loading();
	identities_free();
	return tap_done();
}
