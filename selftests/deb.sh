#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# deb.sh: the Debian packages on a clean Debian 12: `make check-deb` runs it. Build, install with what
# apt brings along, use, upgrade, remove, purge; in a root that has nothing but apt before. TAP. It
# must never pass over what a script of a package says.
. "$(dirname "$0")/lib/root.sh"

install_version() { # version, more packages...
	local -a files
	mapfile -t files < <(packages "$1")
	[ ${#files[@]} = 5 ] && apt_get install "${files[@]/#/./}" "${@:2}"
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

module_is_built() { # options of find
	find "$root"/lib/modules/*/updates/dkms -name 'tlsock.ko*' "$@" | grep .
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
check "the packages are built" packages_are_built user/packaging/deb.sh
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
touch "$root/tmp/before"
check "upgrade" install_version "$upstream+1"
check "the administrator's configuration stays" conffile_stays "$upstream+1"
check "the module is built anew" module_is_built -newer "$root/tmp/before"
check "remove" apt_get remove tlsock-dkms tlsockd tlsock libtlsock0 libtlsock-dev
check "the configuration stays until a purge" grep -q '^workers = 3' "$root/etc/tlsockd.conf"
check "the module has gone" inside sh -c '! ls /lib/modules/*/updates/dkms/tlsock.ko* 2>/dev/null'
check "purge" inside dpkg --purge tlsock-dkms tlsockd tlsock libtlsock0 libtlsock-dev
check "nothing is left" nothing_left
rm -f "$deb"/*"_$upstream+1_"*.deb
done_testing
