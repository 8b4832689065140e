// SPDX-License-Identifier: MIT
/*
 * test_wycheproof.c - what the engine derives itself, against Project Wycheproof's vectors
 *
 * HKDF (RFC 5869), X25519 and the NIST curves by crypto.h's shares (RFC 8446 section 7.4), and
 * the AES-256-GCM of tickets; vectors/wycheproof_*.txt say where they come from. Points in any
 * form but the uncompressed one, off the curve, or with a secret of zero have to be refused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "hkdf.h"
#include "tap.h"

#define COLUMNS 8

struct field {
	uint8_t *bytes;
	size_t len;
};

struct row {
	char *column[COLUMNS];
	struct field hex[COLUMNS]; /* what is in hex of it, else nothing */
};

typedef bool (*row_test)(const struct row *row, void *arg);

static void take_row(struct row *row, char *line)
{
	char *rest = line;

	*row = (struct row){ 0 };
	for (int i = 0; i < COLUMNS && (row->column[i] = strsep(&rest, " \n")); i++)
		if (strspn(row->column[i], "0123456789abcdef") == strlen(row->column[i]) &&
		    strlen(row->column[i]) % 2 == 0)
			row->hex[i].bytes = unhex(row->column[i], &row->hex[i].len);
		else
			row->hex[i].bytes = calloc(1, 1);
}

static bool is(const struct row *row, const char *result)
{
	return !strcmp(row->column[1], result);
}

static void each_row(const char *name, row_test test, void *arg)
{
	unsigned int good = 0, all = 0;
	char path[128], *line = NULL;
	size_t size = 0;
	FILE *f;

	snprintf(path, sizeof(path), "user/tests/vectors/wycheproof_%s.txt", name);
	f = fopen(path, "r");
	if (!f)
		bail("cannot read %s", path);
	while (getline(&line, &size, f) > 0) {
		struct row row;

		if (*line == '#')
			continue;
		take_row(&row, line);
		all++;
		if (test(&row, arg))
			good++;
		else
			note("%s, number %s, %s", name, row.column[0], row.column[1]);
		for (int i = 0; i < COLUMNS; i++)
			free(row.hex[i].bytes);
	}
	ok(all > 50 && good == all, "%s: %u of %u", name, good, all);
	free(line);
	fclose(f);
}

static bool hkdf_row(const struct row *row, void *arg)
{
	const struct field *ikm = &row->hex[2], *salt = &row->hex[3], *info = &row->hex[4];
	size_t size = strtoul(row->column[5], NULL, 10);
	struct hkdf *h = arg;
	struct secret prk;
	uint8_t *okm = malloc(size ? size : 1);
	bool good;

	good = hkdf_extract(h, salt->bytes, salt->len, ikm->bytes, ikm->len, &prk) == 0;
	if (is(row, "valid"))
		good = good && hkdf_expand(h, &prk, info->bytes, info->len, okm, size) == 0 &&
		       row->hex[6].len == size && !memcmp(okm, row->hex[6].bytes, size);
	else
		good = good && hkdf_expand(h, &prk, info->bytes, info->len, okm, size) < 0;
	free(okm);
	return good;
}

static int give_private(void *ctx, uint8_t *out, size_t len)
{
	const struct field *private = ctx;

	if (len != private->len)
		return -1;
	memcpy(out, private->bytes, len);
	return 0;
}

static bool share_row(const struct row *row, void *arg)
{
	const struct group *group = arg;
	struct field private = row->hex[2];
	const struct field *peer = &row->hex[3], *shared = &row->hex[4];
	bool spoken = peer->len == group->public_len &&
		      (group->code == HS_X25519 || peer->bytes[0] == 4);
	struct crypto_share *share = NULL;
	struct shared_secret out;
	bool good;
	int rc;

	if (crypto_share_new(group, give_private, &private, &share) < 0)
		return false;
	rc = crypto_share_derive(share, group, peer->bytes, peer->len, &out);
	if (!spoken || is(row, "zero") || is(row, "invalid"))
		good = rc == -EBADMSG && !out.len;
	else
		good = rc == 0 && out.len == shared->len &&
		       !memcmp(out.bytes, shared->bytes, out.len);
	crypto_share_free(share);
	return good;
}

static bool seal_row(const struct row *row, void *arg)
{
	const struct field *key = &row->hex[2], *nonce = &row->hex[3], *aad = &row->hex[4];
	const struct field *plain = &row->hex[5], *cipher = &row->hex[6], *tag = &row->hex[7];
	size_t len = cipher->len + tag->len;
	uint8_t *whole = malloc(len + 1), *out = malloc(len + 1);
	bool good, valid = is(row, "valid");
	int rc;

	(void)arg;
	memcpy(whole, cipher->bytes, cipher->len);
	memcpy(whole + cipher->len, tag->bytes, tag->len);
	rc = crypto_open(key->bytes, nonce->bytes, aad->bytes, aad->len, whole, len, out);
	good = valid ? rc == 0 && !memcmp(out, plain->bytes, plain->len) : rc == -EBADMSG;
	if (valid)
		good = good &&
		       crypto_seal(key->bytes, nonce->bytes, aad->bytes, aad->len, plain->bytes,
				   plain->len, out) == 0 &&
		       !memcmp(out, whole, len);
	free(whole);
	free(out);
	return good;
}

int main(void)
{
	struct hkdf sha256, sha384;

	if (crypto_init() < 0 || hkdf_init(&sha256, HASH_SHA256) < 0 ||
	    hkdf_init(&sha384, HASH_SHA384) < 0)
		bail("libcrypto");
	each_row("hkdf_sha256", hkdf_row, &sha256);
	each_row("hkdf_sha384", hkdf_row, &sha384);
	each_row("x25519", share_row, (void *)(uintptr_t)group_find(HS_X25519));
	each_row("p256", share_row, (void *)(uintptr_t)group_find(HS_SECP256R1));
	each_row("p384", share_row, (void *)(uintptr_t)group_find(HS_SECP384R1));
	each_row("aes_256_gcm", seal_row, NULL);
	hkdf_release(&sha256);
	hkdf_release(&sha384);
	return tap_done();
}
