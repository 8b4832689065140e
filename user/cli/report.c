// SPDX-License-Identifier: MIT
/*
 * report.c - complaints; one connection, or its failure, for a person or a program
 *
 * What came from the peer (ALPN, server name) is escaped before a terminal sees it.
 */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

void complain(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("tlsock: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
}

static void words(FILE *to, const struct tlsock_info *i, const char *server_name)
{
	char number[3][8], text[1024];

	fprintf(to, "%s, %s", name_or_number(version_name(i->version), i->version, number[0]),
		name_or_number(suite_name(i->cipher_suite), i->cipher_suite, number[1]));
	if (i->group)
		fprintf(to, ", %s", name_or_number(group_name(i->group), i->group, number[2]));
	if (i->signature_scheme)
		fprintf(to, ", %s",
			name_or_number(scheme_name(i->signature_scheme), i->signature_scheme,
				       number[0]));
	fprintf(to, ", peer %s", i->flags & TLSOCK_INFO_VERIFIED ? "verified" : "not verified");
	if (i->x509_verify)
		fprintf(to, " (X.509 error %u)", i->x509_verify);
	if (i->flags & TLSOCK_INFO_RESUMED)
		fputs(", resumed", to);
	if (i->alpn_len) {
		escape(i->alpn, i->alpn_len, text, sizeof(text));
		fprintf(to, ", ALPN %s", text);
	}
	if (server_name[0]) {
		escape(server_name, strlen(server_name), text, sizeof(text));
		fprintf(to, ", name %s", text);
	}
	fprintf(to, ", id %016" PRIx64 "\n", (uint64_t)i->id);
}

static void object(FILE *to, const struct tlsock_info *i, const char *server_name)
{
	struct json j = { .to = to };
	char number[8], id[17];

	snprintf(id, sizeof(id), "%016" PRIx64, (uint64_t)i->id);
	json_open(&j, NULL, '{');
	json_string(&j, "id", id);
	json_string(&j, "state", name_or_number(state_name(i->state), i->state, number));
	json_string(&j, "role", name_or_number(role_name(i->role), i->role, number));
	json_string(&j, "version", name_or_number(version_name(i->version), i->version, number));
	json_string(&j, "cipher_suite",
		    name_or_number(suite_name(i->cipher_suite), i->cipher_suite, number));
	json_string(&j, "group", name_or_number(group_name(i->group), i->group, number));
	json_string(&j, "signature_scheme",
		    name_or_number(scheme_name(i->signature_scheme), i->signature_scheme, number));
	json_bool(&j, "verified", i->flags & TLSOCK_INFO_VERIFIED);
	json_number(&j, "x509_verify", i->x509_verify);
	json_bool(&j, "resumed", i->flags & TLSOCK_INFO_RESUMED);
	json_bytes(&j, "alpn", i->alpn, i->alpn_len);
	json_string(&j, "server_name", server_name);
	json_number(&j, "tx_records", i->tx_records);
	json_number(&j, "rx_records", i->rx_records);
	json_number(&j, "tx_bytes", i->tx_bytes);
	json_number(&j, "rx_bytes", i->rx_bytes);
	json_close(&j, '}');
	fputc('\n', to);
}

void report_connection(const struct cli *cli, FILE *to, int fd)
{
	char name[TLSOCK_NAME_MAX + 1] = "";
	struct tlsock_info info;

	if (tlsock_get_info(fd, &info, sizeof(info)))
		return;
	if (tlsock_get_server_name(fd, name, sizeof(name)) < 0)
		name[0] = '\0';
	if (cli->json)
		object(to, &info, name);
	else
		words(to, &info, name);
	fflush(to);
}

static void put_alert(struct json *j, const char *key, uint8_t alert)
{
	char number[8];

	if (alert != TLSOCK_ALERT_NONE)
		json_string(j, key, name_or_number(alert_name(alert), alert, number));
}

void report_failure(const struct cli *cli, const char *peer, int error,
		    const struct tlsock_error *details)
{
	bool told = details && details->error && details->text[0];
	const char *text = told ? details->text : tlsock_strerror(error);
	struct json j = { .to = stderr };
	const char *name = strerrorname_np(-error);
	char clean[1024];

	if (!cli->json) {
		escape(text, strnlen(text, sizeof(details->text)), clean, sizeof(clean));
		complain("%s: %s (%s)", peer, clean, name ? name : "?");
		return;
	}
	json_open(&j, NULL, '{');
	json_string(&j, "peer", peer);
	json_string(&j, "error", name ? name : "?");
	json_string(&j, "text", text);
	if (told) {
		put_alert(&j, "alert_sent", details->alert_sent);
		put_alert(&j, "alert_received", details->alert_received);
		json_number(&j, "x509_verify", details->x509_verify);
	}
	json_close(&j, '}');
	fputc('\n', stderr);
}
