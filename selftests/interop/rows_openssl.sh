#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# rows_openssl.sh: OpenSSL (s_client, s_server) in both roles: the rows of lib/matrix.sh.
. "$(dirname "$0")/../lib/peers.sh"
. selftests/lib/matrix.sh

# Options for $only
suites() {
	case $only in
	009c) echo -cipher AES128-GCM-SHA256 ;;
	009d) echo -cipher AES256-GCM-SHA384 ;;
	esac
}

their_server() { # kind, port, how
	local how=''
	[ "$3" != mutual ] || how="-Verify 1 -verify_return_error -CAfile $pki/ca.pem"
	# shellcheck disable=SC2046,SC2086 # words
	peer "$2" openssl s_server -accept "127.0.0.1:$2" -cert "$pki/$1.pem" -key "$pki/$1.key" \
		-WWW $how $(suites)
}

s_client() { # port, version, options...
	# shellcheck disable=SC2046 # words
	talk "$request" openssl s_client -connect "127.0.0.1:$1" -servername good.test -quiet \
		-CAfile "$pki/ca.pem" -verify_return_error -verify_hostname good.test \
		"-tls${2/./_}" "${@:3}" $(suites)
	mv "$tmp/out" "$tmp/got.$1"
}

their_client() { # port, version, how
	case $3 in
	plain) s_client "$1" "$2" ;;
	mutual) s_client "$1" "$2" -cert "$pki/rsa.pem" -key "$pki/rsa.key" ;;
	resume)
		s_client "$1" "$2" -sess_out "$tmp/session"
		s_client "$1" "$2" -sess_in "$tmp/session"
		;;
	esac
}

matrix_begin
with OpenSSL
their_clients
their_servers
rsa_exchange
matrix_end
