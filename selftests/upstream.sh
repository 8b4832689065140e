#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# upstream.sh: the kernel's own test of kernel TLS, net/tls.c of Debian's newest linux-source,
# unmodified, against our module under the name "tls" (its parameter ktls=1).
#
# Its results are printed as they are; then comes what it was not asked for, with the reason, and the
# proof that it ran on our module: upstream's test passes most cases over plain TCP, so it must never
# be believed without the counters.
set -uo pipefail
: "${BUILD:=$PWD/build}" "${TLSOCK_KO:?}" "${KVER:=}"
. selftests/lib/checks.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"; rmmod tlsock' EXIT
# leave_out flag, reason, names...: not asked for, and said so
leave_out() {
	local flag=$1 reason=$2 name
	shift 2
	for name in "$@"; do
		arguments+=("$flag" "$name")
		skips+=("$name # SKIP $reason")
	done
}

arguments=() skips=()
leave_out -V "Debian's kernels have no SM4 for TLS" 13_sm4_gcm 13_sm4_ccm
leave_out -V "Debian's kernels have no ARIA for TLS" 12_aria_gcm 12_aria_gcm_256
if [ "$KVER" != debug ]; then
	leave_out -T "takes minutes on an emulated processor: it runs on the debug kernel" \
		mutliproc_even mutliproc_readers mutliproc_writers mutliproc_sendpage_even \
		mutliproc_sendpage_readers mutliproc_sendpage_writers
fi

modprobe -q aesni_intel
[ ! -d /sys/module/tlsock ] || rmmod tlsock
insmod "$TLSOCK_KO" ktls=1 || exit 1
# Some of its cases take it that loopback has delivered before the next system call. That is so unless
# ksoftirqd, which a busy processor leaves it to, has to wait for its turn behind them.
for thread in $(pgrep -x 'ksoftirqd/[0-9]+'); do
	chrt -f -p 1 "$thread"
done
"$BUILD/selftests/upstream_tls" "${arguments[@]}" 2>&1 | tee "$tmp/tap"
status=${PIPESTATUS[0]}

# ... and what of ours is about this name
"$BUILD/selftests/record" -f ktls 2>&1 | tee "$tmp/ktls"
ktls=${PIPESTATUS[0]}
"$BUILD/selftests/others" -f ktls 2>&1 | tee "$tmp/others"
others=${PIPESTATUS[0]}

for skip in "${skips[@]}"; do
	n=$((n + 1))
	echo "ok $n $skip"
done
is "$status" 0 "upstream's test ends well"
is "$ktls$others" 00 "our own tests of this name end well"
! grep -q "testing without tls" "$tmp/tap"
result $? "it did not fall back to TCP"
[ ! -d /sys/module/tls ]
result $? "the kernel's own tls module is not there"
# Far fewer than the least that so many cases send, and far more than any other program here.
[ "$(count TxRecords)" -gt 5000 ] &&
	[ "$(count RxRecords)" -gt 5000 ]
result $? "its records went through our module"
grep -E '^Tlsock(Tx|Rx)' /proc/net/tlsock_stat | sed 's/^/# /'
is "$(awk '$1 == "TlsCurrTxSw" { print $2 }' /proc/net/tls_stat)" 0 "no socket of it is left"
done_testing
