#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run_uml.sh [-k debug|bench] [-m MB] [-t seconds] [-o folder] -- command...
#
# The same as run_vm.sh with another machine: a User Mode Linux with KASAN, lockdep, kmemleak, UBSAN
# and fault injection (debug), or one that is fast (bench), built by vm/built_kernel.sh. It runs
# natively, so that sanitizers cost no more than an emulated processor does, and times are real. The
# gate is the same.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(dirname "$here")
. "$here/vm/lib.sh"
. "$here/vm/run.sh"

kernel=debug
options k:m:t:o: "$@"

boot() {
	# Its memory is a file in TMPDIR: that has to take a mapping that can be executed.
	timeout --foreground -k 5 $((limit + 180)) "$image" mem="${memory}M" root=/dev/root \
		rootfstype=hostfs rootflags=/ ro init="$here/vm/init_uml" results="$out" \
		con=null con0=null,fd:1 seccomp=off umid="tlsock$$" uml_dir="$out" quiet \
		panic=-1 oops=panic log_buf_len=8M </dev/null >"$out/console.log" 2>&1
	cat "$out/output" 2>/dev/null || true
}

image=$("$here/vm/built_kernel.sh" "$kernel" image)
release=$("$here/vm/built_kernel.sh" "$kernel" release)
prepare "$release" "$("$here/vm/built_kernel.sh" "$kernel" modules)"
conclude "$release"
