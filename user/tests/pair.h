/* SPDX-License-Identifier: MIT */
/*
 * pair.h - a client and a server engine that talk in memory
 *
 * Plays the record layer of both sides: delivers what one engine emits to the other, by
 * epoch, and keeps keys and results. Random bytes and clock are the test's, so a run can
 * be repeated.
 */
#ifndef TESTS_PAIR_H
#define TESTS_PAIR_H

#include "engine.h"
#include "identity.h"

#define MESSAGES_MAX 32

struct party {
	struct hs_config config;
	struct hs_engine *engine;
	uint64_t random_state;
	int64_t now;
	bool complete;
	bool failed;
	struct hs_failure failure;
	char text[HS_MAX_TEXT];
	struct hs_key keys[2][4]; /* by direction and epoch */
	uint16_t max_payload[4]; /* of the last DATA, by epoch; 0: there was none */
	unsigned int change_cipher_specs;
	unsigned int continues;
};

/* A handshake message on its way. */
struct message {
	enum hs_role from;
	enum hs_epoch epoch;
	uint8_t *bytes;
	size_t len;
};

struct pair {
	struct party side[2]; /* by role */
	struct message sent[MESSAGES_MAX]; /* all, in order */
	size_t sent_count;
	size_t delivered;
	/* May change the bytes of a message (freed with free()) before it is delivered. */
	void (*tamper)(struct pair *p, struct message *m, size_t index);
	void *tamper_arg;
	struct hs_credential *credentials[1]; /* the server's */
};

/* Configurations that work: server.example with @key, and a client that verifies it. */
void pair_init(struct pair *p, enum key_type key);
void pair_start(struct pair *p); /* makes and starts the engines */
/* Delivers one message; false when there is none left or a side has failed. */
bool pair_step(struct pair *p);
void pair_run(struct pair *p); /* start, then steps to the end */
void pair_free(struct pair *p);
void party_take_actions(struct pair *p, enum hs_role role);
bool pair_complete(const struct pair *p);

int test_random(void *ctx, uint8_t *out, size_t len); /* ctx: struct party */
int64_t test_now(void *ctx);

#endif
