// SPDX-License-Identifier: MIT
/*
 * config_file.c - the grammar of tlsockd.conf(5), and from a parsed file to a configuration
 *
 * libconfuse parses; what it cannot know (names of suites, users, files) is checked by
 * validators while the parser still knows the line, or, where it takes a whole section, at the
 * section's end. The first error refuses the file. Must never leave a part of it in force.
 */
#include "config.h"

#include <confuse.h>
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_section.h"
#include "config_text.h"
#include "files.h"
#include "log.h"
#include "trust.h"

#define LEGACY_PROFILE "legacy"
#define SECTION_MAX 4096 /* of one kind */
#define LIMIT_MAX 0x7fffffffL
#define GRACE_MAX_MS 3600000L
#define TICKET_LIFETIME 7200L
#define TICKET_LIFETIME_MAX 604800L /* RFC 8446 section 4.6.1 */
#define TICKET_ROTATE 86400L

/* libconfuse hands no pointer to its callbacks; the loader runs in one thread. */
static char *error_text;
static const char *error_path; /* a section that is not repeated knows no file */

static void on_error(cfg_t *cfg, const char *format, va_list ap)
{
	size_t at;

	if (error_text[0]) /* the first error counts, the rest follow from it */
		return;
	at = (size_t)snprintf(error_text, CONFIG_ERROR_SIZE, "%s:%d: ", error_path,
			      cfg ? cfg->line : 0);
	if (at < CONFIG_ERROR_SIZE)
		vsnprintf(error_text + at, CONFIG_ERROR_SIZE - at, format, ap);
}

/* ---- validators of single options ---- */

static int check_codes(cfg_t *cfg, cfg_opt_t *opt, uint16_t (*by_name)(const char *))
{
	unsigned int n = cfg_opt_size(opt);

	if (n > HS_MAX_LIST) {
		cfg_error(cfg, "%s: more than %d names", opt->name, HS_MAX_LIST);
		return -1;
	}
	for (unsigned int i = 0; i < n; i++) {
		const char *name = cfg_opt_getnstr(opt, i);

		if (!by_name(name)) {
			cfg_error(cfg, "%s: \"%s\" is not a name this daemon knows", opt->name,
				  name);
			return -1;
		}
		for (unsigned int j = 0; j < i; j++) {
			if (!strcmp(cfg_opt_getnstr(opt, j), name)) {
				cfg_error(cfg, "%s: \"%s\" is there twice", opt->name, name);
				return -1;
			}
		}
	}
	return 0;
}

static int check_suites(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_codes(cfg, opt, hs_suite_by_name);
}

static int check_groups(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_codes(cfg, opt, hs_group_by_name);
}

static int check_schemes(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_codes(cfg, opt, hs_scheme_by_name);
}

static uint16_t version_by_name(const char *name)
{
	if (!strcmp(name, hs_version_name(HS_TLS_1_2)))
		return HS_TLS_1_2;
	return strcmp(name, hs_version_name(HS_TLS_1_3)) ? 0 : HS_TLS_1_3;
}

static int check_version(cfg_t *cfg, cfg_opt_t *opt)
{
	if (version_by_name(cfg_opt_getnstr(opt, 0)))
		return 0;
	cfg_error(cfg, "%s: \"%s\" is neither %s nor %s", opt->name, cfg_opt_getnstr(opt, 0),
		  hs_version_name(HS_TLS_1_2), hs_version_name(HS_TLS_1_3));
	return -1;
}

static int check_log_level(cfg_t *cfg, cfg_opt_t *opt)
{
	if (log_level_by_name(cfg_opt_getnstr(opt, 0)) >= 0)
		return 0;
	cfg_error(cfg, "log_level: \"%s\" is none of error, warning, notice, info, debug",
		  cfg_opt_getnstr(opt, 0));
	return -1;
}

static int check_range(cfg_t *cfg, cfg_opt_t *opt, long low, long high)
{
	long n = cfg_opt_getnint(opt, 0);

	if (n >= low && n <= high)
		return 0;
	cfg_error(cfg, "%s: %ld is not within %ld and %ld", opt->name, n, low, high);
	return -1;
}

static int check_workers(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_range(cfg, opt, 0, 1024);
}

static int check_limit(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_range(cfg, opt, 0, LIMIT_MAX);
}

static int check_grace(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_range(cfg, opt, 0, GRACE_MAX_MS);
}

static int check_lifetime(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_range(cfg, opt, 1, TICKET_LIFETIME_MAX);
}

static int check_user(cfg_t *cfg, cfg_opt_t *opt)
{
	if (getpwnam(cfg_opt_getnstr(opt, 0)))
		return 0;
	cfg_error(cfg, "user: there is no user \"%s\"", cfg_opt_getnstr(opt, 0));
	return -1;
}

/* ---- the parts of sections ---- */

/* Each path of an option's list */
static int add_paths(cfg_t *section, const char *option, struct hs_trust *trust,
		     int (*add)(struct hs_trust *, const char *, char *, size_t), char *text,
		     size_t text_size)
{
	int error = 0;

	for (unsigned int i = 0; !error && i < cfg_size(section, option); i++) {
		char *path = file_beside(section->filename, cfg_getnstr(section, option, i));

		error = path ? add(trust, path, text, text_size) : -1;
		free(path);
	}
	return error;
}

static int trust_of(cfg_t *section, struct trust *t)
{
	bool system = cfg_getbool(section, "system") == cfg_true;
	char text[CONFIG_ERROR_SIZE / 2] = "out of memory";
	int error;

	if (section_title(section, &t->name) || section_access(section, &t->access))
		return -1;
	if (!cfg_size(section, "users") && !cfg_size(section, "groups")) {
		t->access.everyone = true; /* a certificate authority is no secret */
		if (!cfg_size(section, "namespaces"))
			t->access.any_namespace = true;
	}
	if (!cfg_size(section, "file") && !cfg_size(section, "dir") && !system) {
		cfg_error(section, "trust \"%s\": none of file, dir, system is given", t->name);
		return -1;
	}
	t->object = hs_trust_new();
	error = t->object ? 0 : -1;
	if (!error && system)
		error = trust_add_system(t->object, text, sizeof(text));
	if (!error)
		error = add_paths(section, "file", t->object, trust_add_file, text, sizeof(text));
	if (!error)
		error = add_paths(section, "dir", t->object, trust_add_dir, text, sizeof(text));
	if (!error)
		error = add_paths(section, "crl", t->object, trust_add_crl, text, sizeof(text));
	if (error)
		cfg_error(section, "trust \"%s\": %s", t->name, text);
	return error;
}

static void codes_of(cfg_t *section, const char *option, uint16_t (*by_name)(const char *),
		     struct code_list *list)
{
	for (unsigned int i = 0; i < cfg_size(section, option); i++)
		list->codes[list->count++] = by_name(cfg_getnstr(section, option, i));
}

static bool has_version(const struct profile *p)
{
	for (size_t i = 0; i < p->suites.count; i++) {
		uint16_t version = hs_suite_version(p->suites.codes[i]);

		if (version >= p->min_version && version <= p->max_version)
			return true;
	}
	return !p->suites.count;
}

/* No forward secrecy by accident: it has a name of its own, and that in the file. */
static int check_forward_secrecy(cfg_t *section, const struct profile *p)
{
	for (size_t i = 0; i < p->suites.count && !p->legacy; i++) {
		if (hs_suite_place(p->suites.codes[i]) != HS_PLACE_LEGACY)
			continue;
		cfg_error(section,
			  "profile \"%s\": suites: %s has no forward secrecy; only a profile with "
			  "the name \"" LEGACY_PROFILE "\" may have it",
			  p->name, hs_suite_name(p->suites.codes[i]));
		return -1;
	}
	return 0;
}

static int no_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	memset(out, 0, len);
	return -EIO;
}

static int64_t no_time(void *ctx)
{
	(void)ctx;
	return 0;
}

/* A profile that no engine takes must not wait for a connection to fail with it. */
static int try_profile(cfg_t *section, const struct profile *p)
{
	struct hs_config config = { .random = no_random, .now = no_time };
	struct hs_engine *engine;

	if (p->min_version > p->max_version) {
		cfg_error(section, "profile \"%s\": min_version is above max_version", p->name);
		return -1;
	}
	if (!has_version(p)) {
		cfg_error(section, "profile \"%s\": suites: none of them is of %s to %s", p->name,
			  hs_version_name(p->min_version), hs_version_name(p->max_version));
		return -1;
	}
	config_use_profile(p, &config);
	engine = hs_engine_new(&config, HS_CLIENT);
	if (!engine) {
		cfg_error(section, "profile \"%s\": the handshake engine does not take it",
			  p->name);
		return -1;
	}
	hs_engine_free(engine);
	return 0;
}

static int profile_of(cfg_t *section, struct profile *p)
{
	if (section_title(section, &p->name))
		return -1;
	codes_of(section, "suites", hs_suite_by_name, &p->suites);
	codes_of(section, "groups", hs_group_by_name, &p->groups);
	codes_of(section, "signature_schemes", hs_scheme_by_name, &p->schemes);
	p->min_version = version_by_name(cfg_getstr(section, "min_version"));
	p->max_version = version_by_name(cfg_getstr(section, "max_version"));
	p->grease = cfg_getbool(section, "grease") == cfg_true;
	p->legacy = !strcmp(p->name, LEGACY_PROFILE);
	return check_forward_secrecy(section, p) ? -1 : try_profile(section, p);
}

/* ---- the whole ---- */

/* Room for the sections of a kind and two more; the count grows as they are made. */
static void *room_for(cfg_t *cfg, const char *kind, size_t size)
{
	unsigned int n = cfg_size(cfg, kind);

	if (n > SECTION_MAX) {
		cfg_error(cfg, "more than %d sections \"%s\"", SECTION_MAX, kind);
		return NULL;
	}
	return calloc((size_t)n + 2, size);
}

static int credentials_of(cfg_t *cfg, struct config *c)
{
	c->credentials = room_for(cfg, "credential", sizeof(*c->credentials));
	if (!c->credentials)
		return -1;
	for (unsigned int i = 0; i < cfg_size(cfg, "credential"); i++) {
		struct credential *at = &c->credentials[c->credential_count++];

		if (section_credential(cfg, cfg_getnsec(cfg, "credential", i), c, at))
			return -1;
		if (!strcmp(at->name, "default") && at != c->credentials) {
			struct credential swap = *at;

			memmove(c->credentials + 1, c->credentials,
				(c->credential_count - 1) * sizeof(*at));
			c->credentials[0] = swap;
		}
	}
	if (c->keeper)
		keeper_seal(c->keeper);
	return 0;
}

static int trusts_of(cfg_t *cfg, struct config *c)
{
	char text[CONFIG_ERROR_SIZE];
	struct trust *system;

	c->trusts = room_for(cfg, "trust", sizeof(*c->trusts));
	if (!c->trusts)
		return -1;
	for (unsigned int i = 0; i < cfg_size(cfg, "trust"); i++)
		if (trust_of(cfg_getnsec(cfg, "trust", i), &c->trusts[c->trust_count++]))
			return -1;
	if (config_trust(c, "system"))
		return 0;
	system = &c->trusts[c->trust_count];
	system->object = hs_trust_new();
	if (!system->object)
		return -1;
	if (trust_add_system(system->object, text, sizeof(text))) {
		log_write(LOG_WARNING, NULL, "no trust store \"system\": %s", text);
		hs_trust_unref(system->object);
		system->object = NULL;
		return 0;
	}
	c->trust_count++;
	system->access.everyone = true;
	system->access.any_namespace = true;
	system->name = strdup("system");
	return system->name ? 0 : -1;
}

/* Unless the file has one of that name */
static int add_profile(struct config *c, const char *name, uint16_t min_version)
{
	struct profile *added = &c->profiles[c->profile_count];

	if (config_profile(c, name))
		return 0;
	added->name = strdup(name);
	if (!added->name)
		return -1;
	added->min_version = min_version;
	added->max_version = HS_TLS_1_3;
	added->grease = true;
	c->profile_count++;
	return 0;
}

static int profiles_of(cfg_t *cfg, struct config *c)
{
	c->profiles = room_for(cfg, "profile", sizeof(*c->profiles));
	if (!c->profiles)
		return -1;
	for (unsigned int i = 0; i < cfg_size(cfg, "profile"); i++)
		if (profile_of(cfg_getnsec(cfg, "profile", i), &c->profiles[c->profile_count++]))
			return -1;
	return add_profile(c, "default", HS_TLS_1_2) ? -1 : add_profile(c, "modern", HS_TLS_1_3);
}

static int tickets_of(cfg_t *cfg, struct ticket_policy *t)
{
	cfg_t *section = cfg_getsec(cfg, "tickets");
	const char *directory = cfg_getstr(section, "directory");
	char text[CONFIG_ERROR_SIZE / 2] = "out of memory";
	char *path = NULL;
	int error = 0;

	t->issue = cfg_getbool(section, "issue") == cfg_true;
	t->lifetime = (uint32_t)cfg_getint(section, "lifetime");
	t->rotate = cfg_getint(section, "rotate");
	if (!directory)
		return 0;
	path = file_beside(error_path, directory);
	error = path ? ticket_files_load(&t->files, path, text, sizeof(text)) : -ENOMEM;
	if (error)
		cfg_error(section, "tickets: directory: %s", text);
	free(path);
	return error;
}

static void scalars_of(cfg_t *cfg, struct config *c)
{
	cfg_t *limits = cfg_getsec(cfg, "limits");
	const struct passwd *pw = getpwnam(cfg_getstr(cfg, "user") ? cfg_getstr(cfg, "user") :
								     "tlsockd");

	c->limits.grace_ms = cfg_getint(limits, "grace_ms");
	c->limits.handshakes = cfg_getint(limits, "handshakes");
	c->limits.handshakes_per_uid = cfg_getint(limits, "handshakes_per_uid");
	c->limits.handshakes_per_listener = cfg_getint(limits, "handshakes_per_listener");
	c->log_level = log_level_by_name(cfg_getstr(cfg, "log_level"));
	c->workers = (unsigned int)cfg_getint(cfg, "workers");
	c->sessions = cfg_getbool(cfg, "sessions") == cfg_true;
	if (pw && pw->pw_uid) {
		c->has_user = true;
		c->uid = pw->pw_uid;
		c->gid = pw->pw_gid;
	}
}

static struct config *build(cfg_t *cfg)
{
	struct config *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	scalars_of(cfg, c);
	if (credentials_of(cfg, c) || trusts_of(cfg, c) || profiles_of(cfg, c) ||
	    tickets_of(cfg, &c->tickets)) {
		keeper_free(c->keeper, true); /* nobody else has it */
		c->keeper = NULL;
		config_free(c);
		return NULL;
	}
	return c;
}

static void set_validators(cfg_t *cfg)
{
	cfg_set_validate_func(cfg, "log_level", check_log_level);
	cfg_set_validate_func(cfg, "workers", check_workers);
	cfg_set_validate_func(cfg, "user", check_user);
	cfg_set_validate_func(cfg, "pkcs11|provider", section_check_name);
	cfg_set_validate_func(cfg, "pkcs11|module", section_check_name);
	cfg_set_validate_func(cfg, "profile|suites", check_suites);
	cfg_set_validate_func(cfg, "profile|groups", check_groups);
	cfg_set_validate_func(cfg, "profile|signature_schemes", check_schemes);
	cfg_set_validate_func(cfg, "profile|min_version", check_version);
	cfg_set_validate_func(cfg, "profile|max_version", check_version);
	cfg_set_validate_func(cfg, "tickets|lifetime", check_lifetime);
	cfg_set_validate_func(cfg, "tickets|rotate", check_lifetime);
	cfg_set_validate_func(cfg, "limits|grace_ms", check_grace);
	cfg_set_validate_func(cfg, "limits|handshakes", check_limit);
	cfg_set_validate_func(cfg, "limits|handshakes_per_uid", check_limit);
	cfg_set_validate_func(cfg, "limits|handshakes_per_listener", check_limit);
}

/* In @text comments become blanks. */
static int parse_text(cfg_t *cfg, char *text)
{
	int line, error = -EINVAL;
	const char *unended = config_text_prepare(text, &line);
	FILE *stream;

	if (unended) {
		snprintf(error_text, CONFIG_ERROR_SIZE, "%s:%d: %s", error_path, line, unended);
		return error;
	}
	if (!text[0]) /* a configuration too, but libconfuse takes no empty stream */
		return 0;
	stream = fmemopen(text, strlen(text), "r");
	if (!stream)
		return -ENOMEM;
	if (cfg_parse_fp(cfg, stream) == CFG_SUCCESS)
		error = 0;
	fclose(stream);
	return error;
}

/* libconfuse would open the file by itself; its permissions are looked at here. */
static int parse(cfg_t *cfg, const char *path)
{
	struct file_bytes bytes;
	int error = file_read(path, FILE_PUBLIC, PEM_MAX, &bytes, error_text, CONFIG_ERROR_SIZE);

	if (error)
		return error;
	cfg->filename = strdup(path);
	error = cfg->filename ? 0 : -ENOMEM;
	if (!error && strlen(bytes.data) != bytes.len) {
		cfg_error(cfg, "not a text file: there is a NUL in it");
		error = -EINVAL;
	}
	if (!error)
		error = parse_text(cfg, bytes.data);
	file_release(&bytes);
	return error;
}

static struct config *load(cfg_t *cfg, const char *path, char *error)
{
	struct config *config = NULL;

	error_text = error;
	error_path = path;
	error[0] = '\0';
	if (cfg) {
		cfg_set_error_function(cfg, on_error);
		set_validators(cfg);
		if (!parse(cfg, path))
			config = build(cfg);
		cfg_free(cfg);
	}
	if (!config && !error[0])
		snprintf(error, CONFIG_ERROR_SIZE, "%s: out of memory", path);
	return config;
}

static cfg_opt_t pkcs11[] = {
	CFG_STR("provider", "pkcs11", CFGF_NONE),
	CFG_STR("module", NULL, CFGF_NONE),
	CFG_END(),
};

struct config *config_load(const char *path, char *error)
{
	cfg_opt_t credential[] = {
		CFG_STR("chain", NULL, CFGF_NONE),
		CFG_STR("key", NULL, CFGF_NONE),
		CFG_STR("ocsp", NULL, CFGF_NONE),
		CFG_STR_LIST("users", NULL, CFGF_NONE),
		CFG_STR_LIST("groups", NULL, CFGF_NONE),
		CFG_STR_LIST("namespaces", NULL, CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t trust[] = {
		CFG_STR_LIST("file", NULL, CFGF_NONE),
		CFG_STR_LIST("dir", NULL, CFGF_NONE),
		CFG_STR_LIST("crl", NULL, CFGF_NONE),
		CFG_BOOL("system", cfg_false, CFGF_NONE),
		CFG_STR_LIST("users", NULL, CFGF_NONE),
		CFG_STR_LIST("groups", NULL, CFGF_NONE),
		CFG_STR_LIST("namespaces", NULL, CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t profile[] = {
		CFG_STR_LIST("suites", NULL, CFGF_NONE),
		CFG_STR_LIST("groups", NULL, CFGF_NONE),
		CFG_STR_LIST("signature_schemes", NULL, CFGF_NONE),
		CFG_STR("min_version", "TLSv1.2", CFGF_NONE),
		CFG_STR("max_version", "TLSv1.3", CFGF_NONE),
		CFG_BOOL("grease", cfg_true, CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t limits[] = {
		CFG_INT("grace_ms", -1, CFGF_NONE),
		CFG_INT("handshakes", -1, CFGF_NONE),
		CFG_INT("handshakes_per_uid", -1, CFGF_NONE),
		CFG_INT("handshakes_per_listener", -1, CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t tickets[] = {
		CFG_BOOL("issue", cfg_true, CFGF_NONE),
		CFG_STR("directory", NULL, CFGF_NONE),
		CFG_INT("lifetime", TICKET_LIFETIME, CFGF_NONE),
		CFG_INT("rotate", TICKET_ROTATE, CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t options[] = {
		CFG_STR("log_level", "info", CFGF_NONE),
		CFG_INT("workers", 0, CFGF_NONE),
		CFG_STR("user", NULL, CFGF_NONE),
		CFG_BOOL("sessions", cfg_true, CFGF_NONE),
		CFG_SEC("credential", credential, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_SEC("pkcs11", pkcs11, CFGF_NONE),
		CFG_SEC("trust", trust, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_SEC("profile", profile, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_SEC("limits", limits, CFGF_NONE),
		CFG_SEC("tickets", tickets, CFGF_NONE),
		CFG_END(),
	};

	return load(cfg_init(options, CFGF_NONE), path, error);
}
