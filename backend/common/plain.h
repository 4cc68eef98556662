/* SPDX-License-Identifier: MIT */
/*
 * Text from strangers for logs and terminals. What could move a terminal's cursor, end a line, turn
 * the order of writing around or hide what stands there is written as its bytes: "\x1b[2J".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The next character of n > 0 bytes takes *ret_n of them; true: it may be shown as it is. What is
 * not UTF-8 may not.
 */
bool plain_next(const char *text, size_t n, size_t *ret_n);

/*
 * As much of the text as fits into `size` > 0 bytes, in whole characters, and a NUL. Returns the
 * length.
 */
size_t plain_write(const char *text, char *out, size_t size);
