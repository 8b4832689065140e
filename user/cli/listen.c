// SPDX-License-Identifier: MIT
/*
 * listen.c - tlsock listen: a TLS server for a shell
 *
 * One connection, or with -k one after the other; a client whose handshake fails is told of on
 * standard error. Standard output is the peer's bytes and nothing more.
 */
#include "cli.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char usage[] =
	"usage: tlsock listen [option ...] [host:]port\n"
	"  -c, --credential NAME  certificate and key of the daemon; default: by the name asked for\n"
	"  -t, --trust NAME       trust store for client certificates\n"
	"  -p, --profile NAME     policy of the daemon\n"
	"  -a, --alpn LIST        protocols, as h2,http/1.1\n"
	"  -V, --verify HOW       client certificates: none (default), optional or required\n"
	"  -T, --timeout MS       for the handshake; default: 10000\n"
	"  -E, --eof HOW          end without close_notify: strict (default) or lenient\n"
	"  -e, --echo             send back what comes\n"
	"  -k, --keep             accept one connection after the other\n"
	"  -i, --info             print what was negotiated, and close\n"
	"  -j, --json             say things as JSON\n"
	"  -v, --verbose          print what was negotiated on standard error\n";

/* "host:port" of an address, numeric. */
static void address_text(const struct sockaddr_storage *a, socklen_t len, char *out, size_t size)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getnameinfo((const struct sockaddr *)a, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(out, size, "?");
	else
		snprintf(out, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static void tell_address(const struct cli *cli, int listener)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof(a);
	char text[NI_MAXHOST + NI_MAXSERV + 4];
	struct json j = { .to = stderr };

	if (getsockname(listener, (struct sockaddr *)&a, &len))
		return;
	address_text(&a, len, text, sizeof(text));
	if (cli->json) {
		json_open(&j, NULL, '{');
		json_string(&j, "listening", text);
		json_close(&j, '}');
		fputc('\n', stderr);
	} else {
		complain("listening on %s", text);
	}
}

static int serve(const struct cli *cli, const struct tls_arguments *args, int fd, const char *peer)
{
	struct tlsock_error why = { 0 };
	int error = tlsock_wait(fd, -1);

	if (!error && (args->info_only || cli->verbose))
		report_connection(cli, args->info_only ? stdout : stderr, fd);
	if (!error && !args->info_only)
		error = args->echo ? relay_echo(fd) : relay(fd, STDIN_FILENO, STDOUT_FILENO);
	if (error) {
		tlsock_get_error(fd, &why, sizeof(why));
		report_failure(cli, peer, error, &why);
	}
	return error;
}

int cmd_listen(struct cli *cli, int argc, char **argv)
{
	char peer[NI_MAXHOST + NI_MAXSERV + 4];
	struct tls_arguments args;
	int status = arguments_parse(cli, argc, argv, false, usage, &args);
	int listener, fd, error;

	if (status)
		return status < 0 ? 0 : status;
	listener = tlsock_listen(args.host[0] ? args.host : NULL, args.service, &args.options);
	if (listener < 0) {
		report_failure(cli, argv[argc - 1], listener, &args.error);
		return listener == -EPROTONOSUPPORT ? EX_UNAVAILABLE : EXIT_TLS;
	}
	tell_address(cli, listener);
	for (error = 0; !error || args.keep;) {
		struct sockaddr_storage a = { 0 };
		socklen_t len = sizeof(a);

		fd = accept4(listener, (struct sockaddr *)&a, &len, SOCK_CLOEXEC);
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0) {
			error = -errno;
			report_failure(cli, argv[argc - 1], error, NULL);
			break;
		}
		address_text(&a, len, peer, sizeof(peer));
		error = serve(cli, &args, fd, peer);
		if (close(fd) && !error)
			error = -errno;
		if (!args.keep)
			break;
	}
	close(listener);
	return error ? EXIT_TLS : 0;
}
