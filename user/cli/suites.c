// SPDX-License-Identifier: MIT
/*
 * suites.c - cipher suites, and the parts their names are made of
 *
 * TLS 1.2 (RFC 5246 appendix A.5): TLS_<key exchange>[_<authentication>]_WITH_<cipher>_<hash>.
 * TLS 1.3 (RFC 8446 appendix B.4): TLS_<AEAD>_<hash>; key exchange and authentication are
 * agreed apart. Must never guess: a name that does not follow the grammar has no parts.
 */
#include "cli.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What design and registry have in common: AEAD suites, most of them with forward secrecy */
static const struct suite suites[] = {
	{ 0x1301, "TLS_AES_128_GCM_SHA256" },
	{ 0x1302, "TLS_AES_256_GCM_SHA384" },
	{ 0x1303, "TLS_CHACHA20_POLY1305_SHA256" },
	{ 0x1304, "TLS_AES_128_CCM_SHA256" },
	{ 0x1305, "TLS_AES_128_CCM_8_SHA256" },
	{ 0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" },
	{ 0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" },
	{ 0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" },
	{ 0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
	{ 0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" },
	{ 0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" },
	{ 0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256" },
	{ 0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384" },
	{ 0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256" },
	{ 0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256" },
	{ 0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384" },
};

static const struct {
	const char *prefix;
	const char *key_exchange;
	const char *authentication;
	bool forward_secrecy;
} exchanges[] = {
	{ "ECDHE_ECDSA", "ECDHE", "ECDSA", true },
	{ "ECDHE_RSA", "ECDHE", "RSA", true },
	{ "ECDHE_PSK", "ECDHE", "PSK", true },
	{ "ECDH_ECDSA", "ECDH", "ECDSA", false },
	{ "ECDH_RSA", "ECDH", "RSA", false },
	{ "ECDH_anon", "ECDHE", "none", true },
	{ "DHE_RSA", "DHE", "RSA", true },
	{ "DHE_DSS", "DHE", "DSS", true },
	{ "DHE_PSK", "DHE", "PSK", true },
	{ "DH_RSA", "DH", "RSA", false },
	{ "DH_DSS", "DH", "DSS", false },
	{ "DH_anon", "DHE", "none", true },
	{ "RSA_PSK", "RSA", "RSA+PSK", false },
	{ "PSK", "PSK", "PSK", false },
	{ "RSA", "RSA", "RSA", false },
};

static const struct {
	const char *name;
	bool aead;
	bool in_kernel;
} ciphers[] = {
	{ "AES_128_GCM", true, true },	      { "AES_256_GCM", true, true },
	{ "CHACHA20_POLY1305", true, true },  { "AES_128_CCM_8", true, false },
	{ "AES_256_CCM_8", true, false },     { "AES_128_CCM", true, true },
	{ "AES_256_CCM", true, false },	      { "AES_128_CBC", false, false },
	{ "AES_256_CBC", false, false },      { "3DES_EDE_CBC", false, false },
	{ "CAMELLIA_128_CBC", false, false }, { "CAMELLIA_256_CBC", false, false },
	{ "CAMELLIA_128_GCM", true, false },  { "CAMELLIA_256_GCM", true, false },
	{ "ARIA_128_GCM", true, false },      { "ARIA_256_GCM", true, false },
	{ "RC4_128", false, false },	      { "NULL", false, false },
};

static const char *const hashes[] = { "SHA384", "SHA256", "SHA", "MD5" };

const struct suite *suite_at(size_t index)
{
	return index < COUNT(suites) ? &suites[index] : NULL;
}

const char *suite_name(uint16_t code)
{
	for (size_t i = 0; i < COUNT(suites); i++)
		if (suites[i].code == code)
			return suites[i].name;
	return NULL;
}

/* "<cipher>_<hash>", or of a CCM suite of TLS 1.2 "<cipher>" (RFC 6655 section 3) */
static bool parse_cipher(const char *text, bool hash_needed, struct suite_parts *parts)
{
	const char *hash = NULL;
	size_t len;

	for (size_t i = 0; i < COUNT(ciphers); i++) {
		len = strlen(ciphers[i].name);
		if (strncmp(text, ciphers[i].name, len))
			continue;
		if (!text[len] && !hash_needed && strstr(ciphers[i].name, "_CCM"))
			hash = "SHA256";
		for (size_t h = 0; !hash && text[len] == '_' && h < COUNT(hashes); h++)
			if (!strcmp(text + len + 1, hashes[h]))
				hash = hashes[h];
		if (!hash)
			continue;
		snprintf(parts->cipher, sizeof(parts->cipher), "%s", ciphers[i].name);
		snprintf(parts->mac, sizeof(parts->mac), "%s", ciphers[i].aead ? "AEAD" : hash);
		/* RFC 5246 section 5: the PRF's hash is SHA-256 where the name says an older one */
		if (!strcmp(hash, "SHA") || !strcmp(hash, "MD5"))
			hash = "SHA256";
		snprintf(parts->hash, sizeof(parts->hash), "%s", hash);
		parts->in_kernel = ciphers[i].in_kernel;
		return ciphers[i].aead || strcmp(parts->protocol, "TLSv1.3") != 0;
	}
	return false;
}

bool suite_parse(const char *name, struct suite_parts *parts)
{
	const char *with = strstr(name, "_WITH_");
	size_t len;

	memset(parts, 0, sizeof(*parts));
	if (strncmp(name, "TLS_", 4))
		return false;
	name += 4;
	if (!with) {
		parts->protocol = "TLSv1.3";
		strcpy(parts->key_exchange, "(EC)DHE");
		strcpy(parts->authentication, "any");
		parts->forward_secrecy = true;
		return parse_cipher(name, true, parts);
	}
	parts->protocol = "TLSv1.2";
	if (with < name)
		return false;
	len = (size_t)(with - name);
	for (size_t i = 0; i < COUNT(exchanges); i++) {
		if (strlen(exchanges[i].prefix) != len || strncmp(name, exchanges[i].prefix, len))
			continue;
		snprintf(parts->key_exchange, sizeof(parts->key_exchange), "%s",
			 exchanges[i].key_exchange);
		snprintf(parts->authentication, sizeof(parts->authentication), "%s",
			 exchanges[i].authentication);
		parts->forward_secrecy = exchanges[i].forward_secrecy;
		return parse_cipher(with + 6, false, parts);
	}
	return false;
}
