#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# capture.sh: one connection on the wire, told by others: tshark decrypts it with the daemon's key
# log, and finds exactly the records that TLSOCK_INFO has counted, each way. It must never
# count records in anything but the capture.
. "$(dirname "$0")/../lib/peers.sh"

capture=$tmp/capture.pcap

sniff() {
	tcpdump -i lo -U --immediate-mode -Z root -s 0 -w "$capture" "tcp port $1" \
		2>"$tmp/tcpdump.log" &
	sniffer=$!
	pids+=("$sniffer")
	until_true grep -q 'listening on' "$tmp/tcpdump.log"
}

# Both sides have said FIN, so nothing of the connection is missing.
complete() {
	[ "$(tcpdump -r "$capture" 'tcp[tcpflags] & tcp-fin != 0' 2>/dev/null | wc -l)" -ge 2 ]
}

dissect() {
	tshark -r "$capture" -o "tls.keylog_file:$tmp/keys" "$@" 2>"$tmp/tshark.log"
}

# One length for each record, whatever frame it ended in
records() { # sport or dport
	dissect -Y "tls && tcp.${1}port == 4433" -T fields -e tls.record.length |
		tr ',' '\n' | grep -c .
}

told() { # tx or rx, of the client's info line
	sed -n 's|^info: .* records \([0-9]*\)/\([0-9]*\) .*|\1 \2|p' "$tmp/err" |
		cut -d' ' -f"$1"
}

connection() { # what it was
	until_true complete
	stop "$sniffer"
	is "$(records dst)" "$(told 1)" "$1: as many records sent as the client counts"
	is "$(records src)" "$(told 2)" "$1: as many received"
	# the request comes first, then the answer with the file at its end, all in hexadecimal
	dissect -q -z "follow,tls,raw,0" | grep -xE '[[:space:]]*[0-9a-f]+' |
		tr -d '[:space:]' >"$tmp/follow"
	is "$(tail -c 200000 "$tmp/follow" | sha256sum)" \
		"$(od -An -v -tx1 "$www/small" | tr -d ' \n' | sha256sum)" \
		"$1: decrypted with the key log, it is the file"
	is "$(dissect -Y 'tls.alert_message.desc == 0' -T fields -e tcp.srcport | wc -l)" 2 \
		"$1: close_notify is there, both ways"
}

begin -k "$tmp/keys"
is "$(stat -c %a "$tmp/keys")" 600 "the key log is for its owner alone"
with OpenSSL
peer 4433 openssl s_server -accept 127.0.0.1:4433 -cert "$pki/ecdsa.pem" \
	-key "$pki/ecdsa.key" -WWW -quiet
sniff 4433
fetch 4433 small
result $? "our client fetches from openssl"
connection "with openssl"
stop "$peer"

with ''
ours 4433 ecdsa
sniff 4433
fetch 4433 small
result $? "our client fetches from our server"
connection "on our own"
until_true grep -q '^info' "$tmp/server.log"
is "$(sed -n 's|^info: .* records \([0-9]*\)/\([0-9]*\) .*|\2/\1|p' "$tmp/server.log")" \
	"$(told 1)/$(told 2)" "and the server counts the same"
done_testing
