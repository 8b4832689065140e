// SPDX-License-Identifier: MIT
/*
 * test_fuzz.c - the fuzzers' targets over their seeds, and over mutations that repeat
 *
 * The seeds are in user/tests/seeds/TARGET. A short run that is the same each time; the long
 * one is `make fuzz`. With "write" as its argument it writes the seeds of fuzz_message anew:
 * each message of each handshake (RFC 8446 section 2, RFC 5246 section 7.3).
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "pair.h"
#include "session.h"
#include "tap.h"

#define SEED_MAX 65536
#define MUTATIONS 6

struct target {
	const char *name;
	int (*run)(const uint8_t *bytes, size_t len);
};

static const struct target targets[] = {
	{ "message", fuzz_message },	     { "engine", fuzz_engine }, { "session", fuzz_session },
	{ "certificate", fuzz_certificate }, { "ticket", fuzz_ticket }, { "config", fuzz_config },
};

static char root[] = "user/tests/seeds";

/* The same for each run: xorshift of the seed's number. */
static size_t mutate(uint8_t *bytes, size_t len, uint32_t state)
{
	for (int i = 0; i < 3 && len; i++) {
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		switch (state % 3) {
		case 0:
			bytes[state / 3 % len] ^= (uint8_t)(1 << (state >> 29));
			break;
		case 1:
			bytes[state / 3 % len] = (uint8_t)(state >> 24);
			break;
		case 2:
			len -= state / 3 % (len / 4 + 1);
			break;
		}
	}
	return len;
}

static size_t read_seed(const char *path, uint8_t *bytes)
{
	FILE *f = fopen(path, "rb");
	size_t len;

	if (!f)
		bail("cannot read %s", path);
	len = fread(bytes, 1, SEED_MAX, f);
	fclose(f);
	return len;
}

static void run_target(const struct target *t)
{
	static uint8_t seed[SEED_MAX], bytes[SEED_MAX];
	char folder[256], path[512];
	struct dirent **files;
	unsigned int runs = 0;
	int count;

	snprintf(folder, sizeof(folder), "%s/%s", root, t->name);
	count = scandir(folder, &files, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (files[i]->d_name[0] != '.') {
			size_t len;

			snprintf(path, sizeof(path), "%s/%s", folder, files[i]->d_name);
			len = read_seed(path, seed);
			t->run(seed, len);
			for (uint32_t m = 1; m <= MUTATIONS; m++) {
				memcpy(bytes, seed, len);
				t->run(bytes, mutate(bytes, len, m * 2654435761u + (uint32_t)i));
			}
			runs += 1 + MUTATIONS;
		}
		free(files[i]);
	}
	if (count >= 0)
		free(files);
	ok(runs > 0, "fuzz_%s: %u inputs from its seeds", t->name, runs);
}

static void write_seed(const char *target, const char *name, const void *a, size_t a_len,
		       const void *b, size_t b_len)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, target);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s/%s", root, target, name);
	f = fopen(path, "wb");
	if (!f || fwrite(a, 1, a_len, f) != a_len || (b_len && fwrite(b, 1, b_len, f) != b_len) ||
	    fclose(f))
		bail("cannot write %s", path);
}

/* As it came, and what is in one of the server's own. */
static void write_tickets(const struct pair *p)
{
	const struct hs_config *c = &p->side[HS_CLIENT].config;
	static const uint8_t whole = 0, sealed = 1;
	struct session s;

	if (session_decode(&s, c->session, c->session_len) < 0)
		bail("the session does not decode");
	write_seed("ticket", "whole", &whole, 1, s.ticket.at, s.ticket.left);
	session_release(&s);
	write_seed("ticket", "sealed", &sealed, 1, c->session, c->session_len);
}

static void write_handshake(uint8_t bits)
{
	char name[96];
	struct pair p;

	fuzz_set_up(&p, bits);
	pair_run(&p);
	if (!pair_complete(&p))
		bail("handshake %u ends early", bits);
	for (size_t i = 0; i < p.sent_count; i++) {
		const struct message *m = &p.sent[i];
		uint8_t to = (uint8_t)((m->from == HS_CLIENT) | m->epoch << 1);
		uint8_t head[] = { bits, (uint8_t)i, to, (uint8_t)(m->len >> 8), (uint8_t)m->len };

		snprintf(name, sizeof(name), "%02u-%02zu-%s", bits, i,
			 hs_message_name(m->bytes[0]));
		write_seed("message", name, head, sizeof(head), m->bytes, m->len);
		to = (uint8_t)(bits << 4 | to);
		if (i < 2 && bits < 16)
			write_seed("engine", name, &to, 1, m->bytes, m->len);
	}
	if (bits == (FUZZ_TLS12 | FUZZ_RESUMED))
		write_seed("session", "stored-tls12", p.side[HS_CLIENT].config.session,
			   p.side[HS_CLIENT].config.session_len, NULL, 0);
	if (bits == FUZZ_RESUMED) {
		write_tickets(&p);
		write_seed("session", "stored", p.side[HS_CLIENT].config.session,
			   p.side[HS_CLIENT].config.session_len, NULL, 0);
		write_seed("certificate", "der", p.side[HS_CLIENT].engine->peer_chain[0].data,
			   p.side[HS_CLIENT].engine->peer_chain[0].len, NULL, 0);
	}
	pair_free(&p);
}

int main(int argc, char **argv)
{
	static const uint8_t handshakes[] = { 0,
					      FUZZ_TLS12,
					      FUZZ_RETRY | FUZZ_CLIENT_CERTIFICATE,
					      FUZZ_TLS12 | FUZZ_CLIENT_CERTIFICATE,
					      FUZZ_RESUMED,
					      FUZZ_TLS12 | FUZZ_RESUMED,
					      FUZZ_TLS12 | FUZZ_RSA };

	if (argc > 1 && !strcmp(argv[1], "write")) {
		mkdir(root, 0755);
		for (size_t i = 0; i < sizeof(handshakes); i++)
			write_handshake(handshakes[i]);
		return 0;
	}
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		run_target(&targets[i]);
	identities_free();
	return tap_done();
}
