/* SPDX-License-Identifier: MIT */
/*
 * key_schedule.h - the key schedule of TLS 1.3, RFC 8446 section 7
 *
 * early secret -> handshake secret -> master secret, the traffic secrets that branch off,
 * traffic keys, Finished, exporter. The stages must never be run out of their order: each
 * refuses with -EINVAL unless the one before it has been run.
 */
#ifndef HANDSHAKE_KEY_SCHEDULE_H
#define HANDSHAKE_KEY_SCHEDULE_H

#include "hkdf.h"

enum key_stage {
	KEY_STAGE_NONE,
	KEY_STAGE_EARLY,
	KEY_STAGE_HANDSHAKE,
	KEY_STAGE_MASTER,
};

struct key_schedule {
	enum key_stage stage;
	struct hkdf hkdf;
	struct secret current;
	struct secret client_handshake;
	struct secret server_handshake;
	struct secret client_application;
	struct secret server_application;
	struct secret exporter;
	struct secret resumption;
};

/* @psk: NULL for a handshake without one */
int key_schedule_early(struct key_schedule *k, enum hash hash, const struct secret *psk);
/* @transcript: the hash over ClientHello..ServerHello */
int key_schedule_handshake(struct key_schedule *k, const struct shared_secret *shared,
			   const uint8_t *transcript);
/* @transcript: the hash over ClientHello..server Finished */
int key_schedule_master(struct key_schedule *k, const uint8_t *transcript);
/* @transcript: the hash over ClientHello..client Finished. The master secret is gone then. */
int key_schedule_complete(struct key_schedule *k, const uint8_t *transcript);
void key_schedule_release(struct key_schedule *k); /* wipes */

int key_schedule_finished(struct key_schedule *k, const struct secret *base,
			  const uint8_t *transcript, uint8_t *out);
/* The binder of a PSK (RFC 8446 section 4.2.11.2), in the early stage */
int key_schedule_binder(struct key_schedule *k, bool external, const uint8_t *transcript,
			uint8_t *out);
/* The PSK of a ticket (section 4.6.1), after key_schedule_complete() */
int key_schedule_resumption(struct key_schedule *k, const uint8_t *nonce, size_t len,
			    struct secret *psk);
int key_schedule_traffic_key(struct key_schedule *k, const struct secret *secret, uint8_t *key,
			     size_t key_len, uint8_t *iv, size_t iv_len);
int key_schedule_export(struct key_schedule *k, const char *label, const uint8_t *context,
			size_t context_len, uint8_t *out, size_t len);

#endif
