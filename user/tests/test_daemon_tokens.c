// SPDX-License-Identifier: MIT
/*
 * test_daemon_tokens.c - private keys in tokens: "pkcs11" URIs (RFC 7512), loading, handshakes, failures
 *
 * With a provider that stands for PKCS#11's, beside this program in the build's folder, and the whole
 * way: the keeper's process, its sockets, two daemons. With the path of softhsm2's module as
 * argument it is pkcs11-provider and a token of softhsm2 (make check-pkcs11).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "daemon_kernel.h"
#include "tap.h"
#include "token_uri.h"

static char error[CONFIG_ERROR_SIZE];
static char section[1024]; /* "pkcs11 { ... }" */
static const char *softhsm;

/* ---- URIs ---- */

static const struct {
	const char *uri, *name, *pin_source;
} good_uris[] = {
	{ "pkcs11:object=a", "pkcs11:object=a;type=private", "" },
	{ "pkcs11:token=My%20Token;id=%01%aB;type=private",
	  "pkcs11:token=My%20Token;id=%01%aB;type=private", "" },
	{ "pkcs11:object=a?pin-source=/run/pin", "pkcs11:object=a;type=private", "/run/pin" },
	{ "pkcs11:object=a?pin-source=file:/run/pin&x-vendor=1",
	  "pkcs11:object=a;type=private?x-vendor=1", "/run/pin" },
	{ "pkcs11:object=a?x-a=1&pin-source=file:///run/my%20pin&x-b=2",
	  "pkcs11:object=a;type=private?x-a=1&x-b=2", "/run/my pin" },
	{ "pkcs11:object=a;", "pkcs11:object=a;type=private", "" },
	{ "pkcs11:object=a?", "pkcs11:object=a;type=private", "" },
};

static const struct {
	const char *uri, *reason;
} bad_uris[] = {
	{ "pkcs11:", "neither object nor id" },
	{ "pkcs11:token=a", "neither object nor id" },
	{ "pkcs11:token=a?object=b&token=c", "neither object nor id" },
	{ "pkcs11:object", "no attribute with a value" },
	{ "pkcs11:=a", "no attribute with a value" },
	{ "pkcs11:object=a;;", "no attribute with a value" },
	{ "pkcs11:object=a;object=b", "object is there twice" },
	{ "pkcs11:object=a?pin-source=/a&pin-source=/b", "pin-source is there twice" },
	{ "pkcs11:object=%4", "without two digits" },
	{ "pkcs11:object=%", "without two digits" },
	{ "pkcs11:object=%4g", "without two digits" },
	{ "pkcs11:object=%00", "of a NUL" },
	{ "pkcs11:object=a b", "a byte that a URI has only as %XX" },
	{ "pkcs11:object=a?pin-value=1234", "pin-value: a PIN does not belong" },
	{ "pkcs11:object=a;pin-value=1234", "pin-value: a PIN does not belong" },
	{ "pkcs11:object=a;pin-source=/a", "pin-source belongs behind" },
	{ "pkcs11:object=a?pin-source=a", "the absolute path of a file" },
	{ "pkcs11:object=a?pin-source=", "the absolute path of a file" },
	{ "pkcs11:object=a?pin-source=%7c/bin/echo", "the absolute path of a file" },
	{ "pkcs11:object=a?pin-source=file://host/a", "the absolute path of a file" },
	{ "pkcs11:object=a?pin-source=https:/a", "the absolute path of a file" },
	{ "pkcs11:object=a?module-path=/a.so", "module-path: the module is chosen" },
	{ "pkcs11:object=a?module-name=a", "module-name: the module is chosen" },
	{ "pkcs11:object=a;type=cert", "needs a private key" },
	{ "pkcs11:object=a;a=1;b=1;c=1;d=1;e=1;f=1;g=1;h=1;i=1;j=1;k=1;l=1;m=1;n=1;o=1;p=1",
	  "more than 16" },
};

static void test_uris(void)
{
	char reason[256], text[TOKEN_URI_MAX + 2];
	struct token_uri out;

	for (size_t i = 0; i < sizeof(good_uris) / sizeof(good_uris[0]); i++)
		ok(!token_uri_parse(good_uris[i].uri, &out, reason, sizeof(reason)) &&
			   !strcmp(out.name, good_uris[i].name) &&
			   !strcmp(out.pin_source, good_uris[i].pin_source),
		   "%s", good_uris[i].uri);
	for (size_t i = 0; i < sizeof(bad_uris) / sizeof(bad_uris[0]); i++)
		ok(token_uri_parse(bad_uris[i].uri, &out, reason, sizeof(reason)) == -EINVAL &&
			   strstr(reason, bad_uris[i].reason) && !strstr(reason, "1234"),
		   "refused: %s: %s", bad_uris[i].uri, reason);
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "pkcs11:object=", 14);
	text[TOKEN_URI_MAX + 1] = '\0';
	ok(token_uri_parse(text, &out, reason, sizeof(reason)) == -EINVAL, "refused: %s", reason);
	text[TOKEN_URI_MAX] = '\0';
	ok(!token_uri_parse(text, &out, reason, sizeof(reason)) &&
		   strlen(out.name) == TOKEN_URI_MAX + strlen(";type=private"),
	   "one of the greatest length");
	memcpy(text, "pkcs12", 6);
	ok(!is_token_uri(text) && is_token_uri("pkcs11:") && !is_token_uri("pkcs11"),
	   "what is one at all");
}

/* ---- a token ---- */

static void run_command(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run_command(const char *format, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	if (system(command))
		bail("%s", command);
}

static void import_key(const char *name, EVP_PKEY *key)
{
	char file[64];
	char *path;
	FILE *f;
	static unsigned int id;

	snprintf(file, sizeof(file), softhsm ? "%s.p8" : "hsm/web/%s.der", name);
	path = scratch_path(file);
	f = fopen(path, "w");
	if (!f || !(softhsm ? PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) :
			      i2d_PKCS8PrivateKey_fp(f, key, NULL, NULL, 0, NULL, NULL)))
		bail("%s", path);
	fclose(f);
	if (softhsm) {
		run_command("softhsm2-util --import %s --token web --label %s --id %02x "
			    "--pin 1234 >/dev/null",
			    path, name, ++id);
		unlink(path);
	}
	free(path);
}

static void make_folder(const char *name)
{
	char *path = scratch_path(name);

	if (mkdir(path, 0700))
		bail("mkdir: %s", strerror(errno));
	free(path);
}

static void make_token(const char *self)
{
	char *program = realpath(self, NULL);
	char *folder = scratch_path("hsm"), *path = scratch_path("softhsm2.conf");

	if (!program)
		bail("%s: %s", self, strerror(errno));
	make_folder("hsm");
	if (softhsm) {
		scratch_write("softhsm2.conf", 0600,
			      "directories.tokendir = %s\nobjectstore.backend = file\n", folder);
		setenv("SOFTHSM2_CONF", path, 1);
		run_command("softhsm2-util --init-token --free --label web --so-pin 0000 "
			    "--pin 1234 >/dev/null");
		snprintf(section, sizeof(section), "pkcs11 { module = \"%s\" }\n", softhsm);
	} else {
		make_folder("hsm/web");
		scratch_write("hsm/web/pin", 0600, "1234");
		snprintf(section, sizeof(section),
			 "pkcs11 { provider = \"%.*s/token_provider.so\" module = \"%s\" }\n",
			 (int)(strrchr(program, '/') - program), program, folder);
	}
	free(folder);
	free(path);
	free(program);
}

static void make_credential(const char *name, enum key_type key, const struct identity *root)
{
	char names[64], file[64];
	const struct identity_spec spec = {
		.common_name = name,
		.names = names,
		.key = key,
		.issuer = root,
		.key_usage = key == KEY_RSA ? "digitalSignature,keyEncipherment" :
					      "digitalSignature",
		.not_before = time(NULL) - DAY,
		.not_after = time(NULL) + DAY,
	};
	struct identity *id;

	snprintf(names, sizeof(names), "DNS:%s.example", name);
	id = identity_new(&spec);
	snprintf(file, sizeof(file), "%s.pem", name);
	scratch_write(file, 0644, "%s", id->cert_pem);
	import_key(name, id->key);
	identity_free(id);
}

static void set_up(const char *program)
{
	struct identity *root = identity_today(NULL, NULL, -1, 10);
	struct identity *plain = identity_today("DNS:plain.example", root, -1, 10);

	scratch_new();
	make_token(program);
	scratch_write("root.pem", 0644, "%s", root->cert_pem);
	write_identity("plain", plain);
	make_credential("rsa", KEY_RSA, root);
	make_credential("p256", KEY_ECDSA_P256, root);
	make_credential("p384", KEY_ECDSA_P384, root);
	make_credential("ed25519", KEY_ED25519, root);
	scratch_write("pin", 0600, "1234\n");
	scratch_write("wrong", 0600, "4321");
	scratch_write("open", 0604, "1234\n");
	scratch_write("two", 0600, "1234\n1234\n");
	scratch_write("empty", 0600, "\n");
	scratch_write("long", 0600, "%0257d", 0);
	scratch_write("longer", 0600, "%0300d", 0);
	identity_free(root);
	identity_free(plain);
}

/* ---- loading ---- */

/* One credential. @pin: the name of a file, or NULL */
static char *credential(const char *name, const char *chain, const char *token, const char *object,
			const char *pin)
{
	static char text[1024];
	char *path = scratch_path(pin ? pin : "");

	snprintf(text, sizeof(text),
		 "credential %s { chain = %s.pem users = {\"*\"}\n"
		 "	key = \"pkcs11:token=%s;object=%s%s%s\" }\n",
		 name, chain, token, object, pin ? "?pin-source=file:" : "", pin ? path : "");
	free(path);
	return text;
}

static struct config *load(const char *pkcs11, const char *text)
{
	char *path = scratch_path("tlsockd.conf");
	struct config *c;

	scratch_write("tlsockd.conf", 0644, "%s%s", pkcs11, text);
	c = config_load(path, error);
	free(path);
	return c;
}

/* How often a PIN has been tried; what is refused must not be. */
static size_t tries(void)
{
	char *path = scratch_path("hsm/web/tries");
	struct stat st;
	size_t n = stat(path, &st) ? 0 : (size_t)st.st_size;

	free(path);
	return n;
}

static bool refused(const char *pkcs11, const char *text, const char *reason, size_t most_tries)
{
	size_t before = tries();
	struct config *c = load(pkcs11, text);
	bool good = !c && strstr(error, reason) && strstr(error, "/tlsockd.conf:") &&
		    !strstr(error, "1234") && !strstr(error, "4321") && !strchr(error, '\n') &&
		    tries() - before <= most_tries;

	if (!good)
		note("tries: %zu, at most %zu", tries() - before, most_tries);
	config_free(c);
	return good;
}

static void test_refusals(void)
{
	static const struct {
		const char *pin, *reason;
	} pins[] = {
		{ NULL, "the token asks for a PIN, and pin-source is not given" },
		{ "open", "open: mode 0604 lets others at a PIN" },
		{ "two", "two: not a PIN in a line of its own" },
		{ "empty", "empty: not a PIN in a line of its own" },
		{ "long", "long: not a PIN in a line of its own" },
		{ "longer", "longer: longer than 257 bytes" },
		{ "missing", "missing: No such file" },
	};

	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++)
		ok(refused(section, credential("a", "p256", "web", "p256", pins[i].pin),
			   pins[i].reason, 0),
		   "refused: %s", error);
	ok(refused("pkcs11 { provider = missing }\n", credential("a", "p256", "web", "p256", "pin"),
		   "the provider does not load", 0),
	   "refused: %s", error);
	ok(refused("pkcs11 { provider = \"/missing.so\" }\n",
		   credential("a", "p256", "web", "p256", "pin"), "the provider does not load", 0),
	   "refused: %s", error);
	ok(refused("pkcs11 { module = \"relative.so\" }\n", "", "absolute path", 0), "refused: %s",
	   error);
	ok(refused("pkcs11 { module = \"/a\\nb\" }\n", "", "absolute path", 0), "refused: %s",
	   error);
	ok(refused("pkcs11 { provider = \"a$b\" }\n", "", "a name or the absolute path", 0),
	   "refused: %s", error);
	ok(refused(section, credential("a", "p256", "other", "p256", "pin"),
		   "there is no such token", 0),
	   "refused: %s", error);
	ok(refused(section, credential("a", "rsa", "web", "p256", "pin"),
		   "the private key does not sign: it is of another kind than the certificate's",
		   1),
	   "refused: %s", error);
	ok(refused(section, credential("a", "p384", "web", "p256", "pin"),
		   "the private key does not belong to the certificate", 1),
	   "refused, another curve: %s", error);
	ok(refused(section, credential("a", "plain", "web", "p256", "pin"),
		   "the private key does not belong to the certificate", 1),
	   "refused: %s", error);
	ok(refused(section, credential("a", "p256", "web", "none", "pin"),
		   "or has no such private key", 1),
	   "refused: %s", error);
	keeper_forget_refusal();
}

/* Tokens lock themselves: a wrong PIN is tried once, and again if a person says so. */
static void test_wrong_pin(void)
{
	const char *text = credential("a", "p256", "web", "p256", "wrong");
	struct config *c;

	ok(refused(section, text, "does not take its PIN", 1), "a wrong PIN: %s", error);
	ok(refused(section, text, "not tried again before a SIGHUP", 0), "once more: %s", error);
	keeper_forget_refusal();
	ok(refused(section, text, "does not take its PIN", 1), "after a SIGHUP: %s", error);
	c = load(section, credential("a", "p256", "web", "p256", "pin"));
	ok(c && c->credential_count == 1, "and with the right one %s", error);
	config_free(c);
	keeper_forget_refusal();
}

/* ---- handshakes ---- */

static struct config *load_all(void)
{
	static const char *const names[] = { "rsa", "p256", "p384", "ed25519" };
	char text[4096] = "credential plain { chain = plain.pem key = plain.key users = {\"*\"} }\n"
			  "trust test { file = {root.pem} }\nprofile modern { min_version = "
			  "TLSv1.3 }\nprofile old { max_version = TLSv1.2 }\n"
			  "profile legacy { suites = {TLS_RSA_WITH_AES_128_GCM_SHA256} }\n";
	struct config *c;

	for (size_t i = 0; i < 4; i++)
		strcat(text, credential(names[i], names[i], "web", names[i], "pin"));
	c = load(section, text);
	ok(c && c->keeper && c->credential_count == 5, "keys of each kind in one token %s", error);
	return c;
}

struct ends {
	struct fake_kernel *client, *server;
};

/* @own: the client's credential, or "" */
static bool shakes_hands(const struct ends *ends, const char *name, const char *own,
			 const char *profile)
{
	struct event c, s = fake_event(true, "");
	char host[64];

	snprintf(host, sizeof(host), "%s.example", name);
	c = fake_event(false, host);
	c.trust = s.trust = "test";
	c.profile = s.profile = profile;
	c.credential = own;
	s.credential = name;
	s.verify = own[0] ? TLSOCK_VERIFY_REQUIRED : TLSOCK_VERIFY_NONE;
	fake_forget(ends->client);
	fake_forget(ends->server);
	connections_event(&ends->server->daemon, &s);
	connections_event(&ends->client->daemon, &c);
	for (int i = 0; i < 4 && (ends->client->sent_len || ends->server->sent_len); i++) {
		fake_carry(ends->client, ends->server, &s, 0);
		fake_carry(ends->server, ends->client, &c, 0);
	}
	return ends->client->complete && ends->server->complete;
}

static void test_handshakes(const struct ends *ends)
{
	static const char *const names[] = { "rsa", "p256", "p384", "ed25519" };

	for (size_t i = 0; i < 4; i++) {
		ok(shakes_hands(ends, names[i], "", "modern"), "TLS 1.3, a server with %s",
		   names[i]);
		ok(shakes_hands(ends, "plain", names[i], "modern"), "TLS 1.3, a client with %s",
		   names[i]);
		ok(shakes_hands(ends, names[i], names[i], "old"),
		   "TLS 1.2, both with %s, ephemeral keys", names[i]);
	}
	ok(shakes_hands(ends, "rsa", "", "legacy"), "RSA key exchange");
}

/* Its end is the token's, as far as a worker can see: what needs it fails, all else goes on. */
static void test_end(const struct ends *ends, struct config *c)
{
	struct caught caught;
	char lines[4096];

	kill(keeper_pid(c->keeper), SIGKILL);
	waitpid(keeper_pid(c->keeper), NULL, 0);
	caught = catch_stderr();
	log_open(LOG_TO_STDERR, LOG_WARNING);
	ok(!shakes_hands(ends, "p256", "", "modern") && ends->server->failed &&
		   ends->server->alert == 80 && ends->server->error == EIO,
	   "without the token: internal_error, %s", ends->server->text);
	caught_read(&caught, lines, sizeof(lines));
	ok(strstr(lines, "the private key does not sign") &&
		   strstr(keeper_reason(c->keeper), "has ended"),
	   "and a line of the log: %s", keeper_reason(c->keeper));
	log_set_level(LOG_ERR);
	ok(shakes_hands(ends, "plain", "", "modern"), "a key in a file still serves");
	ok(!shakes_hands(ends, "rsa", "", "legacy") && ends->server->failed,
	   "RSA key exchange fails as with a wrong pre-master secret: %s", ends->server->text);
}

static void test_all(void)
{
	struct config *c = load_all();
	struct hs_key_operations operations;
	char reason[KEEPER_REASON_SIZE] = "";
	struct ends ends;

	if (!c)
		return;
	ends = (struct ends){ fake_new(c), fake_new(c) };
	ok(!shakes_hands(&ends, "p256", "", "modern"), "the loader itself cannot sign any more");
	ok(!keeper_join(c->keeper), "a worker can");
	ok(keeper_load(c->keeper, "pkcs11:token=web;object=rsa;type=private", "1234", &operations,
		       reason) < 0 &&
		   strstr(reason, "there is no such operation"),
	   "but it can load no key: %s", reason);
	test_handshakes(&ends);
	test_end(&ends, c);
	fake_free(ends.client);
	fake_free(ends.server);
	config_free(c);
}

int main(int argc, char **argv)
{
	softhsm = argc > 1 ? argv[1] : NULL;
	log_open(LOG_TO_STDERR, LOG_ERR);
	test_uris();
	set_up(argv[0]);
	test_refusals();
	test_wrong_pin();
	test_all();
	identities_free();
	scratch_remove();
	return tap_done();
}
