// SPDX-License-Identifier: MIT
/*
 * log.c - see log.h
 *
 * A line is made in one buffer and written with one call, so that lines of several workers
 * never mix.
 */
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define LINE_MAX_BYTES 1400

static enum log_target target = LOG_TO_STDERR;
static int max_level = LOG_INFO;

static const struct {
	int level;
	const char *name;
} levels[] = {
	{ LOG_ERR, "error" }, { LOG_WARNING, "warning" }, { LOG_NOTICE, "notice" },
	{ LOG_INFO, "info" }, { LOG_DEBUG, "debug" },
};

#define LEVEL_COUNT (sizeof(levels) / sizeof(levels[0]))

int log_level_by_name(const char *name)
{
	for (size_t i = 0; i < LEVEL_COUNT; i++)
		if (!strcmp(levels[i].name, name))
			return levels[i].level;
	return -1;
}

const char *log_level_name(int level)
{
	for (size_t i = 0; i < LEVEL_COUNT; i++)
		if (levels[i].level == level)
			return levels[i].name;
	return NULL;
}

void log_open(enum log_target to, int level)
{
	target = to;
	max_level = level;
	if (to == LOG_TO_SYSLOG)
		openlog("tlsockd", LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void log_set_level(int level)
{
	max_level = level;
}

bool log_wants(int priority)
{
	return priority <= max_level;
}

/* A terminal may take a byte of C1 for an order, or UTF-8 for one or for a turn of direction. */
void log_make_printable(char *s)
{
	for (; *s; s++)
		if (*s < 0x20 || *s > 0x7e)
			*s = '?';
}

static void to_stderr(int priority, const char *text)
{
	char line[LINE_MAX_BYTES + 64];
	const char *level = log_level_name(priority);
	int n;

	n = snprintf(line, sizeof(line), "tlsockd[%d] %s: %s\n", (int)getpid(), level ? level : "?",
		     text);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(line)) {
		n = (int)sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	/* A log that cannot be written must not stop a handshake. */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

static void to_journal(int priority, const struct log_subject *s, const char *text)
{
	if (!s) {
		sd_journal_send("MESSAGE=%s", text, "PRIORITY=%d", priority,
				"SYSLOG_IDENTIFIER=tlsockd", NULL);
		return;
	}
	sd_journal_send("MESSAGE=%s", text, "PRIORITY=%d", priority, "SYSLOG_IDENTIFIER=tlsockd",
			"TLSOCK_ID=%016" PRIx64, s->id, "TLSOCK_ROLE=%s",
			s->server ? "server" : "client", "TLSOCK_LOCAL=%s", s->local,
			"TLSOCK_PEER=%s", s->peer, "TLSOCK_SERVER_NAME=%s", s->name,
			"TLSOCK_UID=%" PRIu32, s->uid, "TLSOCK_PID=%" PRIu32, s->pid, NULL);
}

static size_t put_subject(char *out, size_t size, const struct log_subject *s)
{
	int n = snprintf(out, size,
			 "%s %016" PRIx64 " %s %s %s%s%s, uid %" PRIu32 " pid %" PRIu32 ": ",
			 s->server ? "server" : "client", s->id, s->local,
			 s->server ? "from" : "to", s->peer, s->name[0] ? " name " : "", s->name,
			 s->uid, s->pid);

	if (n < 0)
		return 0;
	return (size_t)n < size ? (size_t)n : size - 1;
}

void log_write(int priority, const struct log_subject *subject, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	int saved = errno;
	size_t at = 0;
	va_list ap;

	if (!log_wants(priority))
		return;
	text[0] = '\0';
	if (subject)
		at = put_subject(text, sizeof(text), subject);
	errno = saved; /* for %m */
	va_start(ap, format);
	vsnprintf(text + at, sizeof(text) - at, format, ap);
	va_end(ap);
	log_make_printable(text);

	switch (target) {
	case LOG_TO_STDERR:
		to_stderr(priority, text);
		break;
	case LOG_TO_JOURNAL:
		to_journal(priority, subject, text);
		break;
	case LOG_TO_SYSLOG:
		syslog(priority, "%s", text);
		break;
	}
	errno = saved;
}

int64_t log_limit_tell(struct log_limit *limit, int64_t now)
{
	int64_t left = limit->since + LOG_LIMIT_US - now;

	if (!limit->missed)
		return -1;
	if (left > 0)
		return left;
	log_write(LOG_WARNING, NULL, "%u more handshakes that failed were not logged",
		  limit->missed);
	limit->missed = 0;
	return -1;
}

bool log_limit_allows(struct log_limit *limit, int64_t now)
{
	if (now - limit->since >= LOG_LIMIT_US) {
		log_limit_tell(limit, now);
		limit->since = now;
		limit->lines = 0;
	}
	if (limit->lines < LOG_LIMIT_LINES) {
		limit->lines++;
		return true;
	}
	limit->missed++;
	return false;
}
