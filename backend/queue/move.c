/* SPDX-License-Identifier: MIT */
#include "move.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "lease.h"
#include "queue.h"
#include "reply.h"
#include "retention.h"

static int checked(struct queue *q, int r, const struct err *err)
{
	if (r < 0 && r != -ESTALE)
		turn_spoil(q, err);
	return r;
}

int move_insert(
	struct queue *q, struct store_job *row, const struct store_blob *blobs, struct err *err)
{
	int r = checked(q, store_job_insert(q->store, row, blobs, err), err);

	if (r < 0)
		return r;
	if (jobs_add(&q->jobs, row) == NULL) {
		r = err_set(err, ENOMEM, "job");
		return checked(q, r, err);
	}
	q->metrics.submitted++;
	log_info("job=%s queued task=%s seq=%" PRIu64, queue_short_id(&row->id).text, row->task,
		row->seq);
	return 0;
}

int move_run(struct queue *q, struct job *job, uint64_t gpus, struct err *err)
{
	int64_t now_ms = age_now(&q->age);
	int64_t until_ms = now_ms + q->config->lease_ms;
	int r = checked(q,
		store_job_claim(q->store, job->seq, job->attempt, q->drive.node, q->drive.instance,
			until_ms, err),
		err);

	if (r < 0)
		return r;
	jobs_run(&q->jobs, job, q->drive.instance, until_ms, gpus);
	job->claimed_age_ms = now_ms;
	metrics_observe(&q->metrics.wait, clock_unix_ms() - job->queued_unix_ms);
	log_info("job=%s running attempt=%" PRIu32 " node=%s", queue_short_id(&job->id).text,
		job->attempt, q->drive.node);
	return 0;
}

int move_requeue(struct queue *q, struct job *job, bool failed, const char *reason, struct err *err)
{
	uint32_t failures = job->failures + (failed ? 1 : 0);
	int r = checked(
		q, store_job_requeue(q->store, job->seq, job->attempt, failures, reason, err), err);

	if (r < 0)
		return r;
	job->failures = failures;
	jobs_requeue(&q->jobs, job);
	q->metrics.requeued++;
	log_info("job=%s queued again attempt=%" PRIu32 " failures=%" PRIu32 " reason=%s",
		queue_short_id(&job->id).text, job->attempt, failures, reason);
	return 0;
}

static void wake(const struct answer *answer, void *arg)
{
	reply_job(arg, answer);
}

static void tell_waiters(struct queue *q, void *arg, bool committed)
{
	struct job_id *id = arg;

	if (committed)
		waiters_wake(&q->waiters, id, wake, q);
	free(id);
}

static int tell_waiters_later(struct queue *q, const struct job_id *id, struct err *err)
{
	struct job_id *copy = malloc(sizeof(*copy));
	int r;

	if (copy == NULL)
		return err_set(err, ENOMEM, "wake");
	*copy = *id;
	r = turn_after(q, tell_waiters, copy, err);
	if (r < 0)
		free(copy);
	return r;
}

static void count_end(struct queue *q, const struct job *job, enum verdict verdict)
{
	q->metrics.done[verdict]++;
	if (job->state == JOB_RUNNING)
		metrics_observe(&q->metrics.run, age_now(&q->age) - job->claimed_age_ms);
	log_info("job=%s done verdict=%s attempt=%" PRIu32, queue_short_id(&job->id).text,
		verdict_name(verdict), job->attempt);
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
		.expires_age_ms = age_now(&q->age) + job->retention_s * 1000,
		.failures = job->failures,
	};
	int r = checked(
		q, store_job_end(q->store, job->seq, job->attempt, &row, ending->blobs, err), err);

	if (r == 0)
		r = checked(q, tell_waiters_later(q, &job->id, err), err);
	if (r < 0)
		return r;
	count_end(q, job, ending->verdict);
	retention_expect(q, row.expires_age_ms);
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
