// SPDX-License-Identifier: MIT
/*
 * scarce.c - see scarce.h
 */
#include "scarce.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "tap.h"

static unsigned long asked, allowed = ULONG_MAX;
static bool paused;

bool scarce_allows(void)
{
	return paused || asked++ < allowed;
}

void scarce_pause(bool pause)
{
	paused = pause;
}

static void *scarce_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return scarce_allows() ? malloc(size) : NULL;
}

static void *scarce_realloc(void *at, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return scarce_allows() ? realloc(at, size) : NULL;
}

static void common_free(void *at, const char *file, int line)
{
	(void)file;
	(void)line;
	free(at);
}

void scarce_init(void)
{
	if (!CRYPTO_set_mem_functions(scarce_malloc, scarce_realloc, common_free))
		bail("libcrypto keeps its own memory");
}

void scarce_after(unsigned long count)
{
	asked = 0;
	allowed = count;
	paused = false;
}

unsigned long scarce_off(bool *refused)
{
	unsigned long count = asked;

	*refused = asked > allowed;
	allowed = ULONG_MAX;
	return count;
}
