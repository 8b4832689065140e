// SPDX-License-Identifier: MIT
/*
 * test_daemon_control.c - the control socket, asked by everybody who might: where it is made and where
 * not, questions that are none, the key log for one at a time, and its end with the connection
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "control_words.h"
#include "daemon_kernel.h"
#include "log.h"
#include "tap.h"

static struct feed *feeds[CONTROL_FEEDS];
static struct control control;
static char *path;

static int dial(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at))) {
		close(fd);
		return -1;
	}
	control_serve(&control); /* accepts */
	return fd;
}

/* The answer in @text; its length, 0: hung up, -1: none. *@passed: what came along, or -1. */
static ssize_t ask(int fd, const char *question, char text[CONTROL_TEXT], int *passed)
{
	char space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { .iov_base = text, .iov_len = CONTROL_TEXT - 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = space,
			    .msg_controllen = sizeof(space) };
	ssize_t n;

	if (question && send(fd, question, strlen(question), MSG_NOSIGNAL) < 0)
		return 0;
	control_serve(&control);
	n = recvmsg(fd, &m, MSG_DONTWAIT);
	text[n > 0 ? n : 0] = '\0';
	*passed = -1;
	if (n > 0 && CMSG_FIRSTHDR(&m))
		memcpy(passed, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(*passed));
	return n;
}

static bool says(int fd, const char *question, const char *start)
{
	char text[CONTROL_TEXT];
	int passed;

	return ask(fd, question, text, &passed) > 0 && passed < 0 &&
	       !strncmp(text, start, strlen(start));
}

static bool hung_up(int fd, const char *question)
{
	char text[CONTROL_TEXT];
	int passed;

	return ask(fd, question, text, &passed) == 0;
}

static void test_questions(void)
{
	char longest[CONTROL_TEXT * 2];
	int fd = dial(), other = dial();

	ok(says(fd, CONTROL_STATUS, "off") && says(fd, CONTROL_STATUS, "off"),
	   "there is no key log");
	ok(hung_up(fd, "statu"), "a word that is none");
	memset(longest, 's', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	close(fd);
	fd = dial();
	ok(hung_up(fd, longest), "and one that is too long");
	ok(says(other, CONTROL_STATUS, "off"), "who asked well is answered on");
	close(fd);
	close(other);
	control_serve(&control);
}

static bool one_credential(const void *of, size_t n, char *out, size_t size)
{
	snprintf(out, size, "%s", (const char *)of);
	return n < 2;
}

static void test_credentials(void)
{
	int fd = dial();

	ok(says(fd, CONTROL_CREDENTIAL "0", CONTROL_END), "who knows none has none");
	control_tell(&control, one_credential, "1\nlong ago\nwww");
	ok(says(fd, CONTROL_CREDENTIAL "1", "1\nlong ago\nwww"), "one is told");
	ok(says(fd, CONTROL_CREDENTIAL "2", CONTROL_END), "there are no more");
	ok(says(fd, CONTROL_CREDENTIAL "-1", CONTROL_END), "nor at a number that is none");
	ok(says(fd, CONTROL_CREDENTIAL "1x", CONTROL_END), "or is none");
	ok(says(fd, CONTROL_CREDENTIAL "99999999999999999999999", CONTROL_END), "or is too large");
	close(fd);
	control_serve(&control);
}

static void test_keylog(void)
{
	struct caught caught = catch_stderr();
	char text[CONTROL_TEXT], log[4096];
	int first = dial(), second = dial(), end, none, live;

	ok(ask(first, CONTROL_KEYLOG, text, &end) > 0 && !strcmp(text, CONTROL_OK) && end >= 0,
	   "the first who asks has the key log");
	ok(says(second, CONTROL_STATUS, "pid "), "everybody who asks is told");
	ok(ask(second, CONTROL_LIVE, text, &live) > 0 && !strcmp(text, CONTROL_OK) && live >= 0,
	   "handshakes may go to another");
	close(live);
	ok(says(first, CONTROL_STATUS, "pid ") &&
		   control.feeds[1].listener != control.feeds[0].listener,
	   "each has its own");
	ok(ask(second, CONTROL_KEYLOG, text, &none) > 0 && none < 0 &&
		   strstr(text, "listens already"),
	   "a second does not get it");
	close(second);
	control_serve(&control);
	ok(control.feeds[0].listener && !control.feeds[1].listener,
	   "and his end is not the end of it");
	close(first);
	control_serve(&control);
	ok(!control.feeds[0].listener, "it ends with the connection");
	close(end);
	second = dial();
	ok(ask(second, CONTROL_KEYLOG, text, &end) > 0 && end >= 0, "then another may have it");
	close(second);
	close(end);
	control_serve(&control);
	caught_read(&caught, log, sizeof(log));
	ok(strstr(log, "KEY LOG: ") && strstr(log, "KEY LOG ENDS: "),
	   "the log has said its beginning and its end");
}

static void test_crowd(void)
{
	int fds[CONTROL_CLIENTS], extra;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		fds[i] = dial();
	extra = dial();
	ok(hung_up(extra, CONTROL_STATUS), "one too many is not heard");
	close(extra);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		ok(says(fds[i], CONTROL_STATUS, "off"), "connection %zu is", i);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		close(fds[i]);
	control_serve(&control);
	extra = dial();
	ok(says(extra, CONTROL_STATUS, "off"), "when they have gone, so is another");
	close(extra);
	control_serve(&control);
}

/* Another user, whatever the modes have become. */
static void test_not_root(void)
{
	struct caught caught;
	char log[4096], *folder;
	int status = -1;
	pid_t pid;

	if (geteuid()) {
		skip("another user", "needs root");
		return;
	}
	folder = scratch_path("run");
	chmod(path, 0666);
	chmod(folder, 0755);
	*strrchr(folder, '/') = '\0';
	chmod(folder, 0755);
	free(folder);
	caught = catch_stderr();
	pid = fork();
	if (!pid) {
		struct sockaddr_un at = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

		snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
		_exit(setgid(65534) || setuid(65534) ||
		      connect(fd, (struct sockaddr *)&at, sizeof(at)));
	}
	waitpid(pid, &status, 0);
	control_serve(&control);
	caught_read(&caught, log, sizeof(log));
	ok(WIFEXITED(status) && !WEXITSTATUS(status) && strstr(log, "uid 65534 is not root"),
	   "another user is not heard");
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		ok(control.clients[i].fd < 0, "and has no place (%zu)", i);
}

static void test_places(void)
{
	struct control second;
	struct stat st;
	char *file = scratch_path("in-the-way/control"), *folder = scratch_path("in-the-way");

	ok(!stat(path, &st) && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600,
	   "the socket is its owner's alone");
	ok(control_open(&second, path, feeds, NULL) == -EADDRINUSE, "a daemon that lives keeps it");
	ok(!access(path, F_OK), "and the file stays");
	control_forget(&control); /* as if it had been killed */
	ok(!control_open(&control, path, feeds, "/var/log/keys"), "one that has died does not");
	ok(!mkdir(folder, 0700) && !chmod(folder, 0770) &&
		   control_open(&second, file, feeds, NULL) == -EPERM,
	   "a folder that others can write is refused");
	rmdir(folder);
	scratch_write("in-the-way", 0600, "x");
	ok(control_open(&second, file, feeds, NULL) == -EPERM, "so is a file in its place");
	unlink(folder);
	free(file);
	free(folder);
}

int main(void)
{
	int fd;

	scratch_new();
	path = scratch_path("run/net-1");
	for (size_t i = 0; i < CONTROL_FEEDS; i++)
		feeds[i] = feed_new(64 << 10);
	if (!feeds[0] || !feeds[1] || control_open(&control, path, feeds, NULL))
		bail("no control socket");
	log_open(LOG_TO_STDERR, LOG_DEBUG);
	test_questions();
	test_credentials();
	test_keylog();
	test_crowd();
	test_places();
	fd = dial();
	ok(says(fd, CONTROL_STATUS, "file /var/log/keys"), "a key log to a file is told");
	close(fd);
	test_not_root();
	control_close(&control);
	ok(access(path, F_OK), "in the end the socket goes");
	for (size_t i = 0; i < CONTROL_FEEDS; i++)
		feed_free(feeds[i]);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	free(path);
	scratch_remove();
	return tap_done();
}
