// SPDX-License-Identifier: MIT
/*
 * config_text.c - see config_text.h
 *
 * The rules are those of libconfuse's lexer: "#" begins a comment anywhere outside of quotes, "//"
 * and the other kind only where a word could begin, and a backslash in quotes hides what follows.
 */
#include "config_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Behind the quote that ends the string at @at, or NULL. */
static char *string_end(char *at)
{
	const char quote = *at++;

	while (*at && *at != quote)
		at += at[0] == '\\' && at[1] ? 2 : 1;
	return *at ? at + 1 : NULL;
}

static bool begins_comment(const char *at, bool in_word)
{
	return *at == '#' || (!in_word && at[0] == '/' && (at[1] == '/' || at[1] == '*'));
}

/* Behind the comment at @at, or NULL; it is blank then. */
static char *blank_comment(char *at)
{
	char *end = at + strcspn(at, "\n");

	if (at[0] == '/' && at[1] == '*') {
		end = strstr(at + 2, "*/");
		if (!end)
			return NULL;
		end += 2;
	}
	for (; at < end; at++)
		if (*at != '\n')
			*at = ' ';
	return end;
}

static int line_of(const char *text, const char *at)
{
	int line = 1;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

const char *config_text_prepare(char *text, int *line)
{
	const char *opened = NULL, *what = NULL;
	unsigned int depth = 0;
	bool in_word = false;
	char *at = text;

	while (*at) {
		char *next = at + 1;

		if (*at == '"' || *at == '\'') {
			next = string_end(at);
			what = next ? NULL : "a string that begins here does not end";
		} else if (begins_comment(at, in_word)) {
			next = blank_comment(at);
			what = next ? NULL : "a comment that begins here does not end";
		} else if (at[0] == '$' && at[1] == '{') { /* a variable of the environment */
			next = at + strcspn(at, "}");
			next += *next != '\0';
		} else if (*at == '{' && !depth++) {
			opened = at;
		} else if (*at == '}' && depth) {
			depth--;
		}
		if (what)
			break;
		in_word = !strchr(" \t\r\n{}(),=+\"'", *at);
		at = next;
	}
	if (!what && depth) {
		what = "a brace that is opened here is not closed";
	}
	if (what)
		*line = line_of(text, *at ? at : opened);
	return what;
}
