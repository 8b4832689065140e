#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [test...]: run selftests, all of tests.list or those named, on the running kernel.
#
# The inner half of `make check`: it runs in the guest, where the module is $TLSOCK_KO and results
# go to $RESULTS, one <test>.tap and one <test>.rc each. Exits 1 if a test failed. Each test gets
# the module loaded, a session of its own, its timeout, and nothing of an earlier test's processes.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.." || exit
: "${RESULTS:=$PWD/build/check/here}" "${BUILD:=$PWD/build}"
export RESULTS BUILD
mkdir -p "$RESULTS"

wanted() { # test, names...
	local t=$1 n
	shift
	[ $# -gt 0 ] || return 0
	for n in "$@"; do
		[ "$n" != "$t" ] || return 0
	done
	return 1
}

one() { # name, timeout, command
	local rc=0 leader
	echo "tlsock-test: $1" >/dev/kmsg 2>/dev/null || true
	[ -d /sys/module/tlsock ] || insmod "$TLSOCK_KO" || echo "# cannot load $TLSOCK_KO"
	setsid timeout --foreground -k 5 "$2" sh -c "$3" </dev/null >"$RESULTS/$1.tap" 2>&1 &
	leader=$!
	wait $leader || rc=$?
	pkill -KILL -s "$leader" 2>/dev/null
	[ $rc != 124 ] || echo "# timed out after $2 s" >>"$RESULTS/$1.tap"
	echo $rc >"$RESULTS/$1.rc"
	"$here/tap.sh" "$RESULTS/$1.tap" $rc >"$RESULTS/$1.sum"
	echo "$1: $(tail -1 "$RESULTS/$1.sum") ($SECONDS s)"
}

# where KCSAN holds up one access in so many, everything takes a few times as long
times=1
[ "${KVER:-}" != kcsan ] || times=4
failed=0
while read -r name limit command; do
	case $name in '' | '#'*) continue ;; esac
	wanted "$name" "$@" || continue
	SECONDS=0
	one "$name" $((limit * times)) "$command"
	grep -q ', 0 failed' "$RESULTS/$name.sum" || failed=1
done <"$here/tests.list"
exit $failed
