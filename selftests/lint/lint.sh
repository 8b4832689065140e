#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lint.sh [check...]: what `make lint` runs: every check of style, or those named. Prints a line
# for each, with what it found, and exits 1 if anything was found. It must never mend a file.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit
. "$here/lib.sh"
checks="spdx length includes classes netlink shell layout gcc clang symbols constant_time man checkpatch sparse warnings"

# The first two lines hold the licence that the folder asks for.
check_spdx() {
	local f want
	tree_files | while read -r f; do
		case $f in
		LICENSE | *.md | .gitignore) continue ;;
		kmod/include/uapi/*) want='\(GPL-2.0(-only)? WITH Linux-syscall-note\) OR MIT' ;;
		user/tests/vectors/*.txt | user/tests/seeds/*) continue ;;
		.clang-format | user/*) want='MIT' ;;
		*) want='GPL-2.0-only' ;;
		esac
		head -2 "$f" | grep -qE "SPDX-License-Identifier: \(?$want( \*/| -->|\",)?\$" ||
			echo "$f: no SPDX line, or not $want"
	done | { ! grep .; }
}

check_length() {
	mapfile -t list < <(tree_files '*.[ch]')
	awk -f "$here/length.awk" "${list[@]}"
}

check_includes() { "$here/includes.sh"; }

check_classes() { "$here/classes.sh"; }

check_netlink() {
	"$here/netlink_spec.py" "$(selftests/vm/source.sh)/Documentation/netlink/genetlink-legacy.yaml"
}

# Scripts are known by their first line, whatever they are called.
check_shell() {
	local f
	tree_files | while read -r f; do
		case $(head -c 40 "$f" | head -1 | tr -d '\0') in
		'#!/bin/bash'* | '#!/bin/sh'* | '#!/usr/bin/env bash'*) echo "$f" ;;
		'# SPDX'*) case $f in *.sh) echo "$f" ;; esac ;;
		esac
	done >build/lint/scripts
	mapfile -t list <build/lint/scripts
	shellcheck -x -P "$here:$here/..:$here/../vm" -e SC1091,SC2001,SC2013,SC2016,SC2119,SC2317 "${list[@]}"
}

check_layout() {
	mapfile -t list < <(tree_files 'user/*.[ch]' 'selftests/*.[ch]' | grep -v '^selftests/\(vm\|bench\)/')
	clang-format --dry-run -Werror "${list[@]}" 2>&1 | sed -n 's/:.* error:.*//p' | sort | uniq -c |
		sed 's/^ *\([0-9]*\) \(.*\)/\2: \1 places; see make format/' | { ! grep .; }
}

# Both compilers, each into a folder of their own, so that no warning hides behind an old object.
compile() { # compiler, make argument...
	make -k -j"$(nproc)" --no-print-directory SETUP=: "B=build/lint/$1" "CC=$1" \
		WERROR=-Werror "${@:2}" >"build/lint/$1.log" 2>&1 && return
	grep -E '(warning|error):' "build/lint/$1.log" | sort -u || tail -20 "build/lint/$1.log"
	return 1
}
check_gcc() { compile gcc user selftests tests; }
check_clang() { compile clang user selftests tests; }

check_symbols() {
	make -s --no-print-directory SETUP=: build/libhandshake.a && "$here/symbols.sh" build/libhandshake.a
}

check_constant_time() { "$here/constant_time.sh"; }

# Every function of the library has a page, by the names that a page begins with.
check_man() {
	local name bad=0
	mapfile -t list < <(tree_files 'user/man/*')
	for name in $(sed -n 's/^\t\t\(tlsock_[a-z_]*\);$/\1/p' user/libtlsock/libtlsock.map) tlsock_options_init; do
		sed -n '/^\.Sh NAME/,/^\.Nd/p' user/man/*.3 | grep -q "^\.Nm $name\( ,\)\?\$" && continue
		echo "$name has no page"
		bad=1
	done
	mandoc -Tlint -Wwarning "${list[@]}" && [ $bad = 0 ]
}

check_checkpatch() { "$here/kmod.sh" checkpatch; }
check_sparse() { "$here/kmod.sh" sparse; }
check_warnings() { "$here/kmod.sh" warnings; }

mkdir -p build/lint
failed=()
# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $checks
for check in "$@"; do
	if "check_$check" >"build/lint/$check.out" 2>&1; then
		echo "lint $check: clean"
	else
		echo "lint $check: not clean"
		sed 's/^/  /' "build/lint/$check.out"
		failed+=("$check")
	fi
done
[ ${#failed[@]} = 0 ] || { echo "lint: not clean: ${failed[*]}"; exit 1; }
echo "lint: clean"
