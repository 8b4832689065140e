#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# scale.sh: CONNECTIONS (1000) connections that stand idle, and what each of them costs; HANDSHAKES (200)
# at once beside them; then floods of handshakes that stop half-way, with and without a ClientHello, up to
# the limit and beyond. `make check-scale` has 10000 and 1000. It must never call a limit kept that was
# not reached.
. "$(dirname "$0")/lib/peers.sh"
. "$(dirname "$0")/lib/crowd.sh"

connections=${CONNECTIONS:-1000}
handshakes=${HANDSHAKES:-200}
limit=${LIMIT:-500}
hellos=${HELLOS:-100}
export ASK_S=${ASK_S:-400}

configure() {
	cp "$pki/ecdsa.pem" "$pki/ca.pem" "$tmp/"
	install -m 600 "$pki/ecdsa.key" "$tmp/"
	cat >"$tmp/tlsockd.conf" <<-CONF
		workers = 2
		log_level = notice
		limits { handshakes_per_listener = $limit }
		credential www { chain = "ecdsa.pem" key = "ecdsa.key" }
		trust test { file = { "ca.pem" } }
	CONF
	"$tlsockd" -c "$tmp/tlsockd.conf" 2>"$tmp/daemon.log" 9>&- &
	daemon=$!
	pids+=("$daemon")
	until_true has_worker
}

meminfo() { # name...: KiB, their sum
	local name sum=0
	for name; do
		sum=$((sum + $(awk -v n="$name:" '$1 == n { print $2 }' /proc/meminfo)))
	done
	echo $sum
}

# KiB of the daemon's processes, what they share counted once
daemon_memory() {
	local pid
	for pid in "$daemon" $(pgrep -P "$daemon"); do
		awk '$1 == "Pss:" { print $2 }' "/proc/$pid/smaps_rollup"
	done | awk '{ s += $1 } END { print s + 0 }'
}

crowd_memory() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$crowd/status"
}

# What the kernel has in use but for caches and our program: KiB
kernel_memory() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	echo $(($(meminfo MemTotal) - $(meminfo MemAvailable) - $(crowd_memory) - $(daemon_memory)))
}

each() { # KiB: bytes for each connection, which has both of its ends here
	echo $(($1 * 1024 / connections))
}

idle() {
	local before plain after slab daemon_before
	before=$(kernel_memory)
	ask plain "$connections" 256
	says answer "^plain up $connections, failed 0, " "$connections connections of TCP alone"
	plain=$(($(kernel_memory) - before))
	ask end
	before=$(kernel_memory) slab=$(meminfo Slab) daemon_before=$(daemon_memory)
	ask open "$connections" 64
	says answer "^open up $connections, failed 0, of servers 0$" "$connections of TLS"
	is "$(count InFlight)" 0 "no handshake is left"
	after=$(kernel_memory)
	echo "# kernel: $(each $((after - before))) bytes a connection, both ends, $(each $plain) of them TCP's;" \
		"slab $(each $(($(meminfo Slab) - slab)))"
	echo "# daemon: $daemon_before KiB before, $(daemon_memory) KiB with $connections connections"
	# what stands is not the daemon's: nothing that grows with their number
	[ $(($(daemon_memory) - daemon_before)) -lt 8192 ]
	result $? "the daemon keeps nothing of a connection"
}

at_once() {
	local start=$SECONDS
	ask open "$handshakes" 0
	says answer "^open up $((connections + handshakes)), failed 0, of servers 0$" \
		"$handshakes handshakes at once"
	echo "# in $((SECONDS - start)) s"
	connections=$((connections + handshakes))
}

in_flight_is() { # number
	[ "$(count InFlight)" = "$1" ]
}

# all stand and carry data; a regular expression of what else the answer says
stands() { # word, rest, name
	ask traffic 16
	ask mark "$1" 0
	sed 's/^/# /' "$tmp/answer"
	says answer "^$1 standing $connections, $2" "$3: all that stand carry on"
	ask traffic 0
}

# Each answer tells what was refused since the one before.
add_refused() {
	local n
	n=$(sed -n 's/.*, of servers [0-9]* ENOBUFS:\([0-9]*\)$/\1/p' "$tmp/answer")
	refused=$((refused + ${n:-0}))
}

all_refused() { # number
	ask mark refused 0
	add_refused
	[ "$refused" = "$1" ]
}

floods() {
	local beyond=100 before refused=0
	ask silent $((limit + beyond)) 64
	add_refused
	ask traffic 16
	until_true all_refused "$beyond"
	result $? "a flood of silence: what is beyond the limit is refused"
	is "$(count InFlight)" "$limit" "$limit handshakes are in flight, and no more"
	stands silence "silent $limit, " "in the flood"
	ask hush
	until_true in_flight_is 0
	result $? "the flood goes"
	ask hello
	before=$(daemon_memory)
	ask silent "$hellos" 64
	until_true in_flight_is "$hellos"
	stands hellos "silent $hellos, " "$hellos handshakes half-way"
	until_true in_flight_is "$hellos"
	result $? "all of them wait for their clients"
	echo "# daemon: $((($(daemon_memory) - before) * 1024 / hellos)) bytes for each"
	ask hush
	until_true in_flight_is 0
	result $? "they go"
	ask traffic 16
	ask pass 2
	ask mark after 5
	says answer "^after standing $connections, silent 0, passed [0-9]+, failed 0, " \
		"new connections come in as before"
	ask pass 0
}

echo "TAP version 13"
[ -e /proc/net/tlsock_stat ] || insmod "$TLSOCK_KO"
certificates
result $? "certificates"
configure
result $? "tlsockd is registered"
sysctl -qw net.core.somaxconn=65535 net.ipv4.ip_local_port_range="1024 65535"
crowd_start www test good.test
crowd=${pids[-1]}
idle
at_once
floods
ask end
says answer "^end ended " "all end"
says answer " lost 0 bytes ([0-9]+) \1 \1 \1$" "and every byte came"
done_testing
