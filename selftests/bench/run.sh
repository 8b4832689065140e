#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh kernel clock: the bench, in the guest: upstream's tls and our module side by side, with the
# same ciphers. Lines for table.py go to $RESULTS/raw. clock is "native" or "instructions"; with the
# latter fewer and shorter slices do, for they do not scatter.
set -euo pipefail
kernel=$1 clock=$2
: "${TLSOCK_KO:?}" "${RESULTS:?}" "${RECORDS_KO:?}" "${STREAMS:?}"
raw=$RESULTS/raw

# records.ko never stays: insmod says so, and the log has what it measured.
records() {
	dmesg -C
	insmod "$RECORDS_KO" "${options[@]}" "$@" 2>/dev/null || true
	dmesg | sed -n 's/.*bench: //p' | tee -a "$raw" | grep -m1 error >&2 && exit 1
	return 0
}

driver() { # name: which one of /proc/crypto is used
	awk -v name="$1" '
		$1 == "name" { n = $3 } $1 == "driver" { d = $3 }
		$1 == "priority" && n == name && $3 >= best { best = $3; which = d }
		END { print which }' /proc/crypto
}

: >"$raw"
options=(rounds=15 slice_us=20000)
[ "$clock" = native ] || options=(rounds=3 slice_us=30000)
[ -z "${AES_GCM_KO:-}" ] || insmod "$AES_GCM_KO"
modprobe -q aesni_intel || true
# all of it before: a guest that counts instructions waits for a module longer than the crypto API does
modprobe -aq chacha-x86_64 poly1305-x86_64 chacha20poly1305 || true
modprobe tls
insmod "$TLSOCK_KO"

ciphers="tls13-aes-128-gcm"
[ -n "${BENCH_QUICK:-}" ] || ciphers+=" tls13-aes-256-gcm tls12-aes-128-gcm tls13-chacha20-poly1305"
for cipher in $ciphers; do
	records mode=stream cipher="$cipher" path=kernel
done
for path in ${BENCH_PATHS-user pages}; do
	records mode=stream cipher=tls13-aes-128-gcm path="$path"
done
# In a User Mode Linux a system call costs what it costs nowhere else.
if [ "$clock" = instructions ]; then
	for connections in 1 8 64; do
		"$STREAMS" 3 "$connections" 64 1400 16384 65536 >>"$raw"
	done
fi
records mode=latency cipher=tls13-aes-128-gcm path=kernel sizes=1024,16384
echo 1000 >/proc/sys/net/tlsock/rest_ms
# what is free, but kept by the processor, would count as in use
echo 1000000 >/proc/sys/vm/percpu_pagelist_high_fraction
records mode=memory cipher=tls13-aes-128-gcm path=kernel idle_ms=2500

echo "kernel $kernel $(uname -r) $clock $(driver 'gcm(aes)') $(driver 'rfc7539(chacha20,poly1305)')" >>"$raw"
awk '/TlsockTxRecords/ { print "counted", $2 }' /proc/net/tlsock_stat >>"$raw"
rmmod tlsock
