# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
#
# run.sh: what run_vm.sh and run_uml.sh share: options, the results folder, the end of a guest.
#
# The including script says kernel and limit first, defines boot(), and calls options, prepare and
# conclude. A boot that never reached its command is tried once more; it must never try a command
# twice.

usage() {
	sed -n '4s/^# //p' "$0" >&2
	exit 2
}

options() { # letters, words...: leaves kernel system memory cpus limit out append interactive icount command
	local letters=$1 opt
	shift
	memory=2048 cpus='' limit=600 out='' system='' append='' interactive='' icount=''
	while getopts "$letters" opt; do
		case $opt in
		k) kernel=$OPTARG ;;
		r) system=$OPTARG ;;
		m) memory=$OPTARG ;;
		c) cpus=$OPTARG ;;
		t) limit=$OPTARG ;;
		o) out=$OPTARG ;;
		a) append=$OPTARG ;;
		i) interactive=1 ;;
		I) icount=1 ;;
		*) usage ;;
		esac
	done
	shift $((OPTIND - 1))
	[ $# -gt 0 ] || usage
	# One word is a line for the shell, several are a program and its arguments.
	command=$1
	[ $# -eq 1 ] || command=$(printf '%q ' "$@")
}

prepare() { # release, folder of its modules
	if [ -z "$out" ]; then
		mkdir -p "$tree/build/vm"
		out=$(mktemp -d "$tree/build/vm/$kernel.XXXXXX")
	fi
	mkdir -p "$out"
	out=$(realpath "$out")
	{
		printf 'TREE=%q RESULTS=%q COMMAND=%q\n' "$tree" "$out" "$command"
		printf 'KVER=%q BUILD=%q LIMIT=%q INTERACTIVE=%q SYSTEM=%q\n' "$kernel" "$tree/build" \
			"$limit" "$interactive" "$system"
		printf 'TLSOCK_KO=%q MODULES=%q\n' "$tree/build/module/$1/tlsock.ko" "$2"
	} >"$out/vm.env"
}

clean_boot() {
	rm -f "$out"/{started,status,dmesg,log,takedown,kmemleak,output,console.log}
	boot || true
}

conclude() { # release: boots, judges, exits
	local rc=98
	clean_boot
	if [ ! -e "$out/started" ]; then
		echo "${0##*/}: the guest did not reach its command, trying once more" >&2
		clean_boot
	fi
	if [ -s "$out/status" ]; then
		rc=$(cat "$out/status")
	else
		echo "${0##*/}: no status from the guest; its console ended with:" >&2
		tail -40 "$out/console.log" >&2 || true
	fi
	"$tree/selftests/vm/gate.sh" "$out" >&2 || { [ "$rc" != 0 ] || rc=99; }
	if [ "$rc" != 0 ]; then
		echo "${0##*/}: kernel $1, status $rc, results in $out" >&2
	elif [ "${out%/*}" = "$tree/build/vm" ]; then
		rm -rf "$out"
	fi
	exit "$rc"
}
