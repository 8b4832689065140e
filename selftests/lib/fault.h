/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fault.h: the n-th allocation, or copy from or to user memory, of a thread fails, where the kernel
 * can do that (CONFIG_FAULT_INJECTION). It must never leave a fault behind that nobody looks for.
 */
#ifndef SELFTESTS_LIB_FAULT_H
#define SELFTESTS_LIB_FAULT_H

#include "common.h"

#define FAULTS_MOST 500 /* no operation here has so many places to fail */

/* Every allocation may fail, and says nothing in the log. False: this kernel cannot. */
bool faults_ready(void);

/* The n-th from here on fails, in the thread that called faults_ready(). */
void arm(int n);

/* Did it? None fails from here on. errno stays. */
bool fired(void);

/* The same for every kworker that takes works of any processor; 0: none. */
void workers_arm(int n);

/* Is it an errno of a fault? */
bool fits(int err);

#endif
