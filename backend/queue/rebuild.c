/* SPDX-License-Identifier: MIT */
#include "rebuild.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/number.h"
#include "drive.h"
#include "follow.h"
#include "lease.h"
#include "move.h"
#include "pause.h"
#include "queue.h"
#include "retention.h"

/* What only memory knows of a running job. */
struct held {
	struct job_id id;
	uint32_t attempt;
	int64_t lease_until_age_ms, claimed_age_ms;
	uint64_t gpus;
	bool unlisted;
};

struct rebuild {
	struct queue *q;
	bool at_start;
	struct held *held; /* owned */
	size_t n_held;
};

/* A job whose task is not offered any more can never run. */
static int end_orphan(struct queue *q, const struct store_job *row, struct err *err)
{
	const struct store_ending ending = {
		.from = row->state,
		.verdict = VERDICT_ENGINE_ERROR,
		.error = "its task is no longer configured",
		.finished_unix_ms = row->queued_unix_ms,
		.expires_age_ms =
			outbox_expiry(q, row->retention_s, row->callback == CALLBACK_PENDING),
		.callback_age_ms = row->callback == CALLBACK_PENDING ? age_now(&q->age) : 0,
		.failures = row->failures,
	};

	log_warning("job=%s ended: task '%s' is no longer configured",
		queue_short_id(&row->id).text, row->task);
	return store_job_end(q->store, row->seq, row->attempt, &ending, NULL, err);
}

static void resume_lease(const struct rebuild *rebuild, struct job *job)
{
	const struct queue *q = rebuild->q;
	int64_t now_ms = age_now(&q->age);

	job->claimed_age_ms = now_ms;
	if (rebuild->at_start) {
		job->lease_until_age_ms = lease_resume(
			job->lease_until_age_ms, now_ms, q->config->lease_ms, q->age.new_boot);
		return;
	}
	for (size_t i = 0; i < rebuild->n_held; i++) {
		const struct held *held = &rebuild->held[i];

		if (held->attempt != job->attempt || !job_id_equal(&held->id, &job->id))
			continue;
		job->lease_until_age_ms = held->lease_until_age_ms;
		job->claimed_age_ms = held->claimed_age_ms;
		job->unlisted = held->unlisted;
		jobs_hold_gpus(&rebuild->q->jobs, job, held->gpus);
	}
}

/* Rows are not changed while they are read: what cannot be kept is noted. */
struct orphans {
	struct rebuild rebuild;
	struct store_job *row; /* owned */
	size_t n;
};

static int take_row(const struct store_job *row, void *arg, struct err *err)
{
	struct orphans *orphans = arg;
	struct queue *q = orphans->rebuild.q;
	struct job *job;
	size_t line;

	if (!jobs_line(&q->jobs, row->task, &line)) {
		if (store_is_shared(q->store))
			return 0; /* another machine may know it */
		struct store_job *grown =
			realloc(orphans->row, (orphans->n + 1) * sizeof(*orphans->row));

		if (grown == NULL)
			return err_set(err, ENOMEM, "jobs");
		orphans->row = grown;
		orphans->row[orphans->n++] = *row;
		return 0;
	}
	job = jobs_find(&q->jobs, &row->id);
	if (job != NULL) /* another machine has moved it since it was read in another state */
		jobs_remove(&q->jobs, job);
	job = jobs_add(&q->jobs, row);
	if (job == NULL)
		return err_set(err, ENOMEM, "jobs");
	if (job->elsewhere)
		job->lease_until_age_ms = lease_resume(
			job->lease_until_age_ms, age_now(&q->age), q->config->lease_ms, false);
	else if (job->state == JOB_RUNNING)
		resume_lease(&orphans->rebuild, job);
	return 0;
}

static int read_jobs(struct orphans *orphans, struct err *err)
{
	struct queue *q = orphans->rebuild.q;
	int r = follow_from_now(q, err); /* what is moved while they are read is read again */

	if (r == 0)
		r = pause_load(q, err);
	if (r == 0)
		r = store_each_open(q->store, take_row, orphans, err);

	if (r < 0 || orphans->n == 0)
		return r;
	r = store_begin(q->store, err);
	for (size_t i = 0; r == 0 && i < orphans->n; i++)
		r = end_orphan(q, &orphans->row[i], err);
	if (r == 0)
		r = store_commit(q->store, err);
	if (r < 0)
		store_rollback(q->store);
	return r;
}

int rebuild_keep_age(struct queue *q, struct err *err)
{
	char text[AGE_TEXT];

	if (store_is_shared(q->store))
		return follow_keep_age(q, err);
	age_keep(&q->age, age_boottime_ms(), text);
	q->age_kept_ms = age_now(&q->age);
	return store_meta_set(q->store, AGE_ALONE, text, err);
}

/* What machines that shared the store have counted, where this one has it alone now. */
static int resume_shared_age(struct queue *q, struct err *err)
{
	char text[STORE_META_MAX + 1];
	int64_t age_ms;
	int r = store_meta_get(q->store, AGE_SHARED, text, err);

	if (r == 0 && number_parse(text, 1, INT64_MAX, &age_ms))
		q->age.base_ms = age_ms - age_boottime_ms();
	return r;
}

static int write_age(struct queue *q, struct err *err)
{
	int r = store_begin(q->store, err);

	if (r == 0)
		r = rebuild_keep_age(q, err);
	if (r == 0 && q->database != NULL) /* one of the two counts */
		r = store_meta_set(q->store, AGE_SHARED, "0", err);
	if (r == 0)
		r = store_commit(q->store, err);
	if (r < 0)
		store_rollback(q->store);
	return r;
}

static int resume_age(struct queue *q, struct err *err)
{
	char kept[STORE_META_MAX + 1];
	int r;

	if (store_is_shared(q->store))
		return follow_resume_age(q, err);
	r = store_meta_get(q->store, AGE_ALONE, kept, err);
	if (r == 0)
		r = age_start(kept, &q->age, err);
	if (r == 0 && kept[0] == '\0' && q->database != NULL)
		r = resume_shared_age(q, err);
	if (r < 0)
		return r;
	if (kept[0] != '\0' && q->age.new_boot)
		log_info("the machine has booted since: all leases are void");
	return write_age(q, err);
}

/* --- spool and rows --- */

static void check_file(const char *file, void *arg)
{
	struct queue *q = arg;
	struct err err;
	bool named;

	if (store_file_named(q->store, file, &named, &err) < 0) {
		log_error("%s", err.msg);
		return;
	}
	if (named) {
		q->metrics.spool_files++;
		return;
	}
	log_info("spool file %s belongs to no job: removed", file);
	spool_remove(q->spool, file);
}

static void check_row(const char *file, void *arg)
{
	struct queue *q = arg;

	if (q->database == NULL && !spool_has(q->spool, file))
		log_error("spool file %s is missing: bytes of a job are lost", file);
}

static int check_spool(struct queue *q, struct err *err)
{
	int r = spool_each(q->spool, check_file, q, err);

	return r < 0 ? r : store_each_file(q->store, check_row, q, err);
}

int rebuild_at_start(struct queue *q, struct err *err)
{
	struct orphans orphans = { .rebuild = { .q = q, .at_start = true } };
	int r = resume_age(q, err);

	if (r == 0)
		r = check_spool(q, err);
	if (r == 0)
		r = read_jobs(&orphans, err);
	free(orphans.row);
	if (r == 0 && store_is_ours(q->store))
		r = store_next_seq(q->store, &q->turn.pending.next_seq, err);
	if (r < 0)
		return r;
	r = kept_refresh(q, err);
	if (r < 0)
		return r;
	log_info("%zu jobs wait, %zu run", jobs_waiting(&q->jobs), q->jobs.n_running);
	return 0;
}

static int note_held(struct rebuild *rebuild)
{
	const struct job *job;

	rebuild->held = calloc(rebuild->q->jobs.n_running + 1, sizeof(*rebuild->held));
	if (rebuild->held == NULL)
		return -ENOMEM;
	TAILQ_FOREACH (job, &rebuild->q->jobs.running, running)
		rebuild->held[rebuild->n_held++] = (struct held){ job->id, job->attempt,
			job->lease_until_age_ms, job->claimed_age_ms, job->gpus, job->unlisted };
	return 0;
}

static void forget_jobs(struct queue *q)
{
	struct job *job, *next;

	HASH_ITER(hh, q->jobs.by_id, job, next)
	jobs_remove(&q->jobs, job);
	q->jobs.last_came_ms = 0; /* they come again, as long ago as they did */
}

static int rebuild(struct queue *q, struct err *err)
{
	struct orphans orphans = { .rebuild = { .q = q } };
	int r = note_held(&orphans.rebuild);

	if (r < 0)
		return err_set(err, ENOMEM, "jobs");
	forget_jobs(q);
	r = read_jobs(&orphans, err);
	free(orphans.row);
	free(orphans.rebuild.held);
	return r;
}

void rebuild_after_failure(struct queue *q)
{
	struct err err;

	if (q->database != NULL) {
		/* It may be away for long. What is in memory, wrong as it may be, knows the leases.
		 */
		q->stale = true;
		event_active(q->retry, EV_TIMEOUT, 0);
		return;
	}
	if (rebuild(q, &err) < 0)
		queue_give_up(q, err.msg);
	else
		retention_schedule(q);
}

/*
 * What was handed over, stopped or not handed over meanwhile is not in the rows: the driver
 * connects again and says what it runs.
 */
static void agree_anew(struct queue *q)
{
	struct err why;

	(void)err_say(&why, EAGAIN, "the jobs were read again");
	drive_hold(q, LEASE_UNLISTED_MS); /* nothing goes over what is about to be closed */
	drive_begin_anew(q, &why);
}

int rebuild_stale(struct queue *q, struct err *err)
{
	int r = rebuild(q, err);

	if (r < 0)
		return r;
	q->stale = false;
	agree_anew(q);
	follow_wake_ended(q);
	return 0;
}
