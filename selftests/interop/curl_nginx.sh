#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# curl_nginx.sh: curl fetches from our server, our client from nginx, and our client refuses who
# is not who it says. It must never take bytes for a success without the counters.
. "$(dirname "$0")/../lib/peers.sh"

curl_fetches() { # file
	curl -sS -v --cacert "$pki/ca.pem" --resolve good.test:4433:127.0.0.1 --tlsv1.3 \
		-o "$tmp/got" "https://good.test:4433/$1" 2>"$tmp/err"
}

by_curl() {
	local bytes
	bytes=$(count TxBytes)
	ours 4433 ecdsa
	curl_fetches small && cmp "$tmp/got" "$www/small"
	result $? "curl fetches a small file"
	says err 'SSL connection using TLSv1.3' "by TLS 1.3"
	curl_fetches big && same_hash got
	result $? "curl fetches 32 MiB: the hash"
	grown TxBytes "$bytes" 33654432
	result $? "they passed through the module"
	stop "$peer"
}

by_nginx() {
	local bytes
	bytes=$(count RxBytes)
	nginx_files 4435 >"$tmp/nginx.conf"
	nginx -c "$tmp/nginx.conf" -e "$tmp/peer.log" &
	pids+=($!)
	until_true listens 4435
	fetch 4435 small && cmp "$tmp/got" "$www/small"
	result $? "a small file from nginx"
	fetch 4435 big && same_hash got
	result $? "32 MiB from nginx: the hash"
	grown RxBytes "$bytes" 33654432
	result $? "they passed through the module"
}

refused() { # port name trust words
	local bytes before
	bytes=$(count RxBytes) before=$(count HandshakeFailed)
	fetch "$1" small "$2" "$3"
	is "$? $(stat -c %s "$tmp/got") $(count RxBytes)" "1 0 $bytes" "$4: refused, and not a byte read"
	says err "^connect: EKEYREJECTED: .*$5" "$4: with a sentence"
	is "$(($(count HandshakeFailed) - before))" 1 "$4: counted as failed"
}

refusals() {
	refused 4435 evil.test test "a wrong name" "not for evil.test, but for good.test"
	refused 4435 good.test stranger "an unknown CA" "not trusted"
	peer 4436 openssl s_server -accept 127.0.0.1:4436 -cert "$pki/expired.pem" \
		-key "$pki/expired.key" -WWW -quiet
	refused 4436 good.test test "an expired certificate" "has expired"
}

begin
with curl
by_curl
with nginx
by_nginx
refusals
done_testing
