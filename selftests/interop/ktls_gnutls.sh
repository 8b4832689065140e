#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# ktls_gnutls.sh: a GnuTLS that was built with --enable-ktls (vm/gnutls.sh) and told "ktls = true", in
# both roles, TLS 1.2 and 1.3, each cipher that it gives to the kernel. Our counters have to say that
# the records are ours, and one without kernel TLS on the other end has to agree about every byte.
# It must never take bytes alone for a success.
. "$(dirname "$0")/../lib/peers.sh"

suites="TLS1.2 AES-128-GCM
TLS1.2 AES-256-GCM
TLS1.3 AES-128-GCM
TLS1.3 AES-256-GCM"

priority() { # version, cipher
	echo "NORMAL:-VERS-ALL:+VERS-$1:-CIPHER-ALL:+$2"
}

counters() {
	echo "$(ktls_count TlsTxSw) $(ktls_count TlsRxSw) $(count TxBytes) $(count RxBytes)"
}

# since counters, sockets that send and receive, at least so many bytes out and in
since() { # tx rx bytes: before, tx rx bytes: by how much
	local -a old=("${@:1:4}") now=()
	read -ra now <<<"$(counters)"
	[ $((now[0] - old[0])) = "$5" ] && [ $((now[1] - old[1])) = "$6" ] &&
		[ $((now[2] - old[2])) -ge "$7" ] && [ $((now[3] - old[3])) -ge "$8" ] && return
	echo "# counters ${old[*]}, then ${now[*]}; wanted $5 and $6 sockets, $7 and $8 bytes more"
	return 1
}

serv() { # program, version, cipher
	peer 4437 env GNUTLS_SYSTEM_PRIORITY_FILE="$tmp/gnutls.conf" "$1" --http -p 4437 \
		--disable-client-cert --priority "$(priority "$2" "$3")" \
		--x509certfile "$pki/ecdsa.pem" --x509keyfile "$pki/ecdsa.key"
}

cli() { # port, file, version, cipher
	talk "GET /$2 HTTP/1.0\r\n\r\n" env GNUTLS_SYSTEM_PRIORITY_FILE="$tmp/gnutls.conf" \
		"$BUILD/selftests/gnutls-cli" -p "$1" --x509cafile "$pki/ca.pem" \
		--verify-hostname good.test --logfile "$tmp/gnutls.log" \
		--priority "$(priority "$3" "$4")" 127.0.0.1
}

serves() { # version, cipher
	local before
	before=$(counters)
	serv "$BUILD/selftests/gnutls-serv" "$1" "$2"
	timeout 100 curl -sS --cacert "$pki/ca.pem" --resolve good.test:4437:127.0.0.1 \
		-o "$tmp/got" https://good.test:4437/ 2>"$tmp/err" && grep -q 'GnuTLS' "$tmp/got"
	result $? "$1 $2: gnutls-serv's page, read by curl"
	stop "$peer"
	# shellcheck disable=SC2086 # words
	since $before 1 1 "$(stat -c %s "$tmp/got")" 40
	result $? "its records were ours"
}

fetches() { # version, cipher
	local before
	before=$(counters)
	peer 4433 openssl s_server -accept 127.0.0.1:4433 -cert "$pki/ecdsa.pem" \
		-key "$pki/ecdsa.key" -WWW -quiet
	cli 4433 part "$1" "$2" && ends_with out part
	result $? "$1 $2: gnutls-cli reads three records of an OpenSSL without kernel TLS"
	stop "$peer"
	# shellcheck disable=SC2086 # words
	since $before 1 1 20 40000
	result $? "its records were ours"
}

both() { # version, cipher
	local before
	before=$(counters)
	serv "$BUILD/selftests/gnutls-serv" "$1" "$2"
	cli 4437 index.html "$1" "$2" && grep -qa 'GnuTLS' "$tmp/out"
	result $? "$1 $2: kernel TLS on both ends"
	stop "$peer"
	# shellcheck disable=SC2086 # words
	since $before 2 2 500 500
	result $? "all records were ours"
}

# What Debian ships takes the line of the configuration, and that is all.
debian() {
	local before
	before=$(counters)
	serv gnutls-serv TLS1.3 AES-128-GCM
	timeout 100 curl -sS --cacert "$pki/ca.pem" --resolve good.test:4437:127.0.0.1 \
		-o "$tmp/got" https://good.test:4437/ 2>"$tmp/err"
	result $? "Debian's own gnutls-serv, with the same configuration"
	stop "$peer"
	is "$(counters)" "$before" "never gives a key to the kernel"
}

if [ ! -x "$BUILD/selftests/gnutls-serv" ]; then
	echo "1..0 # SKIP Debian builds GnuTLS without --enable-ktls; make check-gnutls builds one with it"
	exit 4
fi
begin_ktls
# gnutls-cli prints each byte by a system call of its own: a file of few
head -c 40000 "$www/small" >"$www/part"
printf '[global]\nktls = true\n' >"$tmp/gnutls.conf"
while read -r version cipher; do
	serves "$version" "$cipher"
	fetches "$version" "$cipher"
	both "$version" "$cipher"
done <<<"$suites"
debian
done_ktls
