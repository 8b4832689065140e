// SPDX-License-Identifier: MIT
/*
 * preload.c - the calls of libc that `tlsock exec` takes the place of
 *
 * connect() and listen() set a TCP socket up as libtlsock would and go on; TLS is then the
 * kernel's. accept() has work to do only for a listener that somebody else made (systemd, inetd):
 * there the connection is set up. What the kernel does not let through (fast open) fails, as does
 * everything when the settings are wrong. UDP, unix sockets and other protocols pass untouched.
 */
#include "preload.h"

#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* The next definition of a name: libc's, or that of another library loaded the same way. */
#define NEXT(name)                                                          \
	({                                                                  \
		static __typeof__(&name) next_;                             \
		if (!next_)                                                 \
			next_ = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
		next_;                                                      \
	})

static int option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) ? -1 : value;
}

/* MPTCP would carry the bytes too, and cannot be set up: it fails rather than passing. */
static bool is_tcp(int fd)
{
	int domain, protocol;

	if (option(fd, SO_TYPE) != SOCK_STREAM)
		return false;
	domain = option(fd, SO_DOMAIN);
	protocol = option(fd, SO_PROTOCOL);
	return (domain == AF_INET || domain == AF_INET6) &&
	       (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
}

static bool is_attached(int fd)
{
	struct tlsock_info info;

	return !tlsock_get_info(fd, &info, sizeof(info));
}

static unsigned int port_of(const struct sockaddr *address, socklen_t len)
{
	struct sockaddr_in in;

	/* The port lies at the same place in both families. */
	if (len < sizeof(in))
		return 0;
	memcpy(&in, address, sizeof(in));
	return ntohs(in.sin_port);
}

static unsigned int own_port(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len))
		return 0;
	return port_of((const struct sockaddr *)&address, len);
}

/* One line on standard error, past stdio: the program may be in the middle of a line of its own. */
static void tell(const char *call, const char *name, int error, const struct tlsock_error *e)
{
	char line[768];
	int n = snprintf(line, sizeof(line), "tlsock exec: %s%s%s: %s\n", call, name ? " to " : "",
			 name ? name : "",
			 e && e->error && e->text[0] ? e->text : tlsock_strerror(error));

	for (int i = 0; i + 1 < n && i < (int)sizeof(line); i++)
		if ((unsigned char)line[i] < ' ' || (unsigned char)line[i] >= 0x7f)
			line[i] = '?';
	if (n > 0 &&
	    write(STDERR_FILENO, line, n < (int)sizeof(line) ? (size_t)n : sizeof(line)) < 0)
		return;
}

/* 0, or -1 with errno set: the call must not go on. */
static int set_up(int fd, const struct preload *s, const char *call, const char *name)
{
	struct tlsock_options o = s->options;
	struct tlsock_error e = { 0 };
	int error = -EINVAL;

	if (name)
		o.server_name = name;
	o.error = &e;
	if (!s->broken)
		error = tlsock_attach(fd, &o);
	if (!error)
		return 0;
	tell(call, name, error, &e);
	errno = -error;
	return -1;
}

EXPORT int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t len)
{
	const struct preload *s = preload_settings();
	const struct sockaddr *address = to.__sockaddr__;
	char name[TLSOCK_NAME_MAX + 1];
	struct tlsock_error e;
	int rc, error;

	if (!s->client || !address || len < sizeof(sa_family_t) ||
	    address->sa_family == AF_UNSPEC || !is_tcp(fd) ||
	    !preload_port(s, port_of(address, len)) || is_attached(fd))
		return NEXT(connect)(fd, to, len);
	if (s->options.server_name)
		strncpy(name, s->options.server_name, sizeof(name) - 1)[sizeof(name) - 1] = '\0';
	else if (!names_recall(address, len, name, sizeof(name)))
		return NEXT(connect)(fd, to, len); /* no address: it cannot succeed */
	if (set_up(fd, s, "connect", name))
		return -1;
	rc = NEXT(connect)(fd, to, len);
	error = errno;
	if (rc && !tlsock_get_error(fd, &e, sizeof(e)) && e.error)
		tell("connect", name, -error, &e);
	errno = error;
	return rc;
}

EXPORT int listen(int fd, int backlog)
{
	const struct preload *s = preload_settings();

	if (s->server && is_tcp(fd) && preload_port(s, own_port(fd)) && !is_attached(fd) &&
	    set_up(fd, s, "listen", NULL))
		return -1;
	return NEXT(listen)(fd, backlog);
}

/* The connection of a listener that was there before the program: it becomes TLS now. */
static int accepted(int fd)
{
	const struct preload *s = preload_settings();
	int error;

	if (fd < 0 || !s->server || !is_tcp(fd) || !preload_port(s, own_port(fd)) ||
	    is_attached(fd))
		return fd;
	if (set_up(fd, s, "accept", NULL))
		goto close;
	error = tlsock_start(fd, TLSOCK_ROLE_SERVER);
	if (!error)
		return fd;
	tell("accept", NULL, error, NULL);
close:
	close(fd);
	errno = ECONNABORTED;
	return -1;
}

EXPORT int accept(int fd, __SOCKADDR_ARG address, socklen_t *len)
{
	return accepted(NEXT(accept)(fd, address, len));
}

EXPORT int accept4(int fd, __SOCKADDR_ARG address, socklen_t *len, int flags)
{
	return accepted(NEXT(accept4)(fd, address, len, flags));
}

/* A connection that begins by sending has no moment for the set-up. */
static bool opens_fast(int fd, int flags)
{
	return flags & MSG_FASTOPEN && preload_settings()->client && is_tcp(fd);
}

EXPORT ssize_t sendto(int fd, const void *data, size_t n, int flags, __CONST_SOCKADDR_ARG address,
		      socklen_t len)
{
	if (opens_fast(fd, flags)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return NEXT(sendto)(fd, data, n, flags, address, len);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	if (opens_fast(fd, flags)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return NEXT(sendmsg)(fd, message, flags);
}

EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	if (opens_fast(fd, flags)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return NEXT(sendmmsg)(fd, messages, count, flags);
}

EXPORT int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list)
{
	int rc = NEXT(getaddrinfo)(host, service, hints, list);

	if (!rc && preload_settings()->client)
		names_remember(host, *list);
	return rc;
}
