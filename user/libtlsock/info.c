// SPDX-License-Identifier: MIT
/*
 * info.c - the getters, and waiting for the handshake's end
 *
 * Structs of the kernel grow at their end: what an older kernel does not fill in reads as zero.
 * Certificates (struct tlsock_cert) are walked with every length checked.
 */
#include "internal.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_AGAIN_MS 1000

static int get_bytes(int fd, int option, void *value, socklen_t *len)
{
	if (!getsockopt(fd, SOL_TLS, option, value, len))
		return 0;
	/* what plain TCP over IPv4 says to a level it does not know */
	return errno == EOPNOTSUPP ? -ENOPROTOOPT : -errno;
}

static int get_struct(int fd, int option, void *value, size_t size)
{
	socklen_t len = size < 4096 ? (socklen_t)size : 4096;

	memset(value, 0, size);
	return get_bytes(fd, option, value, &len);
}

TLSOCK_EXPORT int tlsock_get_info(int fd, struct tlsock_info *info, size_t size)
{
	return get_struct(fd, TLSOCK_INFO, info, size);
}

TLSOCK_EXPORT int tlsock_get_error(int fd, struct tlsock_error *error, size_t size)
{
	return get_struct(fd, TLSOCK_ERROR, error, size);
}

TLSOCK_EXPORT int tlsock_get_server_name(int fd, char *name, size_t size)
{
	socklen_t len = size < TLSOCK_NAME_MAX + 1 ? (socklen_t)size : TLSOCK_NAME_MAX + 1;
	int error = get_bytes(fd, TLSOCK_SERVER_NAME, name, &len);

	return error ? error : (int)strnlen(name, len);
}

TLSOCK_EXPORT int tlsock_get_channel_binding(int fd, unsigned char binding[32])
{
	socklen_t len = 32;

	return get_bytes(fd, TLSOCK_CHANNEL_BINDING, binding, &len);
}

/* The whole chain; it cannot change once it is there, but it may come between two calls. */
static int chain_of(int fd, unsigned char **chain, socklen_t *len)
{
	int error;

	*chain = NULL;
	*len = 0;
	do {
		unsigned char *grown = realloc(*chain, *len ? *len : 1);

		if (!grown) {
			error = -ENOMEM;
			break;
		}
		*chain = grown;
		error = get_bytes(fd, TLSOCK_PEER_CERT, *chain, len);
	} while (error == -ERANGE);
	if (error) {
		free(*chain);
		*chain = NULL;
	}
	return error;
}

TLSOCK_EXPORT int tlsock_get_peer_certificate(int fd, unsigned int index, unsigned char **der,
					      size_t *len)
{
	unsigned char *chain;
	socklen_t chain_len;
	size_t at = 0;
	uint32_t n;
	int error = chain_of(fd, &chain, &chain_len);

	if (error)
		return error;
	error = -ENODATA;
	while (chain_len - at >= sizeof(n)) {
		memcpy(&n, chain + at, sizeof(n));
		at += sizeof(n);
		if (n > chain_len - at)
			break;
		if (!index--) {
			memmove(chain, chain + at, n);
			*der = chain;
			*len = n;
			return 0;
		}
		at += (n + 3U) & ~3U;
		if (at > chain_len)
			break;
	}
	free(chain);
	return error;
}

/* ---- waiting ---- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int failure_of(int fd)
{
	struct tlsock_error e;
	int error = tlsock_get_error(fd, &e, sizeof(e));

	if (error)
		return error;
	return e.error ? -e.error : -ECONNABORTED;
}

/* TCP's own connect failed, or there was none: SO_ERROR tells, once. */
static int tcp_failure(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
		return -errno;
	return error ? -error : -ENOTCONN;
}

/* 0: done; the state as long as it is one that passes; or a negative errno */
static int progress_of(int fd)
{
	struct tlsock_info info;
	int error = tlsock_get_info(fd, &info, sizeof(info));

	if (error)
		return error;
	switch (info.state) {
	case TLSOCK_STATE_ESTABLISHED:
	case TLSOCK_STATE_MANUAL:
		return 0;
	case TLSOCK_STATE_CONNECTING:
	case TLSOCK_STATE_HANDSHAKE:
		return info.state;
	case TLSOCK_STATE_FAILED:
		return failure_of(fd);
	case TLSOCK_STATE_LISTEN:
		return -EINVAL;
	default:
		return tcp_failure(fd);
	}
}

TLSOCK_EXPORT int tlsock_wait(int fd, int timeout_ms)
{
	int64_t end = timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	int rc;

	while ((rc = progress_of(fd)) > 0) {
		int64_t left = end - now_ms();

		if (left <= 0)
			return -ETIMEDOUT;
		/* Another thread may fill the send buffer first, and then no event is left. */
		if (poll(&p, 1, left < LOOK_AGAIN_MS ? (int)left : LOOK_AGAIN_MS) < 0)
			return -errno;
		if (!(p.revents & (POLLERR | POLLHUP)))
			continue;
		if (progress_of(fd) == TLSOCK_STATE_CONNECTING)
			return tcp_failure(fd);
		/* TCP is gone, and the kernel's worker is about to say so in the state */
		if (progress_of(fd) > 0)
			poll(NULL, 0, 1);
	}
	return rc;
}
