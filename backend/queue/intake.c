/* SPDX-License-Identifier: MIT */
#include "intake.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "drive.h"
#include "move.h"
#include "queue.h"
#include "repeat.h"
#include "reply.h"
#include "wire/spec.h"

#define RETENTION_MAX_S    (INT64_C(366) * 24 * 3600)
#define HOLD_BUSY_MS       200
#define HOLD_ENGINE_MS     1000
#define IMAGE_RETRY_S      5 /* the driver looks for a missing image more often than that */
#define RETRY_AFTER_MAX_S  60
#define RETRY_AFTER_RATE_S 3600

struct intake {
	TAILQ_ENTRY(intake) next;
	struct queue *queue;
	struct msg msg;                   /* owned: SUBMIT, ENDING or GIVEBACK */
	uint64_t gate;                    /* SUBMIT: whom to answer */
	struct caller who;                /* SUBMIT: who asks */
	uint64_t driver;                  /* else: the instance that sent it */
	struct blob *from[JOB_BLOB_MAX_]; /* in msg; NULL: the message has none of that kind */
	struct store_blob blobs[JOB_BLOB_MAX_]; /* owned; what was sealed */
	bool sealed[JOB_BLOB_MAX_];
	bool in_worker;
	bool counted; /* in queue->n_submits: not yet among the waiting jobs */
	bool stale;   /* an ending that nobody wants any more */
	struct admission_need need;
	int r; /* of sealing */
	struct err err;
};

/* --- what a submit must be --- */

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* What a step needs of the machine, at least what `need` says already. */
static void need_step(struct admission_need *need, const struct limits *base,
	const struct limits *ceilings, const struct limits *asked)
{
	struct limits limits;

	limits_resolve(base, ceilings, asked, &limits);
	need->cpus = larger(need->cpus, limits.v[LIMIT_CPUS]);
	need->memory_bytes = larger(need->memory_bytes, limits.v[LIMIT_MEMORY]);
}

static struct admission_need need_of(const struct task *task, const struct spec *spec)
{
	struct admission_need need = { 0 };
	struct limits base, ceilings, asked;

	limits_default(&base);
	for (int i = 0; i < (int)LIMIT_MAX_; i++)
		ceilings.v[i] = limit_ceiling((enum limit)i);
	if (task != NULL) {
		base = task->limits;
		ceilings = task->ceilings;
	}
	need_step(&need, &base, &ceilings, &spec->limits);
	for (size_t i = 0; i < spec->n_cases; i++) {
		asked = spec->limits;
		for (int l = 0; l < (int)LIMIT_MAX_; l++)
			if (spec->cases[i].limits.v[l] != LIMIT_UNSET)
				asked.v[l] = spec->cases[i].limits.v[l];
		need_step(&need, &base, &ceilings, &asked);
	}
	if (spec->has_build || (task != NULL && task->build.n > 0))
		need_step(&need, task == NULL ? &base : &task->build_limits, &ceilings,
			&spec->build_limits);
	/* It has a container of its own beside the job's. */
	if (task != NULL && task->checker != NULL && spec->n_cases > 0)
		need.memory_bytes += task->checker->limits.v[LIMIT_MEMORY];
	return need;
}

/* The record inside must say the same as the message. Any thread. */
static int check_spec(const struct config *config, const struct msg_submit *submit,
	const void *data, size_t n, struct admission_need *ret_need, struct err *err)
{
	__attribute__((__cleanup__(spec_done))) struct spec spec;
	int r;

	spec_init(&spec);
	r = spec_unpack(data, n, submit->input.len, &spec, err);
	if (r < 0 && err_is_shortage(err->code))
		return r;
	if (r < 0)
		return err_say(err, EPROTO, "the record of the job: %s", err->msg);
	if (strcmp(spec.task, submit->task) != 0)
		return err_say(err, EPROTO, "the record is for another task");
	if (submit->task[0] == '\0' &&
		(spec.image == NULL || !config_image_allowed(config, spec.image)))
		return err_say(err, EPROTO, "image: not one that is allowed here");
	*ret_need =
		need_of(submit->task[0] == '\0' ? NULL : config_task(config, submit->task), &spec);
	return 0;
}

/* --- sealing --- */

/* In the worker: the file may be in a database. */
struct removal {
	struct spool *spool;
	char file[STORE_FILE_CHARS + 1];
};

static void run_removal(void *arg)
{
	const struct removal *removal = arg;

	spool_remove(removal->spool, removal->file);
}

static void remove_later(struct queue *q, const char *file)
{
	struct removal *removal = malloc(sizeof(*removal));
	struct err err;

	if (removal == NULL)
		return; /* the next start, or the store itself, sees to it */
	removal->spool = q->spool;
	memcpy(removal->file, file, sizeof(removal->file));
	if (worker_post(q->worker, run_removal, free, removal, &err) < 0)
		free(removal);
}

/* A commit of which nobody knows whether it was one may have named it. */
static bool may_be_named(struct queue *q, const char *file)
{
	struct err err;
	bool named;

	if (file[0] == '\0')
		return false;
	return store_outcome_unknown(q->store) ||
	       (q->database != NULL && store_file_named(q->store, file, &named, &err) == 0 &&
		       named);
}

static void drop_files(struct intake *in)
{
	for (int kind = 0; kind < JOB_BLOB_MAX_; kind++) {
		const char *file = in->blobs[kind].file;

		/* What stays without a row goes at the next start. */
		if (in->sealed[kind] && file[0] != '\0' && !may_be_named(in->queue, file)) {
			if (in->queue->database != NULL)
				remove_later(in->queue, file);
			else
				spool_remove(in->queue->spool, file);
		}
		store_blob_done(&in->blobs[kind]);
		in->sealed[kind] = false;
	}
}

static int check_submit(struct intake *in, struct err *err)
{
	struct msg_submit *submit = &in->msg.submit;
	cleanup_free uint8_t *data = NULL;
	int r = blob_read_all(&submit->spec, SPEC_BYTES_MAX, &data, err);

	return r < 0 ? r
		     : check_spec(in->queue->config, submit, data, (size_t)submit->spec.len,
			       &in->need, err);
}

/* In the worker where descriptors are among the blobs, else in the loop. */
static void seal(void *arg)
{
	struct intake *in = arg;

	in->r = 0;
	if (in->msg.type == MSG_SUBMIT)
		in->r = check_submit(in, &in->err);
	for (int kind = 0; in->r == 0 && kind < JOB_BLOB_MAX_; kind++) {
		if (in->from[kind] == NULL || in->sealed[kind])
			continue;
		in->r = spool_seal(in->queue->spool, in->from[kind], &in->blobs[kind], &in->err);
		in->sealed[kind] = in->r == 0;
	}
}

static bool has_descriptor(const struct intake *in)
{
	for (int kind = 0; kind < JOB_BLOB_MAX_; kind++)
		if (in->from[kind] != NULL && !in->sealed[kind] &&
			(in->from[kind]->fd >= 0 || in->from[kind]->len > BLOB_INLINE_MAX))
			return true;
	return false;
}

/* It was not what it said, whatever is tried: not a failure of ours. */
static bool is_bad(int r)
{
	return r == -EPROTO || r == -EINVAL || r == -ENODATA || r == -EMSGSIZE;
}

static void uncount(struct intake *in)
{
	if (in->counted) {
		in->queue->n_submits--;
		in->who.client->submitting--;
	}
	in->counted = false;
}

static void intake_free(struct intake *in)
{
	TAILQ_REMOVE(&in->queue->intakes, in, next);
	uncount(in);
	for (int kind = 0; kind < JOB_BLOB_MAX_; kind++)
		store_blob_done(&in->blobs[kind]);
	msg_done(&in->msg);
	free(in);
}

/* The message moves in here; what is left of it is empty. */
static struct intake *intake_new(struct queue *q, struct msg *msg, const struct caller *who)
{
	struct intake *in = calloc(1, sizeof(*in));

	if (in == NULL)
		return NULL;
	in->queue = q;
	in->msg = *msg;
	msg_init(msg, msg->type);
	if (in->msg.type == MSG_SUBMIT && who != NULL) {
		in->from[JOB_BLOB_SPEC] = &in->msg.submit.spec;
		in->from[JOB_BLOB_INPUT] = &in->msg.submit.input;
		in->who = *who;
		in->counted = true;
		in->who.client->submitting++;
		q->n_submits++;
	} else if (in->msg.type == MSG_ENDING) {
		in->from[JOB_BLOB_RESULT] = &in->msg.ending.result;
		in->from[JOB_BLOB_OUT] = &in->msg.ending.out;
		in->from[JOB_BLOB_ERR] = &in->msg.ending.err;
		in->from[JOB_BLOB_FILES] = &in->msg.ending.files;
	}
	in->driver = q->drive.instance;
	TAILQ_INSERT_TAIL(&q->intakes, in, next);
	return in;
}

static void apply(struct intake *in);

static void sealed_in_worker(void *arg)
{
	struct intake *in = arg;

	in->in_worker = false;
	apply(in);
}

static void start(struct intake *in)
{
	struct err err;

	if (!has_descriptor(in)) {
		seal(in);
		apply(in);
		return;
	}
	in->in_worker = true;
	if (worker_post(in->queue->worker, seal, sealed_in_worker, in, &err) == 0)
		return; /* it is the worker's now */
	in->in_worker = false;
	in->r = -err.code;
	in->err = err;
	apply(in);
}

static void retry_soon(struct queue *q)
{
	const struct timeval wait = { .tv_sec = TURN_RETRY_MS / 1000 };

	if (!event_pending(q->retry, EV_TIMEOUT, NULL))
		(void)event_add(q->retry, &wait);
}

static void count_spool(struct intake *in)
{
	for (int kind = 0; kind < JOB_BLOB_MAX_; kind++) {
		if (!in->sealed[kind] || in->blobs[kind].file[0] == '\0')
			continue;
		in->queue->metrics.spool_bytes += in->blobs[kind].bytes;
		in->queue->metrics.spool_files++;
	}
}

/* --- submits --- */

static void refuse_submit(struct intake *in, enum refusal why, const char *detail)
{
	in->queue->metrics.refused++;
	drop_files(in);
	reply_refused(in->queue, in->gate, in->msg.submit.token, why, detail,
		why == REFUSAL_STORE ? 1 : 0);
	intake_free(in);
}

/* It was answered with the job of an earlier one. */
static void drop_submit(struct intake *in)
{
	drop_files(in);
	intake_free(in);
}

static int insert(struct intake *in, struct job_id *ret_id, struct err *err)
{
	const struct msg_submit *submit = &in->msg.submit;
	const struct config *config = in->queue->config;
	const struct task *task = config_task(config, submit->task);
	struct store_job row = {
		.classic = submit->classic != 0,
		.priority = submit->priority,
		.cpus = in->need.cpus,
		.memory_bytes = in->need.memory_bytes,
		.queued_unix_ms = clock_unix_ms(),
		.retention_s = submit->retention_s != -1 ? submit->retention_s
			       : task != NULL            ? task->retention_s
							 : config->retention_s,
	};
	struct store_key key;
	int r = job_id_new(&row.id, err);

	if (r < 0)
		return r;
	(void)snprintf(row.task, sizeof(row.task), "%s", submit->task);
	if (trace_is_good(submit->trace))
		memcpy(row.trace, submit->trace, sizeof(row.trace));
	(void)snprintf(row.client, sizeof(row.client), "%s", in->who.client->client.name);
	key = repeat_key(submit, row.client);
	r = move_insert(in->queue, &row, in->blobs, key.name[0] == '\0' ? NULL : &key,
		submit->callback[0] == '\0' ? NULL : submit->callback, err);
	if (r == 0)
		*ret_id = row.id;
	return r;
}

static void submit_is_over(struct queue *q, void *arg, bool committed)
{
	struct intake *in = arg;

	(void)q;
	if (!committed)
		drop_files(in);
	intake_free(in);
}

static void apply_submit(struct intake *in)
{
	struct queue *q = in->queue;
	const struct msg_submit *submit = &in->msg.submit;
	struct answer answer = {
		.gate = in->gate, .token = submit->token, .want = submit->want, .who = in->who
	};
	struct err err;
	int r;

	uncount(in);
	if (in->r < 0) {
		if (!is_bad(in->r))
			log_error("a job cannot be stored: %s", in->err.msg);
		refuse_submit(in, is_bad(in->r) ? REFUSAL_INVALID : REFUSAL_STORE,
			is_bad(in->r) ? in->err.msg : NULL);
		return;
	}
	/* The same may have come a second time while this one was on its way. */
	if (repeat_answer(q, in->gate, submit, &in->who)) {
		drop_submit(in);
		return;
	}
	r = insert(in, &answer.id, &err);
	if (r == -EEXIST && repeat_answer(q, in->gate, submit, &in->who)) {
		drop_submit(in);
		return;
	}
	if (r < 0) {
		refuse_submit(in, REFUSAL_STORE, NULL);
		return;
	}
	count_spool(in);
	reply_job_later(q, &answer, submit->wait_ms, true);
	if (turn_after(q, submit_is_over, in, &err) < 0)
		turn_spoil(q, &err); /* its files stay until the next start */
}

static uint32_t retry_after_s(const struct queue *q)
{
	int64_t each_ms = prom_mean_ms(&q->metrics.run);
	int64_t at_once = q->drive.slots > 0 ? (int64_t)q->drive.slots : 1;
	int64_t s = each_ms * (int64_t)jobs_waiting(&q->jobs) / at_once / 1000;

	return s < 1 ? 1 : s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : (uint32_t)s;
}

/*
 * A job whose image is not there could not run when its turn comes. While the
 * engine is away jobs may wait for it, but on the classic face, which has no way
 * to say why.
 */
static bool refuse_unready(
	struct queue *q, uint64_t gate, const struct msg_submit *submit, size_t line)
{
	const struct drive *d = &q->drive;
	char why[sizeof(((struct msg_refused *)0)->detail)];

	if (submit->classic != 0 && d->node_seen && !d->engine_up) {
		reply_refused(q, gate, submit->token, REFUSAL_NOT_READY,
			"the container engine does not answer", 1);
		return true;
	}
	if (!d->node_seen || !d->engine_up || !q->jobs.lines[line].image_missing)
		return false;
	(void)snprintf(why, sizeof(why),
		"the image of task '%s', %.255s, is not there: it is being made, or the "
		"operator has to get it (`dockgate images`)",
		submit->task, q->jobs.lines[line].task->image);
	reply_refused(q, gate, submit->token, REFUSAL_NOT_READY, why, IMAGE_RETRY_S);
	return true;
}

/* Over what this client may have waiting, or faster than it may submit. True: it was refused. */
static bool refuse_share(struct queue *q, uint64_t gate, const struct msg_submit *submit,
	struct client_state *client)
{
	const struct client *c = &client->client;
	char why[200];
	int64_t ms;

	if (c->max_queued > 0 && client->waiting + client->submitting >= (uint32_t)c->max_queued) {
		(void)snprintf(why, sizeof(why),
			"as many jobs of client '%s' wait as may, %d (max_queued)", c->name,
			c->max_queued);
		reply_refused(q, gate, submit->token, REFUSAL_OVER_SHARE, why, retry_after_s(q));
		return true;
	}
	ms = c->rate == 0 ? 0 : bucket_take(&client->bucket, c->rate, c->burst, age_boottime_ms());
	if (ms == 0)
		return false;
	(void)snprintf(why, sizeof(why), "client '%s' may submit %g jobs a second (rate)", c->name,
		(double)c->rate / 1000);
	ms = (ms + 999) / 1000;
	reply_refused(q, gate, submit->token, REFUSAL_OVER_SHARE, why,
		ms > RETRY_AFTER_RATE_S ? RETRY_AFTER_RATE_S : (uint32_t)ms);
	return true;
}

static void refuse_task(struct queue *q, uint64_t gate, const struct msg_submit *submit,
	const struct client *client)
{
	char why[200];

	(void)snprintf(why, sizeof(why), "client '%s' may not use %s%s%s", client->name,
		submit->task[0] == '\0' ? "images of its own" : "task '", submit->task,
		submit->task[0] == '\0' ? "" : "'");
	reply_refused(q, gate, submit->token, REFUSAL_FORBIDDEN, why, 0);
}

/* What can be said without looking into the record. True: it was refused. */
static bool refuse_at_once(
	struct queue *q, uint64_t gate, const struct msg_submit *submit, const struct caller *who)
{
	struct callback_target target;
	struct err err;
	size_t line;

	if (!jobs_line(&q->jobs, submit->task, &line))
		reply_refused(q, gate, submit->token, REFUSAL_UNKNOWN_TASK, NULL, 0);
	else if (!client_may_use(&who->client->client, submit->task))
		refuse_task(q, gate, submit, &who->client->client);
	else if (jobs_waiting(&q->jobs) + q->n_submits >= (size_t)q->config->waiting_max)
		reply_refused(q, gate, submit->token, REFUSAL_QUEUE_FULL, NULL, retry_after_s(q));
	else if (submit->retention_s != -1 &&
		 (submit->retention_s < 1 || submit->retention_s > RETENTION_MAX_S))
		reply_refused(q, gate, submit->token, REFUSAL_INVALID,
			"retention_s: must be between 1 and 31622400", 0);
	else if (submit->callback[0] != '\0' && callback_parse(submit->callback, &target, &err) < 0)
		reply_refused(q, gate, submit->token, REFUSAL_INVALID, err.msg, 0);
	else if (!q->store_up)
		reply_refused(q, gate, submit->token, REFUSAL_STORE, NULL, 1);
	else if (!kept_has_room(q, submit->spec.len, submit->input.len))
		reply_refused(q, gate, submit->token, REFUSAL_NOT_READY,
			"the jobs that wait and run take all that keep_bytes allows on the disk",
			retry_after_s(q));
	else if (!refuse_unready(q, gate, submit, line) &&
		 !refuse_share(q, gate, submit, who->client))
		return false;
	q->metrics.refused++;
	return true;
}

bool intake_take(struct queue *q, uint64_t gate, struct msg *msg, const struct caller *who)
{
	struct intake *in;

	if (refuse_at_once(q, gate, &msg->submit, who))
		return false;
	in = intake_new(q, msg, who);
	if (in == NULL) {
		reply_refused(q, gate, msg->submit.token, REFUSAL_STORE, "out of memory", 1);
		return false;
	}
	in->gate = gate;
	start(in);
	return true;
}

void intake_submit(struct queue *q, uint64_t gate, struct msg *msg)
{
	struct caller who;

	if (CALLER_OF(q, gate, &msg->submit, msg->submit.classic != 0, &who) &&
		!(q->store_up && repeat_answer(q, gate, &msg->submit, &who)))
		(void)intake_take(q, gate, msg, &who);
}

/* --- endings --- */

/* The running job that this is about; NULL: it has moved on. */
static struct job *held_by_sender(struct intake *in, const struct job_id *id, uint32_t attempt)
{
	struct job *job = jobs_find(&in->queue->jobs, id);

	/* Handed over in a turn that was rolled back: the driver has run it nevertheless. */
	if (job != NULL && job->state == JOB_QUEUED && job->attempt + 1 == attempt &&
		in->driver == in->queue->drive.instance)
		drive_claim_again(in->queue, job);
	if (job == NULL || job->state != JOB_RUNNING || job->attempt != attempt ||
		job->driver != in->driver)
		return NULL;
	return job;
}

static void ending_is_over(struct queue *q, void *arg, bool committed)
{
	struct intake *in = arg;

	if (!committed) {
		retry_soon(q);
		return;
	}
	if (in->stale)
		drop_files(in);
	drive_ack(q, &in->msg.ending.id, in->msg.ending.attempt);
	intake_free(in);
}

static int store_ending(struct intake *in, struct job *job, struct err *err)
{
	const struct msg_ending *msg = &in->msg.ending;
	struct move_ending ending = {
		.verdict = (enum verdict)msg->verdict,
		.error = msg->error,
		.image = msg->image,
		.isolation = (enum isolation)msg->isolation,
		.blobs = in->blobs,
	};
	char why[STORE_ERROR_MAX + 1];

	if (msg->finished_ms >= job->queued_unix_ms && msg->finished_ms <= clock_unix_ms())
		ending.finished_unix_ms = msg->finished_ms;
	if (is_bad(in->r)) { /* it will not get better */
		(void)snprintf(
			why, sizeof(why), "the driver's result cannot be read: %s", in->err.msg);
		ending.verdict = VERDICT_ENGINE_ERROR;
		ending.error = why;
		ending.blobs = NULL;
		drop_files(in);
	}
	return move_end(in->queue, job, &ending, false, err);
}

static void ending_is_stale(struct intake *in)
{
	const struct msg_ending *msg = &in->msg.ending;

	in->stale = true;
	if (jobs_left(&in->queue->jobs, &msg->id, msg->attempt))
		return;
	in->queue->metrics.stale++;
	log_info("job=%s an ending of attempt %" PRIu32 " came too late",
		queue_short_id(&msg->id).text, msg->attempt);
}

static void apply_ending(struct intake *in)
{
	const struct msg_ending *msg = &in->msg.ending;
	struct queue *q = in->queue;
	struct job *job;
	struct err err;
	int r;

	if (in->r < 0 && !is_bad(in->r)) {
		log_error("job=%s its ending cannot be stored yet: %s",
			queue_short_id(&msg->id).text, in->err.msg);
		retry_soon(q);
		return;
	}
	if (turn_join(q, &err) < 0) {
		retry_soon(q);
		return;
	}
	in->stale = false; /* it may have been in a turn that was rolled back */
	job = held_by_sender(in, &msg->id, msg->attempt);
	r = job == NULL ? -ESTALE : store_ending(in, job, &err);
	if (r == -ESTALE)
		ending_is_stale(in);
	else if (r == 0)
		count_spool(in);
	if (turn_after(q, ending_is_over, in, &err) < 0) {
		turn_spoil(q, &err); /* stored, it would be taken for one that came too late */
		retry_soon(q);
	}
}

bool intake_has(const struct queue *q, const struct job_id *id, uint32_t attempt)
{
	const struct intake *in;

	TAILQ_FOREACH (in, &q->intakes, next) {
		if (in->stale)
			continue; /* the same attempt may have been handed over once more */
		if (in->msg.type == MSG_ENDING && in->msg.ending.attempt == attempt &&
			job_id_equal(&in->msg.ending.id, id))
			return true;
		if (in->msg.type == MSG_GIVEBACK && in->msg.giveback.attempt == attempt &&
			job_id_equal(&in->msg.giveback.id, id))
			return true;
	}
	return false;
}

void intake_ending(struct queue *q, struct msg *msg)
{
	struct intake *in;
	struct err err;

	if (intake_has(q, &msg->ending.id, msg->ending.attempt))
		return; /* said again before the first one was stored */
	in = intake_new(q, msg, NULL);
	if (in == NULL) {
		(void)err_set(&err, ENOMEM, "an ending, which the driver will say again");
		log_error("%s", err.msg);
		drive_begin_anew(q, &err);
		return;
	}
	start(in);
}

/* --- jobs given back --- */

static void giveback_is_over(struct queue *q, void *arg, bool committed)
{
	if (!committed) {
		retry_soon(q);
		return;
	}
	intake_free(arg);
}

static int store_giveback(struct intake *in, struct job *job, struct err *err)
{
	const struct msg_giveback *msg = &in->msg.giveback;
	struct queue *q = in->queue;

	switch ((enum giveback)msg->why) {
	case GIVEBACK_ENGINE:
		drive_hold(q, HOLD_ENGINE_MS);
		return move_fail(q, job, VERDICT_ENGINE_ERROR,
			msg->reason[0] != '\0' ? msg->reason : "the container engine failed", err);
	case GIVEBACK_DRAIN:
		drive_hold(q, HOLD_ENGINE_MS);
		break;
	case GIVEBACK_BUSY:
	case GIVEBACK_MAX_:
		drive_hold(q, HOLD_BUSY_MS);
		break;
	}
	return move_requeue(q, job, false, msg->reason, err);
}

static void apply_giveback(struct intake *in)
{
	const struct msg_giveback *msg = &in->msg.giveback;
	struct queue *q = in->queue;
	struct job *job;
	struct err err;

	if (turn_begin(q, &err) < 0) {
		retry_soon(q);
		return;
	}
	job = held_by_sender(in, &msg->id, msg->attempt);
	if (job == NULL)
		(void)jobs_left(&q->jobs, &msg->id, msg->attempt);
	else
		(void)store_giveback(in, job, &err); /* a spoiled turn keeps the message */
	if (turn_after(q, giveback_is_over, in, &err) < 0) {
		turn_spoil(
			q, &err); /* the job may be handed over again before this is done twice */
		retry_soon(q);
	}
}

void intake_giveback(struct queue *q, struct msg *msg)
{
	struct intake *in;

	if (intake_has(q, &msg->giveback.id, msg->giveback.attempt))
		return;
	in = intake_new(q, msg, NULL);
	if (in == NULL) {
		queue_give_up(q, "out of memory");
		return;
	}
	apply(in);
}

/* --- all --- */

static void apply(struct intake *in)
{
	if (in->msg.type == MSG_SUBMIT)
		apply_submit(in);
	else if (in->msg.type == MSG_ENDING)
		apply_ending(in);
	else
		apply_giveback(in);
}

void intake_retry(struct queue *q)
{
	struct intakes again = TAILQ_HEAD_INITIALIZER(again);
	struct intake *in;

	/* What is kept here is not in the worker's hands and waits for no turn to end. */
	TAILQ_CONCAT(&again, &q->intakes, next);
	while ((in = TAILQ_FIRST(&again)) != NULL) {
		TAILQ_REMOVE(&again, in, next);
		TAILQ_INSERT_TAIL(&q->intakes, in, next);
		if (in->msg.type != MSG_SUBMIT && !in->in_worker)
			start(in);
	}
}

void intake_done(struct queue *q)
{
	struct intake *in;

	while ((in = TAILQ_FIRST(&q->intakes)) != NULL) {
		drop_files(in);
		intake_free(in);
	}
}
