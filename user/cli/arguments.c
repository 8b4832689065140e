// SPDX-License-Identifier: MIT
/*
 * arguments.c - options and address of connect and listen
 *
 * Values that only the kernel or the daemon can judge (names, lists) go through as they are;
 * they say no in their own words. Must never accept a number with something behind it.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const struct option long_options[] = {
	{ "name", required_argument, NULL, 'n' },
	{ "credential", required_argument, NULL, 'c' },
	{ "trust", required_argument, NULL, 't' },
	{ "profile", required_argument, NULL, 'p' },
	{ "alpn", required_argument, NULL, 'a' },
	{ "verify", required_argument, NULL, 'V' },
	{ "timeout", required_argument, NULL, 'T' },
	{ "eof", required_argument, NULL, 'E' },
	{ "info", no_argument, NULL, 'i' },
	{ "echo", no_argument, NULL, 'e' },
	{ "keep", no_argument, NULL, 'k' },
	{ "json", no_argument, NULL, 'j' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* The index of a word in a list that a NULL ends; -1: not there. */
static int word_index(const char *word, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(word, words[i]))
			return i;
	return -1;
}

static bool number(const char *text, int low, int *out)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < low || n > INT_MAX)
		return false;
	*out = (int)n;
	return true;
}

bool address_split(const char *text, char *host, size_t host_size, char *service,
		   size_t service_size)
{
	const char *colon = strrchr(text, ':'), *start = text, *end = colon;

	host[0] = '\0';
	if (colon && text[0] == '[') {
		start = text + 1;
		end = strchr(text, ']');
		if (!end || end + 1 != colon)
			return false;
	} else if (colon && memchr(text, ':', (size_t)(colon - text))) {
		return false; /* an IPv6 address needs its brackets */
	}
	if (colon) {
		if (end == start || (size_t)(end - start) >= host_size)
			return false;
		memcpy(host, start, (size_t)(end - start));
		host[end - start] = '\0';
	}
	text = colon ? colon + 1 : text;
	if (!text[0] || strlen(text) >= service_size)
		return false;
	strcpy(service, text);
	return true;
}

static bool take(struct cli *cli, int c, struct tls_arguments *args)
{
	static const char *const verify[] = { "none", "optional", "required", NULL };
	static const char *const eof[] = { "strict", "lenient", NULL };
	struct tlsock_options *o = &args->options;

	switch (c) {
	case 'n':
		o->server_name = optarg;
		return true;
	case 'c':
		o->credential = optarg;
		return true;
	case 't':
		o->trust = optarg;
		return true;
	case 'p':
		o->profile = optarg;
		return true;
	case 'a':
		o->alpn = optarg;
		return true;
	case 'V':
		o->verify = word_index(optarg, verify);
		return o->verify >= 0;
	case 'E':
		o->eof = word_index(optarg, eof);
		return o->eof >= 0;
	case 'T':
		return number(optarg, 1, &o->timeout_ms);
	case 'i':
		return args->info_only = true;
	case 'e':
		return args->echo = true;
	case 'k':
		return args->keep = true;
	case 'j':
		return cli->json = true;
	case 'v':
		return cli->verbose = true;
	default:
		return false;
	}
}

int arguments_parse(struct cli *cli, int argc, char **argv, bool need_host, const char *usage,
		    struct tls_arguments *args)
{
	const char *shorts = need_host ? "n:c:t:p:a:V:T:E:ijvh" : "n:c:t:p:a:V:T:E:iekjvh";
	int c;

	memset(args, 0, sizeof(*args));
	tlsock_options_init(&args->options);
	args->options.error = &args->error;
	while ((c = getopt_long(argc, argv, shorts, long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return -1;
		}
		if (c == '?' || (need_host && (c == 'e' || c == 'k')))
			goto wrong;
		if (!take(cli, c, args)) {
			complain("\"%s\" is not a value of -%c", optarg, c);
			goto wrong;
		}
	}
	if (argc - optind != 1 ||
	    !address_split(argv[optind], args->host, sizeof(args->host), args->service,
			   sizeof(args->service)) ||
	    (need_host && !args->host[0])) {
		complain("%s: an address like %s is needed", argv[0],
			 need_host ? "example.com:443" : "4433 or [::1]:4433");
		goto wrong;
	}
	return 0;
wrong:
	fputs(usage, stderr);
	return EX_USAGE;
}
