#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# path.sh: the bench of whole handshakes, in the guest: TLS 1.3, X25519, ECDSA P-256, one session ticket,
# one request and its answer, from socket to close, by tlsockd and the module, by an OpenSSL server with
# epoll and by nginx, each on one thread, with the same client, 1, 64 and 1024 connections at once. Lines for
# handshakes.sh go to $RESULTS/raw. It must never take the client's time for the server's.
. "$(dirname "$0")/../lib/peers.sh"

bench=$BUILD/selftests/handshakes
raw=${RESULTS:?}/raw

# Processor time in ns of everything that lives; what is done for a packet counts for who sent it.
busy() {
	cat /proc/[0-9]*/schedstat 2>/dev/null | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

# measure name port at_once count
measure() {
	local before after
	before=$(busy)
	"$bench" load "$2" "$3" "$4" >"$tmp/load" || return
	after=$(busy)
	awk -v name="$1" -v at="$3" -v ns=$((after - before)) \
		'{ print name, at, $1, ns / 1000 / $1, $2, $3, $4 }' "$tmp/load" >>"$raw"
}

server() { # name, port
	local rc=0
	until_true listens "$2" || return
	"$bench" load "$2" 1 30 >/dev/null || return # caches are warm
	measure "$1" "$2" 1 "$((200 / part))" && measure "$1" "$2" 64 "$((512 / part))" &&
		measure "$1" "$2" 1024 "$((2048 / part))" || rc=1
	return $rc
}

part=1
[ -z "${BENCH_QUICK:-}" ] || part=2
: >"$raw"
insmod "$TLSOCK_KO"
certificates || exit 1
ulimit -n 8192
"$tlsockd" -c "$pki/tlsockd.conf" &
pids+=($!)
until_true has_worker || exit 1
"$bench" tlsock 4433 ecdsa &
pids+=($!)
"$bench" libssl 4434 "$pki/ecdsa.pem" "$pki/ecdsa.key" &
pids+=($!)
cat >"$tmp/nginx.conf" <<-CONF
	daemon off;
	master_process off;
	user root;
	pid $tmp/nginx.pid;
	events { worker_connections 4096; }
	http {
		access_log off;
		keepalive_timeout 0;
		server {
			listen 127.0.0.1:4435 ssl backlog=4096;
			ssl_certificate $pki/ecdsa.pem;
			ssl_certificate_key $pki/ecdsa.key;
			ssl_protocols TLSv1.3;
			ssl_ecdh_curve X25519;
			ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
			ssl_conf_command NumTickets 1;
			return 200;
		}
	}
CONF
nginx -c "$tmp/nginx.conf" &
pids+=($!)
before=$(count HandshakeDone)
server tlsock 4433 && server libssl 4434 && server nginx 4435 || exit 1
echo "counted $(($(count HandshakeDone) - before)) kernel $(uname -r)" >>"$raw"
