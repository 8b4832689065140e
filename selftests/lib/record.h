/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record.h: the record protocol of RFC 8446 section 5 and RFC 5246 section 6.2 for a test's own side of
 * the wire, made with libcrypto's AES-GCM. It shares nothing with the module, so that an error
 * there cannot hide here. It is made to build wrong records as willingly as right ones.
 */
#ifndef SELFTESTS_LIB_RECORD_H
#define SELFTESTS_LIB_RECORD_H

#include "common.h"

#define REC_CCS 20
#define REC_ALERT 21
#define REC_HANDSHAKE 22
#define REC_DATA 23

#define REC_HEADER 5
#define REC_PLAIN_MAX 16384
/* The longest that a 16-bit length can say, with its header. */
#define REC_MAX (REC_HEADER + 65535)

#define TLS13 0x0304
#define TLS12 0x0303

#define SUITE_AES_128 0x1301
#define SUITE_AES_256 0x1302
#define SUITE_12_AES_128 0xc02f
#define SUITE_12_AES_256 0xc030

struct rec_key {
	uint16_t version, suite;
	uint8_t key[32], iv[12], secret[48];
	size_t key_len, secret_len;
	uint64_t seq;
};

/* The key of an epoch and sender that the scripted worker installs: fixed bytes. */
struct rec_key key_of(uint16_t version, uint16_t suite, int epoch, bool server);

/* The next generation of an application traffic key: RFC 8446 section 7.2 and 7.3. */
void key_next(struct rec_key *k);

/*
 * Protect len bytes of a content type, with pad zero bytes after it (TLS 1.3). The record goes to
 * out (REC_MAX bytes); the value is its length.
 */
size_t rec_seal(struct rec_key *k, uint8_t type, const void *data, size_t len, size_t pad,
		uint8_t *out);

/* Write a record without protection; its length. */
size_t rec_plain(uint8_t type, const void *data, size_t len, uint8_t *out);

/* Open a whole record: bytes of content and their type, or -1 if it does not authenticate. */
ssize_t rec_open(struct rec_key *k, const uint8_t *rec, size_t len, uint8_t *type, uint8_t *out);

/* Read one whole record from a socket: its length with header; 0 at FIN, -1 with errno. */
ssize_t rec_read(int fd, uint8_t *rec);

/* rec_seal() and write it: 0, or -1. */
int rec_send(int fd, struct rec_key *k, uint8_t type, const void *data, size_t len);

/* rec_read() and rec_open(): bytes of content and their type; 0 at FIN, -1 for anything bad. */
ssize_t rec_recv(int fd, struct rec_key *k, uint8_t *type, uint8_t *out);

/*
 * Read records until an alert: its description, with the level in *level if not NULL. -1: FIN or
 * reset came first, or nothing for long. k NULL: alerts in plaintext.
 */
int rec_alert(int fd, struct rec_key *k, int *level);

#endif
