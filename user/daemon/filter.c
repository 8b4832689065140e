// SPDX-License-Identifier: MIT
/*
 * filter.c - see filter.h
 */
#include "filter.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/socket.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What nothing in the daemon has a reason for. */
static const int never[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),

	SCMP_SYS(listen),
};

/* The loop of a worker: its descriptors, memory, time, random bytes, its end. */
static const int allowed[] = {
	SCMP_SYS(read),		 SCMP_SYS(write),
	SCMP_SYS(writev),	 SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),	 SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),	 SCMP_SYS(poll),
	SCMP_SYS(ppoll),	 SCMP_SYS(close),
	SCMP_SYS(brk),		 SCMP_SYS(mmap),
	SCMP_SYS(munmap),	 SCMP_SYS(mremap),
	SCMP_SYS(madvise),	 SCMP_SYS(mprotect),
	SCMP_SYS(futex),	 SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	SCMP_SYS(time),		 SCMP_SYS(getpid),
	SCMP_SYS(gettid),	 SCMP_SYS(tgkill),
	SCMP_SYS(rt_sigaction),	 SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),	 SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),		 SCMP_SYS(exit_group),
	SCMP_SYS(fstat),	 SCMP_SYS(lseek),
	SCMP_SYS(getsockopt),	 SCMP_SYS(setsockopt),
	SCMP_SYS(connect),	 SCMP_SYS(sched_yield),
	SCMP_SYS(pread64),	 SCMP_SYS(pwrite64),
};

/* A library may ask for these and does without: a time zone, a terminal, a larger journal entry. */
static const int refused[] = {
	SCMP_SYS(open),	    SCMP_SYS(openat), SCMP_SYS(stat),	      SCMP_SYS(newfstatat),
	SCMP_SYS(access),   SCMP_SYS(ioctl),  SCMP_SYS(memfd_create), SCMP_SYS(fcntl),
	SCMP_SYS(readlink), SCMP_SYS(uname),  SCMP_SYS(getuid),	      SCMP_SYS(geteuid),
	SCMP_SYS(sysinfo),  SCMP_SYS(prctl),  SCMP_SYS(statx),
};

static int add(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
	int error = 0;

	for (size_t i = 0; !error && i < count; i++)
		if (calls[i] != __NR_SCMP_ERROR)
			error = seccomp_rule_add(filter, action, calls[i], 0);
	return error;
}

static int load(scmp_filter_ctx filter, int error)
{
#ifndef __SANITIZE_ADDRESS__ /* which needs calls of its own */
	if (!error)
		error = seccomp_load(filter);
#endif
	seccomp_release(filter);
	return error;
}

int filter_supervisor(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (!filter)
		return -ENOMEM;
	return load(filter, add(filter, SCMP_ACT_ERRNO(EPERM), never, COUNT(never)));
}

int filter_worker(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int error;

	if (!filter)
		return -ENOMEM;
	error = add(filter, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
	if (!error)
		error = add(filter, SCMP_ACT_ERRNO(EPERM), refused, COUNT(refused));
	/* the log, should it have to connect anew */
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
					 SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
					 SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
	return load(filter, error);
}
