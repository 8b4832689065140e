/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * common.h: what every selftest in C shares: a network namespace of its own with the module's
 * counters at zero, waiting for a condition with a bound, and the socket options in short form.
 * It must never wait for a time to pass where a condition can be waited for.
 */
#ifndef SELFTESTS_LIB_COMMON_H
#define SELFTESTS_LIB_COMMON_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/tlsock.h>

#ifndef TCP_ULP
#define TCP_ULP 31
#endif

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* How long a test waits for what must come; a failing test alone waits so long. */
#define PATIENCE_MS 15000

/*
 * Every test calls this first. The module is loaded ($TLSOCK_KO) if it is not, and the process
 * moves to a new network namespace with its loopback up. 0, or -errno.
 */
int env_setup(void);

/* Milliseconds of the monotonic clock. */
int64_t now_ms(void);

/* A breath between two looks at a condition. */
void breathe(void);

/* Look at a condition until it holds, PATIENCE_MS at most; the value is whether it did. */
#define WAIT_FOR(cond)                                      \
	({                                                  \
		int64_t wait_end_ = now_ms() + PATIENCE_MS; \
		bool wait_ok_ = (cond);                     \
		while (!wait_ok_ && now_ms() < wait_end_) { \
			breathe();                          \
			wait_ok_ = (cond);                  \
		}                                           \
		wait_ok_;                                   \
	})

/* A value of /proc/net/tlsock_stat in this namespace; -1 if there is no such name. */
long long stat_get(const char *name);

/* Write a value to a file of /proc/sys or the like: 0, or -1 with errno. */
int sysctl_set(const char *path, const char *value);

/* setsockopt() of SOL_TLS: 0 or -1 with errno. */
int opt_str(int fd, int opt, const char *value);
int opt_int(int fd, int opt, int value);

/* Attach the ULP "tlsock": 0 or -1 with errno. */
int ulp_attach(int fd);

/* Was the module loaded with ktls=1, to serve the ULP "tls" too? */
bool ktls_served(void);

/* TLSOCK_INFO and TLSOCK_ERROR; all zero if the call fails. */
struct tlsock_info info_get(int fd);
struct tlsock_error error_get(int fd);

/* Set or clear O_NONBLOCK. */
void set_nonblock(int fd, bool on);

/* poll() for events, PATIENCE_MS at most; what came, 0 for nothing. */
short poll_for(int fd, short events);

/* What poll() says at once. */
short poll_now(int fd, short events);

/* Write or read all of it on a blocking or non-blocking socket; bytes done before an error. */
ssize_t write_all(int fd, const void *buf, size_t len);
ssize_t read_all(int fd, void *buf, size_t len);

/* Bytes that tell their place, so that a shift or a swap shows. */
void pattern_fill(void *buf, size_t len, uint64_t offset);
bool pattern_ok(const void *buf, size_t len, uint64_t offset);

/* Run fn(arg) in a thread of its own; a failure to start ends the process. */
pthread_t thread_start(void *(*fn)(void *), void *arg);

#endif
