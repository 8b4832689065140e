#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# rows_gnutls.sh: GnuTLS (gnutls-cli, gnutls-serv) in both roles: the rows of lib/matrix.sh.
. "$(dirname "$0")/../lib/peers.sh"
. selftests/lib/matrix.sh

# gnutls-serv serves a page of its own.
their_path=index.html

# What follows the versions in a priority string, for $only
suites() {
	case $only in
	009c) echo :-KX-ALL:+RSA:-CIPHER-ALL:+AES-128-GCM ;;
	009d) echo :-KX-ALL:+RSA:-CIPHER-ALL:+AES-256-GCM ;;
	esac
}

their_server() { # kind, port, how
	local how=--disable-client-cert
	[ "$3" != mutual ] || how="--require-client-cert --verify-client-cert --x509cafile=$pki/ca.pem"
	# shellcheck disable=SC2086 # words
	peer "$2" gnutls-serv --http -p "$2" --priority NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"$(suites)" \
		--x509certfile "$pki/$1.pem" --x509keyfile "$pki/$1.key" $how
}

their_client() { # port, version, how
	local -a how=()
	case $3 in
	mutual) how=(--x509certfile "$pki/rsa.pem" --x509keyfile "$pki/rsa.key") ;;
	resume) how=(--resume --waitresumption) ;;
	esac
	talk "$request" gnutls-cli -p "$1" --x509cafile "$pki/ca.pem" --verify-hostname good.test \
		--logfile "$tmp/gnutls.log" --priority "NORMAL:-VERS-ALL:+VERS-TLS$2$(suites)" "${how[@]}" 127.0.0.1
	mv "$tmp/out" "$tmp/got.$1"
}

matrix_begin
with GnuTLS
their_clients
their_servers
rsa_exchange
matrix_end
