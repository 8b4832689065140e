# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
#
# peers.sh: what the tests against other people's TLS programs share; sourced, never run.
#
# It moves the test into a network namespace of its own, so ports are free and the counters of
# /proc/net/tlsock_stat are the test's alone; makes certificates once for each boot; starts
# tlsockd and servers and ends them by pid. Waiting is always for a condition, with a bound. It
# must never let a connection count that did not pass through the module.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
: "${BUILD:=$PWD/build}"
if [ -z "${PEERS_NETNS:-}" ]; then
	exec unshare -n env PEERS_NETNS=1 "$0" "$@"
fi
ip link set lo up
tlsockd=${TLSOCKD:-$BUILD/tlsockd}
client=$BUILD/examples/http_client
server=$BUILD/examples/http_server
pki=/run/tlsock-selftest
www=$pki/www
tmp=$(mktemp -d)
chmod 755 "$tmp"
pids=()
. selftests/lib/checks.sh
# code, name of OpenSSL, of GnuTLS; group likewise; certificate
rows="1301 TLS_AES_128_GCM_SHA256 AES-128-GCM 001d X25519 X25519 ecdsa
1302 TLS_AES_256_GCM_SHA384 AES-256-GCM 0017 P-256 SECP256R1 ecdsa384
1301 TLS_AES_128_GCM_SHA256 AES-128-GCM 0018 P-384 SECP384R1 rsa
1302 TLS_AES_256_GCM_SHA384 AES-256-GCM 001d X25519 X25519 ed25519"

cleanup() {
	met
	exec 9>&-
	[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null
	wait
	rm -rf "$tmp"
}
trap cleanup EXIT

# ---- TAP

explain() {
	local f
	for f in err peer.log server.log daemon.log; do
		[ ! -s "$tmp/$f" ] || tail -n 8 "$tmp/$f" | tr -cd '\11\12\40-\176' | cut -c-200 |
			sed "s/^/# $f: /"
	done
}

says() { # file, extended pattern, name
	grep -qaE -- "$2" "$tmp/$1"
	result $? "$3"
}

# grown counter before at_least: never plain TCP
grown() {
	[ $(($(count "$1") - $2)) -ge "$3" ] || echo "# $1: $2, then $(count "$1")"
	[ $(($(count "$1") - $2)) -ge "$3" ]
}

# ---- the table of who has met whom, that interop/table.awk makes of what the daemon says

other='' # whose handshakes these are
told=0 forgotten=0 # handshakes of the log: in the table already; in one that was emptied

with() { # the peer, from here on
	met
	other=$1
}

all_told() {
	[ $((forgotten + $(grep -c ' ms$' "$tmp/daemon.log"))) -ge "$(count HandshakeDone)" ]
}

# met [mutual]: what came since goes to the table; a server that had our certificate: say so
# shellcheck disable=SC2120 # the word is for some
met() {
	[ -n "$other" ] && [ -n "${RESULTS:-}" ] && until_true all_told || return 0
	grep ' ms$' "$tmp/daemon.log" | tail -n "+$((told + 1))" |
		sed "s/^/$other|${1:-}|/" >>"$RESULTS/interop.met"
	told=$(grep -c ' ms$' "$tmp/daemon.log")
}

log_anew() {
	met
	forgotten=$((forgotten + $(grep -c ' ms$' "$tmp/daemon.log"))) told=0
	: >"$tmp/daemon.log"
}

# ---- certificates, files

key_options() { # kind
	case $1 in
	ecdsa384) echo "-newkey ec -pkeyopt ec_paramgen_curve:P-384" ;;
	rsa) echo "-newkey rsa:2048" ;;
	rsapss) echo "-newkey rsa-pss -pkeyopt rsa_keygen_bits:2048" ;;
	ed25519) echo "-newkey ed25519" ;;
	*) echo "-newkey ec -pkeyopt ec_paramgen_curve:P-256" ;;
	esac
}

authority() { # name
	# shellcheck disable=SC2046 # words
	openssl req -x509 $(key_options "$1") -nodes -days 30 -subj "/CN=$1" \
		-addext keyUsage=critical,keyCertSign -keyout "$1.key" -out "$1.pem"
}

# NSS takes no RSA key that may not encipher, whatever it is wanted for.
leaf() { # kind
	local usage=critical,digitalSignature
	[ "$1" != rsa ] || usage+=,keyEncipherment
	# shellcheck disable=SC2046 # words
	openssl req -x509 $(key_options "$1") -nodes -days 30 -subj "/CN=$1" -CA ca.pem \
		-CAkey ca.key -keyout "$1.key" -out "$1.pem" \
		-addext subjectAltName=DNS:good.test,IP:127.0.0.1 \
		-addext basicConstraints=critical,CA:false -addext "keyUsage=$usage"
}

expired() {
	# shellcheck disable=SC2046 # words
	openssl req $(key_options ecdsa) -nodes -subj /CN=expired -keyout expired.key \
		-out expired.csr &&
		echo "subjectAltName=DNS:good.test" >expired.ext &&
		openssl x509 -req -in expired.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
			-days -1 -extfile expired.ext -out expired.pem
}

# Once for each boot, in a folder of root's; under another name until it is complete.
certificates() {
	local kind new=$pki.$$
	[ ! -d "$pki" ] || return 0
	mkdir -m 755 "$new" "$new/www" && (
		cd "$new" || exit 1
		authority ca && authority stranger && expired || exit 1
		for kind in ecdsa ecdsa384 rsa rsapss ed25519; do
			leaf $kind || exit 1
			echo "credential $kind { chain = \"$kind.pem\" key = \"$kind.key\" }"
		done >tlsockd.conf
		cat >>tlsockd.conf <<-CONF
			workers = 1
			credential expired { chain = "expired.pem" key = "expired.key" }
			credential shared { chain = "ecdsa.pem" key = "ecdsa.key" users = {"*"} }
			trust test { file = { "ca.pem" } }
			trust stranger { file = { "stranger.pem" } }
		CONF
		chmod 600 ./*.key
		head -c 100000 /dev/urandom >www/small
		head -c 2097152 /dev/urandom >www/middle
		head -c 33554432 /dev/urandom >www/big
		sha256sum <www/big >big.sha256
	) >"$tmp/err" 2>&1 && mv "$new" "$pki"
}

# ---- processes

has_worker() {
	[ "$(count Workers)" -gt 0 ]
}

daemon_start() { # options...
	# appended to, so that a test may empty it
	"$tlsockd" -c "$pki/tlsockd.conf" -v "$@" 2>>"$tmp/daemon.log" &
	pids+=($!)
	until_true has_worker
}

begin() { # options of tlsockd...
	echo "TAP version 13"
	[ -e /proc/net/tlsock_stat ] || insmod "$TLSOCK_KO"
	certificates
	result $? "certificates"
	daemon_start "$@"
	result $? "tlsockd is registered"
}

# The same without a daemon, for TLS programs that do the handshake themselves and hand their keys
# to the kernel: the module serves the name "tls" to them.
begin_ktls() {
	echo "TAP version 13"
	[ ! -d /sys/module/tlsock ] || rmmod tlsock
	insmod "$TLSOCK_KO" ktls=1
	result $? "the module serves the name tls"
	[ -r /proc/net/tls_stat ] && [ ! -d /sys/module/tls ]
	result $? "and the kernel's own is not there"
	certificates
	result $? "certificates"
}

# What /proc/net/tls_stat counts of a name, and whether that grew since it was so much
ktls_count() { # name
	awk -v name="$1" '$1 == name { print $2 }' /proc/net/tls_stat
}

no_socket_is_left() {
	[ "$(ktls_count TlsCurrTxSw) $(ktls_count TlsCurrRxSw)" = "0 0" ]
}

done_ktls() {
	until_true no_socket_is_left
	result $? "no socket of it is left"
	is "$(ktls_count TlsDecryptError)" 0 "no record was refused"
	cleanup
	trap - EXIT
	rmmod tlsock
	result $? "the module can go"
	done_testing
}

listens() { # port
	[ -n "$(ss -Hltn "sport = :$1")" ]
}

# peer port command...: a server of others, from the folder of files; its pid in $peer
peer() {
	local port=$1
	shift
	# a job in the background gets no standard input unless it is given one
	(cd "$www" && exec "$@") <&0 >"$tmp/peer.log" 2>&1 &
	peer=$!
	pids+=("$peer")
	until_true listens "$port" || echo "# no server at port $port"
}

# ours port credential: our server; its pid in $peer
ours() {
	"$server" 127.0.0.1 "$1" "$2" "$www" 2>"$tmp/server.log" &
	peer=$!
	pids+=("$peer")
	until_true grep -q ^listening "$tmp/server.log" || echo "# our server does not come up"
}

stop() { # pid
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

# fetch port file [name [trust]]: by our client, into $tmp/got
fetch() {
	timeout 100 "$client" 127.0.0.1 "$1" "$2" "${3:-good.test}" "${4:-test}" \
		>"$tmp/got" 2>"$tmp/err"
}

# The last bytes of a file are those of a file served: what comes before are headers.
ends_with() { # file, served file
	tail -c "$(stat -c %s "$www/$2")" "$tmp/$1" | cmp - "$www/$2" >>"$tmp/err" 2>&1
}

same_hash() { # file in $tmp
	[ "$(sha256sum <"$tmp/$1")" = "$(cat "$pki/big.sha256")" ]
}

# talk words command...: a client of others that gets the words, and its standard input open
# until it has ended by itself; output in $tmp/out
talk() {
	local words=$1 pid rc
	shift
	rm -f "$tmp/in"
	mkfifo "$tmp/in"
	timeout 100 "$@" <"$tmp/in" >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	exec 9>"$tmp/in"
	printf '%b' "$words" >&9
	wait $pid
	rc=$?
	exec 9>&-
	return $rc
}

# info file suite group: what our program says of its connection
info() {
	grep -q "^info: suite $2 group $3 " "$tmp/$1"
}

nginx_config() { # what its server is
	cat <<-CONF
		daemon off;
		master_process off;
		user root;
		pid $tmp/nginx.pid;
		events { }
		http {
			access_log off;
			client_body_temp_path $tmp;
			proxy_temp_path $tmp;
			fastcgi_temp_path $tmp;
			uwsgi_temp_path $tmp;
			scgi_temp_path $tmp;
			server { $1 }
		}
	CONF
}

# For our client: files over TLS 1.3 at a port
nginx_files() { # port
	nginx_config "listen 127.0.0.1:$1 ssl;
		ssl_certificate $pki/ecdsa.pem;
		ssl_certificate_key $pki/ecdsa.key;
		ssl_protocols TLSv1.3;
		root $www;"
}
