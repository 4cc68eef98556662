/* SPDX-License-Identifier: MIT */
/* Base64 of RFC 4648, section 4: padded, one line. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* Characters for n bytes. */
static inline size_t base64_chars(size_t n)
{
	return (n + 2) / 3 * 4;
}

/* Writes base64_chars(n) characters, no NUL. */
void base64_encode(const void *data, size_t n, char *ret);

/*
 * Strict: the alphabet, whole groups, right padding, unused bits zero; anything else
 * is -EINVAL. `ret` has room for n / 4 * 3 bytes and may be `text` itself.
 */
int base64_decode(const char *text, size_t n, uint8_t *ret, size_t *ret_n, struct err *err);
