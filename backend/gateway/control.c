/* SPDX-License-Identifier: MIT */
#include "control.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json_read.h"
#include "jobs.h"
#include "wire/pack.h"

#define PAUSED_MAX     (1024 * 1024)
#define PAUSE_BODY_MAX 1024

/* --- pausing --- */

void control_pause_begin(struct exchange *ex)
{
	ex->body_max = PAUSE_BODY_MAX;
	if (exchange_header(ex, "Content-Type") == NULL ||
		exchange_has_type(ex, "application/json"))
		ex->body_kind = BODY_MEMORY;
	else
		exchange_problem(ex, PROBLEM_MEDIA_TYPE, "Content-Type: expected application/json");
}

static bool is_name(const char *text, size_t max)
{
	return text[0] != '\0' && strlen(text) <= max;
}

/* {} or {"task": NAME} */
static int read_task(json_t *root, char ret[static TASK_NAME_MAX + 1], struct err *err)
{
	const char *name, *task;
	json_t *value;

	if (!json_is_object(root))
		return err_say(err, EINVAL, "the body: expected a JSON object");
	json_object_foreach(root, name, value)
	{
		if (strcmp(name, "task") != 0)
			return err_say(err, EINVAL, "%.100s: unknown member", name);
		task = json_string_value(value);
		if (task == NULL || !is_name(task, TASK_NAME_MAX))
			return err_say(err, EINVAL, "task: expected a task's name");
		(void)snprintf(ret, TASK_NAME_MAX + 1, "%s", task);
	}
	return 0;
}

int control_parse_pause(const void *body, size_t n, struct msg_pause *ret, struct err *err)
{
	json_error_t e;
	json_t *root;
	int r;

	if (n == 0)
		return 0;
	r = json_read(body, n, JSON_REJECT_DUPLICATES, &root, &e);
	if (r == -ENOMEM)
		return err_set(err, ENOMEM, "the request");
	if (r < 0)
		return err_say(err, EINVAL, "the body: malformed JSON: %s", e.text);
	r = read_task(root, ret->task, err);
	json_decref(root);
	return r;
}

static void on_paused(struct exchange *ex, struct msg *msg)
{
	cleanup_json struct json_text t = { 0 };

	jt_open(&t, '{');
	jt_key(&t, "changed");
	jt_bool(&t, msg->done.n != 0);
	jt_close(&t, '}');
	exchange_answer_json(ex, MHD_HTTP_OK, &t);
}

static void pause_or_resume(struct exchange *ex, bool paused)
{
	struct msg msg;
	struct err err;
	int r;

	msg_init(&msg, MSG_PAUSE);
	msg.pause.paused = paused;
	r = control_parse_pause(ex->body, ex->body_len, &msg.pause, &err);
	if (r < 0)
		jobs_answer_error(ex, r, &err);
	else
		exchange_ask(ex, &msg, MSG_DONE, on_paused);
}

void control_pause(struct exchange *ex)
{
	pause_or_resume(ex, true);
}

void control_resume(struct exchange *ex)
{
	pause_or_resume(ex, false);
}

int control_write_paused(struct json_text *t, const struct msg_jobs *jobs, struct err *err)
{
	cleanup_free uint8_t *data = NULL;
	char name[TASK_NAME_MAX + 1];
	struct unpacker u;
	int r = blob_read_all(&jobs->paused_tasks, PAUSED_MAX, &data, err);

	if (r < 0)
		return r;
	u = unpacker_of(data, (size_t)jobs->paused_tasks.len);
	jt_key(t, "paused");
	jt_bool(t, jobs->paused != 0);
	jt_key(t, "paused_tasks");
	jt_open(t, '[');
	while (!u.failed && u.left > 0) {
		unpack_str(&u, name, sizeof(name));
		if (!u.failed)
			jt_str(t, name);
	}
	jt_close(t, ']');
	return u.failed ? err_say(err, EBADMSG, "the list of paused tasks is damaged") : 0;
}

/* --- many jobs --- */

#define bad(err, name, ...) \
	err_say((err), EINVAL, "query parameter '" name "': expected " __VA_ARGS__)

/* "1", or not given. */
static bool read_flag(const char *text, bool *ret)
{
	*ret = text != NULL;
	return text == NULL || strcmp(text, "1") == 0;
}

static int read_verdicts(const struct exchange *ex, uint32_t *ret, struct err *err)
{
	const char *text = exchange_param(ex, "verdict");
	char name[32];

	*ret = 0;
	if (text == NULL)
		return 0;
	do { /* an empty one is a mistake too: it would mean all of them */
		size_t n = strcspn(text, ",");
		enum verdict verdict;

		(void)snprintf(name, sizeof(name), "%.*s", n < sizeof(name) ? (int)n : 0, text);
		verdict = verdict_by_name(name);
		if (verdict >= VERDICT_MAX_)
			return bad(err, "verdict", "verdicts, with commas between");
		*ret |= 1U << verdict;
		text += n + (text[n] == ',');
	} while (*text != '\0');
	return 0;
}

static int read_texts(const struct exchange *ex, struct msg_sweep *sweep, struct err *err)
{
	const char *task = exchange_param(ex, "task"), *client = exchange_param(ex, "client");
	const char *label = exchange_param(ex, "label");
	const char *colon = label == NULL ? NULL : strchr(label, ':');

	if (task != NULL && !is_name(task, TASK_NAME_MAX))
		return bad(err, "task", "a task's name");
	if (client != NULL && !is_name(client, sizeof(sweep->client) - 1))
		return bad(err, "client", "a client's name");
	if (label != NULL &&
		(colon == NULL || colon == label || strlen(label) >= sizeof(sweep->label)))
		return bad(err, "label", "NAME:VALUE");
	(void)snprintf(sweep->task, sizeof(sweep->task), "%s", task == NULL ? "" : task);
	(void)snprintf(sweep->client, sizeof(sweep->client), "%s", client == NULL ? "" : client);
	(void)snprintf(sweep->label, sizeof(sweep->label), "%s", label == NULL ? "" : label);
	return 0;
}

/* What nobody said anything about is not everything: that takes all=1. */
static int read_filter(const struct exchange *ex, struct msg_sweep *sweep, struct err *err)
{
	bool all;
	int r;

	if (!read_flag(exchange_param(ex, "all"), &all))
		return bad(err, "all", "1");
	r = read_verdicts(ex, &sweep->verdicts, err);
	if (r == 0)
		r = read_texts(ex, sweep, err);
	if (r < 0 || all || sweep->verdicts != 0 || sweep->states != 0 || sweep->task[0] != '\0' ||
		sweep->client[0] != '\0' || sweep->label[0] != '\0')
		return r;
	return err_say(err, EINVAL, "which jobs? Say so with query parameters, or all=1");
}

static void answer_count(struct exchange *ex, const char *name, const struct msg_done *done)
{
	cleanup_json struct json_text t = { 0 };

	jt_open(&t, '{');
	jt_key(&t, name);
	jt_uint(&t, done->n);
	if (strcmp(name, "retried") == 0) {
		jt_key(&t, "refused");
		jt_uint(&t, done->refused);
	}
	jt_close(&t, '}');
	exchange_answer_json(ex, MHD_HTTP_OK, &t);
}

static void on_cancelled(struct exchange *ex, struct msg *msg)
{
	answer_count(ex, "cancelled", &msg->done);
}

static void on_purged(struct exchange *ex, struct msg *msg)
{
	answer_count(ex, "purged", &msg->done);
}

static void on_retried(struct exchange *ex, struct msg *msg)
{
	answer_count(ex, "retried", &msg->done);
}

static int read_purge(struct msg_sweep *sweep, struct err *err)
{
	if ((sweep->states & ~(1U << JOB_DONE)) != 0)
		return bad(err, "state", "done, where purge is given");
	sweep->act = SWEEP_PURGE;
	sweep->states = 1U << JOB_DONE;
	return 0;
}

static int read_cancel(struct msg_sweep *sweep, struct err *err)
{
	if ((sweep->states & 1U << JOB_DONE) != 0)
		return bad(
			err, "state", "queued, running: a job that has ended is purged (purge=1)");
	if (sweep->verdicts != 0)
		return bad(err, "verdict", "no such, but with purge=1: these jobs have none yet");
	sweep->act = SWEEP_CANCEL;
	if (sweep->states == 0)
		sweep->states = 1U << JOB_QUEUED | 1U << JOB_RUNNING;
	return 0;
}

int control_read_delete(const struct exchange *ex, struct msg_sweep *ret, struct err *err)
{
	const char *state = exchange_param(ex, "state");
	bool purge;
	int r;

	if (!read_flag(exchange_param(ex, "purge"), &purge))
		return bad(err, "purge", "1");
	if (state != NULL && !jobs_parse_states(state, &ret->states))
		return bad(err, "state", "queued, running, done, with commas between");
	r = read_filter(ex, ret, err);
	if (r == 0)
		r = purge ? read_purge(ret, err) : read_cancel(ret, err);
	return r;
}

void control_delete(struct exchange *ex)
{
	struct msg msg;
	struct err err;
	int r;

	msg_init(&msg, MSG_SWEEP);
	r = control_read_delete(ex, &msg.sweep, &err);
	if (r < 0)
		jobs_answer_error(ex, r, &err);
	else
		exchange_ask(ex, &msg, MSG_DONE,
			msg.sweep.act == SWEEP_PURGE ? on_purged : on_cancelled);
}

int control_read_retry(const struct exchange *ex, struct msg_sweep *ret, struct err *err)
{
	int r = read_filter(ex, ret, err);

	if (r < 0)
		return r;
	ret->act = SWEEP_RETRY;
	ret->states = 1U << JOB_DONE;
	if (ret->verdicts == 0) /* those that failed */
		ret->verdicts =
			((1U << VERDICT_MAX_) - 1) & ~(1U << VERDICT_OK | 1U << VERDICT_CANCELLED);
	return 0;
}

void control_retry_many(struct exchange *ex)
{
	struct msg msg;
	struct err err;
	int r;

	msg_init(&msg, MSG_SWEEP);
	r = control_read_retry(ex, &msg.sweep, &err);
	if (r < 0)
		jobs_answer_error(ex, r, &err);
	else
		exchange_ask(ex, &msg, MSG_DONE, on_retried);
}

/* --- one job --- */

void control_retry(struct exchange *ex)
{
	struct msg msg;

	msg_init(&msg, MSG_JOB_RETRY);
	if (!job_id_parse(ex->id, &msg.job_retry.id))
		exchange_problem(ex, PROBLEM_NOT_FOUND, "no such job");
	else
		exchange_ask(ex, &msg, MSG_JOB, jobs_on_submitted);
}

bool control_purge(struct exchange *ex)
{
	struct msg msg;
	bool purge;

	if (!read_flag(exchange_param(ex, "purge"), &purge)) {
		exchange_problem(
			ex, PROBLEM_INVALID_REQUEST, "query parameter 'purge': expected 1");
		return true;
	}
	if (!purge)
		return false;
	msg_init(&msg, MSG_JOB_PURGE);
	if (!job_id_parse(ex->id, &msg.job_purge.id))
		exchange_problem(ex, PROBLEM_NOT_FOUND, "no such job");
	else
		exchange_ask(ex, &msg, MSG_DONE, on_purged);
	return true;
}
