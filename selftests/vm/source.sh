#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# source.sh [--full]: bring Debian's newest linux-source package into the cache; prints a folder.
#
# Without --full only what the tests and the linter use is unpacked: kselftest's headers, the
# kernel's own TLS selftest, checkpatch with its word lists. --full unpacks the whole source, for
# a debug kernel. It must never copy any of that into the tree.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

parts=(
	tools/testing/selftests/kselftest.h
	tools/testing/selftests/kselftest_harness.h
	tools/testing/selftests/net/tls.c
	include/uapi/linux/tls.h
	scripts/checkpatch.pl
	scripts/spelling.txt
	scripts/const_structs.checkpatch
	Documentation/dev-tools/checkpatch.rst
	Documentation/netlink/genetlink-legacy.yaml
)

# All of parts=() in a folder.
whole() {
	local part
	for part in "${parts[@]}"; do
		[ -e "$1/part/$part" ] || return 1
	done
}

# Every version is a folder of its own, named by the package's version; "current" is a link.
refresh() {
	local pkg version dir
	if whole "$base/current" &&
		[ -n "$(find "$base/.seen" -mtime -1 2>/dev/null)" ]; then
		return
	fi
	mkdir -p "$base"
	if view_open 7.x trixie-backports; then
		pkg=$(view_newest 'linux-source-7\.[0-9]+')
		[ -n "$pkg" ] || die "no linux-source in the archive"
		version=$(view_apt apt-cache show "$pkg" | sed -n 's/^Version: //p' | head -1)
		fetch "$pkg" "$base/$version"
		ln -sfn "$version" "$base/current"
		touch "$base/.seen"
	elif whole "$base/current"; then
		echo "source: archive out of reach, keeping $(readlink "$base/current")" >&2
	else
		die "no linux-source can be had"
	fi
}

fetch() { # package, folder
	! whole "$2" || return 0
	rm -rf "$2"
	echo "source: fetching $1" >&2
	view_unpack "$2" "$1"
	mv "$2"/usr/src/linux-source-*.tar.xz "$2/linux.tar.xz" || die "no source in $1"
	rm -rf "${2:?}/usr"
	mkdir "$2/part.new"
	unpack "$2/linux.tar.xz" "$2/part.new" --no-wildcards-match-slash "${parts[@]/#/*/}"
	mv "$2/part.new" "$2/part"
}

unpack() { # tar file, folder, tar options...
	local tar=$1 dir=$2
	shift 2
	xz -dc -T0 "$tar" | tar -x -C "$dir" --strip-components=1 --wildcards "$@" ||
		die "cannot unpack $tar"
}

full() {
	[ ! -e "$1/full.complete" ] || return 0
	rm -rf "$1/full"
	mkdir "$1/full"
	unpack "$1/linux.tar.xz" "$1/full"
	touch "$1/full.complete"
}

base=$CACHE/source
with_lock source refresh
dir=$(realpath "$base/current")
if [ "${1:-}" = --full ]; then
	with_lock source full "$dir"
	echo "$dir/full"
else
	echo "$dir/part"
fi
