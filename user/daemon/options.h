/* SPDX-License-Identifier: MIT */
/*
 * options.h - the command line of tlsockd(8)
 */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include <stdbool.h>

struct options {
	const char *config; /* path */
	const char *keylog; /* path, or NULL */
	bool check; /* the configuration, and no more */
	bool to_stderr; /* even where systemd offers the journal */
	bool verbose;
	unsigned int workers; /* 0: as the configuration says */
	int ready_fd; /* -1: none */
};

/* -1: go on; else the exit status: --help, --version, or 64 with a message. */
int options_parse(struct options *options, int argc, char **argv);

#endif
