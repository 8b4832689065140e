/* SPDX-License-Identifier: MIT */
/*
 * tap.h - test results in the Test Anything Protocol
 *
 * ok() for each thing checked, tap_done() at the end of main(). It must never swallow a
 * failure: the exit status is 1 if one check failed, or none was made.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool ok(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Equal bytes; prints both when they are not. */
bool ok_bytes(const void *got, size_t got_len, const void *expected, size_t len, const char *format,
	      ...) __attribute__((format(printf, 5, 6)));
/* Against bytes in hex. */
bool ok_hex(const void *got, size_t got_len, const char *hex, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void skip(const char *what, const char *why);
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void bail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
int tap_done(void);

/* Returns malloc()ed bytes. */
uint8_t *unhex(const char *hex, size_t *len);

#endif
