/* SPDX-License-Identifier: MIT */
/*
 * log.h - what the daemon says, and to whom
 *
 * One line per event, to stderr, to the journal with structured fields, or to syslog. A line
 * about a connection names it: id, role, addresses, server name, uid. No secret is ever
 * written, and nothing a peer or an application sent can put anything but printable ASCII into
 * a line.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h> /* LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG */

enum log_target {
	LOG_TO_STDERR,
	LOG_TO_JOURNAL,
	LOG_TO_SYSLOG,
};

/* The connection a line is about. Strings are never NULL, but may be empty; printable. */
struct log_subject {
	uint64_t id;
	bool server;
	char local[64];
	char peer[64];
	char name[256];
	uint32_t uid;
	uint32_t pid;
};

void log_open(enum log_target target, int level);
void log_set_level(int level);
bool log_wants(int priority);

/* @subject: NULL for a line about the daemon itself. Keeps errno. */
void log_write(int priority, const struct log_subject *subject, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * What a peer can cause again and again gets so many lines in so long; the others are counted and
 * told in one. All zero is a new limit. Times are monotonic microseconds.
 */
#define LOG_LIMIT_LINES 20U
#define LOG_LIMIT_US 5000000

struct log_limit {
	int64_t since;
	unsigned int lines;
	unsigned int missed;
};

/* Whether one more line may be written. */
bool log_limit_allows(struct log_limit *limit, int64_t now);
/*
 * Tells how many lines were not written, if it is time; INT64_MAX: it is. Returns how long it is
 * until then; -1: there is nothing to tell any more.
 */
int64_t log_limit_tell(struct log_limit *limit, int64_t now);

void log_make_printable(char *s); /* every byte that is not printable ASCII: '?' */

/* "error", "warning", "notice", "info", "debug", to and fro; -1 and NULL when unknown. */
int log_level_by_name(const char *name);
const char *log_level_name(int level);

#endif
