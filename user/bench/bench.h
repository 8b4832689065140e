/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what a handshake costs: the two sides of the comparison, and the clock
 *
 * RFC 8446 section 2, RFC 5246 section 7.3. One handshake between two ends of the same
 * implementation, each end's processor time apart. It must never be timed by the wall: other
 * work on the machine is no part of a handshake.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "identity.h"

struct bench_case {
	const char *name;
	uint16_t version;
	enum key_type key;
	bool resumed;
	bool fresh; /* the client has never seen the server's certificate */
};

enum { SERVER, CLIENT, SIDES };

/* Processor time of this thread, in microseconds. */
static inline double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* @values are sorted for it. */
double median(double *values, size_t count);

/* Adds what @call takes to @sum. */
#define TIMED(sum, call)                    \
	do {                                \
		double start_ = cpu_us();   \
		call;                       \
		(sum) += cpu_us() - start_; \
	} while (0)

/*
 * Each of the two has: set_up(), once a case, false if the case is none of its; run(), one
 * handshake, with what it took by side in @us; hold(), @count servers that wait for the
 * client's last flight, drop(), which ends them; tear_down().
 */
bool libssl_set_up(const struct bench_case *c);
void libssl_run(double us[SIDES]);
void libssl_hold(size_t count);
void libssl_drop(void);
void libssl_tear_down(void);

bool tlsock_set_up(const struct bench_case *c);
void tlsock_run(double us[SIDES]);
void tlsock_hold(size_t count);
void tlsock_drop(void);
void tlsock_tear_down(void);

/* What the primitives of @side take by themselves, with everything made that can be. */
void primitives_measure(void);
double primitives_of(const struct bench_case *c, int side);
void primitives_print(void);

#endif
