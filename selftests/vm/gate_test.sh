#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# gate_test.sh [6.1|6.12|7.x|debug|smp|kcsan]: is the gate awake? TAP on standard output.
#
# First gate.sh alone with made-up results: each complaint of a kernel, and its absence. Then
# guests with planted bugs, few because each costs a boot: run_vm.sh has to fail in the words of
# the bug, and to pass without one. It must never take another failure for the expected one.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kernel=${1:-6.1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0

result() { # 0 if good, name, what to say if not
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n $2" && return
	echo "# ${3//$'\n'/$'\n'# }"
	echo "not ok $n $2"
}

# Usage: judge pass|fail 'kernel log after the start' file content
judge() {
	local rc=0 text
	rm -rf "$work/r"
	mkdir "$work/r"
	printf 'WARNING: of the boot\ntlsock-vm: the command starts\n%s\n' "$2" >"$work/r/dmesg"
	[ -z "${3:-}" ] || echo "$4" >"$work/r/$3"
	text=$("$here/gate.sh" "$work/r" 2>&1) || rc=$?
	[ "$1" = fail ] && rc=$((rc == 0))
	result $rc "gate: $1: ${2}${4:-}" "$text"
}

boots() { # name, command, expected status, expected words...
	local rc=0 text want=$3 name=$1 word bad=0
	text=$("${run[@]}" -t "${limit:-60}" -- "$2" 2>&1) || rc=$?
	shift 3
	for word in "$@"; do
		grep -qE "$word" <<<"$text" || bad=1
	done
	[ "$rc" = "$want" ] || bad=1
	result $bad "$name" "status $rc, wanted $want with: $*; output: $text"
}

echo "TAP version 13"
judge pass "tlsock: loaded"
judge pass "BUG: KCSAN: data-race in tcp_poll / tcp_rcv_established"
while read -r line; do
	judge fail "$line"
done <<'LOG'
WARNING: CPU: 0 PID: 1 at kmod/rx.c:1 tlsock_recvmsg+0x1/0x2 [tlsock]
BUG: kernel NULL pointer dereference, address: 0000000000000000
kernel BUG at mm/slub.c:1!
Oops: 0002 [#1] PREEMPT SMP NOPTI
general protection fault, probably for non-canonical address
WARNING: possible circular locking dependency detected
BUG: KCSAN: data-race in tcp_poll / tlsock_fail [tlsock]
BUG: KCSAN: data-race in tlsock_poll+0x1/0x2 [tlsock]
BUG: KCSAN: assert: race in tcp_poll / tcp_rcv_established
BUG: KASAN: slab-use-after-free in tlsock_close+0x1/0x2 [tlsock]
UBSAN: array-index-out-of-bounds in kmod/rx.c:1:1
INFO: task tlsockd:1 blocked for more than 60 seconds.
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
watchdog: BUG: soft lockup - CPU#0 stuck for 22s!
refcount_t: underflow; use-after-free.
BUG: sleeping function called from invalid context at net/core/sock.c:1
BUG: scheduling while atomic: tlsockd/1/0x00000002
WARNING: suspicious RCU usage
kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
kmemleak: Kernel memory leak detector disabled
unregister_netdevice: waiting for lo to become free. Usage count = 2
tlsockd[1]: segfault at 0 ip 0000000000000000 sp 0000000000000000 error 4
LOG
judge fail "" kmemleak "unreferenced object 0xffff888000000000 (size 64):"
judge fail "" takedown "LEAK: tlsock cannot be unloaded, 1 references held"

stock_bugs() {
	boots "a clean run passes, its status comes back" \
		"insmod $ko && rmmod bugs && echo in the guest; exit 7" 7 "^in the guest" "status 7"
	boots "a warning and a leaked module reference fail" \
		"insmod $ko what=warn,ref" 99 "WARNING:.*plant_warning" "LEAK: bugs cannot be unloaded, 1"
	boots "an oops fails" "insmod $ko what=oops" 98 "NULL pointer dereference"
	limit=5 boots "a command that does not end fails" "cat /dev/zero >/dev/null" 124 \
		"did not end within"
}

# One boot each: a sanitizer that has spoken may be silent from then on.
debug_bugs() {
	boots "a clean run passes" "insmod $ko && echo in the guest" 0 "^in the guest"
	boots "KASAN sees a use after free" "insmod $ko what=uaf" 99 "KASAN: .*use-after-free"
	boots "KASAN sees a write out of bounds" "insmod $ko what=oob" 99 "KASAN: .*out-of-bounds"
	boots "lockdep sees an inversion" "insmod $ko what=lock" 99 "possible circular locking"
	boots "a sleep in atomic context is seen" "insmod $ko what=sleep" 99 \
		"scheduling while atomic|sleeping function called"
	boots "UBSAN sees an index out of bounds" "insmod $ko what=index" 99 "UBSAN: array-index"
	boots "kmemleak sees a leak" "insmod $ko what=leak" 99 "unreferenced object"
}

smp_bugs() {
	boots "a clean run on four processors passes" "insmod $ko && nproc" 0 "^4$"
	boots "KASAN sees what another processor uses" "insmod $ko what=far" 99 \
		"KASAN: .*use-after-free in far_reader"
	boots "lockdep sees an inversion" "insmod $ko what=lock" 99 "possible circular locking"
}

kcsan_bugs() {
	boots "a clean run on four processors passes" "insmod $ko && nproc" 0 "^4$"
	boots "KCSAN sees a data race" "insmod $ko what=race" 99 "KCSAN: data-race in race_turns \\[bugs\\]"
}

if ! ko=$("$here/module.sh" -s selftests/vm/bugs "$kernel" 2>&1); then
	result 1 "the module of planted bugs builds" "$ko"
else
	ko=$(tail -1 <<<"$ko")/bugs.ko
	run=("$here/../run_vm.sh" -k "$kernel")
	case $kernel in
	debug)
		run=("$here/../run_uml.sh")
		debug_bugs
		;;
	smp) smp_bugs ;;
	kcsan) kcsan_bugs ;;
	*) stock_bugs ;;
	esac
fi
echo "1..$n"
