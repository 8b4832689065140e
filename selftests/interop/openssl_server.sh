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
	bytes=$(count RxBytes) tickets=$(count Tickets)
	s_server ecdsa -WWW
	fetch 4433 big && same_hash got
	result $? "the hash of 32 MiB"
	grown RxBytes "$bytes" 33554432
	result $? "they passed through the module"
	grown Tickets "$tickets" 2
	result $? "session tickets go to the daemon"
	stop "$peer"
}

updates() { # direction in s_server's words, at least
	[ "$(grep -ca "$1 .*KeyUpdate" "$tmp/peer.log")" -ge "$2" ]
}

# s_server takes a command only alone: each is waited for. Its Q would close TCP without
# close_notify, so our client is the one that ends first.
key_updates() {
	local pid
	mkfifo "$tmp/command" "$tmp/in"
	exec 8<>"$tmp/command"
	s_server ecdsa <&8
	timeout 100 "$BUILD/tlsock" connect -t test -n good.test 127.0.0.1:4433 <"$tmp/in" \
		>"$tmp/got" 2>"$tmp/err" &
	pid=$!
	exec 9>"$tmp/in"
	echo from-us-1 >&9
	until_true grep -qa from-us-1 "$tmp/peer.log"
	result $? "data before any KeyUpdate"
	echo k >&8
	until_true updates '>>>' 1 && echo from-peer-1 >&8 && until_true grep -q from-peer-1 "$tmp/got"
	result $? "a KeyUpdate that asks for none, and data under the new keys"
	! updates '<<<' 1
	result $? "it is not answered"
	sleep 0.2 # RFC 8446 has no limit; the module takes one each 100 ms
	echo K >&8
	until_true updates '<<<' 1
	result $? "a KeyUpdate that asks for one is answered"
	echo from-us-2 >&9
	until_true grep -qa from-us-2 "$tmp/peer.log"
	result $? "the server reads what we send under ours"
	echo from-peer-2 >&8
	until_true grep -q from-peer-2 "$tmp/got"
	result $? "and we what it sends"
	exec 9>&-
	wait $pid
	is "$? $(tr '\n' ' ' <"$tmp/got")" "0 from-peer-1 from-peer-2 " "a clean end both ways"
	stop "$peer"
	exec 8>&-
}

begin
with OpenSSL
before=$(count Handshakes)
matrix
retry
big
key_updates
grown Handshakes "$before" 7
result $? "each was a handshake of the daemon"
done_testing
