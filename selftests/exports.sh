#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# exports.sh: the binary and source interface of libtlsock.
#
# What the object exports is what the map names and what the header declares, nothing else; it
# needs libc alone; the header compiles by itself as C and as C++, and a C++ program links and
# runs. It must never compare a list with itself.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=$PWD/build}"
lib=user/libtlsock
so=$BUILD/libtlsock.so.0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
. selftests/lib/checks.sh

same() { # file, file, name
	[ -s "$1" ] && diff "$1" "$2" | sed 's/^/# /'
	[ -s "$1" ] && cmp -s "$1" "$2"
	result $? "$3"
}

include=(-isystem kmod/include/uapi "-I$lib" -Wall -Wextra -Wconversion -Wshadow -pedantic -Werror)

echo "TAP version 13"
echo 1..9

nm -D --defined-only "$so" | sed -n 's/.* [TDBRVW] \([^@]*\).*/\1/p' | sort >"$tmp/exported"
sed -n 's/^\t*\(tlsock_[a-z_]*\);$/\1/p' $lib/libtlsock.map | sort >"$tmp/map"
sed -n 's/^[a-z].*[ *]\(tlsock_[a-z_]*\)(.*/\1/p' $lib/tlsock.h | grep -v _options_init | sort \
	>"$tmp/header"
same "$tmp/exported" "$tmp/map" "exported symbols are those of the map"
same "$tmp/exported" "$tmp/header" "exported symbols are those that tlsock.h declares"

nm -D --defined-only "$so" | grep -v ' A ' | grep -v '@@TLSOCK_0$' | sed 's/^/# /' >"$tmp/bare"
cat "$tmp/bare"
[ ! -s "$tmp/bare" ]
result $? "every symbol has its version"

readelf -d "$so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >"$tmp/needed"
echo libc.so.6 >"$tmp/libc"
same "$tmp/needed" "$tmp/libc" "nothing is needed but libc"

printf '#include "tlsock.h"\nint main(void) { return !tlsock_strerror(0)[0]; }\n' >"$tmp/a.c"
gcc -std=c99 "${include[@]}" -c -o "$tmp/a.o" "$tmp/a.c"
result $? "tlsock.h alone is valid C99"

cat >"$tmp/a.cc" <<'CC'
#include "tlsock.h"
#include <cstring>
int main()
{
	tlsock_options options;
	struct tlsock_info info;
	struct tlsock_error error;

	tlsock_options_init(&options);
	options.error = &error;
	if (tlsock_connect("", "", &options) != -22 || error.error != 22)
		return 1;
	return tlsock_get_info(-1, &info, sizeof(info)) == -9 ? 0 : 1;
}
CC
if command -v g++ >/dev/null; then
	for std in c++98 c++20; do
		g++ -std=$std "${include[@]}" -Wold-style-cast -c -o "$tmp/$std.o" "$tmp/a.cc"
		result $? "tlsock.h is valid $std"
	done
	g++ -o "$tmp/a" "$tmp/c++98.o" "$so" && LD_LIBRARY_PATH=$BUILD "$tmp/a"
	result $? "a C++ program links and runs"
else
	for what in c++98 c++20 run; do
		n=$((n + 1))
		echo "ok $n $what # SKIP there is no g++"
	done
fi

sed -e "s|@prefix@|/p|; s|@libdir@|/p/lib|; s|@version@|0.1|" $lib/libtlsock.pc.in \
	>"$tmp/libtlsock.pc"
[ "$(PKG_CONFIG_PATH=$tmp pkg-config --cflags --libs libtlsock | tr -s ' ' | sed 's/ $//')" = \
	"-I/p/include -L/p/lib -ltlsock" ]
result $? "pkg-config tells the flags"
exit $failed
