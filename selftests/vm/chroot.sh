#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# chroot.sh command...: run a command in a trixie chroot, which is made first if need be.
#
# Modules for 7.x kernels need gcc 14 and glibc 2.38 (objtool), which Debian 12 lacks. The chroot
# lies in the cache; the cache and the tree are seen in it at their own paths, through mounts
# that no other process sees. It must never be entered by anything but builds.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

make_chroot() {
	[ -e "$1.complete" ] && return
	echo "chroot: making the trixie build chroot" >&2
	rm -rf "$1"
	mkdir -p "$1"
	source_lines trixie trixie-security >"$1.list"
	# No man pages, no documentation; recommends are off by default in mmdebstrap.
	mmdebstrap --quiet --mode=root --variant=essential --format=directory --architectures=amd64 \
		--keyring="$KEYRING" --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--include='dash,bash,coreutils,sed,grep,findutils,diffutils,gcc,gcc-14,libc6-dev' \
		--include='make,bc,kmod,libelf1t64,libssl3t64,xz-utils,perl-base' \
		trixie "$1" "$1.list" >&2 || die "cannot make the trixie chroot"
	touch "$1.complete"
}

root=$CACHE/trixie
with_lock trixie make_chroot "$root"
[ $# -gt 0 ] || exit 0
tree=$(cd "$(dirname "$0")/../.." && pwd)
export root tree CACHE
# shellcheck disable=SC2016 # expanded by the inner shell
exec unshare --mount --propagation private bash -c '
	set -e
	mkdir -p "$root$tree" "$root$CACHE"
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount --bind "$CACHE" "$root$CACHE"
	mount --bind "$tree" "$root$tree"
	dir=$PWD
	exec chroot "$root" /bin/bash -c "cd \"\$0\"; exec \"\$@\"" "$dir" "$@"' sh "$@"
