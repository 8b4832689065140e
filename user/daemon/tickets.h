/* SPDX-License-Identifier: MIT */
/*
 * tickets.h - the keys that seal a server's session tickets (RFC 5077, RFC 8446 section 4.6.1)
 *
 * Either made here, in memory that the supervisor shares with every worker of now and later, and
 * replaced as time goes by; or read from a folder that machines with one service share. A key is
 * a name of 16 bytes and 32 of key. Must never be written to a disk, and one of zeros is none.
 */
#ifndef DAEMON_TICKETS_H
#define DAEMON_TICKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handshake/handshake.h"

#define TICKET_FILE_LEN ((size_t)(HS_TICKET_NAME_LEN + HS_TICKET_KEY_LEN))
#define TICKET_FILES_MAX 16

struct ticket_key {
	uint8_t name[HS_TICKET_NAME_LEN];
	uint8_t key[HS_TICKET_KEY_LEN];
};

/* Keys of a folder; the last by the name of its file seals, and all of them open. */
struct ticket_files {
	struct ticket_key keys[TICKET_FILES_MAX];
	size_t count;
};

/*
 * Reads every file *.key of @path: TICKET_FILE_LEN bytes, private. 0 or a negative errno with the
 * reason in @text.
 */
int ticket_files_load(struct ticket_files *files, const char *path, char *text, size_t text_size);

struct tickets; /* shared memory; the supervisor alone writes to it */

/* With a first key. NULL: errno. */
struct tickets *tickets_new(void);
void tickets_free(struct tickets *tickets); /* wipes, for every process; takes NULL */

/* A new key seals from now on; the two before it still open. 0 or a negative errno. */
int tickets_rotate(struct tickets *tickets);

/* As hs_config.ticket_key: 0 or -ENOENT. @files go first, if there are any. */
int tickets_key(const struct tickets *tickets, const struct ticket_files *files, bool seal,
		uint8_t name[HS_TICKET_NAME_LEN], uint8_t key[HS_TICKET_KEY_LEN]);

#endif
