#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# built_kernel.sh debug|bench|smp|kcsan [what]: bring a kernel of our own into the cache: a User Mode
# Linux with sanitizers or for benchmarks, one for QEMU that looks for races on several processors with
# KASAN and lockdep, or with KCSAN.
#
# It is built from Debian's newest linux-source with the .config of its machine and its own, once for
# each version of them. Prints one line about it: what is "dir" (default), "release", "image" or
# "modules". A kernel that lacks an option that they ask for must never be taken for it.
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
	echo "built_kernel: building $kind, some 15 minutes of processor time" >&2
	{
		make -s -C "$2" ARCH="$arch" O="$1" "$base" &&
			(cd "$1" && "$2/scripts/kconfig/merge_config.sh" -m -O . .config "${configs[@]}") &&
			make -s -C "$2" ARCH="$arch" O="$1" olddefconfig
	} >"$log" 2>&1 || die "no configuration: $(tail -3 "$log")"
	missing=$(complete "$1/.config")
	[ -z "$missing" ] || die "this kernel does not take:" "$missing"
	{
		make -s -C "$2" ARCH="$arch" O="$1" -j"$(nproc)" "$target" modules &&
			make -s -C "$2" ARCH="$arch" O="$1" modules_install INSTALL_MOD_PATH="$1/root"
	} >>"$log" 2>&1 </dev/null || die "does not build: $(grep -m3 -i error "$log")"
	find "$1" -name '*.o' -not -path "$1/scripts/*" -not -path "$1/arch/*" -delete
	find "$1" -name '*.a' -delete
	touch "$1/.complete"
}

kind=${1:-}
case $kind in
debug | bench) machine=uml arch=um base=defconfig target=linux image=linux ;;
smp | kcsan) machine=qemu arch=x86_64 base=allnoconfig target=bzImage image=arch/x86/boot/bzImage ;;
*) die "usage: built_kernel.sh debug|bench|smp|kcsan [what]" ;;
esac
configs=("$here/$machine.config" "$here/$kind.config")
source=$("$here/source.sh" --full)
version=$(basename "$(dirname "$source")")
dir=$CACHE/$kind/$version-$(cat "${configs[@]}" | sha256sum | cut -c1-12)
with_lock "$kind" build "$dir" "$source"
release=$(<"$dir/include/config/kernel.release")
case ${2:-dir} in
dir) echo "$dir" ;;
release) echo "$release" ;;
image) echo "$dir/$image" ;;
modules) echo "$dir/root/lib/modules/$release" ;;
*) die "unknown: $2" ;;
esac
