#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# classes.sh: every test that selftests/classes.list names exists, and every class has one. Prints
# what is missing, exits 1 then.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
bad=0

# The source of a test program, by its name; nothing if there is none.
source_of() {
	local f
	for f in "user/tests/$1.c" "selftests/$1.c" "selftests/$1.sh" "selftests/interop/$1.sh"; do
		[ ! -e "$f" ] || echo "$f"
	done | head -1
}

# A name stands in a source as a word: a function, a TEST_F(), a constant, or a row's first string.
has() { # source, name
	case $2 in
	*[!a-zA-Z0-9_]*) grep -qF "\"$2\"" "$1" ;;
	*) grep -qE "\b$2\(|[ (]$2\)|\"$2\"|\b$2[,:]|$2\[\]" "$1" ;;
	esac
}

n=0 class='' tests=1
while IFS= read -r line; do
	n=$((n + 1))
	case $line in
	'' | '#'*) continue ;;
	$'\t'*) ;;
	*)
		[ "$tests" -gt 0 ] || { echo "classes.list: no test for: $class" && bad=1; }
		class=$line tests=0
		continue
		;;
	esac
	names=${line##*: } rest=${line%: *}
	program=${rest##*: }
	file=$(source_of "$program")
	if [ -z "$file" ]; then
		echo "classes.list:$n: no test program $program"
		bad=1
		continue
	fi
	while IFS= read -r name; do
		has "$file" "$name" || { echo "classes.list:$n: $file has no $name" && bad=1; }
		tests=$((tests + 1))
	done < <(sed 's/; */\n/g' <<<"$names")
done <selftests/classes.list
[ "$tests" -gt 0 ] || { echo "classes.list: no test for: $class" && bad=1; }
exit $bad
