// SPDX-License-Identifier: MIT
/*
 * tickets.c - see tickets.h
 *
 * The ring is written by one process and read by others, without a lock that could die with its
 * owner: a key is written where nobody seals with it, and only then named as the one that does. Who
 * opens with the oldest key at that moment finds another name there, or a key that does not fit;
 * then the handshake is a full one.
 */
#include "tickets.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "files.h"

#define RING 3

struct tickets {
	atomic_uint current;
	struct ticket_key keys[RING];
};

static bool is_zero(const uint8_t *bytes, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return !any;
}

static int is_key_file(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && dot != entry->d_name && !strcmp(dot, ".key");
}

static int load_one(struct ticket_files *files, const char *path, char *text, size_t text_size)
{
	struct ticket_key *k = &files->keys[files->count];
	struct file_bytes bytes;
	int error = file_read(path, FILE_PRIVATE, TICKET_FILE_LEN, &bytes, text, text_size);

	if (error)
		return error;
	error = -EBADMSG;
	if (bytes.len != TICKET_FILE_LEN) {
		snprintf(text, text_size, "%s: %zu bytes, not %zu", path, bytes.len,
			 TICKET_FILE_LEN);
	} else if (is_zero((uint8_t *)bytes.data + HS_TICKET_NAME_LEN, HS_TICKET_KEY_LEN)) {
		snprintf(text, text_size, "%s: the key is zero", path);
	} else {
		memcpy(k, bytes.data, sizeof(*k));
		error = 0;
	}
	for (size_t i = 0; !error && i < files->count; i++) {
		if (!memcmp(files->keys[i].name, k->name, sizeof(k->name))) {
			snprintf(text, text_size, "%s: another file has a key of this name", path);
			error = -EEXIST;
		}
	}
	if (!error)
		files->count++;
	file_release(&bytes);
	return error;
}

static int load_all(struct ticket_files *files, const char *path, struct dirent **list, int n,
		    char *text, size_t text_size)
{
	int error = 0;

	for (int i = 0; !error && i < n; i++) {
		char *file;

		if (asprintf(&file, "%s/%s", path, list[i]->d_name) < 0)
			return -ENOMEM;
		error = load_one(files, file, text, text_size);
		free(file);
	}
	return error;
}

/* Whoever could put a file there could read what he knows the key of. */
static int check_folder(const char *path, char *text, size_t text_size)
{
	DIR *dir = opendir(path);
	int error = dir ? folder_check(dirfd(dir), path, text, text_size) : -errno;

	if (!dir)
		snprintf(text, text_size, "%s: %s", path, strerror(-error));
	else
		closedir(dir);
	return error;
}

int ticket_files_load(struct ticket_files *files, const char *path, char *text, size_t text_size)
{
	int error = check_folder(path, text, text_size), n;
	struct dirent **list;

	memset(files, 0, sizeof(*files));
	if (error)
		return error;
	n = scandir(path, &list, is_key_file, alphasort);
	if (n < 0) {
		error = -errno;
		snprintf(text, text_size, "%s: %s", path, strerror(-error));
		return error;
	}
	if (n == 0 || n > TICKET_FILES_MAX) {
		snprintf(text, text_size, "%s: %d files *.key in it, not 1 to %d", path, n,
			 TICKET_FILES_MAX);
		error = n ? -E2BIG : -ENOENT;
	} else {
		error = load_all(files, path, list, n, text, text_size);
	}
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	if (error)
		explicit_bzero(files, sizeof(*files));
	return error;
}

struct tickets *tickets_new(void)
{
	struct tickets *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int error;

	if (t == MAP_FAILED)
		return NULL;
	error = tickets_rotate(t);
	if (!error && madvise(t, sizeof(*t), MADV_DONTDUMP))
		error = -errno;
	if (!error)
		return t;
	tickets_free(t);
	errno = -error;
	return NULL;
}

void tickets_free(struct tickets *t)
{
	if (!t)
		return;
	explicit_bzero(t, sizeof(*t));
	munmap(t, sizeof(*t));
}

int tickets_rotate(struct tickets *t)
{
	unsigned int next = (atomic_load(&t->current) + 1) % RING;
	struct ticket_key k;

	/* so few bytes come whole */
	if (getrandom(&k, sizeof(k), 0) != (ssize_t)sizeof(k))
		return -EIO;
	t->keys[next] = k;
	explicit_bzero(&k, sizeof(k));
	atomic_store(&t->current, next);
	return 0;
}

static int pick(const struct ticket_key *keys, size_t count, size_t sealing, bool seal,
		uint8_t *name, uint8_t *key)
{
	const struct ticket_key *k = seal ? &keys[sealing] : NULL;

	for (size_t i = 0; !k && i < count; i++)
		if (!memcmp(keys[i].name, name, HS_TICKET_NAME_LEN))
			k = &keys[i];
	if (!k || is_zero(k->key, sizeof(k->key)))
		return -ENOENT;
	memcpy(name, k->name, HS_TICKET_NAME_LEN);
	memcpy(key, k->key, HS_TICKET_KEY_LEN);
	return 0;
}

int tickets_key(const struct tickets *t, const struct ticket_files *files, bool seal,
		uint8_t name[HS_TICKET_NAME_LEN], uint8_t key[HS_TICKET_KEY_LEN])
{
	if (files && files->count)
		return pick(files->keys, files->count, files->count - 1, seal, name, key);
	return t ? pick(t->keys, RING, atomic_load(&t->current), seal, name, key) : -ENOENT;
}
