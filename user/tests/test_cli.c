// SPDX-License-Identifier: MIT
/*
 * test_cli.c - the tool's parts that need no kernel: suite names, addresses, JSON, escapes
 *
 * What the tool says about the kernel's ciphers is compared with the kernel's own table.
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "cipher_suite.h"
#include "cli/trace.h"
#include "tap.h"

static void test_suites(void)
{
	const struct tlsock_cipher *kernel;
	const struct suite *s;
	struct suite_parts p;

	for (size_t i = 0; (s = suite_at(i)); i++) {
		if (!ok(suite_parse(s->name, &p), "%s has parts", s->name))
			continue;
		kernel = tlsock_cipher_by_suite(s->code,
						strcmp(p.protocol, "TLSv1.3") ? 0x0303 : 0x0304);
		ok(p.in_kernel == !!kernel, "%s: in the kernel as the tool says", s->name);
		if (kernel && kernel->hash_len)
			ok(!strcmp(p.hash, kernel->hash_len == 48 ? "SHA384" : "SHA256"),
			   "%s: the kernel's hash", s->name);
		ok(suite_name(s->code) == s->name, "%s by its code", s->name);
	}
	ok(!suite_name(0), "no suite has the code 0");
}

struct parts_case {
	const char *name, *key_exchange, *authentication, *cipher, *mac, *hash;
	bool forward_secrecy;
};

static const struct parts_case parts_cases[] = {
	{ "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", "DHE", "RSA", "AES_256_CBC", "SHA", "SHA256", true },
	{ "TLS_RSA_WITH_AES_128_CBC_SHA256", "RSA", "RSA", "AES_128_CBC", "SHA256", "SHA256",
	  false },
	{ "TLS_RSA_WITH_AES_128_CCM", "RSA", "RSA", "AES_128_CCM", "AEAD", "SHA256", false },
	{ "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "ECDHE", "ECDSA", "AES_128_CCM_8", "AEAD", "SHA256",
	  true },
	{ "TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384", "ECDH", "RSA", "AES_256_GCM", "AEAD", "SHA384",
	  false },
	{ "TLS_RSA_WITH_RC4_128_MD5", "RSA", "RSA", "RC4_128", "MD5", "SHA256", false },
	{ "TLS_AES_128_CCM_8_SHA256", "(EC)DHE", "any", "AES_128_CCM_8", "AEAD", "SHA256", true },
};

static const char *const no_suites[] = {
	"",
	"TLS_",
	"TLS",
	"SSL_RSA_WITH_RC4_128_MD5",
	"TLS_WITH_AES_128_GCM_SHA256",
	"_WITH_",
	"TLS_RSA_WITH_",
	"TLS_RSA_WITH_AES_128_GCM",
	"TLS_RSA_WITH_AES_128_GCM_SHA257",
	"TLS_RSA_WITH_AES_128_GCM_SHA256_",
	"TLS_XYZ_WITH_AES_128_GCM_SHA256",
	"TLS_AES_128_CBC_SHA256",
	"TLS_AES_128_CCM",
	"TLS_AES_128_GCM_SHA256X",
	"tls_aes_128_gcm_sha256",
};

static void test_parts(void)
{
	struct suite_parts p;

	for (size_t i = 0; i < sizeof(parts_cases) / sizeof(parts_cases[0]); i++) {
		const struct parts_case *c = &parts_cases[i];

		ok(suite_parse(c->name, &p) && !strcmp(p.key_exchange, c->key_exchange) &&
			   !strcmp(p.authentication, c->authentication) &&
			   !strcmp(p.cipher, c->cipher) && !strcmp(p.mac, c->mac) &&
			   !strcmp(p.hash, c->hash) && p.forward_secrecy == c->forward_secrecy,
		   "the parts of %s", c->name);
	}
	for (size_t i = 0; i < sizeof(no_suites) / sizeof(no_suites[0]); i++)
		ok(!suite_parse(no_suites[i], &p), "\"%s\" is no suite", no_suites[i]);
}

struct address_case {
	const char *text, *host, *service; /* host NULL: refused */
};

static const struct address_case address_cases[] = {
	{ "example.com:443", "example.com", "443" },
	{ "[::1]:https", "::1", "https" },
	{ "127.0.0.1:1", "127.0.0.1", "1" },
	{ "4433", "", "4433" },
	{ "", NULL, NULL },
	{ ":443", NULL, NULL },
	{ "host:", NULL, NULL },
	{ "::1", NULL, NULL },
	{ "::1:443", NULL, NULL },
	{ "[::1]", NULL, NULL },
	{ "[::1]443", NULL, NULL },
	{ "[::1:443", NULL, NULL },
	{ "[]:443", NULL, NULL },
	{ "host12345678901:443", NULL, NULL },
	{ "host:123456789", NULL, NULL },
};

static void test_addresses(void)
{
	char host[15], service[9];

	for (size_t i = 0; i < sizeof(address_cases) / sizeof(address_cases[0]); i++) {
		const struct address_case *c = &address_cases[i];
		bool good = address_split(c->text, host, sizeof(host), service, sizeof(service));

		ok(c->host ? good && !strcmp(host, c->host) && !strcmp(service, c->service) : !good,
		   "address \"%s\"", c->text);
	}
}

static void json_is(const char *in, size_t len, const char *want, const char *what)
{
	char *text = NULL;
	size_t size = 0;
	struct json j = { .to = open_memstream(&text, &size) };

	if (!j.to)
		bail("out of memory");
	json_open(&j, NULL, '[');
	json_bytes(&j, NULL, in, len);
	json_close(&j, ']');
	fclose(j.to);
	ok_bytes(text, size, want, strlen(want), "JSON: %s", what);
	free(text);
}

static void test_json(void)
{
	struct json j;
	char *text = NULL;
	size_t size = 0;

	json_is("a\"\\\n\x7f", 5, "[\"a\\\"\\\\\\u000a\\u007f\"]", "escapes");
	json_is("\0", 1, "[\"\\u0000\"]", "NUL");
	json_is("\xc3\xa9", 2, "[\"\xc3\xa9\"]", "UTF-8");
	json_is("\xc3", 1, "[\"\\ufffd\"]", "a sequence cut off");
	json_is("\xc0\x80", 2, "[\"\\ufffd\\ufffd\"]", "an overlong sequence");
	json_is("\xed\xa0\x80", 3, "[\"\\ufffd\\ufffd\\ufffd\"]", "a surrogate");
	json_is("\xf4\x90\x80\x80", 4, "[\"\\ufffd\\ufffd\\ufffd\\ufffd\"]", "past U+10FFFF");
	json_is("\xc2\x9bm\xc2\xa0", 5, "[\"\\u009bm\xc2\xa0\"]", "a C1 control");
	json_is("\xe2\x80\xaex\xe2\x81\xa9\xd8\x9c", 9, "[\"\\u202ex\\u2069\\u061c\"]",
		"what turns the direction of writing (UAX #9)");
	json_is("\xe2\x80\xa8\xe2\x80\xa9", 6, "[\"\\u2028\\u2029\"]", "line ends of Unicode");
	json_is("\xe2\x80\x94\xd8\x9b\xe2\x81\xa5", 8, "[\"\xe2\x80\x94\xd8\x9b\xe2\x81\xa5\"]",
		"their neighbours stay");
	json_is("\xf0\x9f\x94\x92", 4, "[\"\xf0\x9f\x94\x92\"]", "four bytes");

	j = (struct json){ .to = open_memstream(&text, &size) };
	if (!j.to)
		bail("out of memory");
	json_open(&j, NULL, '{');
	json_number(&j, "n", UINT64_MAX);
	json_bool(&j, "b", false);
	json_open(&j, "a", '[');
	json_open(&j, NULL, '{');
	json_close(&j, '}');
	json_open(&j, NULL, '{');
	json_close(&j, '}');
	json_close(&j, ']');
	json_string(&j, "s", "");
	json_close(&j, '}');
	fclose(j.to);
	ok(!strcmp(text, "{\"n\":18446744073709551615,\"b\":false,\"a\":[{},{}],\"s\":\"\"}"),
	   "JSON: commas and nesting");
	free(text);
}

static void test_escape(void)
{
	char out[10];

	escape("a\x1b[b\\", 5, out, sizeof(out));
	ok(!strcmp(out, "a\\x1b["), "escape: a control character, and what does not fit");
	escape("", 0, out, sizeof(out));
	ok(!out[0], "escape: nothing");
	memset(out, 'x', sizeof(out));
	escape("\x80\x80\x80\x80", 4, out, 9);
	ok(!strcmp(out, "\\x80\\x80"), "escape: never past the end");
}

/* What trace says of a message; free() */
static char *said(uint16_t suite, bool tls13, const char *hex)
{
	struct trace_names names = { .suite = suite, .tls13 = tls13 };
	FILE *tap = stdout;
	char *text = NULL;
	size_t size, len;
	uint8_t *message = unhex(hex, &len);

	stdout = open_memstream(&text, &size);
	if (!stdout)
		bail("out of memory");
	trace_message(&names, false, false, message, len);
	fclose(stdout);
	stdout = tap;
	free(message);
	return text;
}

static void test_trace(void)
{
	static const struct {
		uint16_t suite;
		const char *hex, *says, *what;
	} messages[] = {
		{ 0xc02f, "10000003020102", "public value: 0102\n", "ECDHE" },
		{ 0x009e, "1000000400020304", "public value: 0304\n", "DHE" },
		{ 0x009c, "1000000400020304",
		  "pre-master secret, 2 bytes: encrypted to the certificate's key", "RSA" },
		{ 0xc02f, "10000002ff01", "ClientKeyExchange        6 bytes\n", "one that is cut" },
		{ 0xc02f, "fe000000", "(a message without a name here)", "one of no name" },
		{ 0xc02f, "1400000441424344", "verify_data 41424344\n", "Finished" },
	};

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		char *text = said(messages[i].suite, false, messages[i].hex);

		ok(strstr(text, messages[i].says), "trace of a message: %s", messages[i].what);
		free(text);
	}
}

static void test_colour(void)
{
	ok(colour_wanted(true, NULL, "xterm") && colour_wanted(true, "", "xterm"),
	   "colours on a terminal");
	ok(!colour_wanted(false, NULL, "xterm"), "not in a file");
	ok(!colour_wanted(true, "1", "xterm"), "not against NO_COLOR");
	ok(!colour_wanted(true, NULL, "dumb") && !colour_wanted(true, NULL, NULL) &&
		   !colour_wanted(true, NULL, ""),
	   "not on a terminal that has none");
}

int main(void)
{
	test_suites();
	test_parts();
	test_addresses();
	test_json();
	test_escape();
	test_colour();
	test_trace();
	return tap_done();
}
