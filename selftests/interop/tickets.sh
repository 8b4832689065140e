#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tickets.sh: our server's session tickets (RFC 5077, RFC 8446 section 4.6.1) in the hands of openssl
# and gnutls: sessions resumed in both versions, by whichever worker the kernel rings, after a reload and with the keys
# of a folder; and each reason why one must not be: another user, credential, name or profile,
# another key. It must never take the client's word alone: TLSOCK_INFO of the server has to agree.
. "$(dirname "$0")/../lib/peers.sh"

request='GET /small HTTP/1.0\r\n\r\n'

s_client() { # options...
	: >"$tmp/server.log"
	log_anew
	talk "$request" openssl s_client -connect 127.0.0.1:4433 -CAfile "$pki/ca.pem" \
		-verify_return_error -ign_eof "$@"
}

agreed() { # pattern: what the daemon says of its last handshake
	until_true grep -q ' ms$' "$tmp/daemon.log" &&
		grep ' ms$' "$tmp/daemon.log" | tail -n 1 | grep -q "$1"
}

# first what options...: a full handshake, whose session is kept in $tmp/session
first() {
	local what=$1
	shift
	rm -f "$tmp/session"
	s_client -servername good.test -sess_out "$tmp/session" "$@" && [ -s "$tmp/session" ] &&
		grep -qa '^New, TLS' "$tmp/out"
	result $? "$what: a full handshake, and a ticket"
}

# then options...: what becomes of that session
resumed() { # what, options...
	local what=$1
	shift
	s_client -servername good.test -sess_in "$tmp/session" "$@" &&
		grep -qa '^Reused, TLS' "$tmp/out" && agreed ', resumed, '
	result $? "$what: resumed"
}

full() { # what, options...
	local what=$1
	shift
	s_client -sess_in "$tmp/session" "$@" && grep -qa '^New, TLS' "$tmp/out" &&
		agreed ' info: server .*, peer ' && ! agreed ', resumed, '
	result $? "$what: not resumed"
}

versions() {
	local version
	ours 4433 ecdsa
	for version in tls1_3 tls1_2; do
		first $version -$version
		resumed $version -$version
		resumed "$version, once more" -$version
		full "$version, another name" -$version -servername other.test
		full "$version, no name" -$version -noservername
	done
	stop "$peer"
}

others() {
	local version
	for version in tls1_3 tls1_2; do
		ours 4433 ecdsa
		first $version -$version
		stop "$peer"
		ours 4433 rsa
		full "$version, another credential" -$version -servername good.test
		stop "$peer"
		ours 4433 shared
		full "$version, another credential with the same certificate" -$version \
			-servername good.test
		first "$version, shared" -$version
		stop "$peer"
		setpriv --reuid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
			"$server" 127.0.0.1 4433 shared "$www" 2>"$tmp/server.log" &
		peer=$!
		pids+=("$peer")
		until_true listens 4433
		full "$version, another user" -$version -servername good.test
		stop "$peer"
	done
}

by_gnutls() { # version
	ours 4433 ecdsa
	talk "$request" gnutls-cli -p 4433 --x509cafile "$pki/ca.pem" --verify-hostname good.test \
		--resume --waitresumption --priority "NORMAL:-VERS-ALL:+VERS-TLS$1" 127.0.0.1
	says out 'This is a resumed session' "gnutls-cli resumes by TLS $1"
	stop "$peer"
}

reload() {
	kill -HUP "${pids[0]}"
	until_true grep -q reloaded "$tmp/daemon.log"
	log_anew
}

reloads() {
	ours 4433 ecdsa
	first "before a reload" -tls1_3
	reload
	resumed "after it" -tls1_3
	stop "$peer"
}

folder_key() { # file, byte
	(printf '%016d' "$2"; head -c 32 /dev/zero | tr '\0' "$2") >"$pki/tickets/$1.key"
	chmod 600 "$pki/tickets/$1.key"
}

folder() {
	mkdir -p "$pki/tickets"
	echo 'tickets { directory = "tickets" }' >>"$pki/tickets.conf"
	folder_key 1 1
	reload
	ours 4433 ecdsa
	first "a key of a folder" -tls1_3
	folder_key 2 2
	reload
	resumed "a newer key beside it" -tls1_3
	first "the newer one seals" -tls1_3
	rm "$pki/tickets/1.key"
	reload
	resumed "the older one gone" -tls1_3
	rm "$pki/tickets/2.key"
	folder_key 3 3
	reload
	full "its own key gone" -tls1_3 -servername good.test
	head -c 48 /dev/zero >"$pki/tickets/4.key"
	chmod 600 "$pki/tickets/4.key"
	kill -HUP "${pids[0]}"
	until_true grep -q 'stays as it was: .*4.key: the key is zero' "$tmp/daemon.log"
	result $? "a key of zeros is refused"
	stop "$peer"
}

certificates
sed 's/^workers = 1/workers = 2/' "$pki/tlsockd.conf" >"$pki/tickets.conf"
begin -c "$pki/tickets.conf"
with OpenSSL
before=$(count HandshakeDone)
versions
others
with GnuTLS
by_gnutls 1.3
by_gnutls 1.2
with OpenSSL
reloads
folder
grown HandshakeDone "$before" 20
result $? "each was a handshake of the daemon"
done_testing
