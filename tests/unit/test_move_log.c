/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "queue/move_log.h"

static const struct job_id id = { { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0 } };

static void a_line_has_what_applies(void **state)
{
	const struct move_line first = { .id = &id,
		.from = "none",
		.to = "queued",
		.task = "py",
		.client = "",
		.wait_ms = -1,
		.run_ms = -1 };
	const struct move_line last = { .id = &id,
		.attempt = 2,
		.from = "running",
		.to = "done",
		.task = "py",
		.client = "ann",
		.node = "a",
		.wait_ms = 0,
		.run_ms = 31,
		.verdict = "ok",
		.trace = "00-1-2-01" };
	char line[MOVE_LINE_BYTES];

	(void)state;
	move_line_write(&first, line);
	assert_string_equal(line, "job=123456789abc attempt=0 from=none to=queued task=py");
	move_line_write(&last, line);
	assert_string_equal(line,
		"job=123456789abc attempt=2 from=running to=done task=py client=ann node=a "
		"wait_ms=0 run_ms=31 verdict=ok trace=00-1-2-01");
}

static void what_has_spaces_is_quoted(void **state)
{
	struct move_line move = { .id = &id,
		.from = "running",
		.to = "queued",
		.reason = "it said \"no\" \\ a=b",
		.wait_ms = -1,
		.run_ms = -1 };
	char line[MOVE_LINE_BYTES], longest[3 * MOVE_LINE_BYTES];

	(void)state;
	move_line_write(&move, line);
	assert_string_equal(line, "job=123456789abc attempt=0 from=running to=queued "
				  "reason=\"it said \\\"no\\\" \\\\ a=b\"");
	memset(longest, '"', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	move.reason = longest;
	move_line_write(&move, line);
	assert_int_equal(strlen(line), MOVE_LINE_BYTES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_what_applies),
		cmocka_unit_test(what_has_spaces_is_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
