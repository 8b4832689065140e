// SPDX-License-Identifier: MIT
/*
 * test_revoked.c - lists of revoked certificates in a trust store, RFC 5280 section 5
 *
 * The lists are made on the spot: one that names the peer's certificate, one of another issuer,
 * one that is over or not begun or damaged, and none. In both versions, of servers and clients,
 * and of chains that were found good before there was a list.
 */
#include <stdlib.h>

#include <openssl/x509_vfy.h>

#include "pair.h"
#include "tap.h"

enum issuer { ROOT, STRANGER, FORGED };

static const struct row {
	const char *what;
	enum issuer issuer;
	bool revoked;
	int64_t begin, end;
	int code;
	uint8_t alert;
} rows[] = {
	{ "a list that does not name it", ROOT, false, -DAY, DAY, 0, 0 },
	{ "a list that names it", ROOT, true, -DAY, DAY, X509_V_ERR_CERT_REVOKED,
	  ALERT_CERTIFICATE_REVOKED },
	{ "a list that is over", ROOT, false, -2 * DAY, -DAY, X509_V_ERR_CRL_HAS_EXPIRED,
	  ALERT_BAD_CERTIFICATE },
	{ "a list that has not begun", ROOT, false, DAY, 2 * DAY, X509_V_ERR_CRL_NOT_YET_VALID,
	  ALERT_BAD_CERTIFICATE },
	{ "a list that is over and names it", ROOT, true, -2 * DAY, -DAY,
	  X509_V_ERR_CRL_HAS_EXPIRED, ALERT_BAD_CERTIFICATE },
	{ "no list of its issuer's", STRANGER, false, -DAY, DAY, X509_V_ERR_UNABLE_TO_GET_CRL,
	  ALERT_BAD_CERTIFICATE },
	{ "a list by another key", FORGED, false, -DAY, DAY, X509_V_ERR_CRL_SIGNATURE_FAILURE,
	  ALERT_BAD_CERTIFICATE },
};

static struct identity *stranger, *forger, *client;

static void make_identities(void)
{
	struct identity_spec spec = {
		.common_name = "Another Root",
		.key = KEY_ECDSA_P256,
		.authority = true,
		.key_usage = "critical,keyCertSign,cRLSign",
	};

	stranger = identity_new(&spec);
	spec.common_name = "Test Root"; /* test_root()'s */
	forger = identity_new(&spec);
	spec = (struct identity_spec){ .common_name = "A Client", .key = KEY_ECDSA_P256 };
	spec.issuer = test_root();
	spec.extended_key_usage = "clientAuth";
	client = identity_new(&spec);
}

static void add_list(struct hs_trust *trust, const struct row *row, const struct identity *peer)
{
	const struct identity *issuer = row->issuer == ROOT	? test_root() :
					row->issuer == STRANGER ? stranger :
								  forger;
	char *pem = identity_crl(issuer, row->revoked ? peer : NULL, row->begin, row->end);

	if (hs_trust_add_crl_pem(trust, pem, strlen(pem), NULL) != 1)
		bail("a list is not taken");
	free(pem);
}

static void play(const struct row *row, uint16_t version, bool of_client)
{
	struct hs_trust *trust = identity_trust(test_root());
	struct hs_credential *credential = identity_credential(client);
	const struct party *judge;
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	for (int role = HS_CLIENT; role <= HS_SERVER; role++) {
		p.side[role].config.min_version = version;
		p.side[role].config.max_version = version;
	}
	if (of_client) {
		p.side[HS_CLIENT].config.credentials = &credential;
		p.side[HS_CLIENT].config.credential_count = 1;
		p.side[HS_SERVER].config.verify = HS_VERIFY_REQUIRED;
		p.side[HS_SERVER].config.trust = trust;
		add_list(trust, row, client);
	} else {
		add_list(p.side[HS_CLIENT].config.trust, row, test_leaf(KEY_ECDSA_P256));
	}
	pair_run(&p);
	judge = &p.side[of_client ? HS_SERVER : HS_CLIENT];
	if (!row->code)
		ok(pair_complete(&p), "%s, %s: %s", hs_version_name(version),
		   of_client ? "a client" : "a server", row->what);
	else
		ok(judge->failed && judge->failure.verify_code == row->code &&
			   judge->failure.alert == row->alert &&
			   judge->failure.error == EKEYREJECTED,
		   "%s, %s, %s: %s", hs_version_name(version), of_client ? "a client" : "a server",
		   row->what, judge->text);
	if (row->code && judge->failure.verify_code != row->code)
		note("code %d, %s", judge->failure.verify_code,
		     hs_alert_name(judge->failure.alert));
	pair_free(&p);
	hs_credential_unref(credential);
	hs_trust_unref(trust);
}

/* A verdict that was kept is none once there is a list; and with one none is kept. */
static void seen_before_it_was_revoked(void)
{
	struct hs_trust *trust = identity_trust(test_root());
	struct hs_trust *old;
	struct pair p;

	for (int i = 0; i < 4; i++) {
		pair_init(&p, KEY_ECDSA_P256);
		old = p.side[HS_CLIENT].config.trust;
		p.side[HS_CLIENT].config.trust = trust;
		if (i == 2)
			add_list(trust, &rows[1], test_leaf(KEY_ECDSA_P256));
		pair_run(&p);
		ok(pair_complete(&p) == (i < 2), "a chain that was good, %s",
		   i < 2 ? "and is" : "and is revoked");
		p.side[HS_CLIENT].config.trust = old;
		pair_free(&p);
	}
	hs_trust_unref(trust);
}

static void bundles(void)
{
	char *a = identity_crl(test_root(), NULL, -DAY, DAY), *b, *both, text[HS_MAX_TEXT];
	struct hs_trust *trust = hs_trust_new();

	b = identity_crl(stranger, NULL, -DAY, DAY);
	both = malloc(strlen(a) + strlen(b) + 1);
	memcpy(both, a, strlen(a));
	memcpy(both + strlen(a), b, strlen(b) + 1);
	ok(hs_trust_add_crl_pem(trust, both, strlen(both), text) == 2, "two lists in a bundle");
	ok(hs_trust_add_crl_pem(trust, "", 0, text) == -ENOENT, "none: %s", text);
	ok(hs_trust_add_crl_pem(trust, test_root()->cert_pem, strlen(test_root()->cert_pem),
				text) == -ENOENT,
	   "a certificate: %s", text);
	both[strlen(a) + 40] = '!';
	ok(hs_trust_add_crl_pem(trust, both, strlen(both), text) == -EBADMSG, "damaged: %s", text);
	ok(hs_trust_add_crl_pem(trust, a, strlen(a) / 2, text) == -EBADMSG, "cut: %s", text);
	free(a);
	free(b);
	free(both);
	hs_trust_unref(trust);
}

int main(void)
{
	make_identities();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int of_client = 0; of_client < 2; of_client++) {
			play(&rows[i], HS_TLS_1_3, of_client);
			play(&rows[i], HS_TLS_1_2, of_client);
		}
	seen_before_it_was_revoked();
	bundles();
	identity_free(stranger);
	identity_free(forger);
	identity_free(client);
	identities_free();
	return tap_done();
}
