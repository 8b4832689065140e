#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# ktls_openssl.sh: OpenSSL with its option KTLS, in both roles, TLS 1.2 and 1.3, each cipher that it
# gives to the kernel, writing and by sendfile(). It has to say that it uses kernel TLS, our counters
# have to say that it is ours, and an OpenSSL without it on the other end has to agree about every
# byte. It must never take bytes alone for a success.
. "$(dirname "$0")/../lib/peers.sh"

# version, option for the suite, suite. OpenSSL leaves CCM in TLS 1.3 to user space, for some old
# kernel's sake.
suites="tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256
tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384
tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256
tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256
tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384
tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305
tls1_2 -cipher ECDHE-ECDSA-AES128-CCM"

config() { # words for the option "Options"
	printf '%s\n' "openssl_conf = init" "[init]" "ssl_conf = ssl" "[ssl]" "system_default = all" \
		"[all]" "Options = $1"
}

s_server() { # ktls|user, options...
	local conf=$tmp/$1.cnf
	shift
	peer 4433 env OPENSSL_CONF="$conf" stdbuf -oL openssl s_server -accept 127.0.0.1:4433 \
		-cert "$pki/ecdsa.pem" -key "$pki/ecdsa.key" "$@"
}

s_client() { # ktls|user, file, options...
	local conf=$tmp/$1.cnf file=$2
	shift 2
	talk "GET /$file HTTP/1.0\r\n\r\n" env OPENSSL_CONF="$conf" openssl s_client \
		-connect 127.0.0.1:4433 -CAfile "$pki/ca.pem" -verify_return_error "$@"
}

# What a client got: behind the last line of the server's header, among the words of s_client
got() { # served file
	local at
	at=$(grep -abo -m1 'Content-type: text/plain' "$tmp/out")
	[ -n "$at" ] && cmp -i "$((${at%%:*} + 28)):0" -n "$(stat -c %s "$www/$1")" "$tmp/out" \
		"$www/$1" >>"$tmp/err" 2>&1
}

counters() {
	echo "$(ktls_count TlsTxSw) $(ktls_count TlsRxSw) $(count TxBytes) $(count RxBytes)"
}

# since counters, directions of sockets, at least so many bytes out and in
since() { # tx rx bytes: before, tx rx bytes: by how much
	local -a old=("${@:1:4}") now=()
	read -ra now <<<"$(counters)"
	[ $((now[0] - old[0])) = "$5" ] && [ $((now[1] - old[1])) = "$6" ] &&
		[ $((now[2] - old[2])) -ge "$7" ] && [ $((now[3] - old[3])) -ge "$8" ] && return
	echo "# counters ${old[*]}, then ${now[*]}; wanted $5 and $6 sockets, $7 and $8 bytes more"
	return 1
}

server_writes() { # version and suite...
	local before
	before=$(counters)
	s_server ktls -WWW "-$1" "${@:2}"
	s_client user middle "-$1" && got middle
	result $? "$1 $3: 2 MiB written by s_server, read by an OpenSSL without kernel TLS"
	stop "$peer"
	# shellcheck disable=SC2086 # words
	since $before 1 "$(receives "$1")" 2097152 0
	result $? "they were our records"
}

# OpenSSL 3.0 receives by the kernel in TLS 1.2 alone
receives() { # version
	case $1:$(openssl version) in
	tls1_3:OpenSSL\ 3.[01].*) echo 0 ;;
	*) echo 1 ;;
	esac
}

server_sendfile() { # version and suite...
	local before
	before=$(counters)
	s_server ktls -WWW -sendfile "-$1" "${@:2}"
	s_client user middle "-$1" && got middle
	result $? "$1 $3: 2 MiB by sendfile()"
	until_true grep -qa "KTLS SENDFILE 'middle' OK" "$tmp/peer.log"
	result $? "so says s_server"
	stop "$peer"
	# shellcheck disable=SC2086 # words
	since $before 1 "$(receives "$1")" 2097152 0
	result $? "they were our records"
}

client_reads() { # version and suite...
	local before rx words
	before=$(counters) rx=$(receives "$1")
	s_server user -WWW "-$1" "${@:2}"
	s_client ktls middle "-$1" && got middle
	result $? "$1 $3: s_client reads 2 MiB of an OpenSSL without kernel TLS"
	words=$(cat "$tmp/out" "$tmp/err" | grep -ac 'Using Kernel TLS for \(sending\|receiving\)')
	is "$words" $((1 + rx)) "it says that it uses kernel TLS"
	stop "$peer"
	# shellcheck disable=SC2086 # words
	since $before 1 "$rx" 20 $((rx * 2097152))
	result $? "they were our records"
}

both() { # version and suite...
	local before
	before=$(counters)
	s_server ktls -WWW -sendfile "-$1" "${@:2}"
	# a client does not offer CCM unasked
	s_client ktls middle "-$1" "${@:2}" && got middle
	result $? "$1 $3: kernel TLS on both ends"
	stop "$peer"
	# shellcheck disable=SC2086 # words
	since $before 2 $((2 * $(receives "$1"))) 2097152 $(($(receives "$1") * 2097152))
	result $? "all were our records"
}

# KeyUpdate (RFC 8446 section 4.6.3) is the program's business here: OpenSSL that sends by the kernel
# refuses its own, and cannot follow a peer's before 3.5 in the direction that is the kernel's.
begin_ktls
config KTLS >"$tmp/ktls.cnf"
config -KTLS >"$tmp/user.cnf"
while read -r version option suite; do
	case $suite in
	*AES*128*GCM*)
		server_writes "$version" "$option" "$suite"
		server_sendfile "$version" "$option" "$suite"
		client_reads "$version" "$option" "$suite"
		;;
	esac
	both "$version" "$option" "$suite"
done <<<"$suites"
done_ktls
