/* SPDX-License-Identifier: MIT */
/*
 * The traceparent of W3C's Trace Context: to which trace of its client's a request belongs.
 * It is taken as it comes, kept with the job, and handed on; none is made here.
 */
#pragma once

#include <stdbool.h>

#define TRACE_CHARS 55 /* "00-" trace-id "-" parent-id "-" flags */

/*
 * False where it is none that one may go on with: ret is untouched, and the request is as one
 * without. One of a later version is taken for what this version knows of it.
 */
bool trace_parse(const char *text, char ret[static TRACE_CHARS + 1]);
/* As trace_parse() gave it, or "". */
bool trace_is_good(const char *text);

/* " trace=..." at the end of a line of the log; "" for none. */
struct trace_text {
	char text[TRACE_CHARS + 8];
};
struct trace_text trace_shown(const char *trace);
