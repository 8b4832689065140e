/* SPDX-License-Identifier: MIT */
/*
 * keeper.h - the process that has the keys in tokens, and how others ask it
 *
 * One for each configuration that names a token: forked by the loader, before the provider and its
 * PKCS#11 module are loaded, which a fork would break and which need not be where a peer's bytes are.
 * Workers ask it for signatures over a socket each. It loads keys for the loader alone, and ends
 * when nobody has a socket to it any more. Must never give a key or a PIN to anybody.
 */
#ifndef DAEMON_KEEPER_H
#define DAEMON_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "handshake/handshake.h"

#define KEEPER_PIN_MAX 256 /* bytes */
#define KEEPER_REASON_SIZE 320

struct keeper;

struct keeper_settings {
	const char *provider; /* a name or the absolute path of one */
	const char *module; /* absolute path of a PKCS#11 module, or NULL: as the provider has it */
	bool change; /* it becomes this user, with the user's groups */
	uid_t uid;
	gid_t gid;
};

/*
 * Forks one and has it load the provider. NULL with the reason in @reason, KEEPER_REASON_SIZE
 * bytes, if that fails or takes too long. Caller frees.
 */
struct keeper *keeper_new(const struct keeper_settings *settings, char *reason);

/*
 * Has it load the private key of a URI (token_uri.h) that names no PIN. @pin: a string, or NULL.
 * @out is filled with what asks for its operations, and lives as long as @keeper. 0, or a negative
 * errno with the reason as above. What has failed with a PIN is not tried again with the same one,
 * -EACCES, until keeper_forget_refusal(): tokens lock themselves after a few.
 */
int keeper_load(struct keeper *keeper, const char *uri, const char *pin,
		struct hs_key_operations *out, char *reason);
void keeper_forget_refusal(void);

/* Why the last operation failed; "" if none has. */
const char *keeper_reason(const struct keeper *keeper);

/* No more keys: the loader's socket is closed, and this process cannot ask any more. */
void keeper_seal(struct keeper *keeper);
/*
 * In a worker, once: a socket of its own. Without one, a negative errno, operations fail.
 * The others of this process do not know of it.
 */
int keeper_join(struct keeper *keeper);

pid_t keeper_pid(const struct keeper *keeper);
/* Lets go of it; takes NULL. @end: it is ended and waited for, as nobody else has it. */
void keeper_free(struct keeper *keeper, bool end);

#endif
