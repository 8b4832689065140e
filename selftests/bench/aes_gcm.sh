#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# aes_gcm.sh folder: make, out of Debian's linux-source, a module that gives User Mode Linux the x86
# AES-GCM of the kernel, and build it there; prints its path.
#
# User Mode Linux has no x86 ciphers. This takes the AES-GCM part of the kernel's own glue code as it
# stands and leaves the FPU to whoever is preempted: nobody is, on one processor with preemption
# off, and a system call does not keep these registers. For benchmarks alone: both sides use it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
vm=$here/../vm
. "$vm/lib.sh"
out=${1:?}
from=$("$vm/source.sh" --full)/arch/x86/crypto
glue=$from/aesni-intel_glue.c

line() { grep -n -m1 "$1" "$glue" | cut -d: -f1; }

mkdir -p "$out"
first=$(line 'The common part of the x86_64 AES-GCM key struct') || die "the glue code has changed"
last=$(line '^static int __init register_avx_algs') || die "the glue code has changed"
{
	cat <<-'C'
	#include <linux/module.h>
	#include <linux/types.h>
	#include <crypto/algapi.h>
	#include <crypto/aes.h>
	#include <crypto/b128ops.h>
	#include <crypto/gcm.h>
	#include <crypto/gf128mul.h>
	#include <crypto/scatterwalk.h>
	#include <crypto/internal/aead.h>
	#include <crypto/internal/simd.h>
	#include <crypto/internal/skcipher.h>
	#undef kernel_fpu_begin
	#undef kernel_fpu_end
	#define kernel_fpu_begin() preempt_disable()
	#define kernel_fpu_end() preempt_enable()
	#undef crypto_simd_usable
	#define crypto_simd_usable() true
	C
	sed -n "$first,$((last - 1))p" "$glue"
	cat <<-'C'
	static char *driver = "vaes_avx512";
	module_param(driver, charp, 0444);
	static struct aead_alg *algs;
	static int __init start(void)
	{
		if (!strcmp(driver, "vaes_avx512"))
			algs = aes_gcm_algs_vaes_avx512;
		else if (!strcmp(driver, "vaes_avx2"))
			algs = aes_gcm_algs_vaes_avx2;
		else if (!strcmp(driver, "aesni_avx"))
			algs = aes_gcm_algs_aesni_avx;
		else
			algs = aes_gcm_algs_aesni;
		return crypto_register_aeads(algs, 2);
	}
	static void __exit end(void)
	{
		crypto_unregister_aeads(algs, 2);
	}
	module_init(start);
	module_exit(end);
	MODULE_DESCRIPTION("x86 AES-GCM for User Mode Linux");
	MODULE_LICENSE("GPL");
	C
} >"$out/glue.c"
cp "$from"/aes-gcm-{aesni-x86_64,vaes-avx2,vaes-avx512}.S "$out/"
cat >"$out/Kbuild" <<-'K'
	obj-m := aes_gcm.o
	aes_gcm-y := glue.o aes-gcm-aesni-x86_64.o aes-gcm-vaes-avx2.o aes-gcm-vaes-avx512.o
K
make -C "$("$vm/built_kernel.sh" bench)" ARCH=um M="$(realpath "$out")" --no-print-directory modules \
	>"$out/build.log" 2>&1 </dev/null || die "x86 AES-GCM does not build:" "$(grep -m5 -iE 'error' "$out/build.log")"
echo "$out/aes_gcm.ko"
