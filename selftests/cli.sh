#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# cli.sh: the tool tlsock from a shell: exit status, words and JSON, with no module, no daemon,
# and with tlsockd against OpenSSL in both roles. In a network namespace of its own. It must
# never wait for a time where a condition can be waited for.
# shellcheck disable=SC2317 # functions that a variable calls
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=$PWD/build}"
if [ -z "${CLI_NETNS:-}" ]; then
	exec unshare -n env CLI_NETNS=1 "$0" "$@"
fi
ip link set lo up
tool=$BUILD/tlsock
tlsockd=${TLSOCKD:-$BUILD/tlsockd}
tmp=$(mktemp -d)
chmod 755 "$tmp"
pids=()
. selftests/lib/checks.sh

cleanup() {
	[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null
	wait
	rm -rf "$tmp"
}
trap cleanup EXIT

explain() { sed 's/^/# /' "$tmp/out" "$tmp/err" 2>/dev/null | tail -20; }

skip() { # name, reason
	n=$((n + 1))
	echo "ok $n $1 # SKIP $2"
}

# Run the tool with no input; the status, output in out and err.
run() {
	timeout 60 "$tool" "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
}

exits() { # status, name, arguments...
	local want=$1 name=$2 rc
	shift 2
	run "$@"
	rc=$?
	[ $rc = "$want" ] || echo "# status $rc, not $want"
	[ $rc = "$want" ]
	result $? "$name"
}

says() { # file, fixed string, name
	grep -qF -- "$2" "$tmp/$1"
	result $? "$3"
}

# A value of one JSON object in a file, by its path of keys and places.
json() { # file, key...
	python3 -c '
import json, sys
value = json.loads([l for l in open(sys.argv[1]) if l.startswith("{")][-1])
for key in sys.argv[2:]:
    value = value[int(key) if isinstance(value, list) else key]
print(value)' "$@" 2>>"$tmp/err"
}

usage_tests() {
	exits 64 "no command"
	exits 64 "an unknown command" frobnicate
	exits 64 "an unknown option" connect --frobnicate a:1
	exits 64 "connect without an address" connect
	exits 64 "connect without a port" connect localhost
	exits 64 "an IPv6 address without brackets" connect ::1:443
	exits 64 "a value that is none" connect --verify maybe a:1
	exits 64 "a number with a tail" connect --timeout 10s a:1
	exits 64 "connect has no --keep" connect -k a:1
	exits 64 "status takes no argument" status now
	exits 64 "monitor takes no argument" monitor now
	exits 64 "connections takes no argument" connections now
	exits 78 "check of a configuration that is not there" check "$tmp/none.conf"
	exits 0 "help" --help
	exits 0 "help of a command" listen --help
	exits 65 "a suite that is none" ciphers TLS_RSA_WITH_NOTHING_SHA
	exits 0 "suites by name and by code" --json ciphers 0x1302 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
	python3 -c '
import json, sys
a, b = json.load(open(sys.argv[1]))
assert a["name"] == "TLS_AES_256_GCM_SHA384" and a["hash"] == "SHA384"
assert b["code"] == 0xc02f and b["key_exchange"] == "ECDHE" and b["authentication"] == "RSA"
assert b["cipher"] == "AES_128_GCM" and b["mac"] == "AEAD" and b["forward_secrecy"] is True
assert b["profile"] == "default"
' "$tmp/out" 2>>"$tmp/err"
	result $? "the parts of a suite's name"
	run ciphers --json
	python3 -c '
import json, sys
for s in json.load(open(sys.argv[1])):
    assert (s["profile"] == "legacy") == (not s["forward_secrecy"]), s
' "$tmp/out" 2>>"$tmp/err"
	result $? "what has no forward secrecy is in the profile legacy alone"
	"$tool" ciphers >/dev/full 2>/dev/null
	is $? 74 "an output that cannot be written"
}

module_tests() {
	if rmmod tlsock 2>"$tmp/err"; then
		exits 69 "status without the module" status
		says err "not loaded" "says that it is not loaded"
		exits 69 "connect without the module" connect 127.0.0.1:1
		exits 69 "listen without the module" listen -c test 127.0.0.1:0
		insmod "$TLSOCK_KO" || echo "# cannot load $TLSOCK_KO"
	else
		result 1 "the module can be unloaded"
	fi
}

no_daemon_tests() {
	exits 0 "status" status
	says out "workers of the daemon" "status in words"
	exits 0 "status as JSON" status --json
	is "$(json "$tmp/out" counters workers)" 0 "no workers"
	is "$(json "$tmp/out" limits grace_ms)" 3000 "the grace for a daemon"
	exits 0 "status for Prometheus" status --prometheus
	says out "# TYPE tlsock_tx_records_total counter" "counters as Prometheus reads them"
	grep -qx "tlsock_workers 0" "$tmp/out"
	result $? "a gauge"
	setpriv --reuid 65534 --clear-groups "$tool" monitor >"$tmp/out" 2>"$tmp/err"
	is $? 77 "monitor is not for everybody"
	setpriv --reuid 65534 --clear-groups "$tool" status >"$tmp/out" 2>"$tmp/err"
	is $? 0 "status for everybody"
	says out "TlsockWorkers" "the counters of /proc"
	says err "CAP_NET_ADMIN" "says what is missing"

	exits 1 "listen at an address of others" --json listen -c test 192.0.2.1:0
	is "$(json "$tmp/err" error)" EADDRNOTAVAIL "EADDRNOTAVAIL"
	exits 1 "connect where nobody listens" --json connect 127.0.0.1:1
	is "$(json "$tmp/err" error)" ECONNREFUSED "ECONNREFUSED"
	exits 1 "a name that is too long" connect -n "$(printf 'x%.0s' {1..300})" 127.0.0.1:1
	says err "EINVAL" "EINVAL"
	start_listener -k --echo
	exits 1 "connect without a daemon" --json connect "$address"
	is "$(json "$tmp/err" error)" EUNATCH "EUNATCH"
	stop "$listener"
}

# tlsock listen in the background, its input from $answer: $listener, $address
start_listener() {
	: >"$tmp/listen.err"
	"$tool" listen -c test "$@" 127.0.0.1:0 <"${answer:-/dev/null}" >"$tmp/listen.out" 2>"$tmp/listen.err" 8>&- &
	listener=$!
	pids+=("$listener")
	until_true grep -q "listening on" "$tmp/listen.err" || echo "# the listener does not come up"
	address=$(sed -n 's/.*listening on //p' "$tmp/listen.err")
}

dead() { # pid
	! kill -0 "$1" 2>/dev/null
}

stop() { # pid
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

certificates() {
	local new="openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
	(
		cd "$tmp" || exit 1
		umask 077
		$new -subj /CN=ca -addext basicConstraints=critical,CA:true -keyout ca.key -out ca.pem &&
			openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=leaf \
				-keyout leaf.key -out leaf.csr &&
			echo "subjectAltName=DNS:name.test,IP:127.0.0.1" >leaf.ext &&
			openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
				-days 2 -extfile leaf.ext -out leaf.pem
	) >"$tmp/out" 2>"$tmp/err"
	result $? "certificates are made"
	cat >"$tmp/tlsockd.conf" <<-CONF
		workers = 1
		credential test { chain = "leaf.pem" key = "leaf.key" users = { "root" } }
		trust test { file = { "ca.pem" } }
	CONF
}

has_worker() {
	run status --json && [ "$(json "$tmp/out" counters workers)" = 1 ]
}

daemon_start() {
	"$tlsockd" -f -c "$tmp/tlsockd.conf" >"$tmp/daemon.log" 2>&1 &
	daemon=$!
	pids+=("$daemon")
	until_true has_worker
	result $? "the daemon's worker is registered"
}

# How many generic netlink sockets listen to a group
group_members() {
	awk '$2 == 16 && $4 != "00000000"' /proc/net/netlink | wc -l
}

more_members() { # than before
	[ "$(group_members)" -gt "$1" ]
}

# One handshake that works and one that does not, as monitor tells them; and the listener's socket.
watch_tests() {
	local before monitor live
	before=$(group_members)
	"$tool" monitor --json -n 4 >"$tmp/events" 2>"$tmp/monitor.err" &
	monitor=$!
	pids+=("$monitor")
	until_true more_members "$before" || echo "# the monitor does not listen"
	"$tool" trace --live --count 4 >"$tmp/live" 2>"$tmp/live.err" &
	live=$!
	pids+=("$live")
	until_true grep -q "from now on" "$tmp/live.err" || echo "# no trace --live"
	exits 0 "status meanwhile" status
	says out "trace                                  pid $live got 0 lost 0" "says who is shown handshakes"
	setpriv --reuid 65534 --clear-groups "$tool" trace --live >"$tmp/out" 2>"$tmp/err"
	is $? 77 "trace --live is not for everybody"
	exits 0 "a handshake to be watched" connect -i -t test "$address"
	exits 1 "one that fails" connect -n other.test -t test "$address"
	wait "$monitor"
	is $? 0 "monitor ends after its count"
	python3 -c '
import json, sys
events = [json.loads(l) for l in open(sys.argv[1])]
assert len(events) == 4
done = [e for e in events if e["event"] == "done" and e["role"] == "client"]
failed = [e for e in events if e["event"] == "failed" and e["role"] == "client"]
assert done[0]["server_name"] == "name.test" or done[0]["server_name"], done
assert done[0]["version"] == "TLSv1.3" and done[0]["cipher_suite"].startswith("TLS_")
assert failed[0]["error"] == "EKEYREJECTED" and "other.test" in failed[0]["text"]
' "$tmp/events" 2>>"$tmp/err"
	result $? "monitor has told both, of both sides"
	live_tests "$live"
	exits 0 "connections" connections
	says out "listen " "the listener is among them"
	exits 0 "connections as JSON" --json connections
	python3 -c '
import json, sys
rows = json.load(open(sys.argv[1]))
assert any(r["tcp_state"] == "listen" and r["local"].endswith(":" + sys.argv[2]) for r in rows)
' "$tmp/out" "${address##*:}" 2>>"$tmp/err"
	result $? "with its address"
	exits 0 "check of the configuration in force" check "$tmp/tlsockd.conf"
	says out "1 credentials" "says what is in it"
}

# The same two handshakes, of both sides, as the daemon did them
live_tests() { # pid
	wait "$1"
	is $? 0 "trace --live ends after its count"
	cp "$tmp/live" "$tmp/out"
	cp "$tmp/live.err" "$tmp/err"
	grep -qE "^#### [0-9a-f]{16} client 127.0.0.1:.* name 127.0.0.1, uid 0" "$tmp/live" &&
		grep -qE "^#### [0-9a-f]{16} server 127.0.0.1:" "$tmp/live"
	result $? "it says whose handshakes"
	says out "<-- CertificateVerify" "each message that comes"
	says out "--> CertificateVerify" "or goes"
	says out "===  TLSv1.3, TLS_AES_" "what was agreed"
	says out "key  client application traffic secret" "and which key is for what"
	says out "===  FAILED: the certificate is not for other.test" "and why there is none"
	! grep -qE "secret.* [0-9a-f]{64}" "$tmp/live"
	result $? "without a secret"
	says err "from now on" "and says on standard error that it does"
	grep -q "is shown handshakes no more" "$tmp/daemon.log"
	result $? "the daemon's log has its end"
}

own_tests() {
	start_listener -k --echo -a h2,http/1.1
	exits 0 "connect and ask what was agreed" connect --info --json -t test -a http/1.1 "$address"
	is "$(json "$tmp/out" version)" TLSv1.3 "TLS 1.3"
	is "$(json "$tmp/out" verified)" True "the peer is verified"
	is "$(json "$tmp/out" alpn)" http/1.1 "the protocol is agreed"
	exits 0 "the same in words" connect -i -t test "$address"
	says out "TLSv1.3" "in words"

	head -c 1000000 /dev/urandom >"$tmp/data"
	timeout 120 "$tool" connect -t test "$address" <"$tmp/data" >"$tmp/back" 2>"$tmp/err"
	is $? 0 "a megabyte goes there and back"
	cmp "$tmp/data" "$tmp/back" >"$tmp/out" 2>&1
	result $? "and is the same"

	exits 1 "a wrong name" --json connect -n other.test -t test "$address"
	is "$(json "$tmp/err" error)" EKEYREJECTED "EKEYREJECTED for the name"
	exits 1 "an unknown authority" --json connect "$address"
	is "$(json "$tmp/err" error)" EKEYREJECTED "EKEYREJECTED for the authority"
	exits 0 "unverified" --json connect -i -V none "$address"
	is "$(json "$tmp/out" verified)" False "and said so"
	exits 1 "no such trust store" --json connect -t nowhere "$address"
	is "$(json "$tmp/err" error)" ENOKEY "ENOKEY"
	exits 0 "status for root" status
	grep -qE "^credential test +valid until [0-9-]+ [0-9:]+ UTC" "$tmp/out"
	result $? "a credential and its end"
	exits 0 "status counts" status --json
	is "$(json "$tmp/out" credentials 0 name)" test "in JSON too"
	[ "$(json "$tmp/out" credentials 0 expires)" -gt "$(date +%s)" ]
	result $? "which is in the future"
	[ "$(json "$tmp/out" counters handshakes_done)" -ge 8 ] &&
		[ "$(json "$tmp/out" counters tx_bytes)" -ge 2000000 ]
	result $? "handshakes and bytes are counted"
	watch_tests
	stop "$listener"
}

# The listener's input is the answer; its end is the client's end.
openssl_client_test() {
	local client answer=$tmp/answer
	mkfifo "$answer"
	exec 8<>"$answer"
	start_listener -v
	echo hello >"$tmp/hello"
	timeout 60 openssl s_client -quiet -verify_return_error -CAfile "$tmp/ca.pem" \
		-servername name.test -verify_hostname name.test -connect "$address" \
		<"$tmp/hello" >"$tmp/out" 2>"$tmp/err" 8>&- &
	client=$!
	until_true grep -q hello "$tmp/listen.out" || echo "# s_client sent nothing"
	echo "good day" >&8
	exec 8>&-
	wait "$client"
	says out "good day" "openssl s_client gets the answer"
	until_true dead "$listener" || kill "$listener"
	wait "$listener"
	is $? 0 "the listener ends by itself"
	is "$(cat "$tmp/listen.out")" hello "and got what s_client sent"
	cp "$tmp/listen.err" "$tmp/err"
	says err "name name.test" "and the name that s_client asked for"
}

# An OpenSSL server on a free port: $server, $address
openssl_server() {
	local port
	coproc S { exec openssl s_server -accept 127.0.0.1:0 -cert "$tmp/leaf.pem" \
		-key "$tmp/leaf.key" -no_ticket "$@" 2>&1; }
	server=$S_PID
	pids+=("$server")
	while read -rt 30 -u "${S[0]}" port; do
		case $port in
		ACCEPT\ *) address=127.0.0.1:${port##*:} && return ;;
		esac
	done
	echo "# openssl s_server does not come up"
}

# A server that has RSA key exchange alone
legacy_trace() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=old -keyout "$tmp/old.key" \
		-addext subjectAltName=DNS:old.test -addext keyUsage=keyEncipherment \
		-out "$tmp/old.pem" 2>"$tmp/err"
	openssl_server -tls1_2 -cipher AES128-GCM-SHA256 -cert "$tmp/old.pem" -key "$tmp/old.key"
	exits 1 "trace of a server of RSA key exchange" trace -f "$tmp/old.pem" -n old.test "$address"
	exits 0 "with --legacy" trace --legacy -f "$tmp/old.pem" -n old.test "$address"
	says out "encrypted to the certificate's key" "what it is"
	says out "NOT forward secret" "and what that is worth"
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
}

# A handshake in words, without daemon or module; --secrets for root alone.
trace_tests() {
	openssl_server
	exits 0 "trace of TLS 1.3" trace -f "$tmp/ca.pem" -n name.test "$address"
	says out "<-- CertificateVerify" "each message is shown"
	says out "key_share x25519, public value: " "the public values too"
	says out "subject CN=leaf" "and who the certificate is for"
	says out "===  TLSv1.3, TLS_AES_" "what was agreed"
	says out "forward secret" "what that is worth"
	! grep -qE "[sS]ecret [0-9a-f]{64}" "$tmp/out"
	result $? "no secret is shown"
	exits 0 "trace with secrets" trace --secrets -f "$tmp/ca.pem" -n name.test "$address"
	grep -qE "traffic secret [0-9a-f]{64}" "$tmp/out" && grep -qE "Handshake Secret [0-9a-f]{64}" "$tmp/out"
	result $? "then they are"
	exits 0 "trace of TLS 1.2" trace -2 --secrets -f "$tmp/ca.pem" -n name.test "$address"
	says out "<-- ServerKeyExchange" "its messages"
	grep -qE "^ *pre-master secret [0-9a-f]{64}" "$tmp/out"
	result $? "its pre-master secret"
	says out "key log: CLIENT_RANDOM" "and the master secret, as Wireshark reads it"
	exits 1 "trace of a peer that is another" trace -f "$tmp/ca.pem" -n other.test "$address"
	says out "alert bad_certificate" "the alert is shown"
	setpriv --reuid 65534 --clear-groups "$tool" trace --secrets "$address" >"$tmp/out" 2>"$tmp/err"
	is $? 77 "secrets are not for everybody"
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
	legacy_trace
	exits 64 "trace without an address" trace
}

# trace as the server: $tracer, $address
trace_listen() { # arguments...
	: >"$tmp/trace.err"
	"$tool" trace --listen "$@" 127.0.0.1:0 >"$tmp/trace.out" 2>"$tmp/trace.err" &
	tracer=$!
	pids+=("$tracer")
	until_true grep -q "listening on" "$tmp/trace.err" || echo "# the tracer does not come up"
	address=$(sed -n 's/.*listening on //p' "$tmp/trace.err")
}

# What the server's side says, after its client has ended
traced() { # status, name
	wait "$tracer"
	is $? "$1" "$2"
	cp "$tmp/trace.out" "$tmp/out"
	cp "$tmp/trace.err" "$tmp/err"
}

s_client() { # arguments...
	timeout 60 openssl s_client -connect "$address" "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
}

trace_server_tests() {
	trace_listen
	s_client
	traced 0 "trace as a server of TLS 1.3, with a certificate of its own making"
	says out "<-- ClientHello" "the client's messages are shown"
	says out "--> CertificateVerify" "and our own"
	says out "the client was not asked who it is" "and what that says of the client"
	! grep -qE "traffic secret [0-9a-f]{64}" "$tmp/out"
	result $? "without a secret"
	trace_listen -2 -c "$tmp/leaf.pem" -k "$tmp/leaf.key"
	s_client -CAfile "$tmp/ca.pem" -verify_hostname name.test -verify_return_error
	is $? 0 "openssl s_client verifies the certificate from a file"
	traced 0 "trace as a server of TLS 1.2"
	says out "<-- ClientKeyExchange" "with its messages"
	is "$(grep -c "RFC 5246 section 8.1" "$tmp/out")" 1 "the key block is explained once"
	trace_listen -V required -f "$tmp/ca.pem" -c "$tmp/leaf.pem" -k "$tmp/leaf.key"
	exits 0 "trace against trace, with a client's certificate" trace -n name.test -f "$tmp/ca.pem" \
		-c "$tmp/leaf.pem" -k "$tmp/leaf.key" "$address"
	says out "<-- CertificateRequest" "that was asked for"
	traced 0 "and taken"
	says out "the peer is who it says" "by who verifies it"
	trace_listen -V required -f "$tmp/ca.pem"
	s_client
	traced 1 "a client without one is refused"
	says out "alert certificate_required" "with the alert"
	exits 64 "a chain without its key" trace -l -c "$tmp/leaf.pem" 0
	exits 66 "a key that is not there" trace -l -c "$tmp/leaf.pem" -k "$tmp/none" 0
	exits 64 "a server verifies no server's name" trace -l -n name.test 0
}

openssl_server_test() {
	openssl_server -rev
	timeout 60 "$tool" -v connect -t test -n name.test "$address" <<<"tlsock" \
		>"$tmp/out" 2>"$tmp/err"
	says out kcoslt "openssl s_server answers"
	says err "peer verified" "its certificate is verified"
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
}

# A server that dies has sent no close_notify: that is not an end of file.
truncation_test() {
	local eof=$1 want=$2 client
	openssl_server
	mkfifo "$tmp/in.$eof"
	"$tool" -v connect -E "$eof" -t test -n name.test "$address" <"$tmp/in.$eof" \
		>"$tmp/out" 2>"$tmp/err" &
	client=$!
	pids+=("$client")
	exec 9>"$tmp/in.$eof"
	until_true grep -q "peer verified" "$tmp/err" || echo "# not connected"
	ss -tinH >"$tmp/out"
	grep -qE "tcp-ulp-tlsock version: 1.3 cipher: aes-gcm-128 rxconf: sw txconf: sw" "$tmp/out"
	result $? "ss tells version and cipher of it"
	kill -KILL "$server"
	wait "$server" 2>/dev/null
	# strict: the client ends by itself; lenient: with its input, after the peer's end
	[ "$eof" = lenient ] || until_true dead "$client" || echo "# no end is seen"
	exec 9>&-
	wait "$client"
	is $? "$want" "a connection cut off, $eof"
}

echo "TAP version 13"
usage_tests
if [ -w /sys/module ] && [ -n "${TLSOCK_KO:-}" ]; then
	module_tests
fi
no_daemon_tests
if [ -x "$tlsockd" ]; then
	certificates
	daemon_start
	own_tests
	openssl_client_test
	openssl_server_test
	trace_tests
	trace_server_tests
	truncation_test strict 1
	truncation_test lenient 0
else
	skip "connections" "there is no $tlsockd"
fi
done_testing
