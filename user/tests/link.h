/* SPDX-License-Identifier: MIT */
/*
 * link.h - an engine on a TCP socket, for tests against other implementations
 *
 * The record protocol of RFC 8446 section 5 in user space, blocking, with a deadline on
 * each wait: enough to shake hands with a foreign peer and to pass a few lines. The real
 * record layer is the kernel module's.
 */
#ifndef TESTS_LINK_H
#define TESTS_LINK_H

#include <sys/types.h>

#include "handshake.h"
#include "record_tls13.h"

#define LINK_TIMEOUT_MS 20000

struct link {
	int fd;
	struct hs_engine *engine;
	struct hs_key keys[2]; /* by direction; key_len 0: plaintext */
	enum hs_epoch epoch; /* of what is received */
	struct hs_key pending; /* TLS 1.2: in force from the peer's change_cipher_spec on */
	bool complete;
	bool failed;
	char text[HS_MAX_TEXT + 64];
	struct hs_failure failure;
	uint8_t handshake[HS_MAX_INPUT]; /* bytes of messages that are not whole yet */
	size_t handshake_len;
	char data[4096]; /* what the peer said, zero-terminated */
	size_t data_len;
	unsigned int post_handshake_messages;
	bool closed; /* by close_notify */
};

/* All of it to a socket; false: errno says why. */
bool send_whole(int fd, const uint8_t *bytes, size_t len);

struct link *link_new(int fd, const struct hs_config *config, enum hs_role role);
/* Runs until COMPLETE; false on a failure, told in link->text. */
bool link_handshake(struct link *link);
bool link_send(struct link *link, const char *text);
/* Receives until @text has come; false when the peer closes or fails first. */
bool link_expect(struct link *link, const char *text);
void link_close(struct link *link); /* close_notify, close, free */

/* A foreign program on two pipes. */
struct peer {
	pid_t pid;
	int in;
	int out;
	char output[65536]; /* stdout and stderr so far, zero-terminated */
	size_t output_len;
};

bool program_exists(const char *name);
struct peer *peer_start(const char *const *argv);
/* Reads output until @text has come. */
bool peer_expect(struct peer *peer, const char *text);
/* Closes its stdin, reads the rest; returns its exit status. */
int peer_finish(struct peer *peer);
void peer_kill(struct peer *peer); /* this process and no other, and frees */

#endif
