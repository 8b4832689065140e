// SPDX-License-Identifier: MIT
/*
 * exec.c - tlsock exec: a program that knows nothing of TLS, over TLS
 *
 * A library (user/preload) is loaded into the program and into what it starts; what it has to know
 * goes by the environment. This file finds the library, checks that the program can be reached
 * that way, and becomes the program.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload/preload.h"

static const char usage[] =
	"usage: tlsock exec [option ...] [--] program [argument ...]\n"
	"  -n, --server-name NAME  who the servers are that the program connects to;\n"
	"                          default: the host that the program looks up\n"
	"  -c, --credential NAME   the program is a server with this certificate and key;\n"
	"                          a client too if --client or --server-name say so\n"
	"      --client            connections that the program makes are TLS\n"
	"      --server            connections that the program accepts are TLS\n"
	"      --port LIST         those of these ports only, as 443,8443; default: all but 53\n"
	"  -t, --trust NAME        trust store of the daemon\n"
	"  -p, --profile NAME      policy of the daemon\n"
	"  -a, --alpn LIST         protocols, as h2,http/1.1\n"
	"  -V, --verify HOW        none, optional or required\n"
	"  -T, --timeout MS        for the handshake; default: 10000\n"
	"  -E, --eof HOW           end without close_notify: strict (default) or lenient\n";

enum { OPT_CLIENT = 256, OPT_SERVER, OPT_PORT };

static const struct option long_options[] = {
	{ "server-name", required_argument, NULL, 'n' },
	{ "name", required_argument, NULL, 'n' },
	{ "credential", required_argument, NULL, 'c' },
	{ "client", no_argument, NULL, OPT_CLIENT },
	{ "server", no_argument, NULL, OPT_SERVER },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "trust", required_argument, NULL, 't' },
	{ "profile", required_argument, NULL, 'p' },
	{ "alpn", required_argument, NULL, 'a' },
	{ "verify", required_argument, NULL, 'V' },
	{ "timeout", required_argument, NULL, 'T' },
	{ "eof", required_argument, NULL, 'E' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char *const variables[] = {
	PRELOAD_ROLE, PRELOAD_NAME,   PRELOAD_CREDENTIAL, PRELOAD_TRUST,   PRELOAD_PROFILE,
	PRELOAD_ALPN, PRELOAD_VERIFY, PRELOAD_EOF,	  PRELOAD_TIMEOUT, PRELOAD_PORTS,
	NULL
};

/* Numbers, one to sixteen bits, commas between them */
static bool ports(const char *list)
{
	size_t count = 0;
	char *end;

	for (;; list = end + 1) {
		unsigned long n = list[0] >= '0' && list[0] <= '9' ? strtoul(list, &end, 10) : 0;

		if (!n || n > 65535 || ++count > PRELOAD_PORTS_MAX)
			return false;
		if (!*end)
			return true;
		if (*end != ',')
			return false;
	}
}

static bool milliseconds(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	return end != text && !*end && n > 0 && n <= INT_MAX && !errno;
}

static const char *choice(const char *word, const char *const *words)
{
	static const char *const digits[] = { "0", "1", "2" };

	for (size_t i = 0; words[i]; i++)
		if (!strcmp(word, words[i]))
			return digits[i];
	return NULL;
}

struct wanted {
	bool client, server;
	bool name, credential;
};

/* One option into the environment; false: its value is none. */
static bool take(int c, struct wanted *w)
{
	static const char *const verify[] = { "none", "optional", "required", NULL };
	static const char *const eof[] = { "strict", "lenient", NULL };
	const char *variable = NULL, *value = optarg;

	switch (c) {
	case OPT_CLIENT:
		return w->client = true;
	case OPT_SERVER:
		return w->server = true;
	case OPT_PORT:
		variable = ports(optarg) ? PRELOAD_PORTS : NULL;
		break;
	case 'n':
		w->name = true;
		variable = PRELOAD_NAME;
		break;
	case 'c':
		w->credential = true;
		variable = PRELOAD_CREDENTIAL;
		break;
	case 't':
		variable = PRELOAD_TRUST;
		break;
	case 'p':
		variable = PRELOAD_PROFILE;
		break;
	case 'a':
		variable = PRELOAD_ALPN;
		break;
	case 'V':
		value = choice(optarg, verify);
		variable = PRELOAD_VERIFY;
		break;
	case 'E':
		value = choice(optarg, eof);
		variable = PRELOAD_EOF;
		break;
	case 'T':
		errno = 0;
		variable = milliseconds(optarg) ? PRELOAD_TIMEOUT : NULL;
		break;
	default:
		return false;
	}
	return variable && value && value[0] && !setenv(variable, value, 1);
}

/* A credential alone is a server's; anything else without a word of its own is a client's. */
static const char *role_of(const struct wanted *w)
{
	bool server = w->server || (w->credential && !w->client && !w->name);
	bool client = w->client || w->name || !server;

	return client && server ? "both" : server ? "server" : "client";
}

/* Beside the tool's own prefix, or where it was built. */
static bool find_library(char *path, size_t size)
{
	static const char *const places[] = { "../lib/tlsock/tlsock-exec.so", "tlsock-exec.so" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *folder;

	if (n <= 0)
		return false;
	self[n] = '\0';
	folder = dirname(self);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		/* the loader separates names by spaces and colons */
		if ((size_t)snprintf(path, size, "%s/%s", folder, places[i]) < size &&
		    !access(path, R_OK) && !strpbrk(path, " :"))
			return true;
	}
	return false;
}

static int preload(const char *library)
{
	const char *others = getenv("LD_PRELOAD");
	char *list = NULL;
	int rc;

	if (!others || !others[0])
		return setenv("LD_PRELOAD", library, 1);
	if (asprintf(&list, "%s:%s", library, others) < 0)
		return -1;
	rc = setenv("LD_PRELOAD", list, 1);
	free(list);
	return rc;
}

static int become(char **argv)
{
	char library[PATH_MAX], path[PATH_MAX];
	int status = program_check(argv[0], path, sizeof(path));

	if (status)
		return status;
	if (!find_library(library, sizeof(library))) {
		complain("tlsock-exec.so is not where it was installed");
		return EX_OSFILE;
	}
	if (preload(library)) {
		complain("out of memory");
		return EX_OSERR;
	}
	signal(SIGPIPE, SIG_DFL); /* as it is for a program that a shell starts */
	execv(path, argv);
	complain("%s: %s", path, tlsock_strerror(errno));
	return 126;
}

int cmd_exec(struct cli *cli, int argc, char **argv)
{
	struct wanted wanted = { 0 };
	int c;

	(void)cli;
	for (size_t i = 0; variables[i]; i++)
		unsetenv(variables[i]);
	/* "+": options after the program are the program's */
	while ((c = getopt_long(argc, argv, "+n:c:t:p:a:V:T:E:h", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (c != '?' && take(c, &wanted))
			continue;
		if (c != '?')
			complain("\"%s\" is not a value of that option", optarg ? optarg : "");
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (optind == argc) {
		complain("exec: a program is needed");
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (setenv(PRELOAD_ROLE, role_of(&wanted), 1))
		return EX_OSERR;
	return become(argv + optind);
}
