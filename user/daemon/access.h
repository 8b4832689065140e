/* SPDX-License-Identifier: MIT */
/*
 * access.h - who may use a credential or a trust store
 *
 * Names of users and groups become numbers when the configuration is read; a decision about
 * a connection compares numbers only and must never ask a name service.
 */
#ifndef DAEMON_ACCESS_H
#define DAEMON_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct access {
	bool everyone;
	uid_t *uids;
	size_t uid_count;
	gid_t *gids;
	size_t gid_count;
};

/*
 * A user: a name, a number, or "*" for everyone. Returns 0, -ENOENT (no such user), -ENOMEM.
 */
int access_add_user(struct access *access, const char *user);

/*
 * A group: a name or a number. Its members by the group database may use it as well as those
 * whose effective group it is. Returns 0, -ENOENT, -ENOMEM.
 */
int access_add_group(struct access *access, const char *group);

/* uid 0 may always: it can read the files. */
bool access_allows(const struct access *access, uid_t uid, gid_t gid);

void access_clear(struct access *access);

#endif
