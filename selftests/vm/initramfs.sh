#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# initramfs.sh release module-folder: make the guest's initramfs and print its name.
#
# busybox, vm/init, the modules that reach a 9p root, unpacked because busybox loads no compressed
# module, and the fast AES, which has to be there before the first key binds a slower one. Kept in the cache, keyed by kernel release and by what went into it. It must
# never hold anything of the tree but init.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
release=$1
modules=$2

add_module() { # file, work folder
	local name
	name=$(basename "$1")
	name=${name%%.*}.ko
	[ ! -e "$2/modules/$name" ] || return 0
	case $1 in
	*.xz) xz -dc "$1" >"$2/modules/$name" ;;
	*.zst) zstd -dcq "$1" >"$2/modules/$name" ;;
	*) cp "$1" "$2/modules/$name" ;;
	esac
	echo "$name" >>"$2/modules/order"
}

build() {
	local work file m
	[ ! -e "$1" ] || return 0
	mkdir -p "$(dirname "$1")"
	work=$(mktemp -d)
	mkdir -p "$work"/{bin,proc,sys,dev,modules,results,lower,rw,new}
	cp /usr/bin/busybox "$work/bin/busybox" 2>/dev/null || cp /bin/busybox "$work/bin/busybox" ||
		die "no busybox"
	install -m 755 "$here/init" "$work/init"
	: >"$work/modules/order"
	for m in virtio_pci virtio_console virtio_rng 9pnet_virtio 9p overlay aesni_intel; do
		modprobe -d "${modules%/lib/modules/*}" -S "$release" --show-depends "$m" ||
			die "no module $m"
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | while read -r file; do
		add_module "$file" "$work"
	done
	(cd "$work" && find . | cpio -o -H newc --quiet | gzip -1) >"$1.new" || die "cpio fails"
	mv "$1.new" "$1"
	rm -rf "$work"
}

key=$(cat "$here/init" "$here/initramfs.sh" | sha256sum | cut -c1-12)
image=$CACHE/initramfs/$release-$key.img
with_lock "initramfs-$release" build "$image"
echo "$image"
