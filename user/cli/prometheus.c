// SPDX-License-Identifier: MIT
/*
 * prometheus.c - the counters of /proc/net/tlsock_stat in Prometheus' text format
 *
 * TlsockTxRecords becomes tlsock_tx_records_total; what goes up and down is a gauge. Knows no
 * counter by name but those two gauges: one that a newer module adds is there at once.
 */
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static bool is_gauge(const char *name)
{
	return !strcmp(name, "TlsockInFlight") || !strcmp(name, "TlsockWorkers");
}

/* An underscore before each capital letter but the first, and no capitals */
static void snake(const char *name, char *out, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; name[i] && at + 2 < size; i++) {
		if (i && isupper((unsigned char)name[i]))
			out[at++] = '_';
		out[at++] = (char)tolower((unsigned char)name[i]);
	}
	out[at] = '\0';
}

int prometheus_print(FILE *from, FILE *to)
{
	unsigned long long value;
	char name[64], metric[128];
	int count = 0;

	for (; fscanf(from, "%63[A-Za-z0-9] %llu ", name, &value) == 2; count++) {
		bool gauge = is_gauge(name);

		snake(name, metric, sizeof(metric));
		fprintf(to, "# TYPE %s%s %s\n%s%s %llu\n", metric, gauge ? "" : "_total",
			gauge ? "gauge" : "counter", metric, gauge ? "" : "_total", value);
	}
	return count;
}
