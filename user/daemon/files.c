// SPDX-License-Identifier: MIT
/*
 * files.c - see files.h
 *
 * The permissions are those of the open file, not of a path looked up twice.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watch.h"

__attribute__((format(printf, 4, 5))) static int refuse(char *text, size_t size, int error,
							const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, size, format, ap);
	va_end(ap);
	return error;
}

static int check_permissions(const char *path, enum file_kind kind, const struct stat *st,
			     char *text, size_t size)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return refuse(text, size, -EPERM, "%s: belongs to uid %u, not to root", path,
			      st->st_uid);
	if (kind != FILE_PUBLIC && (st->st_mode & (S_IWGRP | S_IRWXO)))
		return refuse(text, size, -EPERM,
			      "%s: mode %04o lets others at a %s; 0600 or 0640 is needed", path,
			      st->st_mode & 07777U, kind == FILE_PIN ? "PIN" : "private key");
	if (kind == FILE_PUBLIC && (st->st_mode & S_IWOTH))
		return refuse(text, size, -EPERM, "%s: mode %04o lets everybody write it", path,
			      st->st_mode & 07777U);
	return 0;
}

static int check(const char *path, enum file_kind kind, size_t max, const struct stat *st,
		 char *text, size_t size)
{
	int error;

	if (!S_ISREG(st->st_mode))
		return refuse(text, size, -EINVAL, "%s: not a regular file", path);
	error = check_permissions(path, kind, st, text, size);
	if (error)
		return error;
	if (st->st_size < 0 || (size_t)st->st_size > max)
		return refuse(text, size, -EFBIG, "%s: longer than %zu bytes", path, max);
	return 0;
}

static int read_all(int fd, struct file_bytes *out, size_t want)
{
	while (out->len < want) {
		ssize_t n = read(fd, out->data + out->len, want - out->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		out->len += (size_t)n;
	}
	out->data[out->len] = '\0';
	return 0;
}

int file_read(const char *path, enum file_kind kind, size_t max, struct file_bytes *out, char *text,
	      size_t text_size)
{
	struct stat st;
	int error, fd;

	memset(out, 0, sizeof(*out));
	/* O_NONBLOCK: a FIFO must not hold the daemon up before it is refused. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		error = -errno;
		watch_note(path, NULL);
		return refuse(text, text_size, error, "%s: %s", path, strerror(-error));
	}
	error = fstat(fd, &st) ? -errno : 0;
	watch_note(path, error ? NULL : &st);
	if (!error)
		error = check(path, kind, max, &st, text, text_size);
	if (error)
		goto out;
	out->data = malloc((size_t)st.st_size + 1);
	if (!out->data) {
		error = refuse(text, text_size, -ENOMEM, "%s: out of memory", path);
		goto out;
	}
	error = read_all(fd, out, (size_t)st.st_size);
	if (error) {
		refuse(text, text_size, error, "%s: %s", path, strerror(-error));
		file_release(out);
	}
out:
	close(fd);
	return error;
}

int folder_check(int fd, const char *path, char *text, size_t text_size)
{
	struct stat st;
	int error;

	if (!fstat(fd, &st)) {
		watch_note(path, &st);
		return check_permissions(path, FILE_PUBLIC, &st, text, text_size);
	}
	error = -errno;
	return refuse(text, text_size, error, "%s: %s", path, strerror(-error));
}

void file_release(struct file_bytes *bytes)
{
	if (bytes->data)
		explicit_bzero(bytes->data, bytes->len);
	free(bytes->data);
	memset(bytes, 0, sizeof(*bytes));
}

char *file_beside(const char *beside, const char *path)
{
	const char *slash = strrchr(beside, '/');
	char *joined;

	if (path[0] == '/' || !slash)
		return strdup(path);
	if (asprintf(&joined, "%.*s/%s", (int)(slash - beside), beside, path) < 0)
		return NULL;
	return joined;
}
