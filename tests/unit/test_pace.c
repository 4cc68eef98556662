/* SPDX-License-Identifier: MIT */
/* How many containers are made at one time, with engines of known kinds. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "driver/pace.h"

#define START 4
#define LEAST 2
#define MOST  16

/* Containers a second that an engine makes when it is asked for n at one time. */
typedef double (*engine_fn)(unsigned n);

static double best_at_six(unsigned n)
{
	return n <= 6 ? 1.5 * n : 9.0 - 0.8 * (n - 6);
}

static double best_at_two(unsigned n)
{
	return 8.0 - 0.5 * (n - 2);
}

static double never_enough(unsigned n)
{
	return n;
}

/* How often the pace was above or below the range in the last half of so many containers. */
static unsigned run(engine_fn engine, int containers, unsigned low, unsigned high)
{
	struct pace pace;
	int64_t now_us = 1;
	unsigned outside = 0;

	pace_init(&pace, START, LEAST, MOST);
	for (int i = 0; i < containers; i++) {
		now_us += (int64_t)(1e6 / engine(pace.now));
		pace_ready(&pace, true, now_us);
		assert_in_range(pace.now, LEAST, MOST);
		outside += i > containers / 2 && (pace.now < low || pace.now > high);
	}
	return outside;
}

static void it_stays_near_the_best(void **state)
{
	(void)state;
	assert_int_equal(run(best_at_six, 4000, 5, 8), 0);
	assert_int_equal(run(best_at_two, 4000, 2, 4), 0);
	assert_int_equal(run(never_enough, 4000, 14, 16), 0);
}

static void a_quiet_engine_says_nothing(void **state)
{
	struct pace pace;

	(void)state;
	pace_init(&pace, START, LEAST, MOST);
	for (int i = 0; i < 1000; i++)
		pace_ready(&pace, i % 10 != 0, 1 + i * 100000);
	assert_int_equal(pace.now, START);
}

static void what_the_operator_said_stays(void **state)
{
	struct pace pace;

	(void)state;
	pace_init(&pace, 3, 3, 3);
	for (int i = 0; i < 1000; i++)
		pace_ready(&pace, true, 1 + i * 100000);
	assert_int_equal(pace.now, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_stays_near_the_best),
		cmocka_unit_test(a_quiet_engine_says_nothing),
		cmocka_unit_test(what_the_operator_said_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
