/* SPDX-License-Identifier: MIT */
#include "base64.h"

#include <errno.h>
#include <stdbool.h>

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *data, size_t n, char *ret)
{
	const uint8_t *p = data;

	for (; n >= 3; n -= 3, p += 3, ret += 4) {
		uint32_t group = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

		ret[0] = alphabet[group >> 18];
		ret[1] = alphabet[group >> 12 & 63];
		ret[2] = alphabet[group >> 6 & 63];
		ret[3] = alphabet[group & 63];
	}
	if (n == 0)
		return;
	ret[0] = alphabet[p[0] >> 2];
	ret[1] = alphabet[(p[0] & 3U) << 4 | (n > 1 ? p[1] >> 4 : 0)];
	ret[2] = (char)(n > 1 ? alphabet[(p[1] & 15U) << 2] : '=');
	ret[3] = '=';
}

/* 0..63, 64 for what is not of the alphabet. */
static uint32_t value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0' + 52);
	if (c == '+')
		return 62;
	return c == '/' ? 63 : 64;
}

/* One group of four characters with `pad` '=' at its end. */
static bool decode_group(const char *text, size_t pad, uint8_t *ret)
{
	uint32_t group = 0;
	uint8_t bytes[3];

	for (size_t i = 0; i < 4; i++) {
		uint32_t v = i < 4 - pad ? value_of(text[i]) : 0;

		if (v == 64)
			return false;
		group = group << 6 | v;
	}
	if ((pad == 1 && (group & 0xff) != 0) || (pad == 2 && (group & 0xffff) != 0))
		return false;
	bytes[0] = (uint8_t)(group >> 16);
	bytes[1] = (uint8_t)(group >> 8);
	bytes[2] = (uint8_t)group;
	for (size_t i = 0; i < 3 - pad; i++)
		ret[i] = bytes[i];
	return true;
}

int base64_decode(const char *text, size_t n, uint8_t *ret, size_t *ret_n, struct err *err)
{
	size_t out = 0;

	if (n % 4 != 0)
		return err_say(err, EINVAL, "not base64: its length is not a multiple of 4");
	for (size_t i = 0; i < n; i += 4) {
		size_t pad = 0;

		if (i + 4 == n && text[i + 3] == '=')
			pad = text[i + 2] == '=' ? 2 : 1;
		if (!decode_group(text + i, pad, ret + out))
			return err_say(err, EINVAL, "not base64 at character %zu", i);
		out += 3 - pad;
	}
	*ret_n = out;
	return 0;
}
