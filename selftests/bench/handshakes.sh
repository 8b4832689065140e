#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# handshakes.sh [kernel]: the second half of `make bench-handshake`: what a whole handshake costs a
# server, and how long its client waits, in QEMU, counting instructions (a nanosecond each) on one
# processor. Results: build/bench/handshake_path.csv, and a table. It must never be part of the tests:
# it judges nothing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
kernel=${1:-6.12}
out=$PWD/build/bench/path
csv=build/bench/handshake_path.csv
mkdir -p "$out"
selftests/vm/module.sh "$kernel" >/dev/null
selftests/run_vm.sh -k "$kernel" -I -c 1 -m 2048 -t 3000 -o "$out" -- \
	env BENCH_QUICK="${BENCH_QUICK:-}" selftests/bench/path.sh >"$out/output" ||
	{ tail -20 "$out/output" >&2; exit 1; }
# Every handshake of "tlsock" was the daemon's.
awk '$1 == "tlsock" { n += $3 } $1 == "counted" && $2 != n + 30 { exit 1 }' "$out/raw" ||
	{ echo "handshakes.sh: not all were the daemon's" >&2; exit 1; }
awk 'BEGIN { print "server,at_once,handshakes,server_us,per_cpu_second,client_us,p50_us,p99_us" }
	NF == 7 { printf "%s,%d,%d,%.1f,%.0f,%.1f,%d,%d\n", $1, $2, $3, $4, 1000000 / $4, $5, $6, $7 }' \
	"$out/raw" >"$csv"
echo "Whole handshakes, Linux $(sed -n 's/^counted .* kernel //p' "$out/raw"), counted instructions"
column -t -s , "$csv"
