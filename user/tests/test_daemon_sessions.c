// SPDX-License-Identifier: MIT
/*
 * test_daemon_sessions.c - the sessions that clients keep: the store, and the way in and out of it
 *
 * RFC 8446 section 4.6.1 and appendix C.4. First the store alone, its bounds and a worker that dies
 * within it; then two daemons with a stand-in for the kernel each (daemon_kernel.h), for whom a
 * session must serve and for whom not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon_kernel.h"
#include "sessions.h"
#include "tap.h"

#define NOW 1000

static uint8_t out[SESSIONS_SIZE];

/* ---- the store ---- */

static void put(struct sessions *s, uint32_t uid, const char *key, uint8_t byte, int64_t expires)
{
	struct session_owner owner = { .netns = 1, .uid = uid };
	uint8_t session[100];

	memset(session, byte, sizeof(session));
	sessions_put(s, &owner, (const uint8_t *)key, strlen(key), session, sizeof(session),
		     expires, NOW);
}

/* The byte that the session is full of; -1: none. */
static int take_at(struct sessions *s, uint64_t netns, uint32_t uid, const char *key, int64_t now)
{
	struct session_owner owner = { .netns = netns, .uid = uid };
	size_t len = sessions_take(s, &owner, (const uint8_t *)key, strlen(key), now, out);

	return len == 100 && out[0] == out[99] ? out[0] : -1;
}

static int take(struct sessions *s, uint32_t uid, const char *key)
{
	return take_at(s, 1, uid, key, NOW);
}

static void test_once(struct sessions *s)
{
	put(s, 1, "key", 7, NOW + 10);
	ok(take(s, 2, "key") < 0 && take_at(s, 2, 1, "key", NOW) < 0, "another user gets none");
	ok(take(s, 1, "ke") < 0 && take(s, 1, "keys") < 0 && take(s, 1, "kez") < 0,
	   "nor does another key");
	ok(take(s, 1, "key") == 7, "the same key gets it");
	ok(take(s, 1, "key") < 0, "once");
	put(s, 1, "key", 1, NOW + 10);
	put(s, 1, "key", 2, NOW + 10);
	ok(take(s, 1, "key") == 2 && take(s, 1, "key") == 1, "the newest first");
}

static void test_age(struct sessions *s)
{
	put(s, 1, "key", 7, NOW);
	ok(!sessions_count(s, NOW), "one that has expired is not kept");
	put(s, 1, "key", 7, NOW + 10);
	ok(sessions_count(s, NOW + 9) == 1 && take_at(s, 1, 1, "key", NOW + 10) < 0,
	   "nor given out");
	ok(!sessions_count(s, NOW), "and it is gone then");
}

static void test_bounds(struct sessions *s)
{
	struct session_owner owner = { .netns = 1, .uid = 1 };
	uint8_t big[SESSIONS_SIZE];
	char key[16];
	int n = 0;

	for (int i = 1; i <= SESSIONS_PER_KEY + 2; i++)
		put(s, 1, "key", (uint8_t)i, NOW + 10);
	while (take(s, 1, "key") == SESSIONS_PER_KEY + 2 - n)
		n++;
	ok(n == SESSIONS_PER_KEY, "%d of a key, the newest", n);
	put(s, 2, "theirs", 9, NOW + 10);
	for (int i = 0; i < SESSIONS_PER_USER + 5; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		put(s, 1, key, 1, NOW + 10);
	}
	ok(sessions_count(s, NOW) == SESSIONS_PER_USER + 1 && take(s, 1, "key 4") < 0 &&
		   take(s, 1, "key 5") == 1,
	   "%d of a user, the oldest goes", SESSIONS_PER_USER);
	ok(take(s, 2, "theirs") == 9, "at nobody else's cost");
	for (uint32_t i = 0; i < SESSIONS_MAX + 20; i++)
		put(s, 100 + i, "key", 3, NOW + 10);
	ok(sessions_count(s, NOW) == SESSIONS_MAX, "%d in all", SESSIONS_MAX);
	ok(take(s, 100 + SESSIONS_MAX + 19, "key") == 3 && take(s, 101, "key") < 0,
	   "the oldest of all goes");
	sessions_count(s, NOW + 20);
	memset(big, 1, sizeof(big));
	sessions_put(s, &owner, big, 100, big, SESSIONS_SIZE - 99, NOW + 10, NOW);
	ok(!sessions_count(s, NOW), "one that is too long is not kept");
	sessions_put(s, &owner, big, 100, big, SESSIONS_SIZE - 100, NOW + 10, NOW);
	ok(sessions_take(s, &owner, big, 100, NOW, out) == SESSIONS_SIZE - 100,
	   "one that just fits is");
}

/* Dies with the lock: the time comes from a page that is not there. */
static void test_death(struct sessions *s)
{
	int status = 0;
	pid_t pid;

	put(s, 1, "key", 7, NOW + 10);
	pid = fork();
	if (pid == 0) {
		struct session_owner owner = { .netns = 1, .uid = 1 };

		close(STDERR_FILENO);
		sessions_take(s, &owner, (const uint8_t *)"key", 3, NOW, (uint8_t *)8);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ok(pid > 0 && (WIFSIGNALED(status) || WEXITSTATUS(status)), "a worker dies within");
	ok(!sessions_count(s, NOW), "the store is empty then");
	put(s, 1, "key", 8, NOW + 10);
	ok(take(s, 1, "key") == 8, "and serves");
}

static void test_shared(struct sessions *s)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0) {
		put(s, 1, "key", 7, NOW + 10);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ok(pid > 0 && !status && take(s, 1, "key") == 7, "one worker keeps, another offers");
}

/* ---- the way ---- */

static struct config *config;
static struct fake_kernel *client, *server;

static void set_up(void)
{
	struct identity *root = identity_today(NULL, NULL, -1, 10);
	struct identity *good = identity_today("DNS:good.example,DNS:other.example", root, -1, 10);
	char error[CONFIG_ERROR_SIZE], *path;

	scratch_new();
	path = scratch_path("tlsockd.conf");
	write_identity("root", root);
	write_identity("good", good);
	scratch_write("tlsockd.conf", 0644, "%s",
		      "log_level = error\n"
		      "credential \"good\" { chain = good.pem key = good.key users = {\"*\"} }\n"
		      "credential \"mine\" { chain = good.pem key = good.key users = {\"*\"} }\n"
		      "trust \"test\" { file = {root.pem} }\n"
		      "trust \"same\" { file = {root.pem} }\n"
		      "profile \"old\" { max_version = \"TLSv1.2\" }\n"
		      "profile \"same\" { }\n");
	config = config_load(path, error);
	if (!config)
		bail("%s", error);
	free(path);
	client = fake_new(config);
	server = fake_new(config);
	server->daemon.tickets = tickets_new();
	client->daemon.sessions = sessions_new();
	if (!server->daemon.tickets || !client->daemon.sessions)
		bail("no shared memory");
	identity_free(root);
	identity_free(good);
}

static void tear_down(void)
{
	sessions_free(client->daemon.sessions);
	tickets_free((struct tickets *)server->daemon.tickets);
	fake_free(client);
	fake_free(server);
	config_free(config);
	identities_free();
	scratch_remove();
}

static void run(struct event *c)
{
	struct event s = fake_event(true, "");

	s.credential = "good";
	fake_forget(client);
	fake_forget(server);
	connections_event(&server->daemon, &s);
	connections_event(&client->daemon, c);
	for (int i = 0; i < 4 && (client->sent_len || server->sent_len); i++) {
		fake_carry(client, server, &s, 0);
		fake_carry(server, client, c, 0);
	}
	if (!client->complete || !server->complete)
		bail("no handshake: %s %s", client->text, server->text);
}

static bool resumes(struct event *c)
{
	run(c);
	return client->flags & server->flags & TLSOCK_INFO_RESUMED;
}

static size_t kept(void)
{
	return sessions_count(client->daemon.sessions, 0);
}

static struct event client_event(void)
{
	struct event e = fake_event(false, "good.example");

	e.trust = "test";
	e.netns = 5;
	return e;
}

/* A session is there; @other must not get it, and it is there still. */
static void denies(struct event other, const char *what)
{
	struct event c = client_event();
	size_t before = kept();

	ok(before && !resumes(&other), "not for %s", what);
	ok(resumes(&c), "but for whom it was");
}

static void test_tls13(void)
{
	struct event c = client_event(), other;

	run(&c);
	ok(client->cookie_len && client->tickets == 1 && kept() == 1,
	   "a ticket comes with the cookie, and a session is kept");
	ok(resumes(&c) && client->flags & TLSOCK_INFO_VERIFIED && client->certs == 1,
	   "the next handshake resumes it, verified");
	ok(kept() == 1, "it was given out once, and another one came");
	other = c;
	other.uid = 1001;
	denies(other, "another user");
	other = c;
	other.netns = 6;
	denies(other, "the same number in another namespace");
	other = c;
	other.server_name = "other.example";
	denies(other, "another name");
	other = c;
	other.trust = "same";
	denies(other, "another trust store with the same certificates");
	other = c;
	other.profile = "same";
	denies(other, "another profile of the same policy");
	other = c;
	other.credential = "mine";
	denies(other, "another credential");
	other = c;
	other.verify = TLSOCK_VERIFY_OPTIONAL;
	denies(other, "who asks less of the peer");
}

/* One that was made without verification must not serve who asks for it. */
static void test_unverified(void)
{
	struct event c = client_event(), lax = c;

	lax.verify = TLSOCK_VERIFY_NONE;
	while (resumes(&c))
		sessions_count(client->daemon.sessions, INT64_MAX);
	sessions_count(client->daemon.sessions, INT64_MAX);
	run(&lax);
	ok(kept() == 1 && !resumes(&c),
	   "a session without verification serves nobody who asks for it");
	sessions_count(client->daemon.sessions, INT64_MAX);
	lax.server_name = "";
	run(&lax);
	ok(!kept() && !client->cookie_len, "without a name none is kept");
}

static void test_tls12(void)
{
	struct event c = client_event();

	c.profile = "old";
	run(&c);
	ok(kept() == 1 && !client->cookie_len,
	   "TLS 1.2: a session within the handshake, no cookie");
	ok(resumes(&c) && resumes(&c) && kept() == 1, "resumed, again and again");
	sessions_count(client->daemon.sessions, INT64_MAX);
}

static void ticket(const uint8_t *cookie, size_t cookie_len, const void *message, size_t len)
{
	struct event e = { .command = TLSOCK_CMD_CONN_TICKET,
			   .cookie = cookie,
			   .cookie_len = cookie_len,
			   .data = message,
			   .data_len = len };

	connections_event(&client->daemon, &e);
}

/* NewSessionTicket: 256 s, and one byte too many */
static uint8_t message[] = { 4, 0, 0, 18, 0, 0, 1, 0, 1, 2, 3, 4, 1, 9, 0, 4, 5, 6, 7, 8, 0, 0, 0 };

/* A handshake, and the cookie that it left: its length */
static size_t cookie_of(uint8_t cookie[TLSOCK_COOKIE_MAX])
{
	struct event c = client_event();

	run(&c);
	memcpy(cookie, client->cookie, client->cookie_len);
	return client->cookie_len;
}

/* Every bit of a cookie counts; every byte of a ticket has to be there. */
static void test_damage(void)
{
	uint8_t cookie[TLSOCK_COOKIE_MAX];
	size_t len = cookie_of(cookie);

	sessions_count(client->daemon.sessions, INT64_MAX);
	for (size_t i = 0; i < len; i++) {
		cookie[i] ^= 1;
		ticket(cookie, len, message, sizeof(message) - 1);
		cookie[i] ^= 1;
		ticket(cookie, i, message, sizeof(message) - 1);
	}
	ok(!kept(), "a cookie that was touched or cut opens nothing");
	for (size_t i = 0; i < sizeof(message) - 1; i++)
		ticket(cookie, len, message, i);
	message[3]++;
	ticket(cookie, len, message, sizeof(message));
	message[3]--;
	ok(!kept(), "a ticket that is cut or too long is none");
	ticket(cookie, len, message, sizeof(message) - 1);
	ok(kept() == 1, "and whole it is one");
	sessions_count(client->daemon.sessions, INT64_MAX);
	sessions_rotate(client->daemon.sessions);
	ticket(cookie, len, message, sizeof(message) - 1);
	ok(kept() == 1, "a key of before still opens");
	sessions_count(client->daemon.sessions, INT64_MAX);
}

/* A reload makes a new store: nothing of the old one is of use. */
static void test_reload(void)
{
	struct event c = client_event();
	uint8_t cookie[TLSOCK_COOKIE_MAX];
	size_t len = cookie_of(cookie);

	sessions_free(client->daemon.sessions);
	client->daemon.sessions = sessions_new();
	ticket(cookie, len, message, sizeof(message) - 1);
	ok(!kept() && !resumes(&c), "after a reload neither sessions nor cookies serve");
	sessions_free(client->daemon.sessions);
	client->daemon.sessions = NULL;
	run(&c);
	ok(!client->cookie_len, "without a store nothing is asked for");
}

int main(void)
{
	struct sessions *s = sessions_new();

	if (!s)
		bail("no shared memory");
	test_once(s);
	test_age(s);
	test_bounds(s);
	test_death(s);
	test_shared(s);
	sessions_free(s);
	log_set_level(LOG_ERR);
	set_up();
	test_tls13();
	test_unverified();
	test_tls12();
	test_damage();
	test_reload();
	tear_down();
	return tap_done();
}
