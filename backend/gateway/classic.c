/* SPDX-License-Identifier: MIT */
#include "classic.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json_read.h"
#include "common/utf8.h"
#include "document/answer.h"
#include "document/base64.h"
#include "jobs.h"
#include "page.h"

#define TYPE_HTML  "text/html"
#define UNKNOWN    "<p>ERROR! Non-exist parameter.\n"
#define NOTHING    "[{\"id\":\"NULL\", \"state\": \"NULL\"}]"
#define DATA_LINE  5
#define READ_BYTES (64U * 1024)
#define RESULT_MAX (UINT64_C(4) << 20)  /* of output that a result is made of, in memory */
#define DATA_MAX   (UINT64_C(64) << 20) /* of output in which its line is looked for */
/* What a job printed must not act in the service's name where a browser is brought to show it. */
#define CSP_NOTHING "default-src 'none'; sandbox"

/* Of a blob. */
struct span {
	uint64_t from, end;
};

static void submit(struct exchange *ex);
static void queueing(struct exchange *ex);
static void get_result(struct exchange *ex);
static void get_data(struct exchange *ex);

static const struct {
	const char *name;
	enum body_kind body;
	void (*handle)(struct exchange *ex);
} functions[] = {
	{ "submit", BODY_MEMORY, submit },
	{ "queueing", BODY_IGNORE, queueing },
	{ "get_result", BODY_MEMORY, get_result },
	{ "get_data", BODY_MEMORY, get_data },
};

#define N_FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

const char *classic_function(const char *rest, const char *query)
{
	static const char again[] = "executor";
	size_t n = strlen(again);

	if (*rest == '/')
		rest++;
	if (strncmp(rest, again, n) == 0 && (rest[n] == '\0' || rest[n] == '/'))
		rest += n + (rest[n] == '/');
	if (*rest != '\0')
		return rest;
	return query == NULL || *query == '\0' ? NULL : query;
}

static size_t function_index(const char *name)
{
	size_t i = 0;

	while (i < N_FUNCTIONS && strcmp(functions[i].name, name) != 0)
		i++;
	return i;
}

void classic_begin(struct exchange *ex)
{
	size_t i;

	ex->function = classic_function(ex->path, ex->query);
	if (ex->method == METHOD_POST) {
		i = ex->function == NULL ? N_FUNCTIONS : function_index(ex->function);
		if (i < N_FUNCTIONS)
			ex->body_kind = functions[i].body;
		return;
	}
	if (ex->function == NULL && ex->method == METHOD_GET)
		return;
	exchange_problem(ex, PROBLEM_METHOD, "only POST is taken here");
	exchange_add_header(ex, "Allow", "POST");
}

void classic_handle(struct exchange *ex)
{
	size_t i = ex->function == NULL ? N_FUNCTIONS : function_index(ex->function);

	if (i < N_FUNCTIONS)
		functions[i].handle(ex);
	else if (ex->function == NULL)
		page_welcome(ex);
	else
		page_index_after(ex, UNKNOWN);
}

static void add_no_store(struct exchange *ex)
{
	exchange_add_header(ex, "Cache-Control", "no-store");
	ex->policy = CSP_NOTHING;
}

static void answer_text(struct exchange *ex, const char *text)
{
	exchange_answer_static(ex, MHD_HTTP_OK, TYPE_HTML, text, strlen(text));
	add_no_store(ex);
}

/* Takes the text over. */
static void answer_json_text(struct exchange *ex, struct json_text *t)
{
	struct json_text text = *t;

	*t = (struct json_text){ 0 };
	if (text.failed) {
		jt_done(&text);
		exchange_problem(ex, PROBLEM_INTERNAL, "no memory for the answer");
		return;
	}
	exchange_answer_bytes(ex, MHD_HTTP_OK, TYPE_HTML, text.buf, text.len);
	add_no_store(ex);
}

int classic_parse_member(
	const void *body, size_t n, const char *name, json_t **ret_root, struct err *err)
{
	const json_t *value;
	json_error_t e;
	json_t *root;
	int r = json_read(
		body, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &root, &e);

	if (r == -ENOMEM)
		return err_set(err, ENOMEM, "the request");
	if (r == -E2BIG)
		return err_say(err, EMSGSIZE, "the body has more than %d names and values",
			JSON_READ_PARTS_MAX);
	if (r < 0)
		return err_say(err, EINVAL, "the body is not JSON: line %d, column %d: %.150s",
			e.line, e.column, e.text);
	value = json_object_get(root, name);
	if (json_is_string(value)) {
		*ret_root = root;
		return 0;
	}
	r = !json_is_object(root) ? err_say(err, EINVAL, "the body is not a JSON object")
				  : err_say(err, EINVAL, "%s: %s", name,
					    value == NULL ? "is missing" : "is not a string");
	json_decref(root);
	return r;
}

/* The body's one member that counts, in *ret_root (the caller's); NULL: answered already. */
static const json_t *string_member(struct exchange *ex, const char *name, json_t **ret_root)
{
	struct err err;
	int r = classic_parse_member(ex->body, ex->body_len, name, ret_root, &err);

	if (r == 0)
		return json_object_get(*ret_root, name);
	jobs_answer_error(ex, r, &err);
	return NULL;
}

static void on_submitted(struct exchange *ex, struct msg *msg)
{
	char id[JOB_ID_CHARS + 1];
	char *copy;

	job_id_format(&msg->job.id, id);
	copy = strdup(id);
	if (copy == NULL) {
		exchange_problem(ex, PROBLEM_INTERNAL, "no memory for the answer");
		return;
	}
	exchange_answer_bytes(ex, MHD_HTTP_OK, TYPE_HTML, copy, JOB_ID_CHARS);
	add_no_store(ex);
}

/* Nothing that a client of this face sends can be wrong about the task: that is ours. */
static bool on_submit_refused(struct exchange *ex, const struct msg_refused *refused)
{
	if (refused->why != REFUSAL_UNKNOWN_TASK)
		return false;
	exchange_unavailable(ex, 60, "the task of this face is not there");
	return true;
}

static void submit(struct exchange *ex)
{
	json_t *root = NULL;
	const json_t *data = string_member(ex, "data", &root);
	const struct config *config = ex->gw->config;
	struct request req;
	struct err err;
	int r;

	request_init(&req);
	if (data != NULL) {
		r = request_classic(
			config, json_string_value(data), json_string_length(data), &req, &err);
		ex->refused = on_submit_refused;
		if (r < 0)
			jobs_answer_error(ex, r, &err);
		else if (config_task(config, req.spec.task) == NULL)
			exchange_unavailable(ex, 60, "the task of this face is not there");
		else
			jobs_send(ex, &req, true, on_submitted);
	}
	request_done(&req);
	json_decref(root);
}

static const char *state_text(enum job_state state)
{
	static const char *const texts[] = {
		[JOB_QUEUED] = "Booting...",
		[JOB_RUNNING] = "Working...",
		[JOB_DONE] = "Done",
	};

	return texts[state];
}

static void write_queue_row(struct json_text *t, const struct listing_row *row, bool full)
{
	char id[JOB_ID_CHARS + 1], text[JOB_ID_CHARS + 40];
	int n;

	job_id_format(&row->id, id);
	if (!full)
		id[JOB_ID_SHOWN] = '\0';
	n = snprintf(text, sizeof(text), "%s[\"%s\", \"%s\"]", t->len > 1 ? ", " : "", id,
		state_text(row->state));
	jt_raw(t, text, (size_t)n);
}

static void on_queueing(struct exchange *ex, struct msg *msg)
{
	cleanup_json struct json_text t = { 0 };
	cleanup_free uint8_t *data = NULL;
	struct listing_row row;
	struct unpacker u;
	struct err err;

	if (blob_read_all(&msg->jobs.list, UINT32_MAX, &data, &err) < 0) {
		jobs_answer_error(ex, -EIO, &err);
		return;
	}
	u = unpacker_of(data, (size_t)msg->jobs.list.len);
	jt_raw(&t, "[", 1);
	while (listing_unpack(&u, &row))
		write_queue_row(&t, &row, ex->gw->config->queueing_ids_full);
	jt_raw(&t, "]", 1);
	if (u.failed)
		exchange_problem(ex, PROBLEM_INTERNAL, "the list of jobs is damaged");
	else if (t.len == 2)
		answer_text(ex, NOTHING);
	else
		answer_json_text(ex, &t);
}

static void queueing(struct exchange *ex)
{
	struct msg msg;

	msg_init(&msg, MSG_QUEUE_GET);
	msg.queue_get.classic = 1;
	exchange_ask(ex, &msg, MSG_JOBS, on_queueing);
}

static bool on_get_refused(struct exchange *ex, const struct msg_refused *refused)
{
	if (refused->why != REFUSAL_NOT_FOUND)
		return false;
	answer_text(ex, "NULL");
	return true;
}

static void ask_job(struct exchange *ex, exchange_reply *reply)
{
	json_t *root = NULL;
	const json_t *id = string_member(ex, "id", &root);
	struct msg msg;

	msg_init(&msg, MSG_JOB_GET);
	msg.job_get.classic = 1;
	msg.job_get.want = WANT_RESULT | WANT_OUT;
	ex->refused = on_get_refused;
	if (id != NULL && (strlen(json_string_value(id)) != json_string_length(id) ||
				  !job_id_parse(json_string_value(id), &msg.job_get.id)))
		answer_text(ex, "NULL");
	else if (id != NULL)
		exchange_ask(ex, &msg, MSG_JOB, reply);
	json_decref(root);
}

/* What the job's deciding step printed; nothing where there was none. */
static int deciding_out(const struct msg_job *job, struct stream_result *ret, struct err *err)
{
	struct result result;
	const struct step_result *step;
	bool has;
	int r = answer_result(job, &result, &has, err);

	*ret = (struct stream_result){ 0 };
	if (r < 0)
		return r;
	step = answer_deciding(&result);
	if (step != NULL)
		*ret = step->out;
	result_done(&result);
	return 0;
}

/*
 * Where line `number` is in `bytes` of the blob at `from`, without its line feed: at their end,
 * and empty, where there is none. -EFBIG where it has no end in the first `most` of them.
 */
static int find_line(const struct blob *out, uint64_t from, uint64_t bytes, uint64_t most,
	int number, struct span *ret, struct err *err)
{
	uint64_t at = from, start = from, end = from + (bytes < most ? bytes : most);
	char buf[READ_BYTES];

	while (at < end) {
		size_t n = end - at < READ_BYTES ? (size_t)(end - at) : READ_BYTES;
		const char *p = buf, *feed;
		int r = blob_read(out, at, buf, n, err);

		if (r < 0)
			return r;
		while ((feed = memchr(p, '\n', n - (size_t)(p - buf))) != NULL) {
			p = feed + 1;
			if (--number == 0) {
				*ret = (struct span){ start, at + (uint64_t)(feed - buf) };
				return 0;
			}
			start = at + (uint64_t)(p - buf);
		}
		at += n;
	}
	if (bytes > most)
		return err_say(err, EFBIG,
			"the lines asked for are longer than %llu bytes: /v1/jobs/ID/stdout has "
			"all of them",
			(unsigned long long)most);
	*ret = (struct span){ number > 1 ? end : start, end };
	return 0;
}

static void answer_unread(struct exchange *ex, int r, const struct err *err)
{
	if (r == -EFBIG)
		exchange_problem(ex, PROBLEM_TOO_LARGE, "%s", err->msg);
	else
		jobs_answer_error(ex, -EIO, err);
}

/* The output as far as line `number` goes, or all of it. Caller frees *ret. */
static int first_lines(
	const struct msg_job *job, int number, char **ret, size_t *ret_n, struct err *err)
{
	cleanup_free char *text = NULL;
	struct stream_result out;
	struct span last;
	size_t n;
	int r = deciding_out(job, &out, err);

	if (r == 0)
		r = find_line(&job->out, out.offset, out.bytes, RESULT_MAX, number, &last, err);
	if (r < 0)
		return r;
	n = (size_t)(last.end - out.offset);
	text = malloc(n + 1);
	if (text == NULL)
		return err_set(err, ENOMEM, "output");
	r = blob_read(&job->out, out.offset, text, n, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(text);
	*ret_n = n;
	return 0;
}

const char *classic_line(const char *out, size_t n, int number, size_t *ret_n)
{
	const char *end;

	*ret_n = 0;
	for (; n > 0; number--) {
		end = memchr(out, '\n', n);
		if (number <= 1) {
			*ret_n = end == NULL ? n : (size_t)(end - out);
			return out;
		}
		if (end == NULL)
			break;
		n -= (size_t)(end - out) + 1;
		out = end + 1;
	}
	return NULL;
}

/* By hand: an output may be megabytes of them. */
static void write_unit(struct json_text *t, uint32_t unit)
{
	static const char hex[] = "0123456789abcdef";
	const char text[] = { '\\', 'u', hex[unit >> 12], hex[unit >> 8 & 0xf],
		hex[unit >> 4 & 0xf], hex[unit & 0xf] };

	jt_raw(t, text, sizeof(text));
}

static void write_unicode(struct json_text *t, uint32_t c)
{
	if (c < 0x10000) {
		write_unit(t, c);
		return;
	}
	write_unit(t, 0xd800 + ((c - 0x10000) >> 10));
	write_unit(t, 0xdc00 + ((c - 0x10000) & 0x3ff));
}

/* ASCII only. */
static void write_string(struct json_text *t, const char *text, size_t n)
{
	size_t i = 0;

	jt_raw(t, "\"", 1);
	while (i < n) {
		size_t run = i;
		uint32_t c;

		while (run < n && (uint8_t)text[run] < 0x80)
			run++;
		jt_escaped(t, text + i, run - i);
		i = run;
		if (i < n) {
			i += utf8_next((const uint8_t *)text + i, n - i, &c);
			write_unicode(t, c);
		}
	}
	jt_raw(t, "\"", 1);
}

static void write_lit(struct json_text *t, const char *text)
{
	jt_raw(t, text, strlen(text));
}

static void write_field(
	struct json_text *t, const char *out, size_t n, const struct task_field *field)
{
	bool list = field->list || field->last > field->first;
	size_t line_n;
	const char *line;

	write_lit(t, "\t");
	write_string(t, field->name, strlen(field->name));
	write_lit(t, list ? " : \n\t[\n" : " : ");
	for (int i = field->first; i <= field->last; i++) {
		line = classic_line(out, n, i, &line_n);
		write_lit(t, list ? "\t\t" : "");
		write_string(t, line == NULL ? "" : line, line_n);
		write_lit(t, !list ? "" : i < field->last ? ",\n" : "\n");
	}
	write_lit(t, list ? "\t]" : "");
}

static int by_name(const void *a, const void *b)
{
	const struct task_field *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static const struct task_field own_fields[] = {
	{ .name = (char *)(uintptr_t) "field1", .first = 1, .last = 1 },
	{ .name = (char *)(uintptr_t) "field2", .first = 2, .last = 4, .list = true },
};

void classic_result(struct json_text *t, const char *out, size_t n, const struct task_field *fields,
	size_t n_fields)
{
	cleanup_free const struct task_field **sorted = NULL;

	if (n_fields == 0) {
		fields = own_fields;
		n_fields = sizeof(own_fields) / sizeof(own_fields[0]);
	}
	sorted = calloc(n_fields, sizeof(*sorted));
	if (sorted == NULL) {
		t->failed = true;
		return;
	}
	for (size_t i = 0; i < n_fields; i++)
		sorted[i] = &fields[i];
	qsort(sorted, n_fields, sizeof(*sorted), by_name);
	write_lit(t, "{\n");
	for (size_t i = 0; i < n_fields; i++) {
		write_field(t, out, n, sorted[i]);
		write_lit(t, i + 1 < n_fields ? ",\n" : "\n");
	}
	write_lit(t, "}");
}

static int last_line(const struct task_field *fields, size_t n)
{
	int last = 4;

	for (size_t i = 0; i < n; i++)
		last = fields[i].last > last ? fields[i].last : last;
	return last;
}

/* The job's task may be gone from the configuration since. */
static void task_of(const struct exchange *ex, const struct msg_job *job, struct task *ret)
{
	const struct task *task = config_task(ex->gw->config, job->task);

	*ret = (struct task){ 0 };
	if (task != NULL)
		*ret = *task;
}

static void answer_result_text(struct exchange *ex, const struct msg_job *job)
{
	cleanup_json struct json_text t = { 0 };
	cleanup_free char *out = NULL;
	struct task task;
	struct err err;
	size_t n;
	char *text;
	int r;

	task_of(ex, job, &task);
	r = first_lines(job, last_line(task.fields, task.n_fields), &out, &n, &err);
	if (r < 0) {
		answer_unread(ex, r, &err);
		return;
	}
	classic_result(&t, out, n, task.fields, task.n_fields);
	text = t.failed ? NULL : malloc(base64_chars(t.len));
	if (text == NULL) {
		exchange_problem(ex, PROBLEM_INTERNAL, "no memory for the answer");
		return;
	}
	base64_encode(t.buf, t.len, text);
	exchange_answer_bytes(ex, MHD_HTTP_OK, TYPE_HTML, text, base64_chars(t.len));
	add_no_store(ex);
}

static void on_result(struct exchange *ex, struct msg *msg)
{
	if (msg->job.state == JOB_QUEUED)
		answer_text(ex, "PREPARE");
	else if (msg->job.state == JOB_RUNNING)
		answer_text(ex, "WORKING");
	else
		answer_result_text(ex, &msg->job);
}

static void get_result(struct exchange *ex)
{
	ask_job(ex, on_result);
}

/* The line goes from where it is to the client. */
static void answer_data(struct exchange *ex, struct msg_job *job)
{
	struct stream_result out;
	struct span line;
	struct task task;
	struct err err;
	int number, r;

	task_of(ex, job, &task);
	number = task.classic_data_line > 0 ? task.classic_data_line : DATA_LINE;
	r = deciding_out(job, &out, &err);
	if (r == 0)
		r = find_line(&job->out, out.offset, out.bytes, DATA_MAX, number, &line, &err);
	if (r < 0) {
		answer_unread(ex, r, &err);
		return;
	}
	exchange_answer(ex, MHD_HTTP_OK, jobs_bytes(&job->out, line.from, line.end - line.from));
	exchange_add_header(ex, "Content-Type", TYPE_HTML);
	add_no_store(ex);
}

static void on_data(struct exchange *ex, struct msg *msg)
{
	if (msg->job.state != JOB_DONE)
		answer_text(ex, "NULL");
	else
		answer_data(ex, &msg->job);
}

static void get_data(struct exchange *ex)
{
	ask_job(ex, on_data);
}
