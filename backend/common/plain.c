/* SPDX-License-Identifier: MIT */
#include "plain.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

#define ESCAPED 4 /* \xNN */

/* First and last of each range. */
static const uint32_t hidden[][2] = {
	{ 0x00, 0x1f }, { 0x7f, 0x9f }, /* controls */
	{ 0x061c, 0x061c },             /* which way it is written */
	{ 0x200b, 0x200f },             /* without width, and marks of direction */
	{ 0x2028, 0x202e },             /* line ends, and overrides of direction */
	{ 0x2060, 0x206f },             /* more of both */
	{ 0xfeff, 0xfeff },             /* byte order */
	{ 0xfff9, 0xfffd },             /* annotations, and what was no character */
	{ 0xe0000, 0xe007f },           /* tags */
};

bool plain_next(const char *text, size_t n, size_t *ret_n)
{
	uint32_t c;

	*ret_n = utf8_next((const uint8_t *)text, n, &c);
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		if (c >= hidden[i][0] && c <= hidden[i][1])
			return false;
	}
	return true;
}

size_t plain_write(const char *text, char *out, size_t size)
{
	size_t left = strlen(text), used = 0, n;

	for (; left > 0; left -= n, text += n) {
		bool shown = plain_next(text, left, &n);

		if (used + (shown ? n : n * ESCAPED) >= size)
			break;
		if (shown) {
			memcpy(out + used, text, n);
			used += n;
			continue;
		}
		for (size_t i = 0; i < n; i++)
			used += (size_t)snprintf(
				out + used, ESCAPED + 1, "\\x%02x", (unsigned char)text[i]);
	}
	out[used] = '\0';
	return used;
}
