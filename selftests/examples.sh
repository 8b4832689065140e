#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# examples.sh: the programs of user/examples against OpenSSL and each other: many connections in one
# loop, STARTTLS, certificates on both sides, io_uring. http_client and http_server are what most of
# interop/ is made of. It must never take an example for good that has not refused what it should.
# shellcheck disable=SC2317 # functions that a variable calls
. "$(dirname "$0")/lib/peers.sh"
examples=$BUILD/examples

# example port program arguments...: one that serves; its pid in $peer
example() {
	local port=$1
	shift
	"$@" >"$tmp/example.out" 2>"$tmp/server.log" &
	peer=$!
	pids+=("$peer")
	until_true listens "$port" || echo "# no server at port $port"
}

# A client of OpenSSL; its input stays open until it has ended or $last has come
s_client() { # words arguments...
	local words=$1
	shift
	talk "$words" openssl s_client -CAfile "$pki/ca.pem" -verify_return_error \
		-verify_hostname good.test "$@"
}

all_answer() { # files
	local f
	for f in "$@"; do
		grep -q "^olleh$" "$f" || return 1
	done
}

epoll_tests() {
	local i files
	example 4440 "$examples/epoll_server" 127.0.0.1 4440 ecdsa
	# two that connect and say nothing, before all others
	exec 6<>/dev/tcp/127.0.0.1/4440 7<>/dev/tcp/127.0.0.1/4440
	files=("$tmp/echo."{1,2,3,4})
	touch "${files[@]}"
	for i in 1 2 3 4; do
		# each stays until all have been answered
		(echo olleh && until_true all_answer "${files[@]}") |
			timeout 100 openssl s_client -quiet -CAfile "$pki/ca.pem" -verify_return_error \
				-verify_hostname good.test -connect 127.0.0.1:4440 >"$tmp/echo.$i" 2>"$tmp/err" &
		pids+=("$!")
	done
	until_true all_answer "${files[@]}"
	result $? "epoll_server: four at once are answered, while two do not begin"
	head -c 1000000 /dev/urandom >"$tmp/data"
	timeout 100 "$BUILD/tlsock" connect -n good.test -t test 127.0.0.1:4440 <"$tmp/data" >"$tmp/back" 2>"$tmp/err"
	cmp "$tmp/data" "$tmp/back" >>"$tmp/err" 2>&1
	result $? "epoll_server: a megabyte goes there and back"
	exec 6>&- 7>&-
	stop "$peer"
}

more_errors() { # than before
	[ "$(grep -c "^server: Protocol error" "$tmp/server.log")" -gt "$1" ]
}

starttls_tests() {
	local before
	example 4441 "$examples/starttls" server 127.0.0.1 4441 ecdsa
	s_client 'NOOP\nQUIT\n' -starttls smtp -crlf -quiet -connect 127.0.0.1:4441
	says out "^250 over TLS" "starttls: openssl s_client begins in plaintext and ends in TLS"
	timeout 100 "$examples/starttls" client 127.0.0.1 4441 good.test test >"$tmp/out" 2>"$tmp/err"
	is "$? $(cat "$tmp/out")" "0 over TLS" "starttls: so does our client"
	timeout 100 "$examples/starttls" client 127.0.0.1 4441 other.test test >"$tmp/out" 2>"$tmp/err"
	is "$? $(cat "$tmp/out")" "1 " "starttls: a server of another name is refused"
	says err "not for other.test" "starttls: and why is told"
	# commands that somebody put behind STARTTLS, in plaintext (CVE-2011-0411); the answer to STARTTLS may
	# be lost with the reset of a connection that has ended with bytes unread
	until_true more_errors 0
	before=$(grep -c "^server: Protocol error" "$tmp/server.log")
	exec 6<>/dev/tcp/127.0.0.1/4441
	printf 'STARTTLS\r\nNOOP\r\n' >&6
	timeout 100 cat <&6 >"$tmp/out" 2>"$tmp/err"
	exec 6>&-
	until_true more_errors "$before"
	result $? "starttls: a command behind STARTTLS in plaintext ends the connection"
	! grep -q "^250" "$tmp/out"
	result $? "starttls: and is not carried out"
	stop "$peer"
	# a server that does not offer it: the client does not go on
	(printf '220 hello\r\n250 nothing here\r\n' | timeout 60 nc -lN 127.0.0.1 4442 >"$tmp/heard") &
	pids+=("$!")
	until_true listens 4442
	timeout 100 "$examples/starttls" client 127.0.0.1 4442 good.test test >"$tmp/out" 2>"$tmp/err"
	is "$? $(grep -c NOOP "$tmp/heard")" "1 0" "starttls: without STARTTLS the client does not go on"
}

mutual_tests() {
	example 4443 "$examples/mutual_tls" server 127.0.0.1 4443 ecdsa test
	s_client 'hello\n' -cert "$pki/rsa.pem" -key "$pki/rsa.key" -quiet -connect 127.0.0.1:4443
	says out "^good day" "mutual_tls: openssl s_client shows its certificate"
	openssl x509 -in "$pki/rsa.pem" -outform DER | cmp - "$tmp/example.out" 2>>"$tmp/err"
	result $? "mutual_tls: and the server has it"
	s_client 'hello\n' -quiet -connect 127.0.0.1:4443
	! grep -q "^good day" "$tmp/out"
	result $? "mutual_tls: a client without one is refused"
	until_true grep -q "^refused: EKEYREJECTED" "$tmp/server.log"
	result $? "mutual_tls: for that reason"
	timeout 100 "$examples/mutual_tls" client 127.0.0.1 4443 ed25519 test good.test >"$tmp/out" 2>"$tmp/err"
	is "$?" 0 "mutual_tls: our client too"
	says out "^good day" "mutual_tls: is answered"
	stop "$peer"
	peer 4444 openssl s_server -accept 127.0.0.1:4444 -cert "$pki/ecdsa.pem" -key "$pki/ecdsa.key" \
		-CAfile "$pki/ca.pem" -Verify 1 -verify_return_error -rev
	timeout 100 "$examples/mutual_tls" client 127.0.0.1 4444 ecdsa384 test good.test >"$tmp/out" 2>"$tmp/err"
	says out "^olleh" "mutual_tls: openssl s_server verifies our client"
	stop "$peer"
}

uring_tests() {
	peer 4445 openssl s_server -accept 127.0.0.1:4445 -cert "$pki/ecdsa.pem" -key "$pki/ecdsa.key" -WWW -quiet
	timeout 100 "$examples/uring_client" 127.0.0.1 4445 small good.test test >"$tmp/got" 2>"$tmp/err"
	is "$?" 0 "uring_client: fetches from openssl"
	ends_with got small
	result $? "uring_client: all of the file"
	timeout 100 "$examples/uring_client" 127.0.0.1 4445 small other.test test >"$tmp/got" 2>"$tmp/err"
	is "$? $(wc -c <"$tmp/got")" "1 0" "uring_client: nothing from a server of another name"
	says err "^connect: EKEYREJECTED: .*other.test" "uring_client: and why is told"
	stop "$peer"
}

case ${KVER:-} in
6.1 | 7.x)
	echo "1..0 # SKIP what the kernel does for them has tests of its own: kernel 6.12, and debug"
	exit 4
	;;
esac
# shellcheck disable=SC2119 # no options
begin
epoll_tests
starttls_tests
mutual_tests
uring_tests
done_testing
