// SPDX-License-Identifier: MIT
/*
 * test_record.c - the module's record format: headers, nonces, additional data
 *
 * RFC 8446 section 5, RFC 5246 section 6.2, RFC 5288, RFC 6655 and RFC 7905, byte for byte; then
 * the records of RFC 8448 section 3 are opened with libcrypto, and TLS 1.2 records by libcrypto's
 * own TLS code. A new cipher is a new row in ciphers[]. Every buffer has exactly the bytes that
 * the function may touch, on the heap, so that the sanitizer sees one too many.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "record.h"
#include "tap.h"
#include "vectors/rfc8448.h"
#include "vectors/rfc8448_records.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define GOOD (-1)
#define TAG 16
#define PLAIN_MAX (1 << 14)

/* AlertDescription, RFC 8446 section 6 */
enum {
	UNEXPECTED_MESSAGE = 10,
	RECORD_OVERFLOW = 22,
	PROTOCOL_VERSION = 70,
};

/* What adds up in a record: explicit nonce, inner type (RFC 8446 section 5.2), tag */
static const struct cipher {
	const char *name, *evp;
	uint16_t suite, version;
	unsigned int key_len, iv_len, explicit_len, overhead;
} ciphers[] = {
	{ "1.3 AES-128-GCM", "AES-128-GCM", 0x1301, 0x0304, 16, 12, 0, 1 + TAG },
	{ "1.3 AES-256-GCM", "AES-256-GCM", 0x1302, 0x0304, 32, 12, 0, 1 + TAG },
	{ "1.3 ChaCha20", "ChaCha20-Poly1305", 0x1303, 0x0304, 32, 12, 0, 1 + TAG },
	{ "1.3 AES-128-CCM", "AES-128-CCM", 0x1304, 0x0304, 16, 12, 0, 1 + TAG },
	{ "1.2 AES-128-GCM", "AES-128-GCM", 0xc02f, 0x0303, 16, 4, 8, 8 + TAG },
	{ "1.2 AES-256-GCM", "AES-256-GCM", 0xc030, 0x0303, 32, 4, 8, 8 + TAG },
	{ "1.2 AES-128-CCM", "AES-128-CCM", 0xc0ac, 0x0303, 16, 4, 8, 8 + TAG },
	{ "1.2 ChaCha20", "ChaCha20-Poly1305", 0xcca8, 0x0303, 32, 12, 0, TAG },
};

static const struct tlsock_cipher *ours(const struct cipher *c)
{
	const struct tlsock_cipher *cipher = tlsock_cipher_by_suite(c->suite, c->version);

	if (!cipher)
		bail("no cipher suite 0x%04x", c->suite);
	return cipher;
}

static uint8_t *room(size_t len)
{
	uint8_t *p = malloc(len ? len : 1);

	if (!p)
		bail("memory");
	memset(p, 0xee, len);
	return p;
}

/* ---- headers */

static int parse(const struct tlsock_cipher *cipher, unsigned int type, unsigned int version,
		 unsigned int len)
{
	uint8_t *in = room(5);
	struct tlsock_header h;
	int alert;

	in[0] = (uint8_t)type;
	in[1] = (uint8_t)(version >> 8);
	in[2] = (uint8_t)version;
	in[3] = (uint8_t)(len >> 8);
	in[4] = (uint8_t)len;
	alert = tlsock_header_parse(&h, in, cipher);
	free(in);
	if (alert == GOOD && (h.type != type || h.version != version || h.len != len))
		bail("header of type %u, length %u is read wrong", type, len);
	return alert;
}

/* RFC 8446 section 5: an unexpected record type is unexpected_message. */
static void types(const struct tlsock_cipher *cipher, const char *name)
{
	unsigned int wrong = 0;

	for (unsigned int type = 0; type < 256; type++) {
		int want = type >= 20 && type <= 23 ? GOOD : UNEXPECTED_MESSAGE;

		for (unsigned int len = 0; len <= PLAIN_MAX; len += PLAIN_MAX)
			if (parse(cipher, type, 0x0303, len) != want)
				wrong += (unsigned int)!!printf("# type %u\n", type);
	}
	ok(!wrong, "%s: change_cipher_spec, alert, handshake, application_data, no other", name);
}

/*
 * RFC 8446 section 5.1: the version is ignored; but what is not 3.x is not TLS. RFC 5246 section
 * 6.2.3.3: in TLS 1.2 it is authentic, and so the one that was agreed on.
 */
static void versions(const struct tlsock_cipher *cipher, const char *name, bool tls12)
{
	unsigned int wrong = 0;

	for (unsigned int v = 0; v <= UINT16_MAX; v++) {
		bool good = tls12 ? v == 0x0303 : v >> 8 == 3;

		if (parse(cipher, 22, v, 1) != (good ? GOOD : PROTOCOL_VERSION))
			wrong += (unsigned int)!!printf("# version 0x%04x\n", v);
	}
	ok(!wrong, "%s: %s, no other", name, tls12 ? "0x0303" : "0x0300 to 0x03ff");
}

/* The longest of each type, and whether every length there is falls on its side */
static void lengths(const struct tlsock_cipher *cipher, const char *name, const unsigned int *max)
{
	for (unsigned int type = 20; type <= 23; type++) {
		unsigned int wrong = 0;

		for (unsigned int len = 0; len <= UINT16_MAX; len++)
			if (parse(cipher, type, 0x0303, len) !=
			    (len <= max[type - 20] ? GOOD : RECORD_OVERFLOW))
				wrong += (unsigned int)!!printf("# length %u\n", len);
		ok(!wrong, "%s, type %u: %u bytes and none more", name, type, max[type - 20]);
	}
}

/*
 * RFC 8446 section 5.1 and RFC 5246 section 6.2.1: 2^14 in the clear. RFC 8446 section 5.2: 2^14 +
 * 256 protected, which is application_data on the outside. RFC 5246 section 6.2.3 has 2^14 + 2048,
 * but more than the AEAD's overhead means a plaintext of more than 2^14, which is an overflow too.
 */
static void headers(void)
{
	static const unsigned int clear[] = { 16384, 16384, 16384, 16384 };
	static const unsigned int tls13[] = { 16384, 16384, 16384, 16640 };

	types(NULL, "no key");
	versions(NULL, "no key", false);
	lengths(NULL, "no key", clear);
	for (size_t i = 0; i < COUNT(ciphers); i++) {
		const struct cipher *c = &ciphers[i];
		unsigned int n = PLAIN_MAX + c->overhead, tls12[] = { n, n, n, n };

		types(ours(c), c->name);
		versions(ours(c), c->name, c->version == 0x0303);
		lengths(ours(c), c->name, c->version == 0x0304 ? tls13 : tls12);
	}
}

static void named_lengths(void)
{
	static const struct {
		unsigned int len;
		int clear, tls12, tls13;
	} rows[] = {
		{ 0, GOOD, GOOD, GOOD },
		{ 16384, GOOD, GOOD, GOOD },
		{ 16385, RECORD_OVERFLOW, GOOD, GOOD },
		{ 16408, RECORD_OVERFLOW, GOOD, GOOD }, /* RFC 5288: 8 + 16 more */
		{ 16409, RECORD_OVERFLOW, RECORD_OVERFLOW, GOOD },
		{ 16640, RECORD_OVERFLOW, RECORD_OVERFLOW, GOOD },
		{ 16641, RECORD_OVERFLOW, RECORD_OVERFLOW, RECORD_OVERFLOW },
		{ 18432, RECORD_OVERFLOW, RECORD_OVERFLOW, RECORD_OVERFLOW },
		{ 65535, RECORD_OVERFLOW, RECORD_OVERFLOW, RECORD_OVERFLOW },
	};
	const struct tlsock_cipher *gcm12 = tlsock_cipher_by_suite(0xc02f, 0x0303);
	const struct tlsock_cipher *gcm13 = tlsock_cipher_by_suite(0x1301, 0x0304);

	for (size_t i = 0; i < COUNT(rows); i++) {
		ok(parse(NULL, 23, 0x0303, rows[i].len) == rows[i].clear, "%u, no key",
		   rows[i].len);
		ok(parse(gcm12, 23, 0x0303, rows[i].len) == rows[i].tls12, "%u, TLS 1.2",
		   rows[i].len);
		ok(parse(gcm13, 23, 0x0303, rows[i].len) == rows[i].tls13, "%u, TLS 1.3",
		   rows[i].len);
	}
}

/* RFC 8446 section 5.2: 0x0303 for all records. */
static void header_out(void)
{
	static const struct {
		uint8_t type;
		size_t len;
		const char *hex;
	} rows[] = {
		{ 22, 0, "1603030000" },     { 21, 2, "1503030002" },
		{ 20, 1, "1403030001" },     { 22, 16384, "1603034000" },
		{ 23, 16640, "1703034100" }, { 23, 0x1234, "1703031234" },
	};
	uint8_t *out = room(5);

	for (size_t i = 0; i < COUNT(rows); i++) {
		tlsock_header_put(out, rows[i].type, rows[i].len);
		ok_hex(out, 5, rows[i].hex, "header of type %u, length %zu", rows[i].type,
		       rows[i].len);
	}
	free(out);
}

static void overheads(void)
{
	ok(tlsock_overhead(NULL) == 0, "no key adds nothing");
	for (size_t i = 0; i < COUNT(ciphers); i++) {
		ok(tlsock_overhead(ours(&ciphers[i])) == ciphers[i].overhead, "%s adds %u bytes",
		   ciphers[i].name, ciphers[i].overhead);
		ok(5 + ciphers[i].overhead <= TLSOCK_OVERHEAD_MAX, "%s: and there is room",
		   ciphers[i].name);
	}
}

/* ---- nonces */

static const struct {
	uint64_t seq;
	const char *tls13; /* of RFC 8448's 5d313eb2671276ee13000b30 */
	const char *tls12; /* of salt 5d313eb2 and the number as the explicit part */
} nonce_rows[] = {
	{ 0, "5d313eb2671276ee13000b30", "5d313eb20000000000000000" },
	{ 1, "5d313eb2671276ee13000b31", "5d313eb20000000000000001" },
	{ 0x0102030405060708, "5d313eb2661075ea16060c38", "5d313eb20102030405060708" },
	{ UINT32_MAX, "5d313eb2671276eeecfff4cf", "5d313eb200000000ffffffff" },
	{ UINT64_MAX, "5d313eb298ed8911ecfff4cf", "5d313eb2ffffffffffffffff" },
};

/* RFC 8446 section 5.3 and RFC 7905 section 2; RFC 5288 section 3 and RFC 6655 section 3 */
static void nonces(const struct cipher *c)
{
	uint8_t *iv = room(c->iv_len), *nonce = room(12), *expl = NULL, *iv_hex;
	size_t len;

	iv_hex = unhex(S3_SERVER_HANDSHAKE_IV, &len);
	memcpy(iv, iv_hex, c->iv_len);
	free(iv_hex);
	for (size_t i = 0; i < COUNT(nonce_rows); i++) {
		uint64_t seq = nonce_rows[i].seq;

		if (c->explicit_len) {
			expl = room(8);
			for (unsigned int k = 0; k < 8; k++)
				expl[k] = (uint8_t)(seq >> (56 - 8 * k));
		}
		tlsock_nonce(nonce, ours(c), iv, expl, seq);
		ok_hex(nonce, 12, c->explicit_len ? nonce_rows[i].tls12 : nonce_rows[i].tls13,
		       "%s: nonce of record %#llx", c->name, (unsigned long long)seq);
		free(expl);
		expl = NULL;
	}
	if (c->explicit_len) {
		uint8_t theirs[] = { 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7 };

		tlsock_nonce(nonce, ours(c), iv, theirs, 1);
		ok_hex(nonce, 12, "5d313eb2a0a1a2a3a4a5a6a7",
		       "%s: a nonce that is not the sequence number", c->name);
	}
	free(iv);
	free(nonce);
}

/* ---- additional data */

static void additional_data(const struct cipher *c)
{
	static const struct {
		uint8_t type;
		uint64_t seq;
		unsigned int content, record;
		const char *tls13; /* opaque_type, legacy_record_version, length */
		const char *tls12; /* seq_num, type, version, length of the plaintext */
	} rows[] = {
		{ 22, 0, 657, 674, "17030302a2", "00000000000000001603030291" },
		{ 21, 1, 2, 19, "1703030013", "00000000000000011503030002" },
		{ 23, 0x0102030405060708, 0, 17, "1703030011", "01020304050607081703030000" },
		{ 23, UINT64_MAX, 16384, 16640, "1703034100", "ffffffffffffffff1703034000" },
	};
	size_t want = c->version == 0x0304 ? 5 : 13;

	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t *aad = room(want);
		size_t len = tlsock_aad(aad, ours(c), rows[i].type, rows[i].seq, rows[i].content,
					rows[i].record);

		ok(len == want && len <= TLSOCK_AAD_MAX, "%s: %zu bytes of additional data",
		   c->name, want);
		ok_hex(aad, want, c->version == 0x0304 ? rows[i].tls13 : rows[i].tls12,
		       "%s: additional data of type %u", c->name, rows[i].type);
		free(aad);
	}
}

/* ---- whole records */

/* One AEAD call with libcrypto: @len bytes and their tag behind them, in place. */
static bool aead(const char *evp, bool seal, const uint8_t *key, const uint8_t *nonce,
		 const uint8_t *aad, size_t aad_len, uint8_t *bytes, size_t len)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, evp, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ccm = strstr(evp, "CCM"), good;
	int n, way = seal;

	if (!cipher || !ctx || EVP_CipherInit_ex(ctx, cipher, NULL, NULL, NULL, way) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL) != 1)
		bail("libcrypto: %s", evp);
	good = (seal && !ccm) ||
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, seal ? NULL : bytes + len) == 1;
	good = good && EVP_CipherInit_ex(ctx, NULL, NULL, key, nonce, way) == 1 &&
	       (!ccm || EVP_CipherUpdate(ctx, NULL, &n, NULL, (int)len) == 1) &&
	       EVP_CipherUpdate(ctx, NULL, &n, aad, (int)aad_len) == 1 &&
	       EVP_CipherUpdate(ctx, bytes, &n, bytes, (int)len) == 1 &&
	       (ccm || EVP_CipherFinal_ex(ctx, bytes + len, &n) == 1) &&
	       (!seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, bytes + len) == 1);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return good;
}

/* Opens or seals what is behind the header of a TLS 1.3 record, with the module's nonce and aad. */
static bool tls13(const struct cipher *c, bool seal, const uint8_t *key, const uint8_t *iv,
		  uint64_t seq, uint8_t *body, size_t len)
{
	uint8_t nonce[12], aad[5];
	size_t aad_len = tlsock_aad(aad, ours(c), 0, seq, 0, len);

	tlsock_nonce(nonce, ours(c), iv, NULL, seq);
	return aead(c->evp, seal, key, nonce, aad, aad_len, body, len - TAG);
}

static const struct {
	const char *what, *key, *iv, *record;
	uint64_t seq;
	uint8_t type;
	const char *plain; /* NULL: see the type and length */
} rfc8448[] = {
	{ "the server's flight", S3_SERVER_HANDSHAKE_KEY, S3_SERVER_HANDSHAKE_IV, S3_SERVER_RECORD,
	  0, 22, S3_ENCRYPTED_EXTENSIONS S3_CERTIFICATE S3_CERTIFICATE_VERIFY S3_SERVER_FINISHED },
	{ "the client's Finished", S3_CLIENT_HANDSHAKE_KEY, S3_CLIENT_HANDSHAKE_IV,
	  S3_CLIENT_RECORD, 0, 22, "14000020" S3_CLIENT_VERIFY_DATA },
	{ "NewSessionTicket", S3_SERVER_APPLICATION_KEY, S3_SERVER_APPLICATION_IV, S3_TICKET_RECORD,
	  0, 22, NULL },
	{ "the client's data", S3_CLIENT_APPLICATION_KEY, S3_CLIENT_APPLICATION_IV,
	  S3_CLIENT_DATA_RECORD, 0, 23, S3_DATA },
	{ "the server's data", S3_SERVER_APPLICATION_KEY, S3_SERVER_APPLICATION_IV,
	  S3_SERVER_DATA_RECORD, 1, 23, S3_DATA },
	{ "the client's alert", S3_CLIENT_APPLICATION_KEY, S3_CLIENT_APPLICATION_IV,
	  S3_CLIENT_ALERT_RECORD, 1, 21, "0100" },
	{ "the server's alert", S3_SERVER_APPLICATION_KEY, S3_SERVER_APPLICATION_IV,
	  S3_SERVER_ALERT_RECORD, 2, 21, "0100" },
};

/* RFC 8448 section 3: opened, sealed again to the same bytes, and not to be had otherwise */
static void rfc8448_record(size_t i)
{
	const struct cipher *c = &ciphers[0];
	const char *what = rfc8448[i].what;
	size_t len, n;
	uint8_t *record = unhex(rfc8448[i].record, &len), *copy = room(len);
	uint8_t *key = unhex(rfc8448[i].key, &n), *iv = unhex(rfc8448[i].iv, &n);
	size_t body = len - 5, plain = body - 1 - TAG;
	struct tlsock_header h;

	memcpy(copy, record, len);
	ok(tlsock_header_parse(&h, record, ours(c)) == GOOD && h.type == 23 &&
		   h.version == 0x0303 && h.len == body,
	   "RFC 8448, %s: header", what);
	ok(tls13(c, false, key, iv, rfc8448[i].seq, copy + 5, body), "RFC 8448, %s: opens", what);
	ok(copy[5 + plain] == rfc8448[i].type, "RFC 8448, %s: content type", what);
	if (rfc8448[i].plain)
		ok_hex(copy + 5, plain, rfc8448[i].plain, "RFC 8448, %s: content", what);
	else
		ok(plain == 205 && !memcmp(copy + 5, "\x04\x00\x00\xc9", 4),
		   "RFC 8448, %s: content", what);
	ok(tls13(c, true, key, iv, rfc8448[i].seq, copy + 5, body), "RFC 8448, %s: seals", what);
	ok_bytes(copy, len, record, len, "RFC 8448, %s: to the same bytes", what);
	ok(!tls13(c, false, key, iv, rfc8448[i].seq + 1, copy + 5, body),
	   "RFC 8448, %s: not as the next record", what);
	free(record);
	free(copy);
	free(key);
	free(iv);
}

/* Header and body of a TLS 1.2 record sealed with the module's nonce and additional data */
static uint8_t *seal_tls12(const struct cipher *c, const uint8_t *key, const uint8_t *iv,
			   uint64_t seq, const uint8_t *plain, size_t len, size_t *record_len)
{
	uint8_t nonce[12], aad[TLSOCK_AAD_MAX], expl[8], *record;
	size_t aad_len, body = tlsock_overhead(ours(c)) + len;

	*record_len = 5 + body;
	record = room(*record_len);
	for (unsigned int i = 0; i < 8; i++)
		expl[i] = (uint8_t)(0xc0 + i);
	tlsock_header_put(record, 23, body);
	memcpy(record + 5, expl, c->explicit_len);
	memcpy(record + 5 + c->explicit_len, plain, len);
	tlsock_nonce(nonce, ours(c), iv, c->explicit_len ? expl : NULL, seq);
	aad_len = tlsock_aad(aad, ours(c), 23, seq, len, body);
	if (!aead(c->evp, true, key, nonce, aad, aad_len, record + 5 + c->explicit_len, len))
		bail("%s: seal", c->name);
	return record;
}

/*
 * libcrypto's TLS code is given what its TLS 1.2 has: the IV of the key block, the sequence number
 * and the record as it came. It makes nonce and additional data itself (RFC 5246 section 6.2.3.3).
 * Returns how many bytes of content it has put behind the explicit nonce, -1 if it did not open.
 */
static int open_tls12(const struct cipher *c, const uint8_t *key, const uint8_t *iv, uint64_t seq,
		      uint8_t *record, size_t len)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, c->evp, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t in[13];
	int n;

	for (unsigned int i = 0; i < 8; i++)
		in[i] = (uint8_t)(seq >> (56 - 8 * i));
	memcpy(in + 8, record, 5);
	if (!cipher || !ctx || EVP_CipherInit_ex(ctx, cipher, NULL, NULL, NULL, 0) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL) != 1 ||
	    (strstr(c->evp, "CCM") &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, NULL) != 1) ||
	    EVP_CipherInit_ex(ctx, NULL, NULL, key, NULL, 0) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IV_FIXED, (int)c->iv_len,
				(void *)(uintptr_t)iv) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_TLS1_AAD, sizeof(in), in) != TAG)
		bail("libcrypto: TLS with %s", c->evp);
	n = EVP_Cipher(ctx, record + 5, record + 5, (unsigned int)(len - 5));
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return n > 0 ? (int)(len - 5) - (int)c->overhead : -1;
}

static void tls12_records(const struct cipher *c)
{
	static const uint64_t numbers[] = { 0, 1, 0x100000000, UINT64_MAX };
	uint8_t plain[100], *key = room(c->key_len), *iv = room(c->iv_len), *record, *copy;
	size_t len;

	memset(plain, 'x', sizeof(plain));
	for (unsigned int i = 0; i < c->key_len; i++)
		key[i] = (uint8_t)i;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		uint64_t seq = numbers[i];

		record = seal_tls12(c, key, iv, seq, plain, sizeof(plain), &len);
		copy = room(len);
		memcpy(copy, record, len);
		ok(open_tls12(c, key, iv, seq, record, len) == (int)sizeof(plain) &&
			   !memcmp(record + 5 + c->explicit_len, plain, sizeof(plain)),
		   "%s: libcrypto's TLS opens record %#llx", c->name, (unsigned long long)seq);
		ok(open_tls12(c, key, iv, seq + 1, copy, len) < 0, "%s: and not as the next",
		   c->name);
		free(record);
		free(copy);
	}
	free(key);
	free(iv);
}

int main(void)
{
	headers();
	named_lengths();
	header_out();
	overheads();
	for (size_t i = 0; i < COUNT(ciphers); i++) {
		nonces(&ciphers[i]);
		additional_data(&ciphers[i]);
	}
	for (size_t i = 0; i < COUNT(rfc8448); i++)
		rfc8448_record(i);
	for (size_t i = 0; i < COUNT(ciphers); i++)
		if (ciphers[i].version == 0x0303)
			tls12_records(&ciphers[i]);
	return tap_done();
}
