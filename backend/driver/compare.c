/* SPDX-License-Identifier: MIT */
#include "compare.h"

#include <string.h>

void compare_init(
	struct compare_run *run, enum compare how, compare_read_fn read, void *arg, uint64_t len)
{
	run->how = how;
	run->read = read;
	run->arg = arg;
	run->len = len;
	run->offset = 0;
	run->at = run->have = 0;
	run->differs = run->in_token = run->space_differs = false;
}

/* White space that does not end a line. */
static bool is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool is_space(int c)
{
	return is_blank(c) || c == '\n';
}

/* Makes sure that there is something in the chunk; false at the end. */
static bool fill(struct compare_run *run)
{
	uint64_t left = run->len - run->offset;
	size_t n = left < sizeof(run->chunk) ? (size_t)left : sizeof(run->chunk);

	if (run->at < run->have)
		return true;
	if (n == 0)
		return false;
	if (run->read(run->arg, run->offset, run->chunk, n) < 0) {
		run->differs = true;
		return false;
	}
	run->offset += n;
	run->at = 0;
	run->have = n;
	return true;
}

/* The next expected byte, -1 at the end. */
static int peek(struct compare_run *run)
{
	return fill(run) ? run->chunk[run->at] : -1;
}

static void feed_exact(struct compare_run *run, const uint8_t *data, size_t n)
{
	while (n > 0 && !run->differs) {
		size_t take;

		if (!fill(run)) {
			run->differs = true;
			return;
		}
		take = run->have - run->at < n ? run->have - run->at : n;
		if (memcmp(run->chunk + run->at, data, take) != 0)
			run->differs = true;
		run->at += take;
		data += take;
		n -= take;
	}
}

/* The output's line is over: what is left of the expected one may only be blank. */
static void end_line(struct compare_run *run)
{
	int c;

	while (is_blank(c = peek(run)))
		run->at++;
	if (c == '\n')
		run->at++;
	else if (c != -1)
		run->differs = true;
	/* At the end of what is expected, only empty lines may follow: see line_byte(). */
	run->space_differs = false;
}

/*
 * Blanks are compared as they come. Where they turn out to be a line's end, the
 * outcome does not count; where text follows, it does.
 */
static void line_byte(struct compare_run *run, uint8_t c)
{
	int want;

	if (c == '\n') {
		end_line(run);
		return;
	}
	want = peek(run);
	if (is_blank(c)) {
		if (want == c && !run->space_differs)
			run->at++;
		else
			run->space_differs = true;
		return;
	}
	if (want != c || run->space_differs)
		run->differs = true;
	else
		run->at++;
	run->space_differs = false;
}

static void token_byte(struct compare_run *run, uint8_t c)
{
	int want;

	if (is_space(c)) {
		want = run->in_token ? peek(run) : ' ';
		if (want != -1 && !is_space(want))
			run->differs = true; /* the expected token goes on */
		run->in_token = false;
		return;
	}
	while (!run->in_token && is_space(peek(run)))
		run->at++;
	run->in_token = true;
	if (peek(run) != c)
		run->differs = true;
	else
		run->at++;
}

void compare_feed(struct compare_run *run, const uint8_t *data, size_t n)
{
	if (run->how == COMPARE_EXACT) {
		feed_exact(run, data, n);
		return;
	}
	for (size_t i = 0; i < n && !run->differs; i++) {
		if (run->how == COMPARE_LINES)
			line_byte(run, data[i]);
		else
			token_byte(run, data[i]);
	}
}

bool compare_end(struct compare_run *run)
{
	int c;

	if (run->how == COMPARE_TOKENS && run->in_token && (c = peek(run)) != -1 && !is_space(c))
		run->differs = true;
	/* Nothing but white space may be left; for COMPARE_EXACT nothing at all. */
	while (!run->differs && (c = peek(run)) != -1) {
		if (run->how == COMPARE_EXACT || !is_space(c))
			run->differs = true;
		run->at++;
	}
	return !run->differs;
}
