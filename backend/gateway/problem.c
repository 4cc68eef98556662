/* SPDX-License-Identifier: MIT */
#include "problem.h"

#include <stdio.h>

static const struct {
	const char *urn, *title;
	unsigned status;
} table[PROBLEM_MAX_] = {
#define X(id, name, code, text) [PROBLEM_##id] = { PROBLEM_URN name, text, code },
	PROBLEMS(X)
#undef X
};

unsigned problem_status(enum problem problem)
{
	return table[problem].status;
}

void problem_write(struct json_text *t, enum problem problem, const char *detail)
{
	jt_open(t, '{');
	jt_key(t, "type");
	jt_str(t, table[problem].urn);
	jt_key(t, "title");
	jt_str(t, table[problem].title);
	jt_key(t, "status");
	jt_uint(t, table[problem].status);
	jt_key(t, "detail");
	jt_str(t, detail);
	jt_key(t, "message");
	jt_str(t, detail);
	jt_close(t, '}');
}
