/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/trace.h"

#define ID     "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"
#define GOOD   "00-" ID "-" PARENT "-01"

static void what_is_good_is_taken(void **state)
{
	static const struct {
		const char *text, *taken;
	} table[] = {
		{ GOOD, GOOD },
		{ "00-" ID "-" PARENT "-ff", "00-" ID "-" PARENT "-ff" },
		/* A later version, for what is known of it. */
		{ "cc-" ID "-" PARENT "-01", GOOD },
		{ "01-" ID "-" PARENT "-0b-what-the-future-says", GOOD },
		{ "fe-" ID "-" PARENT "-08-", "00-" ID "-" PARENT "-00" },
	};
	char got[TRACE_CHARS + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_true(trace_parse(table[i].text, got));
		assert_string_equal(got, table[i].taken);
		assert_true(trace_is_good(got));
	}
	assert_true(trace_is_good(""));
}

static void what_is_not_is_not(void **state)
{
	static const char *const table[] = {
		"",
		"00",
		"00-" ID "-" PARENT,
		"00-" ID "-" PARENT "-",
		"00-" ID "-" PARENT "-0",
		GOOD "0",
		GOOD "-more",
		GOOD " ",
		" " GOOD,
		"ff-" ID "-" PARENT "-01",
		"0x-" ID "-" PARENT "-01",
		"01-" ID "-" PARENT "-01.more",
		"00_" ID "-" PARENT "-01",
		"00-" ID "_" PARENT "-01",
		"00-" ID "-" PARENT "_01",
		"00-00000000000000000000000000000000-" PARENT "-01",
		"00-" ID "-0000000000000000-01",
		"00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01",
		"00-0af7651916cd43dd8448eb211c80319g-" PARENT "-01",
		"00-" ID "-" PARENT "-0A",
		"00-" ID "-b7ad6b716920333\n-01",
	};
	char got[TRACE_CHARS + 1] = "as it was";

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (trace_parse(table[i], got))
			fail_msg("%s was taken", table[i]);
		assert_string_equal(got, "as it was");
		assert_true(table[i][0] == '\0' || !trace_is_good(table[i]));
	}
}

static void a_line_shows_it(void **state)
{
	(void)state;
	assert_string_equal(trace_shown("").text, "");
	assert_string_equal(trace_shown(GOOD).text, " trace=" GOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_good_is_taken),
		cmocka_unit_test(what_is_not_is_not),
		cmocka_unit_test(a_line_shows_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
