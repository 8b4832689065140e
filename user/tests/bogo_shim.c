// SPDX-License-Identifier: MIT
/*
 * bogo_shim.c - the program that BoringSSL's test runner drives
 *
 * Connects to the runner, whose 64-bit number it sends first, and makes one connection after
 * another with the engine: a handshake (RFC 8446 section 2, RFC 5246 section 7.3), what the
 * options want to see of it, then every byte back with its bits turned. Exit status 0: as
 * expected; 1: not, with the reason on stderr; 89: an option that we do not have.
 *
 * bogo_config.json says which of the runner's tests ask for what we do not offer.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "bogo_config.h"
#include "bogo_wire.h"
#include "engine.h"

#define UNIMPLEMENTED 89
#define ALERT_DECOMPRESSION_FAILURE 30
#define READ_SIZE 512
#define LARGEST_WRITE 32769

static struct wire wire;

static bool differ(const char *what)
{
	fprintf(stderr, "not as expected: %s\n", what);
	return false;
}

/* --- what the runner expects of a handshake --- */

static bool same_name(const void *got, size_t len, const char *expected)
{
	if (!expected)
		expected = "";
	return strlen(expected) == len && !memcmp(got, expected, len);
}

static bool check_parameters(const struct bogo_options *o, const struct hs_summary *s)
{
	uint16_t peer_scheme = wire.engine->peer_scheme ? wire.engine->peer_scheme->code : 0;

	if (o->expect_version && s->version != o->expect_version)
		return differ("version");
	if ((o->expect_cipher && s->suite != o->expect_cipher) ||
	    (o->expect_cipher_aes && s->suite != o->expect_cipher_aes))
		return differ(hs_suite_name(s->suite));
	if (o->expect_curve_id && s->group != o->expect_curve_id)
		return differ(hs_group_name(s->group));
	/* when a session is resumed there is no signature */
	if (o->expect_peer_signature_algorithm && !s->resumed &&
	    peer_scheme != o->expect_peer_signature_algorithm)
		return differ(hs_scheme_name(peer_scheme));
	if ((o->expect_hrr && !s->retried) || (o->expect_no_hrr && s->retried))
		return differ("HelloRetryRequest");
	if (o->expect_extended_master_secret && s->version == HS_TLS_1_2 &&
	    !wire.engine->extended_master_secret)
		return differ("extended_master_secret");
	if (o->expect_early_data_reason && !strcmp(o->expect_early_data_reason, "accepted"))
		return differ("no early data");
	if (o->expect_no_secure_renegotiation && s->version == HS_TLS_1_2)
		return differ("renegotiation_info");
	return true;
}

static bool check_names(const struct bogo_options *o, const struct hs_summary *s)
{
	if (!same_name(s->alpn, s->alpn_len, o->server ? o->select_alpn : o->expect_alpn))
		return differ("ALPN");
	if (o->expect_server_name && strcmp(s->server_name, o->expect_server_name) != 0)
		return differ("server name");
	if (o->expect_no_server_name && s->server_name[0])
		return differ("a server name");
	return true;
}

/* The chain that was received is that of the file. */
static bool check_chain(const char *path, const struct hs_summary *s)
{
	FILE *f = fopen(path, "r");
	char *name, *header;
	unsigned char *der;
	bool same = f;
	size_t i = 0;
	long len;

	for (; f && PEM_read(f, &name, &header, &der, &len) == 1; i++) {
		same = same && i < s->peer_chain_count && s->peer_chain[i].len == (size_t)len &&
		       !memcmp(s->peer_chain[i].data, der, (size_t)len);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	if (f)
		fclose(f);
	ERR_clear_error();
	return (same && i == s->peer_chain_count) || differ("the peer's chain");
}

static bool check_certificates(const struct bogo_options *o, const struct shim_config *c,
			       const struct hs_summary *s)
{
	uint8_t staple[4096];
	size_t staple_len = 0;
	int selected = -2;

	if (o->expect_peer_cert_file && !check_chain(o->expect_peer_cert_file, s))
		return false;
	if (o->expect_no_peer_cert && s->peer_chain_count)
		return differ("a peer's certificate");
	if (!o->expect_no_peer_cert && (!o->server || o->require_any_client_certificate) &&
	    !s->peer_chain_count)
		return differ("no peer's certificate");
	if (o->expect_verify_result && (s->verify_code != 0) != o->verify_fail)
		return differ("the verdict on the peer's chain");
	if (o->expect_ocsp_response)
		staple_len = read_base64(o->expect_ocsp_response, staple, sizeof(staple));
	if (o->expect_ocsp_response && !s->resumed &&
	    (s->staple.len != staple_len || memcmp(s->staple.data, staple, staple_len) != 0))
		return differ("the OCSP response");
	for (size_t i = 0; i < c->config.credential_count; i++)
		if (wire.engine->credential == c->credentials[i])
			selected = c->credential_number[i];
	if (o->expect_selected_credential && !s->resumed &&
	    atoi(o->expect_selected_credential) != selected)
		return differ("the credential that was selected");
	return true;
}

static bool check_handshake(const struct bogo_options *o, const struct shim_config *c, bool resume)
{
	const struct hs_summary *s = hs_engine_summary(wire.engine);

	if (!s->resumed && s->version == HS_TLS_1_2 &&
	    ((o->expect_session_id && !wire.engine->server_session_id_len) ||
	     (o->expect_no_session_id && wire.engine->server_session_id_len)))
		return differ("the session id");
	if (s->resumed != (resume && !o->expect_session_miss))
		return differ(s->resumed ? "resumed" : "not resumed");
	return check_parameters(o, s) && check_names(o, s) && check_certificates(o, c, s);
}

/* TLS 1.3: tickets come after the handshake. */
static bool check_session(const struct bogo_options *o)
{
	bool expected = !o->expect_no_session && !o->shim_shuts_down;

	if (o->server || hs_engine_summary(wire.engine)->version != HS_TLS_1_3)
		return true;
	return saved.got_session == expected || differ("the session that was given");
}

/* --- what is done with the connection --- */

static bool write_exported(const struct bogo_options *o)
{
	const uint8_t *context = (const uint8_t *)(o->export_context ? o->export_context : "");
	size_t len = o->export_keying_material;
	uint8_t *out = malloc(len);
	bool good;

	good = out &&
	       hs_engine_export(wire.engine, o->export_label ? o->export_label : "",
				o->use_export_context ? context : NULL,
				o->use_export_context ? strlen((const char *)context) : 0, out,
				len) == 0 &&
	       wire_write(&wire, out, len);
	free(out);
	return good || differ("keying material is not exported");
}

static bool write_secrets(void)
{
	const struct hs_key *rx = &wire.keys[HS_RX], *tx = &wire.keys[HS_TX];
	uint8_t len[2] = { (uint8_t)rx->secret_len, 0 };

	return wire_write(&wire, len, sizeof(len)) &&
	       wire_write(&wire, rx->secret, rx->secret_len) &&
	       wire_write(&wire, tx->secret, tx->secret_len);
}

static bool write_sizes(void)
{
	static const size_t sizes[] = { 1,     255,   256,   257,   16383,
					16384, 16385, 32767, 32768, LARGEST_WRITE };
	static uint8_t bytes[LARGEST_WRITE];

	memset(bytes, 0x42, sizeof(bytes));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (!wire_write(&wire, bytes, sizes[i]))
			return false;
	return true;
}

static bool write_first(const struct bogo_options *o)
{
	const char *text = o->shim_initial_write ? o->shim_initial_write : "hello";
	uint64_t times = o->repeat_initial_write ? o->repeat_initial_write : 1;

	for (; o->shim_writes_first && times; times--)
		if (!wire_write(&wire, text, strlen(text)))
			return false;
	return true;
}

/* Every byte comes back, turned, until the peer ends. */
static bool echo(const struct bogo_options *o)
{
	size_t size = o->read_size ? o->read_size : READ_SIZE;
	uint8_t *bytes = malloc(size);
	bool good = bytes;
	int n = 0;

	while (good) {
		if (o->key_update_before_read && !wire_key_update(&wire))
			good = false;
		n = good ? wire_read(&wire, bytes, size) : -1;
		if (n <= 0)
			break;
		for (int i = 0; i < n; i++)
			bytes[i] ^= 0xff;
		good = (!o->key_update || wire_key_update(&wire)) &&
		       wire_write(&wire, bytes, (size_t)n);
	}
	free(bytes);
	return good && n == 0;
}

/* RFC 8446 section 6.1: each side closes its own direction. */
static bool end_connection(const struct bogo_options *o)
{
	uint8_t byte;

	wire_close_notify(&wire);
	if (!o->check_close_notify)
		return true;
	if (wire_read(&wire, &byte, 1) != 0)
		return wire.failed ? false : differ("data instead of close_notify");
	return wire.close_received || differ("no close_notify");
}

static bool exchange(const struct bogo_options *o)
{
	if (o->export_keying_material && !write_exported(o))
		return false;
	if (o->export_traffic_secrets && !write_secrets())
		return false;
	if (o->send_alert)
		return wire_alert(&wire, 2, ALERT_DECOMPRESSION_FAILURE);
	if (o->write_different_record_sizes && !write_sizes())
		return false;
	if (!write_first(o))
		return false;
	if (!o->shim_shuts_down && !echo(o))
		return false;
	return check_session(o) && end_connection(o);
}

/* --- a connection --- */

static int connect_to_runner(const struct bogo_options *o)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr *address = (struct sockaddr *)&four;
	socklen_t len = sizeof(four);
	uint8_t id[8];
	int fd = socket(o->ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	four.sin_port = six.sin6_port = htons((uint16_t)o->port);
	if (o->ipv6) {
		address = (struct sockaddr *)&six;
		len = sizeof(six);
	}
	for (int i = 0; i < 8; i++)
		id[i] = (uint8_t)(o->shim_id >> (8 * i));
	if (fd < 0 || connect(fd, address, len) < 0 ||
	    send(fd, id, sizeof(id), MSG_NOSIGNAL) != sizeof(id)) {
		perror("the runner cannot be reached");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* Exit status */
static int run_connection(const struct bogo_options *o, bool resume)
{
	struct shim_config c;
	int status = UNIMPLEMENTED, fd;
	bool good;

	if (!shim_configure(&c, o, resume))
		goto out;
	status = 1;
	fd = connect_to_runner(o);
	if (fd < 0)
		goto out;
	wire_start(&wire, fd, hs_engine_new(&c.config, o->server ? HS_SERVER : HS_CLIENT),
		   o->server ? HS_SERVER : HS_CLIENT);
	if (o->max_send_fragment)
		wire.fragment = o->max_send_fragment;
	good = wire.engine && wire_handshake(&wire) && check_handshake(o, &c, resume) &&
	       exchange(o);
	if (wire.failed)
		fprintf(stderr, "failed: %s\n", wire.text);
	wire_close(&wire);
	hs_engine_free(wire.engine);
	status = !good;
out:
	shim_config_release(&c);
	return status;
}

static int run(int argc, char **argv)
{
	static struct bogo_options initial, later;
	int status;

	if (!options_parse(argc, argv, &initial, &later))
		return UNIMPLEMENTED;
	if (initial.is_handshaker_supported) {
		puts("No");
		return 0;
	}
	status = run_connection(&initial, false);
	for (uint64_t i = 0; status == 0 && i < initial.resume_count; i++) {
		saved.clock_ahead += (int64_t)(i ? later : initial).resumption_delay;
		if (!later.server && !saved.session_len) {
			fprintf(stderr, "no session to offer\n");
			return 1;
		}
		status = run_connection(&later, true);
	}
	return status;
}

int main(int argc, char **argv)
{
	int status;

	signal(SIGPIPE, SIG_IGN);
	status = run(argc, argv);
	/* what a sanitizer says comes behind this, and is a failure by itself */
	fprintf(stderr, "--- DONE ---\n");
	return status;
}
