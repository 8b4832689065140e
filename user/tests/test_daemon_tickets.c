// SPDX-License-Identifier: MIT
/*
 * test_daemon_tickets.c - the keys of session tickets: made and replaced, shared with another process,
 * read from a folder (RFC 5077 section 5.5 has what a key has to be), and each file that is refused
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy.h"
#include "tap.h"
#include "tickets.h"

static struct ticket_key now_sealing(const struct tickets *t, const struct ticket_files *f)
{
	struct ticket_key k = { 0 };

	tickets_key(t, f, true, k.name, k.key);
	return k;
}

static bool opens(const struct tickets *t, const struct ticket_files *f, const struct ticket_key *k)
{
	struct ticket_key got = *k;

	memset(got.key, 0, sizeof(got.key));
	return !tickets_key(t, f, false, got.name, got.key) && !memcmp(&got, k, sizeof(got));
}

/* A worker has the key that its supervisor made after it was forked. */
static bool shared(struct tickets *t, struct ticket_key *made)
{
	int pipes[2], status = -1;
	char byte = 0;
	pid_t pid;

	if (pipe(pipes))
		return false;
	pid = fork();
	if (pid == 0) {
		struct ticket_key k;

		close(pipes[1]);
		if (read(pipes[0], &byte, 1) < 0)
			_exit(2);
		k = now_sealing(t, NULL);
		_exit(k.name[0] ^ k.key[0]);
	}
	close(pipes[0]);
	tickets_rotate(t);
	*made = now_sealing(t, NULL);
	close(pipes[1]);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == (made->name[0] ^ made->key[0]);
}

static void test_ring(void)
{
	struct tickets *t = tickets_new();
	struct ticket_key keys[5] = { 0 }, none = { 0 };

	if (!t) {
		ok(false, "memory");
		return;
	}
	keys[0] = now_sealing(t, NULL);
	ok(memcmp(&keys[0], &none, sizeof(none)) != 0, "there is a key from the beginning");
	ok(opens(t, NULL, &keys[0]), "it opens what it sealed");
	ok(!opens(t, NULL, &none), "memory not used yet is no key");
	for (int i = 1; i < 4; i++) {
		tickets_rotate(t);
		keys[i] = now_sealing(t, NULL);
	}
	ok(memcmp(&keys[3], &keys[2], sizeof(none)) != 0, "another one seals");
	ok(opens(t, NULL, &keys[3]) && opens(t, NULL, &keys[2]) && opens(t, NULL, &keys[1]),
	   "the two before it still open");
	ok(!opens(t, NULL, &keys[0]), "the one before those is gone");
	ok(shared(t, &keys[4]), "another process has the new one too");
	tickets_free(t);
	ok(tickets_key(NULL, NULL, true, none.name, none.key) == -ENOENT,
	   "without keys there is none");
}

/* ---- a folder ---- */

static char folder[] = "/tmp/tickets.XXXXXX", path[64], text[512];

static void put(const char *name, const void *bytes, size_t len, mode_t mode)
{
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
	f = fopen(path, "w");
	if (f) {
		fwrite(bytes, 1, len, f);
		fclose(f);
		chmod(path, mode);
	}
}

static void refused(const char *name, const void *bytes, size_t len, mode_t mode, const char *words)
{
	struct ticket_files files;
	int error;

	put(name, bytes, len, mode);
	text[0] = '\0';
	error = ticket_files_load(&files, folder, text, sizeof(text));
	ok(error < 0 && strstr(text, words) && !files.count, "refused: %s (%s)", words, text);
	unlink(path);
}

static void test_folder(void)
{
	struct ticket_key a, b, c;
	struct ticket_files files;
	struct tickets *t = tickets_new();

	memset(&a, 1, sizeof(a));
	memset(&b, 2, sizeof(b));
	c = b;
	if (!mkdtemp(folder) || !t) {
		ok(false, "a folder");
		return;
	}
	ok(ticket_files_load(&files, folder, text, sizeof(text)) == -ENOENT, "an empty folder");
	put("2.key", &b, sizeof(b), 0600);
	put("1.key", &a, sizeof(a), 0600);
	put("README", "no key", 6, 0644);
	ok(!ticket_files_load(&files, folder, text, sizeof(text)) && files.count == 2,
	   "two keys, and another file");
	a = now_sealing(t, &files);
	ok(!memcmp(&a, &b, sizeof(a)), "the last by name seals");
	memset(&a, 1, sizeof(a));
	ok(opens(t, &files, &a) && opens(t, &files, &b), "both open");
	b = now_sealing(t, NULL);
	ok(!opens(t, &files, &b), "those made here do not");
	memset(c.key, 0, sizeof(c.key));
	refused("3.key", &c, sizeof(c), 0600, "the key is zero");
	refused("3.key", &a, sizeof(a), 0600, "another file has a key of this name");
	refused("3.key", &a, sizeof(a) - 1, 0600, "47 bytes, not 48");
	refused("3.key", "", 0, 0600, "0 bytes");
	c.name[0] = 9;
	c.key[0] = 9;
	refused("3.key", &c, sizeof(c), 0644, "3.key");
	for (int i = 0; i < 15; i++) {
		char name[24];

		snprintf(name, sizeof(name), "x%d.key", i);
		put(name, &c, sizeof(c), 0600);
	}
	ok(ticket_files_load(&files, folder, text, sizeof(text)) == -E2BIG, "more than 16");
	tickets_free(t);
}

/* Whatever is different in one of these is another session. */
static void test_session(void)
{
	const struct event base = {
		.server = true, .server_name = "", .credential = "a", .trust = "b", .profile = ""
	};
	struct event others[9];
	uint8_t want[POLICY_SESSION_MAX], got[POLICY_SESSION_MAX];
	size_t len = policy_session(&base, want);

	for (size_t i = 0; i < 9; i++)
		others[i] = base;
	others[0].uid = 1;
	others[1].uid = 0x1000000;
	others[2].credential = "";
	others[3].trust = "c";
	others[4].profile = "modern";
	others[5].verify = TLSOCK_VERIFY_REQUIRED;
	others[6].server = false;
	others[7].credential = "ab";
	others[7].trust = "";
	others[8].netns_inode = 7; /* no cookie yet: that alone */
	for (size_t i = 0; i < 9; i++)
		ok(policy_session(&others[i], got) != len || memcmp(got, want, len) != 0,
		   "sessions are apart, %zu", i);
	ok(policy_session(&base, got) == len && !memcmp(got, want, len), "the same is the same");
}

static void clean(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	ok(system(command) == 0, "the folder goes");
}

int main(void)
{
	test_ring();
	test_folder();
	test_session();
	clean();
	return tap_done();
}
