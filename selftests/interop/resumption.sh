#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# resumption.sh: our client comes again to openssl s_server: sessions of both versions resumed (RFC
# 8446 section 4.6.1, RFC 5077), by whichever worker the kernel rings; and for whom they must not
# be: another user, name, trust store; after a reload; when the configuration says no. It must never
# take one side's word alone: the server, the daemon and the kernel's counter have to agree.
. "$(dirname "$0")/../lib/peers.sh"

s_server() { # options...
	peer 4433 stdbuf -oL openssl s_server -accept 127.0.0.1:4433 -cert "$pki/ecdsa.pem" \
		-key "$pki/ecdsa.key" -WWW "$@"
}

kept() { # at least so many tickets, by the daemon's log
	[ "$(grep -c 'session ticket of connection .*: kept' "$tmp/daemon.log")" -ge "$1" ]
}

# again what yes|no [name [trust [command...]]]: one more connection, and whether it resumes
again() {
	local what=$1 want=$2 name=${3:-good.test} trust=${4:-test} before rc=0
	shift $(($# < 4 ? $# : 4))
	before=$(count HandshakeResumed)
	log_anew
	timeout 100 "$@" "$client" 127.0.0.1 4433 small "$name" "$trust" >"$tmp/got" 2>"$tmp/err" &&
		cmp "$tmp/got" "$www/small" && until_true grep -q ' ms$' "$tmp/daemon.log" || rc=1
	if [ "$want" = yes ]; then
		grep -q ', resumed, ' "$tmp/daemon.log" && grown HandshakeResumed "$before" 1 || rc=1
	else
		grep -q ', resumed, ' "$tmp/daemon.log" && rc=1
	fi
	result $rc "$what"
}

nobody=(setpriv --reuid=65534 --clear-groups --inh-caps=-all --bounding-set=-all)

tls13() {
	s_server -tls1_3
	again "TLS 1.3: a full handshake" no
	until_true kept 2
	result $? "its tickets are kept"
	again "the second connection resumes" yes
	again "and the third" yes
	until_true kept 1
	again "not for another user" no good.test test "${nobody[@]}"
	again "nor by another name" no 127.0.0.1
	again "nor with another trust store" no good.test same
	again "for whom it was, still" yes
	kill -HUP "${pids[0]}"
	until_true grep -q reloaded "$tmp/daemon.log"
	again "not after a reload" no
	stop "$peer"
}

tls12() {
	s_server -tls1_2
	again "TLS 1.2: a full handshake" no
	again "the second connection resumes" yes
	again "and the third" yes
	again "not for another user" no good.test test "${nobody[@]}"
	stop "$peer"
}

switched_off() {
	local before
	echo 'sessions = no' >>"$pki/resumption.conf"
	log_anew
	kill -HUP "${pids[0]}"
	until_true grep -q reloaded "$tmp/daemon.log"
	before=$(count Tickets)
	s_server -tls1_3
	again "sessions = no: a full handshake" no
	again "and another one" no
	is "$(count Tickets)" "$before" "no ticket goes to the daemon"
	stop "$peer"
}

status() {
	"$BUILD/tlsock" status >"$tmp/out" 2>"$tmp/err"
	says out '^handshakes that resumed a session +[1-9]' "tlsock status counts them"
}

certificates
sed 's/^workers = 1/workers = 2/' "$pki/tlsockd.conf" >"$pki/resumption.conf"
echo 'trust same { file = { "ca.pem" } }' >>"$pki/resumption.conf"
begin -c "$pki/resumption.conf"
with OpenSSL
tls13
tls12
status
switched_off
done_testing
