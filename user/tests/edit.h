/* SPDX-License-Identifier: MIT */
/*
 * edit.h - takes a hello apart, changes it, puts it together again
 *
 * For messages that an honest peer never sends: any field and any extension of ClientHello,
 * ServerHello, EncryptedExtensions and CertificateRequest (RFC 8446 section 4) can be
 * dropped, replaced, doubled, moved. The lengths are kept right, unless the edit is about
 * them.
 */
#ifndef TESTS_EDIT_H
#define TESTS_EDIT_H

#include <stdint.h>

#include "pair.h"

enum edit_op {
	EDIT_NONE,
	EDIT_DROP, /* extension @type */
	EDIT_SET, /* extension @type: the body becomes @hex; added at the end if not there */
	EDIT_ADD, /* one more extension @type, at the end */
	EDIT_ADD_FIRST,
	EDIT_VERSION, /* fields of a hello */
	EDIT_RANDOM,
	EDIT_SESSION_ID,
	EDIT_SUITES, /* of a ServerHello: the suite */
	EDIT_COMPRESSION,
	EDIT_NO_EXTENSIONS, /* not even the length of the block */
	EDIT_TRAIL, /* @hex behind the end of the message's body */
	EDIT_FLOOD, /* 300 extensions of different, unknown types */
	EDIT_GROW, /* padding of 0xf000 bytes */
};

struct edit {
	enum edit_op op;
	uint16_t type;
	const char *hex;
};

/* Replaces the bytes of @m by the edited ones. */
void edit_message(struct message *m, const struct edit *edits, size_t count);

#endif
