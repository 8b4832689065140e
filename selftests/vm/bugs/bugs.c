// SPDX-License-Identifier: GPL-2.0-only
/*
 * bugs.ko: plants one bug, on purpose, so that the gate can be seen to catch it.
 *
 * insmod bugs.ko what=...: warn, oops and ref work on any kernel; uaf, oob, lock, sleep and leak
 * need the sanitizers of a debug kernel. It must never be built into anything that is installed.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *what = "none";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "none, warn, oops, ref, uaf, oob, lock, sleep or leak");

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(spin);

static void plant_lock(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void plant_leak(void)
{
	int i;

	/* Many, because a stale pointer on some stack can hide a few of them from the scan. */
	for (i = 0; i < 50; i++) {
		char *p = kmalloc(777, GFP_KERNEL);

		if (p)
			memset(p, i, 777);
		OPTIMIZER_HIDE_VAR(p);
	}
}

static void plant_memory(bool freed)
{
	char *p = kzalloc(100, GFP_KERNEL);
	volatile char *q = p;

	if (!p)
		return;
	OPTIMIZER_HIDE_VAR(q);
	if (!freed)
		q[103] = 1;
	kfree(p);
	if (freed)
		(void)q[5];
}

static int __init bugs_init(void)
{
	if (!strcmp(what, "warn")) {
		WARN(1, "planted\n");
	} else if (!strcmp(what, "oops")) {
		volatile int *nowhere = NULL;

		OPTIMIZER_HIDE_VAR(nowhere);
		*nowhere = 1;
	} else if (!strcmp(what, "ref")) {
		__module_get(THIS_MODULE);
	} else if (!strcmp(what, "uaf")) {
		plant_memory(true);
	} else if (!strcmp(what, "oob")) {
		plant_memory(false);
	} else if (!strcmp(what, "lock")) {
		plant_lock();
	} else if (!strcmp(what, "sleep")) {
		spin_lock(&spin);
		msleep(20);
		spin_unlock(&spin);
	} else if (!strcmp(what, "leak")) {
		plant_leak();
	}
	return 0;
}

static void __exit bugs_exit(void)
{
}

module_init(bugs_init);
module_exit(bugs_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("planted bugs for the gate of the selftests");
