#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# uml_kernel.sh debug|bench [what]: bring a User Mode Linux into the cache: one with sanitizers, or
# one for benchmarks.
#
# It is built from Debian's newest linux-source with uml.config and its own, once for each version
# of them. Prints one line about it: what is "dir" (default), "release", "image" or "modules". A
# kernel that lacks an option that they ask for must never be taken for it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

# Options that watch must not vanish because something that they depend on has changed.
complete() { # .config
	local option
	grep -hE '^CONFIG_[A-Z0-9_]+=[ym]$' "${configs[@]}" | while read -r option; do
		grep -qxE "${option%=*}=[ym]" "$1" || echo "$option"
	done
}

build() { # folder, source
	local missing log=$1/build.log
	[ ! -e "$1/.complete" ] || return 0
	rm -rf "$1"
	mkdir -p "$1"
	echo "uml_kernel: building $kind, some 15 minutes of processor time" >&2
	{
		make -s -C "$2" ARCH=um O="$1" defconfig &&
			(cd "$1" && "$2/scripts/kconfig/merge_config.sh" -m -O . .config "${configs[@]}") &&
			make -s -C "$2" ARCH=um O="$1" olddefconfig
	} >"$log" 2>&1 || die "no configuration: $(tail -3 "$log")"
	missing=$(complete "$1/.config")
	[ -z "$missing" ] || die "this kernel does not take:" "$missing"
	{
		make -s -C "$2" ARCH=um O="$1" -j"$(nproc)" linux modules &&
			make -s -C "$2" ARCH=um O="$1" modules_install INSTALL_MOD_PATH="$1/root"
	} >>"$log" 2>&1 </dev/null || die "does not build: $(grep -m3 -i error "$log")"
	find "$1" -name '*.o' -not -path "$1/scripts/*" -not -path "$1/arch/*" -delete
	find "$1" -name '*.a' -delete
	touch "$1/.complete"
}

kind=${1:-}
case $kind in debug | bench) ;; *) die "usage: uml_kernel.sh debug|bench [what]" ;; esac
configs=("$here/uml.config" "$here/$kind.config")
source=$("$here/source.sh" --full)
version=$(basename "$(dirname "$source")")
dir=$CACHE/$kind/$version-$(cat "${configs[@]}" | sha256sum | cut -c1-12)
with_lock "$kind" build "$dir" "$source"
release=$(<"$dir/include/config/kernel.release")
case ${2:-dir} in
dir) echo "$dir" ;;
release) echo "$release" ;;
image) echo "$dir/linux" ;;
modules) echo "$dir/root/lib/modules/$release" ;;
*) die "unknown: $2" ;;
esac
