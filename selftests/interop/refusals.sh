#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# refusals.sh: our server with a credential that the daemon does not have (ENOKEY), or that its
# user may not use (EPERM): openssl s_client gets an alert (RFC 8446 section 6.2), the program the
# errno and a sentence. What our client refuses is in curl_nginx.sh. It must never take a failure
# for a refusal: the same server with a credential of its own has to serve in between.
. "$(dirname "$0")/../lib/peers.sh"

# as uid port credential: our server for another user; its pid in $peer
as() {
	setpriv --reuid="$1" --clear-groups --inh-caps=-all --bounding-set=-all \
		"$server" 127.0.0.1 "$2" "$3" "$www" 2>"$tmp/server.log" &
	peer=$!
	pids+=("$peer")
	until_true grep -q ^listening "$tmp/server.log" || echo "# our server does not come up"
}

s_client() {
	talk 'GET /small HTTP/1.0\r\n\r\n' openssl s_client -connect 127.0.0.1:4433 -brief \
		-ign_eof -servername good.test -CAfile "$pki/ca.pem" -verify_return_error
}

refused() { # text of the errno, words of the sentence, what
	local before completed bytes
	before=$(count HandshakeFailed) completed=$(count HandshakeDone) bytes=$(count TxBytes)
	! s_client
	result $? "$3: openssl gets no connection"
	says err ' alert |alert number' "$3: but an alert"
	until_true grep -q "^connection: $1: .*$2" "$tmp/server.log"
	result $? "$3: the server's errno and a sentence"
	is "$(($(count HandshakeFailed) - before)) $(count HandshakeDone) $(count TxBytes)" \
		"1 $completed $bytes" "$3: counted as failed, and not a byte sent"
	stop "$peer"
}

serves() { # who
	local completed
	completed=$(count HandshakeDone)
	s_client && ends_with out small && grown HandshakeDone "$completed" 1
	result $? "$1 is served by the module"
	stop "$peer"
}

begin
with OpenSSL
ours 4433 nosuch
refused "Required key not available" 'there is no credential "nosuch"' "an unknown credential"
as 65534 4433 ecdsa
refused "Operation not permitted" 'uid 65534 may not use the credential "ecdsa"' \
	"a credential of root's alone"
as 65534 4433 shared
serves "the same user with a credential for everyone"
ours 4433 ecdsa
serves "root with root's"
done_testing
