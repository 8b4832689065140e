// SPDX-License-Identifier: GPL-2.0-only
/*
 * slow_page.c: see slow_page.h. The file system has one file, its root, mounted on a file.
 */
#include "slow_page.h"

#include <linux/fuse.h>
#include <linux/userfaultfd.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* ---- userfaultfd ---- */

static int uffd_open(struct slow_page *p)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *addr;

	p->fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (p->fd < 0)
		return -errno;
	addr = mmap(NULL, SLOW_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	reg.range.start = (uintptr_t)addr;
	reg.range.len = SLOW_PAGE_SIZE;
	if (addr == MAP_FAILED || ioctl(p->fd, UFFDIO_API, &api) ||
	    ioctl(p->fd, UFFDIO_REGISTER, &reg)) {
		close(p->fd);
		return -EOPNOTSUPP;
	}
	p->addr = addr;
	return 0;
}

static void uffd_give(struct slow_page *p, const uint8_t *page)
{
	struct uffdio_copy copy = { .dst = (uintptr_t)p->addr,
				    .src = (uintptr_t)page,
				    .len = SLOW_PAGE_SIZE };

	if (ioctl(p->fd, UFFDIO_COPY, &copy))
		abort();
}

/* ---- FUSE ---- */

static void fuse_answer(const struct slow_page *p, uint64_t unique, int err, const void *data,
			size_t len)
{
	struct fuse_out_header out = { .len = (uint32_t)(sizeof(out) + len),
				       .error = err,
				       .unique = unique };
	struct iovec iov[2] = { { &out, sizeof(out) }, { (void *)(uintptr_t)data, len } };

	/* ENOENT: who asked is gone */
	if (writev(p->fd, iov, 2) < 0 && errno != ENOENT && errno != ENODEV)
		abort();
}

static void fuse_request(struct slow_page *p, const struct fuse_in_header *in)
{
	struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
				      .minor = FUSE_KERNEL_MINOR_VERSION,
				      .max_write = SLOW_PAGE_SIZE };
	struct fuse_attr_out attr = {
		.attr_valid = 3600,
		.attr = { .ino = 1, .size = SLOW_PAGE_SIZE, .mode = S_IFREG | 0600, .nlink = 1 }
	};
	struct fuse_open_out open = { .fh = 1 };

	switch (in->opcode) {
	case FUSE_INIT:
		fuse_answer(p, in->unique, 0, &init, sizeof(init));
		break;
	case FUSE_GETATTR:
		fuse_answer(p, in->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		fuse_answer(p, in->unique, 0, &open, sizeof(open));
		break;
	case FUSE_READ:
		p->read = in->unique;
		atomic_store(&p->wanted, true);
		break;
	case FUSE_RELEASE:
		fuse_answer(p, in->unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		fuse_answer(p, in->unique, -ENOSYS, NULL, 0);
	}
}

static void *fuse_main(void *arg)
{
	static __thread uint8_t buf[FUSE_MIN_READ_BUFFER + SLOW_PAGE_SIZE];
	struct slow_page *p = arg;
	struct pollfd poll_fds[2] = { { .fd = p->fd, .events = POLLIN },
				      { .fd = p->stop_fd, .events = POLLIN } };

	for (;;) {
		if (poll(poll_fds, 2, -1) < 0)
			continue;
		if (poll_fds[1].revents)
			return NULL;
		if (read(p->fd, buf, sizeof(buf)) > 0)
			fuse_request(p, (const struct fuse_in_header *)buf);
		else if (errno == ENODEV)
			return NULL;
	}
}

static void fuse_stop(struct slow_page *p)
{
	uint64_t one = 1;

	if (write(p->stop_fd, &one, sizeof(one)) != sizeof(one))
		abort();
	pthread_join(p->thread, NULL);
	close(p->stop_fd);
}

/* The file at path, mapped: 0 or -errno. */
static int fuse_map(struct slow_page *p, const char *path)
{
	char options[64];
	struct stat st;
	void *addr;
	int fd;

	snprintf(options, sizeof(options), "fd=%d,rootmode=100600,user_id=0,group_id=0", p->fd);
	if (mount("slow", path, "fuse", MS_NOSUID | MS_NODEV, options))
		return -errno;
	p->stop_fd = eventfd(0, EFD_CLOEXEC);
	p->thread = thread_start(fuse_main, p);
	fd = open(path, O_RDWR | O_CLOEXEC);
	umount2(path, MNT_DETACH);
	/* fstat() makes the kernel know its size */
	addr = fd < 0 || fstat(fd, &st) ?
		       MAP_FAILED :
		       mmap(NULL, SLOW_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	if (addr == MAP_FAILED) {
		fuse_stop(p);
		return -EOPNOTSUPP;
	}
	p->addr = addr;
	return 0;
}

static int fuse_open(struct slow_page *p)
{
	const char *dir = getenv("TMPDIR");
	char path[256];
	int fd, rc;

	p->fuse = true;
	p->fd = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (p->fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "%s/slow_page.XXXXXX", dir ? dir : "/tmp");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0) {
		rc = -errno;
		close(p->fd);
		return rc;
	}
	close(fd);
	rc = fuse_map(p, path);
	unlink(path);
	if (rc)
		close(p->fd);
	return rc;
}

/* ---- either ---- */

int slow_page_open(struct slow_page *p)
{
	memset(p, 0, sizeof(*p));
	return uffd_open(p) ? fuse_open(p) : 0;
}

bool slow_page_wanted(struct slow_page *p)
{
	struct uffd_msg msg;

	if (!p->fuse && read(p->fd, &msg, sizeof(msg)) == sizeof(msg) &&
	    msg.event == UFFD_EVENT_PAGEFAULT)
		atomic_store(&p->wanted, true);
	return atomic_load(&p->wanted);
}

void slow_page_give(struct slow_page *p, const void *data, size_t len)
{
	uint8_t page[SLOW_PAGE_SIZE] = { 0 };

	memcpy(page, data, len);
	if (p->fuse)
		fuse_answer(p, p->read, 0, page, sizeof(page));
	else
		uffd_give(p, page);
}

void slow_page_close(struct slow_page *p)
{
	if (!p->addr)
		return;
	munmap(p->addr, SLOW_PAGE_SIZE);
	if (p->fuse)
		fuse_stop(p);
	close(p->fd);
	p->addr = NULL;
}
