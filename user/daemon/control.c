// SPDX-License-Identifier: MIT
/*
 * control.c - see control.h
 */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
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

static void state_text(const struct control *c, char *out, size_t size)
{
	struct keylog_counts counts = keylog_queue_counts(c->queue);
	char file[CONTROL_TEXT / 2] = "";

	if (c->keylog_file) {
		snprintf(file, sizeof(file), "file %s", c->keylog_file);
		log_make_printable(file);
	}
	if (c->reader)
		snprintf(out, size, "%s%spid %d lines %" PRIu64 " lost %" PRIu64, file,
			 file[0] ? "; " : "", c->reader->pid, counts.lines, counts.lost);
	else
		snprintf(out, size, "%s", file[0] ? file : "off");
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

static void stop_keylog(struct control *c)
{
	struct keylog_counts counts = keylog_queue_counts(c->queue);

	keylog_queue_stop(c->queue);
	if (watch(c, keylog_queue_fd(c->queue)))
		log_write(LOG_ERR, NULL, "key log: %m");
	log_write(LOG_WARNING, NULL,
		  "KEY LOG ENDS: process %d has got %" PRIu64 " lines, %" PRIu64 " were lost",
		  c->reader->pid, counts.lines, counts.lost);
	c->reader = NULL;
}

static bool start_keylog(struct control *c, struct control_client *client)
{
	char text[CONTROL_TEXT];

	if (c->reader) {
		snprintf(text, sizeof(text), "process %d has the key log", c->reader->pid);
		return answer(client, text, -1);
	}
	unwatch(c, keylog_queue_fd(c->queue));
	c->reader = client;
	keylog_queue_start(c->queue);
	log_write(LOG_WARNING, NULL,
		  "KEY LOG: the secrets of every connection from now on go to process %d of root; "
		  "whoever has them can read the connections",
		  client->pid);
	return answer(client, CONTROL_OK, keylog_queue_fd(c->queue));
}

/* ---- connections ---- */

static void hang_up(struct control *c, struct control_client *client)
{
	if (c->reader == client)
		stop_keylog(c);
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
	if (n > 0 && !strcmp(text, CONTROL_STATUS)) {
		state_text(c, text, sizeof(text));
		stays = answer(client, text, -1);
	} else if (n > 0 && !strcmp(text, CONTROL_KEYLOG)) {
		stays = start_keylog(c, client);
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
		else if (events[i].data.fd == keylog_queue_fd(c->queue) && !c->reader)
			keylog_queue_empty(c->queue);
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

int control_open(struct control *c, const char *path, struct keylog_queue *queue,
		 const char *keylog_file)
{
	int error;

	memset(c, 0, sizeof(*c));
	c->ready_fd = c->listener = -1;
	c->queue = queue;
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
	if (!error)
		error = watch(c, keylog_queue_fd(queue));
	if (error)
		control_close(c);
	return error;
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
	if (c->reader)
		stop_keylog(c);
	control_forget(c);
	if (c->path[0] && unlink(c->path))
		log_write(LOG_NOTICE, NULL, "%s: %m", c->path);
	c->path[0] = '\0';
}
