#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# rows_go.sh: Go's crypto/tls in both roles, by go_peer.go: the rows of lib/matrix.sh.
. "$(dirname "$0")/../lib/peers.sh"
. selftests/lib/matrix.sh

go=$(grep -aom1 'go1\.[0-9.]*' "$BUILD/selftests/go_peer" | head -n 1)
case $go in
*go1.19* | *go1.20*) versions=1.3 ;;
esac
their_program=$BUILD/selftests/go_peer

cannot() {
	case $group,$scheme,$suite in
	ffdhe*) echo "no finite field groups in crypto/tls" ;;
	*,rsa_pss_pss_*) echo "no RSA-PSS keys in crypto/x509" ;;
	*_WITH_*) [ "$versions" != 1.3 ] ||
		echo "no extended_master_secret (RFC 7627) in $go, and we go without in no TLS 1.2" ;;
	esac
}

matrix_begin
with Go
their_clients
their_servers
matrix_end
