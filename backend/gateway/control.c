/* SPDX-License-Identifier: MIT */
#include "control.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "jobs.h"
#include "json_read.h"
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

static int parse_pause(const struct exchange *ex, struct msg_pause *pause, struct err *err)
{
	json_error_t e;
	json_t *root;
	int r;

	if (ex->body_len == 0)
		return 0;
	r = json_read(ex->body, ex->body_len, JSON_REJECT_DUPLICATES, &root, &e);
	if (r == -ENOMEM)
		return err_set(err, ENOMEM, "the request");
	if (r < 0)
		return err_say(err, EINVAL, "the body: malformed JSON: %s", e.text);
	r = read_task(root, pause->task, err);
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
	r = parse_pause(ex, &msg.pause, &err);
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

static bool bad(struct exchange *ex, const char *name, const char *expected)
{
	exchange_problem(
		ex, PROBLEM_INVALID_REQUEST, "query parameter '%s': expected %s", name, expected);
	return false;
}

/* "1", or not given. */
static bool read_flag(struct exchange *ex, const char *name, bool *ret)
{
	const char *text = exchange_param(ex, name);

	*ret = text != NULL;
	return text == NULL || strcmp(text, "1") == 0 || bad(ex, name, "1");
}

static bool read_verdicts(struct exchange *ex, uint32_t *ret)
{
	const char *text = exchange_param(ex, "verdict");
	char name[32];

	*ret = 0;
	for (; text != NULL && *text != '\0';) {
		size_t n = strcspn(text, ",");
		enum verdict verdict;

		(void)snprintf(name, sizeof(name), "%.*s", n < sizeof(name) ? (int)n : 0, text);
		verdict = verdict_by_name(name);
		if (verdict >= VERDICT_MAX_)
			return bad(ex, "verdict", "verdicts, with commas between");
		*ret |= 1U << verdict;
		text += n + (text[n] == ',');
	}
	return true;
}

static bool read_texts(struct exchange *ex, struct msg_sweep *sweep)
{
	const char *task = exchange_param(ex, "task"), *client = exchange_param(ex, "client");
	const char *label = exchange_param(ex, "label");
	const char *colon = label == NULL ? NULL : strchr(label, ':');

	if (task != NULL && !is_name(task, TASK_NAME_MAX))
		return bad(ex, "task", "a task's name");
	if (client != NULL && !is_name(client, sizeof(sweep->client) - 1))
		return bad(ex, "client", "a client's name");
	if (label != NULL &&
		(colon == NULL || colon == label || strlen(label) >= sizeof(sweep->label)))
		return bad(ex, "label", "NAME:VALUE");
	(void)snprintf(sweep->task, sizeof(sweep->task), "%s", task == NULL ? "" : task);
	(void)snprintf(sweep->client, sizeof(sweep->client), "%s", client == NULL ? "" : client);
	(void)snprintf(sweep->label, sizeof(sweep->label), "%s", label == NULL ? "" : label);
	return true;
}

/* What nobody said anything about is not everything: that takes all=1. */
static bool read_filter(struct exchange *ex, struct msg_sweep *sweep)
{
	bool all;

	if (!read_flag(ex, "all", &all) || !read_verdicts(ex, &sweep->verdicts) ||
		!read_texts(ex, sweep))
		return false;
	if (all || sweep->verdicts != 0 || sweep->states != 0 || sweep->task[0] != '\0' ||
		sweep->client[0] != '\0' || sweep->label[0] != '\0')
		return true;
	exchange_problem(
		ex, PROBLEM_INVALID_REQUEST, "which jobs? Say so with query parameters, or all=1");
	return false;
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

static void purge_many(struct exchange *ex, struct msg *msg)
{
	if ((msg->sweep.states & ~(1U << JOB_DONE)) != 0) {
		(void)bad(ex, "state", "done, where purge is given");
		return;
	}
	msg->sweep.act = SWEEP_PURGE;
	msg->sweep.states = 1U << JOB_DONE;
	exchange_ask(ex, msg, MSG_DONE, on_purged);
}

static void cancel_many(struct exchange *ex, struct msg *msg)
{
	if ((msg->sweep.states & 1U << JOB_DONE) != 0) {
		(void)bad(ex, "state", "queued, running: a job that has ended is purged (purge=1)");
		return;
	}
	if (msg->sweep.verdicts != 0) {
		(void)bad(ex, "verdict", "no such, but with purge=1: these jobs have none yet");
		return;
	}
	msg->sweep.act = SWEEP_CANCEL;
	if (msg->sweep.states == 0)
		msg->sweep.states = 1U << JOB_QUEUED | 1U << JOB_RUNNING;
	exchange_ask(ex, msg, MSG_DONE, on_cancelled);
}

void control_delete(struct exchange *ex)
{
	const char *state = exchange_param(ex, "state");
	struct msg msg;
	bool purge;

	msg_init(&msg, MSG_SWEEP);
	if (!read_flag(ex, "purge", &purge))
		return;
	if (state != NULL && !jobs_parse_states(state, &msg.sweep.states)) {
		(void)bad(ex, "state", "queued, running, done, with commas between");
		return;
	}
	if (!read_filter(ex, &msg.sweep))
		return;
	if (purge)
		purge_many(ex, &msg);
	else
		cancel_many(ex, &msg);
}

void control_retry_many(struct exchange *ex)
{
	struct msg msg;

	msg_init(&msg, MSG_SWEEP);
	if (!read_filter(ex, &msg.sweep))
		return;
	msg.sweep.act = SWEEP_RETRY;
	msg.sweep.states = 1U << JOB_DONE;
	if (msg.sweep.verdicts == 0) /* those that failed */
		msg.sweep.verdicts =
			((1U << VERDICT_MAX_) - 1) & ~(1U << VERDICT_OK | 1U << VERDICT_CANCELLED);
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

	if (!read_flag(ex, "purge", &purge))
		return true;
	if (!purge)
		return false;
	msg_init(&msg, MSG_JOB_PURGE);
	if (!job_id_parse(ex->id, &msg.job_purge.id))
		exchange_problem(ex, PROBLEM_NOT_FOUND, "no such job");
	else
		exchange_ask(ex, &msg, MSG_DONE, on_purged);
	return true;
}
