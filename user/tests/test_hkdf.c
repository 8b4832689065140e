// SPDX-License-Identifier: MIT
/*
 * test_hkdf.c - HKDF against RFC 5869 appendix A, and its limits
 *
 * HKDF-Expand-Label has its vectors in test_rfc8448.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "hkdf.h"
#include "tap.h"

struct vector {
	const char *name, *ikm, *salt, *info, *prk, *okm;
};

static const struct vector vectors[] = {
	{ "A.1", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
	  "f0f1f2f3f4f5f6f7f8f9",
	  "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
	  "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865" },
	{ "A.2",
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
	  "404142434445464748494a4b4c4d4e4f",
	  "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
	  "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
	  "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
	  "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	  "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
	  "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
	  "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
	  "cc30c58179ec3e87c14c01d5c1f3434f1d87" },
	{ "A.3", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
	  "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
	  "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	  "9d201395faa4b61a96c8" },
};

static void one_vector(struct hkdf *h, const struct vector *v)
{
	size_t ikm_len, salt_len, info_len, okm_len;
	uint8_t *ikm = unhex(v->ikm, &ikm_len), *salt = unhex(v->salt, &salt_len);
	uint8_t *info = unhex(v->info, &info_len), *expected = unhex(v->okm, &okm_len);
	uint8_t *okm = malloc(okm_len);
	struct secret prk;

	ok(hkdf_extract(h, salt, salt_len, ikm, ikm_len, &prk) == 0, "RFC 5869 %s extracts",
	   v->name);
	ok_hex(prk.bytes, prk.len, v->prk, "RFC 5869 %s PRK", v->name);
	ok(hkdf_expand(h, &prk, info, info_len, okm, okm_len) == 0, "RFC 5869 %s expands", v->name);
	ok_bytes(okm, okm_len, expected, okm_len, "RFC 5869 %s OKM", v->name);
	free(ikm);
	free(salt);
	free(info);
	free(expected);
	free(okm);
}

static void limits(struct hkdf *h)
{
	static uint8_t out[255 * 32 + 1];
	char label[300];
	uint8_t context[300] = { 0 };
	struct secret prk = { .len = 32 };

	ok(hkdf_expand(h, &prk, "", 0, out, 255 * 32) == 0, "255 blocks");
	ok(hkdf_expand(h, &prk, "", 0, out, 255 * 32 + 1) == -EINVAL, "not one byte more");
	memset(label, 'x', sizeof(label));
	label[249] = '\0';
	ok(hkdf_expand_label(h, &prk, label, NULL, 0, out, 32) == 0, "a label of 249 bytes");
	label[249] = 'x';
	label[250] = '\0';
	ok(hkdf_expand_label(h, &prk, label, NULL, 0, out, 32) == -EINVAL, "not of 250");
	ok(hkdf_expand_label(h, &prk, "a", context, 255, out, 32) == 0, "a context of 255 bytes");
	ok(hkdf_expand_label(h, &prk, "a", context, 256, out, 32) == -EINVAL, "not of 256");
	prk.len = 0;
	ok(hkdf_expand(h, &prk, "", 0, out, 32) == -EINVAL, "an empty secret is none");
}

int main(void)
{
	struct hkdf h;

	if (crypto_init() < 0 || hkdf_init(&h, HASH_SHA256) < 0)
		bail("libcrypto");
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		one_vector(&h, &vectors[i]);
	limits(&h);
	hkdf_release(&h);
	return tap_done();
}
