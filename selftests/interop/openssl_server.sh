#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# openssl_server.sh: our client against openssl s_server: suites, groups, HelloRetryRequest (RFC
# 8446 section 4.1.4), kinds of certificates, session tickets, KeyUpdate (sections 4.6.1, 4.6.3).
# It must never take bytes alone for a success: TLSOCK_INFO and the counters have to agree.
. "$(dirname "$0")/../lib/peers.sh"

s_server() { # certificate, options...
	local cert=$1
	shift
	peer 4433 stdbuf -oL openssl s_server -accept 127.0.0.1:4433 -cert "$pki/$cert.pem" \
		-key "$pki/$cert.key" -msg "$@"
}

matrix() {
	local code suite group name cert
	while read -r code suite _ group name _ cert; do
		s_server "$cert" -WWW -ciphersuites "$suite" -groups "$name"
		fetch 4433 small && cmp "$tmp/got" "$www/small" && info err "$code" "$group"
		result $? "$suite, $name, $cert"
		stop "$peer"
	done <<<"$rows"
}

retry() {
	s_server ecdsa -WWW -groups P-384
	fetch 4433 small && cmp "$tmp/got" "$www/small" && info err '130[12]' 0018
	result $? "a server that wants another group"
	is "$(grep -c '<<<.*ClientHello$' "$tmp/peer.log")" 2 "gets a second ClientHello"
	stop "$peer"
}

big() {
	local bytes tickets
	bytes=$(count RxBytes) tickets=$(count TicketsDropped)
	s_server ecdsa -WWW
	fetch 4433 big && same_hash got
	result $? "the hash of 32 MiB"
	grown RxBytes "$bytes" 33554432
	result $? "they passed through the module"
	grown TicketsDropped "$tickets" 2
	result $? "session tickets are passed over"
	stop "$peer"
}

received() { # counter of bytes before, at least
	[ $(($(count RxBytes) - $1)) -ge "$2" ]
}

# s_server takes a command only alone: each is waited for.
key_updates() {
	local pid bytes
	bytes=$(count RxBytes)
	mkfifo "$tmp/command"
	exec 8<>"$tmp/command"
	s_server ecdsa <&8
	fetch 4433 small &
	pid=$!
	until_true grep -qa 'GET /small' "$tmp/peer.log"
	printf 'HTTP/1.0 200 OK\r\n\r\nfirst\n' >&8
	until_true received "$bytes" 25
	result $? "an answer begins"
	echo k >&8
	until_true grep -qa '>>>.*KeyUpdate' "$tmp/peer.log"
	result $? "a KeyUpdate that asks for none"
	sleep 0.2 # RFC 8446 has no limit; the module takes one each 100 ms
	echo K >&8
	until_true grep -qa '<<<.*KeyUpdate' "$tmp/peer.log"
	result $? "a KeyUpdate that asks for one is answered"
	printf 'second\n' >&8
	until_true received "$bytes" 32
	echo Q >&8
	wait $pid
	is "$? $(tr '\n' ' ' <"$tmp/got")" "0 first second " "data flow under the new keys"
	says err 'updates 1/2$' "the client has counted them"
	stop "$peer"
	exec 8>&-
}

begin
before=$(count Handshakes)
matrix
retry
big
key_updates
grown Handshakes "$before" 7
result $? "each was a handshake of the daemon"
done_testing
