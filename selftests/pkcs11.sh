#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# pkcs11.sh: keys in a token, with pkcs11-provider and softhsm2: `make check-pkcs11` runs it.
#
# Debian 12 has no such provider, so user space is built and test_daemon_tokens runs in a root of Debian 13,
# with its OpenSSL 3.5. The root lies in the cache; what is built lies in build/trixie. TAP. It must
# never find a key anywhere but in the token: the files that it came from are gone.
set -euo pipefail
. "$(dirname "$0")/vm/lib.sh"
tree=$(cd "$(dirname "$0")/.." && pwd)
root=$CACHE/pkcs11
packages=gcc,make,pkg-config,libc6-dev,libssl-dev,libnl-3-dev,libnl-genl-3-dev,libsystemd-dev,libconfuse-dev
packages+=,libcap-dev,libseccomp-dev,openssl,pkcs11-provider,softhsm2

make_root() {
	[ -e "$1.complete" ] && return
	echo "pkcs11: making the root of Debian 13" >&2
	rm -rf --one-file-system "$1"
	source_lines trixie trixie-security >"$1.list"
	mmdebstrap --quiet --mode=root --variant=essential --format=directory --architectures=amd64 \
		--keyring="$KEYRING" --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --include="$packages" \
		trixie "$1" "$1.list" >&2 || die "cannot make the root of Debian 13"
	touch "$1.complete"
}

with_lock pkcs11 make_root "$root"
export root tree
# shellcheck disable=SC2016 # expanded by the inner shell
exec unshare --mount --propagation private bash -c '
	set -e
	mkdir -p "$root$tree"
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs tmpfs "$root/tmp"
	mount --bind "$tree" "$root$tree"
	exec chroot "$root" /bin/bash -c "cd \"\$0\" &&
		make --no-print-directory SETUP=: B=build/trixie SANITIZE= -j\"\$(nproc)\" \
			build/trixie/tests/test_daemon_tokens >&2 &&
		exec build/trixie/tests/test_daemon_tokens /usr/lib/softhsm/libsofthsm2.so" "$tree"'
