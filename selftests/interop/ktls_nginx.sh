#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# ktls_nginx.sh: nginx with "ssl_conf_command Options KTLS" and sendfile on, TLS 1.2 and 1.3, read by
# curl without kernel TLS. Its own log has to say that it sends by SSL_sendfile() and our counters
# that the records were ours: nginx falls back to writing from user space without a word.
. "$(dirname "$0")/../lib/peers.sh"

configure() { # port, protocol, its option for ciphers
	nginx_config "listen 127.0.0.1:$1 ssl;
		error_log $tmp/nginx.log debug;
		ssl_certificate $pki/ecdsa.pem;
		ssl_certificate_key $pki/ecdsa.key;
		ssl_protocols $2;
		ssl_conf_command Options KTLS;
		$3
		sendfile on;
		root $www;" >"$tmp/nginx.conf"
}

fetched() { # port, file, curl's options
	# shellcheck disable=SC2086 # words
	timeout 100 curl -sS --cacert "$pki/ca.pem" --resolve "good.test:$1:127.0.0.1" $3 \
		-o "$tmp/got" "https://good.test:$1/$2" 2>"$tmp/err" && cmp "$tmp/got" "$www/$2"
}

calls() { # nginx's words for it
	grep -ac "$1" "$tmp/nginx.log"
}

serves() { # port, protocol, curl's option, ciphers
	local sockets bytes
	sockets=$(ktls_count TlsTxSw) bytes=$(count TxBytes)
	configure "$1" "$2" "$4"
	: >"$tmp/nginx.log"
	nginx -c "$tmp/nginx.conf" -e "$tmp/peer.log" &
	peer=$!
	pids+=("$peer")
	until_true listens "$1"
	fetched "$1" middle "$3" && fetched "$1" small "$3"
	result $? "$2 $4: two files"
	[ "$(calls 'BIO_get_ktls_send(): 1')" -ge 1 ]
	result $? "nginx says that it has kernel TLS"
	[ "$(calls 'SSL_sendfile: [1-9]')" -ge 2 ]
	result $? "and that they went by SSL_sendfile()"
	[ "$(ktls_count TlsTxSw)" -gt "$sockets" ]
	result $? "its sockets are ours"
	grown TxBytes "$bytes" 2197152
	result $? "the bytes were in our records"
	stop "$peer"
}

begin_ktls
serves 4435 TLSv1.3 --tlsv1.3 ''
serves 4436 TLSv1.3 --tlsv1.3 'ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256;'
serves 4437 TLSv1.2 '--tls-max 1.2' 'ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;'
serves 4438 TLSv1.2 '--tls-max 1.2' 'ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384;'
done_ktls
