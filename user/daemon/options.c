// SPDX-License-Identifier: MIT
/*
 * options.c - see options.h
 */
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "config.h"

#define WORKERS_MAX 1024

static const char usage[] =
	"usage: tlsockd [-fv] [-c FILE] [-w N] [-k FILE] [--ready-fd FD]\n"
	"       tlsockd --check [-c FILE]\n"
	"\n"
	"Does the TLS handshakes of sockets with TCP_ULP \"tlsock\". Stays in the foreground.\n"
	"\n"
	"  -c, --config FILE  configuration, default " CONFIG_DEFAULT_PATH "\n"
	"      --check        check the configuration and end: 0 or 78\n"
	"  -f, --foreground   log to stderr even where systemd offers the journal\n"
	"  -w, --workers N    worker processes, default one for each core\n"
	"  -v, --verbose      log everything\n"
	"  -k, --keylog FILE  append all traffic secrets to FILE, for Wireshark. Whoever can\n"
	"                     read FILE can read the connections.\n"
	"      --ready-fd FD  write a newline to FD and close it when the workers are ready\n"
	"  -h, --help\n"
	"  -V, --version\n"
	"\n"
	"SIGHUP loads the configuration again, SIGTERM ends.\n";

enum { OPT_CHECK = 256, OPT_READY_FD };

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "foreground", no_argument, NULL, 'f' },
	{ "workers", required_argument, NULL, 'w' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "keylog", required_argument, NULL, 'k' },
	{ "ready-fd", required_argument, NULL, OPT_READY_FD },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static bool number(const char *what, const char *text, long low, long high, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(text, &end, 10);
	if (!errno && end != text && !*end && *out >= low && *out <= high)
		return true;
	fprintf(stderr, "tlsockd: %s: %s is no number from %ld to %ld\n", what, text, low, high);
	return false;
}

static bool take_fd(const char *text, int *out)
{
	long n;

	if (!number("--ready-fd", text, 1, 1 << 20, &n))
		return false;
	*out = (int)n;
	if (fcntl(*out, F_GETFD) >= 0)
		return true;
	fprintf(stderr, "tlsockd: --ready-fd: %d is not open\n", *out);
	return false;
}

static int take(struct options *o, int c)
{
	long n;

	switch (c) {
	case 'c':
		o->config = optarg;
		return -1;
	case OPT_CHECK:
		o->check = true;
		return -1;
	case 'f':
		o->to_stderr = true;
		return -1;
	case 'v':
		o->verbose = true;
		return -1;
	case 'k':
		o->keylog = optarg;
		return -1;
	case 'w':
		if (!number("--workers", optarg, 1, WORKERS_MAX, &n))
			return EX_USAGE;
		o->workers = (unsigned int)n;
		return -1;
	case OPT_READY_FD:
		return take_fd(optarg, &o->ready_fd) ? -1 : EX_USAGE;
	case 'h':
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	case 'V':
		puts("tlsockd 0.1");
		return EXIT_SUCCESS;
	default:
		fputs("tlsockd --help tells more.\n", stderr);
		return EX_USAGE;
	}
}

int options_parse(struct options *options, int argc, char **argv)
{
	int c, status = -1;

	memset(options, 0, sizeof(*options));
	options->config = CONFIG_DEFAULT_PATH;
	options->ready_fd = -1;
	while (status < 0 && (c = getopt_long(argc, argv, "c:fw:vk:hV", long_options, NULL)) != -1)
		status = take(options, c);
	if (status < 0 && optind < argc) {
		fprintf(stderr, "tlsockd: unexpected argument: %s\n", argv[optind]);
		status = EX_USAGE;
	}
	return status;
}
