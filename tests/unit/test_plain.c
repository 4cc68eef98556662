/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/plain.h"

static void becomes(const char *text, const char *expected)
{
	char out[200];

	assert_int_equal(plain_write(text, out, sizeof(out)), strlen(expected));
	assert_string_equal(out, expected);
}

static void readable_text_stays(void **state)
{
	(void)state;
	becomes("", "");
	becomes("job=1 \"quoted\" back\\slash %s", "job=1 \"quoted\" back\\slash %s");
	becomes("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
}

static void controls_are_escaped(void **state)
{
	(void)state;
	becomes("a\r\nb\tc", "a\\x0d\\x0ab\\x09c");
	becomes("\x1b]0;x\x07\x7f", "\\x1b]0;x\\x07\\x7f");
	becomes("\xc2\x9b"
		"31m\xc2\x85",
		"\\xc2\\x9b31m\\xc2\\x85"); /* C1: the one-byte CSI, and NEL */
}

static void what_turns_or_hides_text_is_escaped(void **state)
{
	(void)state;
	becomes("\xe2\x80\xae"
		"fdp.exe",
		"\\xe2\\x80\\xae"
		"fdp.exe");
	becomes("\xe2\x81\xa6\xe2\x80\xa8\xef\xbb\xbf",
		"\\xe2\\x81\\xa6\\xe2\\x80\\xa8\\xef\\xbb\\xbf");
}

static void bytes_that_are_no_text_are_escaped(void **state)
{
	(void)state;
	becomes("\xff\x9b\xc2", "\\xff\\x9b\\xc2");
	becomes("\xc0\x8a\xed\xa0\x80z", "\\xc0\\x8a\\xed\\xa0\\x80z");
}

static void what_does_not_fit_is_left_out_in_whole_characters(void **state)
{
	char out[6];

	(void)state;
	assert_int_equal(plain_write("abc\x1b", out, sizeof(out)), 3);
	assert_string_equal(out, "abc");
	assert_int_equal(plain_write("abc\xe2\x82\xac", out, sizeof(out)), 3);
	assert_string_equal(out, "abc");
	assert_int_equal(plain_write("abcdefg", out, sizeof(out)), 5);
	assert_int_equal(plain_write("abc", out, 1), 0);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readable_text_stays),
		cmocka_unit_test(controls_are_escaped),
		cmocka_unit_test(what_turns_or_hides_text_is_escaped),
		cmocka_unit_test(bytes_that_are_no_text_are_escaped),
		cmocka_unit_test(what_does_not_fit_is_left_out_in_whole_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
