/* SPDX-License-Identifier: MIT */
/*
 * token.h - keys in tokens, through a provider of libcrypto
 *
 * For the keeper's process alone: a PKCS#11 module does not live through a fork, and is other people's
 * code. Must never ask on a terminal, nor give a PIN out twice.
 */
#ifndef DAEMON_TOKEN_H
#define DAEMON_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKEN_REASON_SIZE 256

struct evp_pkey_st; /* OpenSSL's EVP_PKEY */

/*
 * Loads a provider: by its name (as OpenSSL's own configuration knows it), or from a path; with
 * @module, or NULL for what that configuration says, it gets this PKCS#11 module.
 * Returns 0, or -ENOENT with the reason in @reason, TOKEN_REASON_SIZE bytes of printable ASCII.
 */
int token_init(const char *provider, const char *module, char *reason);

/*
 * The one private key that @uri names. @pin: NULL for none. *@asked: the token wanted one, so this
 * may have counted as a try. 0, or with a reason as above: -ENOKEY: none such, more than one, the
 * token is away or the PIN is wrong; -EINVAL: it is no key that can sign.
 */
int token_load(const char *uri, const char *pin, bool *asked, struct evp_pkey_st **key,
	       char *reason);
void token_free(struct evp_pkey_st *key);

/* As hs_key_operations has them; a reason as above, but of what a peer has sent there is none. */
int token_sign(struct evp_pkey_st *key, uint16_t scheme, const uint8_t *bytes, size_t len,
	       uint8_t *signature, size_t *signature_len, char *reason);
int token_decrypt_raw(struct evp_pkey_st *key, const uint8_t *bytes, size_t len, uint8_t *out);

#endif
