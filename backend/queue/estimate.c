/* SPDX-License-Identifier: MIT */
#include "estimate.h"

#include "common/clock.h"
#include "drive.h"
#include "queue.h"

#define NEWEST 8 /* one part in so many of the mean */

static double more_of(double a, double b)
{
	return a > b ? a : b;
}

static double less_of(double a, double b)
{
	return a < b ? a : b;
}

static void learn(double *mean_ms, int64_t ms)
{
	double x = ms < 1 ? 1 : (double)ms; /* 0 stands for "not known" */

	*mean_ms = *mean_ms == 0 ? x : *mean_ms + (x - *mean_ms) / NEWEST;
}

void estimate_learn(struct queue *q, const struct job *job, int64_t ms)
{
	learn(&q->jobs.lines[job->line].mean_ms, ms);
	learn(&q->jobs.mean_ms, ms);
}

/* How long a job of that line takes: what others take, where none of it has ended yet. */
static double mean_of(const struct jobs *jobs, const struct line *line)
{
	return line->mean_ms > 0 ? line->mean_ms : jobs->mean_ms;
}

static double left_of_running(struct queue *q)
{
	int64_t now_ms = age_now(&q->age);
	const struct job *job;
	double sum = 0;

	TAILQ_FOREACH (job, &q->jobs.running, running)
		sum += more_of(mean_of(&q->jobs, &q->jobs.lines[job->line]) -
				       (double)(now_ms - job->claimed_age_ms),
			0);
	return sum;
}

/* What one of those that wait takes; `ret_may`: how many of them their tasks let run at once. */
static double mean_of_waiting(const struct jobs *jobs, double *ret_may)
{
	double sum = 0, may = 0;

	for (size_t i = 0; i < jobs->n_lines; i++) {
		const struct line *line = &jobs->lines[i];
		double all = (double)line->waiting + line->running;

		sum += (double)line->waiting * mean_of(jobs, line);
		may += line->task == NULL ? all : less_of(all, line->task->concurrency);
	}
	*ret_may = may;
	return sum / (double)jobs_waiting(jobs);
}

/* How many like those that wait have room on the machine at one time. */
static double places_of(struct queue *q)
{
	double n = (double)jobs_waiting(&q->jobs);
	int slots;
	struct admission_need all = drive_budget(q, &slots);
	double cpus = (double)q->jobs.waiting_need.cpus / n;
	double memory = (double)q->jobs.waiting_need.memory_bytes / n;
	double places = slots;

	places = less_of(places, (double)all.cpus / more_of(cpus, 1));
	return less_of(places, (double)all.memory_bytes / more_of(memory, 1));
}

void estimate_init(struct queue *q, struct estimate *ret)
{
	double may;

	*ret = (struct estimate){ 0 };
	if (q->jobs.mean_ms == 0 || jobs_waiting(&q->jobs) == 0 || !drive_is_ready(q) ||
		q->jobs.paused)
		return;
	ret->now_unix_ms = clock_unix_ms();
	ret->running_ms = left_of_running(q);
	ret->each_ms = mean_of_waiting(&q->jobs, &may);
	ret->places = more_of(less_of(places_of(q), may), 1);
	ret->free = more_of(ret->places - (double)q->jobs.n_running, 0);
}

/* `running` of which `most` may run at one time, with `ahead` that wait to do so. */
static double behind(double running, double ahead, double most, double each_ms)
{
	return running + ahead < most ? 0 : (running / 2 + ahead) * each_ms / most;
}

static double wait_ms(
	struct queue *q, const struct estimate *e, const struct job *job, uint64_t position)
{
	const struct line *line = &q->jobs.lines[job->line];
	const struct client_state *client = job->client;
	double each_ms = mean_of(&q->jobs, line), ahead = (double)(position - 1), ret = 0;

	if (ahead >= e->free)
		ret = (e->running_ms + ahead * e->each_ms) / e->places;
	if (line->task != NULL)
		ret = more_of(
			ret, behind(line->running,
				     ahead * (double)line->waiting / (double)jobs_waiting(&q->jobs),
				     line->task->concurrency, each_ms));
	if (client->client.max_running > 0)
		ret = more_of(ret, behind(client->running, fair_ahead_own(&job->fair),
					   client->client.max_running, each_ms));
	return ret;
}

int64_t estimate_start(
	struct queue *q, const struct estimate *estimate, const struct job *job, uint64_t position)
{
	const struct line *line = &q->jobs.lines[job->line];

	if (job->state != JOB_QUEUED || position == 0 || estimate->now_unix_ms == 0 ||
		line->paused || line->image_missing)
		return 0;
	return estimate->now_unix_ms + (int64_t)wait_ms(q, estimate, job, position);
}

int64_t estimate_start_of(struct queue *q, const struct job *job, uint64_t position)
{
	struct estimate estimate;

	if (job->state != JOB_QUEUED)
		return 0;
	estimate_init(q, &estimate);
	return estimate_start(q, &estimate, job, position);
}
