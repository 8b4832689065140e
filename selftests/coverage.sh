#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# coverage.sh <build folder>: which lines of the engine the unit tests and the fuzzers' seeds run.
# Runs the tests that were built there with --coverage, prints a line for each source and the sum,
# and lists the lines that nothing ran in <folder>/missed. It must never count what was not built.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
build=$1
engine=$build/obj/san/user/handshake

find "$build/obj" -name '*.gcda' -delete
for t in "$build"/tests/test_*; do
	timeout 900 "$t" </dev/null >"$build/log" 2>&1 || echo "$(basename "$t"): $(grep -m1 '^not ok' "$build/log")"
done
[ -n "$(find "$engine" -name '*.gcda')" ] || { echo "coverage.sh: nothing ran"; exit 1; }

# Of each object gcov shows all its sources; the headers among them are left out.
for o in "$engine"/*.gcno; do
	gcov -t -o "$engine" "$o" 2>/dev/null
done | awk -F: -v missed="$build/missed" '
	$2 + 0 == 0 && $3 == "Source" { name = $4; sub(/.*\//, "", name); skip = name !~ /\.c$/ }
	skip || $2 + 0 == 0 { next }
	{ gsub(/ /, "", $1) }
	$1 == "-" { next }
	{ all[name]++ }
	$1 ~ /^[#=]/ { none[name]++; print name ":" $2 ":" $3 >missed }
	END { for (n in all) printf "%-24s %5d lines, %5d run, %5.1f %%\n", n, all[n],
		all[n] - none[n], 100 * (all[n] - none[n]) / all[n] }' | sort >"$build/table"
cat "$build/table"
awk '{ all += $2; run += $4 }
	END { printf "%-24s %5d lines, %5d run, %5.1f %%\n", "all", all, run, 100 * run / all
		exit run < 0.9 * all }' "$build/table"
