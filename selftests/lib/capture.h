/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * capture.h: everything that crosses the loopback of this namespace, searched for bytes that must
 * not be there. It must never report silence when it saw nothing or lost something.
 */
#ifndef SELFTESTS_LIB_CAPTURE_H
#define SELFTESTS_LIB_CAPTURE_H

#include "common.h"

/* A packet socket on lo: fd or -1. */
int capture_open(void);

/*
 * Read what has come so far. How often the marker was seen; -1 if packets were lost or none came.
 * *packets, if not NULL, takes their number.
 */
int capture_count(int fd, const void *marker, size_t len, int *packets);

/* The marker is in nothing that has come so far, should anything have come, and nothing was lost. */
bool capture_clean(int fd, const void *marker, size_t len);

#endif
