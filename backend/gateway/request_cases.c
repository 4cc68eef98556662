/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "request_parts.h"

#define CASE_NAME_MAX 255

static int read_case_name(struct reading *rd, const struct at *at, const json_t *value, char **ret)
{
	const char *text;
	int r = member_text(rd, at, value, CASE_NAME_MAX, &text);

	if (r < 0)
		return r;
	if (text[0] == '\0')
		return member_bad(rd->err, at, "is empty");
	*ret = strdup(text);
	return *ret == NULL ? err_set(rd->err, ENOMEM, "a case") : 0;
}

int request_compare_read(
	struct reading *rd, const struct at *at, const json_t *value, enum compare *ret)
{
	const char *name;
	int r = member_text(rd, at, value, 64, &name);

	if (r < 0)
		return r;
	*ret = compare_by_name(name);
	if (*ret == COMPARE_MAX_)
		return member_bad(
			rd->err, at, "expected \"exact\", \"lines\", \"tokens\" or \"checker\"");
	if (*ret == COMPARE_CHECKER && (rd->task == NULL || rd->task->checker == NULL))
		return member_bad(rd->err, at, "the task has no checker");
	return 0;
}

static int read_case_member(
	struct reading *rd, const struct at *at, json_t *value, struct spec_case *c)
{
	if (strcmp(at->name, "name") == 0)
		return read_case_name(rd, at, value, &c->name);
	if (strcmp(at->name, "args") == 0)
		return member_strv(rd, at, value, SPEC_ARGS_MAX, SPEC_ARG_BYTES, &c->args);
	if (strcmp(at->name, "env") == 0)
		return member_env(rd, at, value, &c->env);
	if (strcmp(at->name, "limits") == 0)
		return member_limits(rd, at, value, &c->limits);
	if (strcmp(at->name, "compare") == 0)
		return request_compare_read(rd, at, value, &c->compare);
	if (strcmp(at->name, "stdin") == 0) {
		c->has_stdin = true;
		return member_bytes(rd, at, value, &c->stdin_);
	}
	if (strcmp(at->name, "expected_stdout") == 0) {
		c->has_expected = true;
		return member_bytes(rd, at, value, &c->expected);
	}
	return member_unknown(rd->err, at);
}

static int read_case(struct reading *rd, const struct at *at, json_t *value, struct spec_case *c)
{
	const char *name;
	json_t *item;

	limits_unset(&c->limits);
	c->compare = COMPARE_MAX_;
	if (!json_is_object(value))
		return member_expected(rd->err, at, "an object", value);
	json_object_foreach(value, name, item)
	{
		struct at here = { at, name, 0 };
		int r = read_case_member(rd, &here, item, c);

		if (r < 0)
			return r;
	}
	return 0;
}

int request_cases_read(struct reading *rd, const struct at *at, json_t *value)
{
	struct spec *spec = &rd->req->spec;
	size_t n = json_array_size(value);

	if (!json_is_array(value))
		return member_expected(rd->err, at, "an array", value);
	if (n == 0)
		return member_bad(rd->err, at, "is empty");
	if (n > SPEC_CASES_MAX)
		return member_bad(rd->err, at, "has %zu elements, at most %d are possible", n,
			SPEC_CASES_MAX);
	spec->cases = calloc(n, sizeof(*spec->cases));
	if (spec->cases == NULL)
		return err_set(rd->err, ENOMEM, "the request's cases");
	for (size_t i = 0; i < n; i++) {
		struct at here = { at, NULL, i };
		int r;

		spec->n_cases = i + 1;
		r = read_case(rd, &here, json_array_get(value, i), &spec->cases[i]);
		if (r < 0)
			return r;
	}
	return 0;
}
