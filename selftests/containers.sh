#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# containers.sh: network namespaces whose handshakes the initial one's daemon does: who switches that
# on, what such a namespace may use, that a daemon of its own comes first, and how many of them the host
# bears. It stays in the initial namespace, where that daemon has to be. It must never take a handshake
# for the host's that another certificate would not have told.
PEERS_NETNS=1
. "$(dirname "$0")/lib/peers.sh"

tool=$BUILD/tlsock
web="ip netns exec tlsock-web"
there="ip netns exec tlsock-other"

# shellcheck disable=SC2317 # the trap calls it
remove() {
	local name
	for name in web other late; do
		[ ! -e "/run/netns/tlsock-$name" ] || ip netns del "tlsock-$name"
	done
	sysctl -qw net.tlsock.host_daemon=0
	cleanup
}
trap remove EXIT

configure() {
	cp "$pki"/{ecdsa,ecdsa384,rsa,ca}.pem "$tmp/"
	install -m 600 "$pki"/{ecdsa,ecdsa384,rsa}.key "$tmp/"
	cat >"$tmp/tlsockd.conf" <<-'CONF'
		workers = 1
		limits { handshakes = 12 }
		credential www {
			chain = "ecdsa.pem" key = "ecdsa.key"
			users = { "*" } namespaces = { "tlsock-web", "tlsock-late" }
		}
		credential host { chain = "rsa.pem" key = "rsa.key" users = { "*" } }
		trust test { file = { "ca.pem" } }
	CONF
	cat >"$tmp/own.conf" <<-'CONF'
		workers = 1
		limits { grace_ms = 1000 }
		credential www { chain = "ecdsa384.pem" key = "ecdsa384.key" }
		trust test { file = { "ca.pem" } }
	CONF
	cat >"$tmp/echo.py" <<-'PY'
		import selectors, socket
		loop = selectors.DefaultSelector()
		server = socket.create_server(("127.0.0.1", 4440))
		loop.register(server, selectors.EVENT_READ)
		while True:
		    for key, _ in loop.select():
		        if key.fileobj is server:
		            loop.register(server.accept()[0], selectors.EVENT_READ)
		            continue
		        try:
		            data = key.fileobj.recv(4096)
		            key.fileobj.sendall(data)
		        except OSError:
		            data = b""
		        if not data:
		            loop.unregister(key.fileobj)
		            key.fileobj.close()
	PY
	# ten that never say a word; how many of them does the server end?
	cat >"$tmp/silent.py" <<-'PY'
		import select, socket
		all = [socket.create_connection(("127.0.0.1", 4440)) for _ in range(10)]
		ended = []
		while len(ended) < 7:
		    readable, _, _ = select.select([s for s in all if s not in ended], [], [], 30)
		    if not readable:
		        break
		    ended += readable
		more, _, _ = select.select([s for s in all if s not in ended], [], [], 0)
		print(len(ended) + len(more))
	PY
}

namespace() { # name
	ip netns add "tlsock-$1" && ip netns exec "tlsock-$1" ip link set lo up
}

listens_in() { # namespace
	[ -n "$(ip netns exec "tlsock-$1" ss -Hltn "sport = :4440")" ]
}

serve() { # namespace credential: its pid in $peer
	ip netns exec "tlsock-$1" "$tool" exec -c "$2" -- python3 "$tmp/echo.py" 2>"$tmp/server.log" &
	peer=$!
	pids+=("$peer")
	until_true listens_in "$1" || echo "# no server in $1"
}

serial_in() { # namespace
	ip netns exec "tlsock-$1" openssl s_client -connect 127.0.0.1:4440 </dev/null 2>"$tmp/err" |
		openssl x509 -noout -serial 2>/dev/null
}

serial_of() { # certificate
	openssl x509 -noout -serial -in "$pki/$1.pem"
}

serial_is() { # namespace certificate
	[ "$(serial_in "$1")" = "$(serial_of "$2")" ]
}

has_workers() { # namespace count
	[ "$(ip netns exec "tlsock-$1" sed -n 's/^TlsockWorkers\t//p' /proc/net/tlsock_stat)" = "$2" ]
}

switch() {
	is "$($web cat /proc/sys/net/tlsock/host_daemon)" 0 "host_daemon is off"
	serve web www
	serial_in web >"$tmp/out"
	[ ! -s "$tmp/out" ]
	result $? "so nobody does a handshake there"
	! unshare -U -r -n sh -c 'echo 1 >/proc/sys/net/tlsock/host_daemon' 2>"$tmp/err"
	result $? "root of another user namespace does not switch it on"
	! $web sysctl -qw net.tlsock.host_daemon=2 2>"$tmp/err"
	result $? "2 is no value"
	$web sysctl -qw net.tlsock.host_daemon=1
	result $? "root does"
	sysctl -qw net.tlsock.host_daemon=1
	is "$(unshare -n cat /proc/sys/net/tlsock/host_daemon)" 1 "a new namespace begins with the host's"
	sysctl -qw net.tlsock.host_daemon=0
}

policy() {
	is "$(serial_in web)" "$(serial_of ecdsa)" "the host's daemon serves with what is for that namespace"
	$web "$client" 127.0.0.1 4440 / good.test test >"$tmp/got" 2>"$tmp/err"
	says daemon.log "client .* name good.test, .* peer verified" "a client there verifies with the host's trust store"
	stop "$peer"
	serve web host
	is "$(serial_in web)" "" "what is not for it, it does not get"
	stop "$peer"
	says daemon.log 'of network namespace [0-9]+ may not use the credential "host"' "the log says why"
	$there sysctl -qw net.tlsock.host_daemon=1
	serve other www
	is "$(serial_in other)" "" "nor does another namespace"
	stop "$peer"
}

late() {
	namespace late
	ip netns exec tlsock-late sysctl -qw net.tlsock.host_daemon=1
	serve late www
	kill -HUP "$daemon"
	until_true serial_is late ecdsa
	result $? "a namespace that came after the daemon"
	stop "$peer"
}

own_daemon() {
	local own
	serve web www
	$web "$tlsockd" -c "$tmp/own.conf" 2>"$tmp/own.log" &
	own=$!
	pids+=("$own")
	until_true has_workers web 1
	is "$(serial_in web)" "$(serial_of ecdsa384)" "a daemon of its own comes first"
	stop "$own"
	until_true has_workers web 0
	until_true serial_is web ecdsa
	result $? "without it, the host's again"
}

bounds() {
	$web python3 "$tmp/silent.py" >"$tmp/out" 2>"$tmp/err"
	is "$(cat "$tmp/out")" 7 "one namespace gets a quarter of the host's limit"
	until_true serial_is web ecdsa
	result $? "when they have gone it is served as before"
	stop "$peer"
}

echo "TAP version 13"
[ -e /proc/net/tlsock_stat ] || insmod "$TLSOCK_KO"
certificates
result $? "certificates"
namespace web && namespace other
result $? "two namespaces"
configure
"$tlsockd" -c "$tmp/tlsockd.conf" 2>"$tmp/daemon.log" &
daemon=$!
pids+=("$daemon")
until_true has_worker
result $? "tlsockd is registered"
switch
policy
late
own_daemon
bounds
done_testing
