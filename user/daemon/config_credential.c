// SPDX-License-Identifier: MIT
/*
 * config_credential.c - credentials: chains, keys in files and in tokens, OCSP responses
 *
 * A key in a token is named by a URI (RFC 7512), and its PIN by a file of its own. Must never say a PIN
 * in an error, nor keep one.
 */
#include "config_section.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "token_uri.h"

/* An OCSP response for the leaf, if one is named; whether it is good is the peers' to judge. */
static int staple_of(cfg_t *section, struct hs_credential *credential)
{
	struct file_bytes der = { 0 };
	int error = 0;

	if (!cfg_getstr(section, "ocsp"))
		return 0;
	if (section_read(section, "ocsp", FILE_PUBLIC, &der))
		return -1;
	if (!der.len || der.data[0] != 0x30) { /* SEQUENCE */
		cfg_error(section, "credential \"%s\": ocsp: no response in DER",
			  cfg_title(section));
		error = -1;
	} else if (hs_credential_set_staple(credential, der.data, der.len)) {
		cfg_error(section, "credential \"%s\": ocsp: %zu bytes are too many",
			  cfg_title(section), der.len);
		error = -1;
	}
	file_release(&der);
	return error;
}

/* ---- a key in a token ---- */

int section_check_name(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *name = cfg_opt_getnstr(opt, 0);
	bool is_path = !strcmp(opt->name, "module") || strchr(name, '/');

	if (name[0] && strlen(name) < 512 && (name[0] == '/' || !is_path) &&
	    !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "0123456789_./+-")])
		return 0;
	cfg_error(cfg, "%s: has to be %sthe absolute path of one, of letters, digits and _./+-",
		  opt->name, is_path ? "" : "a name or ");
	return -1;
}

/* One line. @pin: KEEPER_PIN_MAX bytes and a NUL */
static int read_pin(cfg_t *section, const char *path, char *pin)
{
	struct file_bytes bytes = { 0 };
	char text[TOKEN_URI_MAX + 64] = "";
	int error = file_read(path, FILE_PIN, KEEPER_PIN_MAX + 1, &bytes, text, sizeof(text));

	if (!error && bytes.len && bytes.data[bytes.len - 1] == '\n')
		bytes.data[--bytes.len] = '\0';
	if (!error && (!bytes.len || bytes.len > KEEPER_PIN_MAX ||
		       strlen(bytes.data) != bytes.len || strchr(bytes.data, '\n'))) {
		snprintf(text, sizeof(text), "%s: not a PIN in a line of its own", path);
		error = -1;
	}
	if (!error)
		memcpy(pin, bytes.data, bytes.len + 1);
	else
		cfg_error(section, "credential \"%s\": key: pin-source: %s", cfg_title(section),
			  text);
	file_release(&bytes);
	return error;
}

static struct keeper *keeper_of(cfg_t *cfg, struct config *config, char *reason)
{
	cfg_t *pkcs11 = cfg_getsec(cfg, "pkcs11");
	const struct keeper_settings settings = {
		.provider = cfg_getstr(pkcs11, "provider"),
		.module = cfg_getstr(pkcs11, "module"),
		.change = config->has_user && geteuid() == 0,
		.uid = config->uid,
		.gid = config->gid,
	};

	if (!config->keeper)
		config->keeper = keeper_new(&settings, reason);
	return config->keeper;
}

/* @operations: filled in */
static int token_of(cfg_t *cfg, cfg_t *section, struct config *config,
		    struct hs_key_operations *operations)
{
	char reason[KEEPER_REASON_SIZE] = "", pin[KEEPER_PIN_MAX + 1] = "";
	struct token_uri uri;
	int error;

	if (token_uri_parse(cfg_getstr(section, "key"), &uri, reason, sizeof(reason)))
		goto refuse;
	if (uri.pin_source[0] && read_pin(section, uri.pin_source, pin))
		return -1;
	error = keeper_of(cfg, config, reason) ? 0 : -1;
	if (!error)
		error = keeper_load(config->keeper, uri.name, uri.pin_source[0] ? pin : NULL,
				    operations, reason);
	explicit_bzero(pin, sizeof(pin));
	if (!error)
		return 0;
refuse:
	cfg_error(section, "credential \"%s\": key: %s", cfg_title(section), reason);
	return -1;
}

static int remote_key(cfg_t *cfg, cfg_t *section, struct config *config,
		      const struct file_bytes *chain, struct credential *c)
{
	struct hs_key_operations operations;
	char text[HS_MAX_TEXT] = "";
	const char *why;
	bool unfit;

	if (token_of(cfg, section, config, &operations))
		return -1;
	c->object = hs_credential_new_remote(chain->data, chain->len, &operations, &unfit, text);
	why = keeper_reason(config->keeper);
	if (!c->object) {
		cfg_error(section, "credential \"%s\": %s%s%s", c->name, text, why[0] ? ": " : "",
			  why);
		return -1;
	}
	if (unfit && cfg_gettsec(cfg, "profile", "legacy"))
		log_write(LOG_WARNING, NULL,
			  "credential \"%s\": its token does not decrypt, so there is no RSA key "
			  "exchange with it",
			  c->name);
	return 0;
}

static int local_key(cfg_t *section, const struct file_bytes *chain, struct credential *c)
{
	struct file_bytes key = { 0 };
	char text[HS_MAX_TEXT] = "";

	if (section_read(section, "key", FILE_PRIVATE, &key))
		return -1;
	c->object = hs_credential_new_pem(chain->data, chain->len, key.data, key.len, text);
	file_release(&key);
	if (c->object)
		return 0;
	cfg_error(section, "credential \"%s\": %s", c->name, text);
	return -1;
}

int section_credential(cfg_t *cfg, cfg_t *section, struct config *config, struct credential *c)
{
	const char *key = cfg_getstr(section, "key");
	struct file_bytes chain = { 0 };
	int error;

	if (section_title(section, &c->name) || section_access(section, &c->access) ||
	    section_read(section, "chain", FILE_PUBLIC, &chain))
		return -1;
	error = key && is_token_uri(key) ? remote_key(cfg, section, config, &chain, c) :
					   local_key(section, &chain, c);
	if (!error)
		error = staple_of(section, c->object);
	file_release(&chain);
	return error;
}
