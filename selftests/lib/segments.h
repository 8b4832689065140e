/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * segments.h: what TCP has sent, from the part of struct tcp_info that the C library's own header
 * does not have. It stands apart, since the kernel's header and that one exclude each other.
 */
#ifndef SELFTESTS_LIB_SEGMENTS_H
#define SELFTESTS_LIB_SEGMENTS_H

/* Segments with data that left, those sent again not counted; -1 with errno. */
int segments_sent(int fd);

/* Bytes that were written and never left yet; -1 with errno. */
int bytes_unsent(int fd);

#endif
