/* SPDX-License-Identifier: MIT */
#include "follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/number.h"
#include "drive.h"
#include "knock.h"
#include "lease.h"
#include "move.h"
#include "pause.h"
#include "queue.h"
#include "rebuild.h"
#include "reply.h"
#include "retention.h"
#include "roster.h"
#include "watch.h"

#define LOOK_AGAIN_MS 5    /* between two looks that were asked for */
#define TAKEN_MS      1000 /* a claim elsewhere is visible by then, or was none */
#define AGE_SYNC_MS   2000

/* --- waiters --- */

static void wake(const struct answer *answer, void *arg)
{
	reply_job(arg, answer);
}

static bool is_open(const struct job_id *id, void *arg)
{
	struct queue *q = arg;

	return jobs_find(&q->jobs, id) != NULL;
}

void follow_wake_ended(struct queue *q)
{
	waiters_wake_unless(&q->waiters, is_open, wake, q);
}

/* --- a row --- */

/* This machine runs it, or is about to. */
static bool is_here(const struct queue *q, const struct job *job)
{
	return job->state == JOB_RUNNING && !job->elsewhere && q->drive.ch != NULL &&
	       job->driver == q->drive.instance;
}

static void job_is_done(struct queue *q, struct job *job, const struct store_job *row)
{
	struct job_id id = row->id;
	uint32_t attempt = job->attempt;
	bool cancelled = row->verdict == VERDICT_CANCELLED;
	bool leaves = cancelled && drive_runs(q, job) && !job->unlisted;

	/* its machine sees to the bounds */
	kept_add(q, job->client, row->bytes, row->expires_age_ms - 1000 * row->retention_s);
	if (is_here(q, job)) /* cancelled, or ended for a lease that was over */
		drive_stop_later(q, &id, attempt, !cancelled);
	if (leaves)
		jobs_leave(&q->jobs, job);
	else /* of a lost lease the driver says no end */
		jobs_remove(&q->jobs, job);
	waiters_wake(&q->waiters, &id, wake, q);
	retention_expect(q, row->expires_age_ms);
}

static void job_waits(struct queue *q, struct job *job, const struct store_job *row)
{
	if (job->state == JOB_RUNNING) {
		if (is_here(q, job))
			drive_stop_later(q, &job->id, job->attempt, true);
		jobs_requeue(&q->jobs, job);
	}
	job->attempt = row->attempt;
	job->failures = row->failures;
	watch_moved(q, &job->id);
}

static void job_runs(struct queue *q, struct job *job, const struct store_job *row)
{
	if (is_here(q, job) && job->attempt == row->attempt && job->driver == row->driver)
		return; /* we know it better */
	if (is_here(q, job))
		drive_stop_later(q, &job->id, job->attempt, true);
	jobs_run_elsewhere(&q->jobs, job, row);
	watch_moved(q, &job->id);
}

static void apply_row(struct queue *q, const struct store_job *row)
{
	struct job *job = jobs_find(&q->jobs, &row->id);

	if (job == NULL) {
		size_t line;

		/* A task that is not offered here waits for a machine that knows it. */
		if (row->state != JOB_DONE && jobs_line(&q->jobs, row->task, &line) &&
			jobs_add(&q->jobs, row) == NULL)
			queue_give_up(q, "out of memory");
		return;
	}
	if (row->state == JOB_DONE)
		job_is_done(q, job, row);
	else if (row->state == JOB_QUEUED)
		job_waits(q, job, row);
	else
		job_runs(q, job, row);
}

void follow_know(struct queue *q, const struct store_job *row)
{
	if (q->follow.event != NULL && jobs_find(&q->jobs, &row->id) == NULL)
		apply_row(q, row);
}

/* It ended and expired between two looks. */
static void forget_seq(struct queue *q, uint64_t seq)
{
	struct job *job, *next;

	HASH_ITER(hh, q->jobs.by_id, job, next)
	{
		struct job_id id = job->id;

		if (job->seq != seq)
			continue;
		jobs_remove(&q->jobs, job);
		waiters_wake(&q->waiters, &id, wake, q);
		return;
	}
}

static int look_at_settings(struct queue *q, struct err *err)
{
	int r = roster_load(q, err);

	return r < 0 ? r : pause_load(q, err);
}

static int look_at(uint64_t seq, void *arg, struct err *err)
{
	struct queue *q = arg;
	struct store_job row;
	int r;

	if (seq == STORE_SETTINGS)
		return look_at_settings(q, err);
	r = store_job_get_seq(q->store, seq, &row, err);
	if (r == -ENOENT) {
		forget_seq(q, seq);
		return 0;
	}
	if (r == 0)
		apply_row(q, &row);
	return r;
}

/* --- others' leases --- */

/* The row knows of renewals that nobody was told of. */
static void end_lease(struct queue *q, struct job *job)
{
	struct store_job row;
	struct err err;
	int r = store_job_get_seq(q->store, job->seq, &row, &err);

	if (r < 0 || row.state != JOB_RUNNING || row.attempt != job->attempt) {
		if (r == 0)
			apply_row(q, &row);
		return;
	}
	if (!lease_is_over(row.lease_until_age_ms, age_now(&q->age))) {
		job->lease_until_age_ms = row.lease_until_age_ms;
		return;
	}
	r = move_fail(q, job, VERDICT_LOST, "its machine was lost", &err);
	if (r == -ESTALE)
		follow_look(q);
}

static void end_leases(struct queue *q)
{
	int64_t now_ms = age_now(&q->age);
	struct job *job = TAILQ_FIRST(&q->jobs.elsewhere);

	while (job != NULL && !q->turn.spoiled && q->store_up) {
		struct job *next = TAILQ_NEXT(job, running);

		if (lease_is_over(job->lease_until_age_ms, now_ms))
			end_lease(q, job);
		job = next;
	}
}

void follow_taken(struct queue *q, struct job *job)
{
	struct store_job row = {
		.attempt = job->attempt,
		.failures = job->failures,
		.lease_until_age_ms = age_now(&q->age) + TAKEN_MS,
	};

	jobs_run_elsewhere(&q->jobs, job, &row);
	follow_look(q);
}

void follow_grace(struct queue *q)
{
	int64_t until_ms = age_now(&q->age) + q->config->lease_ms;
	struct job *job;

	TAILQ_FOREACH (job, &q->jobs.elsewhere, running)
		if (job->lease_until_age_ms < until_ms)
			job->lease_until_age_ms = until_ms;
	q->follow.grace_until_age_ms = until_ms;
}

/* --- looking --- */

static void read_all_again(struct queue *q)
{
	struct err err;

	log_info("what other machines did is too long ago to follow: all jobs are read again");
	if (rebuild_stale(q, &err) < 0)
		queue_give_up(q, err.msg);
	retention_schedule(q);
}

static void sync_age(struct queue *q)
{
	struct err err;

	if (age_now(&q->age) - q->age_kept_ms < AGE_SYNC_MS || turn_begin(q, &err) < 0)
		return;
	if (follow_keep_age(q, &err) < 0)
		turn_spoil(q, &err);
}

static void look(struct queue *q)
{
	struct err err;
	int r;

	turn_flush(q); /* what is read is committed, ours included */
	if (!q->store_up || q->stale)
		return;
	r = store_follow(q->store, &q->follow.last, look_at, q, &err);
	if (r == -ESTALE) {
		read_all_again(q);
	} else if (r < 0) {
		struct err ignored;

		if (turn_join(q, &ignored) == 0)
			turn_spoil(q, &err);
		return;
	}
	sync_age(q);
	if (age_now(&q->age) >= q->follow.grace_until_age_ms)
		end_leases(q);
	queue_kick(q);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct queue *q = arg;
	int ms = q->config->store_poll_ms;
	const struct timeval again = { ms / 1000, ms % 1000 * 1000 };

	(void)fd;
	(void)what;
	q->follow.looked_ms = age_boottime_ms();
	q->follow.asked = false;
	look(q);
	if (!q->follow.asked)
		(void)event_add(q->follow.event, &again);
}

void follow_look(struct queue *q)
{
	int64_t ms = q->follow.looked_ms + LOOK_AGAIN_MS - age_boottime_ms();
	struct timeval wait = { 0, 0 };

	if (q->follow.event == NULL || q->follow.asked)
		return;
	if (ms > 0 && ms <= LOOK_AGAIN_MS)
		wait.tv_usec = (suseconds_t)ms * 1000;
	q->follow.asked = true;
	(void)event_add(q->follow.event, &wait);
}

int follow_init(struct queue *q, struct err *err)
{
	if (!q->config->store_shared)
		return 0;
	q->follow.event = event_new(q->base, -1, 0, on_look, q);
	return q->follow.event == NULL ? err_set(err, ENOMEM, "event") : 0;
}

void follow_begin(struct queue *q)
{
	follow_look(q);
}

void follow_done(struct queue *q)
{
	if (q->follow.event != NULL)
		event_free(q->follow.event);
	q->follow.event = NULL;
}

int follow_from_now(struct queue *q, struct err *err)
{
	if (!store_is_shared(q->store))
		return 0;
	return store_follow_start(q->store, &q->follow.last, err);
}

/* --- the clock --- */

int follow_keep_age(struct queue *q, struct err *err)
{
	int64_t age_ms;
	int r = store_age_sync(q->store, age_now(&q->age), &age_ms, err);

	if (r < 0)
		return r;
	if (age_ms > age_now(&q->age))
		q->age.base_ms += age_ms - age_now(&q->age);
	q->age_kept_ms = age_now(&q->age);
	return 0;
}

/*
 * A new machine knows no age of its own. What one that had the store alone has kept goes on
 * as what they share, where they share none yet.
 */
static int resume_own_age(struct queue *q, struct err *err)
{
	char kept[STORE_META_MAX + 1];
	int64_t shared_ms;
	int r = store_meta_get(q->store, AGE_SHARED, kept, err);

	if (r == 0 && number_parse(kept, 1, INT64_MAX, &shared_ms))
		kept[0] = '\0';
	else if (r == 0)
		r = store_meta_get(q->store, AGE_ALONE, kept, err);
	if (r == 0)
		r = age_start(kept, &q->age, err);
	q->age.new_boot = false;
	return r;
}

int follow_resume_age(struct queue *q, struct err *err)
{
	int r = resume_own_age(q, err);

	if (r < 0)
		return r;
	r = store_begin(q->store, err);
	if (r == 0)
		r = follow_keep_age(q, err);
	if (r == 0) /* one of the two counts */
		r = store_meta_set(q->store, AGE_ALONE, "", err);
	if (r == 0)
		r = store_commit(q->store, err);
	if (r < 0)
		store_rollback(q->store);
	return r;
}
