/* SPDX-License-Identifier: MIT */
/*
 * Numbers out of text: the one place where digits become values. All of them
 * take the whole text (no blanks, no sign but a leading '-'), refuse what does
 * not fit, and leave *ret untouched then.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Decimal, min <= value <= max. */
bool number_parse(const char *text, int64_t min, int64_t max, int64_t *ret);

/* The same, with K, M, G, T (powers of 1024; "KiB" and "KB" too) behind it: "64M" is 67108864. */
bool number_parse_bytes(const char *text, int64_t min, int64_t max, int64_t *ret);

/* At most three decimals, in thousandths: "0.5" is 500, "2" is 2000; min and max in thousandths. */
bool number_parse_thousandths(const char *text, int64_t min, int64_t max, int64_t *ret);
