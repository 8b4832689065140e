#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel.sh [--refresh] 6.1|6.12|7.x [what]: bring a Debian kernel and its headers into the cache.
#
# Prints one line about it: what is "dir" (default), "release", "image", "modules" or "headers".
# The name is resolved through the suite's current package, once a day or with --refresh; when
# the archive cannot be reached, the kernel that is already there stays in use. It must never
# name a version: the archive drops old ones.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# Newest image package of a line, out of the suites that carry it: left in pkg.
resolve() {
	case $1 in
	6.1)
		view_open 6.1 bookworm bookworm-security || return
		pkg=$(view_apt apt-cache depends linux-image-amd64 |
			sed -nE 's/^ *Depends: (linux-image-6\.1\..*-amd64)$/\1/p' | head -1)
		;;
	6.12)
		view_open 6.12 bookworm-security bookworm-backports || return
		pkg=$(view_newest 'linux-image-6\.12\.[0-9.]+\+deb12(\.[0-9]+)?-amd64')
		;;
	7.x)
		view_open 7.x trixie-backports || return
		pkg=$(view_newest 'linux-image-7\.[0-9.]+\+deb13(\.[0-9]+)?-amd64')
		;;
	esac
	[ -n "$pkg" ]
}

# Headers come with absolute paths of their installed place: point them at where they lie.
relocate() {
	local root=$1
	[ -e "$root/lib" ] || ln -s usr/lib "$root/lib"
	find "$root"/usr/src/linux-headers-* -maxdepth 1 \( -name Makefile -o -name .kernelvariables \) \
		-exec sed -i "s#/usr/src/linux-#$root/usr/src/linux-#g; s#\([ =]\)/usr/lib/linux-#\1$root/usr/lib/linux-#g" {} +
	# links to the installed kbuild tools, absolute or not
	find "$root"/usr/src/linux-headers-* -maxdepth 1 -type l | while read -r l; do
		t=$(readlink "$l")
		case $t in
		/*) ln -sfn "$root$t" "$l" ;;
		esac
	done
}

# Get one resolved image package and everything that belongs to it.
fetch() {
	local pkg=$1 rel=${1#linux-image-} dir
	local -a all
	dir=$CACHE/kernels/$rel
	[ -e "$dir/.complete" ] && return
	rm -rf "$dir"
	echo "kernel: fetching $rel" >&2
	mapfile -t all < <(view_closure '^linux-(image|binary|modules|base|headers|kbuild)-' \
		"$pkg" "linux-headers-$rel" | grep -vE '^linux-base$|-unsigned$' | sort -u)
	view_unpack "$dir" "${all[@]}"
	relocate "$dir"
	depmod -b "$dir" "$rel" || die "depmod fails on $dir"
	echo "${all[@]}" >"$dir/.complete"
}

# The daily look at the archive. Without a network an older answer stands.
refresh() {
	local name=$1 link=$CACHE/kernels/$1 pkg=
	if [ -z "$force" ] && [ -e "$link/.complete" ] &&
		[ -n "$(find "$CACHE/kernels/.$name.seen" -mtime -1 2>/dev/null)" ]; then
		return
	fi
	mkdir -p "$CACHE/kernels"
	if resolve "$name"; then
		fetch "$pkg"
		ln -sfn "${pkg#linux-image-}" "$link"
		touch "$CACHE/kernels/.$name.seen"
	elif [ -e "$link/.complete" ]; then
		echo "kernel: archive out of reach, keeping $(readlink "$link")" >&2
	else
		die "no kernel $name in the archive"
	fi
}

force=
[ "${1:-}" = --refresh ] && { force=1; shift; }
name=${1:-}
case $name in
6.1 | 6.12 | 7.x) ;;
*) die "usage: kernel.sh [--refresh] 6.1|6.12|7.x [dir|release|image|modules|headers]" ;;
esac
with_lock "kernel-$name" refresh "$name"
rel=$(readlink "$CACHE/kernels/$name")
dir=$CACHE/kernels/$rel
case ${2:-dir} in
dir) echo "$dir" ;;
release) echo "$rel" ;;
modules) echo "$dir/lib/modules/$rel" ;;
headers) echo "$dir/usr/src/linux-headers-$rel" ;;
image)
	for f in "$dir/boot/vmlinuz-$rel" "$dir/lib/modules/$rel/vmlinuz"; do
		[ -e "$f" ] && { echo "$f"; exit; }
	done
	die "no kernel image for $rel"
	;;
*) die "unknown: $2" ;;
esac
