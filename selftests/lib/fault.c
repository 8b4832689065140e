// SPDX-License-Identifier: GPL-2.0-only
/*
 * fault.c: see fault.h.
 */
#include "fault.h"

#include <dirent.h>

#define KNOBS "/sys/kernel/debug/"

static int knob = -1; /* of this thread */

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

bool faults_ready(void)
{
	knob = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	return knob >= 0 && !put(KNOBS "failslab/ignore-gfp-wait", "N") &&
	       !put(KNOBS "failslab/verbose", "0") &&
	       !put(KNOBS "fail_page_alloc/ignore-gfp-wait", "N") &&
	       !put(KNOBS "fail_page_alloc/min-order", "0") &&
	       !put(KNOBS "fail_page_alloc/verbose", "0") &&
	       !put(KNOBS "fail_usercopy/verbose", "0");
}

void arm(int n)
{
	char text[12];

	snprintf(text, sizeof(text), "%d", n);
	if (pwrite(knob, text, strlen(text), 0) < 0)
		abort();
}

bool fired(void)
{
	char text[16] = "";
	int err = errno;
	/* a copy to us that fails is the one that is looked for */
	bool hit = pread(knob, text, sizeof(text) - 1, 0) > 0 && !atoi(text);

	if (pwrite(knob, "0", 1, 0) < 0 && pwrite(knob, "0", 1, 0) < 0)
		abort();
	errno = err;
	return hit;
}

bool fits(int err)
{
	switch (err) {
	case ENOMEM:
	case ENOBUFS:
	case EFAULT:
	case EAGAIN:
	case ENFILE:
		return true;
	}
	fprintf(stderr, "# %s\n", strerror(err));
	return false;
}

void workers_arm(int n)
{
	char path[300], text[64] = "";
	DIR *d = opendir("/proc");
	struct dirent *de;
	FILE *f;

	while (d && (de = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", de->d_name);
		f = atoi(de->d_name) ? fopen(path, "re") : NULL;
		if (!f)
			continue;
		if (!fgets(text, sizeof(text), f))
			text[0] = 0;
		fclose(f);
		if (strncmp(text, "kworker/u", 9))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/fail-nth", de->d_name);
		snprintf(text, sizeof(text), "%d", n);
		put(path, text);
	}
	if (d)
		closedir(d);
}
