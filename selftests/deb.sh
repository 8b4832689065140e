#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# deb.sh: the Debian packages on a clean Debian 12: `make check-deb` runs it. Build, install with what
# apt brings along, use, upgrade, remove, purge; each in a chroot that has nothing but apt before.
# TAP. It must never install anything on the machine itself, nor leave anything mounted.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. selftests/vm/lib.sh
. selftests/lib/checks.sh
deb=build/deb
root=$(mktemp -d)
log=$root.log
upstream=$(sed -n 's/^VERSION := *//p' user/build.mk)

cleanup() {
	rm -rf --one-file-system "$root" "$log"
}
trap cleanup EXIT

explain() { tail -n 25 "$log" | tr -cd '\11\12\40-\176' | sed 's/^/# /'; }

check() { # name, command...
	"${@:2}" >"$log" 2>&1 </dev/null
	result $? "$1"
}

# The clean root lies in the cache; each run has a copy. Downloaded packages are kept, not installed.
clean_root() {
	local base=$CACHE/deb-root.tar

	mkdir -p "$CACHE/deb-archives/partial"
	if [ ! -e "$base" ]; then
		source_lines bookworm bookworm-security >"$base.list" &&
			mmdebstrap --quiet --mode=root --variant=apt --format=tar --architectures=amd64 \
				--keyring="$KEYRING" --include=ca-certificates,debian-archive-keyring \
				--skip=cleanup/apt/lists bookworm "$base.new" - <"$base.list" &&
			mv "$base.new" "$base" || return
	fi
	tar -C "$root" -xf "$base"
}

# In the root, with mounts that no other process sees
inside() { # command...
	# shellcheck disable=SC2016 # expanded by the inner shell
	root=$root cache=$CACHE/deb-archives unshare --mount --pid --fork --propagation private \
		bash -c '
		set -e
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mount --bind "$cache" "$root/var/cache/apt/archives"
		cp /etc/resolv.conf "$root/etc/resolv.conf"
		export DEBIAN_FRONTEND=noninteractive LC_ALL=C HOME=/root
		exec chroot "$root" "$@"' sh "$@"
}

apt_get() { # words...
	local try
	for try in 1 2; do
		inside apt-get -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 \
			-o APT::Sandbox::User=root -o APT::Keep-Downloaded-Packages=true "$@" && return
		[ "$try" = 2 ] || inside apt-get -qq update
	done
	return 1
}

packages() { # version
	local p
	for p in tlsock-dkms tlsockd tlsock libtlsock0 libtlsock-dev; do
		ls "$deb/${p}_$1"_*.deb || return
	done
}

install_version() { # version, more packages...
	local v=$1
	shift
	mkdir -p "$root/debs"
	rm -f "$root"/debs/*
	packages "$v" | xargs -I{} cp {} "$root/debs/" || return
	# shellcheck disable=SC2046 # words
	apt_get install $(cd "$root" && echo ./debs/*.deb | sed 's, \./, /,g; s,^\./,/,') "$@"
}

# The same packages with a higher version: what an upgrade has to get right are the scripts.
raise_version() { # version
	local f to=$1 dir=$root.raised
	for f in $(packages "$upstream"); do
		rm -rf "$dir"
		dpkg-deb -R "$f" "$dir" || return
		sed -i "s/^Version: .*/Version: $to/; s/(= $upstream)/(= $to)/" "$dir/DEBIAN/control"
		dpkg-deb --root-owner-group -b "$dir" "${f/_${upstream}_/_${to}_}" || return
	done
	rm -rf "$dir"
}

module_is_built() {
	ls "$root"/lib/modules/*/updates/dkms/tlsock.ko*
}

unit_is_enabled() {
	[ -L "$root/etc/systemd/system/multi-user.target.wants/tlsockd.service" ]
}

compile() {
	cat >"$root/tmp/a.c" <<-'C'
		#include <tlsock.h>
		int main(void)
		{
			return tlsock_connect("", "", NULL) != -22;
		}
	C
	inside sh -c 'gcc-12 -Wall -Werror -o /tmp/a /tmp/a.c -ltlsock && /tmp/a'
}

# The library is loaded: the loader would say so if it could not.
exec_works() {
	[ "$(inside tlsock exec --server-name a.test -- /bin/sh -c 'echo $TLSOCK_EXEC_ROLE' 2>&1)" = client ]
}

conffile_stays() {
	grep -q '^workers = 3' "$root/etc/tlsockd.conf" &&
		[ "$(inside dpkg-query -W -f '${Version}' tlsockd)" = "$1" ]
}

exposure() {
	systemd-analyze security --offline=true --threshold=30 \
		"$root/lib/systemd/system/tlsockd.service"
}

nothing_left() {
	! find "$root"/{etc,lib,usr,var} -xdev -name '*tlsock*' -not -path '*/apt/*' -not -name '*.deb' |
		grep .
}

echo "TAP version 13"
if [ -z "$(packages "$upstream" 2>/dev/null)" ] || [ -n "$(find user kmod Kbuild selftests/install.sh \
	-newer "$deb/tlsockd_${upstream}_amd64.deb" -type f -print -quit)" ]; then
	check "the packages are built" user/packaging/deb.sh
fi
check "a clean root" clean_root
check "install" install_version "$upstream" linux-headers-amd64 gcc-12
check "DKMS has built the module" module_is_built
check "the service is enabled" unit_is_enabled
check "the user tlsockd is there" inside getent passwd tlsockd
check "the configuration that comes with it is good" inside tlsockd --check
check "a program builds and runs against the library" compile
check "tlsock exec loads its library" exec_works
check "systemd-analyze security: 3.0 at most" exposure
echo "# $(tail -1 "$log")"
echo "workers = 3" >>"$root/etc/tlsockd.conf"
check "a higher version" raise_version "$upstream+1"
check "upgrade" install_version "$upstream+1"
check "the administrator's configuration stays" conffile_stays "$upstream+1"
check "the module is built anew" module_is_built
check "remove" apt_get remove tlsock-dkms tlsockd tlsock libtlsock0 libtlsock-dev
check "the configuration stays until a purge" grep -q '^workers = 3' "$root/etc/tlsockd.conf"
check "the module has gone" inside sh -c '! ls /lib/modules/*/updates/dkms/tlsock.ko* 2>/dev/null'
check "purge" inside dpkg --purge tlsock-dkms tlsockd tlsock libtlsock0 libtlsock-dev
check "nothing is left" nothing_left
rm -f "$deb"/*"_$upstream+1_"*.deb
done_testing
