// SPDX-License-Identifier: MIT
/*
 * control.c - the tool's end of the daemon's control socket
 *
 * Asks the daemon of this network namespace, as <daemon/control_words.h> says. Root's alone; it must
 * never be waited for where there is no daemon.
 */
#include "cli.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/control_words.h"

#define ANSWER_S 10

int control_connect(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const struct timeval limit = { .tv_sec = ANSWER_S };
	int fd;

	if (control_path(at.sun_path, sizeof(at.sun_path)))
		return -ENOENT;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) &&
	    !connect(fd, (const struct sockaddr *)&at, sizeof(at)))
		return fd;
	if (fd >= 0)
		close(fd);
	return -errno;
}

/* What came with it, or -1; what is no descriptor of ours to keep is not there. */
static int descriptor_of(struct msghdr *message)
{
	const struct cmsghdr *head = CMSG_FIRSTHDR(message);
	int fd = -1;

	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

int control_ask(int fd, const char *question, char *text, size_t size, int *passed)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} space = { 0 };
	struct iovec iov = { .iov_base = text, .iov_len = size - 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (passed) {
		message.msg_control = space.bytes;
		message.msg_controllen = sizeof(space.bytes);
	}
	n = send(fd, question, strlen(question), MSG_NOSIGNAL);
	if (n >= 0)
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
		n = 0;
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (passed)
		*passed = descriptor_of(&message);
	return n ? 0 : -EPERM; /* hung up: who asks is not one that may */
}

int control_listen(const char *question, const char *command, int *feed, int *status)
{
	char text[CONTROL_TEXT];
	int fd = control_connect(), rc;

	*status = EX_UNAVAILABLE;
	if (fd == -EACCES) {
		complain("%s is for root", command);
		*status = EX_NOPERM;
		return -1;
	}
	if (fd < 0) {
		complain("no daemon of this network namespace answers: %s", tlsock_strerror(fd));
		return -1;
	}
	rc = control_ask(fd, question, text, sizeof(text), feed);
	if (!rc && *feed >= 0)
		return fd;
	complain("%s: the daemon refuses: %s", command, rc ? tlsock_strerror(rc) : text);
	if (rc == -EPERM)
		*status = EX_NOPERM;
	close(fd);
	return -1;
}

void control_tell_lost(int fd, int line)
{
	char text[CONTROL_TEXT], *at = text;
	const char *lost;

	if (control_ask(fd, CONTROL_STATUS, text, sizeof(text), NULL))
		return;
	if (line)
		at = strchr(text, '\n');
	else
		text[strcspn(text, "\n")] = '\0';
	lost = at ? strstr(at, " lost ") : NULL;
	if (lost && strcmp(lost, " lost 0"))
		complain("%s were lost: they came faster than they were read",
			 lost + strlen(" lost "));
}
