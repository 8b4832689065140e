// SPDX-License-Identifier: MIT
/*
 * options.c - struct tlsock_options, and from it to the socket options of <linux/tlsock.h>
 *
 * The kernel judges the values; only what could not be handed to it is refused here.
 * ProtocolNameList is that of RFC 7301 section 3.1. Must never change a value on its way.
 */
#include "internal.h"

#include <errno.h>
#include <stdint.h>

#ifndef TCP_ULP
#define TCP_ULP 31
#endif

#define ALPN_MAX 255

/* Of the first version of the struct, which no later one may fall below. */
#define OPTIONS_SIZE_MIN (offsetof(struct tlsock_options, error_size) + sizeof(size_t))

int options_take(const struct tlsock_options *from, struct tlsock_options *to)
{
	const unsigned char *bytes = (const unsigned char *)from;

	tlsock_options_init(to);
	if (!from)
		return 0;
	if (from->size < OPTIONS_SIZE_MIN || from->size > 4096)
		return -EINVAL;
	for (size_t i = sizeof(*to); i < from->size; i++)
		if (bytes[i])
			return -E2BIG;
	memcpy(to, from, from->size < sizeof(*to) ? from->size : sizeof(*to));
	if (!to->error_size)
		to->error = NULL;
	return 0;
}

static int set_bytes(int fd, int option, const void *value, size_t len)
{
	/* longer than anything the kernel takes; keep socklen_t out of it */
	if (len > 4096)
		return -EINVAL;
	return setsockopt(fd, SOL_TLS, option, value, (socklen_t)len) ? -errno : 0;
}

static int set_name(int fd, int option, const char *name)
{
	return name ? set_bytes(fd, option, name, strlen(name)) : 0;
}

static int set_int(int fd, int option, int value, int unset)
{
	return value != unset ? set_bytes(fd, option, &value, sizeof(value)) : 0;
}

/* "h2,http/1.1" to (length, name)* */
static int set_alpn(int fd, const char *list)
{
	uint8_t wire[ALPN_MAX];
	size_t at = 0, len;

	if (!list)
		return 0;
	for (;; list += len + 1) {
		len = strcspn(list, ",");
		if (!len || at + 1 + len > sizeof(wire))
			return -EINVAL;
		wire[at++] = (uint8_t)len;
		memcpy(wire + at, list, len);
		at += len;
		if (!list[len])
			return set_bytes(fd, TLSOCK_ALPN, wire, at);
	}
}

static int set_ulp(int fd)
{
	if (!setsockopt(fd, IPPROTO_TCP, TCP_ULP, TLSOCK_ULP_NAME, strlen(TLSOCK_ULP_NAME)))
		return 0;
	/* ENOENT of the kernel: there is no such ULP */
	return errno == ENOENT ? -EPROTONOSUPPORT : -errno;
}

int options_apply(int fd, const struct tlsock_options *o)
{
	int error = set_ulp(fd);

	if (!error)
		error = set_name(fd, TLSOCK_SERVER_NAME, o->server_name);
	if (!error)
		error = set_name(fd, TLSOCK_CREDENTIAL, o->credential);
	if (!error)
		error = set_name(fd, TLSOCK_TRUST, o->trust);
	if (!error)
		error = set_name(fd, TLSOCK_PROFILE, o->profile);
	if (!error)
		error = set_alpn(fd, o->alpn);
	if (!error)
		error = set_int(fd, TLSOCK_VERIFY, o->verify, -1);
	if (!error)
		error = set_int(fd, TLSOCK_EOF, o->eof, -1);
	if (!error)
		error = set_int(fd, TLSOCK_TIMEOUT_MS, o->timeout_ms, 0);
	return error;
}

TLSOCK_EXPORT int tlsock_attach(int fd, const struct tlsock_options *options)
{
	struct tlsock_options o;
	int error = options_take(options, &o);

	if (error)
		return error;
	error = options_apply(fd, &o);
	return error ? report(&o, error, NULL) : 0;
}

TLSOCK_EXPORT int tlsock_start(int fd, enum tlsock_role role)
{
	int value = (int)role;

	return set_bytes(fd, TLSOCK_START, &value, sizeof(value));
}

TLSOCK_EXPORT int tlsock_key_update(int fd)
{
	int value = 0;

	return set_bytes(fd, TLSOCK_KEY_UPDATE, &value, sizeof(value));
}
