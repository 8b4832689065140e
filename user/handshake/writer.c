// SPDX-License-Identifier: MIT
/*
 * writer.c - a growing buffer of wire bytes, RFC 8446 section 3
 *
 * See writer.h. It must never write outside of what it has reserved.
 */
#include "writer.h"

#include <stdlib.h>
#include <string.h>

bool writer_ok(const struct writer *w)
{
	return !w->failed;
}

void writer_clear(struct writer *w)
{
	w->len = 0;
	w->failed = false;
}

void writer_release(struct writer *w)
{
	free(w->bytes);
	*w = (struct writer){ 0 };
}

bool writer_reserve(struct writer *w, size_t size)
{
	w->bytes = size <= WRITER_MAX ? malloc(size) : NULL;
	w->size = w->bytes ? size : 0;
	return w->bytes;
}

/* Makes room for @more bytes and returns where they go, or NULL. */
static uint8_t *writer_grow(struct writer *w, size_t more)
{
	size_t size = w->size ? w->size : 512;
	uint8_t *bytes;

	if (w->failed || more > WRITER_MAX - w->len)
		goto fail;
	while (size < w->len + more)
		size *= 2;
	if (size > w->size) {
		bytes = realloc(w->bytes, size);
		if (!bytes)
			goto fail;
		w->bytes = bytes;
		w->size = size;
	}
	w->len += more;
	return w->bytes + w->len - more;
fail:
	w->failed = true;
	return NULL;
}

void writer_bytes(struct writer *w, const void *bytes, size_t len)
{
	uint8_t *to;

	if (!len)
		return;
	to = writer_grow(w, len);
	if (to)
		memcpy(to, bytes, len);
}

static void put_uint(uint8_t *to, size_t width, size_t value)
{
	while (width--) {
		to[width] = (uint8_t)value;
		value >>= 8;
	}
}

static void writer_uint(struct writer *w, size_t width, uint32_t value)
{
	uint8_t *to = writer_grow(w, width);

	if (to)
		put_uint(to, width, value);
}

void writer_u8(struct writer *w, uint8_t value)
{
	writer_uint(w, 1, value);
}

void writer_u16(struct writer *w, uint16_t value)
{
	writer_uint(w, 2, value);
}

void writer_u24(struct writer *w, uint32_t value)
{
	if (value > 0xffffff)
		w->failed = true;
	writer_uint(w, 3, value);
}

void writer_u32(struct writer *w, uint32_t value)
{
	writer_uint(w, 4, value);
}

size_t writer_open(struct writer *w, size_t width)
{
	size_t mark = w->len;

	writer_uint(w, width, 0);
	return mark;
}

void writer_close(struct writer *w, size_t mark, size_t width)
{
	size_t len;

	if (w->failed)
		return;
	len = w->len - mark - width;
	if (len >> (8 * width)) {
		w->failed = true;
		return;
	}
	put_uint(w->bytes + mark, width, len);
}
