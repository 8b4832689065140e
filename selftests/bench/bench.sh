#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh [kernel...]: what `make bench` runs: records of our module, of upstream's tls and plain
# TCP, measured in one run each: "uml" at native speed in User Mode Linux, with the x86 AES-GCM of
# the kernel's source for both; 6.1, 6.12 and 7.x in QEMU, counting instructions, with those kernels'
# own drivers, and there with the system calls too, over 1, 8 and 64 connections, beside OpenSSL. Results: build/bench/records.csv, records.svg, and a table. It must never be part of
# the tests: it judges nothing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
out=$PWD/build/bench
mkdir -p "$out"
[ $# -gt 0 ] || set -- uml 6.1 6.12 7.x

# OpenSSL is here to be measured; nothing else of the project links libssl but bench-handshake.
gcc -O2 -Wall -Wextra -Werror -o "$out/streams" "$here/streams.c" -lssl -lcrypto

raws=()
for kernel in "$@"; do
	build=$kernel clock=instructions aes=''
	run=(selftests/run_vm.sh -k "$kernel" -I -c 1)
	if [ "$kernel" = uml ]; then
		build=bench clock=native
		run=(selftests/run_uml.sh -k bench)
		aes=$("$here/aes_gcm.sh" build/module/aes_gcm)
	fi
	selftests/vm/module.sh "$build" >/dev/null
	records=$(selftests/vm/module.sh -s selftests/bench/records "$build" 2>/dev/null | tail -1)/records.ko
	mkdir -p "$out/$kernel"
	echo "bench: $kernel" >&2
	"${run[@]}" -m 2048 -t 3000 -o "$out/$kernel" -- env AES_GCM_KO="${aes:+$PWD/$aes}" \
		RECORDS_KO="$records" STREAMS="$out/streams" BENCH_QUICK="${BENCH_QUICK:-}" selftests/bench/run.sh "$kernel" "$clock" \
		>"$out/$kernel/output" || { tail -20 "$out/$kernel/output" >&2; exit 1; }
	raws+=("$out/$kernel/raw")
done
"$here/table.py" "$out" "${raws[@]}" | tee "$out/records.txt"
