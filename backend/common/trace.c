/* SPDX-License-Identifier: MIT */
#include "trace.h"

#include <stdio.h>
#include <string.h>

#define TRACE_ID_AT 3
#define PARENT_AT   36
#define FLAGS_AT    53

/* n lower-case hexadecimal digits; not all of them 0, unless that may be. */
static bool is_hex(const char *text, size_t n, bool may_be_empty)
{
	bool empty = true;

	for (size_t i = 0; i < n; i++) {
		if ((text[i] < '0' || text[i] > '9') && (text[i] < 'a' || text[i] > 'f'))
			return false;
		empty = empty && text[i] == '0';
	}
	return may_be_empty || !empty;
}

bool trace_parse(const char *text, char ret[static TRACE_CHARS + 1])
{
	char first[TRACE_CHARS + 1];
	bool known;

	if (strnlen(text, TRACE_CHARS) < TRACE_CHARS)
		return false;
	memcpy(first, text, TRACE_CHARS);
	first[TRACE_CHARS] = '\0';
	known = memcmp(first, "00", 2) == 0;
	if (!is_hex(first, 2, true) || memcmp(first, "ff", 2) == 0 || first[2] != '-' ||
		!is_hex(first + TRACE_ID_AT, 32, false) || first[PARENT_AT - 1] != '-' ||
		!is_hex(first + PARENT_AT, 16, false) || first[FLAGS_AT - 1] != '-' ||
		!is_hex(first + FLAGS_AT, 2, true))
		return false;
	if (text[TRACE_CHARS] != '\0' && (known || text[TRACE_CHARS] != '-'))
		return false;
	if (!known) { /* of its flags only "sampled" is known to mean the same */
		bool sampled = strchr("13579bdf", first[TRACE_CHARS - 1]) != NULL;

		memcpy(first, "00", 2);
		memcpy(first + FLAGS_AT, sampled ? "01" : "00", 2);
	}
	memcpy(ret, first, sizeof(first));
	return true;
}

bool trace_is_good(const char *text)
{
	char same[TRACE_CHARS + 1];

	return text[0] == '\0' || (trace_parse(text, same) && strcmp(text, same) == 0);
}

struct trace_text trace_shown(const char *trace)
{
	struct trace_text shown = { "" };

	if (trace[0] != '\0')
		(void)snprintf(shown.text, sizeof(shown.text), " trace=%s", trace);
	return shown;
}
