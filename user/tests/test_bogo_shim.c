// SPDX-License-Identifier: MIT
/*
 * test_bogo_shim.c - the runner's shim against openssl, where the runner is not
 *
 * Full and resumed handshakes in both roles and versions (RFC 8446 section 2.2, RFC 5246
 * section 7.3). The shim always connects and says a number first, as the runner wants it; a
 * relay takes that off and passes the rest on. That the second connection resumes, and every
 * other expectation, is the shim's to check: its exit status is the result.
 */
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interop.h"
#include "tap.h"

#define ID "81985529216486895" /* 0x0123456789abcdef */

struct row {
	const char *what;
	bool server; /* the shim's role */
	const char *version; /* as the shim, and as openssl says it */
	const char *option;
	bool resume;
};

static const struct row rows[] = {
	{ "client, TLS 1.3", false, "772", "-tls1_3", false },
	{ "client, TLS 1.3, resumed", false, "772", "-tls1_3", true },
	{ "client, TLS 1.2", false, "771", "-tls1_2", false },
	{ "client, TLS 1.2, resumed", false, "771", "-tls1_2", true },
	{ "server, TLS 1.3", true, "772", "-tls1_3", false },
	{ "server, TLS 1.3, resumed", true, "772", "-tls1_3", true },
	{ "server, TLS 1.2", true, "771", "-tls1_2", false },
	{ "server, TLS 1.2, resumed", true, "771", "-tls1_2", true },
};

static char shim_path[4096], root_file[64], server_file[64], session_file[64];

static int accept_one(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	return poll(&p, 1, LINK_TIMEOUT_MS) == 1 ? accept(listener, NULL, NULL) : -1;
}

/* The shim, once it has said who it is. */
static int accept_shim(int listener)
{
	static const uint8_t id[] = { 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01 };
	uint8_t got[sizeof(id)];
	int fd = accept_one(listener);

	if (fd >= 0 && recv(fd, got, sizeof(got), MSG_WAITALL) == sizeof(got) &&
	    !memcmp(got, id, sizeof(id)))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* One read of @from to @to. False at its end. */
static bool pass(int from, int to)
{
	uint8_t bytes[16384];
	ssize_t n = recv(from, bytes, sizeof(bytes), 0);

	if (n > 0)
		send(to, bytes, (size_t)n, MSG_NOSIGNAL); /* who has gone hears nothing */
	else
		shutdown(to, SHUT_WR);
	return n > 0;
}

/* Both ways in a process of its own, until both sides have ended. Takes the sockets. */
static pid_t relay(int a, int b)
{
	struct pollfd p[2] = { { .fd = a, .events = POLLIN }, { .fd = b, .events = POLLIN } };
	pid_t pid = fork();

	if (pid < 0)
		bail("fork");
	if (pid) {
		close(a);
		close(b);
		return pid;
	}
	/* the pipes of others, which would stay open */
	for (int fd = 3; fd < 64; fd++)
		if (fd != a && fd != b)
			close(fd);
	while ((p[0].fd >= 0 || p[1].fd >= 0) && poll(p, 2, LINK_TIMEOUT_MS) > 0) {
		if (p[0].revents && !pass(a, b))
			p[0].fd = -1;
		if (p[1].revents && !pass(b, a))
			p[1].fd = -1;
	}
	_exit(0);
}

static struct peer *start_shim(const struct row *row, const char *port)
{
	const char *argv[ARGS_MAX] = { shim_path, "-port", port, "-shim-id", ID };
	const char *client[] = { "-verify-peer",
				 "-host-name",
				 "server.example",
				 "-trust-cert",
				 root_file,
				 "-shim-writes-first",
				 "-shim-initial-write",
				 "GET / HTTP/1.0\r\n\r\n" };
	const char *server[] = { "-server", "-cert-file", server_file, "-key-file", server_file };
	size_t n = 5;

	for (size_t i = 0; !row->server && i < sizeof(client) / sizeof(client[0]); i++)
		argv[n++] = client[i];
	for (size_t i = 0; row->server && i < sizeof(server) / sizeof(server[0]); i++)
		argv[n++] = server[i];
	argv[n++] = "-expect-version";
	argv[n++] = row->version;
	argv[n++] = "-resume-count";
	argv[n++] = row->resume ? "1" : "0";
	return peer_start(argv);
}

/* openssl's client: a line there, the same line turned back. */
static bool visit_shim(const struct row *row, int from_shim, bool again)
{
	static const char line[] = "hello\n", turned[] = "\x97\x9a\x93\x93\x90\xf5";
	char address[32];
	const char *argv[ARGS_MAX] = { "openssl", "s_client", row->option, "-connect",
				       address,	  "-quiet",   "-CAfile",   root_file };
	size_t n = 8;
	uint16_t port;
	int listener = listen_loopback(&port), fd;
	struct peer *client;
	pid_t between;
	bool good;

	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	argv[n++] = "-verify_return_error";
	argv[n++] = "-no_ign_eof";
	argv[n++] = again ? "-sess_in" : "-sess_out";
	argv[n++] = session_file;
	client = peer_start(argv);
	fd = accept_one(listener);
	close(listener);
	if (fd < 0)
		bail("openssl does not connect: %s", client->output);
	between = relay(from_shim, fd);
	good = write(client->in, line, strlen(line)) == (ssize_t)strlen(line) &&
	       peer_expect(client, turned);
	if (!good)
		note("openssl says: %s", client->output);
	peer_finish(client);
	peer_kill(client);
	waitpid(between, NULL, 0);
	return good;
}

/* openssl's server, which answers a request and closes. */
static struct peer *start_server(const struct row *row, uint16_t *port)
{
	char address[32];
	const char *argv[] = { "openssl", "s_server",  row->option, "-accept", address,
			       "-cert",	  server_file, "-www",	    NULL };
	struct peer *server;

	close(listen_loopback(port)); /* a port that is free */
	snprintf(address, sizeof(address), "127.0.0.1:%u", *port);
	server = peer_start(argv);
	if (!peer_expect(server, "ACCEPT"))
		bail("openssl does not start: %s", server->output);
	return server;
}

static void one_row(const struct row *row)
{
	uint16_t port, server_port = 0;
	struct peer *shim, *server = row->server ? NULL : start_server(row, &server_port);
	int listener = listen_loopback(&port), fd, status;
	bool good = true;
	char text[8];

	snprintf(text, sizeof(text), "%u", port);
	shim = start_shim(row, text);
	for (int i = 0; good && i <= row->resume; i++) {
		fd = accept_shim(listener);
		good = fd >= 0;
		if (good && row->server)
			good = visit_shim(row, fd, i);
		else if (good)
			waitpid(relay(fd, connect_loopback(server_port)), NULL, 0);
	}
	status = peer_finish(shim);
	ok(good && status == 0, "the shim as a %s", row->what);
	if (!good || status)
		note("status %d: %s", status, shim->output);
	peer_kill(shim);
	if (server)
		peer_kill(server);
	close(listener);
	unlink(session_file);
}

/* What the shim does not have has an exit status of its own. */
static void unknown_option(void)
{
	const char *argv[] = { shim_path, "-no-such-option", NULL };
	struct peer *shim = peer_start(argv);
	int status = peer_finish(shim);

	ok(status == 89, "an option that the shim does not have: %d", status);
	peer_kill(shim);
}

int main(int argc, char **argv)
{
	(void)argc;
	snprintf(shim_path, sizeof(shim_path), "%s/../bogo_shim", dirname(argv[0]));
	make_identities();
	snprintf(root_file, sizeof(root_file), "%s/root.pem", interop_folder);
	snprintf(server_file, sizeof(server_file), "%s/server%d.pem", interop_folder,
		 KEY_ECDSA_P256);
	snprintf(session_file, sizeof(session_file), "%s/shim.pem", interop_folder);
	unknown_option();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (program_exists("openssl"))
			one_row(&rows[i]);
		else
			skip(rows[i].what, "openssl is not installed");
	}
	remove_identities();
	return tap_done();
}
