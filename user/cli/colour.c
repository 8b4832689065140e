// SPDX-License-Identifier: MIT
/*
 * colour.c - emphasis on a terminal, and nowhere else: no-color.org's NO_COLOR is heeded
 *
 * What is said must be said in words too.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool colour_wanted(bool terminal, const char *no_color, const char *term)
{
	return terminal && !(no_color && no_color[0]) && term && term[0] &&
	       strcmp(term, "dumb") != 0;
}

const char *colour(enum colour which)
{
	static const char *const codes[] = {
		[COLOUR_NONE] = "\033[0m",
		[COLOUR_STRONG] = "\033[1m",
		[COLOUR_GOOD] = "\033[32m",
		[COLOUR_BAD] = "\033[31m",
	};
	static int wanted = -1;

	if (wanted < 0)
		wanted = colour_wanted(isatty(STDOUT_FILENO), getenv("NO_COLOR"), getenv("TERM"));
	return wanted ? codes[which] : "";
}
