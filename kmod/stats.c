// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of a network namespace: kept per CPU, summed for /proc/net/tlsock_stat and for
 * genl. Counts only; nothing decides by them.
 */
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>

#include "tlsock.h"

void tlsock_stats_sum(const struct tlsock_net *tn, struct tlsock_mib *sum)
{
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct tlsock_mib *m = per_cpu_ptr(tn->mib, cpu);
		size_t i;

		/* a torn read on a 32-bit machine is a wrong digit */
		for (i = 0; i < TLSOCK_MIB_ITEMS; i++)
			sum->v[i] += READ_ONCE(m->v[i]);
	}
}

struct item {
	const char *name;
	enum tlsock_mib_item item;
};

static const struct item items[] = {
	{ "TlsockTxRecords", TLSOCK_MIB_TX_RECORDS },
	{ "TlsockRxRecords", TLSOCK_MIB_RX_RECORDS },
	{ "TlsockTxBytes", TLSOCK_MIB_TX_BYTES },
	{ "TlsockRxBytes", TLSOCK_MIB_RX_BYTES },
	{ "TlsockHandshakes", TLSOCK_MIB_HANDSHAKES },
	{ "TlsockHandshakeDone", TLSOCK_MIB_DONE },
	{ "TlsockHandshakeFailed", TLSOCK_MIB_FAILED },
	{ "TlsockDecryptError", TLSOCK_MIB_DECRYPT_ERROR },
	{ "TlsockAlertsSent", TLSOCK_MIB_ALERTS_SENT },
	{ "TlsockAlertsReceived", TLSOCK_MIB_ALERTS_RECEIVED },
	{ "TlsockTicketsDropped", TLSOCK_MIB_TICKETS_DROPPED },
	{ "TlsockTickets", TLSOCK_MIB_TICKETS },
	{ "TlsockHandshakeResumed", TLSOCK_MIB_RESUMED },
	{ "TlsockKeysRested", TLSOCK_MIB_KEYS_RESTED },
};

/* Upstream's names; what only its device offload counts stays 0. */
static const struct item tls_items[] = {
	{ "TlsCurrTxSw", TLSOCK_MIB_CURR_TX },
	{ "TlsCurrRxSw", TLSOCK_MIB_CURR_RX },
	{ "TlsCurrTxDevice", TLSOCK_MIB_ITEMS },
	{ "TlsCurrRxDevice", TLSOCK_MIB_ITEMS },
	{ "TlsTxSw", TLSOCK_MIB_TX },
	{ "TlsRxSw", TLSOCK_MIB_RX },
	{ "TlsTxDevice", TLSOCK_MIB_ITEMS },
	{ "TlsRxDevice", TLSOCK_MIB_ITEMS },
	{ "TlsDecryptError", TLSOCK_MIB_DECRYPT_ERROR },
	{ "TlsRxDeviceResync", TLSOCK_MIB_ITEMS },
	{ "TlsDecryptRetry", TLSOCK_MIB_DECRYPT_RETRY },
	{ "TlsRxNoPadViolation", TLSOCK_MIB_NO_PAD_VIOLATION },
	{ "TlsRxRekeyOk", TLSOCK_MIB_RX_REKEY },
	{ "TlsRxRekeyError", TLSOCK_MIB_RX_REKEY_ERROR },
	{ "TlsTxRekeyOk", TLSOCK_MIB_TX_REKEY },
	{ "TlsTxRekeyError", TLSOCK_MIB_TX_REKEY_ERROR },
	{ "TlsRxRekeyReceived", TLSOCK_MIB_RX_REKEY_RECEIVED },
};

void tlsock_stats_direction(struct sock *sk, struct tlsock_ctx *ctx, bool tx)
{
	tlsock_inc(sk, tx ? TLSOCK_MIB_TX : TLSOCK_MIB_RX);
	tlsock_inc(sk, tx ? TLSOCK_MIB_CURR_TX : TLSOCK_MIB_CURR_RX);
	*(tx ? &ctx->tx_counted : &ctx->rx_counted) = true;
}

void tlsock_stats_end(struct sock *sk, struct tlsock_ctx *ctx)
{
	if (ctx->tx_counted)
		tlsock_add(sk, TLSOCK_MIB_CURR_TX, -1);
	if (ctx->rx_counted)
		tlsock_add(sk, TLSOCK_MIB_CURR_RX, -1);
	ctx->tx_counted = false;
	ctx->rx_counted = false;
}

static int stat_show(struct seq_file *seq, void *v)
{
	struct tlsock_net *tn = tlsock_net(seq->private);
	struct tlsock_mib m;
	size_t i;

	tlsock_stats_sum(tn, &m);
	for (i = 0; i < ARRAY_SIZE(items); i++)
		seq_printf(seq, "%s\t%llu\n", items[i].name, m.v[items[i].item]);
	seq_printf(seq, "TlsockInFlight\t%u\n", READ_ONCE(tn->in_flight));
	seq_printf(seq, "TlsockWorkers\t%u\n", READ_ONCE(tn->n_workers));
	return 0;
}

static int tls_stat_show(struct seq_file *seq, void *v)
{
	struct tlsock_mib m;
	size_t i;

	tlsock_stats_sum(tlsock_net(seq->private), &m);
	for (i = 0; i < ARRAY_SIZE(tls_items); i++)
		seq_printf(seq, "%-32s\t%llu\n", tls_items[i].name,
			   tls_items[i].item == TLSOCK_MIB_ITEMS ? 0ULL : m.v[tls_items[i].item]);
	return 0;
}

static int __net_init tls_net_init(struct net *net)
{
	return proc_create_net_single("tls_stat", 0444, net->proc_net, tls_stat_show, NULL) ?
	       0 : -ENOMEM;
}

static void __net_exit tls_net_exit(struct net *net)
{
	remove_proc_entry("tls_stat", net->proc_net);
}

static struct pernet_operations tls_net_ops = {
	.init = tls_net_init,
	.exit = tls_net_exit,
};

int tlsock_stats_tls_register(void)
{
	return register_pernet_subsys(&tls_net_ops);
}

void tlsock_stats_tls_unregister(void)
{
	unregister_pernet_subsys(&tls_net_ops);
}

int tlsock_stats_net_init(struct tlsock_net *tn)
{
	tn->mib = alloc_percpu(struct tlsock_mib);
	if (!tn->mib)
		return -ENOMEM;
	if (!proc_create_net_single("tlsock_stat", 0444, tn->net->proc_net, stat_show, NULL)) {
		free_percpu(tn->mib);
		return -ENOMEM;
	}
	return 0;
}

void tlsock_stats_net_exit(struct tlsock_net *tn)
{
	remove_proc_entry("tlsock_stat", tn->net->proc_net);
	free_percpu(tn->mib);
}
