#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# constant_time.sh: constant_time.c around each file of the engine that compares secrets by itself.
# What is not called is left out with all that it wants. Exits 1 if one of them
# branches on a secret, and says where. It must never pass what it did not run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
out=build/lint/constant_time
mkdir -p "$out"

check() { # file of the engine, macro
	clang -std=gnu11 -D_GNU_SOURCE -O0 -g -fsanitize=memory -Iuser/handshake \
		-DCHECKED="\"$PWD/user/handshake/$1\"" "-D$2" -ffunction-sections -Wl,--gc-sections \
		-o "$out/$2" selftests/lint/constant_time.c user/handshake/parameters.c
	MSAN_OPTIONS=halt_on_error=1 "$out/$2"
}

check rsa_tls12.c CHECK_RSA
check auth_tls13.c CHECK_FINISHED
check keys_tls12.c CHECK_FINISHED_TLS12
check psk_tls13.c CHECK_BINDER
