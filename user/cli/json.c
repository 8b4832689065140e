// SPDX-License-Identifier: MIT
/*
 * json.c - a writer of JSON (RFC 8259), as much of it as the tool needs
 *
 * Strings come out as valid UTF-8 whatever they were: a byte that is none becomes U+FFFD. What
 * would steer a terminal is escaped, though JSON would let it stand.
 */
#include "cli.h"

#include <inttypes.h>
#include <string.h>

/* How long the UTF-8 sequence at @s is (RFC 3629 section 4); 0: it is none. */
static size_t sequence(const unsigned char *s, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (n > left)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* The code point of a sequence of @n bytes. */
static uint32_t code_point(const unsigned char *s, size_t n)
{
	uint32_t code = n == 1 ? s[0] : s[0] & (0x7fu >> n);

	for (size_t i = 1; i < n; i++)
		code = code << 6 | (s[i] & 0x3f);
	return code;
}

/* Controls of C0 and C1, ends of lines, and what turns the direction of writing (UAX #9). */
static bool steers(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e ||
	       code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

static void quoted(FILE *to, const unsigned char *s, size_t len)
{
	uint32_t code;
	size_t n;

	fputc('"', to);
	for (size_t i = 0; i < len; i += n) {
		n = sequence(s + i, len - i);
		code = code_point(s + i, n);
		if (!n) {
			fputs("\\ufffd", to);
			n = 1;
		} else if (steers(code)) {
			fprintf(to, "\\u%04" PRIx32, code);
		} else if (s[i] == '"' || s[i] == '\\') {
			fprintf(to, "\\%c", s[i]);
		} else {
			fwrite(s + i, 1, n, to);
		}
	}
	fputc('"', to);
}

static void key_of(struct json *j, const char *key)
{
	if (j->comma)
		fputc(',', j->to);
	j->comma = true;
	if (key) {
		quoted(j->to, (const unsigned char *)key, strlen(key));
		fputc(':', j->to);
	}
}

void json_open(struct json *j, const char *key, char bracket)
{
	key_of(j, key);
	fputc(bracket, j->to);
	j->comma = false;
}

void json_close(struct json *j, char bracket)
{
	fputc(bracket, j->to);
	j->comma = true;
}

void json_bytes(struct json *j, const char *key, const void *value, size_t len)
{
	key_of(j, key);
	quoted(j->to, value, len);
}

void json_string(struct json *j, const char *key, const char *value)
{
	json_bytes(j, key, value, strlen(value));
}

void json_number(struct json *j, const char *key, uint64_t value)
{
	key_of(j, key);
	fprintf(j->to, "%" PRIu64, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	key_of(j, key);
	fputs(value ? "true" : "false", j->to);
}
