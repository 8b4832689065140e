#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# includes.sh: who may include whom. Prints every include that breaks a rule, exits 1 then.
#
# The rules keep the seams of the design: the module and user space share the UAPI header alone;
# inside the module netlink never sees the record layer, and kernel versions are known in compat/;
# the engine is free of the system. It must never know a reason for an exception.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
. "$here/lib.sh"
bad=0

# What a group of files includes, "file:line name" with < > or " " kept.
includes() {
	[ $# -gt 0 ] || return 0
	grep -nHE '^[[:space:]]*#[[:space:]]*include' "$@" |
		sed -E 's/^([^:]*:[0-9]+):[[:space:]]*#[[:space:]]*include[[:space:]]*([<"][^>"]*[>"]).*/\1 \2/'
}

# Names that files may include only, or may not. Usage: rule why only|no expression file...
rule() {
	local why=$1 kind=$2 re=$3 hits
	shift 3
	if [ "$kind" = only ]; then
		hits=$(includes "$@" | grep -vE " ($re)\$" || true)
	else
		hits=$(includes "$@" | grep -E " ($re)\$" || true)
	fi
	[ -n "$hits" ] || return 0
	sed "s|\$|: $why|" <<<"$hits"
	bad=1
}

uses() { # why, expression, file...: words that a group of files must not contain
	local why=$1 re=$2 hits
	shift 2
	hits=$(grep -nHE "$re" "$@" || true)
	[ -n "$hits" ] || return 0
	sed "s|\$|: $why|" <<<"$hits"
	bad=1
}

files() { mapfile -t list < <(tree_files "$@"); }
h='[a-z0-9_]+\.h'

files 'kmod/*.[ch]'
rule "the build forces compat.h in" no '"(.*/)?compat\.h"' "${list[@]}"
rule "the module knows nothing of user space" no '".*(user|selftests)/.*"' "${list[@]}"
mapfile -t plain < <(printf '%s\n' "${list[@]}" | grep -v '^kmod/compat/')
rule "kernel versions are known in compat/ alone" no '<linux/version\.h>' "${plain[@]}"
uses "kernel versions are known in compat/ alone" 'LINUX_VERSION_CODE|KERNEL_VERSION' "${plain[@]}"

pure='(uapi/)?linux/(tls|tlsock)|linux/(types|string|kernel|stddef|unaligned)|string|stddef'
rule "pure: the UAPI and the kernel's plain types only" only \
	"<($pure)\.h>|\"(record|cipher_suite)\.h\"" \
	kmod/record.[ch] kmod/cipher_suite.[ch]
rule "netlink never sees the record layer" no '"(tx|rx|crypto|record)\.h"' kmod/netlink.c
# One header declares the module's functions, so what netlink.c calls has to be looked at too.
calls=$(sed -nE 's/^[^#\t ].*[ *]((tlsock_)?(tx|rx)_[a-z0-9_]+)\(.*/\1/p' kmod/tx.c kmod/rx.c |
	sort -u | paste -sd'|')
[ -z "$calls" ] || uses "netlink never sees the record layer" "\\b($calls)\\(" kmod/netlink.c

files 'kmod/include/uapi/*.h'
rule "the contract needs linux/types.h only" only '<linux/types\.h>' "${list[@]}"

# The unit tests of the module's pure files are what may see those.
files 'user/*.[ch]'
mapfile -t plain < <(printf '%s\n' "${list[@]}" | grep -v '^user/tests/')
rule "of the module, user space sees the UAPI only" no '".*kmod/.*"|"(cipher_suite|record)\.h"' \
	"${plain[@]}"
files 'selftests/*.[ch]'
rule "of the module, a selftest sees the UAPI only" no '".*kmod/.*"' "${list[@]}"

files 'user/handshake/*.[ch]'
mapfile -t plain < <(printf '%s\n' "${list[@]}" | grep -v '_openssl\.c$')
libc='stdarg|stdbool|stddef|stdint|stdio|stdlib|string|errno|inttypes|limits|assert'
rule "only the *_openssl.c files see OpenSSL, nothing here sees the system" only \
	"<($libc)\.h>|\"$h\"" "${plain[@]}"
rule "no system in the engine" only "<($libc|openssl/[a-z0-9_]+)\.h>|\"$h\"" "${list[@]}"

files 'user/libtlsock/*.[ch]'
rule "libtlsock includes libc and the UAPI" no '<(openssl|netlink|confuse|systemd)[./].*>|".*/.*"' \
	"${list[@]}"
files 'user/examples/*.[ch]'
rule "an example includes libc and the UAPI" no '<(openssl|netlink|confuse|systemd)[./].*>|".*"' \
	"${list[@]}"

exit $bad
