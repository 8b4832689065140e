#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# rows_wolfssl.sh: wolfSSL in both roles, by wolfssl_peer.c: the rows of lib/matrix.sh.
. "$(dirname "$0")/../lib/peers.sh"
. selftests/lib/matrix.sh

their_program=$BUILD/selftests/wolfssl_peer

cannot() {
	case $scheme in
	rsa_pss_pss_*) echo "no RSA-PSS keys in the wolfSSL of Debian 12" ;;
	esac
}

matrix_begin
with wolfSSL
their_clients
their_servers
matrix_end
