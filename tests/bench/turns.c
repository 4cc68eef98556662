/* SPDX-License-Identifier: MIT */
/*
 * How fast the queue decides whose turn it is, by itself: so many jobs wait, of many clients
 * and tasks; the one whose turn it is starts and ends, and another comes.
 *
 *	turns WAITING DECISIONS
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/config.h"
#include "figures.h"
#include "queue/jobs.h"

#define CLIENTS 100
#define TASKS   10

static struct jobs jobs;
static uint64_t last_seq;

static struct config *config_of_tasks(void)
{
	struct config *config;
	struct err err;
	char text[TASKS * 100];
	size_t n = 0;

	for (int i = 0; i < TASKS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
			"task \"t%d\" { image = \"x\" command = { \"/x\" } }\n", i);
	if (config_parse(text, "bench", NULL, NULL, &config, &err) < 0)
		errx(1, "%s", err.msg);
	return config;
}

static void come(void)
{
	struct store_job row = { .seq = ++last_seq,
		.state = JOB_QUEUED,
		.priority = last_seq % 7 == 0,
		.cpus = 1000,
		.memory_bytes = 256 << 20,
		.queued_unix_ms = 1 + (int64_t)last_seq / 10 };

	memcpy(row.id.b, &last_seq, sizeof(last_seq));
	(void)snprintf(row.client, sizeof(row.client), "c%d", rand() % CLIENTS);
	(void)snprintf(row.task, sizeof(row.task), "t%d", rand() % TASKS);
	if (jobs_add(&jobs, &row) == NULL)
		errx(1, "out of memory");
}

static void decide(void)
{
	static const struct admission_need all = { INT64_MAX / 2, INT64_MAX / 2 };
	uint64_t gpus;
	struct job *job = jobs_next(&jobs, 1000, &all, &gpus);

	if (job == NULL)
		errx(1, "nobody's turn");
	jobs_run(&jobs, job, 1, 0, 0);
	jobs_remove(&jobs, job);
}

/* Microseconds of processor time: what else the machine does is not meant. */
static double used_us(void)
{
	return (double)clock() * 1e6 / CLOCKS_PER_SEC;
}

/* Of each of them. */
static double places(long n)
{
	double start_us = used_us();
	uint64_t sum = 0;

	for (long i = 0; i < n; i++) {
		uint64_t seq = last_seq - (uint64_t)rand() % jobs_waiting(&jobs);
		struct job_id id = { 0 };
		const struct job *job;

		memcpy(id.b, &seq, sizeof(seq));
		job = jobs_find(&jobs, &id);
		sum += job == NULL ? 0 : jobs_position(&jobs, job);
	}
	if (sum == 0)
		errx(1, "nobody has a place");
	return (used_us() - start_us) / (double)n;
}

int main(int argc, char **argv)
{
	long waiting, n;
	struct config *config = config_of_tasks();
	struct err err;
	double start_us, us;

	if (argc != 3)
		errx(2, "usage: turns WAITING DECISIONS");
	waiting = figures_number(argv[1], "WAITING", 1, 10000000);
	n = figures_number(argv[2], "DECISIONS", 1, 100000000);
	if (jobs_init(&jobs, config, &err) < 0)
		errx(1, "%s", err.msg);
	for (long i = 0; i < waiting; i++)
		come();
	start_us = used_us();
	for (long i = 0; i < n; i++) {
		decide();
		come();
	}
	us = (used_us() - start_us) / (double)n;
	(void)printf(
		"{\"n\": %ld, \"waiting\": %ld, \"decision_us\": %.3f, \"position_us\": %.3f}\n", n,
		waiting, us, places(n));
	jobs_done(&jobs);
	config_free(config);
	return 0;
}
