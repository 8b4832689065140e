/* SPDX-License-Identifier: MIT */
/*
 * reader.h - a bounded reader over wire bytes
 *
 * Reads the presentation language of RFC 8446 section 3: big-endian numbers, fixed arrays
 * and vectors with a length in front. Each function returns false, and leaves the reader
 * as it was, when what it is asked for is not there. It must never copy what it can point
 * at, and never look beyond its end.
 */
#ifndef HANDSHAKE_READER_H
#define HANDSHAKE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
	const uint8_t *at;
	size_t left;
};

static inline struct reader reader_over(const void *bytes, size_t len)
{
	struct reader r = { .at = bytes, .left = len };

	return r;
}

static inline bool reader_done(const struct reader *r)
{
	return r->left == 0;
}

/* The next @len bytes as a reader of their own. */
static inline bool reader_span(struct reader *r, size_t len, struct reader *out)
{
	if (r->left < len)
		return false;
	*out = reader_over(r->at, len);
	if (len)
		r->at += len;
	r->left -= len;
	return true;
}

static inline bool reader_bytes(struct reader *r, void *out, size_t len)
{
	struct reader span;

	if (!reader_span(r, len, &span))
		return false;
	if (len)
		memcpy(out, span.at, len);
	return true;
}

static inline bool reader_uint(struct reader *r, size_t width, uint32_t *out)
{
	struct reader span;
	uint32_t value = 0;

	if (!reader_span(r, width, &span))
		return false;
	for (size_t i = 0; i < width; i++)
		value = value << 8 | span.at[i];
	*out = value;
	return true;
}

static inline bool reader_u8(struct reader *r, uint8_t *out)
{
	uint32_t value;

	if (!reader_uint(r, 1, &value))
		return false;
	*out = (uint8_t)value;
	return true;
}

static inline bool reader_u16(struct reader *r, uint16_t *out)
{
	uint32_t value;

	if (!reader_uint(r, 2, &value))
		return false;
	*out = (uint16_t)value;
	return true;
}

static inline bool reader_u24(struct reader *r, uint32_t *out)
{
	return reader_uint(r, 3, out);
}

static inline bool reader_u32(struct reader *r, uint32_t *out)
{
	return reader_uint(r, 4, out);
}

/* A vector whose length takes @width bytes and lies between @min and @max. */
static inline bool reader_vec(struct reader *r, size_t width, struct reader *out, size_t min,
			      size_t max)
{
	struct reader probe = *r;
	uint32_t len;

	if (!reader_uint(&probe, width, &len) || len < min || len > max ||
	    !reader_span(&probe, len, out))
		return false;
	*r = probe;
	return true;
}

static inline bool reader_vec8(struct reader *r, struct reader *out, size_t min, size_t max)
{
	return reader_vec(r, 1, out, min, max);
}

static inline bool reader_vec16(struct reader *r, struct reader *out, size_t min, size_t max)
{
	return reader_vec(r, 2, out, min, max);
}

static inline bool reader_vec24(struct reader *r, struct reader *out, size_t min, size_t max)
{
	return reader_vec(r, 3, out, min, max);
}

#endif
