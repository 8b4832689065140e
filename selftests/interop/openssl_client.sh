#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# openssl_client.sh: openssl s_client against our server: suites, groups, HelloRetryRequest (RFC
# 8446 section 4.1.4), kinds of certificates, KeyUpdate (section 4.6.3). It must never take
# s_client's word alone: the server's own TLSOCK_INFO has to agree.
. "$(dirname "$0")/../lib/peers.sh"

request='GET /small HTTP/1.0\r\n\r\n'
s_client() { # words, options...
	local words=$1
	shift
	: >"$tmp/server.log"
	talk "$words" openssl s_client -connect 127.0.0.1:4433 -servername good.test \
		-CAfile "$pki/ca.pem" -verify_return_error -verify_hostname good.test \
		-msg -msgfile "$tmp/msg" "$@"
}

server_info() { # suite, group
	until_true info server.log "$1" "$2"
}

matrix() {
	local code suite group name cert
	while read -r code suite _ group name _ cert; do
		ours 4433 "$cert"
		s_client "$request" -brief -ign_eof -ciphersuites "$suite" -groups "$name" \
			-tls1_3 && ends_with out small
		result $? "$suite, $name, $cert"
		server_info "$code" "$group"
		result $? "the server says so too"
		stop "$peer"
	done <<<"$rows"
}

retry() {
	ours 4433 ecdsa
	s_client "$request" -brief -ign_eof -groups P-521:P-256 && ends_with out small
	result $? "a client whose key share is of no use"
	is "$(grep -c 'ClientHello$' "$tmp/msg")" 2 "is asked for another"
	server_info "130[12]" 0017
	result $? "and P-256 it is"
	stop "$peer"
}

answered() { # how often
	[ "$(grep -c '<<< .*KeyUpdate' "$tmp/msg")" -ge "$1" ]
}

sent() { # how often
	[ "$(grep -c '>>> .*KeyUpdate' "$tmp/msg")" -ge "$1" ]
}

# s_client takes a command only alone: each is waited for; with -ign_eof it would take none.
key_updates() {
	local pid
	ours 4433 ecdsa
	rm -f "$tmp/in" "$tmp/msg"
	mkfifo "$tmp/in"
	timeout 100 openssl s_client -connect 127.0.0.1:4433 -CAfile "$pki/ca.pem" -brief \
		-msg -msgfile "$tmp/msg" <"$tmp/in" >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	exec 9>"$tmp/in"
	until_true grep -qs 'Finished$' "$tmp/msg"
	echo k >&9
	until_true sent 1
	result $? "a KeyUpdate that asks for none"
	sleep 0.2 # RFC 8446 has no limit; the module takes one each 100 ms
	echo K >&9
	until_true answered 1
	result $? "a KeyUpdate that asks for one is answered"
	printf 'GET /small HTTP/1.0\r\n\r\n' >&9
	wait $pid && ends_with out small
	result $? "data flow under the new keys"
	exec 9>&-
	until_true grep -q 'updates 1/2$' "$tmp/server.log"
	result $? "the server has counted them"
	stop "$peer"
}

begin
with OpenSSL
before=$(count Handshakes)
bytes=$(count TxBytes)
matrix
retry
key_updates
grown Handshakes "$before" 6 && grown TxBytes "$bytes" 600000
result $? "it all passed through the module"
done_testing
