// SPDX-License-Identifier: MIT
/*
 * keylog.c - tlsock keylog: the secrets of the handshakes that the daemon does from now on, for Wireshark
 *
 * Lines of the NSS key log format on standard output, for root, until it is ended. The daemon writes
 * them to a pipe, and ends the log with the connection to it. Must never leave them where others can read.
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

/* The daemon counts what found no room. */
static void tell_lost(int control)
{
	char text[CONTROL_TEXT];
	const char *lost;

	if (control_ask(control, CONTROL_STATUS, text, sizeof(text), NULL))
		return;
	lost = strstr(text, " lost ");
	if (lost && strcmp(lost, " lost 0"))
		complain("%s lines were lost: they came faster than they were read",
			 lost + strlen(" lost "));
}

static int run(int control, int stop)
{
	char text[CONTROL_TEXT];
	int queue = -1, status, rc;

	rc = control_ask(control, CONTROL_KEYLOG, text, sizeof(text), &queue);
	if (rc || queue < 0) {
		complain("the daemon gives no key log: %s", rc ? tlsock_strerror(rc) : text);
		return rc == -EPERM ? EX_NOPERM : EX_UNAVAILABLE;
	}
	complain("key log: the secrets of every connection from now on are written; ^C ends it");
	status = follow(control, queue, stop);
	if (!status)
		tell_lost(control);
	close(queue);
	return status;
}

int cmd_keylog(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c = getopt_long(argc, argv, "h", options, NULL), control, stop, status;

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
	control = control_connect();
	if (control < 0) {
		complain(control == -EACCES ? "keylog is for root" :
					      "no daemon of this network namespace answers: %s",
			 tlsock_strerror(control));
		return control == -EACCES ? EX_NOPERM : EX_UNAVAILABLE;
	}
	stop = signals();
	status = stop < 0 ? EX_OSERR : run(control, stop);
	close(control);
	return status;
}
