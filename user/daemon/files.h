/* SPDX-License-Identifier: MIT */
/*
 * files.h - reads the files that the configuration names
 *
 * Whole, bounded, and only when nobody else could have written them. What kind of harm a
 * loose permission does depends on the kind of file. Must never follow the content of one.
 */
#ifndef DAEMON_FILES_H
#define DAEMON_FILES_H

#include <stddef.h>

enum file_kind {
	FILE_PUBLIC, /* certificates, configuration: others may read, not write */
	FILE_PRIVATE, /* a private key: others may do nothing, the group at most read */
	FILE_PIN, /* a token's PIN: the same */
};

struct file_bytes {
	char *data; /* NUL behind its end */
	size_t len;
};

/*
 * Returns 0, or a negative errno with a sentence that names the file in @text: what open(2)
 * gives; -EPERM for permissions that are too wide or a foreign owner; -EFBIG past @max bytes;
 * -EINVAL when it is no regular file.
 */
int file_read(const char *path, enum file_kind kind, size_t max, struct file_bytes *out, char *text,
	      size_t text_size);

/*
 * The same of an open folder in which every file counts: whoever can write it can put a link there,
 * to a file whose own permissions are good. 0, or a negative errno with a sentence in @text.
 */
int folder_check(int fd, const char *path, char *text, size_t text_size);

/* Wipes and frees; takes an empty one. */
void file_release(struct file_bytes *bytes);

/* @path, or @path below the folder of @beside when it is relative. Caller frees; NULL: ENOMEM. */
char *file_beside(const char *beside, const char *path);

#endif
