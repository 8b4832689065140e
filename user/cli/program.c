// SPDX-License-Identifier: MIT
/*
 * program.c - finds a program as the shell would, and sees whether a library can be loaded into it
 *
 * A program that its loader cannot reach (static, or with more rights than its caller) would go on
 * without TLS and nobody would notice. It must never let one pass for which that is not known.
 */
#include "cli.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define INTERPRETERS_MAX 4 /* as the kernel follows "#!" */
#define EX_CANNOT_RUN 126
#define EX_NOT_FOUND 127

#if __SIZEOF_POINTER__ == 8
typedef Elf64_Ehdr elf_header;
typedef Elf64_Phdr elf_segment;
#define ELF_CLASS ELFCLASS64
#else
typedef Elf32_Ehdr elf_header;
typedef Elf32_Phdr elf_segment;
#define ELF_CLASS ELFCLASS32
#endif

static int find(const char *command, char *path, size_t size)
{
	const char *at = getenv("PATH");
	size_t len;

	if (strchr(command, '/'))
		return (size_t)snprintf(path, size, "%s", command) < size ? 0 : -ENAMETOOLONG;
	for (at = at ? at : "/usr/local/bin:/usr/bin:/bin"; command[0]; at += len + 1) {
		struct stat st;

		len = strcspn(at, ":");
		if ((size_t)snprintf(path, size, "%.*s%s%s", (int)len, at, len ? "/" : "",
				     command) < size &&
		    !access(path, X_OK) && !stat(path, &st) && S_ISREG(st.st_mode))
			return 0;
		if (!at[len])
			break;
	}
	return -ENOENT;
}

/* What the program segments ask for: the loader's path, or "" if there is none. */
static int loader_of(int fd, const elf_header *h, char *loader, size_t size)
{
	elf_segment segment;

	loader[0] = '\0';
	for (unsigned int i = 0; i < h->e_phnum; i++) {
		off_t at = (off_t)(h->e_phoff + i * sizeof(segment));

		if (pread(fd, &segment, sizeof(segment), at) != (ssize_t)sizeof(segment))
			return -ENOEXEC;
		if (segment.p_type != PT_INTERP)
			continue;
		if (segment.p_filesz < 2 || segment.p_filesz > size ||
		    pread(fd, loader, segment.p_filesz, (off_t)segment.p_offset) !=
			    (ssize_t)segment.p_filesz ||
		    loader[segment.p_filesz - 1])
			return -ENOEXEC;
		return 0;
	}
	return 0;
}

static int refuse(const char *path, const char *why)
{
	complain("%s %s: its connections would not be TLS", path, why);
	return EX_CANNOT_RUN;
}

/* AT_SECURE: what the loader then ignores is what we need it for. */
static int check_rights(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st))
		return refuse(path, "cannot be looked at");
	if ((st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
	    (st.st_mode & S_ISGID && st.st_gid != getegid()))
		return refuse(path,
			      "gets the rights of another user (set-uid), and loads no library");
	if (fgetxattr(fd, "security.capability", NULL, 0) > 0 && geteuid())
		return refuse(path, "gets capabilities, and loads no library");
	return 0;
}

static int check_elf(int fd, const char *path, const elf_header *h)
{
	static elf_header own;
	char loader[PATH_MAX];
	const char *name;
	int self;

	self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (self < 0 || pread(self, &own, sizeof(own), 0) != (ssize_t)sizeof(own))
		memset(&own, 0, sizeof(own));
	if (self >= 0)
		close(self);
	if (h->e_ident[EI_CLASS] != ELF_CLASS || h->e_machine != own.e_machine ||
	    h->e_phentsize != sizeof(elf_segment))
		return refuse(path, "is a program of another architecture");
	if (loader_of(fd, h, loader, sizeof(loader)))
		return refuse(path, "is no program that can be read");
	if (!loader[0])
		return refuse(path, "is linked statically");
	name = strrchr(loader, '/');
	if (strncmp(name ? name + 1 : loader, "ld-linux", 8))
		return refuse(path, "is not linked with glibc");
	return check_rights(fd, path);
}

/* The interpreter of a script; without "#!" a shell would be it, and execvp() tries that too. */
static int interpreter_of(const char *head, char *path, size_t size)
{
	const char *at = head + 2 + strspn(head + 2, " \t");
	size_t len = strcspn(at, " \t\n");

	if (!len || len >= size)
		return -ENOEXEC;
	memcpy(path, at, len);
	path[len] = '\0';
	return 0;
}

/* 0: a program that may run; 1: @next has its interpreter; else an exit status. */
static int look(const char *path, char *next, size_t size)
{
	union {
		elf_header elf;
		char text[PATH_MAX];
	} head = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	ssize_t n;

	if (fd < 0) {
		complain("%s: %s", path, tlsock_strerror(errno));
		return errno == ENOENT ? EX_NOT_FOUND : EX_CANNOT_RUN;
	}
	n = pread(fd, &head, sizeof(head) - 1, 0);
	if (n >= (ssize_t)sizeof(head.elf) && !memcmp(head.elf.e_ident, ELFMAG, SELFMAG))
		rc = check_elf(fd, path, &head.elf);
	else if (n > 2 && !memcmp(head.text, "#!", 2))
		rc = interpreter_of(head.text, next, size) ? refuse(path, "names no interpreter") :
							     1;
	else
		rc = refuse(path, "is neither a program nor a script with #!");
	close(fd);
	return rc;
}

int program_check(const char *command, char *path, size_t size)
{
	char file[2][PATH_MAX];
	int rc;

	if (find(command, path, size)) {
		complain("%s: there is no such program", command);
		return EX_NOT_FOUND;
	}
	snprintf(file[0], sizeof(file[0]), "%s", path);
	for (int i = 0; i <= INTERPRETERS_MAX; i++) {
		rc = look(file[i & 1], file[!(i & 1)], sizeof(file[0]));
		if (rc != 1)
			return rc;
	}
	return refuse(path, "goes from interpreter to interpreter");
}
