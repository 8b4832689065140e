// SPDX-License-Identifier: MIT
/*
 * settings.c - what `tlsock exec` was told, out of the environment; see preload.h
 *
 * A program with more rights than its caller gets no settings (secure_getenv): the loader leaves
 * the library out of it as well.
 */
#include "preload.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#define PORT_DNS 53

static struct preload settings;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const char *text(const char *variable)
{
	const char *value = secure_getenv(variable);

	if (!value)
		return NULL;
	value = strdup(value);
	if (!value)
		settings.broken = true;
	return value;
}

static bool take_number(const char **at, long high, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(*at, &end, 10);
	if (errno || end == *at || *out < 0 || *out > high)
		return false;
	*at = end;
	return true;
}

static void number(const char *variable, long high, int *out)
{
	const char *value = secure_getenv(variable);
	long n;

	if (!value)
		return;
	if (!take_number(&value, high, &n) || *value)
		settings.broken = true;
	else
		*out = (int)n;
}

static void take_ports(const char *list)
{
	long n;

	while (list && !settings.broken) {
		if (settings.port_count == PRELOAD_PORTS_MAX || !take_number(&list, 65535, &n) ||
		    (*list && *list != ',')) {
			settings.broken = true;
			return;
		}
		settings.ports[settings.port_count++] = (unsigned short)n;
		list = *list ? list + 1 : NULL;
	}
}

static void read_settings(void)
{
	const char *role = secure_getenv(PRELOAD_ROLE);
	struct tlsock_options *o = &settings.options;

	if (!role)
		return;
	settings.client = !strcmp(role, "client") || !strcmp(role, "both");
	settings.server = !strcmp(role, "server") || !strcmp(role, "both");
	if (!settings.client && !settings.server) {
		settings.client = settings.server = true;
		settings.broken = true;
	}
	tlsock_options_init(o);
	o->server_name = text(PRELOAD_NAME);
	o->credential = text(PRELOAD_CREDENTIAL);
	o->trust = text(PRELOAD_TRUST);
	o->profile = text(PRELOAD_PROFILE);
	o->alpn = text(PRELOAD_ALPN);
	number(PRELOAD_VERIFY, TLSOCK_VERIFY_REQUIRED, &o->verify);
	number(PRELOAD_EOF, TLSOCK_EOF_LENIENT, &o->eof);
	number(PRELOAD_TIMEOUT, INT_MAX, &o->timeout_ms);
	take_ports(secure_getenv(PRELOAD_PORTS));
}

const struct preload *preload_settings(void)
{
	int saved = errno;

	pthread_once(&once, read_settings);
	errno = saved;
	return &settings;
}

__attribute__((constructor)) static void begin(void)
{
	preload_settings();
}

bool preload_port(const struct preload *s, unsigned int port)
{
	if (!s->port_count)
		return port != PORT_DNS;
	for (size_t i = 0; i < s->port_count; i++)
		if (s->ports[i] == port)
			return true;
	return false;
}
