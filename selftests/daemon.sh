#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# daemon.sh: tlsockd as an administrator meets it: what --check takes and refuses, reload, a worker
# that is killed, the key log, the end, and connections that outlive all of it. It must never take
# a line of the log for a handshake: each change is followed by one.
# shellcheck disable=SC2317 # functions that a variable calls
. "$(dirname "$0")/lib/peers.sh"
tool=$BUILD/tlsock
conf=$tmp/tlsockd.conf
good="workers = 1
limits { grace_ms = 500 }
credential ecdsa { chain = \"$pki/ecdsa.pem\" key = \"$pki/ecdsa.key\" }"

check() { # text of the configuration
	printf '%s\n' "$1" >"$tmp/check.conf"
	"$tlsockd" --check -c "$tmp/check.conf" >"$tmp/out" 2>"$tmp/err"
}

accepts() { # text, name
	check "$1"
	is $? 0 "accepted: $2"
}

refuses() { # line, words of the reason, text, name
	local rc
	check "$3"
	rc=$?
	[ $rc = 78 ] && grep -qE "^$tmp/check.conf:$1: .*$2" "$tmp/err"
	result $? "refused with its line: $4"
}

credential() { # key file
	echo "credential c { chain = \"$pki/ecdsa.pem\" key = \"$1\" }"
}

check_tests() {
	local comments=$'# one\n// two\n/* three\n * four */\n'
	accepts "" "a file of one empty line"
	accepts "$good
		trust test { file = { \"$pki/ca.pem\", # a comment in a list
			\"$pki/stranger.pem\" } }
		profile p { suites = { TLS_AES_256_GCM_SHA384 } groups = { x25519 } }" "a good file"
	accepts "# nothing but a comment" "a comment"
	refuses 2 nonsense $'workers = 1\nnonsense = 2' "an option that is none"
	refuses 5 5000 "${comments}workers = 5000" "a number too great, below comments"
	refuses 3 loud $'\n\nlog_level = loud' "a log level that is none"
	refuses 2 grace_ms $'limits {\ngrace_ms = 99999999\n}' "a limit too great"
	refuses 2 TLS_NULL $'profile p {\nsuites = { TLS_NULL }\n}' "a suite that is none"
	refuses 1 nobody-such 'user = "nobody-such"' "a user that is none"
	refuses 2 "not closed" $'\ncredential c {\nchain = "x"\n' "a section without an end"
	refuses 2 "does not end" $'\n/* workers = 1\n' "a comment without an end"
	refuses 2 "does not end" $'\nlog_level = "info\n' "a string without an end"
	refuses 1 brace 'workers = 1 }' "a brace too many"
	refuses 2 duplicate "$(credential "$pki/ecdsa.key")"$'\n'"$(credential "$pki/ecdsa.key")" \
		"a credential twice"
	refuses 1 "No such file" "$(credential "$tmp/none.key")" "a key that is not there"
	refuses 1 "does not belong" "$(credential "$pki/rsa.key")" "the key of another certificate"
	refuses 1 "none of file, dir, system" "trust t { }" "a trust store of nothing"
	install -m 644 "$pki/ecdsa.key" "$tmp/open.key"
	refuses 1 "mode 0644" "$(credential "$tmp/open.key")" "a key that everybody can read"
	install -m 640 "$pki/ecdsa.key" "$tmp/group.key"
	accepts "$(credential "$tmp/group.key")" "a key that a group can read"
	printf 'workers = 1\n' >"$tmp/loose.conf"
	chmod 666 "$tmp/loose.conf"
	"$tlsockd" --check -c "$tmp/loose.conf" >"$tmp/out" 2>"$tmp/err"
	is $? 78 "refused: a configuration that everybody can write"
	says err "^$tmp/loose.conf: mode 0666" "and says why"
}

# start options...: a daemon of one worker; $daemon
start() {
	printf '%s\ntrust test { file = { "%s" } }\n' "$good" "$pki/ca.pem" >"$conf"
	"$tlsockd" -c "$conf" "$@" 2>"$tmp/daemon.log" &
	daemon=$!
	pids+=("$daemon")
	until_true logged ": ready: 1 workers" && has_worker
	result $? "tlsockd is ready"
}

logged() { # pattern
	grep -qE -- "$1" "$tmp/daemon.log"
}

workers() {
	pgrep -P "$daemon"
}

# One worker, another than before.
replaced() { # pid
	local now
	now=$(workers)
	[ "$(wc -w <<<"$now")" = 1 ] && [ "$now" != "$1" ] && [ "$(count Workers)" = 1 ]
}

no_worker() {
	[ "$(count Workers)" = 0 ]
}

# An echo server on a free port: $listener, $address
listener_start() {
	"$tool" listen -c ecdsa -k --echo 127.0.0.1:0 </dev/null >"$tmp/listen.out" 2>"$tmp/peer.log" &
	listener=$!
	pids+=("$listener")
	until_true grep -q "listening on" "$tmp/peer.log"
	result $? "an echo server"
	address=$(sed -n 's/.*listening on //p' "$tmp/peer.log")
}

# A handshake and no more; the trust store
connects() {
	timeout 60 "$tool" connect --info --json -t "$1" "$address" </dev/null >"$tmp/out" \
		2>"$tmp/err"
}

works() { # trust store, name
	connects "$1" && grep -q '"verified": *true' "$tmp/out"
	result $? "$2"
}

fails() { # trust store, errno, name
	! connects "$1" && grep -q "\"$2\"" "$tmp/err"
	result $? "$3"
}

reload_tests() {
	local old
	old=$(workers)
	printf '%s\nnonsense = 1\n' "$good" >"$conf"
	kill -HUP "$daemon"
	until_true logged "the configuration stays as it was: $conf:4: .*nonsense"
	result $? "a reload of a broken file is refused with its line"
	is "$(workers)" "$old" "the worker is the one that was"
	works test "and works with the old configuration"

	printf '%s\ntrust renamed { file = { "%s" } }\n' "$good" "$pki/ca.pem" >"$conf"
	kill -HUP "$daemon"
	until_true logged ": reloaded: 1 workers" && until_true replaced "$old"
	result $? "a reload of a good file brings another worker"
	works renamed "which has the new configuration"
	fails test ENOKEY "and no longer the old one"
}

killed_worker_tests() {
	local old round
	for round in first second; do
		old=$(workers)
		kill -KILL "$old"
		until_true replaced "$old"
		result $? "the $round worker that is killed is followed by another"
		works renamed "which works"
	done
	logged "worker $old was ended by signal 9"
	result $? "the log says it"
}

outlives_tests() {
	local client
	mkfifo "$tmp/talk"
	"$tool" connect -t renamed "$address" <"$tmp/talk" >"$tmp/echo" 2>"$tmp/err" &
	client=$!
	pids+=("$client")
	exec 8>"$tmp/talk"
	echo before >&8
	until_true grep -q before "$tmp/echo"
	result $? "a connection"
	# shellcheck disable=SC2046 # the supervisor first, or it would start another
	kill -KILL "$daemon" $(workers)
	wait "$daemon" 2>/dev/null
	until_true no_worker
	result $? "the daemon is killed, with its worker"
	echo after >&8
	until_true grep -q after "$tmp/echo"
	result $? "data still flow on the connection, both ways"
	fails renamed EUNATCH "and a new one cannot be made"
	exec 8>&-
	wait "$client"
	is $? 0 "the old one ends as it should"
}

keylog_tests() {
	local old label
	old=$(umask)
	umask 0
	start -k "$tmp/keys"
	umask "$old"
	works test "a connection with a key log"
	is "$(stat -c '%a %U' "$tmp/keys")" "600 root" "the key log is root's alone, whatever the umask"
	for label in CLIENT_TRAFFIC_SECRET_0 SERVER_TRAFFIC_SECRET_0; do
		grep -qE "^$label [0-9a-f]{64} [0-9a-f]{64,96}$" "$tmp/keys"
		result $? "it has a $label"
	done
}

end_tests() {
	local worker
	worker=$(workers)
	kill -TERM "$daemon"
	wait "$daemon"
	is $? 0 "SIGTERM ends it with 0"
	no_worker && [ -n "$worker" ] && [ ! -e "/proc/$worker" ]
	result $? "and its worker before it"
	chmod 644 "$tmp/keys"
	"$tlsockd" -c "$conf" -k "$tmp/keys" 2>"$tmp/daemon.log"
	is $? 71 "a key log that others can read is refused"
	ln -s keys "$tmp/link"
	"$tlsockd" -c "$conf" -k "$tmp/link" 2>"$tmp/daemon.log"
	is $? 71 "a symbolic link too"
	echo "nonsense = 1" >"$conf"
	"$tlsockd" -c "$conf" 2>"$tmp/daemon.log"
	is $? 78 "a broken configuration is no start"
}

echo "TAP version 13"
[ -e /proc/net/tlsock_stat ] || insmod "$TLSOCK_KO"
certificates
result $? "certificates"
check_tests
start
listener_start
works test "a connection"
reload_tests
killed_worker_tests
outlives_tests
keylog_tests
end_tests
done_testing
