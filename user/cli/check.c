// SPDX-License-Identifier: MIT
/*
 * check.c - tlsock check: is a configuration of the daemon good, and until when
 *
 * The daemon itself reads it, for nobody else knows what it would say; this only finds it. It must
 * never read a key.
 */
#include "cli.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: tlsock check [file]\n";

/* Beside the tool (where it was built), in its prefix, or by PATH */
static void find_daemon(char *path, size_t size)
{
	static const char *const places[] = { "tlsockd", "../sbin/tlsockd" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *folder;

	if (n > 0) {
		self[n] = '\0';
		folder = dirname(self);
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
			if ((size_t)snprintf(path, size, "%s/%s", folder, places[i]) < size &&
			    !access(path, X_OK))
				return;
	}
	snprintf(path, size, "tlsockd");
}

int cmd_check(struct cli *cli, int argc, char **argv)
{
	char path[PATH_MAX];

	(void)cli;
	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc > 2 || (argc > 1 && argv[1][0] == '-')) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	find_daemon(path, sizeof(path));
	if (argc > 1)
		execlp(path, "tlsockd", "--check", "-c", argv[1], (char *)NULL);
	else
		execlp(path, "tlsockd", "--check", (char *)NULL);
	complain("tlsockd: %s", tlsock_strerror(errno));
	return EX_UNAVAILABLE;
}
