#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [-k 'kernel...'] [test...]: what `make check` runs, once everything is built.
#
# Unit tests and the installation on the host; on each kernel the module is built and the selftests run in
# one guest; the packages and what README says on a Debian of their own; the gate against planted
# bugs, on 6.1 and on each kernel that watches for some. With -k only those kernels, with names only those tests (unit tests have theirs too;
# "install", "deb", "readme" and "gate"). What takes longest begins first. Two jobs run side by side
# (JOBS). At the end stand what failed, who has met whom in the interop tests, and the sum: "N passed,
# N failed, N skipped". It must never end well when nothing ran.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.." || exit
out=$PWD/build/check
jobs=${JOBS:-2}
kernels="6.12 6.1 7.x"
hosted=1
while getopts k: opt; do
	case $opt in
	k) kernels=$OPTARG hosted='' ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

wanted() { # test, names...: as the names on the command line say, or all without any
	local t=$1 n
	shift
	[ $# -gt 0 ] || return 0
	for n in "$@"; do
		[ "$n" != "$t" ] || return 0
	done
	return 1
}

# A job leaves <place>/<test>.sum for each test: lines to show, the count last.
unit_job() {
	local t
	for t in build/tests/test_*; do
		[ ! -x "$t" ] || host_test unit "${t##*/}" "$t" -- "$@"
	done
	host_test unit install "$here/install_test.sh" -- "$@"
}

packages_job() {
	host_test packages deb "$here/deb.sh" -- "$@"
	host_test packages readme "$here/readme.sh" -- "$@"
}

gate_job() { # kernel, wanted names...
	local kernel=$1
	shift
	host_test "gate-$kernel" gate "$here/vm/gate_test.sh" "$kernel" -- "$@"
}

host_test() { # place, name, command..., --, wanted names...
	local base=$out/$1/$2 name=$2 rc=0
	local -a command=()
	shift 2
	while [ "$1" != -- ]; do
		command+=("$1")
		shift
	done
	shift
	wanted "$name" "$@" || return 0
	timeout -k 5 900 "${command[@]}" </dev/null >"$base.tap" 2>&1 || rc=$?
	"$here/tap.sh" "$base.tap" $rc >"$base.sum"
}

failure() { # place, name, words
	echo "  not ok: $3" >>"$1/$2.sum"
	echo "0 passed, 1 failed, 0 skipped" >>"$1/$2.sum"
}

kernel_job() {
	local kernel=$1 dir=$out/$1 rc=0 name limit=3000 run=("$here/run_vm.sh" -k "$1")
	shift
	[ "$kernel" != debug ] || run=("$here/run_uml.sh")
	[ "$kernel" != kcsan ] || limit=12000
	if ! "$here/vm/module.sh" "$kernel" >"$dir/build.log" 2>&1; then
		sed 's/^/    /' "$dir/build.log" >"$dir/module.sum"
		failure "$dir" module "the module does not build"
		return
	fi
	"${run[@]}" -t "$limit" -o "$dir" -- selftests/run.sh "$@" </dev/null >"$dir/vm.log" 2>&1 || rc=$?
	# A guest that died says nothing about the tests that did not end in it.
	expected "$@" | while read -r name; do
		[ -e "$dir/$name.rc" ] || failure "$dir" "$name" "did not end"
	done
	if "$here/vm/gate.sh" "$dir" >"$dir/kernel-log.sum" 2>&1 && [ -s "$dir/status" ]; then
		echo "1 passed, 0 failed, 0 skipped" >>"$dir/kernel-log.sum"
	else
		tail -20 "$dir/vm.log" >>"$dir/kernel-log.sum"
		failure "$dir" kernel-log "the kernel log, the leaks and the end of the guest: $(first_words "$dir/log")"
	fi
}

first_words() { # kernel log: where a splat begins, for a line of its own
	grep -aoE 'WARNING:.*|BUG:.*|Oops.*|PANIC:.*|RIP: 0010:.*|Comm: [^ ]*' "$1" 2>/dev/null | head -4 | tr '\n' ' '
}

expected() {
	local name rest
	while read -r name rest; do
		case $name in '' | '#'*) continue ;; esac
		wanted "$name" "$@" && echo "$name"
	done <"$here/tests.list"
}

report() { # place: how its job went
	local f name
	for f in "$out/$1"/*.sum; do
		[ -e "$f" ] || continue
		name=$(basename "$f" .sum)
		echo "$1 $name: $(tail -1 "$f")"
		sed '$d' "$f" | grep -v '^$'
	done
}

job() { # place, command...
	local place=$1 start=$SECONDS
	shift
	rm -rf "${out:?}/$place"
	mkdir -p "$out/$place"
	"$@"
	{
		flock 9
		echo "== $place, $((SECONDS - start)) s"
		report "$place"
	} 9>"$out/lock"
}

# Kernels come over the network while other jobs use the processor.
fetch_kernels() {
	local k
	for k in $kernels; do
		case $k in debug | smp | kcsan) ;; *) "$here/vm/kernel.sh" "$k" ;; esac
	done
	case $kernels in *7.x*) "$here/vm/chroot.sh" ;; esac
}

rm -rf "$out"
mkdir -p "$out"
fetch_kernels >"$out/fetch.log" 2>&1 &
fetch=$!
slot() {
	while [ "$(jobs -rp | grep -cvx "$fetch")" -ge "$jobs" ]; do
		wait -n
	done
}

if [ -n "$hosted" ]; then
	job unit unit_job "$@" &
fi
# shellcheck disable=SC2086 # a list of words
for k in $kernels; do
	[ -n "$(expected "$@")" ] || break
	slot
	job "$k" kernel_job "$k" "$@" &
done
if [ -n "$hosted" ]; then
	slot
	job packages packages_job "$@" &
	slot
	job gate-6.1 gate_job 6.1 "$@" &
fi
for k in $kernels; do
	case $k in debug | smp | kcsan) ;; *) continue ;; esac
	slot
	job "gate-$k" gate_job "$k" "$@" &
done
wait

# What failed, once more and in one place: the rest of the output is long.
for f in "$out"/*/*.sum; do
	[ -e "$f" ] || continue
	tail -1 "$f" | grep -q ', 0 failed' && continue
	place=${f%/*}
	echo "FAILED: ${place##*/} $(basename "$f" .sum)"
	grep -E '^  not ok' "$f"
done

# Who has met whom, on whatever kernel
if cat "$out"/*/interop.met >"$out/interop.met" 2>/dev/null; then
	awk -f "$here/interop/table.awk" "$out/interop.met" | tee "$out/interop.txt"
fi

find "$out" -name '*.sum' -exec tail -qn1 {} + | awk '
	{ p += $1; f += $3; s += $5 }
	END {
		if (!(p + f))
			f = 1
		printf "%d passed, %d failed, %d skipped\n", p, f, s
		exit f != 0
	}'
