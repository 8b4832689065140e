/* SPDX-License-Identifier: MIT */
/*
 * trace.h - what the files of `tlsock trace` share
 *
 * A handshake over plain TCP, by the engine that the daemon uses and a record layer of its own, so
 * that each message can be shown. Must never print a secret unless it was asked to.
 */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handshake/handshake.h"

/* ---- trace_record.c: TLSCiphertext of RFC 8446 section 5.2, of RFC 5246 section 6.2.3.3 ---- */

#define TRACE_PLAIN_MAX 16384
#define TRACE_CIPHER_MAX (TRACE_PLAIN_MAX + 256)

/* @record gets header and content; returns their length, or 0. @record has 5 + CIPHER_MAX bytes. */
size_t trace_seal(struct hs_key *key, uint8_t type, const uint8_t *bytes, size_t len,
		  uint8_t *record);

/*
 * Opens a record in place behind its header. Returns the length of the content, which lies at
 * *content, and sets *type; -1 when it does not authenticate.
 */
int trace_open(struct hs_key *key, uint8_t *record, size_t len, uint8_t *type, uint8_t **content);

/* ---- trace_socket.c: TCP ---- */

#define TRACE_TIMEOUT_MS 10000

/* A descriptor, or -1: it was told why. */
int trace_connect(const char *host, const char *service);
int trace_accept(const char *host, const char *service); /* one client; @host may be "" */
bool trace_read(int fd, void *out, size_t len); /* all of it; false: it ended, or took too long */
void trace_close(int fd); /* after the last word: waits for the peer's end */

/* ---- trace_identity.c: an object that is the caller's, or NULL: it was told why ---- */

struct hs_credential *trace_made_credential(void);
struct hs_credential *trace_file_credential(const char *chain_path, const char *key_path);
char *trace_read_file(const char *path, size_t *len); /* free() */

/* ---- trace_explain.c: what is said between messages. @server: our side is it ---- */

void trace_key(const struct hs_key *key, bool server); /* what it is for, and not the key */
void trace_schedule(bool tls13);
void trace_change(bool sent, bool tls13);
void trace_end(const struct hs_summary *summary, bool server,
	       bool asked); /* the peer was asked who it is */

/* ---- trace_live.c ---- */

int trace_live(
	unsigned long count); /* until so many handshakes have ended, 0: for ever; exit status */

/* ---- trace_print.c: what a message says ---- */

struct trace_names {
	bool tls13; /* the version that was agreed; known from ServerHello on */
	uint16_t suite;
};

/* One complete handshake message, header included. */
void trace_message(struct trace_names *names, bool sent, bool encrypted, const uint8_t *message,
		   size_t len);
/* A line at the margin, and one below a message. */
void trace_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
void trace_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void trace_hex(const char *what, const void *bytes, size_t len);

#endif
