/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/memstream.h"
#include "common/prom.h"
#include "queue.h"

#define DRIVERS_MAX (4 * 1024 * 1024)

const char *gone_name(enum gone why)
{
	static const char *const names[GONE_MAX_] = {
#define X(id, name) [GONE_##id] = name,
		GONE(X)
#undef X
	};

	return names[why];
}

static void put_done(FILE *f, const struct metrics *m)
{
	char labels[60];

	prom_head(f, "jobs_done_total", "counter", "Jobs that ended, by verdict.");
	for (int v = 0; v < (int)VERDICT_MAX_; v++) {
		(void)snprintf(
			labels, sizeof(labels), "verdict=\"%s\"", verdict_name((enum verdict)v));
		prom_line(f, "jobs_done_total", labels, (double)m->done[v]);
	}
}

/* Tasks are the configuration's: there are not many. */
static void put_depth(FILE *f, const struct jobs *jobs)
{
	char labels[TASK_NAME_MAX + 40];

	prom_head(f, "queue_jobs", "gauge",
		"Jobs of each task that wait, or run on this machine; task \"\": own images.");
	for (size_t i = 0; i < jobs->n_lines; i++) {
		const struct line *line = &jobs->lines[i];
		const char *task = line->task == NULL ? "" : line->task->name;

		(void)snprintf(labels, sizeof(labels), "task=\"%s\",state=\"waiting\"", task);
		prom_line(f, "queue_jobs", labels, (double)line->waiting);
		(void)snprintf(labels, sizeof(labels), "task=\"%s\",state=\"running\"", task);
		prom_line(f, "queue_jobs", labels, (double)line->running);
	}
}

static void put_kept(FILE *f, struct queue *q)
{
	struct err err;
	int64_t oldest_ms, age_ms;

	if (kept_refresh(q, &err) < 0)
		log_warning("%s", err.msg);
	oldest_ms = kept_oldest_age_ms(q);
	age_ms = age_now(&q->age) - oldest_ms;

	prom_value(f, "kept_jobs", "gauge", "Ended jobs whose results are kept.",
		(double)q->kept.jobs);
	prom_value(f, "kept_bytes", "gauge", "Bytes that they take.", (double)q->kept.bytes);
	prom_value(f, "kept_oldest_seconds", "gauge", "How long ago the oldest of them ended.",
		oldest_ms == INT64_MAX || age_ms < 0 ? 0 : (double)age_ms / 1000);
	prom_value(f, "open_bytes", "gauge", "Bytes that came with the jobs that wait and run.",
		(double)q->jobs.open_bytes);
	prom_head(f, "jobs_removed_total", "counter", "Results that have gone, by reason.");
	for (int i = 0; i < (int)GONE_MAX_; i++) {
		char labels[60];

		(void)snprintf(labels, sizeof(labels), "reason=\"%s\"", gone_name((enum gone)i));
		prom_line(f, "jobs_removed_total", labels, (double)q->metrics.removed[i]);
	}
}

static void put_store_calls(FILE *f, const struct store_counts *counts)
{
	char labels[60];

	prom_head(f, "store_call_failures_total", "counter", "Calls of the store that failed.");
	for (int i = 0; i < (int)STORE_CALL_MAX_; i++) {
		(void)snprintf(labels, sizeof(labels), "operation=\"%s\"",
			store_call_name((enum store_call)i));
		prom_line(f, "store_call_failures_total", labels, (double)counts->failed[i]);
	}
	prom_head(f, "store_call_seconds", "histogram", "How long calls of the store took.");
	for (int i = 0; i < (int)STORE_CALL_MAX_; i++) {
		(void)snprintf(labels, sizeof(labels), "operation=\"%s\"",
			store_call_name((enum store_call)i));
		prom_histogram(f, "store_call_seconds", labels, &counts->took[i]);
	}
}

static void put_store(FILE *f, struct queue *q)
{
	struct store_counts counts = store_counts(q->store);

	prom_value(f, "store_up", "gauge", "1 while the store can be written.", q->store_up);
	prom_value(f, "store_commits_total", "counter", "Transactions committed.",
		(double)counts.commits);
	prom_value(f, "store_commit_failures_total", "counter", "Transactions that failed.",
		(double)counts.failed_commits);
	prom_value(f, "store_commit_seconds_total", "counter", "Time spent in commits.",
		(double)counts.commit_us / 1e6);
	prom_value(f, "store_commit_seconds_max", "gauge", "The longest commit.",
		(double)counts.commit_us_max / 1e6);
	put_store_calls(f, &counts);
	prom_value(
		f, "store_bytes", "gauge", "Size of the database.", (double)store_bytes(q->store));
}

static void put_callbacks(FILE *f, const struct queue *q)
{
	const struct metrics *m = &q->metrics;

	prom_head(f, "callbacks_total", "counter",
		"Endings that were announced, or given up on (failed).");
	prom_line(f, "callbacks_total", "outcome=\"delivered\"", (double)m->delivered);
	prom_line(f, "callbacks_total", "outcome=\"failed\"", (double)m->undelivered);
	prom_value(f, "callback_attempts_failed_total", "counter",
		"Attempts to announce an ending that nobody took.", (double)m->untaken);
	prom_value(f, "callbacks_sending", "gauge", "Endings that are being announced now.",
		(double)q->outbox.n_flights);
	prom_value(f, "courier_up", "gauge", "1 while the sender of callbacks is connected.",
		q->outbox.gate != 0);
}

static void put_all(FILE *f, struct queue *q)
{
	const struct metrics *m = &q->metrics;

	prom_value(f, "jobs_waiting", "gauge", "Jobs that wait for their turn.",
		(double)jobs_waiting(&q->jobs));
	prom_value(f, "jobs_running", "gauge", "Jobs that run.", (double)q->jobs.n_running);
	prom_value(f, "jobs_submitted_total", "counter", "Jobs accepted.", (double)m->submitted);
	prom_value(f, "jobs_refused_total", "counter", "Submits refused.", (double)m->refused);
	prom_value(f, "unauthorized_total", "counter",
		"Requests refused for want of a token that is known.", (double)m->unauthorized);
	put_done(f, m);
	prom_value(f, "jobs_requeued_total", "counter", "Attempts that went back to the queue.",
		(double)m->requeued);
	prom_value(f, "jobs_leases_lost_total", "counter", "Attempts whose driver was lost.",
		(double)m->lost);
	put_kept(f, q);
	put_callbacks(f, q);
	prom_value(f, "endings_stale_total", "counter",
		"Endings refused because the job had moved on.", (double)m->stale);
	prom_head(f, "job_wait_seconds", "histogram", "From submit to the hand-over to a driver.");
	prom_histogram(f, "job_wait_seconds", "", &m->wait);
	prom_head(f, "job_run_seconds", "histogram", "From the hand-over to the ending.");
	prom_histogram(f, "job_run_seconds", "", &m->run);
	put_depth(f, &q->jobs);
	prom_value(f, "jobs_watched", "gauge", "Jobs whose events somebody listens to.",
		(double)q->waiters.n_watches);
	prom_value(f, "requests_waiting", "gauge", "Requests that wait for an ending.",
		(double)waiters_count(&q->waiters));
	prom_value(f, "spool_bytes_total", "counter", "Bytes put into the spool.",
		(double)m->spool_bytes);
	prom_value(f, "spool_files", "gauge", "Files in the spool.", (double)m->spool_files);
	prom_value(f, "driver_up", "gauge", "1 while a driver is connected.",
		q->drive.ch != NULL && q->drive.node_seen);
	prom_value(f, "engine_up", "gauge", "1 while the driver reaches its engine.",
		q->drive.ch != NULL && q->drive.engine_up);
	put_store(f, q);
}

int metrics_text(struct queue *q, const struct blob *drivers, struct blob *ret, struct err *err)
{
	cleanup_free uint8_t *more = NULL;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL)
		return err_set(err, ENOMEM, "metrics");
	put_all(f, q);
	if (drivers != NULL && drivers->len > 0 &&
		blob_read_all(drivers, DRIVERS_MAX, &more, err) == 0)
		(void)fwrite(more, 1, (size_t)drivers->len, f);
	if (memstream_close(f, &text) < 0)
		return err_set(err, ENOMEM, "metrics");
	*ret = (struct blob){ .len = n, .data = (uint8_t *)text, .fd = -1 };
	return 0;
}
