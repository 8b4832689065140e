// SPDX-License-Identifier: MIT
/*
 * keylog.c - see keylog.h
 */
#include "keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

#define LINE_MAX_BYTES 512

int keylog_open(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		      0600);
	struct stat st;
	int error = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		error = -errno;
	else if (!S_ISREG(st.st_mode))
		error = -EINVAL;
	else if (st.st_uid != geteuid() || (st.st_mode & 077))
		error = -EPERM;
	if (!error)
		return fd;
	close(fd);
	return error;
}

void keylog_write(const struct keylog *log, const struct hs_engine *engine,
		  const struct hs_key *key)
{
	bool wanted = feed_is_on(log->feed);
	struct iovec part;
	char line[LINE_MAX_BYTES];
	int len;

	if (log->file < 0 && !wanted)
		return;
	len = hs_engine_keylog_line(engine, key, line, sizeof(line));
	if (len > 0 && log->file >= 0 && write(log->file, line, (size_t)len) != len)
		log_write(LOG_ERR, NULL, "key log: %m");
	part = (struct iovec){ .iov_base = line, .iov_len = (size_t)len };
	if (len > 0 && wanted)
		feed_send(log->feed, &part, 1);
	explicit_bzero(line, sizeof(line));
}
