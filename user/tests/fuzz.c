// SPDX-License-Identifier: MIT
/*
 * fuzz.c - libFuzzer's entry, for the target that -DFUZZ_TARGET names
 *
 * See fuzz.h. Without that it is empty: the unit tests call the targets by their names.
 */
#include "fuzz.h"

#ifdef FUZZ_TARGET
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	return FUZZ_TARGET(bytes, len);
}
#endif
