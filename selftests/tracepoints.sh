#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tracepoints.sh: what an administrator reads from tlsock's tracepoints: a handshake, its end, records,
# an alert, a KeyUpdate; each with the id that the daemon's log has. It must never pass on a kernel with
# tracing because nothing was there to see.
. "$(dirname "$0")/lib/peers.sh"
tool=$BUILD/tlsock
tracing=/sys/kernel/tracing

seen() { # extended pattern, name
	grep -qE -- "$1" "$tmp/trace"
	result $? "$2"
}

begin -w 1
if ! mountpoint -q "$tracing" && ! mount -t tracefs tracefs "$tracing" 2>/dev/null; then
	echo "ok $((++n)) tracepoints # SKIP this kernel has no tracing"
	done_testing
fi
for event in handshake record key_update alert; do
	[ -e "$tracing/events/tlsock/tlsock_$event/enable" ]
	result $? "tlsock_$event is there"
done
echo 1 >"$tracing/events/tlsock/enable"
"$tool" listen -c ecdsa --echo 127.0.0.1:4443 </dev/null >"$tmp/out" 2>"$tmp/peer.log" &
pids+=($!)
until_true listens 4443
echo hello | timeout 60 "$tool" connect -t test -n good.test 127.0.0.1:4443 >"$tmp/out" 2>"$tmp/err"
says out "^hello$" "a connection"
wait "${pids[-1]}"
"$BUILD/selftests/post_handshake" -t key_update_sent >"$tmp/out" 2>&1
echo 0 >"$tracing/events/tlsock/enable"
cp "$tracing/trace" "$tmp/trace"
id=$(sed -n 's/.*client \([0-9a-f]\{16\}\) .*TLSv1.3.*/\1/p' "$tmp/daemon.log" | head -1)
seen "tlsock_handshake: id=$id sport=[0-9]+ dport=4443 role=client started 0" \
	"the handshake begins, under the id of the daemon's log"
seen "tlsock_handshake: id=$id .*role=client delivered [1-9]" "a flight goes to the daemon"
seen "tlsock_handshake: id=$id .*role=client done 0" "it is done"
seen "tlsock_handshake: .* dport=[0-9]+ role=server done 0" "the server's too"
seen "tlsock_record: id=$id .* tx type=data records=1 bytes=6$" "what was written"
seen "tlsock_record: .* sport=4443 .* rx type=data records=1 bytes=6$" "is read"
seen "tlsock_record: .* rx type=handshake " "records of the handshake"
seen "tlsock_alert: id=$id .* tx level=1 description=0$" "close_notify"
seen "tlsock_alert: .* rx level=1 description=0$" "of both sides"
seen "tlsock_key_update: .* tx count=1$" "a KeyUpdate"
done_testing
