// SPDX-License-Identifier: MIT
/*
 * test_daemon_connection.c - the daemon's handshakes, with both ends in one process
 *
 * A client's and a server's daemon, each with its own stand-in for a kernel (daemon_kernel.h), and
 * the flights of RFC 8446 section 2 carried between them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon_kernel.h"
#include "keylog.h"
#include "live_words.h"
#include "tap.h"

#define ALERT_HANDSHAKE_FAILURE 40
#define ALERT_BAD_CERTIFICATE 42
#define ALERT_UNRECOGNIZED_NAME 112

static struct config *config;
static struct fake_kernel *client, *server;

static struct config *load(const char *text)
{
	char error[CONFIG_ERROR_SIZE];
	char *path = scratch_path("tlsockd.conf");
	struct config *c;

	scratch_write("tlsockd.conf", 0644, "%s", text);
	c = config_load(path, error);
	if (!c)
		bail("%s", error);
	free(path);
	return c;
}

static void set_up(void)
{
	struct identity *root = identity_today(NULL, NULL, -1, 10);
	struct identity *good = identity_today("DNS:good.example", root, -1, 10);
	struct identity *other = identity_today("DNS:other.example", root, -1, 10);
	struct identity *old = identity_today("DNS:old.example", root, -3, -2);
	struct identity *stranger = identity_today(NULL, NULL, -1, 10);

	scratch_new();
	write_identity("root", root);
	write_identity("good", good);
	write_identity("other", other);
	write_identity("old", old);
	write_identity("stranger", stranger);
	config = load(
		"log_level = error\n"
		"credential \"good\" { chain = good.pem key = good.key users = {\"1000\"} }\n"
		"credential \"other\" { chain = other.pem key = other.key groups = {\"1000\"} }\n"
		"credential \"old\" { chain = old.pem key = old.key users = {\"*\"} }\n"
		"credential \"root-only\" { chain = good.pem key = good.key }\n"
		"trust \"test\" { file = {root.pem} }\n"
		"trust \"strange\" { file = {stranger.pem} }\n"
		"trust \"theirs\" { file = {root.pem} users = {\"0\"} }\n"
		"profile \"p384\" { groups = {secp384r1} suites = {TLS_AES_256_GCM_SHA384} }\n");
	client = fake_new(config);
	server = fake_new(config);
	identity_free(root);
	identity_free(good);
	identity_free(other);
	identity_free(old);
	identity_free(stranger);
}

static void tear_down(void)
{
	fake_free(client);
	fake_free(server);
	config_free(config);
	identities_free();
	scratch_remove();
}

static struct event client_event(const char *name)
{
	struct event e = fake_event(false, name);

	e.trust = "test";
	return e;
}

static struct event server_event(const char *credential)
{
	struct event e = fake_event(true, "");

	e.credential = credential;
	return e;
}

/* A whole handshake, as far as it goes. */
static void run(struct event *c, struct event *s, size_t piece)
{
	fake_forget(client);
	fake_forget(server);
	connections_event(&server->daemon, s);
	connections_event(&client->daemon, c);
	for (int i = 0; i < 4 && (client->sent_len || server->sent_len); i++) {
		fake_carry(client, server, s, piece);
		fake_carry(server, client, c, piece);
	}
}

static bool same_key(const struct fake_key *a, const struct fake_key *b)
{
	return a->key_len && a->key_len == b->key_len && a->iv_len == 12 && b->iv_len == 12 &&
	       !memcmp(a->key, b->key, a->key_len) && !memcmp(a->iv, b->iv, 12) &&
	       a->secret_len == b->secret_len && !memcmp(a->secret, b->secret, a->secret_len) &&
	       a->suite == b->suite && a->version == 0x0304 && b->version == 0x0304;
}

static void test_handshake(void)
{
	struct event c = client_event("good.example"), s = server_event("good");

	c.alpn = s.alpn = (const uint8_t *)"\x02h2\x08http/1.1";
	c.alpn_len = s.alpn_len = 12;
	run(&c, &s, 0);
	ok(client->complete && !client->failed, "the client is complete %s", client->text);
	ok(server->complete && !server->failed, "the server is complete %s", server->text);
	ok(client->flags == TLSOCK_INFO_VERIFIED && client->certs == 1, "the client has verified");
	ok(server->flags == 0 && server->certs == 0, "the server has not");
	ok(!strcmp(server->name, "good.example"), "the server tells the name: %s", server->name);
	ok(!strcmp(client->alpn, "h2") && !strcmp(server->alpn, "h2"), "the protocol is agreed");
	/* X25519, or X25519MLKEM768 where libcrypto has that */
	ok(client->suite == 0x1301 && (client->group == 0x001d || client->group == 0x11ec) &&
		   client->group == server->group && client->scheme == 0x0403,
	   "suite, group and signature scheme are told");
	ok(!memcmp(client->binding, server->binding, 32), "one channel binding");
	for (int epoch = 0; epoch < 2; epoch++) {
		ok(same_key(&client->keys[0][epoch], &server->keys[1][epoch]),
		   "client to server, %s keys agree", epoch ? "application" : "handshake");
		ok(same_key(&server->keys[0][epoch], &client->keys[1][epoch]),
		   "server to client, %s keys agree", epoch ? "application" : "handshake");
	}
	ok(client->keys[0][0].secret_len == 0 && client->keys[0][1].secret_len == 32,
	   "only the application's keys come with a secret");
	ok(!client->daemon.count && !server->daemon.count, "both connections are forgotten");
	ok(!strcmp(server->order, "KO") || !strcmp(server->order, "KCO"),
	   "the server's last answer: key, complete (%s)", server->order);
}

static void test_pieces(void)
{
	static const size_t pieces[] = { 1, 100, 1000 };

	for (size_t i = 0; i < 3; i++) {
		struct event c = client_event("good.example"), s = server_event("good");

		run(&c, &s, pieces[i]);
		ok(client->complete && server->complete, "flights in pieces of %zu bytes",
		   pieces[i]);
	}
}

static void test_profile(void)
{
	struct event c = client_event("good.example"), s = server_event("good");

	s.profile = "p384";
	run(&c, &s, 0);
	ok(client->complete && client->suite == 0x1302 && client->group == 0x0018,
	   "the server's profile decides, by HelloRetryRequest");
}

static void test_mutual(void)
{
	struct event c = client_event("good.example"), s = server_event("good");

	s.verify = TLSOCK_VERIFY_REQUIRED;
	s.trust = "test";
	c.credential = "other";
	run(&c, &s, 0);
	ok(server->complete && server->flags == TLSOCK_INFO_VERIFIED && server->certs == 1,
	   "the server has verified a client");
	c.credential = "";
	run(&c, &s, 0);
	ok(server->failed && server->error == EKEYREJECTED && server->alert == 116,
	   "and refuses one without a certificate: %s", server->text);
}

/* How the client ends when it asks for @name with @trust and the server has @credential. */
static void rejects(const char *name, const char *trust, const char *credential, const char *what)
{
	struct event c = client_event(name), s = server_event(credential);

	c.trust = trust;
	run(&c, &s, 0);
	ok(client->failed && client->error == EKEYREJECTED && client->verify_code &&
		   client->alert >= ALERT_BAD_CERTIFICATE && client->text[0],
	   "%s: %s", what, client->text);
	ok(!client->daemon.count, "and the connection is forgotten");
}

/* How a connection ends that cannot even begin. */
static void refuses(struct event e, uint32_t error, const char *what)
{
	struct fake_kernel *k = e.server ? server : client;

	fake_forget(k);
	connections_event(&k->daemon, &e);
	ok(k->failed && k->error == error && !strcmp(k->order, "F") && !k->daemon.count,
	   "%s: %s, \"%s\"", what, strerrorname_np((int)k->error), k->text);
	ok(e.server ? k->alert == 80 : k->alert == -1, "the alert is right");
}

static void test_policy(void)
{
	struct event e = server_event("nothing");

	refuses(e, ENOKEY, "no such credential");
	e = server_event("root-only");
	refuses(e, EPERM, "another user's credential");
	e = server_event("other");
	e.gid = 7;
	refuses(e, EPERM, "another group's credential");
	e = server_event("good");
	e.netns_inode = 7;
	refuses(e, EPERM, "a credential that is not for other namespaces");
	e.uid = 0;
	refuses(e, EPERM, "and not for their root");
	e = server_event("good");
	e.profile = "nothing";
	refuses(e, ENOKEY, "no such profile");
	e = server_event("good");
	e.trust = "nothing";
	refuses(e, ENOKEY, "no such trust store, though nothing is verified");
	e = client_event("good.example");
	e.trust = "theirs";
	refuses(e, EPERM, "another user's trust store");
	e = client_event("good.example");
	e.credential = "nothing";
	refuses(e, ENOKEY, "a client's credential that does not exist");
	e = server_event("root-only");
	e.uid = 0;
	fake_forget(server);
	connections_event(&server->daemon, &e);
	ok(!server->failed && server->daemon.count == 1, "root may use everything");
	e.command = TLSOCK_CMD_CONN_GONE;
	connections_event(&server->daemon, &e);
}

/* A server that names no credential. */
static void test_by_name(void)
{
	struct event c = client_event("other.example"), s = server_event("");
	struct fake_kernel *kept = server;
	struct config *with_default;

	run(&c, &s, 0);
	ok(client->complete, "the credential is found by name %s", client->text);
	c = client_event("nobody.example");
	run(&c, &s, 0);
	ok(server->failed && server->error == ENOKEY && server->alert == ALERT_UNRECOGNIZED_NAME,
	   "a name nobody has: %s", server->text);

	with_default = load(
		"credential \"x\" { chain = other.pem key = other.key users = {\"*\"} }\n"
		"credential \"default\" { chain = good.pem key = good.key users = {\"*\"} }\n"
		"trust \"test\" { file = {root.pem} }\n");
	server = fake_new(with_default);
	c.verify = TLSOCK_VERIFY_OPTIONAL;
	run(&c, &s, 0);
	ok(client->complete && client->verify_code && !client->flags,
	   "the default answers for it, and verification that is optional only tells");
	fake_free(server);
	server = kept;
	config_free(with_default);
}

static struct identity *rsa_today(const char *names, const struct identity *issuer)
{
	const struct identity_spec spec = {
		.common_name = names,
		.names = names,
		.key = KEY_RSA,
		.issuer = issuer,
		.not_before = time(NULL) - DAY,
		.not_after = time(NULL) + DAY,
	};

	return identity_new(&spec);
}

/* "default" and no other answers for a name nobody has, whatever keys the client verifies. */
static void test_default_alone(void)
{
	struct event c = client_event("nobody.example"), s = server_event("");
	struct identity *rsa = rsa_today("DNS:secret.example", NULL);
	struct fake_kernel *kept_client = client, *kept_server = server;
	struct config *mixed;

	write_identity("rsa", rsa);
	mixed = load("log_level = error\n"
		     "credential \"rsa\" { chain = rsa.pem key = rsa.key users = {\"*\"} }\n"
		     "credential \"default\" { chain = good.pem key = good.key users = {\"*\"} }\n"
		     "trust \"test\" { file = {root.pem} }\n"
		     "profile \"rsa\" { signature_schemes = {rsa_pss_rsae_sha256} }\n");
	client = fake_new(mixed);
	server = fake_new(mixed);
	c.profile = "rsa";
	c.verify = TLSOCK_VERIFY_NONE;
	run(&c, &s, 0);
	ok(!server->complete && server->failed && server->error == EPERM &&
		   server->alert == ALERT_HANDSHAKE_FAILURE,
	   "nor one for another name, if the client cannot verify the default's key: %s",
	   server->text);
	c.server_name = "secret.example";
	run(&c, &s, 0);
	ok(client->complete && client->scheme == HS_RSA_PSS_RSAE_SHA256,
	   "a client that asks for that other one gets it %s", server->text);
	fake_free(client);
	fake_free(server);
	client = kept_client;
	server = kept_server;
	config_free(mixed);
	identity_free(rsa);
}

static void test_refusals(void)
{
	static const int gone[] = { -ENOENT, -ESTALE, -EPIPE };
	struct event c = client_event("good.example");

	for (size_t i = 0; i < 3; i++) {
		fake_forget(client);
		client->refuse = gone[i];
		connections_event(&client->daemon, &c);
		ok(client->pushes == 1 && !client->daemon.count, "%s: the connection is forgotten",
		   strerrorname_np(-gone[i]));
	}
	fake_forget(client);
	client->refuse = -EOPNOTSUPP;
	connections_event(&client->daemon, &c);
	ok(client->pushes == 2 && client->failed && client->error == EOPNOTSUPP &&
		   !client->daemon.count,
	   "EOPNOTSUPP becomes a FAIL: %s", client->text);
	fake_forget(client);
	client->refuse = -EINVAL;
	client->refuse_reason = "malformed action";
	connections_event(&client->daemon, &c);
	ok(client->pushes == 2 && client->failed && client->error == EIO &&
		   strstr(client->text, "malformed action"),
	   "EINVAL becomes a FAIL: %s", client->text);
}

static size_t times_in(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
		n++;
	return n;
}

/* Connections that fail in three ways, @n of each, without a wait. */
static void fail_often(struct fake_kernel *k, size_t n, char *log, size_t size)
{
	struct event bad = server_event("nothing"), s = server_event("good"), e;
	struct caught caught = catch_stderr();

	for (size_t i = 0; i < n; i++) {
		connections_event(&k->daemon, &bad);
		connections_event(&k->daemon, &s);
		fake_deliver(k, &s, 0, (const uint8_t *)"\1\0\0\4GET ", 8, 0);
		connections_event(&k->daemon, &s);
		e = s;
		e.command = TLSOCK_CMD_CONN_GONE;
		connections_event(&k->daemon, &e);
	}
	caught_read(&caught, log, size);
}

/* Whoever can connect must not be able to fill the journal. */
static void test_log_limit(void)
{
	struct fake_kernel *k = fake_new(config);
	struct caught caught;
	char log[32768];

	fail_often(k, 30, log, sizeof(log));
	ok(times_in(log, "\n") == LOG_LIMIT_LINES && times_in(log, "no credential \"nothing\"") &&
		   times_in(log, "ClientHello is malformed") && times_in(log, "closed before"),
	   "of 90 connections that fail at once %zu are logged", times_in(log, "\n"));
	ok(connections_tell(&k->daemon) == LOG_LIMIT_US / 1000 + 1, "that is told, but later");
	k->now_us += LOG_LIMIT_US;
	fail_often(k, 1, log, sizeof(log));
	ok(times_in(log, "\n") == 4 && strstr(log, "warning: 70 more handshakes"),
	   "how many were not is told before the next");
	ok(connections_tell(&k->daemon) == -1, "once");
	log_set_level(LOG_DEBUG);
	fail_often(k, 30, log, sizeof(log));
	ok(times_in(log, "failed: ") == 60 && times_in(log, "closed before") == 30,
	   "at the level debug all are logged");
	log_set_level(LOG_WARNING);
	k->now_us += LOG_LIMIT_US;
	fail_often(k, 30, log, sizeof(log));
	ok(times_in(log, "failed: ") == LOG_LIMIT_LINES,
	   "what the level keeps out of the log does not count");
	log_set_level(LOG_INFO);
	caught = catch_stderr();
	fake_free(k);
	caught_read(&caught, log, sizeof(log));
	ok(strstr(log, ": 40 more"), "and the rest is told at the end");
}

static void test_lifetimes(void)
{
	struct event c = client_event("good.example"), s = server_event("good"), e;

	fake_forget(client);
	connections_event(&client->daemon, &c);
	ok(!strcmp(client->order, "DC") && client->daemon.count == 1, "ClientHello, and read on");
	e = (struct event){ .command = TLSOCK_CMD_CONN_GONE, .id = c.id, .generation = 2 };
	connections_event(&client->daemon, &e);
	ok(client->daemon.count == 1, "another generation's end is not this one's");
	c.generation = 2;
	connections_event(&client->daemon, &c);
	ok(client->pushes == 2 && client->daemon.count == 1, "a new generation begins anew");
	connections_event(&client->daemon, &e);
	ok(client->daemon.count == 0, "and its end is its end");

	fake_forget(server);
	fake_deliver(server, &s, 0, (const uint8_t *)"\1\0\0\0", 4, 0);
	ok(server->pushes == 0, "data of a connection that is not known is passed over");
	connections_event(&server->daemon, &s);
	ok(server->pushes == 0 && server->daemon.count == 1, "a server waits in silence");
	fake_deliver(server, &s, 0, (const uint8_t *)"\1\0\0\4GET ", 8, 3);
	ok(server->failed && server->error == EPROTO && !server->daemon.count,
	   "a ClientHello that is none: %s", server->text);
	connections_event(&server->daemon, &s);
	fake_deliver(server, &s, 0, (const uint8_t *)"\1\0\0\4", 4, 3);
	e = (struct event){ .command = TLSOCK_CMD_CONN_DATA, .id = s.id, .generation = 1 };
	ok(server->daemon.count == 0, "a message that says it is longer than it is fails");
}

/* Pieces without end are no memory without end. */
static void test_flight_bound(void)
{
	struct event s = server_event("good");
	struct event e = { .command = TLSOCK_CMD_CONN_DATA, .id = s.id, .generation = 1 };
	uint8_t *piece = calloc(1, 16384);
	int given = 0;

	fake_forget(server);
	connections_event(&server->daemon, &s);
	e.data = piece;
	e.data_len = 16384;
	e.more = true;
	for (; given < 20 && !server->failed; given++)
		connections_event(&server->daemon, &e);
	ok(server->failed && given == HS_MAX_INPUT / 16384 + 1, "a flight of %d pieces is refused",
	   given);
	connections_event(&server->daemon, &s);
	server->failed = false;
	connections_event(&server->daemon, &e);
	e.epoch = 2;
	connections_event(&server->daemon, &e);
	ok(server->failed && !server->daemon.count, "so is one of two epochs");
	free(piece);
}

/* The message that had keys in it is empty afterwards. */
static void test_wiped(void)
{
	struct event c = client_event("good.example"), s = server_event("good");
	const uint8_t *bytes;
	size_t n = 0;

	run(&c, &s, 0);
	bytes = (const uint8_t *)nlmsg_hdr(server->daemon.message.message) + NLMSG_HDRLEN;
	for (size_t i = 0; i < 65536; i++)
		n += bytes[i] != 0;
	ok(client->complete && !n, "no byte of a PUSH stays in memory");
}

static size_t lines_with(const char *text, const char *label)
{
	size_t n = 0;

	for (const char *at = strstr(text, label); at; at = strstr(at + 1, label))
		n += at == text || at[-1] == '\n';
	return n;
}

static void test_keylog(void)
{
	struct event c = client_event("good.example"), s = server_event("good");
	char *path = scratch_path("keylog");
	char text[8192] = "";
	struct keylog log = { .file = keylog_open(path) };
	const struct keylog *none = client->daemon.keylog;
	int fd;

	client->daemon.keylog = &log;
	run(&c, &s, 0);
	close(log.file);
	client->daemon.keylog = none;
	fd = open(path, O_RDONLY);
	ok(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, "a key log was written");
	close(fd);
	ok(lines_with(text, "CLIENT_HANDSHAKE_TRAFFIC_SECRET ") == 1 &&
		   lines_with(text, "SERVER_HANDSHAKE_TRAFFIC_SECRET ") == 1 &&
		   lines_with(text, "CLIENT_TRAFFIC_SECRET_0 ") == 1 &&
		   lines_with(text, "SERVER_TRAFFIC_SECRET_0 ") == 1,
	   "with the four secrets of a connection");
	ok(!access(path, R_OK), "and the file is there");
	scratch_write("keylog", 0644, "x");
	ok(keylog_open(path) == -EPERM, "a key log that others can read is refused");
	unlink(path);
	ok(!symlink("/dev/null", path) && keylog_open(path) == -ELOOP, "a symbolic link too");
	free(path);
}

/* The queue that root reads: off until it is asked for, whole lines, what does not fit is counted. */
static void test_keylog_queue(void)
{
	struct event c = client_event("good.example"), s = server_event("good");
	struct keylog log = { .file = -1, .feed = feed_new(64 << 10) };
	const struct keylog *none = client->daemon.keylog;
	struct feed_counts counts;
	char text[8192] = "";
	size_t len = 0;
	ssize_t n;
	int fd, fill;

	if (!log.feed)
		bail("no queue");
	fd = feed_fd(log.feed);
	client->daemon.keylog = &log;
	run(&c, &s, 0);
	ok(read(fd, text, sizeof(text)) < 0 && errno == EAGAIN, "a queue is off by itself");
	feed_start(log.feed);
	run(&c, &s, 0);
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	ok(len && lines_with(text, "CLIENT_HANDSHAKE_TRAFFIC_SECRET ") == 1 &&
		   lines_with(text, "SERVER_TRAFFIC_SECRET_0 ") == 1,
	   "then it has a connection's secrets");
	for (fill = 0; fill < 300; fill++)
		run(&c, &s, 0);
	counts = feed_counts(log.feed);
	ok(counts.lost > 0 && counts.sent + counts.lost == 301 * 4 && counts.sent < 700,
	   "what nobody reads is bounded, and counted");
	feed_stop(log.feed);
	ok(read(fd, text, sizeof(text)) < 0 && errno == EAGAIN, "at the end nothing of it is left");
	run(&c, &s, 0);
	ok(read(fd, text, sizeof(text)) < 0 && errno == EAGAIN, "and nothing comes");
	client->daemon.keylog = none;
	feed_free(log.feed);
}

/* The parts of a key that the kernel got must not be in what is told. */
static bool has_secret(const uint8_t *message, size_t len)
{
	for (int direction = 0; direction < 2; direction++)
		for (int epoch = 0; epoch < 2; epoch++) {
			const struct fake_key *k = &client->keys[direction][epoch];

			if (!k->key_len || memmem(message, len, k->key, k->key_len) ||
			    memmem(message, len, k->iv, k->iv_len) ||
			    (k->secret_len && memmem(message, len, k->secret, k->secret_len)))
				return true;
		}
	return false;
}

/* What `tlsock trace --live' gets of a handshake, and of one that fails. */
static void test_live(void)
{
	static uint8_t message[1 << 17];
	struct event c = client_event("good.example"), s = server_event("good");
	struct feed *feed = feed_new(1 << 20);
	size_t kinds[LIVE_GONE + 1] = { 0 };
	struct live_head head;
	bool secret = false, sizes = true;
	ssize_t n;

	if (!feed)
		bail("no feed");
	client->daemon.live = feed;
	feed_start(feed);
	run(&c, &s, 0);
	while ((n = read(feed_fd(feed), message, sizeof(message))) > 0) {
		memcpy(&head, message, sizeof(head));
		sizes = sizes && (size_t)n >= sizeof(head) && head.size == sizeof(head) &&
			head.id == c.id && head.kind <= LIVE_GONE;
		kinds[sizes ? head.kind : LIVE_GONE]++;
		secret = secret || has_secret(message, (size_t)n);
	}
	ok(sizes && kinds[LIVE_BEGIN] == 1 && kinds[LIVE_COMPLETE] == 1 && kinds[LIVE_KEY] == 4 &&
		   kinds[LIVE_RECEIVED] >= 2 && kinds[LIVE_SENT] >= 2 && !kinds[LIVE_GONE],
	   "a handshake is told message by message");
	ok(!secret, "without a key or a secret");
	c = client_event("wrong.example");
	run(&c, &s, 0);
	while ((n = read(feed_fd(feed), message, sizeof(message))) > 0)
		memcpy(&head, message, sizeof(head));
	ok(head.kind == LIVE_FAILED && head.alert == 42, "and why one fails");
	client->daemon.live = NULL;
	feed_free(feed);
}

int main(void)
{
	set_up();
	test_handshake();
	test_pieces();
	test_profile();
	test_mutual();
	rejects("wrong.example", "test", "good", "a wrong name");
	rejects("old.example", "test", "old", "an expired certificate");
	rejects("good.example", "strange", "good", "an unknown authority");
	test_policy();
	test_by_name();
	test_default_alone();
	test_refusals();
	test_log_limit();
	test_lifetimes();
	test_flight_bound();
	test_wiped();
	test_keylog();
	test_keylog_queue();
	test_live();
	tear_down();
	return tap_done();
}
