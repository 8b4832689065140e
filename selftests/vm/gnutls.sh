#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# gnutls.sh: bring a GnuTLS that uses kernel TLS into the cache; prints the folder of its programs.
#
# Debian builds its own without --enable-ktls. This is the same source, built once for each version
# of it, with all else left out: a static library, gnutls-cli and gnutls-serv. It must never be
# installed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

options=(--enable-ktls --enable-static --disable-shared --disable-doc --disable-tests --disable-guile
	--disable-cxx --disable-libdane --disable-nls --disable-openssl-compatibility
	--disable-full-test-suite --disable-bash-tests --with-included-libtasn1
	--with-included-unistring --without-p11-kit --without-idn --without-tpm --without-tpm2
	--without-zlib --without-brotli --without-zstd)

# The machine's own release, in a view of sources
fetch() { # folder
	local d=$CACHE/apt/gnutls
	# shellcheck disable=SC2034 # of view_apt
	VIEW=gnutls
	mkdir -p "$d/lists/partial" "$d/cache/archives/partial" "$1"
	: >"$d/status"
	source_lines bookworm bookworm-security | sed 's/^deb /deb-src /; s/ arch=[^]]*//' \
		>"$d/sources.list"
	view_apt apt-get update >&2 || die "no lists of sources"
	(cd "$1" && rm -f gnutls28_* && view_apt apt-get source --download-only gnutls28) >&2 ||
		die "the source of gnutls28 cannot be had"
}

build() { # folder
	local start=$SECONDS
	[ ! -e "$1/.complete" ] || return 0
	fetch "$1/source"
	rm -rf "$1/build"
	mkdir "$1/build"
	tar -xf "$1"/source/gnutls28_*.orig.tar.?z -C "$1/build" --strip-components=1
	echo "gnutls: building it, some minutes of processor time" >&2
	(
		cd "$1/build"
		CFLAGS='-O1 -w' ./configure -q "${options[@]}"
		make -s -j"$(nproc)" -C gl
		make -s -j"$(nproc)" -C lib
		make -s -j"$(nproc)" -C src/gl
		make -s -j"$(nproc)" -C src gnutls-cli gnutls-serv
		strip -o ../gnutls-cli src/gnutls-cli
		strip -o ../gnutls-serv src/gnutls-serv
	) >"$1/build.log" 2>&1 </dev/null || die "does not build: $(tail -3 "$1/build.log")"
	rm -rf "$1/build" "$1/source"
	echo "gnutls: built in $((SECONDS - start)) s" >&2
	touch "$1/.complete"
}

version=$(apt-cache madison libgnutls30 | sed -n '1s/^[^|]*| *\([^ ]*\) .*/\1/p')
dir=$CACHE/gnutls/${version:-unknown}-$(echo "${options[@]}" | sha256sum | cut -c1-12)
mkdir -p "$dir"
with_lock gnutls build "$dir"
echo "$dir"
