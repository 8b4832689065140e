// SPDX-License-Identifier: MIT
/*
 * trust.c - see trust.h
 */
#include "trust.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

#define BUNDLE_MAX ((size_t)16 << 20)

/* Where distributions keep the bundle of the certificate authorities they trust. */
static const char *const system_bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt", /* Debian, Arch, Gentoo */
	"/etc/pki/tls/certs/ca-bundle.crt", /* Fedora, RHEL */
	"/etc/ssl/ca-bundle.pem", /* SUSE */
	"/etc/ssl/cert.pem", /* Alpine */
};

static int add_file(struct hs_trust *trust, const char *path,
		    int (*add)(struct hs_trust *, const void *, size_t, char *), char *text,
		    size_t text_size)
{
	char reason[HS_MAX_TEXT] = "";
	struct file_bytes bytes;
	int n = file_read(path, FILE_PUBLIC, BUNDLE_MAX, &bytes, text, text_size);

	if (n)
		return n;
	n = add(trust, bytes.data, bytes.len, reason);
	file_release(&bytes);
	if (n < 0) {
		snprintf(text, text_size, "%s: %s", path, reason);
		return n;
	}
	return 0;
}

int trust_add_file(struct hs_trust *trust, const char *path, char *text, size_t text_size)
{
	return add_file(trust, path, hs_trust_add_pem, text, text_size);
}

int trust_add_crl(struct hs_trust *trust, const char *path, char *text, size_t text_size)
{
	return add_file(trust, path, hs_trust_add_crl_pem, text, text_size);
}

static bool is_certificate(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && dot != name &&
	       (!strcmp(dot, ".pem") || !strcmp(dot, ".crt") || !strcmp(dot, ".cer"));
}

int trust_add_dir(struct hs_trust *trust, const char *path, char *text, size_t text_size)
{
	const struct dirent *entry;
	DIR *dir = opendir(path);
	int error, files = 0;

	if (!dir) {
		error = -errno;
		snprintf(text, text_size, "%s: %s", path, strerror(-error));
		return error;
	}
	error = folder_check(dirfd(dir), path, text, text_size);
	while (!error && (entry = readdir(dir))) {
		char *file;

		if (!is_certificate(entry->d_name))
			continue;
		if (asprintf(&file, "%s/%s", path, entry->d_name) < 0) {
			error = -ENOMEM;
			break;
		}
		error = trust_add_file(trust, file, text, text_size);
		free(file);
		files++;
	}
	closedir(dir);
	if (!error && !files) {
		snprintf(text, text_size, "%s: no file *.pem, *.crt or *.cer in it", path);
		error = -ENOENT;
	}
	return error;
}

int trust_add_system(struct hs_trust *trust, char *text, size_t text_size)
{
	for (size_t i = 0; i < sizeof(system_bundles) / sizeof(system_bundles[0]); i++)
		if (!access(system_bundles[i], R_OK))
			return trust_add_file(trust, system_bundles[i], text, text_size);
	snprintf(text, text_size, "this system has no bundle of certificate authorities (%s)",
		 system_bundles[0]);
	return -ENOENT;
}
