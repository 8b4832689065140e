# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
#
# checks.sh: how shell tests count in TAP, what they ask and how they wait; sourced, never run. Who
# has more to say about a failure defines explain() anew. Waiting is always for a condition, with a
# bound.
n=0 failed=0

explain() { :; }

result() { # status, name
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n $2"
		return 0
	fi
	explain
	echo "not ok $n $2"
	failed=1
}

done_testing() {
	echo "1..$n"
	exit $failed
}

count() { # counter without its prefix
	sed -n "s/^Tlsock$1\t//p" /proc/net/tlsock_stat
}

is() { # got, wanted, name
	[ "$1" = "$2" ] || echo "# \"$1\", not \"$2\""
	[ "$1" = "$2" ]
	result $? "$3"
}

# Look at a condition until it holds, 30 s at most.
until_true() {
	local end=$((SECONDS + 30))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
