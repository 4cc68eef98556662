/* SPDX-License-Identifier: MIT */
#include "typed.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "body.h"
#include "common/job_signal.h"
#include "common/json_read.h"
#include "jobs.h"

#define SIGNAL_BODY_MAX 1024

void typed_begin(struct exchange *ex)
{
	ex->body_kind = BODY_MEMORY;
	ex->body_max = INPUT_BYTES_MAX;
}

void typed_signal_begin(struct exchange *ex)
{
	if (!exchange_has_type(ex, "application/json")) {
		exchange_problem(ex, PROBLEM_MEDIA_TYPE, "Content-Type: expected application/json");
		return;
	}
	ex->body_kind = BODY_MEMORY;
	ex->body_max = SIGNAL_BODY_MAX;
}

/* The question's id and wait; false: answered already. */
static bool fill(struct exchange *ex, struct msg *msg)
{
	msg_init(msg, MSG_JOB_INPUT);
	if (!job_id_parse(ex->id, &msg->job_input.id)) {
		exchange_problem(ex, PROBLEM_NOT_FOUND, "no such job");
		return false;
	}
	msg->job_input.wait_ms = (uint32_t)ex->wait_ms;
	return true;
}

/* ---- bytes ---- */

static bool parse_end(struct exchange *ex, uint8_t *ret)
{
	const char *end = exchange_param(ex, "end");

	*ret = end != NULL && strcmp(end, "1") == 0;
	if (end == NULL || *ret || strcmp(end, "0") == 0)
		return true;
	exchange_problem(ex, PROBLEM_INVALID_REQUEST, "query parameter 'end': expected 1 or 0");
	return false;
}

static void on_stdin_taken(struct exchange *ex, struct msg *msg)
{
	cleanup_json struct json_text t = { 0 };
	const char *end = exchange_param(ex, "end");

	(void)msg;
	jt_open(&t, '{');
	jt_key(&t, "bytes");
	jt_uint(&t, ex->body_seen);
	jt_key(&t, "end");
	jt_bool(&t, end != NULL && strcmp(end, "1") == 0);
	jt_close(&t, '}');
	exchange_answer_json(ex, MHD_HTTP_ACCEPTED, &t);
}

void typed_stdin(struct exchange *ex)
{
	cleanup_msg struct msg msg;
	struct err err;

	if (!fill(ex, &msg) || !parse_end(ex, &msg.job_input.end))
		return;
	if (ex->body_len == 0 && msg.job_input.end == 0) {
		exchange_problem(ex, PROBLEM_INVALID_REQUEST,
			"the body is empty: there is nothing to hand over (`?end=1` ends the "
			"job's input)");
		return;
	}
	if (blob_of(ex->body, ex->body_len, &msg.job_input.data, &err) < 0) {
		exchange_unavailable(ex, 1, err.msg);
		return;
	}
	body_drop(ex);
	exchange_ask(ex, &msg, MSG_INPUT_TAKEN, on_stdin_taken);
}

/* ---- signals ---- */

/* What is in the body: {"signal": "INT"}. 0: err says what is wrong with it. */
static int read_signal(const json_t *root, struct err *err)
{
	const json_t *value = json_object_get(root, "signal");
	int number = json_is_string(value) ? job_signal_by_name(json_string_value(value)) : 0;

	if (!json_is_object(root))
		(void)err_say(err, EINVAL, "the body: expected a JSON object");
	else if (json_object_size(root) > (value != NULL ? 1 : 0))
		(void)err_say(err, EINVAL, "the body: has unknown members beside `signal`");
	else if (value == NULL)
		(void)err_say(err, EINVAL, "signal: is missing");
	else if (!json_is_string(value))
		(void)err_say(err, EINVAL, "signal: expected a string");
	else if (number == 0)
		(void)err_say(err, EINVAL, "signal: \"%.20s\" is not one that can be sent",
			json_string_value(value));
	else
		return number;
	return 0;
}

int typed_parse_signal(const void *body, size_t n, struct err *err)
{
	json_error_t why;
	json_t *root;
	int number, r;

	if (n == 0) {
		(void)err_say(err, EINVAL, "the body is empty");
		return 0;
	}
	r = json_read(body, n, JSON_REJECT_DUPLICATES, &root, &why);
	if (r == -ENOMEM) {
		(void)err_set(err, ENOMEM, "the request");
		return 0;
	}
	if (r < 0) {
		(void)err_say(err, EINVAL, "the body: malformed JSON: %.150s", why.text);
		return 0;
	}
	number = read_signal(root, err);
	json_decref(root);
	return number;
}

static void on_signal_taken(struct exchange *ex, struct msg *msg)
{
	cleanup_json struct json_text t = { 0 };

	(void)msg;
	jt_open(&t, '{');
	jt_key(&t, "signal");
	jt_str(&t, job_signal_name(ex->signal));
	jt_close(&t, '}');
	exchange_answer_json(ex, MHD_HTTP_ACCEPTED, &t);
}

void typed_signal(struct exchange *ex)
{
	struct msg msg;
	struct err err;
	int number;

	if (!fill(ex, &msg))
		return;
	number = typed_parse_signal(ex->body, ex->body_len, &err);
	if (number == 0) {
		jobs_answer_error(ex, -err.code, &err);
		return;
	}
	ex->signal = msg.job_input.signal = (uint8_t)number;
	exchange_ask(ex, &msg, MSG_INPUT_TAKEN, on_signal_taken);
}
