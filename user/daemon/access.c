// SPDX-License-Identifier: MIT
/*
 * access.c - see access.h
 */
#include "access.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(uid_t) == sizeof(gid_t), "one list code for both");

static int add_number(id_t **list, size_t *count, id_t number)
{
	id_t *grown = reallocarray(*list, *count + 1, sizeof(**list));

	if (!grown)
		return -ENOMEM;
	grown[(*count)++] = number;
	*list = grown;
	return 0;
}

/* A decimal number below the value that means "no user". */
static bool parse_id(const char *s, id_t *out)
{
	unsigned long n;
	char *end;

	if (s[0] < '0' || s[0] > '9')
		return false;
	errno = 0;
	n = strtoul(s, &end, 10);
	if (errno || *end || n >= (id_t)-1)
		return false;
	*out = (id_t)n;
	return true;
}

int access_add_user(struct access *access, const char *user)
{
	const struct passwd *pw;
	id_t uid;

	if (!strcmp(user, "*")) {
		access->everyone = true;
		return 0;
	}
	if (parse_id(user, &uid))
		return add_number(&access->uids, &access->uid_count, uid);
	pw = getpwnam(user);
	if (!pw)
		return -ENOENT;
	return add_number(&access->uids, &access->uid_count, pw->pw_uid);
}

int access_add_group(struct access *access, const char *group)
{
	const struct group *gr;
	int error = 0;
	id_t gid;

	if (parse_id(group, &gid))
		return add_number(&access->gids, &access->gid_count, gid);
	gr = getgrnam(group);
	if (!gr)
		return -ENOENT;
	error = add_number(&access->gids, &access->gid_count, gr->gr_gid);
	for (char **member = gr->gr_mem; !error && *member; member++) {
		const struct passwd *pw = getpwnam(*member);

		if (pw) /* a member without an account cannot ask */
			error = add_number(&access->uids, &access->uid_count, pw->pw_uid);
	}
	return error;
}

bool access_allows(const struct access *access, uid_t uid, gid_t gid)
{
	if (uid == 0 || access->everyone)
		return true;
	for (size_t i = 0; i < access->uid_count; i++)
		if (access->uids[i] == uid)
			return true;
	for (size_t i = 0; i < access->gid_count; i++)
		if (access->gids[i] == gid)
			return true;
	return false;
}

void access_clear(struct access *access)
{
	free(access->uids);
	free(access->gids);
	memset(access, 0, sizeof(*access));
}
