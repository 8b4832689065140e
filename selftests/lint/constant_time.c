// SPDX-License-Identifier: GPL-2.0-only
/*
 * constant_time.c - does the engine branch on what nobody may learn?
 *
 * Built with MemorySanitizer around single files of the engine. What is secret is marked as never
 * written, and all that libcrypto would do is left out, so that a branch, an index or a memcmp() that
 * depends on it stops the program: the padding of RSA key exchange (RFC 5246 section 7.4.7.1) and what
 * a Finished and a binder are compared with (RFC 8446 sections 4.4.4 and 4.2.11.2). It must never say
 * yes without having been there: each check ends with the result of the comparison.
 */
#include <errno.h>
#include <sanitizer/msan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void hide(void *secret, size_t len)
{
	__msan_poison(secret, len);
}

/* MemorySanitizer forgets over an addition what was secret: what the engine makes opaque is so still. */
#define __asm__(...) hide(&x, sizeof(x))
#include CHECKED
#undef __asm__

static int result(const char *what, int good)
{
	printf("constant time: %s: %s\n", what, good ? "yes" : "the function was not reached");
	return !good;
}

/* ---- what the files want of others */

static int engine_failures;

int engine_fail(struct hs_engine *e, enum alert alert, int error, const char *format, ...)
{
	(void)e;
	(void)alert;
	(void)format;
	engine_failures++;
	return -error;
}

int engine_check(struct hs_engine *e, int rc, const char *what)
{
	(void)e;
	(void)what;
	return rc;
}

/* As CRYPTO_memcmp(), whose verdict is no secret any more. */
bool crypto_equal(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t differs = 0;

	for (size_t i = 0; i < len; i++)
		differs |= x[i] ^ y[i];
	__msan_unpoison(&differs, 1);
	return !differs;
}

#ifdef CHECK_RSA
size_t credential_signature_max(const struct hs_credential *c)
{
	(void)c;
	return 256;
}

int credential_decrypt_raw(const struct hs_credential *c, const uint8_t *bytes, size_t len,
			   uint8_t *out)
{
	(void)c;
	memcpy(out, bytes, len);
	hide(out, len);
	return 0;
}

static int hidden_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	memset(out, 5, len);
	hide(out, len);
	return 0;
}

int main(void)
{
	static struct hs_engine e;
	uint8_t ciphertext[256];
	int good;

	memset(ciphertext, 7, sizeof(ciphertext));
	ciphertext[0] = 0;
	ciphertext[1] = 2;
	ciphertext[256 - 49] = 0;
	e.config.random = hidden_random;
	e.client_version = HS_TLS_1_2;
	e.in.share = reader_over(ciphertext, sizeof(ciphertext));
	good = server_take_premaster(&e) == 0;
	__msan_unpoison(e.premaster, sizeof(e.premaster));
	return result("the padding of RSA", good && e.premaster[1] == 3 && e.premaster[2] == 7);
}
#endif

#ifndef CHECK_RSA
int transcript_value(struct transcript *t, uint8_t *out)
{
	(void)t;
	memset(out, 1, HASH_MAX);
	return 0;
}

int transcript_add(struct transcript *t, const uint8_t *bytes, size_t len)
{
	(void)t;
	(void)bytes;
	(void)len;
	return 0;
}

/* What the peer's is compared with */
static int expected(uint8_t *out)
{
	memset(out, 9, 32);
	hide(out, 32);
	return 0;
}

static int compare(const char *what, int (*check)(struct hs_engine *e, struct reader r), size_t len)
{
	static const struct suite suite = { .hash = HASH_SHA256 };
	static struct hs_engine e;
	uint8_t right[32], wrong[32];
	int good;

	memset(right, 9, sizeof(right));
	memset(wrong, 8, sizeof(wrong));
	e.suite = &suite;
	good = check(&e, reader_over(right, len)) == 0 && !engine_failures;
	return result(what, good && check(&e, reader_over(wrong, len)) < 0 && engine_failures == 1);
}
#endif

#ifdef CHECK_FINISHED
int key_schedule_finished(struct key_schedule *k, const struct secret *base,
			  const uint8_t *transcript, uint8_t *out)
{
	(void)k;
	(void)base;
	(void)transcript;
	return expected(out);
}

static int finished(struct hs_engine *e, struct reader r)
{
	static struct secret base;

	e->in.signature = r;
	return check_finished(e, &base);
}

int main(void)
{
	return compare("Finished", finished, 32);
}
#endif

#ifdef CHECK_FINISHED_TLS12
int verify_data(struct hkdf *h, const struct secret *master, const char *label, const uint8_t *hash,
		uint8_t *out)
{
	uint8_t bytes[32];

	(void)h;
	(void)master;
	(void)label;
	(void)hash;
	expected(bytes);
	memcpy(out, bytes, VERIFY_DATA_LEN);
	return 0;
}

static int finished(struct hs_engine *e, struct reader r)
{
	e->in.signature = r;
	return check_finished_tls12(e);
}

int main(void)
{
	return compare("Finished of TLS 1.2", finished, VERIFY_DATA_LEN);
}
#endif

#ifdef CHECK_BINDER
int crypto_digest(enum hash hash, const void *bytes, size_t len, uint8_t *out)
{
	(void)hash;
	(void)bytes;
	(void)len;
	memset(out, 1, HASH_MAX);
	return 0;
}

int transcript_value_with(struct transcript *t, const uint8_t *bytes, size_t len, uint8_t *out)
{
	(void)bytes;
	(void)len;
	return transcript_value(t, out);
}

int key_schedule_early(struct key_schedule *k, enum hash hash, const struct secret *psk)
{
	(void)k;
	(void)hash;
	(void)psk;
	return 0;
}

int key_schedule_binder(struct key_schedule *k, bool external, const uint8_t *transcript,
			uint8_t *out)
{
	(void)k;
	(void)external;
	(void)transcript;
	return expected(out);
}

void key_schedule_release(struct key_schedule *k)
{
	(void)k;
}

static int binder(struct hs_engine *e, struct reader r)
{
	static const struct session s = { .suite = HS_AES_128_GCM_SHA256 };

	return check_binder(e, &s, r);
}

int main(void)
{
	return compare("binders", binder, 32);
}
#endif
