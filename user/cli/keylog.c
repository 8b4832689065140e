// SPDX-License-Identifier: MIT
/*
 * keylog.c - tlsock keylog: the secrets of the handshakes that the daemon does from now on, for Wireshark
 *
 * Lines of the NSS key log format on standard output, for root, until it is ended. The daemon ends it
 * with the connection. Must never leave them where others can read.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/control_words.h"

static const char usage[] =
	"usage: tlsock keylog [-h] >FILE\n"
	"Writes the secrets of every handshake from now on, in the format that Wireshark reads.\n"
	"Whoever has them can read the connections. For root; the daemon's log says it.\n";

/* A file that others may read is none to write secrets to. */
static bool private_output(void)
{
	struct stat st;

	return !fstat(STDOUT_FILENO, &st) && (!S_ISREG(st.st_mode) || !(st.st_mode & 077));
}

static int signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return sigprocmask(SIG_BLOCK, &set, NULL) ? -1 : signalfd(-1, &set, SFD_CLOEXEC);
}

static bool write_all(const char *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = write(STDOUT_FILENO, bytes + at, len - at);

		if (n < 0 && errno != EINTR)
			return false;
		at += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* What there is; false: it cannot be written. */
static bool copy(int queue)
{
	char bytes[4096];
	bool good = true;
	ssize_t n;

	while (good && (n = read(queue, bytes, sizeof(bytes))) > 0)
		good = write_all(bytes, (size_t)n);
	explicit_bzero(bytes, sizeof(bytes));
	return good;
}

static int follow(int control, int queue, int stop)
{
	struct pollfd fds[] = {
		{ .fd = queue, .events = POLLIN },
		{ .fd = stop, .events = POLLIN },
		{ .fd = control, .events = POLLIN },
		{ .fd = STDOUT_FILENO }, /* whoever reads has gone */
	};

	for (;;) {
		if (poll(fds, 4, -1) < 0)
			return EX_OSERR;
		if (!copy(queue)) {
			complain("standard output could not be written");
			return EX_IOERR;
		}
		if (fds[1].revents || fds[3].revents & (POLLERR | POLLNVAL))
			return 0;
		if (fds[2].revents) {
			complain("the daemon has ended, and the key log with it");
			return EX_UNAVAILABLE;
		}
	}
}

int cmd_keylog(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c = getopt_long(argc, argv, "h", options, NULL), control, stop, status, queue = -1;

	(void)cli;
	if (c != -1 || optind < argc) {
		fputs(usage, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : EX_USAGE;
	}
	if (!private_output()) {
		complain(
			"standard output is a file that others can read: umask 077 before it is made");
		return EX_NOPERM;
	}
	stop = signals();
	control = control_listen(CONTROL_KEYLOG, "keylog", &queue, &status);
	if (control < 0)
		return status;
	complain("key log: the secrets of every connection from now on are written; ^C ends it");
	status = stop < 0 ? EX_OSERR : follow(control, queue, stop);
	if (!status)
		control_tell_lost(control, 0);
	close(queue);
	close(control);
	return status;
}
