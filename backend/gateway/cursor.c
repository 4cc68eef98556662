/* SPDX-License-Identifier: MIT */
#include "cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/number.h"

static const char letters[CURSOR_STATE_MAX_ + 1] = "nqrse";

void cursor_format(const struct cursor *cursor, char ret[static CURSOR_CHARS])
{
	(void)snprintf(ret, CURSOR_CHARS, "%" PRIu32 "-%" PRIu32 "-%" PRIu64 "-%" PRIu64 "-%c",
		cursor->attempt, cursor->steps, cursor->out, cursor->err, letters[cursor->state]);
}

/* The number in front of the next '-', which is passed over; as cursor_format() writes it. */
static bool take(const char **at, int64_t max, uint64_t *ret)
{
	char digits[24];
	size_t n = strcspn(*at, "-");
	int64_t value;

	if (n >= sizeof(digits) || (*at)[n] == '\0' || (n > 1 && **at == '0'))
		return false;
	memcpy(digits, *at, n);
	digits[n] = '\0';
	if (!number_parse(digits, 0, max, &value))
		return false;
	*ret = (uint64_t)value;
	*at += n + 1;
	return true;
}

bool cursor_parse(const char *text, struct cursor *ret)
{
	uint64_t attempt, steps, out, err;
	const char *letter;

	if (!take(&text, UINT32_MAX, &attempt) || !take(&text, UINT32_MAX, &steps) ||
		!take(&text, INT64_MAX, &out) || !take(&text, INT64_MAX, &err) || *text == '\0' ||
		text[1] != '\0')
		return false;
	letter = strchr(letters, *text);
	if (letter == NULL)
		return false;
	*ret = (struct cursor){
		.attempt = (uint32_t)attempt,
		.steps = (uint32_t)steps,
		.out = out,
		.err = err,
		.state = (enum cursor_state)(letter - letters),
	};
	return true;
}
