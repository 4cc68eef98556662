/* SPDX-License-Identifier: MIT */
#include "move.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "estimate.h"
#include "lease.h"
#include "move_log.h"
#include "queue.h"
#include "repeat.h"
#include "reply.h"
#include "retention.h"
#include "watch.h"

static int checked(struct queue *q, int r, const struct err *err)
{
	if (r < 0 && r != -ESTALE)
		turn_spoil(q, err);
	return r;
}

static int no_memory(struct queue *q, struct err *err)
{
	return checked(q, err_set(err, ENOMEM, "job"), err);
}

static int write_insert(
	struct queue *q, struct store_job *row, struct store_blob *blobs, struct err *err)
{
	bool ours = store_is_ours(q->store);
	int r = ours ? turn_join(q, err) : turn_begin(q, err);

	if (r < 0)
		return r;
	if (!ours)
		return checked(q, store_job_insert(q->store, row, blobs, err), err);
	return pending_insert(&q->turn.pending, row, blobs) == NULL ? no_memory(q, err) : 0;
}

int move_insert(struct queue *q, struct store_job *row, struct store_blob *blobs,
	struct store_key *key, const char *callback, struct err *err)
{
	int r;

	row->callback = callback != NULL ? CALLBACK_PENDING : CALLBACK_NONE;
	r = write_insert(q, row, blobs, err);

	if (r == 0 && key != NULL) {
		key->seq = row->seq;
		r = repeat_keep(q, key, err);
	}
	if (r == 0 && callback != NULL)
		r = outbox_keep(q, row, callback, err);
	if (r < 0)
		return r;
	if (jobs_add(&q->jobs, row) == NULL)
		return no_memory(q, err);
	q->metrics.submitted++;
	move_line_log(&(struct move_line){ .id = &row->id,
		.from = "none",
		.to = "queued",
		.task = row->task,
		.client = row->client,
		.trace = row->trace,
		.wait_ms = -1,
		.run_ms = -1 });
	return 0;
}

static void log_move(const struct queue *q, const struct job *job, enum job_state from,
	enum job_state to, const char *verdict, const char *reason)
{
	int64_t wait_ms = clock_unix_ms() - job->queued_unix_ms;
	bool starts = to == JOB_RUNNING || from == JOB_QUEUED;

	move_line_log(&(struct move_line){ .id = &job->id,
		.attempt = job->attempt,
		.from = job_state_name(from),
		.to = job_state_name(to),
		.task = jobs_task_name(&q->jobs, job),
		.client = job->client->client.name,
		.node = from == JOB_QUEUED && to == JOB_DONE ? NULL : q->drive.node,
		.wait_ms = !starts       ? -1
			   : wait_ms < 0 ? 0
					 : wait_ms,
		.run_ms = from != JOB_RUNNING ? -1 : age_now(&q->age) - job->claimed_age_ms,
		.verdict = verdict,
		.reason = reason,
		.trace = job->trace });
}

/* What this turn writes of a job, to be changed. */
static int pend(struct queue *q, const struct job *job, struct pending **ret, struct err *err)
{
	int r = turn_join(q, err);

	if (r < 0)
		return r;
	*ret = pending_of(&q->turn.pending, job);
	return *ret == NULL ? no_memory(q, err) : 0;
}

static int write_run(struct queue *q, const struct job *job, int64_t until_ms, struct err *err)
{
	struct pending *p;
	int r;

	if (!store_is_ours(q->store)) {
		r = turn_begin(q, err);
		return r < 0 ? r
			     : checked(q,
				       store_job_claim(q->store, job->seq, job->attempt,
					       q->drive.node, q->drive.instance, until_ms, err),
				       err);
	}
	r = pend(q, job, &p, err);
	if (r < 0)
		return r;
	p->row.state = JOB_RUNNING;
	p->row.attempt = job->attempt + 1;
	(void)snprintf(p->row.node, sizeof(p->row.node), "%s", q->drive.node);
	p->row.driver = q->drive.instance;
	p->row.lease_until_age_ms = until_ms;
	p->row.started_unix_ms = 0;
	p->write.running_unix_ms = clock_unix_ms();
	p->write.events |= 1U << STORE_EVENT_RUNNING;
	return 0;
}

int move_run(struct queue *q, struct job *job, uint64_t gpus, struct err *err)
{
	int64_t now_ms = age_now(&q->age);
	int64_t until_ms = now_ms + q->config->lease_ms;
	int r = write_run(q, job, until_ms, err);

	if (r < 0)
		return r;
	jobs_run(&q->jobs, job, q->drive.instance, until_ms, gpus);
	job->claimed_age_ms = now_ms;
	prom_observe_us(&q->metrics.wait, 1000 * (clock_unix_ms() - job->queued_unix_ms));
	log_move(q, job, JOB_QUEUED, JOB_RUNNING, NULL, NULL);
	watch_moved(q, &job->id);
	return 0;
}

static int write_started(struct queue *q, const struct job *job, int64_t at_unix_ms,
	const char *image, enum isolation isolation, struct err *err)
{
	struct pending *p;
	int r;

	if (!store_is_ours(q->store)) {
		r = turn_begin(q, err);
		return r < 0 ? r
			     : checked(q,
				       store_job_started(q->store, job->seq, job->attempt,
					       at_unix_ms, image, isolation, err),
				       err);
	}
	r = pend(q, job, &p, err);
	if (r < 0)
		return r;
	p->row.started_unix_ms = at_unix_ms;
	(void)snprintf(p->row.image, sizeof(p->row.image), "%s", image);
	p->row.isolation = isolation;
	p->write.events |= 1U << STORE_EVENT_STARTED;
	return 0;
}

int move_started(struct queue *q, struct job *job, int64_t at_unix_ms, const char *image,
	enum isolation isolation, struct err *err)
{
	int r = write_started(q, job, at_unix_ms, image, isolation, err);

	if (r < 0)
		return r;
	job->started = true;
	watch_moved(q, &job->id);
	return 0;
}

int move_requeue(struct queue *q, struct job *job, bool failed, const char *reason, struct err *err)
{
	uint32_t failures = job->failures + (failed ? 1 : 0);
	int r = turn_begin(q, err);

	if (r == 0)
		r = checked(q,
			store_job_requeue(q->store, job->seq, job->attempt, failures, reason, err),
			err);
	if (r < 0)
		return r;
	job->failures = failures;
	jobs_requeue(&q->jobs, job);
	watch_moved(q, &job->id);
	q->metrics.requeued++;
	log_move(q, job, JOB_RUNNING, JOB_QUEUED, NULL, reason);
	return 0;
}

/* A job has ended: its waiters are told when that is committed. */
struct telling {
	struct queue *queue;
	struct job_id id;
	const struct pending *pending; /* NULL: the store knows it better */
};

static void wake(const struct answer *answer, void *arg)
{
	const struct telling *telling = arg;

	reply_ended(telling->queue, answer, telling->pending);
}

static void tell_waiters(struct queue *q, void *arg, bool committed)
{
	struct telling *telling = arg;

	if (committed)
		waiters_wake(&q->waiters, &telling->id, wake, telling);
	free(telling);
}

static int tell_waiters_later(
	struct queue *q, const struct job_id *id, const struct pending *p, struct err *err)
{
	struct telling *telling = malloc(sizeof(*telling));
	int r;

	if (telling == NULL)
		return err_set(err, ENOMEM, "wake");
	*telling = (struct telling){ q, *id, p };
	r = turn_after(q, tell_waiters, telling, err);
	if (r < 0)
		free(telling);
	else if (waiters_has(&q->waiters, id))
		turn_owe(q);
	return r;
}

static void count_end(struct queue *q, const struct job *job, enum verdict verdict)
{
	q->metrics.done[verdict]++;
	if (job->state == JOB_RUNNING) {
		int64_t ms = age_now(&q->age) - job->claimed_age_ms;

		prom_observe_us(&q->metrics.run, 1000 * ms);
		if (verdict != VERDICT_CANCELLED && !job->elsewhere)
			estimate_learn(q, job, ms);
	}
	log_move(q, job, job->state, JOB_DONE, verdict_name(verdict), NULL);
}

static void fill_end(
	struct pending *p, const struct store_ending *ending, const struct store_blob *blobs)
{
	struct store_job *row = &p->row;

	row->state = JOB_DONE;
	row->verdict = ending->verdict;
	row->driver = 0;
	row->lease_until_age_ms = 0;
	row->failures = ending->failures;
	row->finished_unix_ms = ending->finished_unix_ms;
	row->expires_age_ms = ending->expires_age_ms;
	row->bytes += store_blobs_bytes(blobs);
	(void)snprintf(
		row->error, sizeof(row->error), "%s", ending->error == NULL ? "" : ending->error);
	if (ending->image != NULL && ending->image[0] != '\0') {
		(void)snprintf(row->image, sizeof(row->image), "%s", ending->image);
		row->isolation = ending->isolation;
	}
	p->write.results = blobs;
	p->write.callback_age_ms = ending->callback_age_ms;
	p->write.events |= 1U << STORE_EVENT_DONE;
}

static int write_end(struct queue *q, const struct job *job, const struct store_ending *ending,
	const struct store_blob *blobs, struct err *err)
{
	struct pending *p = NULL;
	int r;

	if (store_is_ours(q->store)) {
		r = pend(q, job, &p, err);
		if (r == 0)
			fill_end(p, ending, blobs);
	} else {
		r = turn_begin(q, err);
		if (r == 0)
			r = checked(q,
				store_job_end(q->store, job->seq, job->attempt, ending, blobs, err),
				err);
	}
	if (r == 0)
		r = checked(q, tell_waiters_later(q, &job->id, p, err), err);
	return r;
}

int move_end(struct queue *q, struct job *job, const struct move_ending *ending, bool leaving,
	struct err *err)
{
	struct store_ending row = {
		.from = job->state,
		.verdict = ending->verdict,
		.error = ending->error,
		.image = ending->image,
		.isolation = ending->isolation,
		.finished_unix_ms =
			ending->finished_unix_ms != 0 ? ending->finished_unix_ms : clock_unix_ms(),
		.expires_age_ms = outbox_expiry(q, job->retention_s, job->announced),
		.callback_age_ms = job->announced ? age_now(&q->age) : 0,
		.failures = job->failures,
	};
	int r = write_end(q, job, &row, ending->blobs, err);

	if (r < 0)
		return r;
	count_end(q, job, ending->verdict);
	kept_add(q, job->client, job->bytes + store_blobs_bytes(ending->blobs),
		row.expires_age_ms - 1000 * job->retention_s);
	retention_expect(q, row.expires_age_ms);
	if (kept_is_over(q, job->client))
		retention_soon(q);
	if (job->announced)
		outbox_expect(q, row.callback_age_ms);
	if (leaving)
		jobs_leave(&q->jobs, job);
	else
		jobs_remove(&q->jobs, job);
	return 0;
}

int move_fail(
	struct queue *q, struct job *job, enum verdict verdict, const char *reason, struct err *err)
{
	const struct task *task = q->jobs.lines[job->line].task;
	int attempts = task == NULL ? q->config->attempts : task->attempts;
	struct move_ending ending = { .verdict = verdict, .error = reason };

	if (verdict == VERDICT_LOST)
		q->metrics.lost++;
	if (lease_after(job->failures + 1, attempts) == LEASE_AGAIN)
		return move_requeue(q, job, true, reason, err);
	job->failures++;
	return move_end(q, job, &ending, false, err);
}
