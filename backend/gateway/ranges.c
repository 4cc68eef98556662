/* SPDX-License-Identifier: MIT */
#include "ranges.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Digits from *at on; false where there are none. A number that does not fit is the largest one. */
static bool number(const char **at, uint64_t *ret)
{
	uint64_t v = 0;

	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		uint64_t digit = (uint64_t)(**at - '0');

		v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : v * 10 + digit;
	}
	*ret = v;
	return true;
}

/* "-500": the last 500 bytes. */
static enum range suffix(const char *at, uint64_t size, uint64_t *ret_first, uint64_t *ret_len)
{
	uint64_t n;

	if (!number(&at, &n) || *at != '\0')
		return RANGE_ALL;
	if (n == 0 || size == 0)
		return RANGE_OUTSIDE;
	*ret_len = n < size ? n : size;
	*ret_first = size - *ret_len;
	return RANGE_PART;
}

enum range range_parse(const char *header, uint64_t size, uint64_t *ret_first, uint64_t *ret_len)
{
	const char *at = header;
	uint64_t first, last = UINT64_MAX;

	if (at == NULL || strncmp(at, "bytes=", 6) != 0)
		return RANGE_ALL;
	at += 6;
	if (*at == '-')
		return suffix(at + 1, size, ret_first, ret_len);
	if (!number(&at, &first) || *at++ != '-')
		return RANGE_ALL;
	if (*at != '\0' && (!number(&at, &last) || *at != '\0' || last < first))
		return RANGE_ALL;
	if (first >= size)
		return RANGE_OUTSIDE;
	if (last >= size)
		last = size - 1;
	*ret_first = first;
	*ret_len = last - first + 1;
	return RANGE_PART;
}
