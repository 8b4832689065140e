/* SPDX-License-Identifier: MIT */
/*
 * watch.h - notices that a file of the configuration has changed
 *
 * Every file and folder that is read while the configuration loads is remembered with what it was
 * then. A certificate and its key are replaced one after the other, so a change counts when
 * nothing has happened for a moment. Must never read a file: whether it is good is for the loader.
 */
#ifndef DAEMON_WATCH_H
#define DAEMON_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define WATCH_SETTLE_MS 500
#define WATCH_LATEST_MS 5000

struct watch_file {
	char *path;
	struct stat st; /* all zero: it was not there */
};

struct watch {
	int fd; /* for poll(): readable when something may have changed */
	struct watch_file *files;
	size_t count;
	int64_t first, last; /* when something happened, monotonic ms; 0: nothing */
};

/* 0 or a negative errno. Without inotify nothing is noticed, and SIGHUP remains. */
int watch_init(struct watch *watch);
void watch_free(struct watch *watch);

/*
 * From now on what file_read() and folder_check() see is remembered, in place of what was before
 * unless @keep: after a load that failed, a change of any file of it may be the remedy.
 */
void watch_begin(struct watch *watch, bool keep);
/* Called by files.c; @st is NULL when the file could not be opened. Nothing before watch_begin(). */
void watch_note(const char *path, const struct stat *st);
/* The end of it: watch these files. What has changed since it was read is noticed too. */
void watch_end(struct watch *watch, int64_t now);

/* The descriptor was readable. */
void watch_read(struct watch *watch, int64_t now);
/* When watch_changed() is to be asked, monotonic ms; 0: not at all. */
int64_t watch_due(const struct watch *watch);
/* Has a file changed, now that it is due? Then it is said once. */
bool watch_changed(struct watch *watch);

#endif
