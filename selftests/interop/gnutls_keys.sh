#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# gnutls_keys.sh: keys that change, with GnuTLS: a HelloRetryRequest in either role (RFC 8446
# section 4.1.4) and a KeyUpdate that gnutls-cli sends (section 4.6.3). It must never take GnuTLS's
# word alone: TLSOCK_INFO has to agree.
. "$(dirname "$0")/../lib/peers.sh"

tls13=NORMAL:-VERS-ALL:+VERS-TLS1.3
request='GET /small HTTP/1.0\r\n\r\n'

gnutls_cli() { # priority, words, options...
	local priority=$1 words=$2
	shift 2
	talk "$words" gnutls-cli -p 4433 --x509cafile "$pki/ca.pem" --verify-hostname good.test \
		--logfile "$tmp/gnutls.log" --priority "$priority" "$@" 127.0.0.1
}

client_retry() {
	ours 4433 ecdsa
	gnutls_cli "$tls13:-GROUP-ALL:+GROUP-SECP521R1:+GROUP-SECP384R1" \
		"$request" --single-key-share -d 4 && ends_with out small
	result $? "gnutls-cli with a key share of no use"
	grep -qah "HELLO RETRY REQUEST" "$tmp/err" "$tmp/gnutls.log"
	result $? "gets a HelloRetryRequest"
	until_true info server.log '130[12]' 0018
	result $? "and P-384 it is"
	stop "$peer"
}

key_update() {
	ours 4433 ecdsa
	gnutls_cli "$tls13" "^rekey^\n$request" --inline-commands && ends_with out small
	result $? "gnutls-cli gets its file after a KeyUpdate"
	until_true grep -qE 'updates 1/1$' "$tmp/server.log"
	result $? "which our server has counted, and answered"
	stop "$peer"
}

server_retry() {
	peer 4437 gnutls-serv --http -p 4437 -d 4 --priority "$tls13:-GROUP-ALL:+GROUP-SECP384R1" \
		--x509certfile "$pki/ecdsa.pem" --x509keyfile "$pki/ecdsa.key"
	fetch 4437 index.html && [ -s "$tmp/got" ] && info err '130[12]' 0018
	result $? "gnutls-serv wants another group than our client offers first"
	says peer.log "HELLO RETRY REQUEST" "by a HelloRetryRequest"
	stop "$peer"
}

begin
with GnuTLS
before=$(count HandshakeDone)
client_retry
key_update
server_retry
grown HandshakeDone "$before" 3
result $? "each was a handshake of the daemon"
done_testing
