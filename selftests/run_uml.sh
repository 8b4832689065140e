#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run_uml.sh [-m MB] [-t seconds] [-o folder] -- command...
#
# The same as run_vm.sh with another machine: a User Mode Linux with KASAN, lockdep, kmemleak, UBSAN
# and fault injection, built by vm/debug_kernel.sh. It runs natively, so that sanitizers cost no
# more than an emulated processor does. KVER is "debug" for the command; the gate is the same.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(dirname "$here")
. "$here/vm/lib.sh"
. "$here/vm/run.sh"

kernel=debug
options m:t:o: "$@"

boot() {
	# Its memory is a file in TMPDIR: that has to take a mapping that can be executed.
	timeout --foreground -k 5 $((limit + 180)) "$image" mem="${memory}M" root=/dev/root \
		rootfstype=hostfs rootflags=/ ro init="$here/vm/init_uml" results="$out" \
		con=null con0=null,fd:1 seccomp=off umid="tlsock$$" uml_dir="$out" quiet \
		panic=-1 oops=panic log_buf_len=8M </dev/null >"$out/console.log" 2>&1
	cat "$out/output" 2>/dev/null || true
}

image=$("$here/vm/debug_kernel.sh" image)
release=$("$here/vm/debug_kernel.sh" release)
prepare "$release" "$("$here/vm/debug_kernel.sh" modules)"
conclude "$release"
