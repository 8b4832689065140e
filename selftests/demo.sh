#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# demo.sh: the main job, to be watched; `make demo` runs it in a virtual machine. Each step says
# what it does and shows the check beside it. It must never print a check that was not made, and
# ends badly when one fails.
. "$(dirname "$0")/lib/peers.sh"

bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
[ -t 1 ] || bold='' green='' red='' plain=''

say() {
	echo
	echo "$bold$*$plain"
}

check() { # status, words
	if [ "$1" = 0 ]; then
		echo "  ${green}ok$plain      $2"
	else
		echo "  ${red}FAILED$plain  $2"
		failed=1
		tail -n 5 "$tmp/err" "$tmp/daemon.log" 2>/dev/null | sed 's/^/          /'
	fi
}

show() { # lines of a command's output, set in
	sed 's/^/          /'
}

setup() {
	say "Linux $(uname -r): the module, the daemon, a fresh CA and certificates"
	[ -e /proc/net/tlsock_stat ] || insmod "$TLSOCK_KO"
	check $? "insmod tlsock.ko"
	certificates
	check $? "a CA, and certificates for good.test: $(cd "$pki" && echo ./*.pem)"
	daemon_start
	check $? "tlsockd is registered with the kernel"
}

step_curl() {
	say "(a) curl fetches 32 MiB from our server: sendfile() on a socket with two options set"
	ours 4433 ecdsa
	curl -sS --cacert "$pki/ca.pem" --resolve good.test:4433:127.0.0.1 --tlsv1.3 -v \
		-o "$tmp/got" https://good.test:4433/big 2>"$tmp/err"
	check $? "curl --cacert ca.pem https://good.test:4433/big"
	grep -a "SSL connection using" "$tmp/err" | sed 's/^\* //' | show
	grep -qa "SSL connection using TLSv1.3" "$tmp/err"
	check $? "curl says TLSv1.3"
	same_hash got
	check $? "SHA-256 of what came is that of the file: $(cut -c1-16 "$pki/big.sha256")..."
}

step_clients() {
	say "(b) our client fetches from openssl s_server and from nginx, and verifies them"
	peer 4434 openssl s_server -accept 127.0.0.1:4434 -cert "$pki/rsa.pem" \
		-key "$pki/rsa.key" -WWW -quiet
	fetch 4434 small && cmp -s "$tmp/got" "$www/small"
	check $? "openssl s_server -WWW, RSA certificate: $(grep -a '^info' "$tmp/err")"
	nginx_files 4435 >"$tmp/nginx.conf"
	nginx -c "$tmp/nginx.conf" -e "$tmp/nginx.log" &
	pids+=($!)
	until_true listens 4435
	fetch 4435 big && same_hash got
	check $? "nginx, 32 MiB, matching hash: $(grep -a '^info' "$tmp/err")"
}

refused() { # port name trust words
	fetch "$1" small "$2" "$3"
	[ $? = 1 ] && grep -qa EKEYREJECTED "$tmp/err" && [ ! -s "$tmp/got" ]
	check $? "$4"
	grep -a EKEYREJECTED "$tmp/err" | show
}

step_refusals() {
	say "(c) our client refuses who is not who it says"
	peer 4436 openssl s_server -accept 127.0.0.1:4436 -cert "$pki/expired.pem" \
		-key "$pki/expired.key" -WWW -quiet
	refused 4434 evil.test test "a wrong name"
	refused 4436 good.test test "an expired certificate"
	refused 4434 good.test stranger "an unknown CA"
}

step_both() {
	say "(d) our client and our server"
	fetch 4433 big && same_hash got
	check $? "32 MiB with sendfile() and read(), matching hash"
	grep -a '^info' "$tmp/err" | show
}

step_proof() {
	say "(e) what the kernel says"
	grep '^tlsock ' /proc/modules | show
	show </proc/net/tlsock_stat
	[ "$(count HandshakeDone)" -ge 5 ] && [ "$(count HandshakeFailed)" -ge 3 ]
	check $? "handshakes: $(count HandshakeDone) done, $(count HandshakeFailed) refused"
	[ "$(count RxBytes)" -ge 67108864 ] && [ "$(count TxBytes)" -ge 67108864 ]
	check $? "both 32 MiB files went through the record layer, each way"
	until_true grep -q "^info: suite 130[12] group 001d" "$tmp/server.log"
	check $? "TLSOCK_INFO of the server's sockets:"
	grep '^info' "$tmp/server.log" | show
	[ "$(count DecryptError)" = 0 ]
	check $? "no record failed to authenticate"
}

setup
step_curl
step_clients
step_refusals
step_both
step_proof
say "$([ $failed = 0 ] && echo "All of it works." || echo "Something failed.")"
exit $failed
