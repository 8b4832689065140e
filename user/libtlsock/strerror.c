// SPDX-License-Identifier: MIT
/*
 * strerror.c - what went wrong, in words
 *
 * The kernel's own sentence (TLSOCK_ERROR) is always the better one; these are for when there
 * is none. Must never give a text that would be wrong for the plain TCP errors.
 */
#include "internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

TLSOCK_EXPORT const char *tlsock_strerror(int error)
{
	const char *text;

	if (error < 0 && error > INT_MIN)
		error = -error;
	switch (error) {
	case 0:
		return "no error";
	case EKEYREJECTED:
		return "the peer's certificate was rejected";
	case ENOKEY:
		return "the daemon has no such credential, trust store or profile";
	case EPERM:
		return "the policy does not allow it, for this user or with this peer";
	case EPROTO:
		return "the connection was ended by an alert, or broke the TLS protocol";
	case EBADMSG:
		return "a record did not authenticate";
	case EUNATCH:
		return "no handshake daemon (tlsockd) is running";
	case EKEYEXPIRED:
		return "the key may protect no more records";
	case EDESTADDRREQ:
		return "a client that verifies its peer needs a server name";
	case ENOBUFS:
		return "too many handshakes are in flight";
	case EPROTONOSUPPORT:
		return "the kernel module tlsock is not loaded";
	case ENOPROTOOPT:
		return "not a tlsock socket, or no such option";
	case ENXIO:
		return "no such host or service";
	}
	text = strerrordesc_np(error);
	return text ? text : "unknown error";
}

static void tell(const struct tlsock_options *o, const struct tlsock_error *e)
{
	size_t size = o->error_size < sizeof(*e) ? o->error_size : sizeof(*e);

	memset(o->error, 0, o->error_size);
	memcpy(o->error, e, size);
}

int report(const struct tlsock_options *o, int error, const char *text)
{
	struct tlsock_error e = {
		.size = sizeof(e),
		.error = -error,
		.alert_sent = TLSOCK_ALERT_NONE,
		.alert_received = TLSOCK_ALERT_NONE,
	};

	if (!o->error)
		return error;
	snprintf(e.text, sizeof(e.text), "%s", text ? text : tlsock_strerror(error));
	tell(o, &e);
	return error;
}

int report_socket(const struct tlsock_options *o, int error, int fd)
{
	struct tlsock_error e;

	if (o->error && !tlsock_get_error(fd, &e, sizeof(e)) && e.error)
		tell(o, &e);
	else
		report(o, error, NULL);
	return error;
}
