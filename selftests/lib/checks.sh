# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# checks.sh: what shell tests ask and how they wait; sourced, never run. Whoever sources it has
# result(), which prints a line of TAP. Waiting is always for a condition, with a bound.

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
