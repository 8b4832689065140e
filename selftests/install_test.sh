#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# install_test.sh: `make install` and `make uninstall` in a folder of their own, on the host.
#
# Whether everything is there, whether a program can be built and run against what was installed,
# whether nothing is left behind. TAP. It must never touch the machine: DESTDIR is set throughout.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export DESTDIR=$dir/root prefix=/usr
n=0

check() { # name, command...
	local text rc=0
	n=$((n + 1))
	text=$("${@:2}" 2>&1) || rc=$?
	[ $rc = 0 ] && echo "ok $n $1" && return
	sed 's/^/# /' <<<"$text"
	echo "not ok $n $1"
}

missing() { # file...: those that are not there
	local f
	for f in "$@"; do
		[ -e "$DESTDIR/$f" ] || echo "$f is missing"
	done | grep . && return 1
	return 0
}

build_against() {
	cat >"$dir/user.c" <<-'C'
		#include <tlsock.h>
		int main(void)
		{
			struct tlsock_options options;

			tlsock_options_init(&options);
			return !TLSOCK_INFO;
		}
	C
	# shellcheck disable=SC2046 # words for the compiler
	gcc -o "$dir/user" "$dir/user.c" $(PKG_CONFIG_PATH=$DESTDIR/usr/lib/pkgconfig \
		pkg-config --define-prefix --keep-system-cflags --keep-system-libs \
		--cflags --libs libtlsock) || return
	LD_LIBRARY_PATH=$DESTDIR/usr/lib "$dir/user"
}

completes() { # line, wanted
	PATH=$DESTDIR/usr/bin:$PATH bash -c '
		. "$DESTDIR/usr/share/bash-completion/completions/tlsock"
		read -ra COMP_WORDS <<<"$1"
		case $1 in *" ") COMP_WORDS+=("") ;; esac
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_tlsock
		echo "${COMPREPLY[*]}"
		[ "${COMPREPLY[*]}" = "$2" ]' bash "$1" "$2"
}

completion() {
	completes "tlsock con" "connections connect" && completes "tlsock -j st" status &&
		completes "tlsock exec --cr" --credential &&
		completes "tlsock listen -V " "none optional required" &&
		completes "tlsock connect --verify r" required && completes "tlsock status --pro" --prometheus
}

nothing_left() {
	! find "$DESTDIR" -not -type d | grep .
}

echo "TAP version 13"
echo "1..6"
check "install" selftests/install.sh install
check "every part is there" missing usr/sbin/tlsockd usr/bin/tlsock usr/lib/libtlsock.so \
	usr/lib/tlsock/tlsock-exec.so \
	usr/lib/libtlsock.so.0 usr/lib/libtlsock.a usr/include/tlsock.h usr/include/linux/tlsock.h \
	usr/share/man/man7/tlsock.7 usr/share/man/man8/tlsockd.8 usr/share/man/man3/tlsock_wait.3
check "a program builds and runs against it" build_against
check "bash completes commands, options and words" completion
check "uninstall" selftests/install.sh uninstall
check "nothing is left" nothing_left
