// SPDX-License-Identifier: MIT
/*
 * connect.c - tlsock_connect() and tlsock_listen(): from a name to a socket
 *
 * The server name is the host without what belongs to the lookup alone: a zone index, and the
 * dot at the end of an absolute name (RFC 6066 section 3). Must never go on to another address
 * after a handshake failed: an attacker could choose the one that serves him.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static int lookup_error(int code)
{
	switch (code) {
	case EAI_SYSTEM:
		return errno ? -errno : -EIO;
	case EAI_AGAIN:
		return -EAGAIN;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_FAMILY:
	case EAI_BADFLAGS:
	case EAI_SOCKTYPE:
		return -EINVAL;
	default:
		return -ENXIO;
	}
}

int lookup(const char *host, const char *service, const struct tlsock_options *o, bool passive,
	   struct addrinfo **list)
{
	struct addrinfo hints = {
		.ai_family = o->family,
		.ai_socktype = SOCK_STREAM,
		.ai_protocol = IPPROTO_TCP,
		.ai_flags = passive ? AI_PASSIVE : 0,
	};
	char text[sizeof(((struct tlsock_error *)0)->text)];
	int code, error;

	if (!service || !service[0] || (!host && !passive) || (host && !host[0]))
		return report(o, -EINVAL, "a host and a port are needed");
	code = getaddrinfo(host, service, &hints, list);
	if (!code)
		return 0;
	error = lookup_error(code);
	snprintf(text, sizeof(text), "%s, port %s: %s", host ? host : "*", service,
		 code == EAI_SYSTEM ? tlsock_strerror(error) : gai_strerror(code));
	return report(o, error, text);
}

static int server_name_of(const char *host, char *name, size_t size)
{
	size_t len = strcspn(host, "%");

	if (len > 1 && host[len - 1] == '.')
		len--;
	if (!len || len >= size)
		return -EINVAL;
	memcpy(name, host, len);
	name[len] = '\0';
	return 0;
}

/* Did TLS say no, and not TCP? */
static bool handshake_failed(int fd)
{
	struct tlsock_error e;

	return !tlsock_get_error(fd, &e, sizeof(e)) && e.error;
}

/* fd or negative errno; *final: no other address is to be tried */
static int connect_one(const struct addrinfo *ai, const struct tlsock_options *o, bool *final)
{
	int fd, error;

	*final = false;
	fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
	if (fd < 0)
		return report(o, -errno, NULL);
	error = options_apply(fd, o);
	if (error) {
		*final = true;
		report(o, error, NULL);
		goto out;
	}
	if (!connect(fd, ai->ai_addr, ai->ai_addrlen))
		return fd;
	error = -errno;
	*final = error == -EINTR || handshake_failed(fd);
	report_socket(o, error, fd);
out:
	close(fd);
	return error;
}

TLSOCK_EXPORT int tlsock_connect(const char *host, const char *service,
				 const struct tlsock_options *options)
{
	char name[TLSOCK_NAME_MAX + 1];
	struct addrinfo *list = NULL;
	struct tlsock_options o;
	bool final = false;
	int rc = options_take(options, &o);

	if (rc)
		return rc;
	rc = lookup(host, service, &o, false, &list);
	if (rc)
		return rc;
	if (!o.server_name) {
		rc = server_name_of(host, name, sizeof(name));
		if (rc) {
			report(&o, rc, "the host cannot be a server name");
			goto out;
		}
		o.server_name = name;
	}
	rc = -ENXIO;
	for (const struct addrinfo *ai = list; ai && !final; ai = ai->ai_next) {
		rc = connect_one(ai, &o, &final);
		if (rc >= 0)
			break;
	}
out:
	freeaddrinfo(list);
	return rc;
}

static int listen_one(const struct addrinfo *ai, const struct tlsock_options *o, bool dual)
{
	int on = 1, off = 0, fd, error;

	fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
	if (fd < 0)
		return report(o, -errno, NULL);
	/* a port in TIME_WAIT may be bound again */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    (dual && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off))))
		error = -errno;
	else
		error = options_apply(fd, o);
	if (!error && (bind(fd, ai->ai_addr, ai->ai_addrlen) ||
		       listen(fd, o->backlog ? o->backlog : SOMAXCONN)))
		error = -errno;
	if (!error)
		return fd;
	report(o, error, NULL);
	close(fd);
	return error;
}

/* Without a host, one IPv6 socket serves both families, where the system has IPv6. */
static int listen_any(const struct addrinfo *list, const struct tlsock_options *o)
{
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		int fd;

		if (ai->ai_family != AF_INET6)
			continue;
		fd = listen_one(ai, o, o->family != AF_INET6);
		if (fd != -EAFNOSUPPORT && fd != -EADDRNOTAVAIL)
			return fd;
	}
	return -EAFNOSUPPORT;
}

TLSOCK_EXPORT int tlsock_listen(const char *host, const char *service,
				const struct tlsock_options *options)
{
	struct addrinfo *list = NULL;
	struct tlsock_options o;
	int rc = options_take(options, &o);

	if (rc)
		return rc;
	rc = lookup(host, service, &o, true, &list);
	if (rc)
		return rc;
	rc = host ? -EAFNOSUPPORT : listen_any(list, &o);
	for (const struct addrinfo *ai = list; ai && rc == -EAFNOSUPPORT; ai = ai->ai_next)
		rc = listen_one(ai, &o, false);
	freeaddrinfo(list);
	return rc;
}
