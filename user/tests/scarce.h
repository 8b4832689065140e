/* SPDX-License-Identifier: MIT */
/*
 * scarce.h - memory that runs out, in libcrypto or everywhere
 *
 * A test says after how many allocations there is none any more. Those of the engine count in a
 * program that is linked with --wrap (build.mk), where scarce_allows() stands before them. It must
 * never be switched on before libcrypto has allocated anything, nor left on where a test itself needs
 * memory.
 */
#ifndef TESTS_SCARCE_H
#define TESTS_SCARCE_H

#include <stdbool.h>

void scarce_init(void); /* first of all in main(); bails out if that is too late */
void scarce_after(unsigned long count); /* so many succeed, none behind them */
void scarce_pause(bool pause); /* enough for the moment, and nothing is counted */
bool scarce_allows(void); /* one more */
/* Enough again. How many were asked for since scarce_after(), and whether any was refused */
unsigned long scarce_off(bool *refused);

#endif
