/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "document/json_stream.h"
#include "http.h"
#include "origin.h"

#define TYPE_JSON    "application/json; charset=utf-8"
#define TYPE_PROBLEM "application/problem+json; charset=utf-8"
#define TYPE_TEXT    "text/plain; charset=utf-8"
#define STREAM_BLOCK (64U * 1024)
#define ANSWERS_MAX \
	(UINT64_C(512) << 20) /* of all answers in memory together, but for small ones */
#define SMALL_BYTES (64U * 1024)

const char *exchange_header(const struct exchange *ex, const char *name)
{
	return MHD_lookup_connection_value(ex->con, MHD_HEADER_KIND, name);
}

bool exchange_has_type(const struct exchange *ex, const char *type)
{
	const char *value = exchange_header(ex, "Content-Type");
	size_t n = strlen(type);

	return value != NULL && strncasecmp(value, type, n) == 0 &&
	       strchr("; \t", value[n]) != NULL;
}

const char *exchange_param(const struct exchange *ex, const char *name)
{
	for (size_t i = 0; ex->route != NULL && i < ROUTE_PARAMS_MAX; i++) {
		if (ex->route->params[i] != NULL && strcmp(ex->route->params[i], name) == 0)
			return ex->params[i];
	}
	return NULL;
}

void exchange_add_header(struct exchange *ex, const char *name, const char *value)
{
	if (ex->response != NULL)
		(void)MHD_add_response_header(ex->response, name, value);
}

/* What a browser on an allowed page needs to read the answer. */
static void add_origin(struct exchange *ex)
{
	const char *origin = exchange_header(ex, "Origin");

	if (origin == NULL) {
		if (ex->gw->config->origins.n > 0)
			exchange_add_header(ex, "Vary", "Origin");
		return;
	}
	switch (origin_check(ex->gw->config, exchange_header(ex, "Host"), origin)) {
	case ORIGIN_ANY:
		exchange_add_header(ex, "Access-Control-Allow-Origin", "*");
		break;
	case ORIGIN_ALLOWED:
		exchange_add_header(ex, "Access-Control-Allow-Origin", origin);
		exchange_add_header(ex, "Vary", "Origin");
		break;
	case ORIGIN_NONE:
	case ORIGIN_REFUSED:
		exchange_add_header(ex, "Vary", "Origin");
		break;
	}
	exchange_add_header(ex, "Access-Control-Expose-Headers",
		"Location, Preference-Applied, Retry-After, Content-Range, ETag, "
		"Idempotency-Replayed");
}

void exchange_answer(struct exchange *ex, unsigned status, struct MHD_Response *response)
{
	if (ex->response != NULL) {
		log_error("a request was answered twice");
		MHD_destroy_response(response);
		return;
	}
	if (response == NULL) {
		ex->gone = true; /* no memory for an answer: the connection is cut */
	} else {
		ex->status = status;
		ex->response = response;
		exchange_add_header(ex, "X-Content-Type-Options", "nosniff");
		add_origin(ex);
	}
	http_resume(ex);
}

static void answer_buffer(struct exchange *ex, unsigned status, const char *type, void *body,
	size_t n, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(n, body, mode);

	if (response == NULL && mode == MHD_RESPMEM_MUST_FREE)
		free(body);
	if (response != NULL)
		(void)MHD_add_response_header(response, "Content-Type", type);
	exchange_answer(ex, status, response);
}

bool exchange_hold(struct exchange *ex, size_t n)
{
	if (n > SMALL_BYTES && ex->gw->answer_bytes + n > ANSWERS_MAX)
		return false;
	ex->answer_bytes += n;
	ex->gw->answer_bytes += n;
	return true;
}

void exchange_no_room(struct exchange *ex)
{
	exchange_unavailable(ex, 1, "too many large answers at one time");
}

void exchange_answer_bytes(
	struct exchange *ex, unsigned status, const char *type, void *body, size_t n)
{
	if (!exchange_hold(ex, n)) {
		free(body);
		exchange_no_room(ex);
		return;
	}
	answer_buffer(ex, status, type, body, n, MHD_RESPMEM_MUST_FREE);
}

void exchange_answer_static(
	struct exchange *ex, unsigned status, const char *type, const char *body, size_t n)
{
	answer_buffer(ex, status, type, (void *)(uintptr_t)body, n, MHD_RESPMEM_PERSISTENT);
}

static ssize_t read_stream(void *cls, uint64_t pos, char *buf, size_t n)
{
	ssize_t r = json_stream_read(cls, buf, n);

	(void)pos; /* from front to back: nobody reads an answer twice */
	if (r < 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	return r == 0 ? MHD_CONTENT_READER_END_OF_STREAM : r;
}

static void close_stream(void *cls)
{
	json_stream_close(cls);
}

static void answer_stream(
	struct exchange *ex, unsigned status, const char *type, struct json_text *t)
{
	struct MHD_Response *response;
	struct json_stream *stream;
	struct err err;

	if (!exchange_hold(ex, t->len)) {
		exchange_no_room(ex);
		return;
	}
	if (json_stream_open(t, &stream, &err) < 0) {
		exchange_answer(ex, status, NULL);
		return;
	}
	response = MHD_create_response_from_callback(
		json_stream_bytes(stream), STREAM_BLOCK, read_stream, stream, close_stream);
	if (response == NULL)
		json_stream_close(stream);
	else
		(void)MHD_add_response_header(response, "Content-Type", type);
	exchange_answer(ex, status, response);
}

static void answer_json_as(
	struct exchange *ex, unsigned status, const char *type, struct json_text *t)
{
	cleanup_json struct json_text text = *t;

	*t = (struct json_text){ 0 };
	jt_raw(&text, "\n", 1);
	if (text.failed) {
		exchange_problem(ex, PROBLEM_INTERNAL, "no memory for the answer");
		return;
	}
	if (text.n_holes > 0)
		answer_stream(ex, status, type, &text);
	else
		exchange_answer_bytes(ex, status, type, TAKE_PTR(text.buf), text.len);
	exchange_add_header(ex, "Cache-Control", "no-store");
}

void exchange_answer_json(struct exchange *ex, unsigned status, struct json_text *t)
{
	answer_json_as(ex, status, TYPE_JSON, t);
}

/* One plain line, as clients of the classic face expect. */
static void answer_line(struct exchange *ex, unsigned status, const char *detail)
{
	char *line = NULL;
	int n = asprintf(&line, "%s\n", detail);

	exchange_answer_bytes(ex, status, TYPE_TEXT, n < 0 ? NULL : line, n < 0 ? 0 : (size_t)n);
}

void exchange_problem(struct exchange *ex, enum problem problem, const char *fmt, ...)
{
	char detail[1500];
	struct json_text t = { 0 };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	if (ex->classic) {
		answer_line(ex, problem_status(problem), detail);
		return;
	}
	problem_write(&t, problem, detail);
	if (t.failed) {
		jt_done(&t);
		exchange_answer(ex, problem_status(problem), NULL);
		return;
	}
	answer_json_as(ex, problem_status(problem), TYPE_PROBLEM, &t);
}

void exchange_unavailable(struct exchange *ex, unsigned retry_after_s, const char *detail)
{
	char seconds[16];

	exchange_problem(ex, PROBLEM_UNAVAILABLE, "%s", detail);
	(void)snprintf(seconds, sizeof(seconds), "%u", retry_after_s == 0 ? 1 : retry_after_s);
	exchange_add_header(ex, "Retry-After", seconds);
}

void exchange_refused(struct exchange *ex, const struct msg_refused *refused)
{
	static const enum problem problems[REFUSAL_MAX_] = {
		[REFUSAL_NOT_FOUND] = PROBLEM_NOT_FOUND,
		[REFUSAL_QUEUE_FULL] = PROBLEM_QUEUE_FULL,
		[REFUSAL_OVER_SHARE] = PROBLEM_TOO_MANY,
		[REFUSAL_UNAUTHORIZED] = PROBLEM_UNAUTHORIZED,
		[REFUSAL_FORBIDDEN] = PROBLEM_FORBIDDEN,
		[REFUSAL_UNKNOWN_TASK] = PROBLEM_INVALID_REQUEST,
		[REFUSAL_NOT_READY] = PROBLEM_UNAVAILABLE,
		[REFUSAL_NO_INPUT] = PROBLEM_NO_INPUT,
		[REFUSAL_INPUT_FULL] = PROBLEM_INPUT_FULL,
		[REFUSAL_INVALID] = PROBLEM_INVALID_REQUEST,
		[REFUSAL_CONFLICT] = PROBLEM_CONFLICT,
		[REFUSAL_KEY_REUSED] = PROBLEM_KEY_REUSED,
		[REFUSAL_STORE] = PROBLEM_UNAVAILABLE,
	};
	enum problem problem = problems[refused->why];
	unsigned status = problem_status(problem);
	char seconds[16];

	exchange_problem(ex, problem, "%s",
		refused->detail[0] != '\0' ? refused->detail
					   : refusal_text((enum refusal)refused->why));
	if (status == 401) {
		exchange_add_header(ex, "WWW-Authenticate", "Bearer");
		accounts_note_refused(ex);
	}
	if (status != 503 && status != 429)
		return;
	(void)snprintf(seconds, sizeof(seconds), "%u",
		refused->retry_after_s == 0 ? 1 : refused->retry_after_s);
	exchange_add_header(ex, "Retry-After", seconds);
}

static void on_reply(void *arg, struct msg *msg)
{
	struct exchange *ex = arg;

	ex->token = 0;
	if (msg == NULL)
		exchange_unavailable(ex, 1, "the queue went away before it answered");
	else if (msg->type == ex->expects)
		ex->reply(ex, msg);
	else if (msg->type == MSG_REFUSED &&
		 (ex->refused == NULL || !ex->refused(ex, &msg->refused)))
		exchange_refused(ex, &msg->refused);
	else if (msg->type == MSG_REFUSED)
		return;
	else
		exchange_problem(
			ex, PROBLEM_INTERNAL, "the queue answered with %s", msg_name(msg->type));
}

bool exchange_caller(const struct exchange *ex, uint8_t *ret_operator, char ret_bearer[static 257])
{
	const char *value = exchange_header(ex, "Authorization");

	*ret_operator = ex->is_operator;
	ret_bearer[0] = '\0';
	if (value == NULL || strncasecmp(value, "Bearer ", 7) != 0)
		return true;
	value += 7;
	value += strspn(value, " ");
	if (strlen(value) > 256)
		return false;
	memcpy(ret_bearer, value, strlen(value) + 1);
	return true;
}

static bool fill_callers(struct exchange *ex, struct msg *msg)
{
	switch (msg->type) {
	case MSG_SUBMIT:
		return exchange_caller(ex, &msg->submit.caller_operator, msg->submit.bearer);
	case MSG_JOB_GET:
		return exchange_caller(ex, &msg->job_get.caller_operator, msg->job_get.bearer);
	case MSG_JOB_CANCEL:
		return exchange_caller(
			ex, &msg->job_cancel.caller_operator, msg->job_cancel.bearer);
	case MSG_JOB_INPUT:
		return exchange_caller(ex, &msg->job_input.caller_operator, msg->job_input.bearer);
	case MSG_JOB_LIST:
		return exchange_caller(ex, &msg->job_list.caller_operator, msg->job_list.bearer);
	case MSG_QUEUE_GET:
		return exchange_caller(ex, &msg->queue_get.caller_operator, msg->queue_get.bearer);
	case MSG_CLIENT_ASK:
		return exchange_caller(
			ex, &msg->client_ask.caller_operator, msg->client_ask.bearer);
	case MSG_PAUSE:
		return exchange_caller(ex, &msg->pause.caller_operator, msg->pause.bearer);
	case MSG_SWEEP:
		return exchange_caller(ex, &msg->sweep.caller_operator, msg->sweep.bearer);
	case MSG_JOB_PURGE:
		return exchange_caller(ex, &msg->job_purge.caller_operator, msg->job_purge.bearer);
	case MSG_JOB_RETRY:
		return exchange_caller(ex, &msg->job_retry.caller_operator, msg->job_retry.bearer);
	case MSG_SPOOL_OPEN:
		return exchange_caller(
			ex, &msg->spool_open.caller_operator, msg->spool_open.bearer);
	default:
		return true;
	}
}

void exchange_ask(
	struct exchange *ex, struct msg *msg, enum msg_type expects, exchange_reply *reply)
{
	struct err err;

	if (ex->gw->draining) {
		exchange_unavailable(ex, 1, EXCHANGE_STOPPING);
		return;
	}
	if (!fill_callers(ex, msg)) {
		exchange_problem(ex, PROBLEM_UNAUTHORIZED, "Authorization: the token is too long");
		exchange_add_header(ex, "WWW-Authenticate", "Bearer");
		return;
	}
	ex->expects = expects;
	ex->reply = reply;
	if (upstream_ask(ex->gw->upstream, msg, on_reply, ex, &ex->token, &err) < 0)
		exchange_unavailable(ex, 1, err.msg);
}
