/* SPDX-License-Identifier: MIT */
/* Who gets which processors. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>

#include "driver/processors.h"

#define N 4

static void each_has_its_own(void **state)
{
	struct processors all = { 0 };
	struct place place[N + 1];

	(void)state;
	for (int i = 0; i < N; i++) {
		processors_take(&all, N, 1000, &place[i]);
		assert_int_equal(place[i].n, 1);
		assert_int_equal(place[i].processors[0], i);
	}
	processors_take(&all, N, 1000, &place[N]);
	assert_int_equal(place[N].n, 0);
	processors_give(&all, &place[N]);
	processors_give(&all, &place[2]);
	processors_give(&all, &place[2]); /* a second time it has none */
	processors_take(&all, N, 1000, &place[2]);
	assert_int_equal(place[2].processors[0], 2);
}

static void parts_share_and_leave_whole_ones(void **state)
{
	struct processors all = { 0 };
	struct place half, quarter, half_too, most;

	(void)state;
	processors_take(&all, N, 500, &half);
	processors_take(&all, N, 250, &quarter);
	processors_take(&all, N, 500, &half_too);
	assert_int_equal(half.processors[0], 0);
	assert_int_equal(quarter.processors[0], 0);
	assert_int_equal(half_too.processors[0], 1);
	processors_take(&all, N, 1500, &most);
	assert_int_equal(most.n, 2);
	assert_int_equal(most.share, 750);
	assert_int_equal(most.processors[0], 2);
	assert_int_equal(most.processors[1], 3);
	processors_take(&all, N, 2000, &half);
	assert_int_equal(half.n, 0);
}

static void some_run_on_any(void **state)
{
	static const struct {
		int64_t n, cpus;
	} any[] = { { N, 4000 }, { N, 3001 }, { N, 0 }, { 1, 1000 }, { 0, 1000 },
		{ 64, (FRAME_PLACE_MAX + 1) * 1000 } };
	struct processors all = { 0 };
	struct place place;

	(void)state;
	for (size_t i = 0; i < sizeof(any) / sizeof(any[0]); i++) {
		processors_take(&all, any[i].n, any[i].cpus, &place);
		assert_int_equal(place.n, 0);
	}
	processors_take(&all, 100000, 1000, &place);
	assert_int_equal(place.n, 1);
}

/* Whatever comes and goes, no processor is given away more than once, and all come back. */
static void nothing_is_lost(void **state)
{
	struct processors all = { 0 };
	struct place places[32] = { 0 };

	(void)state;
	srand(1);
	for (int i = 0; i < 100000; i++) {
		struct place *place = &places[rand() % 32];

		processors_give(&all, place);
		if (i < 99000)
			processors_take(&all, 16, rand() % 5000, place);
		for (int k = 0; k < 16; k++)
			assert_in_range(all.taken[k], 0, 1000);
	}
	for (int i = 0; i < 32; i++)
		processors_give(&all, &places[i]);
	for (int k = 0; k < PROCESSORS_MAX; k++)
		assert_int_equal(all.taken[k], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_its_own),
		cmocka_unit_test(parts_share_and_leave_whole_ones),
		cmocka_unit_test(some_run_on_any),
		cmocka_unit_test(nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
