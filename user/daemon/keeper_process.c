// SPDX-License-Identifier: MIT
/*
 * keeper_process.c - the process that has the keys in tokens; see keeper.h
 *
 * It answers one request after the other: a token does, too. Requests are a worker's word and are checked
 * as a peer's would be. Must never write to the log, which is closed here: answers carry reasons.
 */
#include "keeper_wire.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter.h"
#include "privilege.h"
#include "token.h"

#define KEYS_MAX 4096U
#define SOCKETS_MAX 4096U

struct process {
	struct evp_pkey_st *keys[KEYS_MAX];
	size_t key_count;
	struct pollfd sockets[SOCKETS_MAX]; /* the door first; closed ones are -1 */
	size_t socket_count;
	int loader;
	struct keeper_answer out;
	union {
		struct keeper_request request;
		uint8_t bytes[sizeof(struct keeper_request) + KEEPER_BYTES_MAX];
	} in;
};

static size_t say(struct keeper_answer *out, int error, const char *reason)
{
	size_t len = strnlen(reason, TOKEN_REASON_SIZE - 1);

	out->error = error;
	memcpy(out->bytes, reason, len);
	return len;
}

static size_t load(struct process *p, size_t len)
{
	char reason[TOKEN_REASON_SIZE] = "out of memory", *text = (char *)p->in.request.bytes;
	const char *pin;
	size_t uri_len = strnlen(text, len);
	bool asked = false;
	int error;

	/* a string or two, and nothing else */
	if (uri_len == len || text[len - 1] || p->key_count == KEYS_MAX)
		return say(&p->out, -EINVAL, "malformed, or too many keys");
	pin = uri_len + 1 < len ? text + uri_len + 1 : NULL;
	error = token_load(text, pin, &asked, &p->keys[p->key_count], reason);
	explicit_bzero(text, len);
	p->out.asked = asked;
	if (error)
		return say(&p->out, error, reason);
	p->key_count++;
	return 0;
}

/* Returns how many bytes of the answer there are. */
static size_t answer(struct process *p, int from, size_t len)
{
	const struct keeper_request *in = &p->in.request;
	char reason[TOKEN_REASON_SIZE] = "the token does not decrypt";
	size_t out_len = in->room;
	int error;

	if (in->operation == KEEPER_LOAD && from == p->loader)
		return load(p, len);
	if (in->key >= p->key_count || in->room > KEEPER_ANSWER_MAX)
		return say(&p->out, -EINVAL, "there is no such key");
	if (in->operation == KEEPER_SIGN) {
		error = token_sign(p->keys[in->key], in->scheme, in->bytes, len, p->out.bytes,
				   &out_len, reason);
	} else if (in->operation == KEEPER_DECRYPT && len == in->room) {
		error = token_decrypt_raw(p->keys[in->key], in->bytes, len, p->out.bytes);
	} else {
		return say(&p->out, -EINVAL, "there is no such operation");
	}
	return error ? say(&p->out, error, reason) : out_len;
}

/* A request and its answer; false: the socket is of no use any more. */
static bool serve(struct process *p, int fd)
{
	ssize_t n = recv(fd, &p->in, sizeof(p->in), MSG_TRUNC | MSG_DONTWAIT);
	size_t len;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if ((size_t)n < sizeof(p->in.request) || (size_t)n > sizeof(p->in))
		return false;
	memset(&p->out, 0, sizeof(p->out));
	p->out.number = p->in.request.number;
	len = answer(p, fd, (size_t)n - sizeof(p->in.request));
	n = send(fd, &p->out, KEEPER_ANSWER_HEADER + len, MSG_NOSIGNAL | MSG_DONTWAIT);
	explicit_bzero(&p->out, sizeof(p->out)); /* a pre-master secret, perhaps */
	return n >= 0;
}

static void add_socket(struct process *p, int fd)
{
	size_t i = 1;

	while (i < p->socket_count && p->sockets[i].fd >= 0)
		i++;
	if (i == SOCKETS_MAX) {
		close(fd);
		return;
	}
	p->sockets[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	if (i == p->socket_count)
		p->socket_count++;
}

/* A worker with a socket of its own. False: nobody will come any more. */
static bool open_door(struct process *p)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(p->sockets[0].fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	const struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	int fd;

	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(int))) {
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
		add_socket(p, fd);
	}
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void look_at(struct process *p, size_t i)
{
	struct pollfd *at = &p->sockets[i];

	if (at->fd < 0 || !at->revents || (i ? serve(p, at->fd) : open_door(p)))
		return;
	if (at->fd == p->loader)
		p->loader = -1; /* another one may get its number */
	close(at->fd);
	at->fd = -1;
}

static bool anybody(const struct process *p)
{
	for (size_t i = 0; i < p->socket_count; i++)
		if (p->sockets[i].fd >= 0)
			return true;
	return false;
}

/* What a fork leaves open keeps other processes waiting for its end. */
static void close_others(int a, int b)
{
	unsigned int low = (unsigned int)(a < b ? a : b), high = (unsigned int)(a < b ? b : a);

	if (low > 3)
		close_range(3, low - 1, 0);
	if (high > low + 1)
		close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0U, 0);
}

static int set_up(const struct keeper_settings *s, int door, int loader, char *reason)
{
	sigset_t set;
	int error;

	close_others(door, loader);
	if (chdir("/")) /* where a URI may be taken for the name of a file */
		return -errno;
	sigemptyset(
		&set); /* of the terminal, or of all of the unit; it ends when it is not needed */
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_SETMASK, &set, NULL);
	error = privilege_keeper(s->change, s->uid, s->gid);
	if (!error)
		error = filter_supervisor();
	if (error) {
		strcpy(reason, "cannot become a user with less rights");
		return error;
	}
	return token_init(s->provider, s->module, reason);
}

void keeper_run(const struct keeper_settings *settings, int door, int loader)
{
	char reason[TOKEN_REASON_SIZE] = "";
	struct process *p = calloc(1, sizeof(*p));
	size_t len = 0;
	int error = p ? set_up(settings, door, loader, reason) : -ENOMEM;

	if (!p)
		_exit(EXIT_FAILURE);
	p->loader = loader;
	p->sockets[0] = (struct pollfd){ .fd = door, .events = POLLIN };
	p->socket_count = 1;
	add_socket(p, loader);
	if (error)
		len = say(&p->out, error, reason);
	if (send(loader, &p->out, KEEPER_ANSWER_HEADER + len, MSG_NOSIGNAL) < 0 || error)
		_exit(EXIT_FAILURE);
	while (anybody(p)) {
		if (poll(p->sockets, p->socket_count, -1) < 0 && errno != EINTR)
			break;
		for (size_t i = p->socket_count; i-- > 0;)
			look_at(p, i);
	}
	for (size_t i = 0; i < p->key_count; i++)
		token_free(p->keys[i]);
	_exit(EXIT_SUCCESS); /* what the supervisor has to do at its end is not ours */
}
