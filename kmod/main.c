// SPDX-License-Identifier: GPL-2.0-only
/*
 * tlsock: TLS as a property of a TCP socket. This file loads and unloads the module and makes
 * the state of each network namespace. Order matters: what can be reached from outside is
 * registered last and taken away first.
 */
#include <linux/genetlink.h>
#include <linux/module.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "seam.h"

#define GRACE_MS	3000
#define MAX_NETNS	16384
#define MAX_UID		8192
#define MAX_LISTENER	8192

static bool ktls;
module_param(ktls, bool, 0444);
MODULE_PARM_DESC(ktls, "serve the ULP \"tls\" too, in place of the kernel's own tls module");

unsigned int tlsock_net_id __read_mostly;
struct workqueue_struct *tlsock_wq;

struct tlsock_net *tlsock_net(const struct net *net)
{
	return net_generic(net, tlsock_net_id);
}

static int __net_init net_init(struct net *net)
{
	struct tlsock_net *tn = tlsock_net(net);
	int err;

	tn->net = net;
	spin_lock_init(&tn->lock);
	INIT_LIST_HEAD(&tn->ready);
	INIT_LIST_HEAD(&tn->workers);
	INIT_LIST_HEAD(&tn->tickets);
	tn->workers_gone = jiffies;
	tn->grace_ms = GRACE_MS;
	tn->max_netns = MAX_NETNS;
	tn->max_uid = MAX_UID;
	tn->max_listener = MAX_LISTENER;
	err = tlsock_stats_net_init(tn);
	if (err)
		return err;
	err = tlsock_sysctl_net_init(tn);
	if (err)
		tlsock_stats_net_exit(tn);
	return err;
}

static void __net_exit net_exit(struct net *net)
{
	struct tlsock_net *tn = tlsock_net(net);

	/* sockets hold the namespace and the module; a daemon does not hold the module */
	WARN_ON_ONCE(tn->in_flight || tn->guests || !list_empty(&tn->ready));
	tlsock_sysctl_net_exit(tn);
	tlsock_workers_clear(tn);
	tlsock_stats_net_exit(tn);
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.exit = net_exit,
	.id = &tlsock_net_id,
	.size = sizeof(struct tlsock_net),
};

static int __init tlsock_init(void)
{
	int err = tlsock_ctx_init();

	if (err)
		return err;
	err = tlsock_keys_init();
	if (err)
		goto out_ctx;
	err = -ENOMEM;
	tlsock_wq = alloc_workqueue("tlsock", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!tlsock_wq)
		goto out_keys;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto out_wq;
	err = tlsock_nl_init();
	if (err)
		goto out_net;
	err = tlsock_ulp_register(ktls);
	if (err)
		goto out_nl;
	if (tlsock_ulp_is_tls()) {
		err = tlsock_stats_tls_register();
		if (err)
			goto out_ulp;
	}
	return 0;

out_ulp:
	tlsock_ulp_unregister();
out_nl:
	tlsock_nl_exit();
out_net:
	unregister_pernet_subsys(&net_ops);
out_wq:
	destroy_workqueue(tlsock_wq);
out_keys:
	tlsock_keys_exit();
out_ctx:
	rcu_barrier();
	tlsock_ctx_exit();
	return err;
}

static void __exit tlsock_exit(void)
{
	if (tlsock_ulp_is_tls())
		tlsock_stats_tls_unregister();
	tlsock_ulp_unregister();
	/* works may outlive their sockets' ULP for a moment, and use the rest */
	destroy_workqueue(tlsock_wq);
	tlsock_nl_exit();
	unregister_pernet_subsys(&net_ops);
	rcu_barrier();
	tlsock_ctx_exit();
	tlsock_keys_exit();
	tlsock_pool_exit();
}

module_init(tlsock_init);
module_exit(tlsock_exit);

MODULE_DESCRIPTION("TLS as a property of a TCP socket");
MODULE_LICENSE("GPL");
MODULE_ALIAS_TCP_ULP("tlsock");
MODULE_ALIAS_GENL_FAMILY("tlsock");
