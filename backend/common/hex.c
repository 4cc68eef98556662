/* SPDX-License-Identifier: MIT */
#include "hex.h"

void hex_encode(const uint8_t *bytes, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[2 * n] = '\0';
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool hex_decode(const char *text, size_t chars, uint8_t *ret)
{
	for (size_t i = 0; i + 1 < chars; i += 2) {
		int hi = digit(text[i]);
		int lo = digit(text[i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		ret[i / 2] = (uint8_t)(hi << 4 | lo);
	}
	return chars % 2 == 0;
}
