// SPDX-License-Identifier: MIT
/*
 * access.c - see access.h
 */
#include "access.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "watch.h"

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

/* Who makes one makes its file first and puts the namespace over it later. */
static int check_namespace(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return -errno;
	if (fs.f_type != NSFS_MAGIC)
		return -ENOENT;
	return ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET ? 0 : -EINVAL;
}

static int open_namespace(const char *path, struct access_namespace *out)
{
	struct stat st;
	int error = 0;

	out->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (out->fd < 0)
		error = errno == ENOENT || errno == ENOTDIR ? -ENOENT : -EINVAL;
	else if (fstat(out->fd, &st))
		error = -errno;
	watch_note(path, error ? NULL : &st);
	if (!error)
		error = check_namespace(out->fd);
	if (!error)
		out->inode = (uint32_t)st.st_ino;
	else if (out->fd >= 0)
		close(out->fd);
	return error;
}

int access_add_namespace(struct access *access, const char *name)
{
	struct access_namespace *grown;
	char path[PATH_MAX];
	int error;

	if (!strcmp(name, "*")) {
		access->any_namespace = true;
		return 0;
	}
	if (!name[0] ||
	    (size_t)snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : "/run/netns/",
			     name) >= sizeof(path))
		return -EINVAL;
	grown = reallocarray(access->namespaces, access->namespace_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	access->namespaces = grown;
	error = open_namespace(path, &grown[access->namespace_count]);
	if (!error)
		access->namespace_count++;
	return error;
}

static bool allows_namespace(const struct access *access, uint32_t inode)
{
	if (!inode || access->any_namespace)
		return true;
	for (size_t i = 0; i < access->namespace_count; i++)
		if (access->namespaces[i].inode == inode)
			return true;
	return false;
}

bool access_allows(const struct access *access, const struct asker *asker)
{
	if (!allows_namespace(access, asker->netns_inode))
		return false;
	if (asker->uid == 0 || access->everyone)
		return true;
	for (size_t i = 0; i < access->uid_count; i++)
		if (access->uids[i] == asker->uid)
			return true;
	for (size_t i = 0; i < access->gid_count; i++)
		if (access->gids[i] == asker->gid)
			return true;
	return false;
}

void access_clear(struct access *access)
{
	for (size_t i = 0; i < access->namespace_count; i++)
		close(access->namespaces[i].fd);
	free(access->namespaces);
	free(access->uids);
	free(access->gids);
	memset(access, 0, sizeof(*access));
}
