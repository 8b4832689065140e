// SPDX-License-Identifier: MIT
/*
 * test_grease.c - code points that nobody knows, RFC 8701
 *
 * What a client puts into its ClientHello, that the second one repeats it, that it follows from the
 * random bytes, and that a server which takes it at its word is refused.
 */
#include <stdio.h>
#include <stdlib.h>

#include "edit.h"
#include "extensions.h"
#include "tap.h"

#define SUPPORTED_VERSIONS 43
#define KEY_SHARE 51

static bool is_grease(uint16_t code)
{
	return (code & 0x0f0f) == 0x0a0a && code >> 8 == (code & 0xff);
}

struct found {
	uint16_t suite, group, version, extension, scheme;
	unsigned int count;
};

static void note_one(struct found *f, uint16_t code, uint16_t *where)
{
	if (!is_grease(code))
		return;
	f->count++;
	*where = code;
}

static void note_list(struct found *f, struct reader list, uint16_t *where)
{
	uint16_t code;

	while (reader_u16(&list, &code))
		note_one(f, code, where);
}

/* All of a ClientHello */
static struct found look(const struct message *m)
{
	struct reader r = reader_over(m->bytes + 4 + 2 + 32, m->len - 4 - 2 - 32), part, block,
		      body;
	struct found f = { .count = 0 };
	uint16_t type;

	if (!reader_vec8(&r, &part, 0, 32) || !reader_vec16(&r, &part, 2, UINT16_MAX))
		bail("no ClientHello");
	note_list(&f, part, &f.suite);
	if (!reader_vec8(&r, &part, 1, 1) || !reader_vec16(&r, &block, 0, UINT16_MAX))
		bail("no extensions");
	while (reader_u16(&block, &type) && reader_vec16(&block, &body, 0, UINT16_MAX)) {
		note_one(&f, type, &f.extension);
		if (type == EXTENSION_SUPPORTED_GROUPS && reader_vec16(&body, &part, 2, 256))
			note_list(&f, part, &f.group);
		if (type == EXTENSION_SIGNATURE_ALGORITHMS && reader_vec16(&body, &part, 2, 256))
			note_list(&f, part, &f.scheme);
		if (type == EXTENSION_SUPPORTED_VERSIONS && reader_vec8(&body, &part, 2, 254))
			note_list(&f, part, &f.version);
	}
	return f;
}

static bool is_whole(const struct found *f)
{
	return f->count == 5 && f->suite && f->group && f->version && f->extension && f->scheme;
}

static void set_up(struct pair *p, uint16_t min_version)
{
	pair_init(p, KEY_ECDSA_P256);
	p->side[HS_CLIENT].config.grease = true;
	for (int role = HS_CLIENT; role <= HS_SERVER; role++)
		p->side[role].config.min_version = min_version;
}

static void sent(void)
{
	struct found f, again;
	struct pair p;

	set_up(&p, 0);
	pair_run(&p);
	f = look(&p.sent[0]);
	ok(is_whole(&f) && pair_complete(&p),
	   "a suite, a group, a version, a scheme and an extension: %04x", f.suite);
	pair_free(&p);
	set_up(&p, 0);
	pair_run(&p);
	again = look(&p.sent[0]);
	ok(!memcmp(&f, &again, sizeof(f)), "the same random bytes, the same code points");
	pair_free(&p);
	set_up(&p, 0);
	p.side[HS_CLIENT].random_state++;
	pair_run(&p);
	again = look(&p.sent[0]);
	ok(is_whole(&again) && memcmp(&f, &again, sizeof(f)) != 0, "others, others");
	pair_free(&p);
	set_up(&p, HS_TLS_1_2);
	p.side[HS_SERVER].config.max_version = HS_TLS_1_2;
	pair_run(&p);
	f = look(&p.sent[0]);
	ok(is_whole(&f) && pair_complete(&p), "a server of TLS 1.2 passes over them");
	pair_free(&p);
	set_up(&p, 0);
	p.side[HS_CLIENT].config.grease = false;
	p.side[HS_SERVER].config.grease = true; /* it asks for nothing */
	pair_run(&p);
	f = look(&p.sent[0]);
	ok(!f.count && pair_complete(&p), "none without the switch");
	pair_free(&p);
}

static void repeated(void)
{
	static const uint16_t groups[] = { HS_SECP384R1 };
	struct found first, second;
	struct pair p;

	set_up(&p, 0);
	p.side[HS_SERVER].config.groups = groups;
	p.side[HS_SERVER].config.group_count = 1;
	pair_run(&p);
	first = look(&p.sent[0]);
	second = look(&p.sent[2]);
	ok(pair_complete(&p) && is_whole(&first) && !memcmp(&first, &second, sizeof(first)),
	   "the second ClientHello has the same ones");
	pair_free(&p);
}

static const struct row {
	const char *what;
	enum edit_op op;
	uint16_t type; /* 0: the code point is the type */
	bool retry;
	uint8_t alert;
} rows[] = {
	{ "the suite", EDIT_SUITES, 1, false, ALERT_ILLEGAL_PARAMETER },
	{ "the version", EDIT_SET, SUPPORTED_VERSIONS, false, ALERT_ILLEGAL_PARAMETER },
	{ "the extension", EDIT_ADD, 0, false, ALERT_UNSUPPORTED_EXTENSION },
	{ "the group, in a share", EDIT_SET, KEY_SHARE, false, ALERT_ILLEGAL_PARAMETER },
	{ "the group, in a retry", EDIT_SET, KEY_SHARE, true, ALERT_ILLEGAL_PARAMETER },
};

#define RETRY_RANDOM "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"

static void taken(const struct row *row)
{
	char hex[32];
	struct edit edits[] = { { row->op, row->type, hex }, { EDIT_RANDOM, 0, RETRY_RANDOM } };
	const struct party *c;
	struct found f;
	struct pair p;

	set_up(&p, 0);
	pair_start(&p);
	f = look(&p.sent[0]);
	pair_step(&p);
	if (row->op == EDIT_SUITES)
		snprintf(hex, sizeof(hex), "%04x", f.suite);
	else if (row->type == KEY_SHARE)
		snprintf(hex, sizeof(hex), row->retry ? "%04x" : "%04x000100", f.group);
	else
		snprintf(hex, sizeof(hex), "%04x", f.version);
	if (!row->type)
		edits[0].type = f.extension;
	edit_message(&p.sent[1], edits, row->retry ? 2 : 1);
	pair_step(&p);
	c = &p.side[HS_CLIENT];
	ok(c->failed && c->failure.alert == row->alert && c->failure.error == EPROTO,
	   "a server that takes %s: %s", row->what, c->text);
	pair_free(&p);
}

int main(void)
{
	sent();
	repeated();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		taken(&rows[i]);
	identities_free();
	return tap_done();
}
