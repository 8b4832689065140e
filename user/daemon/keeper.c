// SPDX-License-Identifier: MIT
/*
 * keeper.c - see keeper.h; this is the side of those who ask
 *
 * A worker waits while a token works, but not for ever: after ANSWER_MS the operation has failed, and
 * until that answer has come all others fail at once.
 */
#include "keeper_wire.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "handshake/crypto.h"

#define LOAD_MS 20000 /* of a provider or a key: a token may have to be woken */
#define ANSWER_MS 5000

struct key {
	struct key *next;
	struct keeper *keeper;
	uint32_t index;
};

struct keeper {
	pid_t pid;
	int door; /* -1: closed */
	int socket; /* -1: none */
	uint32_t number; /* of the last request */
	bool behind; /* its answer has not come in time */
	uint32_t key_count;
	struct key *keys;
	struct keeper_answer answer;
	char reason[KEEPER_REASON_SIZE];
};

/* Of a URI and its PIN that have failed together. */
static uint8_t refused[HASH_MAX];
static bool has_refused;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int fail(struct keeper *k, int error, const char *reason)
{
	snprintf(k->reason, sizeof(k->reason), "%s", reason);
	return error;
}

/* ---- requests ---- */

/* The answer to the last request: its length, or a negative errno. Older ones are passed over. */
static int await(struct keeper *k, int64_t until)
{
	struct pollfd fd = { .fd = k->socket, .events = POLLIN };

	for (;;) {
		int64_t left = until - now_ms();
		int n = poll(&fd, 1, left > 0 ? (int)left : 0);
		ssize_t len;

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -ETIMEDOUT;
		if (n < 0)
			continue;
		len = recv(k->socket, &k->answer, sizeof(k->answer), MSG_DONTWAIT);
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (len < (ssize_t)KEEPER_ANSWER_HEADER)
			return -EPIPE;
		if (k->answer.number == k->number)
			return (int)((size_t)len - KEEPER_ANSWER_HEADER);
	}
}

/* As await(), but what the keeper refuses is an error too, with its words. */
static int hear(struct keeper *k, int wait_ms)
{
	int len = await(k, now_ms() + wait_ms);

	k->behind = len == -ETIMEDOUT;
	if (len == -ETIMEDOUT)
		return fail(k, len, "the token does not answer in time");
	if (len < 0)
		return fail(k, -EPIPE, "the process that has its keys has ended");
	if (!k->answer.error)
		return len;
	snprintf(k->reason, sizeof(k->reason), "%.*s", len, (const char *)k->answer.bytes);
	return k->answer.error < 0 ? k->answer.error : -EIO;
}

static int ask(struct keeper *k, struct keeper_request *request, const void *bytes, size_t len,
	       int wait_ms)
{
	struct iovec parts[] = { { request, sizeof(*request) }, { (void *)(uintptr_t)bytes, len } };
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	if (k->socket < 0)
		return fail(k, -EPIPE, "there is no way to the process that has its keys");
	if (len > KEEPER_BYTES_MAX)
		return fail(k, -EMSGSIZE, "too many bytes to sign");
	if (k->behind && await(k, 0) == -ETIMEDOUT)
		return fail(k, -ETIMEDOUT, "the token has not answered yet");
	k->behind = false;
	request->number = ++k->number;
	if (sendmsg(k->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return fail(k, -errno,
			    errno == EPIPE || errno == ECONNRESET ?
				    "the process that has its keys has ended" :
				    "the process that has its keys takes no request");
	return hear(k, wait_ms);
}

static int operate(const struct key *key, enum keeper_operation operation, uint16_t scheme,
		   const uint8_t *bytes, size_t len, uint8_t *out, size_t *out_len)
{
	struct keeper *k = key->keeper;
	struct keeper_request request = {
		.operation = (uint16_t)operation,
		.scheme = scheme,
		.key = key->index,
		.room = (uint32_t)(*out_len < KEEPER_ANSWER_MAX ? *out_len : KEEPER_ANSWER_MAX),
	};
	int n = ask(k, &request, bytes, len, ANSWER_MS);

	if (n >= 0 && (size_t)n <= *out_len) {
		memcpy(out, k->answer.bytes, (size_t)n);
		*out_len = (size_t)n;
	} else if (n >= 0) {
		n = -EIO;
	}
	explicit_bzero(&k->answer, sizeof(k->answer));
	return n < 0 ? n : 0;
}

static int sign(void *ctx, uint16_t scheme, const uint8_t *bytes, size_t len, uint8_t *signature,
		size_t *signature_len)
{
	return operate(ctx, KEEPER_SIGN, scheme, bytes, len, signature, signature_len);
}

static int decrypt_raw(void *ctx, const uint8_t *bytes, size_t len, uint8_t *out)
{
	size_t out_len = len;
	int error = operate(ctx, KEEPER_DECRYPT, 0, bytes, len, out, &out_len);

	return !error && out_len != len ? -EIO : error;
}

/* ---- keys ---- */

void keeper_forget_refusal(void)
{
	has_refused = false;
}

const char *keeper_reason(const struct keeper *keeper)
{
	return keeper->reason;
}

static int load(struct keeper *k, const void *bytes, size_t len, uint8_t *hash)
{
	struct keeper_request request = { .operation = KEEPER_LOAD };
	int error;

	if (crypto_init() || crypto_digest(HASH_SHA256, bytes, len, hash))
		return fail(k, -ENOMEM, "out of memory");
	if (has_refused && !memcmp(hash, refused, sizeof(refused)))
		return fail(k, -EACCES,
			    "it has failed with this PIN, which is not tried again before a "
			    "SIGHUP, as tokens lock themselves after some tries");
	error = ask(k, &request, bytes, len, LOAD_MS);
	if (error >= 0)
		return 0;
	if (k->answer.asked) {
		memcpy(refused, hash, sizeof(refused));
		has_refused = true;
	}
	return error;
}

int keeper_load(struct keeper *k, const char *uri, const char *pin, struct hs_key_operations *out,
		char *reason)
{
	char text[TOKEN_URI_MAX + KEEPER_PIN_MAX + 32];
	uint8_t hash[HASH_MAX] = { 0 };
	size_t uri_len = strlen(uri) + 1, pin_len = pin ? strlen(pin) + 1 : 0;
	struct key *key = calloc(1, sizeof(*key));
	int error = -EINVAL;

	if (!key || uri_len + pin_len > sizeof(text)) {
		snprintf(reason, KEEPER_REASON_SIZE, "out of memory, or too long");
		goto out;
	}
	memcpy(text, uri, uri_len);
	if (pin)
		memcpy(text + uri_len, pin, pin_len);
	error = load(k, text, uri_len + pin_len, hash);
	explicit_bzero(text, sizeof(text));
	snprintf(reason, KEEPER_REASON_SIZE, "%s", error ? k->reason : "");
	if (error)
		goto out;
	*key = (struct key){ .next = k->keys, .keeper = k, .index = k->key_count++ };
	k->keys = key;
	*out = (struct hs_key_operations){ .sign = sign, .decrypt_raw = decrypt_raw, .ctx = key };
	key = NULL;
out:
	free(key);
	return error;
}

/* ---- the process ---- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

struct keeper *keeper_new(const struct keeper_settings *settings, char *reason)
{
	struct keeper *k = calloc(1, sizeof(*k));
	int door[2] = { -1, -1 }, loader[2] = { -1, -1 };

	snprintf(reason, KEEPER_REASON_SIZE, "no process for its keys");
	if (!k)
		return NULL;
	k->pid = -1;
	if (!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, door) &&
	    !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, loader))
		k->pid = fork();
	if (k->pid == 0) {
		close(door[0]);
		close(loader[0]);
		keeper_run(settings, door[1], loader[1]);
	}
	close_fd(&door[1]);
	close_fd(&loader[1]);
	k->door = door[0];
	k->socket = loader[0];
	if (k->pid < 0) {
		snprintf(reason, KEEPER_REASON_SIZE, "no process for its keys: %s",
			 strerror(errno));
	} else if (hear(k, LOAD_MS) >= 0) {
		return k;
	} else {
		snprintf(reason, KEEPER_REASON_SIZE, "%s", k->reason);
	}
	keeper_free(k, true);
	return NULL;
}

void keeper_seal(struct keeper *keeper)
{
	close_fd(&keeper->socket);
}

int keeper_join(struct keeper *k)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int pair[2], error = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &pair[1], sizeof(int));
	if (sendmsg(k->door, &message, MSG_NOSIGNAL) < 0)
		error = -errno;
	close(pair[1]);
	close_fd(&k->door);
	close_fd(&k->socket);
	k->behind = false;
	if (error)
		close(pair[0]);
	else
		k->socket = pair[0];
	return error;
}

pid_t keeper_pid(const struct keeper *keeper)
{
	return keeper->pid;
}

void keeper_free(struct keeper *k, bool end)
{
	if (!k)
		return;
	close_fd(&k->door);
	close_fd(&k->socket);
	if (end && k->pid > 0) {
		kill(k->pid, SIGKILL); /* it may hang in a token */
		while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	while (k->keys) {
		struct key *key = k->keys;

		k->keys = key->next;
		free(key);
	}
	explicit_bzero(k, sizeof(*k));
	free(k);
}
