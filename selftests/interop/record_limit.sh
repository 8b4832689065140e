#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# record_limit.sh: record_size_limit (RFC 8449) with GnuTLS, which names one and tells the length of
# each record that comes. It must never count what GnuTLS sends.
. "$(dirname "$0")/../lib/peers.sh"

limit=512 # GnuTLS says it as max_fragment_length too
path=$(head -c 3000 /dev/zero | tr '\0' x) # a request that does not fit

# lengths file type: bytes of content in each record of the type that GnuTLS has opened
lengths() {
	sed -n "s/.*Decrypted Packet\[[0-9]*\] $2([0-9]*) with length: //p" "$tmp/$1"
}

# keeps file what: no record is longer than the limit, and a full one has it all. (What GnuTLS says in
# TLS 1.3 is one more, for the content type.)
keeps() {
	is "$(sort -n "$tmp/$1.lengths" | tail -1)" $limit "$2: the longest record"
}

client() { # version
	ours 4433 rsa
	talk 'GET /small HTTP/1.0\r\n\r\n' gnutls-cli -d 5 -p 4433 --x509cafile "$pki/ca.pem" \
		--verify-hostname good.test --logfile "$tmp/gnutls.log" --recordsize $limit \
		--priority "NORMAL:-VERS-ALL:+VERS-TLS$1" 127.0.0.1 && ends_with out small
	result $? "gnutls-cli, TLS $1: gets the file"
	lengths err 'Application Data' >"$tmp/data.lengths"
	keeps data "gnutls-cli, TLS $1, data"
	stop "$peer"
	[ "$1" = 1.3 ] || return
	lengths err Handshake >"$tmp/flight.lengths"
	keeps flight "gnutls-cli, TLS $1, flight"
}

server() { # version
	peer 4437 gnutls-serv --http -d 5 -p 4437 --recordsize $limit --disable-client-cert \
		--priority "NORMAL:-VERS-ALL:+VERS-TLS$1" \
		--x509certfile "$pki/ecdsa.pem" --x509keyfile "$pki/ecdsa.key"
	fetch 4437 "$path"
	until_true grep -qa "Application Data(23) with length" "$tmp/peer.log"
	stop "$peer"
	lengths peer.log 'Application Data' >"$tmp/request.lengths"
	keeps request "gnutls-serv, TLS $1, request"
}

case ${KVER:-} in
6.1 | 7.x)
	echo "1..0 # SKIP who says what is user space's: on kernel 6.12, and on debug"
	exit 4
	;;
esac
begin
with GnuTLS
client 1.3
client 1.2
server 1.3
server 1.2
done_testing
