// SPDX-License-Identifier: MIT
/*
 * handshake.c - what a handshake costs with the engine, and with libssl
 *
 * `make bench-handshake`: both in one process on one libcrypto, by turns, so that whatever else
 * the machine does meets both alike. Medians of the processor time of each end (RFC 8446 section
 * 2, RFC 5246 section 7.3), from its making to its end; libssl's has the records in it, the
 * engine's not. Beside them stands what the primitives take alone. Usage: handshake [rounds]
 * [csv]. It must never compare two ends that did not do the same work.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "bench.h"
#include "tap.h"

#define HELD 256

static const struct bench_case cases[] = {
	{ "TLS 1.3, ECDSA P-256", HS_TLS_1_3, KEY_ECDSA_P256, false, false },
	{ "TLS 1.3, RSA-2048", HS_TLS_1_3, KEY_RSA, false, false },
	{ "TLS 1.3, resumed", HS_TLS_1_3, KEY_ECDSA_P256, true, false },
	{ "TLS 1.2, ECDSA P-256", HS_TLS_1_2, KEY_ECDSA_P256, false, false },
	{ "TLS 1.2, RSA-2048", HS_TLS_1_2, KEY_RSA, false, false },
	{ "TLS 1.2, resumed", HS_TLS_1_2, KEY_ECDSA_P256, true, false },
	{ "TLS 1.3, first contact", HS_TLS_1_3, KEY_ECDSA_P256, false, true },
	{ "TLS 1.2, first contact", HS_TLS_1_2, KEY_ECDSA_P256, false, true },
};

static const char *const sides[SIDES] = { "server", "client" };

struct samples {
	double *us[SIDES];
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

static void keep(struct samples *s, size_t i, const double us[SIDES])
{
	for (int side = 0; side < SIDES; side++)
		s->us[side][i] = us[side];
}

/* By turns, and first the one, then the other. */
static void run(size_t rounds, struct samples *libssl, struct samples *tlsock)
{
	double us[SIDES];

	for (size_t i = 0; i < rounds; i++) {
		if (i & 1)
			libssl_run(us);
		else
			tlsock_run(us);
		keep(i & 1 ? libssl : tlsock, i, us);
		if (i & 1)
			tlsock_run(us);
		else
			libssl_run(us);
		keep(i & 1 ? tlsock : libssl, i, us);
	}
}

static void one_case(const struct bench_case *c, size_t rounds, FILE *csv)
{
	struct samples s[2];
	double us[SIDES];

	libssl_set_up(c);
	if (!tlsock_set_up(c)) {
		printf("%-22s not spoken by the engine\n", c->name);
	} else {
		for (int i = 0; i < 2 * SIDES; i++)
			s[i / SIDES].us[i % SIDES] = calloc(rounds, sizeof(double));
		libssl_run(us); /* what is made once */
		tlsock_run(us);
		run(rounds, &s[0], &s[1]);
		for (int side = 0; side < SIDES; side++) {
			double theirs = median(s[0].us[side], rounds);
			double ours = median(s[1].us[side], rounds);

			printf("%-22s %-7s %8.1f %8.1f %6.2f %8.1f\n", c->name, sides[side], theirs,
			       ours, ours / theirs, primitives_of(c, side));
			if (csv)
				fprintf(csv, "\"%s\",%s,%.1f,%.1f,%.3f\n", c->name, sides[side],
					theirs, ours, ours / theirs);
		}
		for (int i = 0; i < 2 * SIDES; i++)
			free(s[i / SIDES].us[i % SIDES]);
	}
	libssl_tear_down();
	tlsock_tear_down();
}

static size_t in_use(void)
{
	return mallinfo2().uordblks;
}

/* Servers that have sent their flight and wait. */
static void memory(const struct bench_case *c)
{
	size_t before, theirs, ours;

	libssl_set_up(c);
	tlsock_set_up(c);
	before = in_use();
	libssl_hold(HELD);
	theirs = in_use() - before;
	libssl_drop();
	before = in_use();
	tlsock_hold(HELD);
	ours = in_use() - before;
	tlsock_drop();
	printf("%s, memory of a server that waits for the client's Finished: libssl %.1f KiB, "
	       "engine %.1f KiB\n",
	       c->name, (double)theirs / HELD / 1024, (double)ours / HELD / 1024);
	libssl_tear_down();
	tlsock_tear_down();
}

int main(int argc, char **argv)
{
	size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	FILE *csv = argc > 2 ? fopen(argv[2], "w") : NULL;
	const char *only = getenv("CASE");

	/* or the heap's end comes and goes with each handshake, and page faults are measured */
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
	if (!rounds || (argc > 2 && !csv))
		bail("usage: handshake [rounds] [csv]");
	if (csv)
		fprintf(csv, "case,side,libssl_us,tlsock_us,ratio\n");
	printf("%s, %zu handshakes each, median processor time in us\n",
	       OpenSSL_version(OPENSSL_VERSION), rounds);
	primitives_measure();
	primitives_print();
	printf("%-22s %-7s %8s %8s %6s %8s\n", "", "", "libssl", "engine", "ratio", "bound");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!only || strstr(cases[i].name, only))
			one_case(&cases[i], rounds, csv);
	memory(&cases[0]);
	memory(&cases[3]);
	if (csv)
		fclose(csv);
	identities_free();
	return 0;
}
