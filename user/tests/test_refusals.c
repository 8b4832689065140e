// SPDX-License-Identifier: MIT
/*
 * test_refusals.c - what a policy or a peer can get wrong, and no other test is about
 *
 * Configurations that make no sense, which fail with their reason at the start; and messages of the
 * certificates' part of either version that are malformed, too long, or of the wrong kind
 * (RFC 8446 section 4.4.2, RFC 5246 sections 7.4.2 to 7.4.4, RFC 6066 section 8).
 */
#include <stdlib.h>

#include <openssl/x509.h>

#include "edit.h"
#include "tap.h"

/* --- configurations --- */

static void start_fails(const char *what, enum hs_role role, const struct hs_config *change,
			int error)
{
	struct hs_config config = *change;
	const struct hs_action *action = NULL;
	struct party party = { .random_state = 1, .now = TEST_NOW };
	struct hs_engine *e;
	int rc;

	config.random = test_random;
	config.now = test_now;
	config.ctx = &party;
	e = hs_engine_new(&config, role);
	if (!e)
		bail("no engine: %s", what);
	rc = hs_engine_start(e);
	action = hs_engine_next_action(e);
	ok(rc == -error && action && action->type == HS_ACTION_FAIL &&
		   action->failure.error == error && !hs_engine_next_action(e),
	   "%s: %s", what, action && action->type == HS_ACTION_FAIL ? action->failure.text : "?");
	hs_engine_free(e);
}

static void configurations(void)
{
	static const char *const bad_names[] = {
		"a b.example",
		"a..example",
		".example",
		"a.example\n",
		"a234567890123456789012345678901234567890123456789012345678901234.example",
	};
	struct hs_trust *trust = identity_trust(test_root());
	struct hs_config c = { .trust = trust };
	char name[300];

	for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
		c.server_name = bad_names[i];
		start_fails("a server name that is none", HS_CLIENT, &c, EINVAL);
	}
	memset(name, 'a', sizeof(name));
	for (size_t i = 50; i < 255; i += 51)
		name[i] = '.';
	name[254] = '\0';
	c.server_name = name;
	start_fails("a server name of 254 bytes", HS_CLIENT, &c, EINVAL);
	c.server_name = NULL;
	start_fails("a client that knows no name to verify", HS_CLIENT, &c, EINVAL);
	c = (struct hs_config){ .server_name = "server.example" };
	start_fails("a client without a trust store", HS_CLIENT, &c, ENOKEY);
	c.trust = trust;
	c.alpn = (const uint8_t *)"\x03h2";
	c.alpn_len = 3;
	start_fails("protocol names cut short", HS_CLIENT, &c, EINVAL);
	c.alpn = (const uint8_t *)"\x00\x02h2";
	c.alpn_len = 4;
	start_fails("an empty protocol name", HS_CLIENT, &c, EINVAL);
	c = (struct hs_config){ .verify = HS_VERIFY_NONE };
	start_fails("a server without a credential", HS_SERVER, &c, ENOKEY);
	hs_trust_unref(trust);
}

/* --- messages --- */

#define EMPTY_CHAIN "000000"

static struct identity *other_kind; /* a key that nobody takes */

struct row {
	const char *what;
	uint16_t version;
	uint8_t type;
	enum hs_role from;
	const char *hex; /* the body becomes that; or */
	void (*change)(struct pair *p, struct message *m);
	uint8_t alert;
	int error;
};

static void set_body(struct message *m, const uint8_t *body, size_t len)
{
	struct writer w = { 0 };
	size_t mark;

	writer_u8(&w, m->bytes[0]);
	mark = writer_open(&w, 3);
	writer_bytes(&w, body, len);
	writer_close(&w, mark, 3);
	free(m->bytes);
	m->bytes = w.bytes;
	m->len = w.len;
}

/* A Certificate of @count times these bytes. */
static void set_chain(struct message *m, bool tls13, const char *context, const uint8_t *der,
		      size_t len, size_t count)
{
	struct writer w = { 0 };
	size_t list;

	if (tls13) {
		writer_u8(&w, (uint8_t)strlen(context));
		writer_bytes(&w, context, strlen(context));
	}
	list = writer_open(&w, 3);
	for (size_t i = 0; i < count; i++) {
		writer_u24(&w, (uint32_t)len);
		writer_bytes(&w, der, len);
		if (tls13)
			writer_u16(&w, 0);
	}
	writer_close(&w, list, 3);
	set_body(m, w.bytes, w.len);
	writer_release(&w);
}

static const struct hs_der *own_leaf(const struct pair *p)
{
	size_t count;

	return credential_chain(p->credentials[0], &count);
}

static bool is_tls13(const struct pair *p)
{
	return p->side[HS_SERVER].config.max_version == HS_TLS_1_3;
}

static void seventeen(struct pair *p, struct message *m)
{
	set_chain(m, is_tls13(p), "", own_leaf(p)->data, own_leaf(p)->len, 17);
}

static void trailing_byte(struct pair *p, struct message *m)
{
	const struct hs_der *leaf = own_leaf(p);
	uint8_t *der = malloc(leaf->len + 1);

	memcpy(der, leaf->data, leaf->len);
	der[leaf->len] = 0;
	set_chain(m, is_tls13(p), "", der, leaf->len + 1, 1);
	free(der);
}

static void with_context(struct pair *p, struct message *m)
{
	set_chain(m, true, "context", own_leaf(p)->data, own_leaf(p)->len, 1);
}

static void of_another_kind(struct pair *p, struct message *m)
{
	unsigned char *der = NULL;
	int len = i2d_X509(other_kind->cert, &der);

	set_chain(m, is_tls13(p), "", der, (size_t)len, 1);
	OPENSSL_free(der);
}

/* ServerKeyExchange on a curve: the scheme stands behind the parameters. */
static void scheme_of_rsa(struct pair *p, struct message *m)
{
	size_t at = 4 + 4 + (size_t)m->bytes[7];

	(void)p;
	m->bytes[at] = HS_RSA_PSS_RSAE_SHA256 >> 8;
	m->bytes[at + 1] = HS_RSA_PSS_RSAE_SHA256 & 0xff;
}

static const struct row rows[] = {
	{ "17 certificates", HS_TLS_1_2, MESSAGE_CERTIFICATE, HS_SERVER, NULL, seventeen,
	  ALERT_BAD_CERTIFICATE, EKEYREJECTED },
	{ "17 certificates", HS_TLS_1_3, MESSAGE_CERTIFICATE, HS_SERVER, NULL, seventeen,
	  ALERT_BAD_CERTIFICATE, EKEYREJECTED },
	{ "a byte behind a certificate", HS_TLS_1_2, MESSAGE_CERTIFICATE, HS_SERVER, NULL,
	  trailing_byte, ALERT_BAD_CERTIFICATE, EKEYREJECTED },
	{ "a byte behind a certificate", HS_TLS_1_3, MESSAGE_CERTIFICATE, HS_SERVER, NULL,
	  trailing_byte, ALERT_BAD_CERTIFICATE, EKEYREJECTED },
	{ "a key on P-521", HS_TLS_1_2, MESSAGE_CERTIFICATE, HS_SERVER, NULL, of_another_kind,
	  ALERT_UNSUPPORTED_CERTIFICATE, EKEYREJECTED },
	{ "a key on P-521", HS_TLS_1_3, MESSAGE_CERTIFICATE, HS_SERVER, NULL, of_another_kind,
	  ALERT_UNSUPPORTED_CERTIFICATE, EKEYREJECTED },
	{ "no certificate", HS_TLS_1_2, MESSAGE_CERTIFICATE, HS_SERVER, EMPTY_CHAIN, NULL,
	  ALERT_DECODE_ERROR, EPROTO },
	{ "half a certificate", HS_TLS_1_2, MESSAGE_CERTIFICATE, HS_SERVER, "00000400000530", NULL,
	  ALERT_DECODE_ERROR, EPROTO },
	{ "an empty certificate", HS_TLS_1_2, MESSAGE_CERTIFICATE, HS_SERVER, "000003000000", NULL,
	  ALERT_DECODE_ERROR, EPROTO },
	{ "a context that nobody asked for", HS_TLS_1_3, MESSAGE_CERTIFICATE, HS_SERVER, NULL,
	  with_context, ALERT_ILLEGAL_PARAMETER, EPROTO },
	{ "a context that nobody asked for", HS_TLS_1_3, MESSAGE_CERTIFICATE, HS_CLIENT, NULL,
	  with_context, ALERT_ILLEGAL_PARAMETER, EPROTO },
	{ "a byte behind a certificate", HS_TLS_1_2, MESSAGE_CERTIFICATE, HS_CLIENT, NULL,
	  trailing_byte, ALERT_BAD_CERTIFICATE, EKEYREJECTED },
	{ "no list", HS_TLS_1_2, MESSAGE_CERTIFICATE, HS_CLIENT, "0000", NULL, ALERT_DECODE_ERROR,
	  EPROTO },

	{ "of a type that nobody knows", HS_TLS_1_2, MESSAGE_CERTIFICATE_STATUS, HS_SERVER,
	  "0200000130", NULL, ALERT_DECODE_ERROR, EPROTO },
	{ "an empty response", HS_TLS_1_2, MESSAGE_CERTIFICATE_STATUS, HS_SERVER, "01000000", NULL,
	  ALERT_DECODE_ERROR, EPROTO },
	{ "half a response", HS_TLS_1_2, MESSAGE_CERTIFICATE_STATUS, HS_SERVER, "0100000230", NULL,
	  ALERT_DECODE_ERROR, EPROTO },

	{ "signed by a scheme of another key", HS_TLS_1_2, MESSAGE_SERVER_KEY_EXCHANGE, HS_SERVER,
	  NULL, scheme_of_rsa, ALERT_ILLEGAL_PARAMETER, EPROTO },

	{ "no types", HS_TLS_1_2, MESSAGE_CERTIFICATE_REQUEST, HS_SERVER, "00000204030000", NULL,
	  ALERT_DECODE_ERROR, EPROTO },
	{ "no schemes", HS_TLS_1_2, MESSAGE_CERTIFICATE_REQUEST, HS_SERVER, "014000000000", NULL,
	  ALERT_DECODE_ERROR, EPROTO },
	{ "half a scheme", HS_TLS_1_2, MESSAGE_CERTIFICATE_REQUEST, HS_SERVER,
	  "0140000304030800"
	  "00",
	  NULL, ALERT_DECODE_ERROR, EPROTO },
	{ "an empty authority", HS_TLS_1_2, MESSAGE_CERTIFICATE_REQUEST, HS_SERVER,
	  "01400002040300020000", NULL, ALERT_DECODE_ERROR, EPROTO },
	{ "half an authority", HS_TLS_1_2, MESSAGE_CERTIFICATE_REQUEST, HS_SERVER,
	  "014000020403000300053030", NULL, ALERT_DECODE_ERROR, EPROTO },
};

static const struct row *current;
static bool hit;

static void tamper(struct pair *p, struct message *m, size_t index)
{
	uint8_t *body;
	size_t len;

	(void)index;
	if (hit || m->bytes[0] != current->type || m->from != current->from)
		return;
	hit = true;
	if (current->change) {
		current->change(p, m);
		return;
	}
	body = unhex(current->hex, &len);
	set_body(m, body, len);
	free(body);
}

static void play(const struct row *row)
{
	struct hs_credential *client = identity_credential(test_leaf(KEY_ECDSA_P256));
	struct hs_trust *trust = identity_trust(test_root());
	const struct party *judge;
	struct pair p;

	current = row;
	hit = false;
	pair_init(&p, KEY_ECDSA_P256);
	hs_credential_set_staple(p.credentials[0], "staple", 6);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p.side[role].config.min_version = row->version;
		p.side[role].config.max_version = row->version;
		p.side[role].config.verify = HS_VERIFY_OPTIONAL;
	}
	p.side[HS_SERVER].config.trust = trust;
	p.side[HS_CLIENT].config.credentials = &client;
	p.side[HS_CLIENT].config.credential_count = 1;
	p.tamper = tamper;
	pair_run(&p);
	judge = &p.side[row->from == HS_CLIENT ? HS_SERVER : HS_CLIENT];
	ok(hit && judge->failed && !judge->complete && judge->failure.alert == row->alert &&
		   judge->failure.error == row->error,
	   "%s, %s of a %s, %s: %s", hs_version_name(row->version), hs_message_name(row->type),
	   row->from == HS_CLIENT ? "client" : "server", row->what,
	   judge->failed ? judge->text : "accepted");
	pair_free(&p);
	hs_credential_unref(client);
	hs_trust_unref(trust);
}

/* --- hellos that lead from one version to the other --- */

static void echo_session_id(struct pair *p, struct message *m, size_t index)
{
	uint8_t id = HS_SESSION_ID_LEN;

	if (index != 1)
		return;
	/* the server of TLS 1.2 has sent none: its place is behind the random */
	m->bytes = realloc(m->bytes, m->len + id);
	memmove(m->bytes + 39 + id, m->bytes + 39, m->len - 39);
	m->bytes[38] = id;
	memcpy(m->bytes + 39, p->sent[0].bytes + 39, id);
	m->len += id;
	m->bytes[3] = (uint8_t)(m->bytes[3] + id);
}

static void old_after_retry(struct pair *p, struct message *m, size_t index)
{
	static const struct edit edits[] = { { EDIT_DROP, 43, NULL },
					     { EDIT_DROP, 51, NULL },
					     { EDIT_ADD, 0xff01, "00" },
					     { EDIT_ADD, 23, "" },
					     { EDIT_SUITES, 0, "c02b" } };

	(void)p;
	if (index == 3)
		edit_message(m, edits, 5);
}

static void versions(bool retry)
{
	static const uint16_t first[] = { HS_X25519, HS_SECP256R1 };
	const struct party *c;
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	c = &p.side[HS_CLIENT];
	p.side[HS_CLIENT].config.min_version = HS_TLS_1_2;
	p.side[HS_CLIENT].config.groups = first;
	p.side[HS_CLIENT].config.group_count = 2;
	p.side[HS_SERVER].config.groups = first + retry;
	p.side[HS_SERVER].config.group_count = 2 - retry;
	if (!retry) {
		p.side[HS_SERVER].config.min_version = HS_TLS_1_2;
		p.side[HS_SERVER].config.max_version = HS_TLS_1_2;
	}
	p.tamper = retry ? old_after_retry : echo_session_id;
	pair_run(&p);
	ok(c->failed && !c->complete && c->failure.alert == ALERT_ILLEGAL_PARAMETER &&
		   c->failure.error == EPROTO,
	   "%s: %s", retry ? "TLS 1.2 after HelloRetryRequest" : "TLS 1.2 that echoes a session id",
	   c->text);
	pair_free(&p);
}

/* RFC 8422 section 5.1: the curve of a client's key has to be one of the groups, too. */
static void curve_of_client(void)
{
	static const uint16_t groups[] = { HS_X25519 };
	struct hs_credential *client = identity_credential(test_leaf(KEY_ECDSA_P256));
	struct hs_trust *trust = identity_trust(test_root());
	const struct party *s;
	struct pair p;

	pair_init(&p, KEY_ED25519);
	s = &p.side[HS_SERVER];
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p.side[role].config.min_version = HS_TLS_1_2;
		p.side[role].config.max_version = HS_TLS_1_2;
	}
	p.side[HS_SERVER].config.groups = groups;
	p.side[HS_SERVER].config.group_count = 1;
	p.side[HS_SERVER].config.verify = HS_VERIFY_REQUIRED;
	p.side[HS_SERVER].config.trust = trust;
	p.side[HS_CLIENT].config.credentials = &client;
	p.side[HS_CLIENT].config.credential_count = 1;
	pair_run(&p);
	ok(s->failed && !s->complete && s->failure.alert == ALERT_ILLEGAL_PARAMETER,
	   "TLS 1.2, Certificate of a client, a curve outside of the groups: %s", s->text);
	pair_free(&p);
	hs_credential_unref(client);
	hs_trust_unref(trust);
}

/* What a peer says of itself reaches a log: never more than printable ASCII of it. */
static void printable(void)
{
	struct identity_spec spec = { .common_name = "evil\x1b[31m\xc3\xa9",
				      .key = KEY_ECDSA_P256,
				      .names = "DNS:server.example" };
	struct identity *leaf;
	const struct party *c;
	struct pair p;
	bool good = true;

	spec.issuer = test_root();
	spec.not_after = TEST_NOW - 1;
	spec.not_before = TEST_NOW - DAY;
	leaf = identity_new(&spec);
	pair_init(&p, KEY_ECDSA_P256);
	hs_credential_unref(p.credentials[0]);
	p.credentials[0] = identity_credential(leaf);
	pair_run(&p);
	c = &p.side[HS_CLIENT];
	for (const char *at = c->text; *at; at++)
		good = good && *at >= ' ' && *at <= '~';
	ok(c->failed && good && *c->text, "a name in a reason is printable: %s", c->text);
	pair_free(&p);
	identity_free(leaf);
}

int main(void)
{
	struct identity_spec spec = { .common_name = "server.example",
				      .names = "DNS:server.example",
				      .key = KEY_OTHER };

	spec.issuer = test_root();
	other_kind = identity_new(&spec);
	configurations();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		play(&rows[i]);
	versions(false);
	versions(true);
	curve_of_client();
	printable();
	identity_free(other_kind);
	identities_free();
	return tap_done();
}
