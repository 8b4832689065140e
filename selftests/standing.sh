#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# standing.sh: CONNECTIONS (1000; 200 where races are looked for) connections that carry data all the
# time, beside others that come and go, while the daemon's processes are killed, it reloads and is
# replaced. Those that stand lose no byte of what they carry, either way. Of the handshakes in work those
# whose worker died may fail, and say so at once; after a reload and an upgrade without a gap none may.
# It must never pass because nothing was carried, or nothing was in work.
. "$(dirname "$0")/lib/peers.sh"
. "$(dirname "$0")/lib/crowd.sh"

case ${KVER:-} in
smp | kcsan) few=200 ;; # an emulated processor that watches itself: within the daemon's grace
*) few=1000 ;;
esac
connections=${CONNECTIONS:-$few}
etc=$tmp/etc

start() {
	"$tmp/tlsockd" -c "$etc/tlsockd.conf" -w 2 2>>"$tmp/daemon.log" 9>&- &
	daemon=$!
	pids+=("$daemon")
	until_true all_workers "${1:-2}"
}

all_workers() { # count
	[ "$(count Workers)" = "$1" ]
}

configure() {
	mkdir -m 755 "$etc"
	cp "$BUILD/tlsockd" "$tmp/tlsockd"
	cp "$pki/ecdsa.pem" "$pki/ca.pem" "$etc/"
	install -m 600 "$pki/ecdsa.key" "$etc/"
	cat >"$etc/tlsockd.conf" <<-'CONF'
		limits { grace_ms = 30000 }
		log_level = notice
		credential www { chain = "ecdsa.pem" key = "ecdsa.key" }
		trust test { file = { "ca.pem" } }
	CONF
}

# All stand and have carried something since; so many others have passed
stands() { # word, passing, name
	ask mark "$1" "$2"
	says answer "^$1 standing $connections, silent 0, " "$3: all $connections carry on"
	sed "s/^/# $SECONDS s: /" "$tmp/answer"
}

none_failed() { # name
	says answer ", failed 0, of servers 0$" "$1: no handshake fails"
}

# What failed is what the end of a worker explains: its side's connection, the alert, and what was written
# after that
cleanly() { # name
	local why="[0-9]+( (ECONNABORTED|EPROTO|EPIPE):[0-9]+)*"
	says answer ", failed $why, of servers $why$" \
		"$1: handshakes in work go on or end cleanly"
}

in_work() {
	[ "$(count InFlight)" -gt 0 ]
}

kill_in_work() { # pids...
	until_true in_work || echo "# nothing in work"
	kill -KILL "$@"
}

workers() {
	pgrep -P "$daemon"
}

reloads() {
	until_true in_work
	kill -HUP "$daemon"
	until_true grep -q "reloaded" "$tmp/daemon.log"
	result $? "a reload"
	stands reload 10 "a reload"
	none_failed "a reload"
}

workers_die() {
	kill_in_work "$(workers | head -1)"
	stands worker 10 "one worker killed"
	cleanly "one worker killed"
	# shellcheck disable=SC2046 # words
	kill_in_work $(workers)
	stands workers 10 "all workers killed"
	cleanly "all workers killed"
}

supervisor_dies() {
	kill_in_work "$daemon"
	wait "$daemon" 2>/dev/null
	until_true all_workers 0
	result $? "workers end when their supervisor is killed"
	stands supervisor 0 "the supervisor killed"
	start
	stands successor 10 "another daemon in its place"
	cleanly "another daemon in its place"
	# shellcheck disable=SC2046 # words
	kill_in_work "$daemon" $(workers)
	wait "$daemon" 2>/dev/null
	start
	stands anew 10 "the supervisor and all workers killed at once, and another"
	cleanly "the supervisor and all workers killed at once, and another"
}

replaced() {
	local before=$daemon
	# a package's upgrade puts the new file in the place of the old one, and restarts
	cp "$BUILD/tlsockd" "$tmp/tlsockd.new" && mv "$tmp/tlsockd.new" "$tmp/tlsockd"
	until_true in_work
	kill -TERM "$daemon"
	wait "$daemon"
	is $? 0 "the old binary ends"
	start
	stands restart 10 "a new binary"
	cleanly "a new binary"
	before=$daemon
	start 4
	kill -TERM "$before"
	wait "$before"
	is $? 0 "one that ends when its successor is there"
	stands upgrade 10 "an upgrade without a gap"
	none_failed "an upgrade without a gap"
}

same_bytes() { # of both ends, both ways
	awk '/^end / { exit !($(NF) && $(NF) == $(NF - 1) && $(NF) == $(NF - 2) && $(NF) == $(NF - 3)) }' \
		"$tmp/answer"
}

echo "TAP version 13"
[ -e /proc/net/tlsock_stat ] || insmod "$TLSOCK_KO"
certificates
result $? "certificates"
configure
start
result $? "tlsockd is registered"
crowd_start www test good.test
ask open "$connections" 64
says answer "^open up $connections, failed 0, of servers 0$" "$connections connections"
echo "# $SECONDS s"
ask traffic 16
ask pass 2
stands first 10 "at first"
none_failed "at first"
reloads
workers_die
supervisor_dies
replaced
echo "# $SECONDS s"
ask end
says answer "^end ended $connections, lost 0 " "all end as they should"
same_bytes
result $? "every byte came, both ways"
sed "s,^,# ," "$tmp/answer"
is "$(count DecryptError)" 0 "every record authenticated"
done_testing
