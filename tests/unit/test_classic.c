/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "gateway/classic.h"

#define RESULT(one, two, three, four)                                                          \
	"{\n\t\"field1\" : \"" one "\",\n\t\"field2\" : \n\t[\n\t\t\"" two "\",\n\t\t\"" three \
	"\",\n\t\t\"" four "\"\n\t]\n}"

static void results_byte_for_byte(void **state)
{
	static const struct {
		const char *out;
		size_t n;
		const char *result;
	} table[] = {
		{ "l1\nl2\nl3\nl4\nl5\n", 15, RESULT("l1", "l2", "l3", "l4") },
		{ "l1\nl2\nl3\nl4", 11, RESULT("l1", "l2", "l3", "l4") },
		{ "", 0, RESULT("", "", "", "") },
		{ "\n\n", 2, RESULT("", "", "", "") },
		{ "a\r\nb", 4, RESULT("a\\r", "b", "", "") },
		/* only a line feed ends a line */
		{ "a\x0b\x0c\x1c\xc2\x85\xe2\x80\xa8z", 10,
			RESULT("a\\u000b\\f\\u001c\\u0085\\u2028z", "", "", "") },
		{ "\"\\/\t\b\0\x7f", 7, RESULT("\\\"\\\\/\\t\\b\\u0000\x7f", "", "", "") },
		{ "\xc3\xbc\n\xe2\x82\xac\n\xf0\x9f\x98\x80\n\xf4\x8f\xbf\xbf", 16,
			RESULT("\\u00fc", "\\u20ac", "\\ud83d\\ude00", "\\udbff\\udfff") },
		/* one for each longest beginning, as Python's errors="replace" */
		{ "\xff\xfe\n\xc0\xaf\n\xed\xa0\x80\n\xe2\x82", 12,
			RESULT("\\ufffd\\ufffd", "\\ufffd\\ufffd", "\\ufffd\\ufffd\\ufffd",
				"\\ufffd") },
		{ "\xf0\x9f\x98z\n\xe2\x28\xa1\n\xf4\x90\x80\x80", 13,
			RESULT("\\ufffdz", "\\ufffd(\\ufffd", "\\ufffd\\ufffd\\ufffd\\ufffd", "") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct json_text t = { 0 };

		classic_result(&t, table[i].out, table[i].n, NULL, 0);
		assert_false(t.failed);
		assert_int_equal(t.len, strlen(table[i].result));
		assert_memory_equal(t.buf, table[i].result, t.len);
		jt_done(&t);
	}
}

static void members_are_sorted(void **state)
{
	struct task_field fields[] = {
		{ .name = (char[]){ "zulu" }, .first = 1, .last = 1 },
		{ .name = (char[]){ "alpha" }, .first = 2, .last = 2, .list = true },
		{ .name = (char[]){ "mike" }, .first = 2, .last = 3 },
	};
	static const char expected[] = "{\n\t\"alpha\" : \n\t[\n\t\t\"b\"\n\t],\n\t\"mike\" : "
				       "\n\t[\n\t\t\"b\",\n\t\t\"\"\n\t],\n"
				       "\t\"zulu\" : \"a\"\n}";
	struct json_text t = { 0 };

	(void)state;
	classic_result(&t, "a\nb\n", 4, fields, 3);
	assert_int_equal(t.len, sizeof(expected) - 1);
	assert_memory_equal(t.buf, expected, t.len);
	jt_done(&t);
}

static void lines_by_number(void **state)
{
	static const char out[] = "1\n2\n\n4\n5";
	size_t n;

	(void)state;
	assert_memory_equal(classic_line(out, 8, 5, &n), "5", 1);
	assert_int_equal(n, 1);
	assert_non_null(classic_line(out, 8, 3, &n));
	assert_int_equal(n, 0);
	assert_null(classic_line(out, 8, 6, &n));
	assert_int_equal(n, 0);
	assert_null(classic_line(out, 7, 5, &n));
	assert_null(classic_line("", 0, 1, &n));
}

static void every_form_of_address(void **state)
{
	static const struct {
		const char *rest, *query, *function;
	} table[] = {
		{ "", NULL, NULL },
		{ "/", NULL, NULL },
		{ "/", "", NULL },
		{ "/executor", NULL, NULL },
		{ "/executor/", "", NULL },
		{ "/submit", NULL, "submit" },
		{ "", "submit", "submit" },
		{ "/", "submit", "submit" },
		{ "/executor", "submit", "submit" },
		{ "/executor/", "submit", "submit" },
		{ "/executor/submit", NULL, "submit" },
		{ "/submit", "x=1", "submit" },
		{ "/executor/submit", "get_data", "submit" },
		{ "", "submit=", "submit=" },
		{ "", "submit&x", "submit&x" },
		{ "/submit/", NULL, "submit/" },
		{ "/executor/executor/submit", NULL, "executor/submit" },
		{ "/executors", NULL, "executors" },
		{ "//submit", NULL, "/submit" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *function = classic_function(table[i].rest, table[i].query);

		if (table[i].function == NULL)
			assert_null(function);
		else
			assert_string_equal(function, table[i].function);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_byte_for_byte),
		cmocka_unit_test(members_are_sorted),
		cmocka_unit_test(lines_by_number),
		cmocka_unit_test(every_form_of_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
