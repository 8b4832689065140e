#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tokens.sh: tlsockd with a private key in a token: its processes, their filters, reloads, a wrong PIN, the
# end of the process that has the key. The provider is the unit tests' (user/tests/provider), which stands
# for PKCS#11's; test_daemon_tokens tries every kind of key. It must never find the key in a file
# that the daemon is told of.
# shellcheck disable=SC2317 # functions that a variable calls
. "$(dirname "$0")/lib/peers.sh"
tool=$BUILD/tlsock
conf=$tmp/tlsockd.conf
token=$tmp/hsm/web

configure() { # name of the PIN's file, more
	cat >"$conf" <<-C
		workers = 1
		user = "nobody"
		pkcs11 { provider = "$tmp/token_provider.so" module = "$tmp/hsm" }
		credential token { chain = "$pki/ecdsa.pem"
			key = "pkcs11:token=web;object=www?pin-source=file:$tmp/$1" }
		credential file { chain = "$pki/ecdsa.pem" key = "$pki/ecdsa.key" }
		trust test { file = { "$pki/ca.pem" } }
		${2:-}
	C
}

logged() { # how often, pattern
	[ "$(grep -cE -- "$2" "$tmp/daemon.log")" -ge "$1" ]
}

children() { pgrep -P "$daemon"; }

# The one that was there before the worker
keeper() { children | head -1; }

# How many: a keeper and a worker
settled() {
	[ "$(children | wc -l)" = 2 ] && [ "$(count Workers)" = 1 ]
}

# Has it another keeper and another worker than these, and all of the old is gone?
renewed() { # pids
	local pid
	for pid in "$@"; do
		[ ! -e "/proc/$pid" ] || return
	done
	settled
}

listener_start() { # credential: $address
	"$tool" listen -c "$1" -k --echo 127.0.0.1:0 </dev/null >"$tmp/listen.out" 2>"$tmp/peer.log" &
	pids+=("$!")
	until_true grep -q "listening on" "$tmp/peer.log"
	result $? "a server with the credential \"$1\""
	address=$(sed -n 's/.*listening on //p' "$tmp/peer.log")
}

works() { # address, name
	timeout 60 "$tool" connect --info --json -t test "$1" </dev/null >"$tmp/out" 2>"$tmp/err" &&
		grep -q '"verified": *true' "$tmp/out"
	result $? "$2"
}

status_of() { # pid, field
	sed -n "s/^$2:\t//p" "/proc/$1/status"
}

process_tests() {
	local kept
	kept=$(keeper)
	is "$(status_of "$kept" CapPrm) $(status_of "$kept" CapBnd)" "0000000000000000 0000000000000000" \
		"the process with the key has no capability, and can get none"
	is "$(status_of "$kept" Uid)" $'65534\t65534\t65534\t65534' "it is the daemon's user"
	is "$(status_of "$kept" NoNewPrivs) $(status_of "$kept" Seccomp)" "1 2" "and a filter"
	grep -q token_provider "/proc/$kept/maps"
	result $? "it has the provider"
	! grep -q token_provider "/proc/$daemon/maps" && ! grep -q token_provider "/proc/$(children | tail -1)/maps"
	result $? "neither the supervisor nor the worker has it"
}

reload_tests() {
	local old
	old=$(children)
	kill -HUP "$daemon"
	# shellcheck disable=SC2086 # a list of words
	until_true renewed $old
	result $? "a reload has another process with the key, and the old one ends"
	works "$by_token" "which works"
}

# A file that changes is a reload by itself: it must not use up the tries that a token allows.
wrong_pin_tests() {
	local tries
	tries=$(stat -c %s "$token/tries")
	printf '4321\n' >"$tmp/pin"
	until_true logged 1 "the configuration stays as it was: $conf:5: .*does not take its PIN"
	result $? "a wrong PIN is refused with its line"
	printf '# changed\n' >>"$conf"
	until_true logged 1 "the configuration stays as it was: $conf:5: .*not tried again before a SIGHUP"
	result $? "and not tried again because a file has changed"
	is "$(($(stat -c %s "$token/tries") - tries))" 1 "the token has seen it once"
	! grep -qE '4321|1234' "$tmp/daemon.log"
	result $? "the log has no PIN"
	works "$by_token" "the old configuration goes on"
	printf '1234\n' >"$tmp/pin"
	kill -HUP "$daemon"
	until_true logged 2 ": reloaded: 1 workers"
	result $? "with the right one it is loaded"
}

end_tests() {
	local old
	until_true settled
	old=$(children)
	kill -KILL "$(keeper)"
	until_true logged 1 "the process that has the keys in tokens has ended"
	result $? "the process with the key is killed, and the log says it"
	works "$by_file" "a key in a file still serves"
	kill -HUP "$daemon"
	# shellcheck disable=SC2086 # a list of words
	until_true renewed $old
	result $? "after a reload there is another one"
	works "$by_token" "which works"
	old=$(keeper)
	kill -TERM "$daemon"
	wait "$daemon"
	is $? 0 "SIGTERM ends the daemon with 0"
	until_true [ ! -e "/proc/$old" ]
	result $? "and the process with the key ends with it"
}

case ${KVER:-} in
6.1 | 7.x)
	echo "1..0 # SKIP processes are user space's: on kernel 6.12, and on debug"
	exit 4
	;;
esac
echo "TAP version 13"
[ -e /proc/net/tlsock_stat ] || insmod "$TLSOCK_KO"
certificates
result $? "certificates"
mkdir -p "$token"
printf 1234 >"$token/pin"
cp "$BUILD/tests/token_provider.so" "$tmp"
(umask 077 && printf '1234\n' >"$tmp/pin")
openssl pkcs8 -topk8 -nocrypt -outform DER -in "$pki/ecdsa.key" -out "$token/www.der"
result $? "a key in a token"
chmod 700 "$token" && chown -R nobody "$token"
configure pin
"$tlsockd" -c "$conf" 2>"$tmp/daemon.log" &
daemon=$!
pids+=("$daemon")
until_true logged 1 ": ready: 1 workers" && until_true settled
result $? "tlsockd is ready"
listener_start token
by_token=$address
listener_start file
by_file=$address
works "$by_token" "a connection to it"
process_tests
reload_tests
wrong_pin_tests
end_tests
done_testing
