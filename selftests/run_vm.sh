#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run_vm.sh [-k 6.1|6.12|7.x|smp|kcsan] [-r root] [-m MB] [-c cpus] [-t seconds] [-o folder] [-a words] [-i] [-I] -- command...
#
# Boots an unmodified Debian kernel in QEMU (KVM where it works, else emulated), with the host's
# root read-only under an overlay and the tree at its own path, runs the command from the top of
# the tree, unloads the module and exits with the command's status. Then the gate: a complaint in
# the kernel log, a leak, or a module that cannot be unloaded is a failure (status 99) whatever
# the command said; no status at all is one too (98). With -i the command gets the terminal; with -I
# time is what instructions take, a nanosecond each, on one processor: for benchmarks. -a has more words
# for the kernel's command line: slub_debug=FZPU, kfence.sample_interval=20. With -r the root is
# another folder, a Debian with a kernel that boots as it would: the command is a service of its systemd.
# smp and kcsan are kernels of vm/built_kernel.sh: KASAN and lockdep, or KCSAN, on four processors.
#
# The command sees KVER, TLSOCK_KO (the module built for this kernel), BUILD (the build folder)
# and RESULTS (the one folder of the host that it can write to). A boot that never reached its
# command is tried once more; a command never is.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(dirname "$here")
. "$here/vm/lib.sh"
. "$here/vm/run.sh"

kernel=6.1
options k:r:m:c:t:o:a:iI "$@"
script=$here/vm/kernel.sh
case $kernel in
smp | kcsan) script=$here/vm/built_kernel.sh cpus=${cpus:-4} ;;
esac
# It looks at one access in so many, for so many us: by default too rarely for an emulated processor.
[ "$kernel" != kcsan ] || append="kcsan.skip_watch=200 kcsan.udelay_task=400 $append"

accelerator() {
	if [ -n "$icount" ]; then
		echo "tcg -cpu max,la57=off -icount shift=0,sleep=off"
		return
	fi
	# With the processor that the guest gets: a KVM that refuses a part of it is no use, and one
	# that is talked round hangs before the guest's first word.
	if [ -w /dev/kvm ] && timeout 10 qemu-system-x86_64 -accel kvm -cpu host -machine q35 \
		-nodefaults -S -display none -monitor stdio <<<quit >/dev/null 2>&1; then
		echo "kvm -cpu host"
	else
		echo "tcg,thread=multi -cpu max,la57=off"
	fi
}

share() { # tag, folder, options
	echo "-fsdev local,id=$1,path=${2//,/,,},security_model=none,multidevs=remap$3"
	echo "-device virtio-9p-pci,fsdev=$1,mount_tag=$1"
}

boot() {
	local port=virtserialport,chardev=output,name=tlsock.output
	local -a arg=()
	[ -z "$interactive" ] || port=virtconsole,chardev=output
	mapfile -t arg < <({
		share root "${system:-/}" ,readonly=on
		share tree "$tree" ,readonly=on
		share modules "$modules" ,readonly=on
		share results "$out" ''
	} | sed 's/ /\n/')
	timeout --foreground -k 5 $((limit + 180)) qemu-system-x86_64 -nodefaults -no-user-config \
		-machine q35 -accel "${accel[@]}" -smp "${cpus:-2}" -m "$memory" -no-reboot -display none \
		-kernel "$image" -initrd "$initramfs" \
		-append "console=ttyS0 quiet panic=-1 oops=panic nokaslr mitigations=off log_buf_len=8M \
random.trust_cpu=on audit=0 systemd.log_level=err $append" \
		-chardev file,id=serial,path="${out//,/,,}/console.log" -serial chardev:serial \
		-chardev stdio,id=output,signal=off -device virtio-serial-pci -device "$port" \
		-device virtio-rng-pci "${arg[@]}"
}

if [ -n "$system" ]; then
	image=$(find "$system/boot" -name 'vmlinuz-*' | sort -V | tail -1)
	release=${image##*/vmlinuz-}
	modules=$system/lib/modules/$release
else
	release=$("$script" "$kernel" release)
	image=$("$script" "$kernel" image)
	modules=$("$script" "$kernel" modules)
fi
initramfs=$("$here/vm/initramfs.sh" "$release" "$modules")
# shellcheck disable=SC2046,SC2207 # two words on purpose
accel=($(accelerator))
prepare "$release" "$modules"
if [ -z "$interactive" ]; then
	# At an end of file on its standard input QEMU closes the guest's port: give it none.
	mkfifo "$out/stdin"
	exec <>"$out/stdin"
	rm "$out/stdin"
fi
conclude "$release"
