// SPDX-License-Identifier: MIT
/*
 * privilege.c - see privilege.h
 */
#include "privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const cap_value_t supervisor_caps[] = { CAP_DAC_READ_SEARCH, CAP_KILL,	 CAP_SETUID,
					       CAP_SETGID,	    CAP_SETPCAP, CAP_NET_ADMIN };
static const cap_value_t worker_caps[] = { CAP_NET_ADMIN };

static int no_core(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none))
		return -errno;
#ifndef __SANITIZE_ADDRESS__ /* its leak check traces the process */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
#endif
	return 0;
}

/*
 * All of it and not a part: libcrypto keeps pieces of a private key in many places. Pages are locked when
 * they are touched, so this costs nothing; but below a limit the next allocation would fail.
 */
bool privilege_lock_memory(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	/* with the right to, or within what the service manager has given */
	if (setrlimit(RLIMIT_MEMLOCK, &limit) &&
	    (getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur != RLIM_INFINITY))
		return false;
#ifndef __SANITIZE_ADDRESS__ /* which maps terabytes */
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		return false;
#endif
	return true;
}

/* Permitted and effective become those of @keep that are permitted now. */
static int keep_caps(const cap_value_t *keep, size_t count)
{
	cap_t now = cap_get_proc(), wanted = cap_init();
	int error = now && wanted ? 0 : -ENOMEM;

	for (size_t i = 0; !error && i < count; i++) {
		cap_flag_value_t has = CAP_CLEAR;

		cap_get_flag(now, keep[i], CAP_PERMITTED, &has);
		if (has == CAP_SET && (cap_set_flag(wanted, CAP_PERMITTED, 1, &keep[i], CAP_SET) ||
				       cap_set_flag(wanted, CAP_EFFECTIVE, 1, &keep[i], CAP_SET)))
			error = -errno;
	}
	if (!error && cap_set_proc(wanted))
		error = -errno;
	cap_free(now);
	cap_free(wanted);
	return error;
}

/* What no program could ever get back; without CAP_SETPCAP the set stays as it is. */
static void drop_bounding_set(void)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (cap_drop_bound(cap))
			return;
}

int privilege_supervisor(void)
{
	int error = no_core();

	return error ? error : keep_caps(supervisor_caps, COUNT(supervisor_caps));
}

/* Capabilities go with the user; from a root that stays root they are taken. */
static int change_keeper(uid_t uid, gid_t gid)
{
	const struct passwd *pw = getpwuid(uid);

	if (!pw)
		return -ENOENT;
	if (initgroups(pw->pw_name, gid) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return -errno;
	return 0;
}

static int change_user(uid_t uid, gid_t gid)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setgroups(0, NULL) || setresgid(gid, gid, gid) ||
	    setresuid(uid, uid, uid))
		return -errno;
	return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) ? -errno : 0;
}

/* For good: another user, if @change is not NULL, and then these capabilities alone. */
static int confine(int (*change)(uid_t uid, gid_t gid), uid_t uid, gid_t gid,
		   const cap_value_t *caps, size_t count)
{
	int error = 0;

	(void)privilege_lock_memory(); /* a fork is unlocked; the supervisor has said it if this fails */
	drop_bounding_set();
	if (change)
		error = change(uid, gid);
	if (!error && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		error = -errno;
	if (!error)
		error = keep_caps(caps, count);
	return error ? error : no_core(); /* last: a change of user makes a process dumpable */
}

int privilege_keeper(bool change, uid_t uid, gid_t gid)
{
	return confine(change ? change_keeper : NULL, uid, gid, NULL, 0);
}

int privilege_worker(bool change, uid_t uid, gid_t gid)
{
	return confine(change ? change_user : NULL, uid, gid, worker_caps, COUNT(worker_caps));
}
