// SPDX-License-Identifier: MIT
/*
 * connect.c - tlsock connect: a TLS client for a shell
 *
 * Standard input goes to the peer, what comes goes to standard output. Everything else that is
 * to be said goes to standard error, so that the output is the peer's bytes and nothing more.
 */
#include "cli.h"

#include <errno.h>
#include <unistd.h>

static const char usage[] =
	"usage: tlsock connect [option ...] host:port\n"
	"  -n, --name NAME        name for SNI and verification; default: the host\n"
	"  -t, --trust NAME       trust store of the daemon; default: system\n"
	"  -c, --credential NAME  certificate and key of the daemon, for client authentication\n"
	"  -p, --profile NAME     policy of the daemon\n"
	"  -a, --alpn LIST        protocols, as h2,http/1.1\n"
	"  -V, --verify HOW       none, optional or required (default)\n"
	"  -T, --timeout MS       for the handshake; default: 10000\n"
	"  -E, --eof HOW          end without close_notify: strict (default) or lenient\n"
	"  -i, --info             print what was negotiated, and close\n"
	"  -j, --json             say things as JSON\n"
	"  -v, --verbose          print what was negotiated on standard error\n";

int cmd_connect(struct cli *cli, int argc, char **argv)
{
	struct tls_arguments args;
	struct tlsock_error why = { 0 };
	int status = arguments_parse(cli, argc, argv, true, usage, &args);
	int fd, error = 0;

	if (status)
		return status < 0 ? 0 : status;
	fd = tlsock_connect(args.host, args.service, &args.options);
	if (fd < 0) {
		report_failure(cli, argv[argc - 1], fd, &args.error);
		return fd == -EPROTONOSUPPORT ? EX_UNAVAILABLE : EXIT_TLS;
	}
	if (args.info_only) {
		report_connection(cli, stdout, fd);
	} else {
		if (cli->verbose)
			report_connection(cli, stderr, fd);
		error = relay(fd, STDIN_FILENO, STDOUT_FILENO);
	}
	if (error) {
		tlsock_get_error(fd, &why, sizeof(why));
		report_failure(cli, argv[argc - 1], error, &why);
	}
	if (close(fd) && !error)
		error = -errno;
	return error ? EXIT_TLS : 0;
}
