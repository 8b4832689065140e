// SPDX-License-Identifier: GPL-2.0-only
/*
 * net.tlsock of a network namespace: host_daemon, whether handshakes there go to the initial
 * namespace's daemon when there is none of its own; rest_ms, see rest.c. In the initial namespace
 * they are what a new one begins with. Root of a container must never switch host_daemon on: with
 * it come the host's names.
 */
#include <linux/capability.h>
#include <linux/slab.h>
#include <linux/sysctl.h>

#include "tlsock.h"

#define REST_MS		10000

static int host_daemon(compat_ctl_table *table, int write, void *buffer, size_t *len, loff_t *pos)
{
	/* the namespace's own root may write what else is below net */
	if (write && !capable(CAP_NET_ADMIN))
		return -EPERM;
	return proc_dou8vec_minmax(table, write, buffer, len, pos);
}

/* Old kernels look for an empty entry behind the last. */
static const struct ctl_table entries[] = {
	{
		.procname = "host_daemon",
		.maxlen = sizeof(u8),
		.mode = 0644,
		.proc_handler = host_daemon,
		.extra1 = SYSCTL_ZERO,
		.extra2 = SYSCTL_ONE,
	}, {
		.procname = "rest_ms",
		.maxlen = sizeof(int),
		.mode = 0644,
		.proc_handler = proc_dointvec_minmax,
		.extra1 = SYSCTL_ZERO,
		.extra2 = SYSCTL_INT_MAX,
	}, {
	}
};

int tlsock_sysctl_net_init(struct tlsock_net *tn)
{
	struct ctl_table *table = kmemdup(entries, sizeof(entries), GFP_KERNEL);

	if (!table)
		return -ENOMEM;
	table[0].data = &tn->host_daemon;
	table[1].data = &tn->rest_ms;
	tn->rest_ms = REST_MS;
	if (tn->net != &init_net) {
		tn->host_daemon = READ_ONCE(tlsock_net(&init_net)->host_daemon);
		tn->rest_ms = READ_ONCE(tlsock_net(&init_net)->rest_ms);
	}
	tn->sysctl = compat_register_net_sysctl(tn->net, "net/tlsock", table,
						ARRAY_SIZE(entries) - 1);
	if (!tn->sysctl) {
		kfree(table);
		return -ENOMEM;
	}
	tn->sysctl_table = table;
	return 0;
}

void tlsock_sysctl_net_exit(struct tlsock_net *tn)
{
	unregister_net_sysctl_table(tn->sysctl);
	kfree(tn->sysctl_table);
}
