/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "common/cleanup.h"
#include "common/hex.h"
#include "common/utf8.h"
#include "media.h"
#include "wire/spec.h"

int answer_result(const struct msg_job *job, struct result *ret, bool *ret_has, struct err *err)
{
	cleanup_free uint8_t *copy = NULL;
	const uint8_t *data = job->result.data;
	int r;

	result_init(ret);
	*ret_has = job->result.len > 0;
	if (!*ret_has)
		return 0;
	if (data == NULL) {
		r = blob_read_all(&job->result, RESULT_BYTES_MAX, &copy, err);
		if (r < 0)
			return r;
		data = copy;
	}
	if (job->state == JOB_RUNNING) /* of steps that have ended; the bytes come with the end */
		return result_unpack(
			data, (size_t)job->result.len, UINT64_MAX, UINT64_MAX, 0, ret, err);
	return result_unpack(data, (size_t)job->result.len, job->out_bytes, job->err_bytes,
		job->files_bytes, ret, err);
}

const struct step_result *answer_deciding(const struct result *result)
{
	return result->deciding < result->n_steps ? &result->steps[result->deciding] : NULL;
}

static void limit_value(struct json_text *t, const char *key, enum limit limit, int64_t value)
{
	jt_key(t, key);
	if (limit == LIMIT_CPUS)
		jt_thousandths(t, value);
	else
		jt_int(t, value);
}

static void write_limit(struct json_text *t, const struct finding *finding)
{
	jt_key(t, "limit");
	if (finding == NULL || finding->limit >= LIMIT_MAX_) {
		jt_null(t);
	} else {
		jt_open(t, '{');
		jt_key(t, "name");
		jt_str(t, limit_name(finding->limit));
		limit_value(t, "configured", finding->limit, finding->configured);
		limit_value(t, "measured", finding->limit, finding->measured);
		jt_close(t, '}');
	}
	jt_key(t, "limits_hit");
	jt_open(t, '[');
	for (unsigned i = 0; finding != NULL && i < LIMIT_MAX_; i++) {
		if ((finding->limits_hit & 1U << i) != 0)
			jt_str(t, limit_name((enum limit)i));
	}
	jt_close(t, ']');
}

static void write_usage(struct json_text *t, const struct step_result *step)
{
	jt_key(t, "usage");
	if (step == NULL) {
		jt_null(t);
		return;
	}
	jt_open(t, '{');
	jt_key(t, "wall_ms");
	jt_thousandths(t, step->wall_us);
	jt_key(t, "cpu_ms");
	jt_thousandths(t, step->cpu_us);
	jt_key(t, "memory_peak_bytes");
	jt_int(t, step->memory_peak_bytes);
	jt_key(t, "processes_peak");
	jt_int(t, step->processes_peak);
	jt_close(t, '}');
}

static int write_stream(struct json_text *t, const char *key, const struct blob *blob,
	const struct stream_result *stream, struct err *err)
{
	static const struct stream_result none = { 0 };
	int r;

	if (stream == NULL)
		stream = &none;
	jt_key(t, key);
	jt_open(t, '{');
	r = blob == NULL ? 0 : jt_content(t, blob, stream->offset, stream->bytes, err);
	if (r < 0)
		return r;
	jt_key(t, "bytes");
	jt_uint(t, stream->bytes);
	jt_key(t, "truncated_bytes");
	jt_uint(t, stream->cut);
	jt_close(t, '}');
	return 0;
}

/*
 * What a job, its build and each of its cases have in common. `step` may be NULL; `bytes`, where
 * the outputs are, NULL: they are left out.
 */
static int write_step(struct json_text *t, const struct msg_job *bytes,
	const struct finding *finding, const struct step_result *step, struct err *err)
{
	int r;

	write_limit(t, finding);
	jt_key(t, "exit_code");
	if (step == NULL || step->exit_code < 0)
		jt_null(t);
	else
		jt_int(t, step->exit_code);
	jt_key(t, "signal");
	if (step == NULL || step->signal == 0)
		jt_null(t);
	else
		jt_int(t, step->signal);
	write_usage(t, step);
	r = write_stream(t, "stdout", bytes == NULL ? NULL : &bytes->out,
		step == NULL ? NULL : &step->out, err);
	if (r == 0)
		r = write_stream(t, "stderr", bytes == NULL ? NULL : &bytes->err,
			step == NULL ? NULL : &step->err, err);
	if (step != NULL && step->note != NULL) {
		jt_key(t, "note");
		jt_str(t, step->note);
	}
	return r;
}

static void write_step_verdict(struct json_text *t, const struct step_result *step)
{
	jt_key(t, "verdict");
	jt_str_or_null(t, step == NULL ? NULL : verdict_name(step->finding.verdict));
	if (step != NULL && step->checker_message != NULL) {
		jt_key(t, "checker_message");
		jt_str(t, step->checker_message);
	}
}

static int write_build(struct json_text *t, const struct msg_job *bytes,
	const struct step_result *step, struct err *err)
{
	int r;

	jt_open(t, '{');
	jt_key(t, "cached");
	jt_bool(t, step->cached);
	write_step_verdict(t, step);
	r = write_step(t, bytes, &step->finding, step, err);
	jt_close(t, '}');
	return r;
}

/* A case without a name goes by its number. */
static void write_case_name(struct json_text *t, const char *name, int64_t index)
{
	char number[24];

	(void)snprintf(number, sizeof(number), "%" PRId64, index + 1);
	jt_key(t, "name");
	jt_str(t, name == NULL ? number : name);
}

/* Of those that were not run there is no step: they come behind the others, without a verdict. */
static int write_case(struct json_text *t, const struct msg_job *bytes,
	const struct spec_case *case_, size_t i, const struct step_result *step, struct err *err)
{
	int r;

	jt_open(t, '{');
	write_case_name(t, case_->name, (int64_t)i);
	write_step_verdict(t, step);
	r = write_step(t, bytes, step == NULL ? NULL : &step->finding, step, err);
	jt_close(t, '}');
	return r;
}

static int write_cases(struct json_text *t, const struct msg_job *bytes, const struct spec *spec,
	const struct step_result *steps, size_t n, struct err *err)
{
	int r = 0;

	jt_open(t, '[');
	for (size_t i = 0; i < spec->n_cases && r == 0; i++)
		r = write_case(t, bytes, &spec->cases[i], i, i < n ? &steps[i] : NULL, err);
	jt_close(t, ']');
	return r;
}

/* `build`: an object or null; `cases`: empty for a job without cases, which is all in the job
 * itself. */
static int write_steps(struct json_text *t, const struct msg_job *bytes, const struct spec *spec,
	const struct result *result, struct err *err)
{
	size_t built = result->n_steps > 0 && result->steps[0].build;
	int r = 0;

	jt_key(t, "build");
	if (built > 0)
		r = write_build(t, bytes, &result->steps[0], err);
	else
		jt_null(t);
	if (r < 0)
		return r;
	jt_key(t, "cases");
	return write_cases(t, bytes, spec, result->steps + built, result->n_steps - built, err);
}

/* A name that JSON cannot hold as it is comes a second time, whole. */
static void write_name(struct json_text *t, const char *name)
{
	cleanup_free char *text = NULL;
	size_t n = strlen(name);

	jt_key(t, "name");
	jt_str(t, name);
	if (utf8_valid(name, n))
		return;
	text = malloc(base64_chars(n));
	if (text == NULL) {
		t->failed = true;
		return;
	}
	base64_encode(name, n, text);
	jt_key(t, "name_base64");
	jt_strn(t, text, base64_chars(n));
}

void answer_files(struct json_text *t, const struct result *result)
{
	jt_open(t, '[');
	for (size_t i = 0; i < result->n_files; i++) {
		const struct file_result *file = &result->files[i];
		char sha256[2 * sizeof(file->sha256) + 1];

		hex_encode(file->sha256, sizeof(file->sha256), sha256);
		jt_open(t, '{');
		write_name(t, file->name);
		jt_key(t, "bytes");
		jt_uint(t, file->bytes);
		jt_key(t, "sha256");
		jt_str(t, sha256);
		jt_key(t, "type");
		jt_str(t, media_of(file->name).type);
		jt_close(t, '}');
	}
	jt_close(t, ']');
}

void answer_file_list(struct json_text *t, const struct result *result)
{
	jt_open(t, '{');
	jt_key(t, "files");
	answer_files(t, result);
	jt_key(t, "skipped");
	jt_open(t, '[');
	for (size_t i = 0; i < result->n_skipped; i++) {
		jt_open(t, '{');
		write_name(t, result->skipped[i].name);
		jt_key(t, "reason");
		jt_str(t, result->skipped[i].reason);
		jt_close(t, '}');
	}
	jt_close(t, ']');
	jt_close(t, '}');
}

/* What was asked for; without the blob, nothing. The caller releases it in any case. */
static int read_spec(const struct msg_job *job, struct spec *ret, struct err *err)
{
	cleanup_free uint8_t *data = NULL;
	int r;

	spec_init(ret);
	if (job->spec.len == 0)
		return 0;
	r = blob_read_all(&job->spec, SPEC_BYTES_MAX, &data, err);
	if (r < 0)
		return r;
	return spec_unpack(data, (size_t)job->spec.len, UINT64_MAX, ret, err);
}

static void write_labels(struct json_text *t, const struct spec *spec)
{
	jt_key(t, "labels");
	jt_open(t, '{');
	for (size_t i = 0; i + 1 < spec->labels.n; i += 2) {
		jt_member(t, spec->labels.v[i]);
		jt_str(t, spec->labels.v[i + 1]);
	}
	jt_close(t, '}');
}

static int write_ending(struct json_text *t, const struct msg_job *job, const struct spec *spec,
	bool bare, struct err *err)
{
	const struct msg_job *bytes = bare ? NULL : job;
	struct result result;
	bool has;
	int r = answer_result(job, &result, &has, err);

	if (r == 0) {
		jt_key(t, "verdict");
		jt_str(t, verdict_name((enum verdict)job->verdict));
		r = write_step(
			t, bytes, has ? &result.finding : NULL, answer_deciding(&result), err);
	}
	if (r == 0)
		r = write_steps(t, bytes, spec, &result, err);
	if (r == 0) {
		jt_key(t, "files");
		answer_files(t, &result);
	}
	result_done(&result);
	return r;
}

/* The build and the cases that have ended, of a job that has cases. */
static int write_so_far(
	struct json_text *t, const struct msg_job *job, const struct spec *spec, struct err *err)
{
	struct result result;
	size_t built, n;
	bool has;
	int r = answer_result(job, &result, &has, err);

	built = result.n_steps > 0 && result.steps[0].build;
	n = result.n_steps - built;
	if (r == 0 && built > 0) {
		jt_key(t, "build");
		r = write_build(t, NULL, &result.steps[0], err);
	}
	if (r == 0) {
		jt_key(t, "cases");
		jt_open(t, '[');
		for (size_t i = 0; i < n && i < spec->n_cases && r == 0; i++)
			r = write_case(t, NULL, &spec->cases[i], i, &result.steps[built + i], err);
		jt_close(t, ']');
	}
	result_done(&result);
	return r;
}

static void write_position(struct json_text *t, uint64_t position, int64_t estimated_ms)
{
	jt_key(t, "position");
	if (position == 0)
		jt_null(t);
	else
		jt_uint(t, position);
	jt_key(t, "estimated_start");
	jt_time(t, estimated_ms);
}

static void write_times(
	struct json_text *t, int64_t queued_ms, int64_t started_ms, int64_t finished_ms)
{
	jt_key(t, "queued_at");
	jt_time(t, queued_ms);
	jt_key(t, "started_at");
	jt_time(t, started_ms);
	jt_key(t, "finished_at");
	jt_time(t, finished_ms);
}

static void str_or_null(struct json_text *t, const char *key, const char *text)
{
	jt_key(t, key);
	jt_str_or_null(t, text[0] == '\0' ? NULL : text);
}

/* What holds of a job in any state. */
static void write_rest(struct json_text *t, const struct msg_job *job)
{
	write_position(t, job->position, job->estimated_ms);
	write_times(t, job->queued_ms, job->started_ms, job->finished_ms);
	jt_key(t, "expires_at");
	jt_time(t, job->expires_ms);
	jt_key(t, "attempt");
	jt_uint(t, job->attempt);
	str_or_null(t, "node", job->node);
	str_or_null(t, "image", job->image);
	jt_key(t, "isolation");
	jt_str_or_null(
		t, job->started_ms == 0 ? NULL : isolation_name((enum isolation)job->isolation));
	if (job->trace[0] != '\0') {
		jt_key(t, "traceparent");
		jt_str(t, job->trace);
	}
	if (job->error[0] != '\0') {
		jt_key(t, "error");
		jt_str(t, job->error);
	}
}

/* Whether its ending was told to the receiver that the request named. */
static void write_callback(struct json_text *t, const struct msg_job *job)
{
	if (job->callback == CALLBACK_NONE)
		return;
	jt_key(t, "callback");
	jt_open(t, '{');
	jt_key(t, "state");
	jt_str(t, callback_state_name((enum callback_state)job->callback));
	jt_key(t, "attempts");
	jt_uint(t, job->callback_attempts);
	jt_key(t, "next_at");
	jt_time(t, job->callback_next_ms);
	str_or_null(t, "last_error", job->callback_error);
	jt_close(t, '}');
}

static int write_job(struct json_text *t, const struct msg_job *job, bool bare, struct err *err)
{
	char id[JOB_ID_CHARS + 1];
	struct spec spec;
	int r = read_spec(job, &spec, err);

	job_id_format(&job->id, id);
	jt_open(t, '{');
	jt_key(t, "id");
	jt_str(t, id);
	str_or_null(t, "task", job->task);
	write_labels(t, &spec);
	jt_key(t, "state");
	jt_str(t, job_state_name((enum job_state)job->state));
	if (r == 0 && job->state == JOB_DONE)
		r = write_ending(t, job, &spec, bare, err);
	else if (r == 0 && job->state == JOB_RUNNING && spec.n_cases > 0)
		r = write_so_far(t, job, &spec, err);
	write_rest(t, job);
	write_callback(t, job);
	jt_close(t, '}');
	spec_done(&spec);
	return r;
}

int answer_job(struct json_text *t, const struct msg_job *job, struct err *err)
{
	return write_job(t, job, false, err);
}

int answer_job_bare(struct json_text *t, const struct msg_job *job, struct err *err)
{
	return write_job(t, job, true, err);
}

void answer_step(struct json_text *t, const struct step_result *step, int64_t index)
{
	struct err err;

	if (index < 0) {
		(void)write_build(t, NULL, step, &err); /* nothing is read */
		return;
	}
	jt_open(t, '{');
	jt_key(t, "index");
	jt_int(t, index);
	write_case_name(t, step->name, index);
	write_step_verdict(t, step);
	(void)write_step(t, NULL, &step->finding, step, &err);
	jt_close(t, '}');
}

void answer_row(struct json_text *t, const struct listing_row *row)
{
	char id[JOB_ID_CHARS + 1];

	job_id_format(&row->id, id);
	if (!row->own)
		id[JOB_ID_SHOWN] = '\0';
	jt_open(t, '{');
	jt_key(t, "id");
	jt_str(t, id);
	str_or_null(t, "task", row->task);
	jt_key(t, "state");
	jt_str(t, job_state_name(row->state));
	jt_key(t, "verdict");
	jt_str_or_null(t, row->verdict >= VERDICT_MAX_ ? NULL : verdict_name(row->verdict));
	write_position(t, row->position, row->estimated_ms);
	write_times(t, row->queued_ms, row->started_ms, row->finished_ms);
	str_or_null(t, "node", row->node);
	str_or_null(t, "client", row->client);
	jt_key(t, "callback");
	jt_str_or_null(t, callback_state_name(row->callback));
	jt_close(t, '}');
}
