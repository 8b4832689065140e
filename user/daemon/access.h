/* SPDX-License-Identifier: MIT */
/*
 * access.h - who may use a credential or a trust store
 *
 * Names of users, groups and network namespaces become numbers when the configuration is read; a
 * decision about a connection compares numbers only and must never ask a name service.
 */
#ifndef DAEMON_ACCESS_H
#define DAEMON_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct access {
	bool everyone;
	uid_t *uids;
	size_t uid_count;
	gid_t *gids;
	size_t gid_count;
	/* besides the daemon's own */
	bool any_namespace;
	struct access_namespace {
		uint32_t inode;
		int fd; /* holds the namespace, so that no other one gets its number */
	} * namespaces;
	size_t namespace_count;
};

/* Of whom a connection is: what the kernel says. */
struct asker {
	uid_t uid;
	gid_t gid;
	uint32_t netns_inode; /* 0: the daemon's own network namespace */
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

/*
 * A network namespace: a file of one, a name below /run/netns, or "*" for all. Returns 0, -ENOENT
 * (there is none now, which is noticed when it comes), -EINVAL (something else), -ENOMEM.
 */
int access_add_namespace(struct access *access, const char *name);

/* uid 0 may always: it can read the files. That of another namespace, where that one may. */
bool access_allows(const struct access *access, const struct asker *asker);

void access_clear(struct access *access);

#endif
