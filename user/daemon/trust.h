/* SPDX-License-Identifier: MIT */
/*
 * trust.h - fills trust stores from files, folders and the system's bundle
 *
 * Must never trust a certificate that somebody other than the administrator could have put
 * there: every file goes through file_read().
 */
#ifndef DAEMON_TRUST_H
#define DAEMON_TRUST_H

#include <stddef.h>

#include "handshake/handshake.h"

/*
 * Each returns 0, or a negative errno with a sentence in @text. A folder gives its *.pem, *.crt
 * and *.cer files; it must have one at least.
 */
int trust_add_file(struct hs_trust *trust, const char *path, char *text, size_t text_size);
int trust_add_crl(struct hs_trust *trust, const char *path, char *text, size_t text_size);
int trust_add_dir(struct hs_trust *trust, const char *path, char *text, size_t text_size);
int trust_add_system(struct hs_trust *trust, char *text, size_t text_size);

#endif
