/* SPDX-License-Identifier: MIT */
/*
 * tlsock.h - the public header of libtlsock: TLS sockets in a few calls
 *
 * A thin layer over the socket options of <linux/tlsock.h>: name lookup, the ULP, the options,
 * and the words for what went wrong. A socket that comes from here is an ordinary TCP socket; it
 * is used with read(), write(), poll() and closed with close(). Everything here can be done with
 * setsockopt() alone. The library must never see a byte of the application's data, nor a key.
 *
 * Unless it says otherwise, a function returns 0 or more when it worked and a negative errno
 * when it did not; errno itself is not touched in a way that counts. The functions are safe to
 * call from any thread; none of them keeps state.
 */
#ifndef LIBTLSOCK_TLSOCK_H
#define LIBTLSOCK_TLSOCK_H

#include <linux/tlsock.h>
#include <stddef.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What a socket is set up with. Always begin with tlsock_options_init(), which fills in the
 * defaults; strings belong to the caller and need to live only as long as the call. The struct
 * grows at its end.
 */
struct tlsock_options {
	size_t size;
	const char *server_name; /* TLSOCK_SERVER_NAME; NULL: tlsock_connect() takes the host */
	const char *credential; /* TLSOCK_CREDENTIAL */
	const char *trust; /* TLSOCK_TRUST */
	const char *profile; /* TLSOCK_PROFILE */
	const char *alpn; /* TLSOCK_ALPN, as a list "h2,http/1.1" */
	int verify; /* enum tlsock_verify; -1: the role's default */
	int eof; /* enum tlsock_eof; -1: the default, strict */
	int timeout_ms; /* TLSOCK_TIMEOUT_MS, for the handshake; 0: the default */
	int family; /* AF_INET or AF_INET6; 0: either */
	int backlog; /* of listen(); 0: SOMAXCONN */
	/* Filled when a call fails, if it is not NULL: what went wrong, in words too */
	struct tlsock_error *error;
	size_t error_size; /* of the struct the caller knows */
};

static inline void tlsock_options_init(struct tlsock_options *options)
{
	memset(options, 0, sizeof(*options));
	options->size = sizeof(*options);
	options->verify = -1;
	options->eof = -1;
	options->error_size = sizeof(struct tlsock_error);
}

/**
 * tlsock_connect() - a connected socket whose peer is authenticated
 * @host: name or address, as for getaddrinfo()
 * @service: port or its name
 * @options: NULL for the defaults
 *
 * Tries the addresses of @host in their order until TCP connects to one; a handshake that
 * fails is not tried again elsewhere. Waits as long as TCP and the handshake take.
 *
 * Return: a file descriptor (close-on-exec, blocking), or
 *	-EINVAL		an option, @host or @service that cannot be
 *	-E2BIG		@options asks for what this library does not know
 *	-ENXIO		no such host or service
 *	-EAGAIN		the name server did not answer
 *	-EPROTONOSUPPORT  the module tlsock is not loaded
 *	-EKEYREJECTED	the peer's certificate was rejected
 *	-ENOKEY		the daemon has no such credential, trust store or profile
 *	-EPERM		the policy does not allow it, for this user or with this peer
 *	-EPROTO		an alert, or against the protocol
 *	-EBADMSG	a record did not authenticate
 *	-EUNATCH	no daemon is running
 *	-ETIMEDOUT	TCP, or the handshake, took too long
 *	-ECONNABORTED	the daemon went away in the middle
 *	-ENOBUFS	too many handshakes are in flight
 *	-ECONNREFUSED, -ENETUNREACH, -EINTR, and what else connect(2) and socket(2) tell
 */
int tlsock_connect(const char *host, const char *service, const struct tlsock_options *options);

/**
 * tlsock_listen() - a listening socket whose children speak TLS
 * @host: local name or address; NULL: every address, IPv6 and IPv4
 * @service: port or its name; "0" takes a free one
 * @options: NULL for the defaults; without a credential the daemon chooses one by the name that
 *	the client asks for, among those that this user may use
 *
 * The connections that accept() returns make their handshake by themselves; the first read or
 * write waits for it, or tlsock_wait().
 *
 * Return: a file descriptor (close-on-exec, blocking), or
 *	-EINVAL		an option, @host or @service that cannot be
 *	-E2BIG, -ENXIO, -EAGAIN, -EPROTONOSUPPORT  as tlsock_connect()
 *	-EADDRINUSE, -EACCES, and what else bind(2), listen(2) and socket(2) tell
 */
int tlsock_listen(const char *host, const char *service, const struct tlsock_options *options);

/**
 * tlsock_attach() - make a TCP socket a TLS socket
 * @fd: a TCP socket, before connect() or listen(), or connected
 * @options: NULL for the defaults; only what TLSOCK_* options know is looked at
 *
 * Sets TCP_ULP and the options. When it fails the socket may have got the ULP already and
 * should be closed.
 *
 * Return: 0, or
 *	-EBADF, -ENOTSOCK
 *	-EINVAL		an option that cannot be; @fd is not in such a state, or not TCP
 *	-EEXIST		@fd has a ULP already
 *	-E2BIG, -EPROTONOSUPPORT  as tlsock_connect()
 *	-ENOMEM
 */
int tlsock_attach(int fd, const struct tlsock_options *options);

/**
 * tlsock_start() - begin the handshake on a connected socket (STARTTLS)
 * @fd: with the ULP attached and TCP established
 * @role: TLSOCK_ROLE_CLIENT or TLSOCK_ROLE_SERVER
 *
 * Does not wait; see tlsock_wait().
 *
 * Return: 0, or
 *	-EINVAL		@role is neither; a server without a credential
 *	-EDESTADDRREQ	a client that verifies has no server name
 *	-ENOTCONN	TCP is not established
 *	-EALREADY	it is in progress
 *	-EISCONN	it was done, has failed, or keys were set by hand
 *	-ENOBUFS	too many handshakes are in flight
 *	-ENOPROTOOPT	@fd is not a tlsock socket
 *	-ENOMEM, -EBADF, -ENOTSOCK
 */
int tlsock_start(int fd, enum tlsock_role role);

/**
 * tlsock_wait() - wait for the end of the handshake
 * @fd: of any role, blocking or not
 * @timeout_ms: at most so long; negative: until the handshake's own deadline
 *
 * Return: 0 when the connection is established (or its keys were set by hand), or
 *	-ETIMEDOUT	it is still in progress after @timeout_ms; or the handshake failed so,
 *			in which case tlsock_get_error() has an error
 *	-ENOTCONN	nothing was started
 *	-EINVAL		a listener
 *	-EINTR		a signal was caught
 *	-ENOPROTOOPT	@fd is not a tlsock socket
 *	-EBADF, -ENOTSOCK, -ENOMEM
 *	the errno of the handshake's failure, as tlsock_connect(), or of TCP's connect
 */
int tlsock_wait(int fd, int timeout_ms);

/**
 * tlsock_get_info() - state, parameters and counters of a connection
 * @fd: a tlsock socket
 * @info: is filled; what the kernel does not know is zero
 * @size: sizeof(*info)
 *
 * Return: 0, or
 *	-ENOPROTOOPT	@fd is not a tlsock socket
 *	-EBADF, -ENOTSOCK, -ECONNABORTED
 */
int tlsock_get_info(int fd, struct tlsock_info *info, size_t size);

/**
 * tlsock_get_error() - why a connection failed
 * @fd: a tlsock socket
 * @error: is filled; error->error is 0 when nothing has failed
 * @size: sizeof(*error)
 *
 * Return: as tlsock_get_info().
 */
int tlsock_get_error(int fd, struct tlsock_error *error, size_t size);

/**
 * tlsock_get_server_name() - the name in force, with its NUL
 * @fd: a client: the name it asks for; a server: the name the client asked for, or ""
 * @name: is filled
 * @size: of @name; TLSOCK_NAME_MAX + 1 always do
 *
 * Return: the length of the name, or
 *	-ERANGE		@size is too small
 *	-ENOPROTOOPT, -EBADF, -ENOTSOCK, -ECONNABORTED
 */
int tlsock_get_server_name(int fd, char *name, size_t size);

/**
 * tlsock_get_peer_certificate() - one certificate of the peer's chain
 * @fd: an established connection
 * @index: 0 is the leaf
 * @der: points to the certificate in DER afterwards; the caller frees it with free()
 * @len: its length in bytes
 *
 * Return: 0, or
 *	-ENODATA	the peer gave no certificate, or not so many
 *	-ENOMEM
 *	-ENOPROTOOPT, -EBADF, -ENOTSOCK, -ECONNABORTED
 */
int tlsock_get_peer_certificate(int fd, unsigned int index, unsigned char **der, size_t *len);

/**
 * tlsock_get_channel_binding() - tls-exporter of RFC 9266
 * @fd: an established connection
 * @binding: 32 bytes
 *
 * Return: 0, or
 *	-ENODATA	not established, or the keys were set by hand
 *	-ENOPROTOOPT, -EBADF, -ENOTSOCK, -ECONNABORTED
 */
int tlsock_get_channel_binding(int fd, unsigned char binding[32]);

/**
 * tlsock_key_update() - change the send key now (RFC 8446 section 4.6.3)
 * @fd: an established TLS 1.3 connection
 *
 * Return: 0, or
 *	-ENOTCONN	not established, or the keys were set by hand
 *	-EOPNOTSUPP	TLS 1.2 has no KeyUpdate
 *	-EPIPE		this side has sent its close_notify
 *	-EAGAIN		a record is still on its way; try again when the socket is writable
 *	-ENOMEM
 *	-ENOPROTOOPT, -EBADF, -ENOTSOCK, -ECONNABORTED
 */
int tlsock_key_update(int fd);

/**
 * tlsock_strerror() - what an errno means on a TLS socket, in English
 * @error: positive or negative
 *
 * Return: a constant string. Errors that mean here what they mean everywhere have the words of
 * strerrordesc_np(3).
 */
const char *tlsock_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
