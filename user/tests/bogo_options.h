/* SPDX-License-Identifier: MIT */
/*
 * bogo_options.h - the command line of BoringSSL's test runner
 *
 * One set of options for the first connection and one for those that resume: a prefix says
 * which an option is for. What the engine does not offer is unknown here, and so refused; it
 * must never be passed over, or a test would pass that tests nothing.
 */
#ifndef TESTS_BOGO_OPTIONS_H
#define TESTS_BOGO_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTION_LIST_MAX 32
#define OPTION_CREDENTIALS_MAX 8

struct option_list {
	uint16_t value[OPTION_LIST_MAX];
	size_t count;
};

struct option_credential {
	const char *cert_file;
	const char *key_file;
	const char *ocsp_response; /* base64 */
};

struct bogo_options {
	/* the connection */
	uint64_t port, shim_id, resume_count;
	bool ipv6, server, is_handshaker_supported;
	/* what is agreed */
	uint64_t min_version, max_version;
	bool no_tls13, no_tls12, no_tls11, no_tls1;
	const char *cipher;
	bool enable_grease;
	struct option_list curves, verify_prefs, signing_prefs;
	/* names */
	const char *host_name, *advertise_alpn, *select_alpn;
	bool decline_alpn, reject_alpn;
	/* certificates; credentials[0] is the one without -new-x509-credential */
	struct option_credential credentials[OPTION_CREDENTIALS_MAX];
	size_t credential_count;
	const char *trust_cert, *expect_ocsp_response;
	bool enable_ocsp_stapling;
	bool verify_peer, verify_fail, require_any_client_certificate;
	/* sessions */
	bool no_ticket;
	uint64_t resumption_delay;
	/* what is done with the connection */
	bool shim_writes_first, shim_shuts_down, check_close_notify, send_alert;
	bool key_update, key_update_before_read, write_different_record_sizes;
	bool export_traffic_secrets, use_export_context;
	const char *shim_initial_write, *export_label, *export_context;
	uint64_t export_keying_material, read_size, max_send_fragment, repeat_initial_write;
	/* what is expected */
	uint64_t expect_version, expect_cipher, expect_curve_id, expect_peer_signature_algorithm;
	uint64_t expect_cipher_aes, expect_cipher_no_aes;
	const char *expect_server_name, *expect_alpn, *expect_peer_cert_file;
	const char *expect_selected_credential, *expect_early_data_reason;
	bool expect_session_miss, expect_no_session, expect_hrr, expect_no_hrr;
	bool expect_no_peer_cert, expect_verify_result, expect_extended_master_secret;
	bool expect_secure_renegotiation, expect_no_secure_renegotiation;
	bool expect_no_server_name, expect_session_id, expect_no_session_id;
};

/* False: an option that is unknown, or one without its value; it has been told on stderr. */
bool options_parse(int argc, char **argv, struct bogo_options *initial,
		   struct bogo_options *resume);

#endif
