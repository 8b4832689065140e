// SPDX-License-Identifier: MIT
/*
 * fuzz_config.c - a configuration file of the daemon's from a fuzzer
 *
 * tlsockd.conf(5). See fuzz.h. Whatever the file says: a configuration or a reason, and no file
 * touched but those that it names, of which there is its own alone in its folder; no code loaded and no
 * process made for a key in a token.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "fuzz.h"
#include "tap.h"

static char folder[] = "/tmp/tlsock-fuzz-XXXXXX";
static char path[64];

/* Linked in the place of keeper_new(). */
struct keeper *__wrap_keeper_new(const struct keeper_settings *settings, char *reason);

struct keeper *__wrap_keeper_new(const struct keeper_settings *settings, char *reason)
{
	if (!settings->provider)
		abort();
	snprintf(reason, KEEPER_REASON_SIZE, "there are no tokens here");
	return NULL;
}

static void remove_folder(void)
{
	unlink(path);
	rmdir(folder);
}

int fuzz_config(const uint8_t *bytes, size_t len)
{
	char error[CONFIG_ERROR_SIZE];
	struct config *config;
	FILE *f;

	if (!*path) {
		if (!mkdtemp(folder))
			bail("no folder");
		snprintf(path, sizeof(path), "%s/tlsockd.conf", folder);
		atexit(remove_folder);
	}
	f = fopen(path, "w");
	if (!f || fwrite(bytes, 1, len, f) != len || fclose(f))
		bail("cannot write %s", path);
	config = config_load(path, error);
	if (!config && (!*error || strlen(error) >= CONFIG_ERROR_SIZE))
		abort();
	if (config && !config_profile(config, "default"))
		abort();
	config_free(config);
	return 0;
}
