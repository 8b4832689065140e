// SPDX-License-Identifier: MIT
/*
 * config_section.c - what sections of several kinds have: see config_section.h
 */
#include "config_section.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define NAME_MAX_LEN 255 /* TLSOCK_NAME_MAX */

int section_title(cfg_t *section, char **name)
{
	const char *title = cfg_title(section);

	if (!title || !title[0] || strlen(title) > NAME_MAX_LEN) {
		cfg_error(section, "a %s needs a name of 1 to %d bytes", cfg_name(section),
			  NAME_MAX_LEN);
		return -1;
	}
	*name = strdup(title);
	return *name ? 0 : -1;
}

static int add_principals(cfg_t *section, const char *option, const char *kind,
			  int (*add)(struct access *, const char *), struct access *access)
{
	for (unsigned int i = 0; i < cfg_size(section, option); i++) {
		const char *name = cfg_getnstr(section, option, i);
		int error = add(access, name);

		if (error) {
			cfg_error(section, "%s \"%s\": %s: \"%s\" is no %s", cfg_name(section),
				  cfg_title(section), option, name, kind);
			return -1;
		}
	}
	return 0;
}

/* One that is not there yet is nobody; when it comes, the file is read again. */
static int add_namespace(struct access *access, const char *name)
{
	int error = access_add_namespace(access, name);

	if (error != -ENOENT)
		return error;
	log_write(LOG_NOTICE, NULL, "there is no network namespace \"%s\" now", name);
	return 0;
}

int section_access(cfg_t *section, struct access *access)
{
	if (add_principals(section, "namespaces", "network namespace", add_namespace, access))
		return -1;
	if (add_principals(section, "users", "user of this system", access_add_user, access))
		return -1;
	return add_principals(section, "groups", "group of this system", access_add_group, access);
}

int section_read(cfg_t *section, const char *option, enum file_kind kind, struct file_bytes *out)
{
	const char *value = cfg_getstr(section, option);
	char text[CONFIG_ERROR_SIZE / 2];
	char *path;
	int error;

	if (!value) {
		cfg_error(section, "%s \"%s\": no %s is given", cfg_name(section),
			  cfg_title(section), option);
		return -1;
	}
	path = file_beside(section->filename, value);
	if (!path)
		return -1;
	error = file_read(path, kind, PEM_MAX, out, text, sizeof(text));
	if (error)
		cfg_error(section, "%s \"%s\": %s: %s", cfg_name(section), cfg_title(section),
			  option, text);
	free(path);
	return error;
}
