/* SPDX-License-Identifier: MIT */
#include "jobs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "common/cleanup.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/number.h"
#include "control.h"
#include "document/answer.h"
#include "document/media.h"
#include "fingerprint.h"
#include "ranges.h"
#include "upload.h"

#define WANT_ANSWER  (WANT_SPEC | WANT_RESULT | WANT_OUT | WANT_ERR)
#define KEY_HEADER   "Idempotency-Key"
#define TRACE_HEADER "traceparent"
#define LIST_DEFAULT 50
#define LIST_MAX     1000
/* What a stranger's bytes may do in a browser that opens them: nothing. */
#define CSP_NOTHING "default-src 'none'; sandbox"

void jobs_answer_error(struct exchange *ex, int r, const struct err *err)
{
	if (r == -EINVAL) {
		exchange_problem(ex, PROBLEM_INVALID_REQUEST, "%s", err->msg);
		return;
	}
	if (r == -EMSGSIZE) {
		exchange_problem(ex, PROBLEM_TOO_LARGE, "%s", err->msg);
		return;
	}
	log_error("request failed: %s", err->msg);
	exchange_problem(ex, PROBLEM_INTERNAL, "the service failed at this request");
}

void jobs_submit_begin(struct exchange *ex)
{
	const char *type = exchange_header(ex, "Content-Type");
	const char *key = exchange_header(ex, KEY_HEADER);

	if (key != NULL && !fingerprint_key_ok(key)) {
		exchange_problem(ex, PROBLEM_INVALID_REQUEST,
			KEY_HEADER ": expected 1 to %d printable ASCII characters",
			FINGERPRINT_KEY_MAX);
		return;
	}
	if (exchange_has_type(ex, "application/json"))
		ex->body_kind = BODY_MEMORY;
	else if (exchange_has_type(ex, "multipart/form-data"))
		upload_begin(ex, type, key != NULL);
	else
		exchange_problem(ex, PROBLEM_MEDIA_TYPE,
			"Content-Type: expected application/json or multipart/form-data");
}

static enum MHD_Result count_trace(
	void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	(void)value;
	*(unsigned *)arg += strcasecmp(name, TRACE_HEADER) == 0;
	return MHD_YES;
}

/* One that is not as the recommendation has it, and more than one, are none. */
static void take_trace(const struct exchange *ex, char ret[static TRACE_CHARS + 1])
{
	const char *value = exchange_header(ex, TRACE_HEADER);
	unsigned n = 0;

	if (value == NULL)
		return;
	(void)MHD_get_connection_values(ex->con, MHD_HEADER_KIND, count_trace, &n);
	if (n == 1)
		(void)trace_parse(value, ret);
}

void jobs_send(struct exchange *ex, struct request *req, bool classic, exchange_reply *reply)
{
	cleanup_msg struct msg msg;
	struct err err;
	int r;

	msg_init(&msg, MSG_SUBMIT);
	msg.submit.classic = classic;
	msg.submit.wait_ms = (uint32_t)ex->wait_ms;
	/* Of one that was sent before, the job may have ended. */
	msg.submit.want = ex->wait_ms > 0 || req->key != NULL ? WANT_ANSWER : WANT_SPEC;
	msg.submit.retention_s = req->retention_s;
	msg.submit.priority = req->priority;
	(void)snprintf(msg.submit.task, sizeof(msg.submit.task), "%s", req->spec.task);
	if (req->key != NULL)
		(void)snprintf(msg.submit.key, sizeof(msg.submit.key), "%s", req->key);
	msg.submit.fingerprint = req->fingerprint;
	take_trace(ex, msg.submit.trace);
	(void)snprintf(msg.submit.callback, sizeof(msg.submit.callback), "%s", req->callback);
	r = spec_pack(&req->spec, &msg.submit.spec, &err);
	if (r < 0) {
		jobs_answer_error(ex, r, &err);
		return;
	}
	if (input_take(&req->input, &msg.submit.input, &err) < 0) {
		exchange_unavailable(ex, 5, err.msg);
		return;
	}
	exchange_ask(ex, &msg, MSG_JOB, reply);
}

static void answer_job_document(struct exchange *ex, unsigned status, const struct msg_job *job)
{
	cleanup_json struct json_text t = { 0 };
	struct err err;
	int r = answer_job(&t, job, &err);

	if (r < 0)
		jobs_answer_error(ex, r == -EINVAL ? -EIO : r, &err);
	else
		exchange_answer_json(ex, status, &t);
}

static void add_location(struct exchange *ex, const struct job_id *id)
{
	char text[JOB_ID_CHARS + 1], location[JOB_ID_CHARS + 64];

	job_id_format(id, text);
	(void)snprintf(location, sizeof(location), "%s/v1/jobs/%s", ex->prefix, text);
	exchange_add_header(ex, "Location", location);
}

static void add_preference(struct exchange *ex)
{
	char text[40];

	if (!ex->wait_preferred)
		return;
	(void)snprintf(text, sizeof(text), "wait=%" PRId64, ex->wait_ms / 1000);
	exchange_add_header(ex, "Preference-Applied", text);
}

void jobs_on_submitted(struct exchange *ex, struct msg *msg)
{
	answer_job_document(
		ex, msg->job.state == JOB_DONE ? MHD_HTTP_OK : MHD_HTTP_ACCEPTED, &msg->job);
	add_location(ex, &msg->job.id);
	add_preference(ex);
	if (msg->job.replayed != 0)
		exchange_add_header(ex, "Idempotency-Replayed", "true");
}

/* Of a body that is in memory; an upload takes its own as it comes. */
static int take_fingerprint(struct exchange *ex, struct request *req, struct err *err)
{
	struct fingerprint *fp = NULL;
	int r;

	if (req->key == NULL)
		return 0;
	r = fingerprint_new("json", &fp, err);
	fingerprint_add(fp, ex->body, ex->body_len);
	if (r == 0)
		r = fingerprint_end(fp, &req->fingerprint, err);
	fingerprint_free(fp);
	return r;
}

static int parse_submit(struct exchange *ex, struct request *req, struct err *err)
{
	int r;

	if (ex->body_kind == BODY_UPLOAD)
		return upload_finish(ex, req, err);
	if (ex->body_len == 0)
		return err_say(err, EINVAL, "the body is empty");
	r = take_fingerprint(ex, req, err);
	if (r < 0)
		return r;
	return request_parse(ex->gw->config, (const char *)ex->body, ex->body_len, req, err);
}

void jobs_submit(struct exchange *ex)
{
	struct request req;
	struct err err;
	int r;

	request_init(&req);
	req.key = exchange_header(ex, KEY_HEADER);
	r = parse_submit(ex, &req, &err);
	body_drop(ex);
	if (r < 0)
		jobs_answer_error(ex, r, &err);
	else
		jobs_send(ex, &req, false, jobs_on_submitted);
	request_done(&req);
}

static void not_found(struct exchange *ex)
{
	exchange_problem(ex, PROBLEM_NOT_FOUND, "no such job");
}

/* Unknown, expired, malformed and other clients' ids are all the same. */
static bool on_refused(struct exchange *ex, const struct msg_refused *refused)
{
	if (refused->why != REFUSAL_NOT_FOUND)
		return false;
	not_found(ex);
	return true;
}

void jobs_ask(struct exchange *ex, unsigned want, exchange_reply *reply)
{
	struct msg msg;

	msg_init(&msg, MSG_JOB_GET);
	if (!job_id_parse(ex->id, &msg.job_get.id)) {
		not_found(ex);
		return;
	}
	msg.job_get.wait_ms = (uint32_t)ex->wait_ms;
	msg.job_get.want = want;
	ex->refused = on_refused;
	exchange_ask(ex, &msg, MSG_JOB, reply);
}

static void on_job(struct exchange *ex, struct msg *msg)
{
	answer_job_document(ex, MHD_HTTP_OK, &msg->job);
	add_preference(ex);
}

void jobs_get(struct exchange *ex)
{
	jobs_ask(ex, WANT_ANSWER, on_job);
}

/* The answer to a cancel brings no blobs: they are asked for. */
static void on_cancelled(struct exchange *ex, struct msg *msg)
{
	(void)msg;
	jobs_ask(ex, WANT_ANSWER, on_job);
}

void jobs_cancel(struct exchange *ex)
{
	struct msg msg;

	if (control_purge(ex))
		return;
	msg_init(&msg, MSG_JOB_CANCEL);
	if (!job_id_parse(ex->id, &msg.job_cancel.id)) {
		not_found(ex);
		return;
	}
	ex->refused = on_refused;
	exchange_ask(ex, &msg, MSG_JOB, on_cancelled);
}

static void write_rows(struct json_text *t, const struct blob *list, struct err *err, int *ret_r)
{
	cleanup_free uint8_t *data = NULL;
	struct listing_row row;
	struct unpacker u;

	*ret_r = blob_read_all(list, UINT32_MAX, &data, err);
	if (*ret_r < 0)
		return;
	u = unpacker_of(data, (size_t)list->len);
	jt_key(t, "jobs");
	jt_open(t, '[');
	while (listing_unpack(&u, &row))
		answer_row(t, &row);
	jt_close(t, ']');
	if (u.failed)
		*ret_r = err_say(err, EBADMSG, "the list of jobs is damaged");
}

static void answer_rows(struct exchange *ex, const struct msg_jobs *jobs, bool queue)
{
	cleanup_json struct json_text t = { 0 };
	char cursor[24];
	struct err err;
	int r;

	jt_open(&t, '{');
	if (queue) {
		jt_key(&t, "waiting");
		jt_uint(&t, jobs->waiting);
		jt_key(&t, "running");
		jt_uint(&t, jobs->running);
	}
	write_rows(&t, &jobs->list, &err, &r);
	if (r == 0 && queue)
		r = control_write_paused(&t, jobs, &err);
	if (r < 0) {
		jobs_answer_error(ex, r, &err);
		return;
	}
	if (!queue) {
		(void)snprintf(cursor, sizeof(cursor), "%" PRIu64, jobs->cursor);
		jt_key(&t, "cursor");
		jt_str_or_null(&t, jobs->cursor == 0 ? NULL : cursor);
	}
	jt_close(&t, '}');
	exchange_answer_json(ex, MHD_HTTP_OK, &t);
}

static void on_list(struct exchange *ex, struct msg *msg)
{
	answer_rows(ex, &msg->jobs, false);
}

bool jobs_parse_states(const char *text, uint32_t *ret)
{
	*ret = 0;
	while (*text != '\0') {
		size_t n = strcspn(text, ",");
		unsigned state;

		for (state = 0; state < JOB_STATE_MAX_; state++) {
			const char *name = job_state_name((enum job_state)state);

			if (strlen(name) == n && strncmp(name, text, n) == 0)
				break;
		}
		if (state == JOB_STATE_MAX_)
			return false;
		*ret |= 1U << state;
		text += n + (text[n] == ',');
	}
	return *ret != 0;
}

static bool fill_list(struct exchange *ex, struct msg_job_list *list)
{
	const char *limit = exchange_param(ex, "limit"), *cursor = exchange_param(ex, "cursor");
	const char *state = exchange_param(ex, "state"), *task = exchange_param(ex, "task");
	const char *client = exchange_param(ex, "client");
	int64_t n = LIST_DEFAULT, from = 0;

	if (limit != NULL && !number_parse(limit, 1, LIST_MAX, &n)) {
		exchange_problem(ex, PROBLEM_INVALID_REQUEST,
			"query parameter 'limit': expected 1 to %d", LIST_MAX);
		return false;
	}
	if (cursor != NULL && !number_parse(cursor, 1, INT64_MAX, &from)) {
		exchange_problem(ex, PROBLEM_INVALID_REQUEST,
			"query parameter 'cursor': expected the cursor of a list");
		return false;
	}
	if (state != NULL && !jobs_parse_states(state, &list->states)) {
		exchange_problem(ex, PROBLEM_INVALID_REQUEST,
			"query parameter 'state': expected queued, running, done, with commas "
			"between");
		return false;
	}
	if (task != NULL && (task[0] == '\0' || strlen(task) > TASK_NAME_MAX)) {
		exchange_problem(ex, PROBLEM_INVALID_REQUEST,
			"query parameter 'task': expected a task's name");
		return false;
	}
	if (client != NULL && (client[0] == '\0' || strlen(client) > CLIENT_NAME_MAX)) {
		exchange_problem(ex, PROBLEM_INVALID_REQUEST,
			"query parameter 'client': expected a client's name");
		return false;
	}
	(void)snprintf(list->client, sizeof(list->client), "%s", client == NULL ? "" : client);
	list->limit = (uint32_t)n;
	list->cursor = (uint64_t)from;
	(void)snprintf(list->task, sizeof(list->task), "%s", task == NULL ? "" : task);
	return true;
}

void jobs_list(struct exchange *ex)
{
	struct msg msg;

	msg_init(&msg, MSG_JOB_LIST);
	if (fill_list(ex, &msg.job_list))
		exchange_ask(ex, &msg, MSG_JOBS, on_list);
}

static void on_queue(struct exchange *ex, struct msg *msg)
{
	answer_rows(ex, &msg->jobs, true);
}

void jobs_queue(struct exchange *ex)
{
	struct msg msg;

	msg_init(&msg, MSG_QUEUE_GET);
	exchange_ask(ex, &msg, MSG_JOBS, on_queue);
}

struct MHD_Response *jobs_bytes(struct blob *blob, uint64_t offset, uint64_t len)
{
	struct MHD_Response *response;
	int fd;

	if (len == 0)
		return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	if (offset > blob->len || len > blob->len - offset)
		return NULL;
	if (blob->fd < 0)
		return MHD_create_response_from_buffer(
			(size_t)len, blob->data + offset, MHD_RESPMEM_MUST_COPY);
	fd = TAKE_FD(blob->fd);
	response = MHD_create_response_from_fd_at_offset64(len, fd, offset);
	if (response == NULL)
		(void)close(fd);
	return response;
}

static void add_content_range(
	struct exchange *ex, enum range range, uint64_t first, uint64_t len, uint64_t size)
{
	char text[80];

	if (range == RANGE_OUTSIDE)
		(void)snprintf(text, sizeof(text), "bytes */%" PRIu64, size);
	else
		(void)snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first,
			first + len - 1, size);
	exchange_add_header(ex, "Content-Range", text);
}

/* A range of another version than the client has is none. */
static const char *range_header(const struct exchange *ex, const char *etag)
{
	const char *condition = exchange_header(ex, "If-Range");

	if (condition != NULL && (etag == NULL || strcmp(condition, etag) != 0))
		return NULL;
	return exchange_header(ex, "Range");
}

static void answer_raw(struct exchange *ex, struct blob *blob, uint64_t offset, uint64_t size,
	const char *type, const char *etag)
{
	uint64_t first = 0, len = size;
	enum range range = range_parse(range_header(ex, etag), size, &first, &len);

	if (range == RANGE_OUTSIDE) {
		exchange_problem(ex, PROBLEM_RANGE, "Range: there are %" PRIu64 " bytes", size);
		add_content_range(ex, range, 0, 0, size);
		return;
	}
	exchange_answer(ex, range == RANGE_PART ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK,
		jobs_bytes(blob, offset + first, len));
	exchange_add_header(ex, "Content-Type", type);
	exchange_add_header(ex, "Accept-Ranges", "bytes");
	exchange_add_header(ex, "Cache-Control", "no-store");
	ex->policy = CSP_NOTHING;
	if (etag != NULL)
		exchange_add_header(ex, "ETag", etag);
	if (range == RANGE_PART)
		add_content_range(ex, range, first, len, size);
}

/* The result of a job that has ended; false: answered already. */
static bool ended_result(struct exchange *ex, const struct msg_job *job, struct result *ret)
{
	struct err err;
	bool has;
	int r;

	if (job->state != JOB_DONE) {
		exchange_problem(ex, PROBLEM_NOT_ENDED, "the job has not ended, it is %s",
			job_state_name((enum job_state)job->state));
		return false;
	}
	r = answer_result(job, ret, &has, &err);
	if (r == 0)
		return true;
	result_done(ret);
	jobs_answer_error(ex, -EIO, &err);
	return false;
}

static void answer_stream(struct exchange *ex, struct msg_job *job, bool is_err)
{
	static const struct stream_result none = { 0 };
	const struct stream_result *stream = &none;
	const struct step_result *step;
	struct result result;

	if (!ended_result(ex, job, &result))
		return;
	step = answer_deciding(&result);
	if (step != NULL)
		stream = is_err ? &step->err : &step->out;
	answer_raw(ex, is_err ? &job->err : &job->out, stream->offset, stream->bytes,
		"application/octet-stream", NULL);
	result_done(&result);
}

static void on_stdout(struct exchange *ex, struct msg *msg)
{
	answer_stream(ex, &msg->job, false);
}

static void on_stderr(struct exchange *ex, struct msg *msg)
{
	answer_stream(ex, &msg->job, true);
}

void jobs_stdout(struct exchange *ex)
{
	jobs_ask(ex, WANT_RESULT | WANT_OUT, on_stdout);
}

void jobs_stderr(struct exchange *ex)
{
	jobs_ask(ex, WANT_RESULT | WANT_ERR, on_stderr);
}

static void on_files(struct exchange *ex, struct msg *msg)
{
	cleanup_json struct json_text t = { 0 };
	struct result result;

	if (!ended_result(ex, &msg->job, &result))
		return;
	answer_file_list(&t, &result);
	exchange_answer_json(ex, MHD_HTTP_OK, &t);
	result_done(&result);
}

void jobs_files(struct exchange *ex)
{
	jobs_ask(ex, WANT_RESULT, on_files);
}

/* attachment; filename*=UTF-8''... : the last component, all but plain characters encoded. */
static void add_disposition(struct exchange *ex, const char *name, bool shown)
{
	const char *base = strrchr(name, '/');
	char text[64 + 3 * 256];
	size_t n = (size_t)snprintf(
		text, sizeof(text), "%s; filename*=UTF-8''", shown ? "inline" : "attachment");

	for (base = base == NULL ? name : base + 1; *base != '\0' && n + 4 < sizeof(text); base++) {
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_",
			    *base))
			text[n++] = *base;
		else
			n += (size_t)snprintf(text + n, 4, "%%%02X", (unsigned char)*base);
	}
	text[n] = '\0';
	exchange_add_header(ex, "Content-Disposition", text);
}

static void answer_file(struct exchange *ex, struct msg_job *job, const struct file_result *file)
{
	struct media media = media_of(file->name);
	char etag[2 * sizeof(file->sha256) + 3] = "\"";

	hex_encode(file->sha256, sizeof(file->sha256), etag + 1);
	etag[sizeof(etag) - 2] = '"';
	etag[sizeof(etag) - 1] = '\0';
	answer_raw(ex, &job->files, file->offset, file->bytes, media.type, etag);
	add_disposition(ex, file->name, media.shown);
}

static void on_file(struct exchange *ex, struct msg *msg)
{
	struct result result;
	size_t i;

	if (!ended_result(ex, &msg->job, &result))
		return;
	for (i = 0; i < result.n_files && strcmp(result.files[i].name, ex->file) != 0; i++)
		continue;
	if (i < result.n_files)
		answer_file(ex, &msg->job, &result.files[i]);
	else
		exchange_problem(ex, PROBLEM_NOT_FOUND, "the job has no such file");
	result_done(&result);
}

void jobs_file(struct exchange *ex)
{
	jobs_ask(ex, WANT_RESULT | WANT_FILES, on_file);
}
