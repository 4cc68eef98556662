/* SPDX-License-Identifier: MIT */
#include "member.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "document/base64.h"

#define PATH_MAX_CHARS 160

static void at_write(const struct at *at, char *ret, size_t size)
{
	size_t len;

	ret[0] = '\0';
	if (at == NULL)
		return;
	at_write(at->up, ret, size);
	len = strlen(ret);
	if (at->name == NULL)
		(void)snprintf(ret + len, size - len, "[%zu]", at->index);
	else
		(void)snprintf(ret + len, size - len, "%s%.64s", len > 0 ? "." : "", at->name);
}

void member_say_bad(struct err *err, const struct at *at, const char *fmt, ...)
{
	char path[PATH_MAX_CHARS], text[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	at_write(at, path, sizeof(path));
	(void)err_say(err, EINVAL, "%s%s%s", path, path[0] == '\0' ? "" : ": ", text);
}

const char *member_type(const json_t *value)
{
	if (value == NULL)
		return "nothing";
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_NULL:
		return "null";
	default:
		return "a boolean";
	}
}

int member_expected(struct err *err, const struct at *at, const char *what, const json_t *value)
{
	return member_bad(err, at, "expected %s, not %s", what, member_type(value));
}

int member_text(
	struct reading *rd, const struct at *at, const json_t *value, size_t max, const char **ret)
{
	if (!json_is_string(value))
		return member_expected(rd->err, at, "a string", value);
	if (strlen(json_string_value(value)) != json_string_length(value))
		return member_bad(rd->err, at, "has a NUL, which cannot be passed on here");
	if (json_string_length(value) > max)
		return member_bad(rd->err, at, "has %zu bytes, at most %zu are possible",
			json_string_length(value), max);
	*ret = json_string_value(value);
	return 0;
}

int member_bool(struct reading *rd, const struct at *at, const json_t *value, bool *ret)
{
	if (!json_is_boolean(value))
		return member_expected(rd->err, at, "true or false", value);
	*ret = json_is_true(value);
	return 0;
}

int member_strv(struct reading *rd, const struct at *at, const json_t *value, size_t max_n,
	size_t max_bytes, struct strv *sv)
{
	size_t i;
	json_t *item;

	if (!json_is_array(value))
		return member_expected(rd->err, at, "an array of strings", value);
	if (json_array_size(value) > max_n)
		return member_bad(rd->err, at, "has %zu elements, at most %zu are possible",
			json_array_size(value), max_n);
	json_array_foreach(value, i, item)
	{
		struct at here = { at, NULL, i };
		const char *text;
		int r = member_text(rd, &here, item, max_bytes, &text);

		if (r == 0)
			r = strv_add(sv, text, rd->err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_env(struct reading *rd, const struct at *at, const char *name, const json_t *value,
	struct strv *env)
{
	cleanup_free char *pair = NULL;
	const char *text;
	struct err why;
	int r = member_text(rd, at, value, SPEC_ARG_BYTES, &text);

	if (r < 0)
		return r;
	if (asprintf(&pair, "%s=%s", name, text) < 0) {
		pair = NULL;
		return err_set(rd->err, ENOMEM, "environment");
	}
	if (strchr(name, '=') != NULL || spec_env_check(pair, &why) < 0)
		return member_bad(rd->err, at,
			"a variable's name has letters, digits and '_', and no digit first");
	if (strlen(pair) > SPEC_ARG_BYTES)
		return member_bad(
			rd->err, at, "name and value have more than %d bytes", SPEC_ARG_BYTES - 1);
	return strv_add(env, pair, rd->err);
}

int member_env(struct reading *rd, const struct at *at, json_t *value, struct strv *env)
{
	const char *name;
	json_t *item;

	if (!json_is_object(value))
		return member_expected(rd->err, at, "an object of strings", value);
	if (json_object_size(value) > SPEC_ARGS_MAX)
		return member_bad(rd->err, at, "has more than %d members", SPEC_ARGS_MAX);
	json_object_foreach(value, name, item)
	{
		struct at here = { at, name, 0 };
		int r = add_env(rd, &here, name, item, env);

		if (r < 0)
			return r;
	}
	return 0;
}

int member_content(struct reading *rd, const struct at *at, const json_t *content,
	const struct at *encoding_at, const json_t *encoding, struct extent *ret)
{
	cleanup_free uint8_t *bytes = NULL;
	const char *name = "utf8";
	struct err why;
	size_t n;
	int r;

	if (!json_is_string(content))
		return member_expected(rd->err, at, "a string", content);
	if (encoding != NULL) {
		r = member_text(rd, encoding_at, encoding, 64, &name);
		if (r < 0)
			return r;
	}
	n = json_string_length(content);
	if (strcmp(name, "utf8") == 0)
		return input_add(&rd->req->input, json_string_value(content), n, ret, rd->err);
	if (strcmp(name, "base64") != 0)
		return member_bad(rd->err, encoding_at, "expected \"utf8\" or \"base64\"");
	bytes = malloc(n + 1);
	if (bytes == NULL)
		return err_set(rd->err, ENOMEM, "the request's files");
	if (base64_decode(json_string_value(content), n, bytes, &n, &why) < 0)
		return member_bad(rd->err, at, "%s", why.msg);
	return input_add(&rd->req->input, bytes, n, ret, rd->err);
}

int member_unknown(struct err *err, const struct at *at)
{
	return member_bad(err, at, "unknown member");
}

int member_bytes(struct reading *rd, const struct at *at, json_t *value, struct extent *ret)
{
	const struct at content_at = { at, "content", 0 }, encoding_at = { at, "encoding", 0 };
	const char *name;
	json_t *item;

	if (!json_is_object(value))
		return member_content(rd, at, value, NULL, NULL, ret);
	json_object_foreach(value, name, item)
	{
		struct at here = { at, name, 0 };

		if (strcmp(name, "content") != 0 && strcmp(name, "encoding") != 0)
			return member_unknown(rd->err, &here);
	}
	if (json_object_get(value, "content") == NULL)
		return member_bad(rd->err, &content_at, "is missing");
	return member_content(rd, &content_at, json_object_get(value, "content"), &encoding_at,
		json_object_get(value, "encoding"), ret);
}

/* A number with at most three decimals, in thousandths. */
int member_thousandths(struct reading *rd, const struct at *at, const json_t *value, int64_t *ret)
{
	double number = json_number_value(value) * 1000.0, off;

	if (!json_is_number(value))
		return member_expected(rd->err, at, "a number", value);
	if (!(number < 1e12 && number > -1e12))
		return member_bad(rd->err, at, "is out of range");
	*ret = (int64_t)(number < 0 ? number - 0.5 : number + 0.5);
	off = number - (double)*ret;
	if (off > 1e-6 || off < -1e-6)
		return member_bad(rd->err, at, "has more than three decimals");
	return 0;
}

int member_whole(struct reading *rd, const struct at *at, const json_t *value, int64_t *ret)
{
	if (json_is_real(value))
		return member_bad(rd->err, at, "expected a whole number");
	if (!json_is_integer(value))
		return member_expected(rd->err, at, "a whole number", value);
	*ret = json_integer_value(value);
	return 0;
}

static int read_limit(struct reading *rd, const struct at *at, enum limit limit,
	const json_t *value, int64_t ceiling, int64_t *ret)
{
	const char *unit = limit == LIMIT_CPUS ? "/1000" : "";
	int64_t v = 0;
	int r = limit == LIMIT_CPUS ? member_thousandths(rd, at, value, &v)
				    : member_whole(rd, at, value, &v);

	if (r < 0)
		return r;
	if (v < limit_min(limit))
		return member_bad(rd->err, at,
			"%" PRId64 "%s is below the smallest value, %" PRId64 "%s", v, unit,
			limit_min(limit), unit);
	if (v > ceiling)
		return member_bad(rd->err, at,
			"%" PRId64 "%s is above the task's ceiling, %" PRId64 "%s", v, unit,
			ceiling, unit);
	*ret = v;
	return 0;
}

static int64_t ceiling_of(const struct reading *rd, enum limit limit)
{
	return rd->task == NULL ? limit_ceiling(limit) : rd->task->ceilings.v[limit];
}

int member_limits(struct reading *rd, const struct at *at, json_t *value, struct limits *ret)
{
	const char *name;
	json_t *item;

	if (!json_is_object(value))
		return member_expected(rd->err, at, "an object", value);
	json_object_foreach(value, name, item)
	{
		struct at here = { at, name, 0 };
		enum limit limit = limit_by_name(name);
		int r = limit == LIMIT_MAX_ ? member_unknown(rd->err, &here)
					    : read_limit(rd, &here, limit, item,
						      ceiling_of(rd, limit), &ret->v[limit]);

		if (r < 0)
			return r;
	}
	return 0;
}
