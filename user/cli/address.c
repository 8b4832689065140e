// SPDX-License-Identifier: MIT
/*
 * address.c - socket addresses as they came by netlink, in digits
 */
#include "cli.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

void address_digits(bool six, const void *ip, unsigned int port, char *out, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";

	inet_ntop(six ? AF_INET6 : AF_INET, ip, host, sizeof(host));
	snprintf(out, size, six ? "[%s]:%u" : "%s:%u", host, port);
}

void address_words(const void *address, size_t len, char *out, size_t size)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	snprintf(out, size, "?");
	if (address && len == sizeof(in)) {
		memcpy(&in, address, sizeof(in));
		address_digits(false, &in.sin_addr, ntohs(in.sin_port), out, size);
	} else if (address && len == sizeof(in6)) {
		memcpy(&in6, address, sizeof(in6));
		address_digits(true, &in6.sin6_addr, ntohs(in6.sin6_port), out, size);
	}
}
