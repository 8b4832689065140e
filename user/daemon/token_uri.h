/* SPDX-License-Identifier: MIT */
/*
 * token_uri.h - names of keys in tokens: the "pkcs11" URI (RFC 7512) as tlsockd.conf(5) takes it
 *
 * Must never let a PIN stand in the configuration, nor let a URI choose what code is loaded.
 */
#ifndef DAEMON_TOKEN_URI_H
#define DAEMON_TOKEN_URI_H

#include <stdbool.h>
#include <stddef.h>

#define TOKEN_URI_MAX 1024

struct token_uri {
	char name[TOKEN_URI_MAX +
		  sizeof(";type=private")]; /* for the provider: no PIN, a private key */
	char pin_source[TOKEN_URI_MAX + 1]; /* the path of a file; empty: none */
};

bool is_token_uri(const char *text); /* whatever begins with "pkcs11:" */

/*
 * 0, or -EINVAL with the reason in @reason, @size bytes: malformed, an attribute that is there twice,
 * pin-value, a pin-source that is no absolute path, module-name or module-path, a type other than
 * private, or nothing that says which key.
 */
int token_uri_parse(const char *text, struct token_uri *out, char *reason, size_t size);

#endif
