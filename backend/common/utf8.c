/* SPDX-License-Identifier: MIT */
#include "utf8.h"

#include <string.h>

#define REPLACEMENT UINT32_C(0xfffd)

/* How many bytes follow a first byte, and the range of the first of them; false: never a first
 * byte. */
static bool lead(uint8_t byte, struct utf8_check *ret)
{
	*ret = (struct utf8_check){ .lo = 0x80, .hi = 0xbf };
	if (byte >= 0xc2 && byte <= 0xdf) {
		ret->left = 1;
	} else if (byte >= 0xe0 && byte <= 0xef) {
		ret->left = 2;
		if (byte == 0xe0)
			ret->lo = 0xa0;
		if (byte == 0xed)
			ret->hi = 0x9f;
	} else if (byte >= 0xf0 && byte <= 0xf4) {
		ret->left = 3;
		if (byte == 0xf0)
			ret->lo = 0x90;
		if (byte == 0xf4)
			ret->hi = 0x8f;
	}
	return ret->left > 0;
}

/* Bytes of plain ASCII at the start, eight at a time. */
static size_t ascii_run(const uint8_t *p, size_t n)
{
	size_t i = 0;
	uint64_t eight;

	for (; n - i >= sizeof(eight); i += sizeof(eight)) {
		memcpy(&eight, p + i, sizeof(eight));
		if ((eight & UINT64_C(0x8080808080808080)) != 0)
			break;
	}
	while (i < n && p[i] < 0x80)
		i++;
	return i;
}

bool utf8_check_feed(struct utf8_check *check, const void *data, size_t n)
{
	const uint8_t *p = data;
	size_t i = 0;

	while (i < n) {
		if (check->left == 0) {
			i += ascii_run(p + i, n - i);
			if (i < n && !lead(p[i++], check))
				return false;
			continue;
		}
		if (p[i] < check->lo || p[i] > check->hi)
			return false;
		*check = (struct utf8_check){ (uint8_t)(check->left - 1), 0x80, 0xbf };
		i++;
	}
	return true;
}

bool utf8_check_end(const struct utf8_check *check)
{
	return check->left == 0;
}

bool utf8_valid(const void *data, size_t n)
{
	struct utf8_check check = { 0 };

	return utf8_check_feed(&check, data, n) && utf8_check_end(&check);
}

size_t utf8_next(const uint8_t *data, size_t n, uint32_t *ret_char)
{
	struct utf8_check check;
	uint32_t c = data[0];
	size_t i = 1;

	if (c < 0x80) {
		*ret_char = c;
		return 1;
	}
	*ret_char = REPLACEMENT;
	if (!lead(data[0], &check))
		return 1;
	c &= 0x3fU >> check.left;
	while (check.left > 0) {
		if (i == n || data[i] < check.lo || data[i] > check.hi)
			return i;
		c = c << 6 | (data[i++] & 0x3fU);
		check = (struct utf8_check){ (uint8_t)(check.left - 1), 0x80, 0xbf };
	}
	*ret_char = c;
	return i;
}
