#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# capture.sh: one connection on the wire, told by others: tshark decrypts it with the daemon's key
# log, the file's and that of `tlsock keylog`, and finds exactly the records that TLSOCK_INFO has counted, each way. It must never
# count records in anything but the capture.
. "$(dirname "$0")/../lib/peers.sh"

capture=$tmp/capture.pcap
tool=$BUILD/tlsock

# In the kernel's buffer each packet takes the room of the longest that there can be, a quarter of a MiB.
sniff() {
	rm -f "$tmp/tcpdump.log"
	tcpdump -i lo -U --immediate-mode -Z root -s 0 -B 65536 -w "$capture" "tcp port $1" \
		2>"$tmp/tcpdump.log" &
	sniffer=$!
	pids+=("$sniffer")
	until_true grep -q 'listening on' "$tmp/tcpdump.log"
}

# Both sides have said FIN, so nothing of the connection is still to come.
has_ended() {
	[ "$(tcpdump -r "$capture" 'tcp[tcpflags] & tcp-fin != 0' 2>/dev/null | wc -l)" -ge 2 ]
}

captured() { # what it was
	until_true has_ended
	stop "$sniffer"
	says tcpdump.log '^0 packets dropped' "$1: all of it is in the capture"
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
	captured "$1"
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

status_says() { # pattern: what it says of the key log
	"$tool" status | grep -E "^key log +$1\$" >/dev/null
}

keylog_of_root() {
	local control reader
	control=/run/tlsockd/net-$(stat -Lc %i /proc/self/ns/net)
	is "$(stat -c '%a %U' "$control")" "600 root" "the control socket is root's"
	setpriv --reuid 65534 --clear-groups "$tool" keylog 2>"$tmp/err" | cat >"$tmp/out"
	is "${PIPESTATUS[0]}" 77 "keylog is not for everybody"
	chmod 666 "$control"
	chmod 755 "${control%/*}"
	setpriv --reuid 65534 --clear-groups "$tool" keylog 2>"$tmp/err" | cat >"$tmp/out"
	is "${PIPESTATUS[0]}" 77 "whatever the modes are"
	is "$(wc -c <"$tmp/out")" 0 "and gets nothing"
	(umask 022 && "$tool" keylog >"$tmp/open" 2>"$tmp/err")
	is $? 77 "a file that others can read is refused"
	"$tool" keylog a >"$tmp/out" 2>"$tmp/err"
	is $? 64 "keylog takes no argument"

	rm "$tmp/keys"
	(umask 077 && exec "$tool" keylog >"$tmp/keys" 2>"$tmp/keylog.err") &
	reader=$!
	pids+=("$reader")
	until_true grep -q "^tlsock: key log" "$tmp/keylog.err"
	result $? "root has the key log"
	status_says "file .*/keys; pid $reader got 0 lost 0"
	result $? "status says who"
	grep -q "KEY LOG: .* process $reader" "$tmp/daemon.log"
	result $? "so does the log"
	timeout 20 "$tool" keylog 2>"$tmp/err" | cat >"$tmp/out"
	is "${PIPESTATUS[0]}" 69 "a second gets none"
	peer 4434 openssl s_server -accept 127.0.0.1:4434 -cert "$pki/ecdsa.pem" \
		-key "$pki/ecdsa.key" -WWW -quiet
	sniff 4434
	fetch 4434 small
	result $? "our client fetches from openssl"
	until_true all_secrets
	complete_decrypted
	kill -INT "$reader"
	wait "$reader"
	is $? 0 "^C ends it"
	until_true grep -q "KEY LOG ENDS: process $reader has got 4 lines, 0 were lost" "$tmp/daemon.log"
	result $? "the log says its end"
	status_says "file .*/keys"
	result $? "and status that it is off"
	fetch 4434 small
	result $? "another connection"
	is "$(wc -l <"$tmp/keys")" 4 "leaves nothing in it"
}

all_secrets() {
	[ "$(grep -c TRAFFIC_SECRET "$tmp/keys")" = 4 ]
}

# With what keylog wrote alone, and not without
complete_decrypted() {
	captured "the second with openssl"
	is "$(dissect -Y 'tls.alert_message.desc == 0' | wc -l)" 2 "tshark decrypts it with what root got"
	is "$(tshark -r "$capture" -Y 'tls.alert_message.desc == 0' 2>/dev/null | wc -l)" 0 \
		"and does not without"
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
stop "$peer"
keylog_of_root
done_testing
