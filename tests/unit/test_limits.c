/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "common/limits.h"

static void the_table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < LIMIT_MAX_; i++) {
		enum limit limit = (enum limit)i;

		assert_true(limit_min(limit) > 0);
		assert_true(limit_default(limit) >= limit_min(limit));
		assert_true(limit_ceiling(limit) >= limit_default(limit));
		assert_int_equal(limit_by_name(limit_name(limit)), limit);
	}
	assert_int_equal(limit_by_name("no_such"), LIMIT_MAX_);
}

/* Whatever is asked for, what holds lies between the smallest value and the ceiling. */
static void nothing_asked_for_gets_past_the_ceiling(void **state)
{
	static const int64_t asked[] = { LIMIT_UNSET, 0, -7, 1, 500, INT64_MAX, INT64_MIN };
	struct limits base, ceiling, want, got;

	(void)state;
	limits_default(&base);
	limits_default(&ceiling);
	ceiling.v[LIMIT_CPU] = 400;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		limits_unset(&want);
		want.v[LIMIT_CPU] = asked[i];
		limits_resolve(&base, &ceiling, &want, &got);
		assert_in_range(got.v[LIMIT_CPU], 1, 400);
		assert_int_equal(got.v[LIMIT_WALL], base.v[LIMIT_WALL]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(nothing_asked_for_gets_past_the_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
