/* SPDX-License-Identifier: MIT */
/* What requests say in their heads and addresses: places in streams, ranges, traces, numbers. */
#include "common/job_id.h"
#include "common/number.h"
#include "common/trace.h"
#include "fuzz.h"
#include "gateway/cursor.h"
#include "gateway/ranges.h"

static void check_range(const char *text)
{
	uint64_t first = 0, len = 0;

	if (range_parse(text, 1000, &first, &len) == RANGE_PART)
		MUST(len > 0 && first < 1000 && len <= 1000 - first);
}

static void check_cursor(const char *text)
{
	char again[CURSOR_CHARS];
	struct cursor cursor, same;

	if (!cursor_parse(text, &cursor))
		return;
	cursor_format(&cursor, again);
	MUST(cursor_parse(again, &same));
}

static void check_id(const char *text)
{
	char again[JOB_ID_CHARS + 1];
	struct job_id id;

	if (!job_id_parse(text, &id))
		return;
	job_id_format(&id, again);
	MUST(strcmp(text, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = fuzz_text(data, n), trace[TRACE_CHARS + 1];
	int64_t value;

	check_range(text);
	check_cursor(text);
	check_id(text);
	if (trace_parse(text, trace))
		MUST(trace_is_good(trace));
	if (number_parse(text, -5, 1000, &value) || number_parse_bytes(text, -5, 1000, &value) ||
		number_parse_thousandths(text, -5, 1000, &value))
		MUST(value >= -5 && value <= 1000);
	free(text);
	return 0;
}
