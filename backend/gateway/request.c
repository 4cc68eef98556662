/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "document/base64.h"
#include "document/utf8.h"
#include "json_where.h"

#define LABELS_MAX     64
#define LABEL_MAX      255
#define COLLECT_MAX    256
#define CASE_NAME_MAX  255
#define PATH_MAX_CHARS 160

/* Where we are in the document, for messages. */
struct at {
	const struct at *up; /* NULL: the whole document */
	const char *name;    /* NULL: an element of a list */
	size_t index;
};

/* What readers of members share. */
struct reading {
	const struct config *config;
	const struct task *task; /* NULL: an image of the client's own */
	struct request *req;
	struct err *err;
};

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

static void say_bad(struct err *err, const struct at *at, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

static void say_bad(struct err *err, const struct at *at, const char *fmt, ...)
{
	char path[PATH_MAX_CHARS], text[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	at_write(at, path, sizeof(path));
	(void)err_say(err, EINVAL, "%s%s%s", path, path[0] == '\0' ? "" : ": ", text);
}

/* A client's mistake, with its place. A macro, so that tools see that it is always a failure. */
#define bad(err, at, ...) (say_bad((err), (at), __VA_ARGS__), -EINVAL)

static const char *type_text(const json_t *value)
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

static int expected(struct err *err, const struct at *at, const char *what, const json_t *value)
{
	return bad(err, at, "expected %s, not %s", what, type_text(value));
}

/* A string that can be an argument or a name: no NUL, at most `max` bytes. In place. */
static int read_text(
	struct reading *rd, const struct at *at, const json_t *value, size_t max, const char **ret)
{
	if (!json_is_string(value))
		return expected(rd->err, at, "a string", value);
	if (strlen(json_string_value(value)) != json_string_length(value))
		return bad(rd->err, at, "has a NUL, which cannot be passed on here");
	if (json_string_length(value) > max)
		return bad(rd->err, at, "has %zu bytes, at most %zu are possible",
			json_string_length(value), max);
	*ret = json_string_value(value);
	return 0;
}

static int read_bool(struct reading *rd, const struct at *at, const json_t *value, bool *ret)
{
	if (!json_is_boolean(value))
		return expected(rd->err, at, "true or false", value);
	*ret = json_is_true(value);
	return 0;
}

/* An array of strings into `sv`. */
static int read_strv(struct reading *rd, const struct at *at, const json_t *value, size_t max_n,
	size_t max_bytes, struct strv *sv)
{
	size_t i;
	json_t *item;

	if (!json_is_array(value))
		return expected(rd->err, at, "an array of strings", value);
	if (json_array_size(value) > max_n)
		return bad(rd->err, at, "has %zu elements, at most %zu are possible",
			json_array_size(value), max_n);
	json_array_foreach(value, i, item)
	{
		struct at here = { at, NULL, i };
		const char *text;
		int r = read_text(rd, &here, item, max_bytes, &text);

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
	int r = read_text(rd, at, value, SPEC_ARG_BYTES, &text);

	if (r < 0)
		return r;
	if (asprintf(&pair, "%s=%s", name, text) < 0) {
		pair = NULL;
		return err_set(rd->err, ENOMEM, "environment");
	}
	if (strchr(name, '=') != NULL || spec_env_check(pair, &why) < 0)
		return bad(rd->err, at,
			"a variable's name has letters, digits and '_', and no digit first");
	if (strlen(pair) > SPEC_ARG_BYTES)
		return bad(
			rd->err, at, "name and value have more than %d bytes", SPEC_ARG_BYTES - 1);
	return strv_add(env, pair, rd->err);
}

/* {"NAME": "value"} */
static int read_env(struct reading *rd, const struct at *at, json_t *value, struct strv *env)
{
	const char *name;
	json_t *item;

	if (!json_is_object(value))
		return expected(rd->err, at, "an object of strings", value);
	if (json_object_size(value) > SPEC_ARGS_MAX)
		return bad(rd->err, at, "has more than %d members", SPEC_ARGS_MAX);
	json_object_foreach(value, name, item)
	{
		struct at here = { at, name, 0 };
		int r = add_env(rd, &here, name, item, env);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Bytes as text: "utf8" (the default) or "base64", into the input. */
static int read_content(struct reading *rd, const struct at *at, const json_t *content,
	const struct at *encoding_at, const json_t *encoding, struct extent *ret)
{
	cleanup_free uint8_t *bytes = NULL;
	const char *name = "utf8";
	struct err why;
	size_t n;
	int r;

	if (!json_is_string(content))
		return expected(rd->err, at, "a string", content);
	if (encoding != NULL) {
		r = read_text(rd, encoding_at, encoding, 64, &name);
		if (r < 0)
			return r;
	}
	n = json_string_length(content);
	if (strcmp(name, "utf8") == 0)
		return input_add(&rd->req->input, json_string_value(content), n, ret, rd->err);
	if (strcmp(name, "base64") != 0)
		return bad(rd->err, encoding_at, "expected \"utf8\" or \"base64\"");
	bytes = malloc(n + 1);
	if (bytes == NULL)
		return err_set(rd->err, ENOMEM, "the request's files");
	if (base64_decode(json_string_value(content), n, bytes, &n, &why) < 0)
		return bad(rd->err, at, "%s", why.msg);
	return input_add(&rd->req->input, bytes, n, ret, rd->err);
}

static int unknown_member(struct err *err, const struct at *at)
{
	return bad(err, at, "unknown member");
}

/* A string, or {"content": ..., "encoding": ...}. */
static int read_bytes(struct reading *rd, const struct at *at, json_t *value, struct extent *ret)
{
	const struct at content_at = { at, "content", 0 }, encoding_at = { at, "encoding", 0 };
	const char *name;
	json_t *item;

	if (!json_is_object(value))
		return read_content(rd, at, value, NULL, NULL, ret);
	json_object_foreach(value, name, item)
	{
		struct at here = { at, name, 0 };

		if (strcmp(name, "content") != 0 && strcmp(name, "encoding") != 0)
			return unknown_member(rd->err, &here);
	}
	if (json_object_get(value, "content") == NULL)
		return bad(rd->err, &content_at, "is missing");
	return read_content(rd, &content_at, json_object_get(value, "content"), &encoding_at,
		json_object_get(value, "encoding"), ret);
}

/* A number with at most three decimals, in thousandths. */
static int read_thousandths(
	struct reading *rd, const struct at *at, const json_t *value, int64_t *ret)
{
	double number = json_number_value(value) * 1000.0, off;

	if (!json_is_number(value))
		return expected(rd->err, at, "a number", value);
	if (!(number < 1e12 && number > -1e12))
		return bad(rd->err, at, "is out of range");
	*ret = (int64_t)(number < 0 ? number - 0.5 : number + 0.5);
	off = number - (double)*ret;
	if (off > 1e-6 || off < -1e-6)
		return bad(rd->err, at, "has more than three decimals");
	return 0;
}

static int read_whole(struct reading *rd, const struct at *at, const json_t *value, int64_t *ret)
{
	if (json_is_real(value))
		return bad(rd->err, at, "expected a whole number");
	if (!json_is_integer(value))
		return expected(rd->err, at, "a whole number", value);
	*ret = json_integer_value(value);
	return 0;
}

static int read_limit(struct reading *rd, const struct at *at, enum limit limit,
	const json_t *value, int64_t ceiling, int64_t *ret)
{
	const char *unit = limit == LIMIT_CPUS ? "/1000" : "";
	int64_t v = 0;
	int r = limit == LIMIT_CPUS ? read_thousandths(rd, at, value, &v)
				    : read_whole(rd, at, value, &v);

	if (r < 0)
		return r;
	if (v < limit_min(limit))
		return bad(rd->err, at, "%" PRId64 "%s is below the smallest value, %" PRId64 "%s",
			v, unit, limit_min(limit), unit);
	if (v > ceiling)
		return bad(rd->err, at, "%" PRId64 "%s is above the task's ceiling, %" PRId64 "%s",
			v, unit, ceiling, unit);
	*ret = v;
	return 0;
}

static int64_t ceiling_of(const struct reading *rd, enum limit limit)
{
	return rd->task == NULL ? limit_ceiling(limit) : rd->task->ceilings.v[limit];
}

static int read_limits(struct reading *rd, const struct at *at, json_t *value, struct limits *ret)
{
	const char *name;
	json_t *item;

	if (!json_is_object(value))
		return expected(rd->err, at, "an object", value);
	json_object_foreach(value, name, item)
	{
		struct at here = { at, name, 0 };
		enum limit limit = limit_by_name(name);
		int r = limit == LIMIT_MAX_ ? unknown_member(rd->err, &here)
					    : read_limit(rd, &here, limit, item,
						      ceiling_of(rd, limit), &ret->v[limit]);

		if (r < 0)
			return r;
	}
	return 0;
}

int request_add_file(struct request *req, const char *name, const struct extent *data,
	bool executable, struct err *err)
{
	struct spec *spec = &req->spec;
	struct spec_file *file;
	int r = spec_file_name_check(name, strlen(name), err);

	if (r < 0)
		return r;
	if (!utf8_valid(name, strlen(name)))
		return err_say(err, EINVAL, "is not UTF-8");
	if (spec->n_files >= SPEC_FILES_MAX)
		return err_say(
			err, EINVAL, "is one file too many, %d are possible", SPEC_FILES_MAX);
	/* Room for a power of two: grown when the number is one. */
	if ((spec->n_files & (spec->n_files - 1)) == 0) {
		size_t room = spec->n_files == 0 ? 1 : spec->n_files * 2;
		struct spec_file *files = realloc(spec->files, room * sizeof(*files));

		if (files == NULL)
			return err_set(err, ENOMEM, "the request's files");
		spec->files = files;
	}
	file = &spec->files[spec->n_files];
	*file = (struct spec_file){ .name = strdup(name), .data = *data, .executable = executable };
	if (file->name == NULL)
		return err_set(err, ENOMEM, "the request's files");
	spec->n_files++;
	return 0;
}

struct file_members {
	const char *name;
	json_t *content, *encoding;
	bool executable;
};

static int read_file_member(
	struct reading *rd, const struct at *at, json_t *value, struct file_members *file)
{
	if (strcmp(at->name, "name") == 0)
		return read_text(rd, at, value, SPEC_NAME_BYTES, &file->name);
	if (strcmp(at->name, "executable") == 0)
		return read_bool(rd, at, value, &file->executable);
	if (strcmp(at->name, "content") == 0)
		file->content = value;
	else if (strcmp(at->name, "encoding") == 0)
		file->encoding = value;
	else
		return unknown_member(rd->err, at);
	return 0;
}

/* The first file may go without a name where the task has one for it. */
static int check_file_members(struct reading *rd, const struct at *at, struct file_members *file)
{
	const struct at name_at = { at, "name", 0 }, content_at = { at, "content", 0 };

	if (file->name == NULL && at->index == 0 && rd->task != NULL)
		file->name = rd->task->main;
	if (file->name == NULL)
		return bad(rd->err, &name_at, "is missing");
	if (file->content == NULL)
		return bad(rd->err, &content_at, "is missing");
	return 0;
}

static int read_file(struct reading *rd, const struct at *at, json_t *value)
{
	const struct at name_at = { at, "name", 0 };
	const struct at content_at = { at, "content", 0 }, encoding_at = { at, "encoding", 0 };
	struct file_members file = { 0 };
	struct extent data;
	struct err why;
	const char *name;
	json_t *item;
	int r;

	if (!json_is_object(value))
		return expected(rd->err, at, "an object", value);
	json_object_foreach(value, name, item)
	{
		struct at here = { at, name, 0 };

		r = read_file_member(rd, &here, item, &file);
		if (r < 0)
			return r;
	}
	r = check_file_members(rd, at, &file);
	if (r < 0)
		return r;
	r = read_content(rd, &content_at, file.content, &encoding_at, file.encoding, &data);
	if (r < 0)
		return r;
	r = request_add_file(rd->req, file.name, &data, file.executable, &why);
	if (r == -EINVAL)
		return bad(rd->err, &name_at, "%s", why.msg);
	return r < 0 ? err_say(rd->err, -r, "%s", why.msg) : 0;
}

static int read_files(struct reading *rd, const struct at *at, json_t *value)
{
	size_t i;
	json_t *item;

	if (!json_is_array(value))
		return expected(rd->err, at, "an array", value);
	json_array_foreach(value, i, item)
	{
		struct at here = { at, NULL, i };
		int r = read_file(rd, &here, item);

		if (r < 0)
			return r;
	}
	return 0;
}

/* '/' in front of all others: what lies in a directory stands right behind a file of its name. */
static int by_path(const void *a, const void *b)
{
	const unsigned char *x = *(const unsigned char *const *)a;
	const unsigned char *y = *(const unsigned char *const *)b;

	while (*x != '\0' && *x == *y) {
		x++;
		y++;
	}
	return (*x == '/'           ? 1
		       : *x == '\0' ? 0
				    : *x + 1) -
	       (*y == '/'           ? 1
		       : *y == '\0' ? 0
				    : *y + 1);
}

/* No two of a name, and no file where another needs a directory. */
static int check_files(struct reading *rd)
{
	const struct spec *spec = &rd->req->spec;
	const struct at files_at = { NULL, "files", 0 };
	cleanup_free const char **names = NULL;

	if (spec->n_files < 2)
		return 0;
	names = calloc(spec->n_files, sizeof(*names));
	if (names == NULL)
		return err_set(rd->err, ENOMEM, "the request's files");
	for (size_t i = 0; i < spec->n_files; i++)
		names[i] = spec->files[i].name;
	qsort(names, spec->n_files, sizeof(*names), by_path);
	for (size_t i = 1; i < spec->n_files; i++) {
		size_t n = strlen(names[i - 1]);

		if (strncmp(names[i - 1], names[i], n) != 0)
			continue;
		if (names[i][n] == '\0')
			return bad(rd->err, &files_at, "two have the name \"%.100s\"", names[i]);
		if (names[i][n] == '/')
			return bad(rd->err, &files_at,
				"\"%.80s\" is a file, and a directory in \"%.80s\"", names[i - 1],
				names[i]);
	}
	return 0;
}

static int read_stdin(struct reading *rd, const struct at *at, json_t *value)
{
	if (rd->req->spec.has_stdin)
		return bad(rd->err, at, "given twice, as a member and as a part");
	rd->req->spec.has_stdin = true;
	return read_bytes(rd, at, value, &rd->req->spec.stdin_);
}

static int custom_only(struct reading *rd, const struct at *at)
{
	if (rd->task != NULL && !rd->task->custom_command)
		return bad(rd->err, at, "task \"%s\" does not take one from a request",
			rd->task->name);
	return 0;
}

static int read_command(struct reading *rd, const struct at *at, json_t *value)
{
	int r = custom_only(rd, at);

	if (r < 0)
		return r;
	r = read_strv(rd, at, value, SPEC_ARGS_MAX, SPEC_ARG_BYTES, &rd->req->spec.command);
	if (r < 0)
		return r;
	if (rd->req->spec.command.n == 0)
		return bad(rd->err, at, "is empty");
	return 0;
}

/* Limits of the task's own build may be set by any client; its command only where the task says so.
 */
static int read_build(struct reading *rd, const struct at *at, json_t *value)
{
	struct spec *spec = &rd->req->spec;
	const char *name;
	json_t *item;

	if (!json_is_object(value))
		return expected(rd->err, at, "an object", value);
	json_object_foreach(value, name, item)
	{
		struct at here = { at, name, 0 };
		int r;

		if (strcmp(name, "limits") == 0) {
			r = read_limits(rd, &here, item, &spec->build_limits);
		} else if (strcmp(name, "command") == 0) {
			r = custom_only(rd, &here);
			spec->has_build = true;
			if (r == 0)
				r = read_strv(rd, &here, item, SPEC_ARGS_MAX, SPEC_ARG_BYTES,
					&spec->build_command);
			if (r == 0 && spec->build_command.n == 0)
				r = bad(rd->err, &here, "is empty");
		} else {
			r = unknown_member(rd->err, &here);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_args(struct reading *rd, const struct at *at, json_t *value)
{
	return read_strv(rd, at, value, SPEC_ARGS_MAX, SPEC_ARG_BYTES, &rd->req->spec.args);
}

static int read_job_env(struct reading *rd, const struct at *at, json_t *value)
{
	return read_env(rd, at, value, &rd->req->spec.env);
}

static int read_case_name(struct reading *rd, const struct at *at, const json_t *value, char **ret)
{
	const char *text;
	int r = read_text(rd, at, value, CASE_NAME_MAX, &text);

	if (r < 0)
		return r;
	if (text[0] == '\0')
		return bad(rd->err, at, "is empty");
	*ret = strdup(text);
	return *ret == NULL ? err_set(rd->err, ENOMEM, "a case") : 0;
}

static int read_case_member(
	struct reading *rd, const struct at *at, json_t *value, struct spec_case *c)
{
	if (strcmp(at->name, "name") == 0)
		return read_case_name(rd, at, value, &c->name);
	if (strcmp(at->name, "args") == 0)
		return read_strv(rd, at, value, SPEC_ARGS_MAX, SPEC_ARG_BYTES, &c->args);
	if (strcmp(at->name, "env") == 0)
		return read_env(rd, at, value, &c->env);
	if (strcmp(at->name, "limits") == 0)
		return read_limits(rd, at, value, &c->limits);
	if (strcmp(at->name, "stdin") == 0) {
		c->has_stdin = true;
		return read_bytes(rd, at, value, &c->stdin_);
	}
	if (strcmp(at->name, "expected_stdout") == 0) {
		c->has_expected = true;
		return read_bytes(rd, at, value, &c->expected);
	}
	return unknown_member(rd->err, at);
}

static int read_case(struct reading *rd, const struct at *at, json_t *value, struct spec_case *c)
{
	const char *name;
	json_t *item;

	limits_unset(&c->limits);
	if (!json_is_object(value))
		return expected(rd->err, at, "an object", value);
	json_object_foreach(value, name, item)
	{
		struct at here = { at, name, 0 };
		int r = read_case_member(rd, &here, item, c);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_cases(struct reading *rd, const struct at *at, json_t *value)
{
	struct spec *spec = &rd->req->spec;
	size_t n = json_array_size(value);

	if (!json_is_array(value))
		return expected(rd->err, at, "an array", value);
	if (n == 0)
		return bad(rd->err, at, "is empty");
	if (n > SPEC_CASES_MAX)
		return bad(rd->err, at, "has %zu elements, at most %d are possible", n,
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

static int read_stop(struct reading *rd, const struct at *at, json_t *value)
{
	return read_bool(rd, at, value, &rd->req->spec.stop_on_failure);
}

static int read_job_limits(struct reading *rd, const struct at *at, json_t *value)
{
	return read_limits(rd, at, value, &rd->req->spec.limits);
}

static int read_network(struct reading *rd, const struct at *at, json_t *value)
{
	int r = read_bool(rd, at, value, &rd->req->spec.network);

	if (r < 0)
		return r;
	if (rd->req->spec.network && (rd->task == NULL || !rd->task->network))
		return bad(rd->err, at, "the task has no network");
	return 0;
}

static int read_collect(struct reading *rd, const struct at *at, json_t *value)
{
	struct spec *spec = &rd->req->spec;
	int r = read_strv(rd, at, value, COLLECT_MAX, SPEC_NAME_BYTES, &spec->collect);

	if (r < 0)
		return r;
	spec->has_collect = true;
	for (size_t i = 0; i < spec->collect.n; i++) {
		struct at here = { at, NULL, i };
		struct err why;

		if (spec_glob_check(spec->collect.v[i], strlen(spec->collect.v[i]), &why) < 0)
			return bad(rd->err, &here, "%s", why.msg);
	}
	return 0;
}

static int read_labels(struct reading *rd, const struct at *at, json_t *value)
{
	struct strv *labels = &rd->req->spec.labels;
	const char *name, *text;
	json_t *item;

	if (!json_is_object(value))
		return expected(rd->err, at, "an object of strings", value);
	if (json_object_size(value) > LABELS_MAX)
		return bad(rd->err, at, "has more than %d members", LABELS_MAX);
	json_object_foreach(value, name, item)
	{
		struct at here = { at, name, 0 };
		int r = read_text(rd, &here, item, LABEL_MAX, &text);

		if (r < 0)
			return r;
		if (name[0] == '\0' || strlen(name) > LABEL_MAX)
			return bad(rd->err, &here, "a label's name has 1 to %d bytes", LABEL_MAX);
		if (strv_add(labels, name, rd->err) < 0 || strv_add(labels, text, rd->err) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* A client may shorten the time for which its result is kept. */
static int read_retention(struct reading *rd, const struct at *at, json_t *value)
{
	int64_t most = rd->task == NULL ? rd->config->retention_s : rd->task->retention_s;

	if (!json_is_integer(value))
		return expected(rd->err, at, "a whole number", value);
	rd->req->retention_s = json_integer_value(value);
	if (rd->req->retention_s < 1 || rd->req->retention_s > most)
		return bad(rd->err, at, "expected 1 to %" PRId64, most);
	return 0;
}

/* They were read beforehand: what others may say hangs on them. */
static int read_before(struct reading *rd, const struct at *at, json_t *value)
{
	(void)rd;
	(void)at;
	(void)value;
	return 0;
}

static const struct {
	const char *name;
	int (*read)(struct reading *rd, const struct at *at, json_t *value);
} members[] = {
	{ "task", read_before },
	{ "image", read_before },
	{ "files", read_files },
	{ "build", read_build },
	{ "command", read_command },
	{ "args", read_args },
	{ "stdin", read_stdin },
	{ "env", read_job_env },
	{ "cases", read_cases },
	{ "stop_on_failure", read_stop },
	{ "limits", read_job_limits },
	{ "network", read_network },
	{ "collect", read_collect },
	{ "labels", read_labels },
	{ "retention_s", read_retention },
};

static int read_member(struct reading *rd, const char *name, json_t *value)
{
	const struct at here = { NULL, name, 0 };

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (strcmp(members[i].name, name) == 0)
			return members[i].read(rd, &here, value);
	}
	return unknown_member(rd->err, &here);
}

static int read_task(struct reading *rd, const json_t *value)
{
	const struct at here = { NULL, "task", 0 };
	const char *name;
	int r = read_text(rd, &here, value, 1000, &name);

	if (r < 0)
		return r;
	rd->task = config_task(rd->config, name);
	if (rd->task == NULL)
		return bad(rd->err, &here, "there is no task \"%.64s\"", name);
	rd->req->spec.task = strdup(name);
	return rd->req->spec.task == NULL ? err_set(rd->err, ENOMEM, "the request") : 0;
}

static int read_image(struct reading *rd, const json_t *value)
{
	const struct at here = { NULL, "image", 0 };
	const struct strv *allowed = &rd->config->images_allowed;
	const char *image;
	int r = read_text(rd, &here, value, 255, &image);

	if (r < 0)
		return r;
	for (size_t i = 0; i < allowed->n; i++) {
		if (fnmatch(allowed->v[i], image, 0) != 0)
			continue;
		rd->req->spec.image = strdup(image);
		rd->req->spec.task = strdup("");
		return rd->req->spec.image == NULL || rd->req->spec.task == NULL
			       ? err_set(rd->err, ENOMEM, "the request")
			       : 0;
	}
	return bad(rd->err, &here, "is not among the images that requests may name");
}

static int read_what(struct reading *rd, const json_t *root)
{
	const struct at task_at = { NULL, "task", 0 }, image_at = { NULL, "image", 0 };
	const json_t *task = json_object_get(root, "task");
	const json_t *image = json_object_get(root, "image");

	if (task != NULL && image != NULL)
		return bad(rd->err, &image_at, "not together with \"task\"");
	if (task == NULL && image == NULL)
		return bad(rd->err, &task_at, "is missing");
	return task != NULL ? read_task(rd, task) : read_image(rd, image);
}

static int check_whole(struct reading *rd)
{
	const struct at command_at = { NULL, "command", 0 };

	if (rd->task == NULL && rd->req->spec.command.n == 0)
		return bad(rd->err, &command_at, "is missing: an image needs one");
	return check_files(rd);
}

static int read_root(struct reading *rd, json_t *root)
{
	const char *name;
	json_t *value;
	int r;

	if (!json_is_object(root))
		return err_say(rd->err, EINVAL, "the body: expected a JSON object, not %s",
			type_text(root));
	r = read_what(rd, root);
	if (r < 0)
		return r;
	json_object_foreach(root, name, value)
	{
		r = read_member(rd, name, value);
		if (r < 0)
			return r;
	}
	return check_whole(rd);
}

/* jansson says what and at which byte; we say in which member. */
static int parse_failed(const char *json, size_t n, const json_error_t *e, struct err *err)
{
	char path[JSON_WHERE_MAX];
	size_t offset = e->position < 0 ? 0 : (size_t)e->position;

	if (json_error_code(e) == json_error_out_of_memory)
		return err_set(err, ENOMEM, "the request");
	json_where(json, n, offset, path);
	if (json_error_code(e) == json_error_duplicate_key)
		return err_say(err, EINVAL, "%s: given twice", path);
	return err_say(err, EINVAL, "%s%smalformed JSON at line %d, column %d: %.150s", path,
		path[0] == '\0' ? "" : ": ", e->line, e->column, e->text);
}

void request_init(struct request *req)
{
	spec_init(&req->spec);
	req->input = INPUT_EMPTY;
	req->retention_s = -1;
}

void request_done(struct request *req)
{
	spec_done(&req->spec);
	input_done(&req->input);
}

int request_parse(const struct config *config, const char *json, size_t n, struct request *req,
	struct err *err)
{
	struct reading rd = { .config = config, .req = req, .err = err };
	json_error_t e;
	json_t *root =
		json_loadb(json, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &e);
	int r;

	if (root == NULL)
		return parse_failed(json, n, &e, err);
	r = read_root(&rd, root);
	json_decref(root);
	return r;
}

int request_classic(const struct config *config, const char *data, size_t n, struct request *req,
	struct err *err)
{
	if (memchr(data, 0, n) != NULL)
		return err_say(
			err, EINVAL, "data: has a NUL, which no argument of a program can have");
	if (n > SPEC_ARG_BYTES)
		return err_say(err, EINVAL,
			"data: has %zu bytes, an argument of a program at most %d", n,
			SPEC_ARG_BYTES);
	req->spec.task = strdup(config->classic_task == NULL ? "" : config->classic_task);
	if (req->spec.task == NULL)
		return err_set(err, ENOMEM, "the request");
	return strv_addn(&req->spec.args, data, n, err);
}
