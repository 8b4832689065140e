// SPDX-License-Identifier: GPL-2.0-only
/*
 * wolfssl_peer.c: both ends of HTTPS by wolfSSL, as selftests/https.c is by tlsock: many connections
 * in one process. All that wolfSSL has unasked is on; the other end picks.
 *
 *	wolfssl_peer serve FILE PKI {PORT KIND HOW}...
 *	wolfssl_peer get FOLDER PKI {PORT VERSION HOW}...
 *
 * PKI has <kind>.pem, <kind>.key and ca.pem. HOW is "plain", "mutual" or, of a client, "resume":
 * once more with the session of the first time, or it fails. What get gets goes to FOLDER/got.PORT.
 * It must never go on without a verified peer.
 */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/dh.h>

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char name[] = "good.test", request[] = "GET /small HTTP/1.0\r\n\r\n";
static const char *pki;
static char file[1 << 20];
static int file_len;

static bool failed(WOLFSSL *ssl, const char *who, const char *what, int rc)
{
	char text[WOLFSSL_MAX_ERROR_SZ];
	unsigned long error = ssl ? (unsigned long)wolfSSL_get_error(ssl, rc) : (unsigned long)rc;

	fprintf(stderr, "%s: %s: %s\n", who, what, wolfSSL_ERR_error_string(error, text));
	return false;
}

static void must(int rc, const char *what)
{
	if (rc == WOLFSSL_SUCCESS)
		return;
	failed(NULL, "setup", what, rc);
	exit(1);
}

static void certify(WOLFSSL_CTX *ctx, const char *kind)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s.pem", pki, kind);
	must(wolfSSL_CTX_use_certificate_chain_file(ctx, path), path);
	snprintf(path, sizeof(path), "%s/%s.key", pki, kind);
	must(wolfSSL_CTX_use_PrivateKey_file(ctx, path, WOLFSSL_FILETYPE_PEM), path);
}

static void verify(WOLFSSL_CTX *ctx)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/ca.pem", pki);
	must(wolfSSL_CTX_load_verify_locations(ctx, path, NULL), path);
	wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			       NULL);
}

static struct sockaddr_in address(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

/* ---- the server */

static bool answer(WOLFSSL *ssl, const char *kind)
{
	static const char ok[] = "HTTP/1.0 200 OK\r\n\r\n";
	char buf[4096];
	int len = 0, n = wolfSSL_accept(ssl);

	if (n != WOLFSSL_SUCCESS)
		return failed(ssl, kind, "accept", n);
	do {
		n = wolfSSL_read(ssl, buf + len, (int)sizeof(buf) - 1 - len);
		if (n <= 0)
			return failed(ssl, kind, "read", n);
		len += n;
		buf[len] = '\0';
	} while (!strstr(buf, "\r\n\r\n"));
	n = wolfSSL_write(ssl, ok, sizeof(ok) - 1);
	if (n > 0)
		n = wolfSSL_write(ssl, file, file_len);
	if (n <= 0)
		return failed(ssl, kind, "write", n);
	wolfSSL_shutdown(ssl);
	return true;
}

/* Without a group a server of TLS 1.2 has no DHE; with one it still takes what the client names. */
static WOLFSSL_CTX *server(char **word)
{
	WOLFSSL_CTX *ctx = wolfSSL_CTX_new(wolfSSLv23_server_method());
	const DhParams *dh = wc_Dh_ffdhe2048_Get();

	if (!ctx)
		exit(1);
	must(wolfSSL_CTX_SetMinVersion(ctx, WOLFSSL_TLSV1_2), "minimum version");
	must(wolfSSL_CTX_SetTmpDH(ctx, dh->p, (int)dh->p_len, dh->g, (int)dh->g_len), "ffdhe2048");
	certify(ctx, word[1]);
	if (!strcmp(word[2], "mutual"))
		verify(ctx);
	return ctx;
}

static int listener(const char *port)
{
	struct sockaddr_in a = address(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 8)) {
		perror(port);
		exit(1);
	}
	return fd;
}

static void serve(const char *path, int count, char **word)
{
	struct pollfd *all = calloc((size_t)count, sizeof(*all));
	WOLFSSL_CTX **ctx = calloc((size_t)count, sizeof(*ctx));
	FILE *in = fopen(path, "r");

	if (!all || !ctx || !in)
		exit(1);
	file_len = (int)fread(file, 1, sizeof(file), in);
	for (int i = 0; i < count; i++) {
		ctx[i] = server(word + 3 * i);
		all[i] = (struct pollfd){ .fd = listener(word[3 * i]), .events = POLLIN };
	}
	while (poll(all, (nfds_t)count, -1) > 0) {
		for (int i = 0; i < count; i++) {
			int fd = all[i].revents ? accept(all[i].fd, NULL, NULL) : -1;
			WOLFSSL *ssl = fd < 0 ? NULL : wolfSSL_new(ctx[i]);

			if (ssl && wolfSSL_set_fd(ssl, fd) == WOLFSSL_SUCCESS)
				answer(ssl, word[3 * i + 1]);
			wolfSSL_free(ssl);
			if (fd >= 0)
				close(fd);
		}
	}
	exit(1);
}

/* ---- the client */

static bool body_written(WOLFSSL *ssl, const char *folder, const char *port)
{
	char path[4096], buf[16384];
	FILE *out;
	int n;

	snprintf(path, sizeof(path), "%s/got.%s", folder, port);
	out = fopen(path, "w");
	if (!out)
		return false;
	while ((n = wolfSSL_read(ssl, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, out);
	return !fclose(out) && wolfSSL_get_error(ssl, n) == WOLFSSL_ERROR_ZERO_RETURN;
}

static bool talk(WOLFSSL *ssl, const char *folder, const char *port)
{
	int rc;

	rc = wolfSSL_connect(ssl);
	if (rc != WOLFSSL_SUCCESS)
		return failed(ssl, port, "connect", rc);
	rc = wolfSSL_write(ssl, request, sizeof(request) - 1);
	if (rc <= 0 || !body_written(ssl, folder, port))
		return failed(ssl, port, "fetch", rc);
	return true;
}

/* One connection; the session that came of it takes the place of the one before. */
static bool fetch(WOLFSSL_CTX *ctx, const char *folder, const char *port, WOLFSSL_SESSION **session)
{
	struct sockaddr_in a = address(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	WOLFSSL *ssl = wolfSSL_new(ctx);
	bool good = false;

	if (ssl && fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof(a)) &&
	    wolfSSL_set_fd(ssl, fd) == WOLFSSL_SUCCESS &&
	    wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, name, sizeof(name) - 1) == WOLFSSL_SUCCESS &&
	    wolfSSL_check_domain_name(ssl, name) == WOLFSSL_SUCCESS &&
	    wolfSSL_UseSessionTicket(ssl) == WOLFSSL_SUCCESS &&
	    (!*session || wolfSSL_set_session(ssl, *session) == WOLFSSL_SUCCESS))
		good = talk(ssl, folder, port);
	if (good && *session && !wolfSSL_session_reused(ssl))
		good = failed(ssl, port, "not resumed", 0);
	if (good && !*session)
		*session = wolfSSL_get1_session(ssl);
	wolfSSL_shutdown(ssl);
	wolfSSL_free(ssl);
	close(fd);
	return good;
}

static bool get(const char *folder, char **word)
{
	WOLFSSL_CTX *ctx = wolfSSL_CTX_new(!strcmp(word[1], "1.3") ? wolfTLSv1_3_client_method() :
								     wolfTLSv1_2_client_method());
	WOLFSSL_SESSION *session = NULL;
	bool good;

	if (!ctx)
		exit(1);
	verify(ctx);
	if (!strcmp(word[2], "mutual"))
		certify(ctx, "rsa");
	good = fetch(ctx, folder, word[0], &session);
	if (good && !strcmp(word[2], "resume"))
		good = session && fetch(ctx, folder, word[0], &session);
	wolfSSL_SESSION_free(session);
	wolfSSL_CTX_free(ctx);
	return good;
}

int main(int argc, char **argv)
{
	bool good = true;

	signal(SIGPIPE, SIG_IGN);
	if (argc < 7 || (argc - 4) % 3) {
		fprintf(stderr, "usage: wolfssl_peer serve|get file-or-folder pki "
				"{port kind|version how} ...\n");
		return 64;
	}
	must(wolfSSL_Init(), "wolfSSL_Init");
	pki = argv[3];
	if (!strcmp(argv[1], "serve"))
		serve(argv[2], (argc - 4) / 3, argv + 4);
	for (int i = 4; i < argc; i += 3)
		good &= get(argv[2], argv + i);
	return good ? 0 : 1;
}
