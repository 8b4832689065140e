#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# symbols.sh archive: does the engine reach anything but memory, strings and libcrypto?
#
# Everything that libhandshake.a wants from outside has to be named here. Of libcrypto, what opens
# files or sockets, asks for the time, the environment or random bytes is refused by name; nobody
# but the *_openssl.o objects may use it at all. It must never allow by a family what a name does.
set -euo pipefail
archive=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

libc='mem(cpy|cmp|set|move|chr)|__mem(cpy|move|set)_chk|(__)?explicit_bzero(_chk)?'
libc+='|str(len|n?cmp|n?casecmp|n?dup|chr|rchr|nlen|spn|cspn)|malloc|calloc|realloc|free|qsort|bsearch'
libc+='|(__)?v?snprintf(_chk)?|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__assert_fail|abort'
libcrypto='(ASN1|BIO|BN|CRYPTO|DH|EC|ERR|EVP|GENERAL_NAMES?|OBJ|OCSP|OPENSSL|OSSL|PEM|RSA|X509)_[A-Za-z0-9_]+'
libcrypto+='|[di]2[di]_[A-Za-z0-9_]+|a2i_IPADDRESS'
system='RAND_.*|.*_secure_getenv|.*_(fopen|fp)(_.*)?|BIO_(s_(file|fd|socket|connect|accept)|new_(file|fp|fd'
system+='|socket|connect|accept|dgram))|.*_(load|default)_(locations|paths|file|path|store|verify_paths)(_ex)?'
system+='|X509_LOOKUP_.*|OCSP_(sendreq|REQ_CTX).*|OCSP_check_validity|X509_cmp_current_time|X509_gmtime_adj|X509_time_adj(_ex)?|OSSL_STORE_.*|.*_keygen'
system+='|.*_[Gg]enerate(_.*)?|BN_(priv_|pseudo_)?rand.*|OPENSSL_(config|init_.*)|OSSL_LIB_CTX_load_config'

nm -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' | sort -u >"$work/own"
nm -A -u "$archive" | sed -E 's/^[^:]*:([^:]*): *U (.*)$/\1 \2/' | sort -u | awk -v own="$work/own" '
	BEGIN { while ((getline name <own) > 0) mine[name] = 1 }
	!($2 in mine)' >"$work/wanted"
if [ ! -s "$work/own" ] || [ ! -s "$work/wanted" ]; then
	echo "$archive: no symbols"
	exit 1
fi

grep -vE " ($libc)\$" "$work/wanted" >"$work/rest" || true
{
	grep -E " ($system)\$" "$work/rest" || true
	grep -E "_openssl\.o " "$work/rest" | grep -vE " ($libcrypto)\$" || true
	grep -vE "_openssl\.o " "$work/rest" || true
} | sort -u | sed 's/ / must not use /' >"$work/bad"
cat "$work/bad"
[ ! -s "$work/bad" ]
