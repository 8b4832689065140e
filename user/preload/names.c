// SPDX-License-Identifier: MIT
/*
 * names.c - the hosts that the program looked up, by address; see preload.h
 *
 * A ring of the latest ones. Two hosts at one address: the later wins, as it is the one that is
 * about to be connected to. A wrong guess can only make verification fail, for the name is what
 * the certificate is checked against.
 */
#include "preload.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>

#define NAMES_MAX 256

struct known {
	unsigned char address[16]; /* IPv4 in its mapped form */
	char host[TLSOCK_NAME_MAX + 1];
};

static struct known ring[NAMES_MAX];
static size_t next;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool address_of(const struct sockaddr *from, socklen_t len, unsigned char out[16])
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (from->sa_family == AF_INET && len >= sizeof(in)) {
		memcpy(&in, from, sizeof(in));
		memset(out, 0, 10);
		memset(out + 10, 0xff, 2);
		memcpy(out + 12, &in.sin_addr, 4);
		return true;
	}
	if (from->sa_family == AF_INET6 && len >= sizeof(in6)) {
		memcpy(&in6, from, sizeof(in6));
		memcpy(out, &in6.sin6_addr, 16);
		return true;
	}
	return false;
}

/* An address in digits names itself: it must not stand for a host that was looked up before. */
static void remember(const char *host, const unsigned char address[16])
{
	size_t i;

	for (i = 0; i < NAMES_MAX; i++)
		if (ring[i].host[0] && !memcmp(ring[i].address, address, 16))
			break;
	if (i == NAMES_MAX) {
		i = next;
		next = (next + 1) % NAMES_MAX;
	}
	memcpy(ring[i].address, address, 16);
	strcpy(ring[i].host, host);
}

void names_remember(const char *host, const struct addrinfo *list)
{
	size_t len = host ? strcspn(host, "%") : 0;
	char name[TLSOCK_NAME_MAX + 1];
	unsigned char address[16];

	if (len > 1 && host[len - 1] == '.')
		len--;
	if (!len || len >= sizeof(name))
		return;
	memcpy(name, host, len);
	name[len] = '\0';
	pthread_mutex_lock(&lock);
	for (; list; list = list->ai_next)
		if (address_of(list->ai_addr, list->ai_addrlen, address))
			remember(name, address);
	pthread_mutex_unlock(&lock);
}

static bool digits(const unsigned char address[16], char *name, size_t size)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (!memcmp(address, mapped, sizeof(mapped)))
		return inet_ntop(AF_INET, address + 12, name, (socklen_t)size);
	return inet_ntop(AF_INET6, address, name, (socklen_t)size);
}

bool names_recall(const struct sockaddr *from, socklen_t len, char *name, size_t size)
{
	unsigned char address[16];
	bool found = false;

	if (!address_of(from, len, address))
		return false;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < NAMES_MAX && !found; i++) {
		found = ring[i].host[0] && !memcmp(ring[i].address, address, 16) &&
			strlen(ring[i].host) < size;
		if (found)
			strcpy(name, ring[i].host);
	}
	pthread_mutex_unlock(&lock);
	return found || digits(address, name, size);
}
