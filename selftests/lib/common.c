// SPDX-License-Identifier: GPL-2.0-only
/*
 * common.c: see common.h.
 */
#include "common.h"

#include <net/if.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

#define STAT_FILE "/proc/net/tlsock_stat"

static int module_load(void)
{
	const char *ko = getenv("TLSOCK_KO");
	int fd, rc;

	if (access(STAT_FILE, R_OK) == 0)
		return 0;
	if (!ko) {
		fprintf(stderr, "# tlsock is not loaded and TLSOCK_KO is not set\n");
		return -ENOENT;
	}
	fd = open(ko, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = (int)syscall(SYS_finit_module, fd, "", 0);
	if (rc < 0 && errno != EEXIST) {
		rc = -errno;
		fprintf(stderr, "# loading %s: %s\n", ko, strerror(-rc));
		close(fd);
		return rc;
	}
	close(fd);
	return access(STAT_FILE, R_OK) == 0 ? 0 : -ENOENT;
}

static int loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

int env_setup(void)
{
	int rc = module_load();

	if (rc)
		return rc;
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	return loopback_up();
}

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void breathe(void)
{
	struct timespec ts = { .tv_nsec = 2000000 };

	nanosleep(&ts, NULL);
}

long long stat_get(const char *name)
{
	char line[128], key[64];
	long long value, found = -1;
	FILE *f = fopen(STAT_FILE, "re");

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %lld", key, &value) == 2 && !strcmp(key, name))
			found = value;
	}
	fclose(f);
	return found;
}

int sysctl_set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, value, strlen(value));
	int err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
	return n == (ssize_t)strlen(value) ? 0 : -1;
}

int opt_str(int fd, int opt, const char *value)
{
	return setsockopt(fd, SOL_TLS, opt, value, (socklen_t)strlen(value));
}

int opt_int(int fd, int opt, int value)
{
	return setsockopt(fd, SOL_TLS, opt, &value, sizeof(value));
}

int ulp_attach(int fd)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_ULP, TLSOCK_ULP_NAME, sizeof(TLSOCK_ULP_NAME) - 1);
}

bool ktls_served(void)
{
	FILE *f = fopen("/sys/module/tlsock/parameters/ktls", "re");
	bool yes = f && fgetc(f) == 'Y';

	if (f)
		fclose(f);
	return yes;
}

struct tlsock_info info_get(int fd)
{
	struct tlsock_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(fd, SOL_TLS, TLSOCK_INFO, &info, &len) < 0)
		memset(&info, 0, sizeof(info));
	return info;
}

struct tlsock_error error_get(int fd)
{
	struct tlsock_error err;
	socklen_t len = sizeof(err);

	memset(&err, 0, sizeof(err));
	if (getsockopt(fd, SOL_TLS, TLSOCK_ERROR, &err, &len) < 0)
		memset(&err, 0, sizeof(err));
	return err;
}

void set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

static short poll_ms(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms) > 0 ? p.revents : 0;
}

short poll_for(int fd, short events)
{
	return poll_ms(fd, events, PATIENCE_MS);
}

short poll_now(int fd, short events)
{
	return poll_ms(fd, events, 0);
}

ssize_t write_all(int fd, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = send(fd, p + done, len - done, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN && poll_for(fd, POLLOUT))
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t read_all(int fd, void *buf, size_t len)
{
	uint8_t *p = buf;
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		if (!poll_for(fd, POLLIN))
			break;
		n = recv(fd, p + done, len - done, 0);
		if (n < 0 && errno == EAGAIN)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static uint8_t pattern_at(uint64_t at)
{
	return (uint8_t)((at * 2654435761U) >> 13);
}

void pattern_fill(void *buf, size_t len, uint64_t offset)
{
	uint8_t *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = pattern_at(offset + i);
}

bool pattern_ok(const void *buf, size_t len, uint64_t offset)
{
	const uint8_t *p = buf;

	for (size_t i = 0; i < len; i++) {
		if (p[i] != pattern_at(offset + i)) {
			fprintf(stderr, "# byte %llu is %u, not %u\n",
				(unsigned long long)(offset + i), p[i], pattern_at(offset + i));
			return false;
		}
	}
	return true;
}

pthread_t thread_start(void *(*fn)(void *), void *arg)
{
	pthread_t t;
	int rc = pthread_create(&t, NULL, fn, arg);

	if (rc) {
		fprintf(stderr, "# pthread_create: %s\n", strerror(rc));
		_exit(1);
	}
	return t;
}
