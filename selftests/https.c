// SPDX-License-Identifier: GPL-2.0-only
/*
 * https.c: both ends of HTTPS for the tests against other people's TLS programs: many connections
 * in one process, each with a profile of the daemon of its own, so that one handshake is one row of
 * a table. It prints a line for each connection, with what the kernel says was agreed.
 *
 *	https serve FILE {PORT CREDENTIAL PROFILE VERIFY}...
 *	https get FOLDER NAME {PORT PATH PROFILE CREDENTIAL}...
 *
 * The trust store is "test"; VERIFY is an enum tlsock_verify; CREDENTIAL may be "-". What get gets
 * goes to FOLDER/got.PROFILE, without a header. It must never print a line of success for a
 * connection that was cut off.
 */
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "lib/common.h"

static char buf[65536];

static int tell(int fd, const char *who, bool good)
{
	struct tlsock_info i = info_get(fd);
	struct tlsock_error e = error_get(fd);
	int error = errno;

	if (good)
		printf("%s: suite %04x group %04x scheme %04x%s%s\n", who, i.cipher_suite, i.group,
		       i.signature_scheme, i.flags & TLSOCK_INFO_RESUMED ? " resumed" : "",
		       i.flags & TLSOCK_INFO_VERIFIED ? " verified" : "");
	else
		printf("%s: failed: %s: %s\n", who, strerrorname_np(error), e.text);
	fflush(stdout);
	return good ? 0 : -1;
}

static int options(int fd, const char *credential, const char *profile)
{
	if (ulp_attach(fd) || opt_str(fd, TLSOCK_TRUST, "test") ||
	    opt_str(fd, TLSOCK_PROFILE, profile) || opt_int(fd, TLSOCK_TIMEOUT_MS, 60000))
		return -1;
	return strcmp(credential, "-") ? opt_str(fd, TLSOCK_CREDENTIAL, credential) : 0;
}

static struct sockaddr_in address(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

/* ---- the server */

static bool request_read(int fd)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, buf + len, sizeof(buf) - 1 - len);
		if (n <= 0)
			return false;
		len += (size_t)n;
		buf[len] = '\0';
	} while (!strstr(buf, "\r\n\r\n") && len < sizeof(buf) - 1);
	return true;
}

static bool answer(int fd, const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = { 0 };
	off_t at = 0;

	if (file < 0 || fstat(file, &st) ||
	    dprintf(fd, "HTTP/1.0 200 OK\r\nContent-Length: %lld\r\n\r\n", (long long)st.st_size) <
		    0)
		return false;
	while (at < st.st_size)
		if (sendfile(fd, file, &at, (size_t)(st.st_size - at)) <= 0)
			return false;
	return true;
}

/* The peer's close_notify comes, or it just goes: neither is its server's business. */
static void serve_one(int fd, const char *path, const char *who)
{
	bool good = request_read(fd) && answer(fd, path) && !shutdown(fd, SHUT_WR);

	if (tell(fd, who, good))
		return;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

static int listener(char **word)
{
	struct sockaddr_in a = address(word[0]);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    options(fd, word[1], word[2]) || opt_int(fd, TLSOCK_VERIFY, atoi(word[3])) ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 8)) {
		perror(word[0]);
		exit(1);
	}
	return fd;
}

static void serve(const char *path, int count, char **word)
{
	struct pollfd *all = calloc((size_t)count, sizeof(*all));

	if (!all)
		exit(1);
	for (int i = 0; i < count; i++)
		all[i] = (struct pollfd){ .fd = listener(word + 4 * i), .events = POLLIN };
	printf("listening\n");
	fflush(stdout);
	while (poll(all, (nfds_t)count, -1) > 0) {
		for (int i = 0; i < count; i++) {
			int fd = all[i].revents ? accept4(all[i].fd, NULL, NULL, SOCK_CLOEXEC) : -1;

			if (fd >= 0 && fork() == 0) {
				serve_one(fd, path, word[4 * i]);
				exit(0);
			}
			if (fd >= 0)
				close(fd);
		}
	}
	exit(1);
}

/* ---- the client */

/* A header without an end fills the buffer, and nothing is written. */
static bool body_written(int fd, const char *folder, const char *name)
{
	char path[4096], *end = NULL;
	size_t len = 0;
	ssize_t n;
	FILE *out;

	snprintf(path, sizeof(path), "%s/got.%s", folder, name);
	out = fopen(path, "w");
	if (!out)
		return false;
	while ((n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0) {
		const char *from = buf;

		len += (size_t)n;
		buf[len] = '\0';
		if (!end) {
			end = strstr(buf, "\r\n\r\n");
			if (!end)
				continue;
			from = end + 4;
		}
		fwrite(from, 1, len - (size_t)(from - buf), out);
		len = 0;
	}
	return !fclose(out) && n == 0 && end;
}

static int get(const char *folder, const char *name, char **word)
{
	struct sockaddr_in a = address(word[0]);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;
	bool good = fd >= 0 && !options(fd, word[3], word[2]) &&
		    !opt_str(fd, TLSOCK_SERVER_NAME, name) &&
		    !connect(fd, (struct sockaddr *)&a, sizeof(a)) &&
		    dprintf(fd, "GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n", word[1], name) > 0 &&
		    body_written(fd, folder, word[2]);

	rc = tell(fd, word[2], good);
	close(fd);
	return rc;
}

int main(int argc, char **argv)
{
	int bad = 0;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	if (argc >= 7 && (argc - 3) % 4 == 0 && !strcmp(argv[1], "serve"))
		serve(argv[2], (argc - 3) / 4, argv + 3);
	if (argc < 8 || argc % 4 || strcmp(argv[1], "get")) {
		fprintf(stderr,
			"usage: https serve file {port credential profile verify} ...\n"
			"       https get folder name {port path profile credential} ...\n");
		return 64;
	}
	for (int i = 4; i < argc; i += 4)
		bad |= get(argv[2], argv[3], argv + i);
	return bad ? 1 : 0;
}
