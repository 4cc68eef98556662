/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/number.h"

static void whole_numbers(void **state)
{
	int64_t v = 77;

	(void)state;
	assert_true(number_parse("0", 0, 10, &v) && v == 0);
	assert_true(number_parse("-3", -5, 10, &v) && v == -3);
	assert_true(number_parse("9223372036854775807", 0, INT64_MAX, &v) && v == INT64_MAX);
	v = 77;
	assert_false(number_parse("9223372036854775808", 0, INT64_MAX, &v));
	assert_false(number_parse("", 0, 10, &v));
	assert_false(number_parse("-", -5, 10, &v));
	assert_false(number_parse("+1", 0, 10, &v));
	assert_false(number_parse(" 1", 0, 10, &v));
	assert_false(number_parse("1 ", 0, 10, &v));
	assert_false(number_parse("0x1", 0, 10, &v));
	assert_false(number_parse("11", 0, 10, &v));
	assert_int_equal(v, 77);
}

static void bytes(void **state)
{
	int64_t v = 77;

	(void)state;
	assert_true(number_parse_bytes("64M", 0, INT64_MAX, &v) && v == 67108864);
	assert_true(number_parse_bytes("1k", 0, INT64_MAX, &v) && v == 1024);
	assert_true(number_parse_bytes("2GiB", 0, INT64_MAX, &v) && v == INT64_C(2) << 30);
	assert_true(number_parse_bytes("5KB", 0, INT64_MAX, &v) && v == 5120);
	v = 77;
	assert_false(number_parse_bytes("9000000000000T", 0, INT64_MAX, &v));
	assert_false(number_parse_bytes("1X", 0, INT64_MAX, &v));
	assert_false(number_parse_bytes("1MM", 0, INT64_MAX, &v));
	assert_false(number_parse_bytes("-1", 0, INT64_MAX, &v));
	assert_false(number_parse_bytes("M", 0, INT64_MAX, &v));
	assert_int_equal(v, 77);
}

static void thousandths(void **state)
{
	int64_t v = 77;

	(void)state;
	assert_true(number_parse_thousandths("0.5", 0, 9000, &v) && v == 500);
	assert_true(number_parse_thousandths("2", 0, 9000, &v) && v == 2000);
	assert_true(number_parse_thousandths("1.025", 0, 9000, &v) && v == 1025);
	v = 77;
	assert_false(number_parse_thousandths("1.0255", 0, 9000, &v));
	assert_false(number_parse_thousandths("1.", 0, 9000, &v));
	assert_false(number_parse_thousandths(".5", 0, 9000, &v));
	assert_false(number_parse_thousandths("9.001", 0, 9000, &v));
	assert_int_equal(v, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_numbers),
		cmocka_unit_test(bytes),
		cmocka_unit_test(thousandths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
