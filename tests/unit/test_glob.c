/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/glob.h"

static const struct {
	const char *pattern, *name;
	bool match;
} cases[] = {
	{ "a", "a", true },
	{ "a", "b", false },
	{ "a", "ab", false },
	{ "", "", false },
	{ "*", "anything.x", true },
	{ "*", "a/b", false },
	{ "*", ".hidden", true },
	{ "*.png", "plot.png", true },
	{ "*.png", "out/plot.png", false },
	{ "*/*.png", "out/plot.png", true },
	{ "?", "x", true },
	{ "?", "/", false },
	{ "a?c", "abc", true },
	{ "a?c", "ac", false },
	{ "**", "a/b/c", true },
	{ "**/x", "x", true },
	{ "**/x", "a/b/x", true },
	{ "**/x", "ax", false },
	{ "**/*.c", "main.c", true },
	{ "**/*.c", "a/b/main.c", true },
	{ "a/**", "a/b/c", true },
	{ "a/**", "b/c", false },
	{ "a/**/z", "a/z", true },
	{ "a/**/z", "a/b/c/z", true },
	{ "a/**/z", "a/bz", false },
	{ "a**z", "a/b/z", true },
	{ "[abc]", "b", true },
	{ "[abc]", "d", false },
	{ "[a-c]x", "bx", true },
	{ "[!a-c]", "b", false },
	{ "[^a-c]", "z", true },
	{ "[!a]", "/", false },
	{ "[]]", "]", true },
	{ "[a-]", "-", true },
	{ "[\xc3-\xc4]", "\xc3", true },
	{ "[", "[", true },
	{ "a[", "a[", true },
	{ "\\*", "*", true },
	{ "\\*", "x", false },
	{ "a\\", "a\\", true },
	{ "*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false },
};

static void matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (glob_match(cases[i].pattern, cases[i].name) != cases[i].match)
			fail_msg("'%s' against '%s'", cases[i].pattern, cases[i].name);
}

static void below(void **state)
{
	(void)state;
	assert_true(glob_match_below("out/*", "out"));
	assert_true(glob_match_below("**", "a/b"));
	assert_true(glob_match_below("**/x", "a/b"));
	assert_true(glob_match_below("*/*/c", "a"));
	assert_false(glob_match_below("*.txt", "a"));
	assert_false(glob_match_below("out/*", "out/deeper"));
	assert_false(glob_match_below("a/b", "b"));
}

static void lengths(void **state)
{
	char pattern[GLOB_MAX + 2], name[GLOB_MAX + 2];

	(void)state;
	memset(pattern, '*', sizeof(pattern));
	memset(name, 'a', sizeof(name));
	name[GLOB_MAX + 1] = '\0';
	pattern[GLOB_MAX] = '\0';
	assert_true(glob_match(pattern, name));
	memset(pattern, '*', sizeof(pattern));
	pattern[GLOB_MAX + 1] = '\0';
	assert_false(glob_match(pattern, name));
	memset(pattern, '[', sizeof(pattern));
	pattern[GLOB_MAX] = '\0';
	assert_false(glob_match(pattern, name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches),
		cmocka_unit_test(below),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
