// SPDX-License-Identifier: MIT
/*
 * token_uri.c - see token_uri.h
 *
 * RFC 7512 section 2.3: attributes with ";" between them, and behind a "?" others with "&". What is not
 * looked at here goes to the provider as it stands.
 */
#include "token_uri.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SCHEME "pkcs11:"
#define ATTRIBUTES_MAX 16

struct attribute {
	const char *name, *value;
	size_t name_len, value_len;
};

struct parse {
	struct attribute seen[ATTRIBUTES_MAX];
	size_t count;
	struct token_uri *out;
	char *reason;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct parse *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(p->reason, p->size, format, ap);
	va_end(ap);
	return -EINVAL;
}

bool is_token_uri(const char *text)
{
	return !strncmp(text, SCHEME, strlen(SCHEME));
}

static bool is(const struct attribute *a, const char *name)
{
	return a->name_len == strlen(name) && !memcmp(a->name, name, a->name_len);
}

static bool has(const struct parse *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (is(&p->seen[i], name))
			return true;
	return false;
}

static int digit(char c)
{
	const char *const digits = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

/* RFC 3986 section 2.1. @out takes @len bytes and a NUL; -1: not well-formed, or a NUL in it. */
static int decode(const char *text, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '%') {
			if (len - i < 3 || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0)
				return -1;
			c = (char)(digit(text[i + 1]) << 4 | digit(text[i + 2]));
			i += 2;
			if (!c)
				return -1;
		}
		*out++ = c;
	}
	*out = '\0';
	return 0;
}

/* "file:/path", "file:///path" or "/path"; a command ("|...") or another scheme is neither. */
static int take_pin_source(struct parse *p, const struct attribute *a)
{
	char text[TOKEN_URI_MAX + 1];
	const char *path = text;

	decode(a->value, a->value_len, text); /* well-formed: it has been seen */
	if (!strncmp(path, "file:", 5)) {
		path += 5;
		if (!strncmp(path, "///", 3))
			path += 2;
	}
	if (path[0] != '/' || path[1] == '/')
		return refuse(p, "pin-source has to be the absolute path of a file");
	snprintf(p->out->pin_source, sizeof(p->out->pin_source), "%s", path);
	return 0;
}

static int check_attribute(struct parse *p, const struct attribute *a, bool query)
{
	if (is(a, "pin-value"))
		return refuse(p,
			      "pin-value: a PIN does not belong into this file; pin-source names "
			      "one of its own");
	if (is(a, "module-name") || is(a, "module-path"))
		return refuse(p, "%.*s: the module is chosen in the section pkcs11",
			      (int)a->name_len, a->name);
	if (is(a, "pin-source"))
		return query ? take_pin_source(p, a) :
			       refuse(p, "pin-source belongs behind a \"?\"");
	if (is(a, "type") && (a->value_len != 7 || memcmp(a->value, "private", 7)))
		return refuse(p, "type: a credential needs a private key");
	return 0;
}

/* Adds it to what the provider gets. There is room: it is no longer than what was given. */
static void keep(struct parse *p, const struct attribute *a, bool query)
{
	char *out = p->out->name, separator = ';';
	size_t len = strlen(out);

	if (len == strlen(SCHEME))
		separator = '\0';
	else if (query)
		separator = strchr(out, '?') ? '&' : '?';
	if (separator)
		out[len++] = separator;
	snprintf(out + len, sizeof(p->out->name) - len, "%.*s=%.*s", (int)a->name_len, a->name,
		 (int)a->value_len, a->value);
}

static int take_attribute(struct parse *p, const char *at, size_t len, bool query)
{
	struct attribute a = { .name = at };
	const char *equals = memchr(at, '=', len);
	char decoded[TOKEN_URI_MAX + 1];

	if (!equals || equals == at)
		return refuse(p, "\"%.*s\" is no attribute with a value", (int)len, at);
	a.name_len = (size_t)(equals - at);
	a.value = equals + 1;
	a.value_len = len - a.name_len - 1;
	if (has(&(struct parse){ .seen = { a }, .count = 1 }, "pin-value"))
		return check_attribute(p, &a, query); /* before anything is said of its value */
	for (size_t i = 0; i < p->count; i++)
		if (p->seen[i].name_len == a.name_len && !memcmp(p->seen[i].name, at, a.name_len))
			return refuse(p, "%.*s is there twice", (int)a.name_len, at);
	if (p->count == ATTRIBUTES_MAX)
		return refuse(p, "more than %d attributes", ATTRIBUTES_MAX);
	if (decode(a.value, a.value_len, decoded))
		return refuse(p, "%.*s: a \"%%\" without two digits, or of a NUL", (int)a.name_len,
			      at);
	p->seen[p->count++] = a;
	if (check_attribute(p, &a, query))
		return -EINVAL;
	if (!is(&a, "pin-source"))
		keep(p, &a, query);
	return 0;
}

static int take_all(struct parse *p, const char *at, size_t len, bool query)
{
	const char *end = at + len;
	int error = 0;

	while (!error && at < end) {
		const char *next = memchr(at, query ? '&' : ';', (size_t)(end - at));

		if (!next)
			next = end;
		error = take_attribute(p, at, (size_t)(next - at), query);
		at = next + (next < end);
	}
	return error;
}

int token_uri_parse(const char *text, struct token_uri *out, char *reason, size_t size)
{
	struct parse p = { .out = out, .reason = reason, .size = size };
	const char *question;
	size_t path_len;
	int error;

	memset(out, 0, sizeof(*out));
	if (!is_token_uri(text))
		return refuse(&p, "not a \"" SCHEME "\" URI");
	if (strlen(text) > TOKEN_URI_MAX)
		return refuse(&p, "longer than %d bytes", TOKEN_URI_MAX);
	for (const char *at = text; *at; at++)
		if (*at <= ' ' || *at > '~')
			return refuse(&p, "a byte that a URI has only as %%XX");
	snprintf(out->name, sizeof(out->name), SCHEME);
	text += strlen(SCHEME);
	path_len = strcspn(text, "?");
	question = text[path_len] ? text + path_len + 1 : NULL;
	error = take_all(&p, text, path_len, false);
	if (!error && !has(&p, "object") && !has(&p, "id"))
		error = refuse(&p, "neither object nor id says which key");
	if (!error && !has(&p, "type"))
		keep(&p, &(struct attribute){ "type", "private", 4, 7 }, false);
	if (!error && question)
		error = take_all(&p, question, strlen(question), true);
	return error;
}
