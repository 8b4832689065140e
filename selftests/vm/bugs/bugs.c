// SPDX-License-Identifier: GPL-2.0-only
/*
 * bugs.ko: plants bugs, on purpose, so that the gate can be seen to catch them.
 *
 * insmod bugs.ko what=...,...: warn, oops and ref work on any kernel; uaf, oob, lock, sleep,
 * index and leak need the sanitizers of a debug kernel, far and race several processors besides. It
 * must never be part of anything installed.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *what = "none";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "of warn, oops, ref, uaf, oob, lock, sleep, index, leak, far, race, with commas");

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

static void plant_warning(void)
{
	WARN(1, "planted\n");
}

static void plant_oops(void)
{
	volatile int *nowhere = NULL;

	OPTIMIZER_HIDE_VAR(nowhere);
	*nowhere = 1;
}

static void plant_reference(void)
{
	__module_get(THIS_MODULE);
}

static void plant_uaf(void)
{
	plant_memory(true);
}

static void plant_oob(void)
{
	plant_memory(false);
}

static void plant_sleep(void)
{
	spin_lock(&spin);
	msleep(20);
	spin_unlock(&spin);
}

static void plant_index(void)
{
	static int few[4];
	volatile int i = 5;

	OPTIMIZER_HIDE_VAR(i);
	(void)READ_ONCE(few[i]);
}

static char *far_memory;
static int raced;
static DECLARE_COMPLETION(far_used);
static DECLARE_COMPLETION(far_freed);
static DECLARE_COMPLETION(end);

/* On another processor: uses it, and uses it once more when it is free. */
static int far_reader(void *unused)
{
	(void)READ_ONCE(far_memory[5]);
	complete(&far_used);
	wait_for_completion(&far_freed);
	(void)READ_ONCE(far_memory[5]);
	kthread_complete_and_exit(&end, 0);
}

static noinline void race_turns(void)
{
	int i;

	for (i = 0; i < 1000000; i++) {
		raced++;
		barrier();
		if (!(i % 10000))
			cond_resched();
	}
}

static int race_far(void *unused)
{
	race_turns();
	kthread_complete_and_exit(&end, 0);
}

static bool start_far(int (*run)(void *))
{
	struct task_struct *task = kthread_create(run, NULL, "planted");

	if (IS_ERR(task))
		return false;
	kthread_bind(task, cpumask_any_but(cpu_online_mask, raw_smp_processor_id()));
	wake_up_process(task);
	return true;
}

static void plant_far(void)
{
	far_memory = kzalloc(100, GFP_KERNEL);
	if (!far_memory || !start_far(far_reader))
		return;
	wait_for_completion(&far_used);
	kfree(far_memory);
	complete(&far_freed);
	wait_for_completion(&end);
}

static void plant_race(void)
{
	if (!start_far(race_far))
		return;
	race_turns();
	wait_for_completion(&end);
}

static const struct {
	const char *name;
	void (*plant)(void);
} kinds[] = {
	{ "warn", plant_warning }, { "oops", plant_oops }, { "ref", plant_reference },
	{ "uaf", plant_uaf },	   { "oob", plant_oob },   { "lock", plant_lock },
	{ "sleep", plant_sleep },  { "leak", plant_leak },  { "index", plant_index },
	{ "far", plant_far },	   { "race", plant_race },
};

static int __init bugs_init(void)
{
	char *rest = what, *word;
	int i;

	while ((word = strsep(&rest, ",")))
		for (i = 0; i < ARRAY_SIZE(kinds); i++)
			if (!strcmp(word, kinds[i].name))
				kinds[i].plant();
	return 0;
}

static void __exit bugs_exit(void)
{
}

module_init(bugs_init);
module_exit(bugs_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("planted bugs for the gate of the selftests");
