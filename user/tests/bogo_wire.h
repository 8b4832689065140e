/* SPDX-License-Identifier: MIT */
/*
 * bogo_wire.h - a strict record layer in user space, for BoringSSL's test runner
 *
 * What kmod/rx.c, kmod/handshake.c and kmod/key_update.c do, on a blocking socket: the same
 * bounds, the same alerts, the pure kmod/record.c for headers (RFC 8446 section 5). The
 * runner sends whatever a peer must not send, so link.h would be too trusting. It must never
 * be used outside of tests.
 */
#ifndef TESTS_BOGO_WIRE_H
#define TESTS_BOGO_WIRE_H

#include "handshake.h"
#include "record_tls13.h"

#define WIRE_CHUNK 16384
#define WIRE_TEXT (HS_MAX_TEXT + 64)

struct wire {
	int fd;
	struct hs_engine *engine;
	enum hs_role role;
	struct hs_key keys[2]; /* by direction; key_len 0: plaintext */
	enum hs_epoch epoch; /* of what is received */
	struct hs_key pending; /* TLS 1.2: in force from the peer's change_cipher_spec on */
	bool complete;
	bool failed;
	char text[WIRE_TEXT]; /* the reason */
	bool close_received; /* close_notify */
	bool ended; /* no more bytes: FIN or close_notify */
	bool close_sent;
	size_t fragment; /* bytes of content in a record that is sent */

	uint8_t handshake[HS_MAX_INPUT]; /* messages that are not whole yet */
	size_t handshake_len;
	size_t handshake_total;
	unsigned int change_cipher_specs;
	unsigned int idle; /* records in a row without data */
	bool any_record;
	bool owes_key_update;

	uint8_t data[WIRE_CHUNK]; /* of the record in work */
	size_t data_len;
	size_t data_at;
};

void wire_start(struct wire *w, int fd, struct hs_engine *engine, enum hs_role role);
/* Until COMPLETE; false: failed, or the peer left. */
bool wire_handshake(struct wire *w);
/* Up to @len bytes of application data; 0: the peer has ended; -1: failed. */
int wire_read(struct wire *w, uint8_t *out, size_t len);
bool wire_write(struct wire *w, const void *bytes, size_t len);
bool wire_key_update(struct wire *w); /* a KeyUpdate that asks for none back */
bool wire_alert(struct wire *w, uint8_t level, uint8_t description);
/* close_notify, if the connection still stands. */
void wire_close_notify(struct wire *w);
/* Says that there is no more, reads what is still under way, closes. */
void wire_close(struct wire *w);

#endif
