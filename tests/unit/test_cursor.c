/* SPDX-License-Identifier: MIT */
#include "gateway/cursor.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void there_and_back(void **state)
{
	static const struct cursor cursors[] = {
		{ 0 },
		{ 1, 2, 3, 4, CURSOR_QUEUED },
		{ UINT32_MAX, UINT32_MAX, INT64_MAX, INT64_MAX, CURSOR_ENDED },
		{ 7, 0, 50000000, 1, CURSOR_STARTED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
		char text[CURSOR_CHARS];
		struct cursor back;

		cursor_format(&cursors[i], text);
		assert_true(cursor_parse(text, &back));
		assert_int_equal(back.attempt, cursors[i].attempt);
		assert_int_equal(back.steps, cursors[i].steps);
		assert_true(back.out == cursors[i].out && back.err == cursors[i].err);
		assert_int_equal(back.state, cursors[i].state);
	}
}

static void what_is_none(void **state)
{
	static const char *const texts[] = { "", "-", "----", "1", "1-2-3-4", "1-2-3-4-",
		"1-2-3-4-x", "1-2-3-4-nn", "1-2-3-4-n-", "1-2-3-4-n ", " 1-2-3-4-n", "+1-2-3-4-n",
		"1--3-4-n", "01-2-3-4-n", "1-2-00-4-n", "4294967296-0-0-0-n", "0-4294967296-0-0-n",
		"0-0-9223372036854775808-0-n", "0-0-0-9223372036854775808-n",
		"0-0-0-000000000000000000000000000000-n", "0x1-0-0-0-n", "1.5-0-0-0-n",
		"1-2-3-4-\n" };
	struct cursor cursor = { .attempt = 42 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (cursor_parse(texts[i], &cursor))
			fail_msg("'%s' was taken", texts[i]);
	assert_int_equal(cursor.attempt, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
