/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "gateway/ranges.h"

static void ranges(void **state)
{
	static const struct {
		const char *header;
		uint64_t size;
		enum range expected;
		uint64_t first, len;
	} table[] = {
		{ NULL, 10, RANGE_ALL, 0, 0 },
		{ "bytes=0-0", 10, RANGE_PART, 0, 1 },
		{ "bytes=0-9", 10, RANGE_PART, 0, 10 },
		{ "bytes=2-", 10, RANGE_PART, 2, 8 },
		{ "bytes=9-99999999999999999999999", 10, RANGE_PART, 9, 1 },
		{ "bytes=-3", 10, RANGE_PART, 7, 3 },
		{ "bytes=-99999999999999999999999", 10, RANGE_PART, 0, 10 },
		{ "bytes=10-", 10, RANGE_OUTSIDE, 0, 0 },
		{ "bytes=99999999999999999999999-", 10, RANGE_OUTSIDE, 0, 0 },
		{ "bytes=-0", 10, RANGE_OUTSIDE, 0, 0 },
		{ "bytes=0-", 0, RANGE_OUTSIDE, 0, 0 },
		{ "bytes=-1", 0, RANGE_OUTSIDE, 0, 0 },
		{ "bytes=18446744073709551615-18446744073709551615", UINT64_MAX, RANGE_OUTSIDE, 0,
			0 },
		{ "bytes=5-4", 10, RANGE_ALL, 0, 0 },
		{ "bytes=1-2,4-5", 10, RANGE_ALL, 0, 0 },
		{ "bytes=", 10, RANGE_ALL, 0, 0 },
		{ "bytes=-", 10, RANGE_ALL, 0, 0 },
		{ "bytes=x-1", 10, RANGE_ALL, 0, 0 },
		{ "bytes=1-x", 10, RANGE_ALL, 0, 0 },
		{ "bytes=--1", 10, RANGE_ALL, 0, 0 },
		{ "bytes= 1-2", 10, RANGE_ALL, 0, 0 },
		{ "lines=1-2", 10, RANGE_ALL, 0, 0 },
		{ "", 10, RANGE_ALL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint64_t first = 0, len = 0;

		assert_int_equal(range_parse(table[i].header, table[i].size, &first, &len),
			table[i].expected);
		assert_int_equal(first, table[i].first);
		assert_int_equal(len, table[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(ranges) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
