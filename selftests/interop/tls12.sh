#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tls12.sh: TLS 1.2 (RFC 5246) against openssl, gnutls, curl and nginx in both roles: each key
# exchange, RSA's in the profile "legacy" alone, certificates on both sides, who refuses whom, renegotiation (section 7.4.1.1). It must
# never take bytes alone for a success: TLSOCK_INFO and the counters have to agree.
. "$(dirname "$0")/../lib/peers.sh"

# One for each exchange and cipher; lib/matrix.sh has them all.
# code, name of OpenSSL, of GnuTLS (exchange, cipher), certificate
suites="c02b ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-ECDSA AES-128-GCM ecdsa
c030 ECDHE-RSA-AES256-GCM-SHA384 ECDHE-RSA AES-256-GCM rsa
ccaa DHE-RSA-CHACHA20-POLY1305 DHE-RSA CHACHA20-POLY1305 rsa"
request='GET /small HTTP/1.0\r\n\r\n'

# The profile "default" has all of them, and TLS 1.3.
profile() {
	local exchange
	echo 'profile default { suites = { TLS_AES_128_GCM_SHA256'
	for exchange in ECDHE_ECDSA ECDHE_RSA DHE_RSA; do
		echo ", TLS_${exchange}_WITH_AES_128_GCM_SHA256, TLS_${exchange}_WITH_AES_256_GCM_SHA384"
		echo ", TLS_${exchange}_WITH_CHACHA20_POLY1305_SHA256"
	done
	echo '} }'
}

configure() {
	(cat "$pki/tlsockd.conf" && profile && echo 'profile legacy { }') >"$pki/tls12.conf"
}

s_client() { # words, options...
	local words=$1
	shift
	: >"$tmp/server.log"
	talk "$words" openssl s_client -connect 127.0.0.1:4433 -servername good.test \
		-CAfile "$pki/ca.pem" -verify_return_error -verify_hostname good.test -tls1_2 "$@"
}

s_server() { # certificate, options...
	local cert=$1
	shift
	peer 4434 stdbuf -oL openssl s_server -accept 127.0.0.1:4434 -cert "$pki/$cert.pem" \
		-key "$pki/$cert.key" -CAfile "$pki/ca.pem" "$@"
}

has_suite() { # file, code: a line of our program's
	grep -q "^info: suite $2 " "$tmp/$1"
}

openssl_clients() {
	local code name cert
	while read -r code name _ _ cert; do
		ours 4433 "$cert"
		s_client "$request" -brief -ign_eof -cipher "$name" && ends_with out small &&
			until_true has_suite server.log "$code"
		result $? "openssl s_client: $name"
		stop "$peer"
	done <<<"$suites"
}

openssl_servers() {
	local code name cert
	while read -r code name _ _ cert; do
		s_server "$cert" -tls1_2 -WWW -cipher "$name"
		fetch 4434 small && cmp "$tmp/got" "$www/small" && has_suite err "$code"
		result $? "openssl s_server: $name"
		stop "$peer"
	done <<<"$suites"
}

priority() { # exchange, cipher
	echo "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+$1:-CIPHER-ALL:+$2"
}

gnutls() {
	local code exchange cipher cert
	while read -r code _ exchange cipher cert; do
		peer 4437 gnutls-serv --http -p 4437 --priority "$(priority "$exchange" "$cipher")" \
			--x509certfile "$pki/$cert.pem" --x509keyfile "$pki/$cert.key"
		fetch 4437 index.html && [ -s "$tmp/got" ] && has_suite err "$code"
		result $? "gnutls-serv: $exchange, $cipher"
		stop "$peer"
		ours 4433 "$cert"
		talk "$request" gnutls-cli -p 4433 --x509cafile "$pki/ca.pem" \
			--verify-hostname good.test --logfile "$tmp/gnutls.log" \
			--priority "$(priority "$exchange" "$cipher")" 127.0.0.1 &&
			ends_with out small && until_true has_suite server.log "$code"
		result $? "gnutls-cli: $exchange, $cipher"
		stop "$peer"
	done <<<"$suites"
}

web() {
	with curl
	ours 4433 ecdsa
	curl -sS -v --cacert "$pki/ca.pem" --resolve good.test:4433:127.0.0.1 --tls-max 1.2 \
		-o "$tmp/got" https://good.test:4433/big 2>"$tmp/err" && same_hash got
	result $? "curl fetches 32 MiB"
	says err 'SSL connection using TLSv1.2' "by TLS 1.2"
	stop "$peer"
	with nginx
	nginx_files 4435 | sed 's/TLSv1.3/TLSv1.2/' >"$tmp/nginx.conf"
	nginx -c "$tmp/nginx.conf" -e "$tmp/peer.log" &
	pids+=($!)
	until_true listens 4435
	fetch 4435 big && same_hash got && has_suite err c02b
	result $? "32 MiB from nginx"
}

listen_for() { # options...
	timeout 100 "$BUILD/tlsock" listen "$@" 127.0.0.1:4433 >"$tmp/got" 2>"$tmp/server.log" </dev/null &
	peer=$!
	pids+=("$peer")
	until_true listens 4433
}

mutual() {
	listen_for -i -c ecdsa -V required -t test
	s_client '' -brief -cert "$pki/rsa.pem" -key "$pki/rsa.key" &&
		until_true grep -q ': server .* TLSv1.2, .* peer verified' "$tmp/daemon.log"
	result $? "a server that asks for a certificate, and gets one"
	stop "$peer"
	listen_for -i -c ecdsa -V required -t test
	! s_client '' -brief && says err 'alert handshake failure' "a client that has none is told so"
	stop "$peer"
	s_server rsa -tls1_2 -Verify 1 -verify_return_error </dev/zero
	met
	"$BUILD/tlsock" connect -i -c ecdsa -t test -n good.test 127.0.0.1:4434 >"$tmp/out" 2>"$tmp/err"
	result $? "a server that asks our client"
	until_true grep -qa 'CN = ecdsa' "$tmp/peer.log"
	result $? "and gets its certificate"
	says out 'TLSv1.2|TLS 1.2' "the command says the version"
	met mutual
	stop "$peer"
}

# RSA key exchange; that the profile "default" refuses it is below
legacy() {
	listen_for -i -p legacy -c rsa
	s_client '' -brief -cipher AES256-GCM-SHA384 &&
		until_true grep -q ': server .* TLSv1.2, TLS_RSA_WITH_AES_256_GCM_SHA384, ' "$tmp/daemon.log"
	result $? "a client with RSA key exchange alone, in the profile legacy"
	stop "$peer"
	s_server rsa -tls1_2 -cipher AES128-GCM-SHA256 </dev/zero
	"$BUILD/tlsock" connect -i -p legacy -t test -n good.test 127.0.0.1:4434 >"$tmp/out" 2>"$tmp/err" &&
		until_true grep -q ': client .* TLSv1.2, TLS_RSA_WITH_AES_128_GCM_SHA256, .* peer verified' \
			"$tmp/daemon.log"
	result $? "a server of it, in the profile legacy"
	stop "$peer"
}

refused() { # words, what
	fetch 4434 small
	is "$?" 1 "$2"
	says err "$1" "with a reason"
	stop "$peer"
}

refusals() {
	s_server rsa -tls1_2 -WWW
	! "$BUILD/tlsock" connect -i -p modern -t test -n good.test 127.0.0.1:4434 >"$tmp/out" 2>"$tmp/err"
	result $? "the profile modern speaks no TLS 1.2"
	stop "$peer"
	s_server rsa -tls1_2 -WWW -cipher AES128-GCM-SHA256
	refused EPROTO "a server with RSA key exchange alone"
	s_server rsa -tls1_1 -WWW -cipher 'DEFAULT@SECLEVEL=0'
	refused EPROTO "a server of TLS 1.1"
	ours 4433 rsa
	! s_client "$request" -brief -ign_eof -cipher AES128-GCM-SHA256
	result $? "a client with RSA key exchange alone"
	stop "$peer"
	both_versions
}

both_versions() {
	ours 4433 rsa
	talk "$request" openssl s_client -connect 127.0.0.1:4433 -CAfile "$pki/ca.pem" -brief -ign_eof &&
		says err 'TLSv1.3' "by TLS 1.3"
	result $? "who has both speaks TLS 1.3"
	stop "$peer"
}

# s_client's R renegotiates: it is answered with a warning, at which OpenSSL gives up.
renegotiation() {
	ours 4433 ecdsa
	s_client 'R\n' -msg
	says out 'no_renegotiation' "a client that renegotiates is told no"
	stop "$peer"
}


certificates
configure
begin -c "$pki/tls12.conf"
before=$(count HandshakeDone)
with OpenSSL
openssl_clients
openssl_servers
with GnuTLS
gnutls
web
with OpenSSL
mutual
legacy
refusals
renegotiation
grown HandshakeDone "$before" 20
result $? "each was a handshake of the daemon"
done_testing
