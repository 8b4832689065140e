/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * slow_page.h: a page of memory whose first touch waits until the test gives it: by userfaultfd, or
 * as a file of FUSE where there is none. Any program can have such a page, and hand its address to
 * the kernel. It must never answer by itself.
 */
#ifndef SELFTESTS_LIB_SLOW_PAGE_H
#define SELFTESTS_LIB_SLOW_PAGE_H

#include <stdatomic.h>

#include "common.h"

#define SLOW_PAGE_SIZE 4096

struct slow_page {
	uint8_t *addr;
	int fd; /* the userfaultfd, or /dev/fuse */
	int stop_fd;
	bool fuse;
	pthread_t thread; /* the file system */
	atomic_bool wanted;
	uint64_t read; /* what FUSE is asked for */
};

/* 0; or -errno, when this kernel has neither way: a reason to skip. */
int slow_page_open(struct slow_page *p);

/* Has somebody touched it, and waits? */
bool slow_page_wanted(struct slow_page *p);

/* The page begins with these bytes, and zeros follow. Once. */
void slow_page_give(struct slow_page *p, const void *data, size_t len);

/* Nobody may touch it any more. */
void slow_page_close(struct slow_page *p);

#endif
