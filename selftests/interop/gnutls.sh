#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# gnutls.sh: GnuTLS in both roles, each suite, group and kind of certificate. It must never take
# bytes alone for a success: TLSOCK_INFO has to agree.
. "$(dirname "$0")/../lib/peers.sh"

priority() { # cipher, group
	echo "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+$1:-GROUP-ALL:+GROUP-$2"
}

servers() {
	local code cipher group name cert
	while read -r code _ cipher group _ name cert; do
		peer 4437 gnutls-serv --http -p 4437 --priority "$(priority "$cipher" "$name")" \
			--x509certfile "$pki/$cert.pem" --x509keyfile "$pki/$cert.key"
		fetch 4437 index.html && [ -s "$tmp/got" ] && info err "$code" "$group"
		result $? "gnutls-serv: $cipher, $name, $cert"
		stop "$peer"
	done <<<"$rows"
}

clients() {
	local code cipher group name cert
	while read -r code _ cipher group _ name cert; do
		ours 4433 "$cert"
		talk 'GET /small HTTP/1.0\r\n\r\n' gnutls-cli -p 4433 --x509cafile "$pki/ca.pem" \
			--verify-hostname good.test --logfile "$tmp/gnutls.log" \
			--priority "$(priority "$cipher" "$name")" 127.0.0.1 && ends_with out small
		result $? "gnutls-cli: $cipher, $name, $cert"
		until_true info server.log "$code" "$group"
		result $? "the server says so too"
		stop "$peer"
	done <<<"$rows"
}

begin
before=$(count HandshakeDone)
servers
clients
grown HandshakeDone "$before" 8
result $? "each was a handshake of the daemon"
done_testing
