/* SPDX-License-Identifier: MIT */
/*
 * config_section.h - from a section of tlsockd.conf(5) to an object, shared by the loader's files
 *
 * Each returns 0, or something else when cfg_error() has been told why, or memory has run out. Must
 * never leave an error unsaid.
 */
#ifndef DAEMON_CONFIG_SECTION_H
#define DAEMON_CONFIG_SECTION_H

#include <confuse.h>

#include "config.h"
#include "files.h"

#define PEM_MAX ((size_t)1 << 20)

int section_title(cfg_t *section, char **name);
int section_access(cfg_t *section, struct access *access);
/* The file that @option names. */
int section_read(cfg_t *section, const char *option, enum file_kind kind, struct file_bytes *out);

/* A credential, whose key may be in a token; then @config gets a keeper, if it has none yet. */
int section_credential(cfg_t *cfg, cfg_t *section, struct config *config, struct credential *c);

/* A validator: what may stand in OpenSSL's configuration without being read as something else. */
int section_check_name(cfg_t *cfg, cfg_opt_t *opt);

#endif
