// SPDX-License-Identifier: MIT
/*
 * watch.c - see watch.h
 *
 * inotify watches folders, not files: renewals replace a file by a rename, often that of a symbolic
 * link. What happens to others in the same folder wakes us and is found to be nothing by stat().
 */
#include "watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define FILES_MAX 65536
#define EVENTS                                                                              \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | \
	 IN_ONLYDIR)

static struct watch *recording; /* the loader runs in one thread */

int watch_init(struct watch *watch)
{
	memset(watch, 0, sizeof(*watch));
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	return watch->fd < 0 ? -errno : 0;
}

static void forget(struct watch *watch)
{
	for (size_t i = 0; i < watch->count; i++)
		free(watch->files[i].path);
	free(watch->files);
	watch->files = NULL;
	watch->count = 0;
}

void watch_free(struct watch *watch)
{
	forget(watch);
	if (watch->fd >= 0)
		close(watch->fd);
	watch->fd = -1;
}

void watch_begin(struct watch *watch, bool keep)
{
	if (!keep)
		forget(watch);
	recording = watch;
}

void watch_note(const char *path, const struct stat *st)
{
	struct watch *w = recording;
	struct watch_file *files;
	size_t i;

	if (!w)
		return;
	for (i = 0; i < w->count && strcmp(w->files[i].path, path) != 0; i++)
		;
	if (i == w->count) {
		if (i == FILES_MAX)
			return;
		files = reallocarray(w->files, i + 1, sizeof(*files));
		if (!files)
			return;
		w->files = files;
		files[i].path = strdup(path);
		if (!files[i].path)
			return;
		w->count++;
	}
	memset(&w->files[i].st, 0, sizeof(w->files[i].st));
	if (st)
		w->files[i].st = *st;
}

static void watch_folder_of(int fd, const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";

	if (slash && (size_t)(slash - path) < sizeof(folder)) {
		memcpy(folder, path, (size_t)(slash - path));
		folder[slash - path] = '\0';
		if (slash == path)
			strcpy(folder, "/");
	}
	/* one that cannot be watched is noticed with the next SIGHUP */
	if (inotify_add_watch(fd, folder, EVENTS) < 0)
		return;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool differs(const struct watch *watch)
{
	for (size_t i = 0; i < watch->count; i++) {
		struct stat st;

		if (stat(watch->files[i].path, &st))
			memset(&st, 0, sizeof(st));
		if (!same(&st, &watch->files[i].st))
			return true;
	}
	return false;
}

static void happened(struct watch *watch, int64_t now)
{
	watch->last = now;
	if (!watch->first)
		watch->first = now;
}

void watch_end(struct watch *watch, int64_t now)
{
	char target[PATH_MAX];

	recording = NULL;
	if (watch->fd < 0)
		return;
	/* Folders are added, never taken away: one too many costs a wake-up, one too few a renewal. */
	for (size_t i = 0; i < watch->count; i++) {
		const char *path = watch->files[i].path;

		watch_folder_of(watch->fd, path);
		if (realpath(path, target) && strcmp(target, path) != 0)
			watch_folder_of(watch->fd, target);
		if (S_ISDIR(watch->files[i].st.st_mode) &&
		    inotify_add_watch(watch->fd, path, EVENTS) < 0)
			continue;
	}
	watch->first = watch->last = 0;
	if (differs(watch))
		happened(watch, now);
}

void watch_read(struct watch *watch, int64_t now)
{
	_Alignas(struct inotify_event) char events[4096];
	bool any = false;

	while (read(watch->fd, events, sizeof(events)) > 0)
		any = true;
	if (any)
		happened(watch, now);
}

int64_t watch_due(const struct watch *watch)
{
	int64_t settled = watch->last + WATCH_SETTLE_MS, latest = watch->first + WATCH_LATEST_MS;

	if (!watch->first)
		return 0;
	return settled < latest ? settled : latest;
}

bool watch_changed(struct watch *watch)
{
	watch->first = watch->last = 0;
	return differs(watch);
}
