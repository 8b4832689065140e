#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# ktls_gnutls.sh: GnuTLS with "ktls = true" in its configuration, in both roles, TLS 1.2 and 1.3. A
# GnuTLS that was built without --enable-ktls takes the line and does nothing: that is told by a
# system call that does not come, and is a skip with the reason, never a pass.
. "$(dirname "$0")/../lib/peers.sh"

priority() { # version
	echo "NORMAL:-VERS-ALL:+VERS-$1:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM"
}

# Does it try to attach the name? A server that gets one connection, under strace.
tries() {
	peer 4437 env GNUTLS_SYSTEM_PRIORITY_FILE="$tmp/gnutls.conf" strace -f -e trace=setsockopt \
		-o "$tmp/trace" gnutls-serv --http -p 4437 --priority "$(priority TLS1.3)" \
		--x509certfile "$pki/ecdsa.pem" --x509keyfile "$pki/ecdsa.key"
	timeout 100 curl -sS --cacert "$pki/ca.pem" --resolve good.test:4437:127.0.0.1 \
		-o "$tmp/got" https://good.test:4437/ 2>"$tmp/err"
	result $? "gnutls-serv with its configuration answers"
	stop "$peer"
	grep -q TCP_ULP "$tmp/trace"
}

serves() { # version, curl's options...
	local sockets bytes
	sockets=$(ktls_count TlsTxSw) bytes=$(count TxBytes)
	peer 4437 env GNUTLS_SYSTEM_PRIORITY_FILE="$tmp/gnutls.conf" gnutls-serv --http -p 4437 \
		--priority "$(priority "$1")" --x509certfile "$pki/ecdsa.pem" \
		--x509keyfile "$pki/ecdsa.key"
	timeout 100 curl -sS --cacert "$pki/ca.pem" --resolve good.test:4437:127.0.0.1 \
		-o "$tmp/got" https://good.test:4437/ 2>"$tmp/err" && [ -s "$tmp/got" ]
	result $? "gnutls-serv, $1"
	[ "$(ktls_count TlsTxSw)" -gt "$sockets" ] && grown TxBytes "$bytes" 100
	result $? "by our records"
	stop "$peer"
}

fetches() { # version
	local sockets bytes
	sockets=$(ktls_count TlsRxSw) bytes=$(count RxBytes)
	peer 4433 openssl s_server -accept 127.0.0.1:4433 -cert "$pki/ecdsa.pem" \
		-key "$pki/ecdsa.key" -WWW -quiet
	talk 'GET /middle HTTP/1.0\r\n\r\n' env GNUTLS_SYSTEM_PRIORITY_FILE="$tmp/gnutls.conf" \
		gnutls-cli -p 4433 --x509cafile "$pki/ca.pem" --verify-hostname good.test \
		--logfile "$tmp/gnutls.log" --priority "$(priority "$1")" 127.0.0.1 &&
		ends_with out middle
	result $? "gnutls-cli, $1"
	[ "$(ktls_count TlsRxSw)" -gt "$sockets" ] && grown RxBytes "$bytes" 2097152
	result $? "by our records"
	stop "$peer"
}

begin_ktls
printf '[global]\nktls = true\n' >"$tmp/gnutls.conf"
if tries; then
	for version in TLS1.2 TLS1.3; do
		serves $version
		fetches $version
	done
else
	for role in gnutls-serv gnutls-cli; do
		n=$((n + 1))
		echo "ok $n $role by kernel TLS # SKIP this GnuTLS ($(gnutls-serv --version | head -1))" \
			"was built without --enable-ktls: it never attaches the ULP"
	done
fi
done_ktls
