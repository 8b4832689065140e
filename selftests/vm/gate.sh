#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# gate.sh results: judge a guest's kernel log and its take-down after the command.
#
# Everything a kernel says when something is wrong counts, from the line on that says that the
# command starts; what came before is the boot of an unmodified kernel. No exceptions, no list
# of allowed lines; only a data race between two functions of which none is a module's is the
# kernel's own affair. Prints what offends and exits 1 then. It must never pass a missing log.
set -euo pipefail

results=$1
bad='WARNING:|BUG:|kernel BUG at|Oops|general protection|Kernel panic|invalid opcode'
bad+='|possible circular locking|possible recursive locking|inconsistent lock state'
bad+='|possible irq lock inversion|lock held when returning|bad unlock balance|held lock freed'
bad+='|suspicious RCU usage|Invalid wait context|INFO: task .* blocked for more'
bad+='|rcu.*detected.*stall|self-detected stall|soft lockup|hard LOCKUP|refcount_t|KASAN|UBSAN'
bad+='|KCSAN|KFENCE|KMSAN|kmemleak: [0-9]+ new suspected|kmemleak: .*detector disabled|unreferenced object|ODEBUG'
bad+='|sleeping function called|scheduling while atomic|bad page|Bad page|list_add corruption'
bad+='|list_del corruption|unregister_netdevice: waiting|nonzero mm|page allocation failure'
bad+='|Out of memory|segfault at|traps: .* trap|stack-protector|DEBUG_LOCKS_WARN'

log=$results/dmesg
if [ ! -s "$log" ]; then
	log=$results/console.log
	[ -s "$log" ] || { echo "gate: no kernel log"; exit 1; }
fi
tr -d '\r' <"$log" | awk '/tlsock-vm: the command starts/ { buf = ""; next }
	/BUG: KCSAN: data-race in [^[]*$/ { sub(/BUG: KCSAN: data-race/, "race of the kernel alone") }
	{ buf = buf $0 "\n" } END { printf "%s", buf }' >"$results/log"

rc=0
if grep -aqE "$bad" "$results/log"; then
	echo "gate: the kernel complained ($(grep -acE "$bad" "$results/log") lines):"
	grep -aE -B1 -A24 "$bad" "$results/log" | head -120 | sed 's/^/  /'
	rc=1
fi
if grep -aq '^unreferenced object' "$results/kmemleak" 2>/dev/null; then
	echo "gate: memory leaked:"
	head -60 "$results/kmemleak" | sed 's/^/  /'
	rc=1
fi
if grep -aqE '^(LEAK|cannot be killed)' "$results/takedown" 2>/dev/null; then
	echo "gate: the module cannot go:"
	sed 's/^/  /' "$results/takedown"
	rc=1
fi
exit $rc
