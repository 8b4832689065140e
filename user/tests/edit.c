// SPDX-License-Identifier: MIT
/*
 * edit.c - takes a hello apart, changes it, puts it together again
 *
 * See edit.h. Built on the engine's reader and writer, which have tests of their own; it
 * must never change anything that no edit names.
 */
#include "edit.h"

#include <stdlib.h>

#include "tap.h"

#define PARTS_MAX 320

struct part {
	uint16_t type;
	uint8_t *bytes;
	size_t len;
};

struct parts {
	uint8_t type;
	struct part version, random, session_id, suites, compression, context, trail;
	bool no_extensions;
	struct part extensions[PARTS_MAX];
	size_t count;
};

static void part_set(struct part *p, const uint8_t *bytes, size_t len)
{
	free(p->bytes);
	p->bytes = malloc(len + 1);
	if (!p->bytes)
		bail("out of memory");
	memcpy(p->bytes, bytes, len);
	p->len = len;
}

static void part_take(struct part *p, struct reader *r, size_t width, size_t len)
{
	struct reader span;

	if (width ? !reader_vec(r, width, &span, 0, 1 << 24) : !reader_span(r, len, &span))
		bail("edit: the message is not what it should be");
	part_set(p, span.at, span.left);
}

static void take_apart(struct parts *p, const struct message *m)
{
	struct reader r = reader_over(m->bytes + 4, m->len - 4), block;

	p->type = m->bytes[0];
	if (p->type == MESSAGE_CLIENT_HELLO || p->type == MESSAGE_SERVER_HELLO) {
		bool client = p->type == MESSAGE_CLIENT_HELLO;

		part_take(&p->version, &r, 0, 2);
		part_take(&p->random, &r, 0, 32);
		part_take(&p->session_id, &r, 1, 0);
		part_take(&p->suites, &r, client ? 2 : 0, 2);
		part_take(&p->compression, &r, client ? 1 : 0, 1);
	} else if (p->type == MESSAGE_CERTIFICATE_REQUEST) {
		part_take(&p->context, &r, 1, 0);
	}
	if (!reader_vec16(&r, &block, 0, UINT16_MAX) || !reader_done(&r))
		bail("edit: no extensions");
	while (!reader_done(&block)) {
		struct part *e = &p->extensions[p->count++];

		if (!reader_u16(&block, &e->type))
			bail("edit: a broken extension");
		part_take(e, &block, 2, 0);
	}
}

static void write_vec(struct writer *w, size_t width, const struct part *p)
{
	size_t mark = 0;

	if (width)
		mark = writer_open(w, width);
	writer_bytes(w, p->bytes, p->len);
	if (width)
		writer_close(w, mark, width);
}

static void put_together(const struct parts *p, struct message *m)
{
	struct writer w = { 0 };
	size_t body, block;

	writer_u8(&w, p->type);
	body = writer_open(&w, 3);
	if (p->type == MESSAGE_CLIENT_HELLO || p->type == MESSAGE_SERVER_HELLO) {
		bool client = p->type == MESSAGE_CLIENT_HELLO;

		write_vec(&w, 0, &p->version);
		write_vec(&w, 0, &p->random);
		write_vec(&w, 1, &p->session_id);
		write_vec(&w, client ? 2 : 0, &p->suites);
		write_vec(&w, client ? 1 : 0, &p->compression);
	} else if (p->type == MESSAGE_CERTIFICATE_REQUEST) {
		write_vec(&w, 1, &p->context);
	}
	if (!p->no_extensions) {
		block = writer_open(&w, 2);
		for (size_t i = 0; i < p->count; i++) {
			writer_u16(&w, p->extensions[i].type);
			write_vec(&w, 2, &p->extensions[i]);
		}
		writer_close(&w, block, 2);
	}
	write_vec(&w, 0, &p->trail);
	writer_close(&w, body, 3);
	if (!writer_ok(&w))
		bail("edit: the message does not fit");
	free(m->bytes);
	m->bytes = w.bytes;
	m->len = w.len;
}

static struct part *find(struct parts *p, uint16_t type)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->extensions[i].type == type)
			return &p->extensions[i];
	return NULL;
}

static void drop(struct parts *p, uint16_t type)
{
	struct part *e = find(p, type);

	if (!e)
		bail("edit: no extension %u to drop", type);
	free(e->bytes);
	p->count--;
	memmove(e, e + 1, (size_t)(p->extensions + p->count - e) * sizeof(*e));
}

static struct part *add(struct parts *p, uint16_t type, const uint8_t *bytes, size_t len)
{
	struct part *e = &p->extensions[p->count++];

	if (p->count > PARTS_MAX)
		bail("edit: too many extensions");
	*e = (struct part){ .type = type };
	part_set(e, bytes, len);
	return e;
}

static void add_first(struct parts *p, uint16_t type, const uint8_t *bytes, size_t len)
{
	struct part last = *add(p, type, bytes, len);

	memmove(p->extensions + 1, p->extensions, (p->count - 1) * sizeof(last));
	p->extensions[0] = last;
}

static void apply_extension(struct parts *p, const struct edit *e, const uint8_t *bytes, size_t len)
{
	struct part *there = find(p, e->type);

	switch (e->op) {
	case EDIT_DROP:
		drop(p, e->type);
		break;
	case EDIT_SET:
		if (there)
			part_set(there, bytes, len);
		else
			add(p, e->type, bytes, len);
		break;
	case EDIT_ADD:
		add(p, e->type, bytes, len);
		break;
	case EDIT_ADD_FIRST:
		add_first(p, e->type, bytes, len);
		break;
	case EDIT_FLOOD:
		for (uint16_t i = 0; i < 300; i++)
			add(p, (uint16_t)(0x8000 + i), bytes, 0);
		break;
	default:
		bail("edit: what?");
	}
}

static void apply(struct parts *p, const struct edit *e)
{
	static const uint8_t padding[0xf000];
	size_t len;
	uint8_t *bytes = unhex(e->hex ? e->hex : "", &len);

	switch (e->op) {
	case EDIT_NONE:
		break;
	case EDIT_VERSION:
		part_set(&p->version, bytes, len);
		break;
	case EDIT_RANDOM:
		part_set(&p->random, bytes, len);
		break;
	case EDIT_SESSION_ID:
		part_set(&p->session_id, bytes, len);
		break;
	case EDIT_SUITES:
		part_set(&p->suites, bytes, len);
		break;
	case EDIT_COMPRESSION:
		part_set(&p->compression, bytes, len);
		break;
	case EDIT_NO_EXTENSIONS:
		p->no_extensions = true;
		break;
	case EDIT_TRAIL:
		part_set(&p->trail, bytes, len);
		break;
	case EDIT_GROW:
		add_first(p, 21, padding, sizeof(padding));
		break;
	default:
		apply_extension(p, e, bytes, len);
	}
	free(bytes);
}

void edit_message(struct message *m, const struct edit *edits, size_t count)
{
	struct parts *p = calloc(1, sizeof(*p));
	struct part *parts[7];

	if (!p)
		bail("out of memory");
	take_apart(p, m);
	for (size_t i = 0; i < count; i++)
		apply(p, &edits[i]);
	put_together(p, m);
	parts[0] = &p->version;
	parts[1] = &p->random;
	parts[2] = &p->session_id;
	parts[3] = &p->suites;
	parts[4] = &p->compression;
	parts[5] = &p->context;
	parts[6] = &p->trail;
	for (size_t i = 0; i < 7; i++)
		free(parts[i]->bytes);
	for (size_t i = 0; i < p->count; i++)
		free(p->extensions[i].bytes);
	free(p);
}
