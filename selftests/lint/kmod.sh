#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kmod.sh checkpatch|sparse|warnings: the kernel's own checks of the module.
#
# checkpatch --strict out of Debian's linux-source, less what checkpatch.allow gives a reason for;
# a build for 6.1 with sparse, and builds for the others, with W=1 and warnings as errors. It must
# never build in the tree.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
. "$here/lib.sh"

check_patch() {
	local source allow said=build/lint/checkpatch pattern rc=0
	source=$(selftests/vm/source.sh)
	mapfile -t allow < <(sed -n 's/^\([^#].*:\) # .*/\1/p' "$here/checkpatch.allow")
	mkdir -p build/lint
	# One file at a time: checkpatch finds nothing to say with status 0, its own trouble is 2 and up.
	tree_files 'kmod/*.c' 'kmod/*.h' 'selftests/vm/bugs/*.c' | while read -r f; do
		perl "$source/scripts/checkpatch.pl" --no-tree --strict --max-line-length=100 --terse \
			--show-types --no-summary -f "$f" || [ $? = 1 ]
	done >"$said"
	for pattern in "${allow[@]}"; do
		grep -qE "^${pattern/:/:[0-9]+:}" "$said" || {
			echo "checkpatch.allow: nothing matches any more: $pattern"
			rc=1
		}
		sed -i -E "\\#^${pattern/:/:[0-9]+:}#d" "$said"
	done
	cat "$said"
	[ ! -s "$said" ] && return $rc
}

build() { # kernel, make argument...
	mkdir -p build/lint
	selftests/vm/module.sh -o build/lint/module "$@" >"build/lint/module-$1" 2>&1 || {
		grep -E '^[^ ]+:[0-9]+:.*(warning|error):' "build/lint/module-$1" || cat "build/lint/module-$1"
		return 1
	}
	! grep -E '^[^ ]+:[0-9]+:.*(warning|error):' "build/lint/module-$1"
}

# sparse belongs to the headers of a kernel that is as old as it is: 7.x is beyond it.
sparse_build() {
	rm -rf build/lint/module/6.1*
	build 6.1 C=2 CF='-D__CHECK_ENDIAN__ -Wsparse-error' KCFLAGS=-Werror || return
	grep -q '^  CHECK ' build/lint/module-6.1 || {
		echo "sparse did not run"
		return 1
	}
}

warnings() {
	build 6.12 KCFLAGS=-Werror
	build 7.x KCFLAGS=-Werror
}

case ${1:-} in
checkpatch) check_patch ;;
sparse) sparse_build ;;
warnings) warnings ;;
*)
	echo "usage: kmod.sh checkpatch|sparse|warnings" >&2
	exit 2
	;;
esac
