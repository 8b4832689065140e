// SPDX-License-Identifier: MIT
/*
 * tap.c - test results in the Test Anything Protocol
 *
 * See tap.h. Lines are flushed one by one, so that a crash shows where.
 */
#include "tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned int count, failures;

static bool report(bool good, const char *format, va_list ap)
{
	count++;
	failures += !good;
	printf("%s %u - ", good ? "ok" : "not ok", count);
	vprintf(format, ap);
	putchar('\n');
	fflush(stdout);
	return good;
}

bool ok(bool good, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	report(good, format, ap);
	va_end(ap);
	return good;
}

static void print_bytes(const char *what, const uint8_t *bytes, size_t len)
{
	printf("# %s (%zu):", what, len);
	for (size_t i = 0; i < len; i++)
		printf(" %02x", bytes[i]);
	putchar('\n');
}

static bool compare(const void *got, size_t got_len, const void *expected, size_t len)
{
	if (got_len == len && (!len || !memcmp(got, expected, len)))
		return true;
	print_bytes("got", got, got_len);
	print_bytes("expected", expected, len);
	return false;
}

bool ok_bytes(const void *got, size_t got_len, const void *expected, size_t len, const char *format,
	      ...)
{
	va_list ap;
	bool good = compare(got, got_len, expected, len);

	va_start(ap, format);
	report(good, format, ap);
	va_end(ap);
	return good;
}

bool ok_hex(const void *got, size_t got_len, const char *hex, const char *format, ...)
{
	size_t len;
	uint8_t *expected = unhex(hex, &len);
	bool good = compare(got, got_len, expected, len);
	va_list ap;

	va_start(ap, format);
	report(good, format, ap);
	va_end(ap);
	free(expected);
	return good;
}

void skip(const char *what, const char *why)
{
	count++;
	printf("ok %u - %s # SKIP %s\n", count, what, why);
	fflush(stdout);
}

void note(const char *format, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

void bail(const char *format, ...)
{
	va_list ap;

	printf("Bail out! ");
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

int tap_done(void)
{
	printf("1..%u\n", count);
	return failures || !count;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

uint8_t *unhex(const char *hex, size_t *len)
{
	uint8_t *bytes = malloc(strlen(hex) / 2 + 1);
	int high = -1;

	if (!bytes)
		bail("out of memory");
	*len = 0;
	for (; *hex; hex++) {
		int value = nibble(*hex);

		if (value < 0)
			continue;
		if (high < 0) {
			high = value;
			continue;
		}
		bytes[(*len)++] = (uint8_t)(high << 4 | value);
		high = -1;
	}
	if (high >= 0)
		bail("an odd number of hex digits");
	return bytes;
}
