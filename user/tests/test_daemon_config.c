// SPDX-License-Identifier: MIT
/*
 * test_daemon_config.c - tlsockd.conf: what it means, and what is refused with which words
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon_kernel.h"
#include "files.h"
#include "tap.h"

static char error[CONFIG_ERROR_SIZE];

static struct config *load(const char *text)
{
	char *path = scratch_path("tlsockd.conf");
	struct config *c;

	scratch_write("tlsockd.conf", 0644, "%s", text);
	c = config_load(path, error);
	free(path);
	return c;
}

static void set_up(void)
{
	struct identity *root = identity_today(NULL, NULL, -1, 10);
	struct identity *leaf = identity_today("DNS:leaf.example", root, -1, 10);
	struct identity *other = identity_today("DNS:other.example", root, -1, 10);
	char *path;

	scratch_new();
	scratch_write("root.pem", 0644, "%s", root->cert_pem);
	scratch_write("leaf.pem", 0644, "%s", leaf->cert_pem);
	scratch_write("leaf.key", 0600, "%s", leaf->key_pem);
	scratch_write("group.key", 0640, "%s", leaf->key_pem);
	scratch_write("open.key", 0644, "%s", leaf->key_pem);
	scratch_write("writable.key", 0620, "%s", leaf->key_pem);
	scratch_write("writable.pem", 0666, "%s", leaf->cert_pem);
	scratch_write("foreign.key", 0600, "%s", leaf->key_pem);
	scratch_write("other.key", 0600, "%s", other->key_pem);
	scratch_write("garbage.pem", 0644, "-----BEGIN CERTIFICATE-----\nAAAA\n");
	scratch_write("empty.pem", 0644, "%s", "");
	/* a digit 0 is what a SEQUENCE begins with */
	scratch_write("short.ocsp", 0644, "%0100d", 0);
	scratch_write("long.ocsp", 0644, "%065537d", 0);
	path = scratch_path("cas");
	if (mkdir(path, 0755))
		bail("mkdir: %s", strerror(errno));
	free(path);
	scratch_write("cas/root.pem", 0644, "%s", root->cert_pem);
	scratch_write("cas/notes.txt", 0644, "not a certificate\n");
	path = scratch_path("open");
	if (mkdir(path, 0755) || chmod(path, 01777))
		bail("mkdir: %s", strerror(errno));
	free(path);
	scratch_write("open/root.pem", 0644, "%s", root->cert_pem);
	path = scratch_path("none");
	if (mkdir(path, 0755))
		bail("mkdir: %s", strerror(errno));
	free(path);
	path = scratch_path("fifo.key");
	if (mkfifo(path, 0600))
		bail("mkfifo: %s", strerror(errno));
	free(path);
	path = identity_crl(root, leaf, -DAY, DAY);
	scratch_write("revoked.pem", 0644, "%s", path);
	free(path);
	identity_free(root);
	identity_free(leaf);
	identity_free(other);
}

static void test_empty(void)
{
	struct config *c = load("");

	ok(c && c->credential_count == 0 && c->log_level == LOG_INFO && c->workers == 0 &&
		   c->limits.grace_ms == -1 && c->limits.handshakes == -1,
	   "an empty file: the defaults %s", error);
	ok(c && config_profile(c, "default") && !config_profile(c, "other"),
	   "the profile \"default\" is there");
	config_free(c);
}

static bool allows(const struct access *access, uid_t uid, gid_t gid, uint32_t inode)
{
	const struct asker asker = { uid, gid, inode };

	return access_allows(access, &asker);
}

/* Our own network namespace, taken for another one, stands for those that have names. */
static void test_namespaces(void)
{
	struct config *c = load(
		"credential here { chain = leaf.pem key = leaf.key users = {\"*\"} }\n"
		"credential there { chain = leaf.pem key = leaf.key\n"
		"	namespaces = {\"/proc/self/ns/net\", \"is-not-there\"} }\n"
		"credential all { chain = leaf.pem key = leaf.key users = {\"5\"}\n"
		"	namespaces = {\"*\"} }\n"
		"trust open { file = {root.pem} }\n"
		"trust here { file = {root.pem} users = {\"*\"} }\n");
	const struct credential *named[3];
	uint32_t ours;
	struct stat st;

	if (!ok(c && !stat("/proc/self/ns/net", &st), "namespaces of a credential %s", error))
		return;
	ours = (uint32_t)st.st_ino;
	named[0] = config_credential(c, "here");
	named[1] = config_credential(c, "there");
	named[2] = config_credential(c, "all");
	ok(allows(&named[0]->access, 5, 5, 0) && !allows(&named[0]->access, 5, 5, ours) &&
		   !allows(&named[0]->access, 0, 0, ours),
	   "without namespaces it is for the daemon's own, whoever asks");
	ok(allows(&named[1]->access, 0, 0, ours) && !allows(&named[1]->access, 5, 5, ours) &&
		   !allows(&named[1]->access, 0, 0, ours + 1) && allows(&named[1]->access, 0, 0, 0),
	   "a namespace by its file, and its users as elsewhere");
	ok(allows(&named[2]->access, 5, 5, 1) && allows(&named[2]->access, 0, 0, 1) &&
		   !allows(&named[2]->access, 6, 5, 1),
	   "all namespaces");
	ok(allows(&config_trust(c, "open")->access, 5, 5, ours) &&
		   allows(&config_trust(c, "here")->access, 5, 5, 0) &&
		   !allows(&config_trust(c, "here")->access, 5, 5, ours),
	   "a trust store is for all, unless it says for whom");
	config_free(c);
}

static void test_full(void)
{
	struct config *c = load(
		"# a comment\n"
		"log_level = warning\n"
		"workers = 3\n"
		"credential \"web\" {\n"
		"	chain = \"leaf.pem\"\n"
		"	key = \"group.key\"\n"
		"	users = {\"daemon\", \"4711\"}\n"
		"	groups = {\"4712\"}\n"
		"}\n"
		"credential \"default\" { chain = leaf.pem key = leaf.key ocsp = short.ocsp }\n"
		"trust \"ours\" { file = {root.pem, leaf.pem} dir = {cas} crl = {revoked.pem}\n"
		"	users = {\"4711\"} }\n"
		"profile \"slow\" { suites = {TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256}\n"
		"	groups = {secp384r1} signature_schemes = {ed25519} }\n"
		"limits { grace_ms = 100 handshakes = 5 handshakes_per_uid = 4\n"
		"	handshakes_per_listener = 0 }\n");
	const struct credential *web;
	const struct profile *slow;
	const struct trust *ours;

	if (!ok(c, "a file with everything in it %s", error))
		return;
	web = config_credential(c, "web");
	ours = config_trust(c, "ours");
	slow = config_profile(c, "slow");
	ok(!strcmp(c->credentials[0].name, "default"), "the default credential is the first");
	ok(web && allows(&web->access, 4711, 1, 0) && allows(&web->access, 1, 99, 0) &&
		   allows(&web->access, 99, 4712, 0) && !allows(&web->access, 99, 99, 0),
	   "users and groups of a credential, by name and number");
	ok(!allows(&c->credentials[0].access, 99, 99, 0) &&
		   allows(&c->credentials[0].access, 0, 99, 0),
	   "without users a credential is root's");
	ok(ours && allows(&ours->access, 4711, 1, 0) && !allows(&ours->access, 99, 99, 0),
	   "users of a trust store");
	ok(slow && slow->suites.count == 2 && slow->suites.codes[0] == 0x1302 &&
		   slow->groups.codes[0] == 0x0018 && slow->schemes.codes[0] == 0x0807,
	   "the lists of a profile, in their order");
	ok(c->log_level == LOG_WARNING && c->workers == 3, "log level and workers");
	ok(c->limits.grace_ms == 100 && c->limits.handshakes == 5 &&
		   c->limits.handshakes_per_uid == 4 && c->limits.handshakes_per_listener == 0,
	   "limits");
	config_free(c);
}

struct bad {
	const char *text;
	const char *reason; /* behind "<folder>/tlsockd.conf:" */
};

static const struct bad bad[] = {
	{ "nonsense = 1\n", "1: no such option 'nonsense'" },
	{ "\n\nlog_level = loud\n", "3: log_level: \"loud\" is none of" },
	{ "workers = -1\n", "1: workers: -1 is not within 0 and 1024" },
	{ "workers = many\n", "1: invalid integer value for option 'workers'" },
	{ "limits { grace_ms = 3600001 }\n", "1: grace_ms: 3600001 is not within" },
	{ "user = nobody-of-that-name\n", "1: user: there is no user \"nobody-of-that-name\"" },
	{ "profile \"p\" {\n suites = {TLS_NO_SUCH} }\n",
	  "2: suites: \"TLS_NO_SUCH\" is not a name this daemon knows" },
	{ "profile \"p\" { groups = {x448} }\n", "1: groups: \"x448\" is not" },
	{ "profile \"p\" {\n groups = {x25519, secp256r1,\n x25519} }\n",
	  "3: groups: \"x25519\" is there twice" },
	{ "profile \"p\" { suites = {TLS_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256} }\n",
	  "1: suites: \"TLS_AES_128_GCM_SHA256\" is there twice" },
	{ "profile \"p\" { signature_schemes = {ed25519}\n signature_schemes += {ed25519} }\n",
	  "2: signature_schemes: \"ed25519\" is there twice" },
	{ "profile \"p\" {\n suites = {TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}\n"
	  " min_version = TLSv1.3\n}\n",
	  "4: profile \"p\": suites: none of them is of TLSv1.3 to TLSv1.3" },
	{ "profile \"p\" {\n suites = {TLS_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_128_GCM_SHA256}\n}\n",
	  "3: profile \"p\": suites: TLS_RSA_WITH_AES_128_GCM_SHA256 has no forward secrecy; only a" },
	{ "profile \"default\" { suites = {TLS_RSA_WITH_AES_256_GCM_SHA384} }\n",
	  "1: profile \"default\": suites: TLS_RSA_WITH_AES_256_GCM_SHA384 has no forward secrecy" },
	{ "profile \"p\" {\n max_version = TLSv1.1\n}\n",
	  "2: max_version: \"TLSv1.1\" is neither TLSv1.2 nor TLSv1.3" },
	{ "profile \"p\" { min_version = TLSv1.3\n max_version = TLSv1.2\n}\n",
	  "3: profile \"p\": min_version is above max_version" },
	{ "credential \"c\" { key = leaf.key }\n", "1: credential \"c\": no chain is given" },
	{ "credential \"c\" { chain = leaf.pem }\n", "1: credential \"c\": no key is given" },
	{ "credential { chain = leaf.pem key = leaf.key }\n", "1: " },
	{ "credential \"\" { chain = leaf.pem key = leaf.key }\n", "1: a credential needs a name" },
	{ "credential \"c\" { chain = leaf.pem key = leaf.key }\n"
	  "credential \"c\" { chain = leaf.pem key = leaf.key }\n",
	  "2: found duplicate title 'c'" },
	{ "credential \"c\" { chain = leaf.pem key = leaf.key users = {nobody-of-that-name} }\n",
	  "1: credential \"c\": users: \"nobody-of-that-name\" is no user" },
	{ "credential \"c\" { chain = leaf.pem key = leaf.key groups = {\"4294967295\"} }\n",
	  "1: credential \"c\": groups: \"4294967295\" is no group" },
	{ "credential \"c\" { chain = leaf.pem key = leaf.key namespaces = {\"/proc/self/ns/uts\"} }\n",
	  "1: credential \"c\": namespaces: \"/proc/self/ns/uts\" is no network namespace" },
	{ "credential \"c\" { chain = leaf.pem key = leaf.key ocsp = missing.ocsp }\n",
	  "missing.ocsp: No such file or directory" },
	{ "credential \"c\" { chain = leaf.pem key = leaf.key ocsp = leaf.pem }\n",
	  "1: credential \"c\": ocsp: no response in DER" },
	{ "credential \"c\" { chain = leaf.pem key = leaf.key ocsp = empty.pem }\n",
	  "1: credential \"c\": ocsp: no response in DER" },
	{ "credential \"c\" { chain = leaf.pem key = leaf.key ocsp = long.ocsp }\n",
	  "1: credential \"c\": ocsp: 65537 bytes are too many" },
	{ "credential \"c\" { chain = missing.pem key = leaf.key }\n",
	  "missing.pem: No such file or directory" },
	{ "credential \"c\" { chain = leaf.pem key = open.key }\n",
	  "open.key: mode 0644 lets others at a private key; 0600 or 0640 is needed" },
	{ "credential \"c\" { chain = leaf.pem key = writable.key }\n",
	  "writable.key: mode 0620 lets others at a private key" },
	{ "credential \"c\" { chain = writable.pem key = leaf.key }\n",
	  "writable.pem: mode 0666 lets everybody write it" },
	{ "credential \"c\" { chain = leaf.pem key = fifo.key }\n",
	  "fifo.key: not a regular file" },
	{ "credential \"c\" { chain = leaf.pem key = other.key }\n", "1: credential \"c\": " },
	{ "credential \"c\" { chain = garbage.pem key = leaf.key }\n", "1: credential \"c\": " },
	{ "credential \"c\" { chain = leaf.pem key = garbage.pem }\n", "garbage.pem: mode 0644" },
	{ "trust \"t\" { }\n", "1: trust \"t\": none of file, dir, system is given" },
	{ "trust \"t\" { file = {empty.pem} }\n", "empty.pem: " },
	{ "trust \"t\" { file = {garbage.pem} }\n", "garbage.pem: " },
	{ "trust \"t\" { dir = {none} }\n", "none: no file *.pem, *.crt or *.cer in it" },
	{ "trust \"t\" { dir = {open} }\n", "open: mode 1777 lets everybody write it" },
	{ "trust \"t\" { dir = {leaf.pem} }\n", "leaf.pem: Not a directory" },
	{ "trust \"t\" { crl = {revoked.pem} }\n", "1: trust \"t\": none of file, dir, system" },
	{ "trust \"t\" { file = {root.pem} crl = {empty.pem} }\n",
	  "empty.pem: no list of revoked" },
	{ "trust \"t\" { file = {root.pem} crl = {nowhere} }\n", "nowhere: No such file" },
	{ "trust \"t\" { dir = {nowhere} }\n", "nowhere: No such file or directory" },
	{ "\nlimits { grace_ms = 1\n\n", "2: a brace that is opened here is not closed" },
	{ "limits { grace_ms = 1 }\n/* limits\n", "2: a comment that begins here does not end" },
	{ "log_level = \"info\n", "1: a string that begins here does not end" },
	{ "log_level = 'info\\'\n", "1: a string that begins here does not end" },
	{ "# 1\n// 2\n/* 3\n4 */ workers = 1 # }\nlog_level = loud\n", "5: log_level: " },
	{ "profile \"p\" {# }\n groups = {x25519, # one\n x448} }\n", "3: groups: \"x448\"" },
	{ "log_level = \"a # b\"\n", "1: log_level: \"a # b\" is none of" },
	{ "log_level = a//b\n", "1: log_level: \"a//b\" is none of" },
	{ "log_level = '\\' { # \"'\n", "1: log_level: \"' { # \"\" is none of" },
	{ "limits { grace_ms = 1 } }\n", "1: unexpected closing brace" },
	{ "tickets { lifetime = 604801 }\n", "1: lifetime: 604801 is not within 1 and 604800" },
	{ "tickets {\n rotate = 0 }\n", "2: rotate: 0 is not within" },
	{ "tickets { directory = nosuch }\n", "nosuch: No such file or directory" },
};

/* What is accepted is what an engine takes. */
static void test_profiles(void)
{
	struct config *c = load(
		"profile \"all\" { suites = {TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,\n"
		"		TLS_CHACHA20_POLY1305_SHA256, TLS_AES_256_GCM_SHA384,\n"
		"		TLS_AES_128_GCM_SHA256}\n"
		"	groups = {x25519} groups += {secp256r1, secp384r1} }\n"
		"profile \"default\" { signature_schemes = {ed25519} }\n");

	ok(c && c->profile_count == 3 && config_profile(c, "all")->groups.count == 3 &&
		   config_profile(c, "all")->suites.count == 4 &&
		   config_profile(c, "default")->schemes.count == 1,
	   "profiles with long lists, added to, and one in the default's place %s", error);
	config_free(c);
}

static bool legacy_of(const struct config *c, const char *name)
{
	struct hs_config out = { .legacy = false };
	const struct profile *p = c ? config_profile(c, name) : NULL;

	if (p)
		config_use_profile(p, &out);
	return out.legacy;
}

/* RSA key exchange: in the profile of that name alone, and only if the file has one. */
static void test_legacy(void)
{
	struct config *c = load("profile other { }\n");

	ok(c && !config_profile(c, "legacy") && !legacy_of(c, "default") &&
		   !legacy_of(c, "modern") && !legacy_of(c, "other"),
	   "there is no profile \"legacy\" of itself, and no other takes its suites %s", error);
	config_free(c);
	c = load("profile legacy { }\nprofile other { }\n");
	ok(c && legacy_of(c, "legacy") && !legacy_of(c, "default") && !legacy_of(c, "other"),
	   "a profile \"legacy\" %s", error);
	config_free(c);
	c = load("profile legacy { suites = {TLS_RSA_WITH_AES_128_GCM_SHA256} }\n");
	ok(c && legacy_of(c, "legacy") && config_profile(c, "legacy")->suites.count == 1,
	   "and one with that key exchange alone %s", error);
	config_free(c);
}

static bool speaks(const struct config *c, const char *name, uint16_t min, uint16_t max)
{
	const struct profile *p = c ? config_profile(c, name) : NULL;

	return p && p->min_version == min && p->max_version == max;
}

static void test_versions(void)
{
	struct config *c = load(
		"profile old { max_version = TLSv1.2 }\n"
		"profile new { min_version = TLSv1.3 }\n"
		"profile both { }\n"
		"profile only { suites = {TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256} }\n");

	ok(speaks(c, "default", HS_TLS_1_2, HS_TLS_1_3) &&
		   speaks(c, "modern", HS_TLS_1_3, HS_TLS_1_3),
	   "the profiles that are there anyway %s", error);
	ok(speaks(c, "old", HS_TLS_1_2, HS_TLS_1_2) && speaks(c, "new", HS_TLS_1_3, HS_TLS_1_3) &&
		   speaks(c, "both", HS_TLS_1_2, HS_TLS_1_3) &&
		   speaks(c, "only", HS_TLS_1_2, HS_TLS_1_3),
	   "the versions of profiles");
	config_free(c);
}

static void test_bad(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config *c = load(bad[i].text);
		size_t lines = 0;

		for (const char *at = strchr(error, '\n'); at; at = strchr(at + 1, '\n'))
			lines++;
		ok(!c && strstr(error, bad[i].reason) && strstr(error, "/tlsockd.conf:") && !lines,
		   "refused: %s", error);
		config_free(c);
	}
}

static void test_file(void)
{
	char *path = scratch_path("tlsockd.conf");
	struct file_bytes bytes;
	char text[256] = "";
	int fd;

	unlink(path);
	ok(!config_load(path, error) && strstr(error, "No such file"), "no file: %s", error);
	scratch_write("tlsockd.conf", 0666, "workers = 1\n");
	ok(!config_load(path, error) && strstr(error, "lets everybody write it"), "%s", error);
	scratch_write("tlsockd.conf", 0644, "%s", "");
	fd = open(path, O_WRONLY);
	ok(write(fd, "a\0b", 3) == 3 && !config_load(path, error) && strstr(error, "NUL"), "%s",
	   error);
	close(fd);
	scratch_write("tlsockd.conf", 0644, "%s", "12345");
	ok(file_read(path, FILE_PUBLIC, 4, &bytes, text, sizeof(text)) == -EFBIG, "%s", text);
	ok(!file_read(path, FILE_PUBLIC, 5, &bytes, text, sizeof(text)) && bytes.len == 5 &&
		   !strcmp(bytes.data, "12345"),
	   "a file of the greatest length");
	file_release(&bytes);
	free(path);
	if (geteuid()) {
		skip("a foreign owner", "only root can give a file away");
		return;
	}
	path = scratch_path("foreign.key");
	if (chown(path, 4711, 4711))
		bail("chown: %s", strerror(errno));
	ok(!load("credential \"c\" { chain = leaf.pem key = foreign.key }\n") &&
		   strstr(error, "foreign.key: belongs to uid 4711, not to root"),
	   "%s", error);
	free(path);
	path = scratch_path("cas");
	if (chown(path, 4711, 4711))
		bail("chown: %s", strerror(errno));
	ok(!load("trust \"t\" { dir = {cas} }\n") &&
		   strstr(error, "cas: belongs to uid 4711, not to root"),
	   "%s", error);
	free(path);
}

int main(void)
{
	set_up();
	test_empty();
	test_full();
	test_namespaces();
	test_profiles();
	test_versions();
	test_legacy();
	test_bad();
	test_file();
	identities_free();
	scratch_remove();
	return tap_done();
}
