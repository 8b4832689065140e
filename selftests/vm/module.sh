#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# module.sh [-s folder] [-o place] 6.1|6.12|7.x|debug|bench|smp|kcsan|KDIR [make argument...]: build for one.
#
# Kbuild and kmod/ are copied to build/module/<release>/ (-o: <place>/<release>/) and built there,
# W=1; with -s another folder of the tree that has a Kbuild of its own (a test's helper module) is
# built the same way, to build/module/<release>/<folder>/. Prints the name of the built folder
# last. It must never build in the tree itself: several kernels share one checkout.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
. "$here/lib.sh"

sub='' place=build/module
while getopts s:o: opt; do
	case $opt in
	s) sub=${OPTARG%/} ;;
	o) place=${OPTARG%/} ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
kernel=${1:-}
[ -n "$kernel" ] || die "usage: module.sh [-s folder] [-o place] 6.1|6.12|7.x|debug|bench|smp|kcsan|KDIR [make argument...]"
shift

run=()
case $kernel in
6.1 | 6.12 | 7.x)
	kdir=$("$here/kernel.sh" "$kernel" headers)
	rel=$("$here/kernel.sh" "$kernel" release)
	if [ "$kernel" = 7.x ]; then
		"$here/chroot.sh"
		run=("$here/chroot.sh")
	fi
	;;
debug | bench | smp | kcsan)
	kdir=$("$here/built_kernel.sh" "$kernel")
	rel=$("$here/built_kernel.sh" "$kernel" release)
	case $kernel in debug | bench) set -- ARCH=um "$@" ;; esac
	;;
*)
	kdir=$(realpath -e "$kernel") || die "no such kernel: $kernel"
	rel=$(make -s -C "$kdir" kernelrelease)
	;;
esac

build() {
	local dest=$tree/$place/$rel/$sub
	local -a from=("$tree/$sub/")

	[ -n "$sub" ] || from=("$tree/Kbuild" "$tree/kmod")
	mkdir -p "$dest"
	# Sources that went away go away in the copy too; what the build made stays, for next time.
	rsync -a --delete --filter='P *.o' --filter='P *.ko' --filter='P *.mod' --filter='P *.mod.c' \
		--filter='P .*' --filter='P *.symvers' --filter='P modules.order' --filter='P *.a' \
		${sub:+--filter='- build/'} "${from[@]}" "$dest/"
	"${run[@]}" make -C "$kdir" M="${dest%/}" W=1 -j"$(nproc)" --no-print-directory \
		CONFIG_DEBUG_INFO_BTF_MODULES= "$@" modules </dev/null || die "the module does not build for $rel"
	echo "${dest%/}"
}

with_lock "module-$rel" build "$@"
