/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "queue.h"

static const double bounds_s[METRICS_BUCKETS] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5,
	20, 60, 600 };

const char *gone_name(enum gone why)
{
	static const char *const names[GONE_MAX_] = {
#define X(id, name) [GONE_##id] = name,
		GONE(X)
#undef X
	};

	return names[why];
}

void metrics_observe(struct histogram *histogram, int64_t ms)
{
	double s = ms < 0 ? 0 : (double)ms / 1000;
	size_t i = 0;

	while (i < METRICS_BUCKETS && s > bounds_s[i])
		i++;
	histogram->count[i]++;
	histogram->sum_s += s;
}

static uint64_t observed(const struct histogram *histogram)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= METRICS_BUCKETS; i++)
		n += histogram->count[i];
	return n;
}

int64_t metrics_mean_ms(const struct histogram *histogram)
{
	uint64_t n = observed(histogram);

	return n == 0 ? 0 : (int64_t)(histogram->sum_s * 1000 / (double)n);
}

static void put_value(FILE *f, const char *name, const char *type, const char *help, double value)
{
	(void)fprintf(f, "# HELP dockgate_%s %s\n# TYPE dockgate_%s %s\ndockgate_%s %.15g\n", name,
		help, name, type, name, value);
}

static void put_histogram(
	FILE *f, const char *name, const char *help, const struct histogram *histogram)
{
	uint64_t n = 0;

	(void)fprintf(f, "# HELP dockgate_%s %s\n# TYPE dockgate_%s histogram\n", name, help, name);
	for (size_t i = 0; i < METRICS_BUCKETS; i++) {
		n += histogram->count[i];
		(void)fprintf(
			f, "dockgate_%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, bounds_s[i], n);
	}
	n += histogram->count[METRICS_BUCKETS];
	(void)fprintf(f,
		"dockgate_%s_bucket{le=\"+Inf\"} %" PRIu64 "\ndockgate_%s_sum %.15g\n"
		"dockgate_%s_count %" PRIu64 "\n",
		name, n, name, histogram->sum_s, name, n);
}

static void put_done(FILE *f, const struct metrics *m)
{
	(void)fputs("# HELP dockgate_jobs_done_total Jobs that ended, by verdict.\n"
		    "# TYPE dockgate_jobs_done_total counter\n",
		f);
	for (int v = 0; v < (int)VERDICT_MAX_; v++)
		(void)fprintf(f, "dockgate_jobs_done_total{verdict=\"%s\"} %" PRIu64 "\n",
			verdict_name((enum verdict)v), m->done[v]);
}

static void put_kept(FILE *f, struct queue *q)
{
	int64_t oldest_ms = kept_oldest_age_ms(q);
	int64_t age_ms = age_now(&q->age) - oldest_ms;

	put_value(f, "kept_jobs", "gauge", "Ended jobs whose results are kept.",
		(double)q->kept.jobs);
	put_value(f, "kept_bytes", "gauge", "Bytes that they take.", (double)q->kept.bytes);
	put_value(f, "kept_oldest_seconds", "gauge", "How long ago the oldest of them ended.",
		oldest_ms == INT64_MAX || age_ms < 0 ? 0 : (double)age_ms / 1000);
	put_value(f, "open_bytes", "gauge", "Bytes that came with the jobs that wait and run.",
		(double)q->jobs.open_bytes);
	(void)fputs("# HELP dockgate_jobs_removed_total Results that have gone, by reason.\n"
		    "# TYPE dockgate_jobs_removed_total counter\n",
		f);
	for (int i = 0; i < (int)GONE_MAX_; i++)
		(void)fprintf(f, "dockgate_jobs_removed_total{reason=\"%s\"} %" PRIu64 "\n",
			gone_name((enum gone)i), q->metrics.removed[i]);
}

static void put_store(FILE *f, struct queue *q)
{
	struct store_counts counts = store_counts(q->store);

	put_value(f, "store_up", "gauge", "1 while the store can be written.", q->store_up);
	put_value(f, "store_commits_total", "counter", "Transactions committed.",
		(double)counts.commits);
	put_value(f, "store_commit_failures_total", "counter", "Transactions that failed.",
		(double)counts.failed_commits);
	put_value(f, "store_commit_seconds_total", "counter", "Time spent in commits.",
		(double)counts.commit_us / 1e6);
	put_value(f, "store_commit_seconds_max", "gauge", "The longest commit.",
		(double)counts.commit_us_max / 1e6);
	put_value(
		f, "store_bytes", "gauge", "Size of the database.", (double)store_bytes(q->store));
}

static void put_all(FILE *f, struct queue *q)
{
	const struct metrics *m = &q->metrics;

	put_value(f, "jobs_waiting", "gauge", "Jobs that wait for their turn.",
		(double)jobs_waiting(&q->jobs));
	put_value(f, "jobs_running", "gauge", "Jobs that run.", (double)q->jobs.n_running);
	put_value(f, "jobs_submitted_total", "counter", "Jobs accepted.", (double)m->submitted);
	put_value(f, "jobs_refused_total", "counter", "Submits refused.", (double)m->refused);
	put_value(f, "unauthorized_total", "counter",
		"Requests refused for want of a token that is known.", (double)m->unauthorized);
	put_done(f, m);
	put_value(f, "jobs_requeued_total", "counter", "Attempts that went back to the queue.",
		(double)m->requeued);
	put_value(f, "jobs_leases_lost_total", "counter", "Attempts whose driver was lost.",
		(double)m->lost);
	put_kept(f, q);
	put_value(f, "endings_stale_total", "counter",
		"Endings refused because the job had moved on.", (double)m->stale);
	put_histogram(f, "job_wait_seconds", "From submit to the hand-over to a driver.", &m->wait);
	put_histogram(f, "job_run_seconds", "From the hand-over to the ending.", &m->run);
	put_value(f, "requests_waiting", "gauge", "Requests that wait for an ending.",
		(double)waiters_count(&q->waiters));
	put_value(f, "spool_bytes_total", "counter", "Bytes put into the spool.",
		(double)m->spool_bytes);
	put_value(f, "spool_files", "gauge", "Files in the spool.", (double)m->spool_files);
	put_value(f, "driver_up", "gauge", "1 while a driver is connected.",
		q->drive.ch != NULL && q->drive.node_seen);
	put_value(f, "engine_up", "gauge", "1 while the driver reaches its engine.",
		q->drive.ch != NULL && q->drive.engine_up);
	put_store(f, q);
}

int metrics_text(struct queue *q, struct blob *ret, struct err *err)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL)
		return err_set(err, ENOMEM, "metrics");
	put_all(f, q);
	if (fclose(f) != 0) {
		free(text);
		return err_set(err, ENOMEM, "metrics");
	}
	*ret = (struct blob){ .len = n, .data = (uint8_t *)text, .fd = -1 };
	return 0;
}
