/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/verdict.h"

static struct evidence good(void)
{
	return (struct evidence){ .killed_for = LIMIT_MAX_, .wall_us = 5000, .cpu_us = 3000 };
}

static struct finding judge(struct evidence ev, bool build, bool matches)
{
	struct limits limits;

	limits_default(&limits);
	return verdict_decide(&ev, &limits, build, matches);
}

static void names_are_whole_and_reversible(void **state)
{
	(void)state;
	for (int v = 0; v < VERDICT_MAX_; v++)
		assert_int_equal(verdict_by_name(verdict_name((enum verdict)v)), v);
	assert_int_equal(verdict_by_name("fine"), VERDICT_MAX_);
	assert_string_equal(verdict_name(VERDICT_MAX_), "none");
}

static void ok_only_when_nothing_is_wrong(void **state)
{
	struct evidence ev = good();

	(void)state;
	assert_int_equal(judge(ev, false, true).verdict, VERDICT_OK);
	assert_int_equal(judge(ev, false, false).verdict, VERDICT_WRONG_OUTPUT);
	ev.exit_code = 3;
	assert_int_equal(judge(ev, false, false).verdict, VERDICT_NONZERO_EXIT);
	ev.exit_code = -1;
	ev.signal = 11;
	assert_int_equal(judge(ev, false, true).verdict, VERDICT_SIGNALED);
	assert_int_equal(judge(ev, true, true).verdict, VERDICT_BUILD_FAILED);
}

static void what_we_killed_for_comes_first(void **state)
{
	static const struct {
		enum limit limit;
		enum verdict verdict;
	} rows[] = {
		{ LIMIT_CPU, VERDICT_CPU_TIME },
		{ LIMIT_WALL, VERDICT_WALL_TIME },
		{ LIMIT_MEMORY, VERDICT_MEMORY },
		{ LIMIT_OUTPUT, VERDICT_OUTPUT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct evidence ev = good();
		struct finding f;

		ev.killed_for = rows[i].limit;
		ev.signal = 9;
		ev.exit_code = -1;
		ev.oom_kills = 1;
		f = judge(ev, true, false);
		assert_int_equal(f.verdict, rows[i].verdict);
		assert_int_equal(f.limit, rows[i].limit);
		assert_int_equal(f.configured, limit_default(rows[i].limit));
		assert_true(f.limits_hit & 1U << rows[i].limit);
	}
}

static void memory_comes_before_the_build(void **state)
{
	struct evidence ev = good();
	struct finding f;

	(void)state;
	ev.oom_kills = 1;
	ev.exit_code = 1;
	ev.memory_peak = 256 * MIB;
	f = judge(ev, true, true);
	assert_int_equal(f.verdict, VERDICT_MEMORY);
	assert_int_equal(f.measured, 256 * MIB);
}

/* A program that is told by errno and copes has not failed: the limit is only listed. */
static void errno_limits_count_only_with_a_failure(void **state)
{
	struct evidence ev = good();
	struct finding f;

	(void)state;
	ev.pids_refused = 4;
	ev.disk_full = true;
	f = judge(ev, false, true);
	assert_int_equal(f.verdict, VERDICT_OK);
	assert_int_equal(f.limits_hit, 1U << LIMIT_PROCESSES | 1U << LIMIT_DISK);
	ev.exit_code = 1;
	assert_int_equal(judge(ev, false, true).verdict, VERDICT_DISK);
	ev.disk_full = false;
	ev.processes_peak = 64;
	f = judge(ev, false, true);
	assert_int_equal(f.verdict, VERDICT_PROCESSES);
	assert_int_equal(f.measured, 64);
}

static void cut_output_is_no_failure(void **state)
{
	struct evidence ev = good();
	struct finding f;

	(void)state;
	ev.stderr_bytes = 16 * MIB;
	assert_int_equal(judge(ev, false, true).limits_hit, 0);
	ev.stderr_bytes = 16 * MIB + 1;
	f = judge(ev, false, true);
	assert_int_equal(f.verdict, VERDICT_OK);
	assert_int_equal(f.limits_hit, 1U << LIMIT_OUTPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_whole_and_reversible),
		cmocka_unit_test(ok_only_when_nothing_is_wrong),
		cmocka_unit_test(what_we_killed_for_comes_first),
		cmocka_unit_test(memory_comes_before_the_build),
		cmocka_unit_test(errno_limits_count_only_with_a_failure),
		cmocka_unit_test(cut_output_is_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
