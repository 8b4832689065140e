// SPDX-License-Identifier: MIT
/*
 * bogo_options.c - the command line of BoringSSL's test runner
 *
 * See bogo_options.h.
 */
#include "bogo_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	NOTHING, /* a flag that makes no difference here */
	FLAG,
	NUMBER,
	TEXT,
	LIST,
	CREDENTIAL, /* opens one more */
	CERTIFICATE, /* of the credential that was opened last */
	KEY,
	STAPLE,
};

struct row {
	const char *name;
	enum kind kind;
	size_t offset;
};

#define AT(kind, name, field)                                    \
	{                                                        \
		name, kind, offsetof(struct bogo_options, field) \
	}

static const struct row rows[] = {
	AT(NUMBER, "-port", port), AT(NUMBER, "-shim-id", shim_id),
	AT(NUMBER, "-resume-count", resume_count), AT(FLAG, "-ipv6", ipv6),
	AT(FLAG, "-server", server), AT(FLAG, "-is-handshaker-supported", is_handshaker_supported),

	AT(NUMBER, "-min-version", min_version), AT(NUMBER, "-max-version", max_version),
	AT(FLAG, "-no-tls13", no_tls13), AT(FLAG, "-no-tls12", no_tls12),
	AT(FLAG, "-no-tls11", no_tls11), AT(FLAG, "-no-tls1", no_tls1), AT(TEXT, "-cipher", cipher),
	AT(LIST, "-curves", curves), AT(LIST, "-verify-prefs", verify_prefs),
	AT(LIST, "-signing-prefs", signing_prefs),

	AT(FLAG, "-enable-grease", enable_grease), AT(TEXT, "-host-name", host_name),
	AT(TEXT, "-advertise-alpn", advertise_alpn), AT(TEXT, "-select-alpn", select_alpn),
	AT(FLAG, "-decline-alpn", decline_alpn), AT(FLAG, "-reject-alpn", reject_alpn),

	AT(CREDENTIAL, "-new-x509-credential", credentials),
	AT(CERTIFICATE, "-cert-file", credentials), AT(KEY, "-key-file", credentials),
	AT(STAPLE, "-ocsp-response", credentials),
	AT(FLAG, "-enable-ocsp-stapling", enable_ocsp_stapling),
	AT(TEXT, "-expect-ocsp-response", expect_ocsp_response),
	AT(TEXT, "-trust-cert", trust_cert), AT(FLAG, "-verify-peer", verify_peer),
	AT(FLAG, "-verify-fail", verify_fail),
	AT(FLAG, "-require-any-client-certificate", require_any_client_certificate),

	AT(FLAG, "-no-ticket", no_ticket), AT(NUMBER, "-resumption-delay", resumption_delay),

	AT(FLAG, "-shim-writes-first", shim_writes_first),
	AT(FLAG, "-shim-shuts-down", shim_shuts_down),
	AT(FLAG, "-check-close-notify", check_close_notify), AT(FLAG, "-send-alert", send_alert),
	AT(FLAG, "-key-update", key_update),
	AT(FLAG, "-key-update-before-read", key_update_before_read),
	AT(FLAG, "-write-different-record-sizes", write_different_record_sizes),
	AT(FLAG, "-export-traffic-secrets", export_traffic_secrets),
	AT(FLAG, "-use-export-context", use_export_context),
	AT(TEXT, "-shim-initial-write", shim_initial_write),
	AT(NUMBER, "-repeat-shim-initial-write", repeat_initial_write),
	AT(TEXT, "-export-label", export_label), AT(TEXT, "-export-context", export_context),
	AT(NUMBER, "-export-keying-material", export_keying_material),
	AT(NUMBER, "-read-size", read_size), AT(NUMBER, "-max-send-fragment", max_send_fragment),

	AT(NUMBER, "-expect-version", expect_version), AT(NUMBER, "-expect-cipher", expect_cipher),
	AT(NUMBER, "-expect-cipher-aes", expect_cipher_aes),
	AT(NUMBER, "-expect-cipher-no-aes", expect_cipher_no_aes),
	AT(NUMBER, "-expect-curve-id", expect_curve_id),
	AT(NUMBER, "-expect-peer-signature-algorithm", expect_peer_signature_algorithm),
	AT(TEXT, "-expect-server-name", expect_server_name), AT(TEXT, "-expect-alpn", expect_alpn),
	AT(TEXT, "-expect-peer-cert-file", expect_peer_cert_file),
	AT(TEXT, "-expect-selected-credential", expect_selected_credential),
	AT(FLAG, "-expect-session-miss", expect_session_miss),
	AT(FLAG, "-expect-session-id", expect_session_id),
	AT(FLAG, "-expect-no-session-id", expect_no_session_id),
	AT(FLAG, "-expect-no-session", expect_no_session), AT(FLAG, "-expect-hrr", expect_hrr),
	AT(FLAG, "-expect-no-hrr", expect_no_hrr),
	AT(FLAG, "-expect-no-peer-cert", expect_no_peer_cert),
	AT(FLAG, "-expect-verify-result", expect_verify_result),
	AT(FLAG, "-expect-extended-master-secret", expect_extended_master_secret),
	AT(FLAG, "-expect-secure-renegotiation", expect_secure_renegotiation),
	AT(FLAG, "-expect-no-secure-renegotiation", expect_no_secure_renegotiation),
	AT(FLAG, "-expect-no-server-name", expect_no_server_name),
	AT(TEXT, "-expect-early-data-reason", expect_early_data_reason),

	/* The engine has one way to do these, and it is the one asked for. */
	AT(NOTHING, "-async", port), AT(NOTHING, "-implicit-handshake", port),
	AT(NOTHING, "-use-custom-verify-callback", port), AT(NOTHING, "-use-early-callback", port),
	AT(NOTHING, "-use-old-client-cert-callback", port),
	AT(NOTHING, "-reverify-on-resume", port), AT(NOTHING, "-server-preference", port),
	AT(NOTHING, "-peek-then-read", port), AT(NOTHING, "-partial-write", port),
	AT(NOTHING, "-no-op-extra-handshake", port),
	AT(NOTHING, "-use-exporter-between-reads", port),
	AT(NOTHING, "-expect-ticket-renewal", port), /* each handshake brings a ticket */
};

static const struct row *find_row(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static bool number(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return *text && !*end && !errno;
}

static bool append(struct option_list *list, const char *text)
{
	uint64_t value;

	if (list->count == OPTION_LIST_MAX || !number(text, &value) || value > UINT16_MAX)
		return false;
	list->value[list->count++] = (uint16_t)value;
	return true;
}

static bool needs_value(enum kind kind)
{
	return kind != NOTHING && kind != FLAG && kind != CREDENTIAL;
}

/* Preferences of one credential alone are nothing that the engine knows. */
static bool set(struct bogo_options *o, const struct row *row, const char *value)
{
	void *field = (uint8_t *)o + row->offset;

	switch (row->kind) {
	case NOTHING:
		return true;
	case FLAG:
		*(bool *)field = true;
		return true;
	case NUMBER:
		return number(value, field);
	case TEXT:
		*(const char **)field = value;
		return true;
	case LIST:
		return (field != &o->signing_prefs || !o->credential_count) && append(field, value);
	case CREDENTIAL:
		return ++o->credential_count < OPTION_CREDENTIALS_MAX;
	case CERTIFICATE:
		o->credentials[o->credential_count].cert_file = value;
		return true;
	case KEY:
		o->credentials[o->credential_count].key_file = value;
		return true;
	case STAPLE:
		o->credentials[o->credential_count].ocsp_response = value;
		return true;
	}
	return false;
}

/* Takes @prefix off the name of an option. */
static bool cut_prefix(const char **name, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncmp(*name, prefix, len) != 0 || (*name)[len] != '-')
		return false;
	*name += len;
	return true;
}

bool options_parse(int argc, char **argv, struct bogo_options *initial, struct bogo_options *resume)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i], *value = NULL;
		bool foreign, first_only, later_only;
		const struct row *row;

		cut_prefix(&name, "-on-shim");
		foreign = cut_prefix(&name, "-on-handshaker") || cut_prefix(&name, "-on-retry");
		first_only = cut_prefix(&name, "-on-initial");
		later_only = cut_prefix(&name, "-on-resume");
		row = find_row(name);
		if (row && needs_value(row->kind))
			value = argv[++i];
		if (!row || (needs_value(row->kind) && !value) ||
		    (!later_only && !foreign && !set(initial, row, value)) ||
		    (!first_only && !foreign && !set(resume, row, value))) {
			fprintf(stderr, "option %s %s is not one of ours\n", name,
				value ? value : "");
			return false;
		}
	}
	return true;
}
