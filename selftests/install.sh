#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# install.sh install|uninstall: what `make install` and `make uninstall` do, with DESTDIR, prefix and libdir.
#
# Programs, library, header, pkg-config file, man pages and the service go below $prefix, the module,
# for each kernel it is built for, to /lib/modules/<release>/extra (only those with a folder there,
# unless DESTDIR is set). Configuration in /etc is the administrator's: it must never be touched.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=${prefix:-/usr/local} root=${DESTDIR:-} build=build
libdir=${libdir:-$prefix/lib}
version=$(sed -n 's/^VERSION := *//p' user/build.mk)

# Every file to install, one a line: mode, place, source.
files() {
	local f man
	echo "755 $prefix/sbin/tlsockd $build/tlsockd"
	echo "755 $prefix/bin/tlsock $build/tlsock"
	echo "755 $libdir/libtlsock.so.$version $build/libtlsock.so.$version"
	echo "644 $prefix/lib/tlsock/tlsock-exec.so $build/tlsock-exec.so"
	echo "644 $libdir/libtlsock.a $build/libtlsock.a"
	echo "644 $libdir/pkgconfig/libtlsock.pc $build/libtlsock.pc"
	for f in user/packaging/systemd/*.service.in; do
		[ ! -e "$f" ] || echo "644 $prefix/lib/systemd/system/$(basename "$f" .in) $build/$(basename "$f" .in)"
	done
	for f in sysusers.d/tlsockd.conf modules-load.d/tlsock.conf; do
		echo "644 $prefix/lib/$f user/packaging/$f"
	done
	echo "644 $prefix/share/bash-completion/completions/tlsock user/packaging/completion/tlsock"
	echo "644 $prefix/include/tlsock.h user/libtlsock/tlsock.h"
	echo "644 $prefix/include/linux/tlsock.h kmod/include/uapi/linux/tlsock.h"
	for f in user/man/*.[1-8]; do
		man=$prefix/share/man/man${f##*.}
		echo "644 $man/${f##*/} $f"
	done
}

# The names that come with a file: the library's short ones, the other calls of a man page.
links() { # name, target
	local f n
	echo "$libdir/libtlsock.so.0 libtlsock.so.$version"
	echo "$libdir/libtlsock.so libtlsock.so.0"
	for f in user/man/*.[1-8]; do
		for n in $(sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([^ ]*\).*/\1/p' "$f"); do
			[ "$n.${f##*.}" = "${f##*/}" ] ||
				echo "$prefix/share/man/man${f##*.}/$n.${f##*.} ${f##*/}"
		done
	done
}

# Modules that are built, each with its kernel's release.
modules() {
	local ko release
	for ko in "$build"/module/*/tlsock.ko; do
		[ -e "$ko" ] || continue
		release=$(basename "$(dirname "$ko")")
		[ -n "$root" ] || [ -d "/lib/modules/$release" ] || continue
		echo "$release $ko"
	done
}

fill_in() { # source, generated file
	sed "s#@prefix@#$prefix#g; s#@libdir@#\${prefix}${libdir#"$prefix"}#g; s#@version@#$version#g; \
		s#@sbindir@#$prefix/sbin#g" "$1" >"$2"
}

install_all() {
	local mode place source name target release ko
	fill_in user/libtlsock/libtlsock.pc.in "$build/libtlsock.pc"
	for source in user/packaging/systemd/*.service.in; do
		[ ! -e "$source" ] || fill_in "$source" "$build/$(basename "$source" .in)"
	done
	files | while read -r mode place source; do
		install -D -m "$mode" "$source" "$root$place"
	done
	links | while read -r name target; do
		ln -sfn "$target" "$root$name"
	done
	modules | while read -r release ko; do
		install -D -m 644 "$ko" "$root/lib/modules/$release/extra/tlsock.ko"
		[ -n "$root" ] || depmod "$release"
	done
	[ -n "$root" ] || ldconfig
}

uninstall_all() {
	local mode place source name target release
	files | while read -r mode place source; do
		rm -f "$root$place"
	done
	rmdir --ignore-fail-on-non-empty "$root$prefix/lib/tlsock" 2>/dev/null || true
	links | while read -r name target; do
		rm -f "$root$name"
	done
	for name in "$root"/lib/modules/*/extra/tlsock.ko; do
		[ -e "$name" ] || continue
		rm "$name"
		release=${name%/extra/tlsock.ko}
		rmdir --ignore-fail-on-non-empty "$release/extra"
		[ -n "$root" ] || depmod "${release##*/}"
	done
	[ -n "$root" ] || ldconfig
}

case ${1:-} in
install) install_all ;;
uninstall) uninstall_all ;;
*)
	echo "usage: install.sh install|uninstall" >&2
	exit 2
	;;
esac
