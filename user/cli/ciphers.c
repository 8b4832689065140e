// SPDX-License-Identifier: MIT
/*
 * ciphers.c - tlsock ciphers: suites, and what the parts of their names are
 *
 * Says what a name means, whether the record layer has the cipher, and which profiles of a
 * daemon may have the suite (tlsockd.conf(5)); what a profile has is the administrator's business.
 */
#include "cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "handshake/handshake.h"

#define ROW "%-46s %-8s %-8s %-8s %-18s %-5s %-7s %-3s %-6s %s\n"

static const char usage[] =
	"usage: tlsock ciphers [-jh] [name | code ...]\n"
	"  A name like TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, a code like 0x1301.\n";

/* Which profiles of tlsockd.conf(5) have it */
static const char *place_of(const struct suite *s)
{
	switch (hs_suite_place(s->code)) {
	case HS_PLACE_DEFAULT:
		return "default";
	case HS_PLACE_NAMED:
		return "named";
	case HS_PLACE_LEGACY:
		return "legacy";
	case HS_PLACE_NONE:
		break;
	}
	return "none";
}

static void print_row(struct json *j, const struct suite *s, const struct suite_parts *p)
{
	if (!j) {
		printf(ROW, s->name, p->protocol, p->key_exchange, p->authentication, p->cipher,
		       p->mac, p->hash, p->forward_secrecy ? "yes" : "no",
		       p->in_kernel ? "yes" : "no", place_of(s));
		return;
	}
	json_open(j, NULL, '{');
	json_string(j, "name", s->name);
	if (s->code)
		json_number(j, "code", s->code);
	json_string(j, "protocol", p->protocol);
	json_string(j, "key_exchange", p->key_exchange);
	json_string(j, "authentication", p->authentication);
	json_string(j, "cipher", p->cipher);
	json_string(j, "mac", p->mac);
	json_string(j, "hash", p->hash);
	json_bool(j, "forward_secrecy", p->forward_secrecy);
	json_bool(j, "in_kernel", p->in_kernel);
	json_string(j, "profile", place_of(s));
	json_close(j, '}');
}

static bool row_of(const char *word, struct suite *s)
{
	char *end;
	unsigned long code = strtoul(word, &end, 0);

	s->code = 0;
	s->name = word;
	if (end != word && !*end) {
		s->code = code <= 0xffff ? (uint16_t)code : 0;
		s->name = suite_name(s->code);
		return s->name != NULL;
	}
	for (size_t i = 0; suite_at(i); i++)
		if (!strcmp(suite_at(i)->name, word))
			s->code = suite_at(i)->code;
	return true;
}

static int print_words(struct json *j, char **words)
{
	struct suite_parts parts;
	struct suite s;
	int status = 0;

	for (; *words; words++) {
		if (row_of(*words, &s) && suite_parse(s.name, &parts)) {
			print_row(j, &s, &parts);
			continue;
		}
		complain("\"%s\" is not a cipher suite", *words);
		status = EX_DATAERR;
	}
	return status;
}

int cmd_ciphers(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct json json = { .to = stdout }, *j;
	struct suite_parts parts;
	int c, status = 0;

	while ((c = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		if (c == 'j') {
			cli->json = true;
			continue;
		}
		fputs(usage, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : EX_USAGE;
	}
	j = cli->json ? &json : NULL;
	if (j)
		json_open(j, NULL, '[');
	else
		printf(ROW, "NAME", "PROTOCOL", "KEYS", "AUTH", "CIPHER", "MAC", "HASH", "FS",
		       "KERNEL", "PROFILE");
	if (optind < argc)
		status = print_words(j, argv + optind);
	for (size_t i = 0; optind == argc && suite_at(i); i++)
		if (suite_parse(suite_at(i)->name, &parts))
			print_row(j, suite_at(i), &parts);
	if (j) {
		json_close(j, ']');
		putchar('\n');
	}
	return status;
}
