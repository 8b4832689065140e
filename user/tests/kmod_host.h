/* SPDX-License-Identifier: MIT */
/*
 * kmod_host.h - what the module's pure files expect of the kernel, for their unit tests
 *
 * Forced into kmod/record.c and kmod/cipher_suite.c when they are compiled on the host. It must
 * never grow beyond byte order: a file that needs more than that is not pure.
 */
#ifndef TESTS_KMOD_HOST_H
#define TESTS_KMOD_HOST_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t get_unaligned_be16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return be16toh(v);
}

static inline void put_unaligned_be16(uint16_t v, void *p)
{
	v = htobe16(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint64_t get_unaligned_be64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

static inline void put_unaligned_be64(uint64_t v, void *p)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
}

#endif
