/* SPDX-License-Identifier: MIT */
/* UTF-8 as Unicode has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A check that goes on from one piece of bytes to the next. Starts as all zero. */
struct utf8_check {
	uint8_t left;   /* continuation bytes still to come */
	uint8_t lo, hi; /* range of the next one */
};

/* False as soon as something cannot be UTF-8. */
bool utf8_check_feed(struct utf8_check *check, const void *data, size_t n);
/* True where no character is left unfinished. */
bool utf8_check_end(const struct utf8_check *check);

bool utf8_valid(const void *data, size_t n);

/*
 * One character of n > 0 bytes: how many bytes it takes; *ret_char is U+FFFD for
 * what is not UTF-8, one for each longest beginning of a character.
 */
size_t utf8_next(const uint8_t *data, size_t n, uint32_t *ret_char);
