// SPDX-License-Identifier: GPL-2.0-only
/*
 * segments.c: TCP_INFO as the kernel's own header has it.
 */
#include "segments.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int tcp_info(int fd, struct tcp_info *info)
{
	socklen_t len = sizeof(*info);

	*info = (struct tcp_info){ 0 };
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len);
}

int segments_sent(int fd)
{
	struct tcp_info info;

	return tcp_info(fd, &info) ? -1 : (int)(info.tcpi_data_segs_out - info.tcpi_total_retrans);
}

int bytes_unsent(int fd)
{
	struct tcp_info info;

	return tcp_info(fd, &info) ? -1 : (int)info.tcpi_notsent_bytes;
}
