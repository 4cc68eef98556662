/* SPDX-License-Identifier: MIT */
/*
 * The line that the log has of each move of a job, in logfmt: names and values with "=" between,
 * values with spaces in quotes.
 *
 *	job=1f2e3d4c5b6a attempt=1 from=running to=done task=python client=ann wait_ms=4
 *	run_ms=31 verdict=ok trace=00-...
 *
 * What does not apply is left out.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/job_id.h"

#define MOVE_LINE_BYTES 1600

struct move_line {
	const struct job_id *id;
	uint32_t attempt;
	const char *from, *to;
	const char *task, *client, *node, *verdict, *reason, *trace; /* NULL or "": left out */
	int64_t wait_ms, run_ms;                                     /* -1: left out */
};

/* Without its end; control characters are the log's to escape. */
void move_line_write(const struct move_line *line, char ret[static MOVE_LINE_BYTES]);
void move_line_log(const struct move_line *line);
