/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>
#include <string.h>

#include "driver/compare.h"

static int read_text(void *arg, uint64_t offset, void *ret, size_t n)
{
	memcpy(ret, (const char *)arg + offset, n);
	return 0;
}

static int read_nothing(void *arg, uint64_t offset, void *ret, size_t n)
{
	(void)arg;
	(void)offset;
	(void)ret;
	(void)n;
	return -5;
}

/* Fed in pieces of every size: the outcome must not depend on them. */
static bool same(enum compare how, const char *got, const char *want)
{
	static struct compare_run run;
	size_t n = strlen(got);
	int first = -1;

	for (size_t piece = 1; piece <= n + 1; piece++) {
		bool result;

		compare_init(&run, how, read_text, (void *)(uintptr_t)want, strlen(want));
		for (size_t at = 0; at < n; at += piece)
			compare_feed(
				&run, (const uint8_t *)got + at, n - at < piece ? n - at : piece);
		result = compare_end(&run);
		if (first >= 0)
			assert_int_equal(result, first);
		first = result;
	}
	return first == 1;
}

struct row {
	const char *got, *want;
	bool exact, lines, tokens;
};

static void every_row_of_the_table_holds(void **state)
{
	static const struct row rows[] = {
		{ "", "", true, true, true },
		{ "a", "a", true, true, true },
		{ "a\n", "a", false, true, true },
		{ "a", "a\n", false, true, true },
		{ "a \n", "a\n", false, true, true },
		{ "a\n", "a \t\n", false, true, true },
		{ "a\r\nb\r\n", "a\nb\n", false, true, true },
		{ "a\n\n\n", "a", false, true, true },
		{ "a", "a\n\n  \n", false, true, true },
		{ "a\n\nb", "a\nb", false, false, true },
		{ "a\nb", "a\n\nb", false, false, true },
		{ "a b", "a  b", false, false, true },
		{ "a  b", "a b", false, false, true },
		{ "a \tb", "a\t b", false, false, true },
		{ " a", "a", false, false, true },
		{ "a", " a", false, false, true },
		{ "a b", "a\nb", false, false, true },
		{ "ab", "a", false, false, false },
		{ "a", "ab", false, false, false },
		{ "a b", "a", false, false, false },
		{ "a", "a b", false, false, false },
		{ "ab c", "abc", false, false, false },
		{ "abc", "ab c", false, false, false },
		{ "", "a", false, false, false },
		{ "a", "", false, false, false },
		{ "", " \n", false, true, true },
		{ " \n", "", false, true, true },
		{ "\n\na", "a", false, false, true },
		{ "A", "a", false, false, false },
		{ "a  \nb", "a\t\nb", false, true, true },
		{ "a  \nb", "a  \nc", false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (same(COMPARE_EXACT, rows[i].got, rows[i].want) != rows[i].exact ||
			same(COMPARE_LINES, rows[i].got, rows[i].want) != rows[i].lines ||
			same(COMPARE_TOKENS, rows[i].got, rows[i].want) != rows[i].tokens)
			fail_msg("row %zu: '%s' and '%s'", i, rows[i].got, rows[i].want);
	}
}

/* Longer than any buffer, the difference in the last byte. */
static void long_texts_are_compared_to_the_end(void **state)
{
	size_t n = 3 * COMPARE_CHUNK + 7;
	char *got = malloc(n + 1), *want = malloc(n + 1);
	struct compare_run *run = malloc(sizeof(*run));

	(void)state;
	for (size_t i = 0; i < n; i++)
		got[i] = want[i] = (char)(i % 61 == 0 ? '\n' : 'a' + (char)(i % 26));
	got[n] = want[n] = '\0';
	for (int how = 0; how < COMPARE_MAX_; how++) {
		compare_init(run, (enum compare)how, read_text, want, n);
		compare_feed(run, (uint8_t *)got, n);
		assert_true(compare_end(run));
		want[n - 1] = '#';
		compare_init(run, (enum compare)how, read_text, want, n);
		compare_feed(run, (uint8_t *)got, n);
		assert_false(compare_end(run));
		want[n - 1] = got[n - 1];
	}
	free(run);
	free(got);
	free(want);
}

static void a_nul_is_a_byte_like_others(void **state)
{
	static struct compare_run run;

	(void)state;
	compare_init(&run, COMPARE_LINES, read_text, (void *)(uintptr_t) "a\0b", 3);
	compare_feed(&run, (const uint8_t *)"a\0b\n", 4);
	assert_true(compare_end(&run));
	compare_init(&run, COMPARE_LINES, read_text, (void *)(uintptr_t) "a\0c", 3);
	compare_feed(&run, (const uint8_t *)"a\0b\n", 4);
	assert_false(compare_end(&run));
}

static void what_cannot_be_read_matches_nothing(void **state)
{
	static struct compare_run run;

	(void)state;
	for (int how = 0; how < COMPARE_MAX_; how++) {
		compare_init(&run, (enum compare)how, read_nothing, NULL, 3);
		assert_false(compare_end(&run));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_the_table_holds),
		cmocka_unit_test(long_texts_are_compared_to_the_end),
		cmocka_unit_test(a_nul_is_a_byte_like_others),
		cmocka_unit_test(what_cannot_be_read_matches_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
