#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# setup.sh [group...]: install the Debian packages that building and testing need.
#
# Groups: build (compilers and libraries), vm (kernels and QEMU), peers (the TLS programs of
# other people that the selftests talk to), lint. No group means all of them. Only what is
# missing gets installed, so a second run costs one dpkg query. It must never install anything
# from another suite than the machine's own: kernels and the trixie chroot live in the cache.
set -euo pipefail

declare -A group=(
	[build]="gcc gcc-12 g++ make pkg-config libc6-dev libssl-dev libnl-3-dev libnl-genl-3-dev
		libsystemd-dev libconfuse-dev libcap-dev libseccomp-dev openssl rsync ca-certificates"
	[vm]="qemu-system-x86 busybox-static cpio xz-utils zstd kmod bc flex bison m4 libelf-dev
		mmdebstrap debian-archive-keyring util-linux perl python3"
	[peers]="curl openssl nginx-light gnutls-bin tshark tcpdump iproute2 procps netcat-openbsd
		libnss3-tools golang-go libwolfssl-dev"
	[gnutls]="gcc make nettle-dev libgmp-dev xz-utils dpkg-dev"
	[deb]="debhelper dh-dkms dpkg-dev fakeroot mmdebstrap rsync"
	[lint]="clang clang-format sparse shellcheck mandoc perl python3 python3-yaml
		python3-jsonschema"
)

main() {
	local -a want=() missing=()
	local g p

	for g in "$@"; do
		[ -n "${group[$g]:-}" ] || { echo "setup: no such group: $g" >&2; exit 2; }
		# shellcheck disable=SC2206 # the groups are lists of words
		want+=(${group[$g]})
	done
	for p in "${want[@]}"; do
		grep -qxF "$p" <<<"$installed" || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0

	if [ "$(id -u)" != 0 ]; then
		echo "setup: run as root to install: ${missing[*]}" >&2
		exit 1
	fi
	echo "setup: installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	install_them "${missing[@]}" || { apt-get update -qq && install_them "${missing[@]}"; }
}

# A machine with stale package lists fails the first time; main() then refreshes them.
install_them() {
	apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$@" \
		>/tmp/tlsock-setup.log 2>&1 </dev/null && return
	tail -5 /tmp/tlsock-setup.log >&2
	return 1
}

installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' | sed -n 's/^ii *//p')
[ $# -gt 0 ] || set -- build vm peers gnutls deb lint
main "$@"
