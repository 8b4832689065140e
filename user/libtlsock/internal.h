/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the files of libtlsock share; see tlsock.h
 *
 * Functions here return 0 or a negative errno. Nothing declared here is exported.
 */
#ifndef LIBTLSOCK_INTERNAL_H
#define LIBTLSOCK_INTERNAL_H

#include "tlsock.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/socket.h>

#define TLSOCK_EXPORT __attribute__((visibility("default")))

/* The caller's options in this library's size: the defaults for NULL and for a shorter struct. */
int options_take(const struct tlsock_options *from, struct tlsock_options *to);

/* The ULP and all TLSOCK_* options that are set. */
int options_apply(int fd, const struct tlsock_options *options);

/* Addresses of a TCP service; passive for a listener. The caller frees *list. */
int lookup(const char *host, const char *service, const struct tlsock_options *options,
	   bool passive, struct addrinfo **list);

/* Tell @error (negative) in options->error, in @text's words or tlsock_strerror()'s. Returns it. */
int report(const struct tlsock_options *options, int error, const char *text);

/* The same, with what the socket itself can say. */
int report_socket(const struct tlsock_options *options, int error, int fd);

#endif
