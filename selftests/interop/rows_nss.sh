#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# rows_nss.sh: NSS (tstclnt, selfserv) in both roles: the rows of lib/matrix.sh. It must never use a
# database of certificates but the one it makes.
. "$(dirname "$0")/../lib/peers.sh"
. selftests/lib/matrix.sh

db=sql:$tmp/nss
# selfserv sends back what it was asked.
their_path='echo'

cannot() { # role
	case $1,$scheme in
	*,ed25519) echo "no Ed25519 in NSS $nss_version" ;;
	server,rsa_pss_pss_*) echo "pk12util brings no RSA-PSS key into a database" ;;
	esac
}

database() {
	local kind
	mkdir "$tmp/nss" && certutil -N -d "$db" --empty-password &&
		certutil -A -d "$db" -n ca -t TC,C, -i "$pki/ca.pem" || return
	for kind in ecdsa ecdsa384 rsa; do
		openssl pkcs12 -export -in "$pki/$kind.pem" -inkey "$pki/$kind.key" -name $kind \
			-passout pass: -out "$tmp/$kind.p12" &&
			pk12util -i "$tmp/$kind.p12" -d "$db" -W '' || return
	done
}

their_server() { # kind, port, how
	local nickname=-e
	[ "$1" != rsa ] || nickname=-n
	set -- "$@" "$([ "$3" != mutual ] || echo -rr)"
	# shellcheck disable=SC2086 # an option or none
	peer "$2" selfserv -d "$db" -p "$2" $nickname "$1" -V tls1.2:tls1.3 -H 1 -u $4 \
		${only:+-c :${only^^}}
}

their_client() { # port, version, how
	local -a how=()
	case $3 in
	mutual) how=(-n rsa) ;;
	resume) how=(-L 2) ;;
	esac
	# These it offers only when it is asked to.
	case $3,${scheme:-} in
	plain,rsa_pss_pss_*) how=(-J "$scheme,ecdsa_secp256r1_sha256") ;;
	esac
	printf 'GET /small HTTP/1.0\r\n\r\n' >"$tmp/request"
	timeout 100 tstclnt -h 127.0.0.1 -a good.test -p "$1" -d "$db" -V "tls$2:tls$2" -u -H \
		-A "$tmp/request" ${only:+-c ":${only^^}"} "${how[@]}" >"$tmp/got.$1" 2>"$tmp/err"
}

nss_version=$(dpkg-query -W -f '${Version}' libnss3-tools)
matrix_begin
with NSS
database >"$tmp/err" 2>&1
result $? "a database of certificates"
their_clients
their_servers
rsa_exchange
matrix_end
