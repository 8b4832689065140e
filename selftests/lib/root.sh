# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
#
# root.sh: a Debian 12 of its own for the tests of the packages; sourced first of all, never run.
#
# The script that sources it runs in a mount namespace of its own, on a copy of a clean root that
# nobody else sees: in memory where there is enough, for dpkg waits for a disk after every file.
# Clean roots lie in the cache, a week at most, and so do packages that apt has downloaded. It must never
# install anything on the machine itself, nor leave anything mounted.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
if [ -z "${ROOT_NAMESPACE:-}" ]; then
	exec unshare --mount --propagation private env ROOT_NAMESPACE=1 "$0" "$@"
fi
. selftests/vm/lib.sh
. selftests/lib/checks.sh
deb=build/deb
root=$(mktemp -d)
log=$root.log
upstream=$(sed -n 's/^VERSION := *//p' user/build.mk)

cleanup() {
	umount "$root" 2>/dev/null
	rm -rf --one-file-system "$root" "$log"
}
trap cleanup EXIT

if [ "$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)" -ge "${ROOT_GIB:=5}" ]; then
	mount -t tmpfs -o "mode=755,size=${ROOT_GIB}g" tmpfs "$root"
fi

explain() { tail -n 25 "$log" | tr -cd '\11\12\40-\176' | sed 's/^/# /'; }

check() { # name, command...
	"${@:2}" >"$log" 2>&1 </dev/null
	result $? "$1"
}

# A folder with what apt needs, and more packages where somebody wants them, in $root
clean_root() { # packages...
	local packages="ca-certificates $*" base
	base=$CACHE/root-$(echo "$packages" | sha256sum | cut -c1-12).tar
	with_lock "${base##*/}" make_root "$base" "${packages// /,}" || return
	tar -C "$root" -xf "$base"
}

make_root() { # archive, packages
	[ -z "$(find "$1" -mtime -7 2>/dev/null)" ] || return 0
	source_lines bookworm bookworm-security >"$1.list" || return
	if INITRD=No mmdebstrap --quiet --mode=root --variant=apt --format=tar --architectures=amd64 \
		--keyring="$KEYRING" --include="debian-archive-keyring,$2" \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--skip=cleanup/apt/lists bookworm "$1.new" - <"$1.list"; then
		mv "$1.new" "$1"
	fi
	# An archive out of reach leaves the older one in use.
	[ -e "$1" ]
}

# In the root, with mounts that no other process sees; the packages are in /srv/build/deb.
inside() { # command...
	mkdir -p "$CACHE/deb-archives/partial" "$root/srv/$deb"
	# shellcheck disable=SC2016 # expanded by the inner shell
	root=$root cache=$CACHE/deb-archives deb=$deb unshare --mount --pid --fork \
		--propagation private bash -c '
		set -e
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mount --bind "$cache" "$root/var/cache/apt/archives"
		mount --bind "$deb" "$root/srv/$deb"
		cp /etc/resolv.conf "$root/etc/resolv.conf"
		export DEBIAN_FRONTEND=noninteractive LC_ALL=C HOME=/root INITRD=No
		exec chroot "$root" /bin/sh -c "cd /srv && exec \"\$@\"" sh "$@"' sh "$@"
}

# Quiet, without what is only recommended; downloaded packages are kept. Lists that are too old fail.
apt_settings() {
	cat >"$root/etc/apt/apt.conf.d/99test" <<-'END'
		quiet "2";
		Acquire::Retries "3";
		APT::Get::Assume-Yes "true";
		APT::Install-Recommends "false";
		APT::Keep-Downloaded-Packages "true";
		APT::Sandbox::User "root";
		Dpkg::Use-Pty "false";
	END
}

apt_get() { # words...
	[ -e "$root/etc/apt/apt.conf.d/99test" ] || apt_settings
	inside apt-get "$@" || { inside apt-get update && inside apt-get "$@"; }
}

packages() { # version
	local p
	for p in tlsock-dkms tlsockd tlsock libtlsock0 libtlsock-dev; do
		ls "$deb/${p}_$1"_*.deb || return
	done
}

# They are built anew where something is newer than they are.
packages_are_built() {
	if [ -n "$(packages "$upstream" 2>/dev/null)" ] && [ -z "$(find user kmod Kbuild \
		selftests/install.sh -newer "$deb/tlsockd_${upstream}_amd64.deb" -type f -print -quit)" ]; then
		return
	fi
	"$@"
}
