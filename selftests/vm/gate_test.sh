#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# gate_test.sh [kernel]: is the gate awake? Plants one bug per boot and expects run_vm.sh to fail
# for it, in the words of that bug, and to pass without one. TAP on standard output. It must never
# run beside a test that it could disturb: each case is a guest of its own.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kernel=${1:-6.1}
ko=$("$here/module.sh" -s selftests/vm/bugs "$kernel" 2>&1) || { echo "$ko" >&2; exit 1; }
ko=$(tail -1 <<<"$ko")/bugs.ko
n=0

try() { # name, command, expected status, expected words
	local rc=0 text
	n=$((n + 1))
	text=$("$here/../run_vm.sh" -k "$kernel" -t 20 -- "$2" 2>&1) || rc=$?
	if [ "$rc" = "$3" ] && grep -qE "$4" <<<"$text"; then
		echo "ok $n $1"
	else
		echo "not ok $n $1"
		sed 's/^/# /' <<<"status $rc, wanted $3; output: $text"
	fi
}

echo "TAP version 13"
echo "1..6"
try "a clean run passes" "insmod $ko && echo in the guest" 0 "in the guest"
try "the command's status comes back" "exit 7" 7 "status 7"
try "a warning fails" "insmod $ko what=warn" 99 "WARNING:.*bugs_init"
try "an oops fails" "insmod $ko what=oops" 98 "NULL pointer dereference"
try "a leaked module reference fails" "insmod $ko what=ref" 99 "LEAK: bugs cannot be unloaded, 1"
try "a command that does not end fails" "cat /dev/zero >/dev/null" 124 "did not end within"
