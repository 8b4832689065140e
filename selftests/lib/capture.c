// SPDX-License-Identifier: GPL-2.0-only
/*
 * capture.c: see capture.h.
 */
#include "capture.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>

#define PACKET_MAX (128 * 1024)

int capture_open(void)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
	struct sockaddr_ll sll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int big = 64 << 20;

	if (fd < 0)
		return -1;
	sll.sll_ifindex = (int)if_nametoindex("lo");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big)) ||
	    bind(fd, (struct sockaddr *)&sll, sizeof(sll))) {
		close(fd);
		return -1;
	}
	return fd;
}

int capture_count(int fd, const void *marker, size_t len, int *packets)
{
	struct tpacket_stats st;
	socklen_t st_len = sizeof(st);
	uint8_t *buf = malloc(PACKET_MAX), *at;
	int seen = 0, hits = 0;
	ssize_t n;

	if (!buf)
		return -1;
	while ((n = recv(fd, buf, PACKET_MAX, MSG_TRUNC)) > 0) {
		seen++;
		if (n > PACKET_MAX)
			hits = -1;
		for (at = buf; hits >= 0; at++, hits++) {
			at = memmem(at, (size_t)(buf + n - at), marker, len);
			if (!at)
				break;
		}
	}
	free(buf);
	if (packets)
		*packets = seen;
	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &st_len) || st.tp_drops || !seen)
		return -1;
	return hits;
}

bool capture_clean(int fd, const void *marker, size_t len)
{
	int packets = 0, seen = capture_count(fd, marker, len, &packets);

	return !packets || !seen;
}
