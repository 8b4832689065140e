# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# crowd.sh: selftests/crowd for a script: it is asked one thing at a time, and answers when that is so;
# sourced after peers.sh, never run.

crowd_start() { # credential trust name
	mkfifo "$tmp/ask"
	"$BUILD/selftests/crowd" "$@" <"$tmp/ask" >"$tmp/answers" 2>"$tmp/err" &
	pids+=($!)
	exec 9>"$tmp/ask"
	: >"$tmp/asked"
}


# ask words...: the answer in $tmp/answer; ASK_S seconds at most
ask() {
	local end=$((SECONDS + ${ASK_S:-120})) n
	echo "$*" >>"$tmp/asked"
	n=$(wc -l <"$tmp/asked")
	echo "$*" >&9
	until [ "$(wc -l <"$tmp/answers")" -ge "$n" ] || [ $SECONDS -ge $end ]; do
		sleep 0.05
	done
	sed -n "${n}p" "$tmp/answers" >"$tmp/answer"
}
