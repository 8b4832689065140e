// SPDX-License-Identifier: MIT
/*
 * control.c - see control.h
 */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control_words.h"
#include "log.h"

static int watch(const struct control *c, int fd)
{
	struct epoll_event interest = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(c->ready_fd, EPOLL_CTL_ADD, fd, &interest) ? -errno : 0;
}

static void unwatch(const struct control *c, int fd)
{
	epoll_ctl(c->ready_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* ---- answers ---- */

struct words {
	const char *question, *begins, *ends;
};

/* What is told of each feed to the log. */
static const struct words words[CONTROL_FEEDS] = {
	{ CONTROL_KEYLOG,
	  "KEY LOG: the secrets of every connection from now on go to process %d of root; whoever has "
	  "them can read the connections",
	  "KEY LOG ENDS: process %d has got %" PRIu64 " lines, %" PRIu64 " were lost" },
	{ CONTROL_LIVE, "process %d of root is shown handshakes from now on",
	  "process %d is shown handshakes no more; it has got %" PRIu64 " messages, %" PRIu64
	  " were lost" },
};

static int one_state(const struct control *c, size_t i, char *out, size_t size)
{
	struct feed_counts counts = feed_counts(c->feeds[i].feed);

	if (!c->feeds[i].listener)
		return snprintf(out, size, "off");
	return snprintf(out, size, "pid %d got %" PRIu64 " lost %" PRIu64,
			c->feeds[i].listener->pid, counts.sent, counts.lost);
}

static void state_text(const struct control *c, char *out, size_t size)
{
	char file[CONTROL_TEXT / 2] = "", states[CONTROL_FEEDS][CONTROL_TEXT / 8];

	for (size_t i = 0; i < CONTROL_FEEDS; i++)
		one_state(c, i, states[i], sizeof(states[i]));
	if (c->keylog_file) {
		snprintf(file, sizeof(file), "file %s%s", c->keylog_file,
			 c->feeds[0].listener ? "; " : "");
		log_make_printable(file);
	}
	snprintf(out, size, "%s%s\n%s", file,
		 c->keylog_file && !c->feeds[0].listener ? "" : states[0], states[1]);
}

static void credential_text(const struct control *c, const char *number, char *out, size_t size)
{
	char *end;
	unsigned long n = strtoul(number, &end, 10);

	/* the question lies in @out */
	if (!c->credential || *end || !c->credential(c->of, n, out, size))
		snprintf(out, size, "%s", CONTROL_END);
}

/* False: who asked does not listen. @fd: goes along, or -1. */
static bool answer(const struct control_client *client, const char *text, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} space = { 0 };
	struct iovec iov = { .iov_base = (char *)text, .iov_len = strlen(text) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *head;

		message.msg_control = space.bytes;
		message.msg_controllen = sizeof(space.bytes);
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	}
	return sendmsg(client->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)iov.iov_len;
}

static void stop(struct control *c, size_t i)
{
	struct feed_counts counts = feed_counts(c->feeds[i].feed);

	feed_stop(c->feeds[i].feed);
	if (watch(c, feed_fd(c->feeds[i].feed)))
		log_write(LOG_ERR, NULL, "control: %m");
	log_write(LOG_WARNING, NULL, words[i].ends, c->feeds[i].listener->pid, counts.sent,
		  counts.lost);
	c->feeds[i].listener = NULL;
}

static bool start(struct control *c, size_t i, struct control_client *client)
{
	char text[CONTROL_TEXT];

	if (c->feeds[i].listener) {
		snprintf(text, sizeof(text), "process %d listens already",
			 c->feeds[i].listener->pid);
		return answer(client, text, -1);
	}
	unwatch(c, feed_fd(c->feeds[i].feed));
	c->feeds[i].listener = client;
	feed_start(c->feeds[i].feed);
	log_write(LOG_WARNING, NULL, words[i].begins, client->pid);
	return answer(client, CONTROL_OK, feed_fd(c->feeds[i].feed));
}

/* ---- connections ---- */

static void hang_up(struct control *c, struct control_client *client)
{
	for (size_t i = 0; i < CONTROL_FEEDS; i++)
		if (c->feeds[i].listener == client)
			stop(c, i);
	unwatch(c, client->fd); /* a worker that was just forked has it too */
	close(client->fd);
	client->fd = -1;
}

static struct control_client *client_of(struct control *c, int fd)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (c->clients[i].fd == fd)
			return &c->clients[i];
	return NULL;
}

static void greet(struct control *c)
{
	int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct control_client *place = client_of(c, -1);
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(who);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) || who.uid != 0) {
		log_write(LOG_WARNING, NULL, "control: uid %u is not root", who.uid);
	} else if (place && !watch(c, fd)) {
		place->fd = fd;
		place->pid = who.pid;
		return;
	}
	close(fd);
}

static void hear(struct control *c, struct control_client *client)
{
	char text[CONTROL_TEXT];
	ssize_t n = recv(client->fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	bool stays = false;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	text[n > 0 ? n : 0] = '\0';
	for (size_t i = 0; n > 0 && i < CONTROL_FEEDS; i++)
		if (!strcmp(text, words[i].question))
			stays = start(c, i, client);
	if (n > 0 && !strcmp(text, CONTROL_STATUS)) {
		state_text(c, text, sizeof(text));
		stays = answer(client, text, -1);
	}
	if (n > 0 && !strncmp(text, CONTROL_CREDENTIAL, strlen(CONTROL_CREDENTIAL))) {
		credential_text(c, text + strlen(CONTROL_CREDENTIAL), text, sizeof(text));
		stays = answer(client, text, -1);
	}
	if (!stays)
		hang_up(c, client);
}

void control_serve(struct control *c)
{
	struct epoll_event events[CONTROL_CLIENTS + 2];
	int n = epoll_wait(c->ready_fd, events, CONTROL_CLIENTS + 2, 0);

	for (int i = 0; i < n; i++) {
		struct control_client *client = client_of(c, events[i].data.fd);

		if (client)
			hear(c, client);
		for (size_t f = 0; f < CONTROL_FEEDS; f++)
			if (events[i].data.fd == feed_fd(c->feeds[f].feed) && !c->feeds[f].listener)
				feed_empty(c->feeds[f].feed);
	}
	/* last: a descriptor that was just closed is not taken for a new one */
	greet(c);
}

/* ---- the socket ---- */

static int check_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[sizeof(((struct control *)NULL)->path)];
	struct stat st;

	if (!slash || slash == path)
		return -EINVAL;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	if (mkdir(folder, 0700) && errno != EEXIST)
		return -errno;
	if (lstat(folder, &st))
		return -errno;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022) ? 0 : -EPERM;
}

/* A socket whose listener has gone is in the way. */
static int remove_stale(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = -EADDRINUSE;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) && errno == ECONNREFUSED)
		error = unlink(at->sun_path) ? -errno : 0;
	close(fd);
	return error;
}

static int listen_at(struct control *c)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const struct sockaddr *address = (const struct sockaddr *)&at;
	int error = 0;

	memcpy(at.sun_path, c->path, sizeof(at.sun_path));
	c->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->listener < 0)
		return -errno;
	/* until listen() nobody can connect, so nobody can before the mode is right */
	if (bind(c->listener, address, sizeof(at))) {
		error = errno == EADDRINUSE ? remove_stale(&at) : -errno;
		if (!error && bind(c->listener, address, sizeof(at)))
			error = -errno;
	}
	if (error) {
		c->path[0] = '\0'; /* not ours to remove */
		return error;
	}
	return chmod(c->path, 0600) || listen(c->listener, CONTROL_CLIENTS) ? -errno : 0;
}

int control_open(struct control *c, const char *path, struct feed *const feeds[CONTROL_FEEDS],
		 const char *keylog_file)
{
	int error;

	memset(c, 0, sizeof(*c));
	c->ready_fd = c->listener = -1;
	for (size_t i = 0; i < CONTROL_FEEDS; i++)
		c->feeds[i].feed = feeds[i];
	c->keylog_file = keylog_file;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		c->clients[i].fd = -1;
	if (strlen(path) >= sizeof(c->path))
		return -ENAMETOOLONG;
	error = check_folder(path);
	if (error)
		return error;
	strcpy(c->path, path);
	error = listen_at(c);
	if (!error) {
		c->ready_fd = epoll_create1(EPOLL_CLOEXEC);
		error = c->ready_fd < 0 ? -errno : watch(c, c->listener);
	}
	for (size_t i = 0; !error && i < CONTROL_FEEDS; i++)
		error = watch(c, feed_fd(feeds[i]));
	if (error)
		control_close(c);
	return error;
}

void control_tell(struct control *c,
		  bool (*credential)(const void *of, size_t n, char *out, size_t size),
		  const void *of)
{
	c->credential = credential;
	c->of = of;
}

void control_forget(struct control *c)
{
	for (size_t i = 0; c->ready_fd >= 0 && i < CONTROL_CLIENTS; i++)
		if (c->clients[i].fd >= 0)
			close(c->clients[i].fd);
	if (c->listener >= 0)
		close(c->listener);
	if (c->ready_fd >= 0)
		close(c->ready_fd);
	c->listener = c->ready_fd = -1;
}

void control_close(struct control *c)
{
	for (size_t i = 0; i < CONTROL_FEEDS; i++)
		if (c->feeds[i].listener)
			stop(c, i);
	control_forget(c);
	if (c->path[0] && unlink(c->path))
		log_write(LOG_NOTICE, NULL, "%s: %m", c->path);
	c->path[0] = '\0';
}
