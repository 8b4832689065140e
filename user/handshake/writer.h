/* SPDX-License-Identifier: MIT */
/*
 * writer.h - a growing buffer of wire bytes
 *
 * Writes the presentation language of RFC 8446 section 3. A failure (no memory, more than
 * WRITER_MAX bytes, a vector longer than its length field can say) sticks: the callers
 * write on and ask writer_ok() once, at the end. It must never hold a secret, unless
 * it was given room for all of it first: growing leaves copies behind.
 */
#ifndef HANDSHAKE_WRITER_H
#define HANDSHAKE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WRITER_MAX (512 * 1024)

struct writer {
	uint8_t *bytes;
	size_t len;
	size_t size;
	bool failed;
};

bool writer_ok(const struct writer *w);
void writer_clear(struct writer *w); /* empties, keeps the memory */
void writer_release(struct writer *w); /* frees the memory */
bool writer_reserve(struct writer *w, size_t size); /* room for @size bytes; of an empty one */

void writer_bytes(struct writer *w, const void *bytes, size_t len);
void writer_u8(struct writer *w, uint8_t value);
void writer_u16(struct writer *w, uint16_t value);
void writer_u24(struct writer *w, uint32_t value);
void writer_u32(struct writer *w, uint32_t value);

/* Reserves a length field of @width bytes; writer_close() fills it in. */
size_t writer_open(struct writer *w, size_t width);
void writer_close(struct writer *w, size_t mark, size_t width);

#endif
