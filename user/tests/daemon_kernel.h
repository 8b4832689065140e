/* SPDX-License-Identifier: MIT */
/*
 * daemon_kernel.h - stands where the kernel stands for the daemon's connections
 *
 * Takes the PUSH messages apart as part 2 of <linux/tlsock.h> says, with code that shares nothing
 * with push.c, and carries the DATA of one side to the other.
 */
#ifndef TESTS_DAEMON_KERNEL_H
#define TESTS_DAEMON_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connection.h"
#include "identity.h"

struct fake_key {
	uint8_t epoch;
	uint16_t version, suite;
	uint8_t key[64], iv[64], secret[64];
	size_t key_len, iv_len, secret_len;
};

/* What the last PUSH asked for, and what all of them did. */
struct fake_kernel {
	struct connections daemon;
	int64_t now_us; /* the daemon's clock stands until a test moves it */
	int refuse; /* negative errno for the next PUSH, once */
	const char *refuse_reason;

	size_t pushes;
	char order[64]; /* of the actions of the last: D K C O(k) F */
	size_t nests; /* ACTIONS attributes of the last */
	size_t nest_bytes; /* of the longest of them */
	uint8_t *sent; /* DATA of type 22, not yet carried over */
	size_t sent_len;
	uint8_t sent_epoch; /* a flight's parts of several epochs are carried one by one */
	struct {
		size_t len;
		uint8_t epoch;
	} parts[8];
	size_t part_count;
	struct fake_key keys[2][2]; /* [TX, RX][handshake, application] */

	bool complete;
	uint32_t flags, verify_code;
	uint16_t suite, group, scheme;
	size_t certs;
	char name[256], alpn[256];
	uint8_t binding[32];
	uint8_t cookie[8192];
	size_t cookie_len; /* 0: COMPLETE had none */
	size_t tickets; /* given to the daemon with it */
	bool failed;
	uint32_t error;
	int alert; /* -1: none */
	char text[512];
};

struct fake_kernel *fake_new(const struct config *config);
void fake_free(struct fake_kernel *k);
void fake_forget(struct fake_kernel *k); /* what it has seen */

/* A CONN_NEW with generation 1, uid and gid 1000, verify as the role's default. */
struct event fake_event(bool server, const char *name);
/* Gives DATA to the daemon, in pieces of @piece bytes with MORE; 0: whole. */
void fake_deliver(struct fake_kernel *k, const struct event *conn, uint8_t epoch,
		  const uint8_t *bytes, size_t len, size_t piece);
/* Carries what @from has sent over to @to. */
void fake_carry(struct fake_kernel *from, struct fake_kernel *to, const struct event *conn,
		size_t piece);

/* A folder below /tmp, with files; removed by scratch_remove(). */
const char *scratch_new(void);
void scratch_write(const char *name, unsigned int mode, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void write_identity(const char *name, const struct identity *id); /* name.pem, name.key */
char *scratch_path(const char *name); /* free() */
void scratch_remove(void);

/* What is written to stderr in between; a pipe's worth at most. @out is a string. */
struct caught {
	int saved, pipe;
};

struct caught catch_stderr(void);
void caught_read(struct caught *caught, char *out, size_t size);

/* Valid today: the daemon's clock is the real one. */
struct identity *identity_today(const char *names, const struct identity *issuer, int64_t from_days,
				int64_t to_days);

#endif
