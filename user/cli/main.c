// SPDX-License-Identifier: MIT
/*
 * main.c - the tool tlsock: finds the subcommand and runs it
 *
 * Knows nothing of TLS. Options before the subcommand are for all of them.
 */
#include "cli.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const struct command commands[] = {
	{ "status", "counters, limits and handshakes of this network namespace", cmd_status },
	{ "connections", "the TCP sockets that are TLS", cmd_connections },
	{ "monitor", "handshakes as they end", cmd_monitor },
	{ "connect", "connect to a TLS server, standard input and output over it", cmd_connect },
	{ "listen", "accept a TLS connection, likewise", cmd_listen },
	{ "trace", "a handshake explained step by step", cmd_trace },
	{ "exec", "run a program whose TCP connections are TLS then", cmd_exec },
	{ "keylog", "the secrets of handshakes, for Wireshark", cmd_keylog },
	{ "check", "is a configuration of the daemon good?", cmd_check },
	{ "ciphers", "cipher suites and what their names say", cmd_ciphers },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *to)
{
	fputs("usage: tlsock [-jv] command [argument ...]\n\ncommands:\n", to);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-11s %s\n", commands[i].name, commands[i].summary);
	fputs("\noptions:\n"
	      "  -j, --json     output for programs\n"
	      "  -v, --verbose  say more\n"
	      "  -h, --help     this text; after a command, the command's\n"
	      "\nSee tlsock(1).\n",
	      to);
}

static int run(struct cli *cli, int argc, char **argv)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[0], commands[i].name))
			return commands[i].run(cli, argc, argv);
	complain("there is no command \"%s\"; tlsock --help lists them", argv[0]);
	return EX_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli cli = { 0 };
	int c, status;

	/* "+": options after the command are the command's */
	while ((c = getopt_long(argc, argv, "+jvh", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			cli.json = true;
			break;
		case 'v':
			cli.verbose = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			return EX_USAGE;
		}
	}
	if (optind == argc) {
		usage(stderr);
		return EX_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	argc -= optind;
	argv += optind;
	optind = 0; /* glibc: begin anew, for the command's own options */
	status = run(&cli, argc, argv);
	if (fflush(stdout) || ferror(stdout)) {
		complain("standard output could not be written");
		return EX_IOERR;
	}
	return status;
}
