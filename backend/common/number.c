/* SPDX-License-Identifier: MIT */
#include "number.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Digits up to the first other character; false without any or beyond int64_t. */
static bool digits(const char **text, int64_t *ret)
{
	const char *p = *text;
	int64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v))
			return false;
	if (p == *text)
		return false;
	*text = p;
	*ret = v;
	return true;
}

static bool within(int64_t v, int64_t min, int64_t max, int64_t *ret)
{
	if (v < min || v > max)
		return false;
	*ret = v;
	return true;
}

bool number_parse(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	bool negative = *text == '-';
	int64_t v;

	if (negative)
		text++;
	if (!digits(&text, &v) || *text != '\0')
		return false;
	return within(negative ? -v : v, min, max, ret);
}

static int shift_of(const char *suffix)
{
	static const char units[] = "KMGT";
	const char *unit;

	if (*suffix == '\0')
		return 0;
	unit = strchr(units, *suffix & ~0x20);
	if (unit == NULL || *unit == '\0')
		return -1;
	suffix++;
	if (*suffix != '\0' && strcasecmp(suffix, "b") != 0 && strcasecmp(suffix, "ib") != 0)
		return -1;
	return (int)(unit - units + 1) * 10;
}

bool number_parse_bytes(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	int64_t v;
	int shift;

	if (!digits(&text, &v))
		return false;
	shift = shift_of(text);
	if (shift < 0 || __builtin_mul_overflow(v, INT64_C(1) << shift, &v))
		return false;
	return within(v, min, max, ret);
}

bool number_parse_thousandths(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	int64_t v;
	int scale = 100;

	if (!digits(&text, &v) || __builtin_mul_overflow(v, 1000, &v))
		return false;
	if (*text == '.') {
		if (*++text == '\0')
			return false;
		for (; *text >= '0' && *text <= '9' && scale > 0; text++, scale /= 10)
			if (__builtin_add_overflow(v, (*text - '0') * scale, &v))
				return false;
	}
	if (*text != '\0')
		return false;
	return within(v, min, max, ret);
}
