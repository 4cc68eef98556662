/* SPDX-License-Identifier: MIT */
/*
 * A place in a job's event stream: the id of an event, which stands for all up to that one. It
 * counts bytes and steps, not events, so that it means the same however the stream was cut
 * into events, and after any process was started anew.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CURSOR_CHARS 80

/* What was told of the job's state within the attempt. The order is that in which they come. */
enum cursor_state {
	CURSOR_NONE,
	CURSOR_QUEUED,
	CURSOR_RUNNING,
	CURSOR_STARTED,
	CURSOR_ENDED, /* all was told */
	CURSOR_STATE_MAX_,
};

/* All zero: nothing was told. */
struct cursor {
	uint32_t attempt;
	uint32_t steps;    /* whose ends were told */
	uint64_t out, err; /* bytes of all of the job's stdout and stderr */
	enum cursor_state state;
};

/* "ATTEMPT-STEPS-OUT-ERR-STATE" */
void cursor_format(const struct cursor *cursor, char ret[static CURSOR_CHARS]);
/* False: it is none of ours. */
bool cursor_parse(const char *text, struct cursor *ret);
