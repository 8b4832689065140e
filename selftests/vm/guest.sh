#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh results: process 1 of the guest once the host's root is there, or the last service of another
# root's systemd. It runs the command of run_vm.sh, then takes everything down again: processes,
# namespaces, modules. What is left of the module after that is a leak, and said in the results. It
# must never judge the kernel log: gate.sh does, on the host.

results=$1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LC_ALL=C.UTF-8
# shellcheck source=/dev/null # COMMAND, TREE, LIMIT and others
. "$results/vm.env"
cd "$TREE" || exit

settle() {
	echo tlsock >/proc/sys/kernel/hostname
	ulimit -n 65536
	# An emulated processor that shares its host is slow, not stuck.
	echo 60 >/proc/sys/kernel/watchdog_thresh
	echo 60 >/proc/sys/kernel/hung_task_timeout_secs
	echo 90 >/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout
	[ "$KVER" != kcsan ] || echo on >/sys/kernel/debug/kcsan
	# The boot was quiet; from here on the console gets everything, should there be a panic.
	echo 7 >/proc/sys/kernel/printk
} 2>/dev/null

# Where the command's output goes: a port that carries bytes as they are.
output() {
	local n
	for n in /sys/class/virtio-ports/*/name; do
		[ "$(<"$n")" = tlsock.output ] || continue
		n=${n%/name}
		echo "/dev/${n##*/}"
		return
	done
	echo "$results/output"
}

run_command() {
	export KVER TLSOCK_KO BUILD RESULTS="$results" TMPDIR=/tmp
	if [ -n "$INTERACTIVE" ]; then
		# shellcheck disable=SC2153 # of vm.env
		setsid -c bash -c "stty sane; $COMMAND" <>/dev/hvc0 >&0 2>&1
		return
	fi
	timeout -k 10 "$LIMIT" bash -c "$COMMAND" </dev/null 2>&1 &
	command=$!
	wait $command
	rc=$?
	if [ $rc = 124 ] || [ $rc = 137 ]; then
		echo "guest: the command did not end within $LIMIT s"
		echo w >/proc/sysrq-trigger
		echo l >/proc/sysrq-trigger
	fi
	return $rc
}

# Every process but this one: kernel threads have no executable.
others() {
	local p
	for p in /proc/[0-9]*; do
		p=${p#/proc/}
		[ "$p" != 1 ] && [ "$p" != $$ ] && [ "$p" != "$BASHPID" ] && [ "$p" != "$writer" ] &&
			[ -e "/proc/$p/exe" ] && echo "$p"
	done
}

end_processes() {
	local p i
	for i in TERM TERM TERM KILL KILL KILL KILL KILL; do
		others >/run/others
		[ -s /run/others ] || return 0
		while read -r p; do
			[ $i = KILL ] || echo "left running: $(tr '\0' ' ' <"/proc/$p/cmdline")"
			kill -$i "$p"
		done </run/others 2>/dev/null
		wait_until 2 all_gone
	done
	echo "cannot be killed: $(cat /run/others)"
}

all_gone() {
	local p
	while read -r p; do
		[ ! -e "/proc/$p" ] || return 1
	done </run/others
}

wait_until() { # seconds, condition...
	local end=$((SECONDS + $1))
	shift
	while ! "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# Out-of-tree modules that are loaded, ours and the tests' own.
loaded() {
	grep -lsx '[A-Z]*O[A-Z]*' /sys/module/*/taint | sed 's#/sys/module/\(.*\)/taint#\1#'
}

unload() {
	local m
	for m in $(loaded); do
		rmmod "$m" 2>/run/rmmod.log || true
	done
	[ -z "$(loaded)" ]
}

take_down() {
	local m
	if [ -n "$SYSTEM" ]; then
		# The processes of the command are its own to end.
		systemctl stop tlsockd
	else
		end_processes
		ip -all netns delete 2>/dev/null
	fi
	# Connections that were open a moment ago may hold the module until their last
	# segment is acknowledged; a leaked reference stays for ever.
	wait_until 20 unload || for m in $(loaded); do
		echo "LEAK: $m cannot be unloaded, $(cat "/sys/module/$m/refcnt") references held"
		cat /run/rmmod.log
	done
	if [ -w /sys/kernel/debug/kmemleak ]; then
		# An object counts as leaked only when a second scan finds it unreferenced too.
		sleep 6
		echo scan >/sys/kernel/debug/kmemleak
		sleep 6
		echo scan >/sys/kernel/debug/kmemleak
		head -c 65536 /sys/kernel/debug/kmemleak >"$results/kmemleak"
	fi
}

settle
writer=
exec 3>"$(output)"
mkfifo /run/output
cat </run/output >&3 &
writer=$!
exec 3>&- >/run/output
echo "tlsock-vm: the command starts" >/dev/kmsg
echo "$(</proc/uptime)" >"$results/started"
run_command
rc=$?
take_down >"$results/takedown"
cat "$results/takedown"
dmesg >"$results/dmesg"
exec >/dev/null
wait $writer
echo $rc >"$results/status"
sync
grep -q 'User Mode Linux' /proc/cpuinfo && busybox poweroff -f
echo o >/proc/sysrq-trigger
read -r -t 60 <>/run/output
