/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_read.h"
#include "json_where.h"
#include "request_parts.h"

#define LABELS_MAX  64
#define LABEL_MAX   255
#define COLLECT_MAX 256

static int read_stdin(struct reading *rd, const struct at *at, json_t *value)
{
	if (rd->req->spec.has_stdin)
		return member_bad(rd->err, at, "given twice, as a member and as a part");
	/* Those four letters as input are {"content": "open"}. */
	rd->req->spec.open_stdin =
		json_string_length(value) == 4 && strcmp(json_string_value(value), "open") == 0;
	if (rd->req->spec.open_stdin)
		return 0;
	rd->req->spec.has_stdin = true;
	return member_bytes(rd, at, value, &rd->req->spec.stdin_);
}

static int custom_only(struct reading *rd, const struct at *at)
{
	if (rd->task != NULL && !rd->task->custom_command)
		return member_bad(rd->err, at, "task \"%s\" does not take one from a request",
			rd->task->name);
	return 0;
}

static int read_command(struct reading *rd, const struct at *at, json_t *value)
{
	int r = custom_only(rd, at);

	if (r < 0)
		return r;
	r = member_strv(rd, at, value, SPEC_ARGS_MAX, SPEC_ARG_BYTES, &rd->req->spec.command);
	if (r < 0)
		return r;
	if (rd->req->spec.command.n == 0)
		return member_bad(rd->err, at, "is empty");
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
		return member_expected(rd->err, at, "an object", value);
	json_object_foreach(value, name, item)
	{
		struct at here = { at, name, 0 };
		int r;

		if (strcmp(name, "limits") == 0) {
			r = member_limits(rd, &here, item, &spec->build_limits);
		} else if (strcmp(name, "command") == 0) {
			r = custom_only(rd, &here);
			spec->has_build = true;
			if (r == 0)
				r = member_strv(rd, &here, item, SPEC_ARGS_MAX, SPEC_ARG_BYTES,
					&spec->build_command);
			if (r == 0 && spec->build_command.n == 0)
				r = member_bad(rd->err, &here, "is empty");
		} else {
			r = member_unknown(rd->err, &here);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_args(struct reading *rd, const struct at *at, json_t *value)
{
	return member_strv(rd, at, value, SPEC_ARGS_MAX, SPEC_ARG_BYTES, &rd->req->spec.args);
}

static int read_job_env(struct reading *rd, const struct at *at, json_t *value)
{
	return member_env(rd, at, value, &rd->req->spec.env);
}

static int read_stop(struct reading *rd, const struct at *at, json_t *value)
{
	return member_bool(rd, at, value, &rd->req->spec.stop_on_failure);
}

static int read_compare(struct reading *rd, const struct at *at, json_t *value)
{
	return request_compare_read(rd, at, value, &rd->req->spec.compare);
}

static int read_job_limits(struct reading *rd, const struct at *at, json_t *value)
{
	return member_limits(rd, at, value, &rd->req->spec.limits);
}

static int read_network(struct reading *rd, const struct at *at, json_t *value)
{
	int r = member_bool(rd, at, value, &rd->req->spec.network);

	if (r < 0)
		return r;
	if (rd->req->spec.network && (rd->task == NULL || !rd->task->network))
		return member_bad(rd->err, at, "the task has no network");
	return 0;
}

static int read_collect(struct reading *rd, const struct at *at, json_t *value)
{
	struct spec *spec = &rd->req->spec;
	int r = member_strv(rd, at, value, COLLECT_MAX, SPEC_NAME_BYTES, &spec->collect);

	if (r < 0)
		return r;
	spec->has_collect = true;
	for (size_t i = 0; i < spec->collect.n; i++) {
		struct at here = { at, NULL, i };
		struct err why;

		if (spec_glob_check(spec->collect.v[i], strlen(spec->collect.v[i]), &why) < 0)
			return member_bad(rd->err, &here, "%s", why.msg);
	}
	return 0;
}

static int read_labels(struct reading *rd, const struct at *at, json_t *value)
{
	struct strv *labels = &rd->req->spec.labels;
	const char *name, *text;
	json_t *item;

	if (!json_is_object(value))
		return member_expected(rd->err, at, "an object of strings", value);
	if (json_object_size(value) > LABELS_MAX)
		return member_bad(rd->err, at, "has more than %d members", LABELS_MAX);
	json_object_foreach(value, name, item)
	{
		struct at here = { at, name, 0 };
		int r = member_text(rd, &here, item, LABEL_MAX, &text);

		if (r < 0)
			return r;
		if (name[0] == '\0' || strlen(name) > LABEL_MAX)
			return member_bad(
				rd->err, &here, "a label's name has 1 to %d bytes", LABEL_MAX);
		if (strv_add(labels, name, rd->err) < 0 || strv_add(labels, text, rd->err) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* What can be known of the address now: the courier looks at the one it connects to. */
static int read_callback_url(struct reading *rd, const struct at *at, const json_t *value)
{
	struct callback_target target;
	const char *url;
	struct err why;
	int r = member_text(rd, at, value, CALLBACK_URL_MAX, &url);

	if (r < 0)
		return r;
	if (callback_parse(url, &target, &why) < 0)
		return member_bad(rd->err, at, "%s", why.msg);
	if (target.is_address && !callback_allowed(&rd->config->callback_allow, target.host,
					 (const struct sockaddr *)&target.address))
		return member_bad(rd->err, at, "callbacks may not go to that address");
	(void)snprintf(rd->req->callback, sizeof(rd->req->callback), "%s", url);
	return 0;
}

/* "URL" or {"url": "URL"} */
static int read_callback(struct reading *rd, const struct at *at, json_t *value)
{
	const struct at url_at = { at, "url", 0 };
	const char *name;
	json_t *item;

	if (json_is_string(value))
		return read_callback_url(rd, at, value);
	if (!json_is_object(value))
		return member_expected(rd->err, at, "an address, or an object", value);
	json_object_foreach(value, name, item)
	{
		struct at here = { at, name, 0 };

		if (strcmp(name, "url") != 0)
			return member_unknown(rd->err, &here);
	}
	item = json_object_get(value, "url");
	if (item == NULL)
		return member_bad(rd->err, &url_at, "is missing");
	return read_callback_url(rd, &url_at, item);
}

static int read_priority(struct reading *rd, const struct at *at, json_t *value)
{
	if (!json_is_integer(value))
		return member_expected(rd->err, at, "a whole number", value);
	if (json_integer_value(value) < 0 || json_integer_value(value) > PRIORITY_MAX)
		return member_bad(rd->err, at, "expected 0 to %d", PRIORITY_MAX);
	rd->req->priority = (uint32_t)json_integer_value(value);
	return 0;
}

/* A client may shorten the time for which its result is kept. */
static int read_retention(struct reading *rd, const struct at *at, json_t *value)
{
	int64_t most = rd->task == NULL ? rd->config->retention_s : rd->task->retention_s;

	if (!json_is_integer(value))
		return member_expected(rd->err, at, "a whole number", value);
	rd->req->retention_s = json_integer_value(value);
	if (rd->req->retention_s < 1 || rd->req->retention_s > most)
		return member_bad(rd->err, at, "expected 1 to %" PRId64, most);
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
	{ "files", request_files_read },
	{ "build", read_build },
	{ "command", read_command },
	{ "args", read_args },
	{ "stdin", read_stdin },
	{ "env", read_job_env },
	{ "cases", request_cases_read },
	{ "stop_on_failure", read_stop },
	{ "compare", read_compare },
	{ "limits", read_job_limits },
	{ "network", read_network },
	{ "collect", read_collect },
	{ "labels", read_labels },
	{ "retention_s", read_retention },
	{ "priority", read_priority },
	{ "callback", read_callback },
};

static int read_member(struct reading *rd, const char *name, json_t *value)
{
	const struct at here = { NULL, name, 0 };

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (strcmp(members[i].name, name) == 0)
			return members[i].read(rd, &here, value);
	}
	return member_unknown(rd->err, &here);
}

static int read_task(struct reading *rd, const json_t *value)
{
	const struct at here = { NULL, "task", 0 };
	const char *name;
	int r = member_text(rd, &here, value, 1000, &name);

	if (r < 0)
		return r;
	rd->task = config_task(rd->config, name);
	if (rd->task == NULL)
		return member_bad(rd->err, &here, "there is no task \"%.64s\"", name);
	rd->req->spec.task = strdup(name);
	return rd->req->spec.task == NULL ? err_set(rd->err, ENOMEM, "the request") : 0;
}

static int read_image(struct reading *rd, const json_t *value)
{
	const struct at here = { NULL, "image", 0 };
	const char *image;
	int r = member_text(rd, &here, value, 255, &image);

	if (r < 0)
		return r;
	if (!config_image_allowed(rd->config, image))
		return member_bad(rd->err, &here, "is not among the images that requests may name");
	rd->req->spec.image = strdup(image);
	rd->req->spec.task = strdup("");
	return rd->req->spec.image == NULL || rd->req->spec.task == NULL
		       ? err_set(rd->err, ENOMEM, "the request")
		       : 0;
}

static int read_what(struct reading *rd, const json_t *root)
{
	const struct at task_at = { NULL, "task", 0 }, image_at = { NULL, "image", 0 };
	const json_t *task = json_object_get(root, "task");
	const json_t *image = json_object_get(root, "image");

	if (task != NULL && image != NULL)
		return member_bad(rd->err, &image_at, "not together with \"task\"");
	if (task == NULL && image == NULL)
		return member_bad(rd->err, &task_at, "is missing");
	return task != NULL ? read_task(rd, task) : read_image(rd, image);
}

static int check_whole(struct reading *rd)
{
	const struct at command_at = { NULL, "command", 0 }, stdin_at = { NULL, "stdin", 0 };

	if (rd->task == NULL && rd->req->spec.command.n == 0)
		return member_bad(rd->err, &command_at, "is missing: an image needs one");
	if (rd->req->spec.open_stdin && rd->req->spec.n_cases > 0)
		return member_bad(rd->err, &stdin_at,
			"\"open\" is for a job without \"cases\", whose input is known beforehand");
	return request_files_check(rd);
}

static int read_root(struct reading *rd, json_t *root)
{
	const char *name;
	json_t *value;
	int r;

	if (!json_is_object(root))
		return err_say(rd->err, EINVAL, "the body: expected a JSON object, not %s",
			member_type(root));
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
	req->callback[0] = '\0';
	req->key = NULL;
	memset(&req->fingerprint, 0, sizeof(req->fingerprint));
	req->priority = 0;
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
	json_t *root;
	int r = json_read(
		json, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &root, &e);

	if (r == -ENOMEM)
		return err_set(err, ENOMEM, "the request");
	if (r == -E2BIG)
		return err_say(err, EMSGSIZE, "the job has more than %d names and values",
			JSON_READ_PARTS_MAX);
	if (r < 0)
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
