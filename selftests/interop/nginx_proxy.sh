#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# nginx_proxy.sh: nginx as the client of our server: a proxy that speaks plaintext to curl and TLS
# 1.3 to its upstream, whose certificate it verifies; what our server's folder does not hold is not
# served. It must never let nginx go on without having verified us.
. "$(dirname "$0")/../lib/peers.sh"

configure() {
	nginx_config "listen 127.0.0.1:8080;
		location / {
			proxy_pass https://127.0.0.1:4433;
			proxy_ssl_protocols TLSv1.3;
			proxy_ssl_name good.test;
			proxy_ssl_server_name on;
			proxy_ssl_verify on;
			proxy_ssl_trusted_certificate $pki/ca.pem;
		}"
}

# proxied path options...: the status that curl gets, the file in $tmp/got
proxied() {
	local path=$1
	shift
	timeout 100 curl -sS -o "$tmp/got" -w '%{http_code}' "$@" "http://127.0.0.1:8080/$path" \
		2>"$tmp/err"
}

served() {
	local bytes handshakes
	bytes=$(count TxBytes) handshakes=$(count HandshakeDone)
	ours 4433 ecdsa
	is "$(proxied small)" 200 "a small file through nginx"
	cmp "$tmp/got" "$www/small"
	result $? "it is the file"
	is "$(proxied big)" 200 "32 MiB through nginx"
	same_hash got
	result $? "the hash"
	grown TxBytes "$bytes" 33654432 && grown HandshakeDone "$handshakes" 2
	result $? "they passed through the module"
	is "$(proxied none)" 404 "a file that is not there"
	stop "$peer"
}

# By curl itself, since nginx makes such a path straight.
escapes() {
	local path
	ours 4433 ecdsa
	for path in ../ecdsa.key small/../../ecdsa.key /etc/passwd .; do
		is "$(timeout 100 curl -sS --path-as-is --cacert "$pki/ca.pem" -o "$tmp/got" \
			--resolve good.test:4433:127.0.0.1 -w '%{http_code}' \
			"https://good.test:4433/$path" 2>"$tmp/err")" 404 "not served: $path"
	done
	stop "$peer"
}

# nginx looks at the certificate once the handshake is complete, and says close_notify.
refused() {
	ours 4433 expired
	is "$(proxied small)" 502 "nginx refuses our expired certificate"
	until_true grep -q ' bytes 0/0 ' "$tmp/server.log"
	result $? "our server never had its request"
	grep -q 'certificate verify error: (10:certificate has expired)' "$tmp/nginx.log"
	result $? "because it has expired, says nginx"
	stop "$peer"
}

begin
configure >"$tmp/nginx.conf"
nginx -c "$tmp/nginx.conf" -e "$tmp/nginx.log" 2>"$tmp/peer.log" &
pids+=($!)
until_true listens 8080
with nginx
served
with curl
escapes
with ''
refused
done_testing
