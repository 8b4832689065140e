# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
#
# matrix.sh: the product of the tests against other people's TLS programs; sourced, never run, behind
# peers.sh. Each suite, group and signature scheme that we have is a row; our end has a profile for
# each row and offers nothing else, so the other end has to do just that, or to say why it cannot.
# (In TLS 1.2 the curve of an ECDSA key has to be among the groups, RFC 8422 section 5.1.1.)
# Behind them come certificates on both sides, sessions that are resumed, and RSA key exchange, for
# which there is one profile: there it is the other end that offers one suite.
#
# A test says who it is about and how:
#
#	with PEER		who it is
#	cannot ROLE		print why it cannot do $code, $group, $scheme, $cert in this role;
#				nothing: it can. ROLE is what the peer is.
#	their_server CERT PORT HOW	start its server; HOW is "plain", or "mutual": it asks for a
#				certificate
#	their_client PORT VERSION HOW	its client fetches "small" from our server, into $tmp/got.PORT.
#				HOW is "plain", "mutual" or "resume": once more, with the session
#	versions		what it can do with certificates on both sides and with sessions
#	$only			the code of the one suite that it is to offer, or ""
#	their_path		what its server is asked for; compared with the file if that is "small"
#
# It must never take bytes alone for a success: TLSOCK_INFO has to agree.
rows="c02b TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 0017 secp256r1 0403 ecdsa_secp256r1_sha256 ecdsa
c02c TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 0018 secp384r1 0503 ecdsa_secp384r1_sha384 ecdsa384
cca9 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 001d x25519 0807 ed25519 ed25519
cca9 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 0017 secp256r1 0403 ecdsa_secp256r1_sha256 ecdsa
c02f TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 001d x25519 0804 rsa_pss_rsae_sha256 rsa
c030 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 0017 secp256r1 0401 rsa_pkcs1_sha256 rsa
cca8 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 0018 secp384r1 0501 rsa_pkcs1_sha384 rsa
c02f TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 001d x25519 0809 rsa_pss_pss_sha256 rsapss
009e TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 0100 ffdhe2048 0601 rsa_pkcs1_sha512 rsa
009f TLS_DHE_RSA_WITH_AES_256_GCM_SHA384 0101 ffdhe3072 0805 rsa_pss_rsae_sha384 rsa
ccaa TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256 0100 ffdhe2048 0806 rsa_pss_rsae_sha512 rsa
1301 TLS_AES_128_GCM_SHA256 001d x25519 0403 ecdsa_secp256r1_sha256 ecdsa
1302 TLS_AES_256_GCM_SHA384 0018 secp384r1 0503 ecdsa_secp384r1_sha384 ecdsa384
1303 TLS_CHACHA20_POLY1305_SHA256 0017 secp256r1 0807 ed25519 ed25519
1301 TLS_AES_128_GCM_SHA256 0017 secp256r1 0804 rsa_pss_rsae_sha256 rsa
1302 TLS_AES_256_GCM_SHA384 001d x25519 0805 rsa_pss_rsae_sha384 rsa
1303 TLS_CHACHA20_POLY1305_SHA256 0018 secp384r1 0806 rsa_pss_rsae_sha512 rsa
1303 TLS_CHACHA20_POLY1305_SHA256 0100 ffdhe2048 0403 ecdsa_secp256r1_sha256 ecdsa
1302 TLS_AES_256_GCM_SHA384 0101 ffdhe3072 0403 ecdsa_secp256r1_sha256 ecdsa
1301 TLS_AES_128_GCM_SHA256 0017 secp256r1 0809 rsa_pss_pss_sha256 rsapss
1302 TLS_AES_256_GCM_SHA384 0018 secp384r1 080a rsa_pss_pss_sha384 rsapss
1303 TLS_CHACHA20_POLY1305_SHA256 001d x25519 080b rsa_pss_pss_sha512 rsapss"
request='GET /small HTTP/1.0\r\n\r\n'
their_path=small
only=''
rows_tried=0
https=$BUILD/selftests/https
kinds="ecdsa ecdsa384 rsa rsapss ed25519 "

versions="1.2 1.3"
their_program='' # or one that takes the words of go_peer and wolfssl_peer: no hooks are needed then

cannot() { :; }

their_server() { # kind, port, how
	peer "$2" "$their_program" serve "$www/small" "$pki" "$2" "$1" "$3"
}

their_client() { # port, version, how
	calls+=("$@")
}

version() { # code
	case $1 in
	13*) echo 1.3 ;;
	*) echo 1.2 ;;
	esac
}

# The certificates are signed with ECDSA, whatever they hold; an ECDSA key is left no choice (in TLS 1.2
# it may sign with any hash).
matrix_profiles() {
	local n=0 code suite group scheme cert
	while read -r code suite _ group _ scheme cert; do
		n=$((n + 1))
		[ "${scheme#ecdsa}" != "$scheme" ] || scheme="$scheme, ecdsa_secp256r1_sha256"
		echo "profile row$n { suites = { $suite } groups = { $group }"
		echo "signature_schemes = { $scheme } }"
	done <<<"$rows"
	echo "profile only1.2 { max_version = \"TLSv1.2\" }"
	echo "profile only1.3 { min_version = \"TLSv1.3\" }"
	echo "profile legacy { max_version = \"TLSv1.2\" }"
}

matrix_begin() {
	case ${KVER:-} in
	6.1 | 7.x)
		echo "1..0 # SKIP handshakes are user space's: all rows on kernel 6.12, and on debug"
		exit 4
		;;
	esac
	certificates
	(cat "$pki/tlsockd.conf" && matrix_profiles) >"$pki/matrix.conf"
	begin -c "$pki/matrix.conf"
	before=$(count HandshakeDone)
	[ "$failed" = 0 ] || done_testing
}

skipped() { # name, why
	n=$((n + 1))
	echo "ok $n $1 # SKIP $2"
}

# agreed file, words: is there such a line of ours?
agreed() {
	grep -qE "^$2\$" "$tmp/$1"
}

# What came is the file, behind headers and what else a client of others prints.
whole() { # word of the file's name
	[ -s "$tmp/got.$1" ] && { [ "$2" != small ] || ends_with "got.$1" small; }
}

is_row() { # log of ours, who said it, the file's word, what was asked for, name
	local rc groups=$groupcode
	# DHE of TLS 1.2: the server has a prime, whatever was asked for; and theirs may be its own
	case $suite,$1 in
	TLS_DHE_*,serve.log) groups='010[01]' ;;
	TLS_DHE_*) groups='(010[01]|0000)' ;;
	esac
	whole "$3" "$4" && until_true agreed "$1" "$2: suite $code group $groups scheme $schemecode.*"
	rc=$?
	rows_tried=$((rows_tried + 1))
	[ $rc = 0 ] || grep -sE "^$2: " "$tmp/$1" | sed 's/^/# ours: /'
	result $rc "$5"
}

each_row() { # command: with $code, $suite, ... $cert, $name, and the number of the row
	local suite scheme
	row=0
	while read -r code suite groupcode group schemecode scheme cert <&3; do
		row=$((row + 1))
		name="$suite, $group, $scheme"
		"$@"
	done 3<<<"$rows"
}

possible() { # role, command: skip the row, or go on
	local why
	why=$(cannot "$1")
	if [ -n "$why" ]; then
		skipped "$other $1: $name" "$why"
	else
		"$2"
	fi
}

# ---- its clients, our server: a port for each row

a_port() {
	words+=($((5000 + row)) "$cert" "row$row" 0)
}

a_call() {
	their_client $((5000 + row)) "$(version "$code")" plain
}

a_client() {
	is_row serve.log $((5000 + row)) $((5000 + row)) small "$other client: $name"
}

our_server() {
	local words=() v
	each_row a_port
	for v in $versions; do
		words+=("51${v/./}" ecdsa "only$v" 2 "52${v/./}" ecdsa "only$v" 0)
	done
	"$https" serve "$www/small" "${words[@]}" >"$tmp/serve.log" 2>"$tmp/server.log" &
	peer=$!
	pids+=("$peer")
	until_true grep -q ^listening "$tmp/serve.log" || echo "# our server does not come up"
}

# All connections, then what became of each
their_clients() {
	local calls=() v
	our_server
	each_row if_possible client a_call
	for v in $versions; do
		their_client "51${v/./}" "$v" mutual
		their_client "52${v/./}" "$v" resume
	done
	[ -z "$their_program" ] ||
		timeout 250 "$their_program" get "$tmp" "$pki" "${calls[@]}" 2>"$tmp/err"
	each_row possible client a_client
	for v in $versions; do
		whole "51${v/./}" small && until_true agreed serve.log "51${v/./}: suite .* verified"
		result $? "$other client: TLS $v, with a certificate of its own"
		whole "52${v/./}" small && until_true agreed serve.log "52${v/./}: suite .* resumed"
		result $? "$other client: TLS $v, a session resumed"
	done
	stop "$peer"
}

# ---- its servers, our client: a server for each kind of certificate

port_of() { # kind of certificate
	local before="${kinds%%"$1 "*}"
	echo $((6000 + $(wc -w <<<"$before")))
}

a_fetch() {
	words+=("$(port_of "$cert")" "$their_path" "row$row" -)
	case " $started " in
	*" $cert "*) return ;;
	esac
	started+=" $cert"
	their_server "$cert" "$(port_of "$cert")" plain
}

if_possible() { # role, command
	[ -n "$(cannot "$1")" ] || "$2"
}

a_server() {
	is_row get.log "row$row" "row$row" "$their_path" "$other server: $name"
}

gets() { # words...
	timeout 250 "$https" get "$tmp" good.test "$@" >>"$tmp/get.log" 2>"$tmp/err"
}

tickets_kept() { # more than
	[ "$(grep -c 'session ticket of connection .*: kept' "$tmp/daemon.log")" -gt "$1" ]
}

their_servers() {
	local words=() started='' v kept
	: >"$tmp/get.log"
	each_row if_possible server a_fetch
	gets "${words[@]}"
	each_row possible server a_server
	their_server ecdsa 6010 mutual
	for v in $versions; do
		met
		gets 6010 "$their_path" "only$v" ecdsa && whole "only$v" "$their_path"
		result $? "$other server: TLS $v, that wants a certificate of us"
		met mutual
		kept=$(grep -c ': kept' "$tmp/daemon.log")
		gets 6000 "$their_path" "only$v" -
		[ "$v" = 1.2 ] || until_true tickets_kept "$kept"
		gets 6000 "$their_path" "only$v" - && whole "only$v" "$their_path" &&
			agreed get.log "only$v: suite .* resumed.*"
		result $? "$other server: TLS $v, a session resumed"
	done
}

# RFC 5246 section 7.4.7.1: no group, and nothing is signed
rsa_exchange() {
	local port=5300
	for only in 009c 009d; do
		port=$((port + 1))
		"$https" serve "$www/small" $port rsa legacy 0 >"$tmp/serve.log" 2>"$tmp/server.log" &
		peer=$!
		pids+=("$peer")
		until_true grep -q ^listening "$tmp/serve.log"
		their_client $port 1.2 plain
		whole $port small &&
			until_true agreed serve.log "$port: suite $only group 0000 scheme 0000.*"
		result $? "$other client: RSA key exchange, suite $only"
		stop "$peer"
		their_server rsa $((port + 1000)) plain
		gets $((port + 1000)) "$their_path" legacy -
		whole legacy "$their_path" && agreed get.log "legacy: suite $only group 0000 scheme 0000.*"
		result $? "$other server: RSA key exchange, suite $only"
		stop "$peer"
		rows_tried=$((rows_tried + 2))
	done
	only=''
}

matrix_end() {
	grown HandshakeDone "$before" $rows_tried
	result $? "each was a handshake of the daemon"
	done_testing
}
