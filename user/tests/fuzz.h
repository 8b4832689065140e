/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - the targets that a fuzzer drives, and a test runs over their seeds
 *
 * Each returns 0 and aborts on what must never be. Random bytes and time are fixed, so a
 * crash replays; keys and certificates are made anew by each process, so what depends on a
 * signature's bytes does not. Compiled with -DFUZZ_TARGET=fuzz_NAME, fuzz.c is libFuzzer's
 * entry.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/*
 * Messages of the fuzzer's in the middle of a real handshake.
 * byte 0: the handshake, FUZZ_* bits; byte 1: how many messages are delivered before;
 * then chunks: a byte (bit 0: to the server, bits 1 and 2: the epoch), a length of two
 * bytes, and that much, or what is left; after the last the handshake goes on.
 */
int fuzz_message(const uint8_t *bytes, size_t len);
/* Nothing but the bytes: to a client (byte 0 even) or a server, all in one epoch. */
int fuzz_engine(const uint8_t *bytes, size_t len);
/* A stored session, and a ticket. */
int fuzz_session(const uint8_t *bytes, size_t len);
/*
 * A ticket. Byte 0 even: the rest is one; odd: the rest is what a ticket under the server's own
 * key holds. A whole handshake is tried with it.
 */
int fuzz_ticket(const uint8_t *bytes, size_t len);
/* The daemon's configuration file. */
int fuzz_config(const uint8_t *bytes, size_t len);
/* A chain and a key in PEM, and a chain in DER, judged. */
int fuzz_certificate(const uint8_t *bytes, size_t len);

#define FUZZ_TLS12 1
#define FUZZ_RETRY 2
#define FUZZ_CLIENT_CERTIFICATE 4
#define FUZZ_RESUMED 8
#define FUZZ_RSA 16 /* key exchange, in TLS 1.2; not of fuzz_engine() */

struct pair;
void fuzz_set_up(struct pair *p, uint8_t bits); /* the handshake of byte 0 */

#endif
