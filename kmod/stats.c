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

		/* only u64 inside; a torn read on a 32-bit machine is a wrong digit */
		for (i = 0; i < sizeof(*m) / sizeof(u64); i++)
			((u64 *)sum)[i] += READ_ONCE(((const u64 *)m)[i]);
	}
}

static int stat_show(struct seq_file *seq, void *v)
{
	struct tlsock_net *tn = tlsock_net(seq->private);
	struct tlsock_mib m;

	BUILD_BUG_ON(sizeof(m) % sizeof(u64));
	tlsock_stats_sum(tn, &m);
	seq_printf(seq, "TlsockTxRecords\t%llu\n", m.tx_records);
	seq_printf(seq, "TlsockRxRecords\t%llu\n", m.rx_records);
	seq_printf(seq, "TlsockTxBytes\t%llu\n", m.tx_bytes);
	seq_printf(seq, "TlsockRxBytes\t%llu\n", m.rx_bytes);
	seq_printf(seq, "TlsockHandshakes\t%llu\n", m.handshakes);
	seq_printf(seq, "TlsockHandshakeDone\t%llu\n", m.done);
	seq_printf(seq, "TlsockHandshakeFailed\t%llu\n", m.failed);
	seq_printf(seq, "TlsockDecryptError\t%llu\n", m.decrypt_error);
	seq_printf(seq, "TlsockAlertsSent\t%llu\n", m.alerts_sent);
	seq_printf(seq, "TlsockAlertsReceived\t%llu\n", m.alerts_received);
	seq_printf(seq, "TlsockTicketsDropped\t%llu\n", m.tickets_dropped);
	seq_printf(seq, "TlsockInFlight\t%u\n", READ_ONCE(tn->in_flight));
	seq_printf(seq, "TlsockWorkers\t%u\n", READ_ONCE(tn->n_workers));
	return 0;
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
