/* SPDX-License-Identifier: MIT */
#include "jobs.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_OF_ONE                                                               \
	(INT64_C(2) * 1024 * 1024 * 1024 / 1000) /* for a thousandth of a processor \
						  */
#define GPU_COST                      8000       /* a GPU is as good as so many thousandths */
#define CONTAINER_OF(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

/* Of what a task asks for; "all" counts as one, since nobody knows yet how many there are. */
static int64_t gpu_cost(const char *gpus)
{
	const struct gpu_list none = { 0 };
	struct gpu_want want = gpu_want_of(gpus, false, &none);
	int64_t n = want.ask == GPU_ASK_NONE ? 0 : want.ask == GPU_ASK_COUNT ? want.count : 1;

	for (const char *p = want.ask == GPU_ASK_IDS ? gpu_ids_of(gpus) : ""; *p != '\0'; p++)
		n += *p == ',';
	return n * GPU_COST;
}

int jobs_init(struct jobs *jobs, const struct config *config, struct err *err)
{
	size_t n = config->n_tasks + 1;

	*jobs = (struct jobs){ .config = config, .n_lines = n };
	TAILQ_INIT(&jobs->running);
	TAILQ_INIT(&jobs->elsewhere);
	TAILQ_INIT(&jobs->leaving);
	jobs->lines = calloc(n, sizeof(*jobs->lines));
	jobs->heads = calloc(n, sizeof(*jobs->heads));
	if (jobs->lines == NULL || jobs->heads == NULL || fair_init(&jobs->fair, n) < 0) {
		jobs_done(jobs);
		return err_set(err, ENOMEM, "jobs");
	}
	if (clients_init(&jobs->clients, config, err) < 0) {
		jobs_done(jobs);
		return -err->code;
	}
	for (size_t i = 0; i < config->n_tasks; i++) {
		jobs->lines[i].task = &config->tasks[i];
		jobs->lines[i].gpu_cost = gpu_cost(config->tasks[i].gpus);
	}
	return 0;
}

void jobs_done(struct jobs *jobs)
{
	struct job *job, *next;

	HASH_ITER(hh, jobs->by_id, job, next)
	{
		HASH_DEL(jobs->by_id, job);
		free(job->cases);
		free(job);
	}
	if (jobs->lines != NULL)
		jobs_forget_leaving(jobs);
	free(jobs->lines);
	free(jobs->heads);
	clients_done(&jobs->clients);
	fair_done(&jobs->fair);
	jobs->lines = NULL;
	jobs->heads = NULL;
	jobs->n_lines = 0;
}

bool jobs_line(const struct jobs *jobs, const char *task, size_t *ret_line)
{
	const struct task *found;

	if (task[0] == '\0') {
		*ret_line = jobs->n_lines - 1;
		return true;
	}
	found = config_task(jobs->config, task);
	if (found == NULL)
		return false;
	*ret_line = (size_t)(found - jobs->config->tasks);
	return true;
}

const char *jobs_task_name(const struct jobs *jobs, const struct job *job)
{
	const struct task *task = jobs->lines[job->line].task;

	return task == NULL ? "" : task->name;
}

static void charge(struct jobs *jobs, size_t line, const struct admission_need *need, int sign)
{
	jobs->lines[line].running += sign;
	jobs->used_slots += sign;
	jobs->used.cpus += sign * need->cpus;
	jobs->used.memory_bytes += sign * need->memory_bytes;
}

static void take_gpus(struct jobs *jobs, size_t line, uint64_t gpus)
{
	gpu_take(&jobs->gpus, gpus, jobs->lines[line].gpus.shared);
}

static void give_gpus(struct jobs *jobs, size_t line, uint64_t gpus)
{
	gpu_give(&jobs->gpus, gpus, jobs->lines[line].gpus.shared);
}

/* Its client may have as many running as it is allowed: others go before it. */
static void bound_client(struct jobs *jobs, struct client_state *client)
{
	int max = client->client.max_running;

	fair_hold(&jobs->fair, &client->fair, max > 0 && client->running >= (uint32_t)max);
}

void jobs_client_changed(struct jobs *jobs, struct client_state *client)
{
	bound_client(jobs, client);
}

/* One processor's part of a machine goes with so much memory, and one GPU's with so many of them.
 */
static uint64_t cost_of(const struct jobs *jobs, const struct job *job)
{
	const struct line *line = &jobs->lines[job->line];
	int64_t cost = line->gpu_cost;

	if (cost < job->need.cpus)
		cost = job->need.cpus;
	if (cost < job->need.memory_bytes / MEMORY_OF_ONE)
		cost = job->need.memory_bytes / MEMORY_OF_ONE;
	return cost < 1 ? 1 : (uint64_t)cost;
}

static void enter_queue(struct jobs *jobs, struct job *job)
{
	job->state = JOB_QUEUED;
	job->client->waiting++;
	jobs->lines[job->line].waiting++;
	jobs->waiting_need.cpus += job->need.cpus;
	jobs->waiting_need.memory_bytes += job->need.memory_bytes;
}

static void leave_queue(struct jobs *jobs, struct job *job)
{
	job->client->waiting--;
	jobs->lines[job->line].waiting--;
	jobs->waiting_need.cpus -= job->need.cpus;
	jobs->waiting_need.memory_bytes -= job->need.memory_bytes;
}

static void enter_running(struct jobs *jobs, struct job *job)
{
	job->state = JOB_RUNNING;
	job->client->running++;
	bound_client(jobs, job->client);
	if (job->elsewhere) {
		TAILQ_INSERT_TAIL(&jobs->elsewhere, job, running);
		jobs->n_elsewhere++;
		return;
	}
	TAILQ_INSERT_TAIL(&jobs->running, job, running);
	jobs->n_running++;
	charge(jobs, job->line, &job->need, 1);
	take_gpus(jobs, job->line, job->gpus);
}

static void leave_running(struct jobs *jobs, struct job *job)
{
	job->client->running--;
	bound_client(jobs, job->client);
	free(job->cases);
	job->cases = NULL;
	if (job->elsewhere) {
		TAILQ_REMOVE(&jobs->elsewhere, job, running);
		jobs->n_elsewhere--;
		job->elsewhere = false;
		return;
	}
	TAILQ_REMOVE(&jobs->running, job, running);
	jobs->n_running--;
	charge(jobs, job->line, &job->need, -1);
	give_gpus(jobs, job->line, job->gpus);
}

static bool is_elsewhere(const struct jobs *jobs, const struct store_job *row)
{
	return jobs->config->store_shared && strcmp(row->node, jobs->config->node) != 0;
}

/*
 * Its place among those of its client: who came earlier goes first, as if he of a higher
 * class had come so much earlier. The wall clock may jump: nobody is put before who is
 * there already for that.
 */
static uint64_t rank_of(struct jobs *jobs, const struct store_job *row)
{
	int64_t came_ms = row->queued_unix_ms;
	int64_t lead_ms = (int64_t)row->priority * JOBS_CLASS_LEAD_MS;

	if (row->state == JOB_QUEUED) {
		if (came_ms < jobs->last_came_ms)
			came_ms = jobs->last_came_ms;
		jobs->last_came_ms = came_ms;
	}
	return came_ms > lead_ms ? (uint64_t)(came_ms - lead_ms) : 0;
}

static struct job *job_of(struct jobs *jobs, const struct store_job *row)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->client = clients_get(&jobs->clients, row->client);
	if (job->client == NULL || !jobs_line(jobs, row->task, &job->line) ||
		fair_enter(&jobs->fair, &job->client->fair, &job->fair, job->line,
			rank_of(jobs, row), row->seq) < 0) {
		free(job);
		return NULL;
	}
	job->id = row->id;
	job->seq = row->seq;
	job->attempt = row->attempt;
	job->failures = row->failures;
	job->priority = row->priority;
	job->queued_unix_ms = row->queued_unix_ms;
	job->retention_s = row->retention_s;
	job->bytes = row->bytes;
	memcpy(job->trace, row->trace, sizeof(job->trace));
	job->need = (struct admission_need){ row->cpus, row->memory_bytes };
	job->driver = row->driver;
	job->lease_until_age_ms = row->lease_until_age_ms;
	job->started = row->state == JOB_RUNNING && row->started_unix_ms != 0;
	return job;
}

struct job *jobs_add(struct jobs *jobs, const struct store_job *row)
{
	struct job *job = job_of(jobs, row);

	if (job == NULL)
		return NULL;
	job->elsewhere = row->state == JOB_RUNNING && is_elsewhere(jobs, row);
	job->announced = row->callback == CALLBACK_PENDING;
	if (row->state == JOB_RUNNING) {
		enter_running(jobs, job);
	} else {
		enter_queue(jobs, job);
		if (job->client->running == 0)
			fair_forgive(&job->client->fair);
		fair_add(&jobs->fair, &job->fair, cost_of(jobs, job),
			(unsigned)job->client->client.weight);
	}
	HASH_ADD(hh, jobs->by_id, id, sizeof(job->id), job);
	jobs->open_bytes += job->bytes;
	return job;
}

struct job *jobs_find(const struct jobs *jobs, const struct job_id *id)
{
	struct job *job;

	HASH_FIND(hh, jobs->by_id, id, sizeof(*id), job);
	return job;
}

void jobs_run(struct jobs *jobs, struct job *job, uint64_t driver, int64_t lease_until_age_ms,
	uint64_t gpus)
{
	assert(job->state == JOB_QUEUED);
	leave_queue(jobs, job);
	fair_serve(&jobs->fair, &job->fair);
	job->attempt++;
	job->driver = driver;
	job->lease_until_age_ms = lease_until_age_ms;
	job->started = false;
	job->unlisted = false;
	job->gpus = gpus;
	enter_running(jobs, job);
}

void jobs_run_elsewhere(struct jobs *jobs, struct job *job, const struct store_job *row)
{
	if (job->state == JOB_RUNNING) {
		leave_running(jobs, job);
	} else {
		leave_queue(jobs, job);
		fair_serve(&jobs->fair, &job->fair);
	}
	job->attempt = row->attempt;
	job->failures = row->failures;
	job->driver = row->driver;
	job->lease_until_age_ms = row->lease_until_age_ms;
	job->started = row->started_unix_ms != 0;
	job->unlisted = false;
	job->gpus = 0;
	job->elsewhere = true;
	enter_running(jobs, job);
}

void jobs_requeue(struct jobs *jobs, struct job *job)
{
	assert(job->state == JOB_RUNNING);
	leave_running(jobs, job);
	job->driver = 0;
	job->gpus = 0;
	enter_queue(jobs, job);
	fair_put_back(&jobs->fair, &job->fair);
}

void jobs_remove(struct jobs *jobs, struct job *job)
{
	if (job->state == JOB_RUNNING) {
		leave_running(jobs, job);
	} else {
		leave_queue(jobs, job);
		fair_drop(&jobs->fair, &job->fair);
	}
	fair_leave(&jobs->fair);
	HASH_DEL(jobs->by_id, job);
	jobs->open_bytes -= job->bytes;
	free(job);
}

void jobs_leave(struct jobs *jobs, struct job *job)
{
	struct leaving *leaving = calloc(1, sizeof(*leaving));

	if (leaving != NULL) {
		leaving->id = job->id;
		leaving->attempt = job->attempt;
		leaving->line = job->line;
		leaving->need = job->need;
		leaving->gpus = job->gpus;
		charge(jobs, leaving->line, &leaving->need, 1);
		TAILQ_INSERT_TAIL(&jobs->leaving, leaving, next);
	}
	jobs_remove(jobs, job); /* gives its GPUs back: they are taken anew behind it */
	if (leaving != NULL)
		take_gpus(jobs, leaving->line, leaving->gpus);
}

static void drop_leaving(struct jobs *jobs, struct leaving *leaving)
{
	charge(jobs, leaving->line, &leaving->need, -1);
	give_gpus(jobs, leaving->line, leaving->gpus);
	TAILQ_REMOVE(&jobs->leaving, leaving, next);
	free(leaving);
}

static struct leaving *leaving_of(
	const struct jobs *jobs, const struct job_id *id, uint32_t attempt)
{
	struct leaving *leaving;

	TAILQ_FOREACH (leaving, &jobs->leaving, next)
		if (leaving->attempt == attempt && job_id_equal(&leaving->id, id))
			return leaving;
	return NULL;
}

bool jobs_left(struct jobs *jobs, const struct job_id *id, uint32_t attempt)
{
	struct leaving *leaving = leaving_of(jobs, id, attempt);

	if (leaving != NULL)
		drop_leaving(jobs, leaving);
	return leaving != NULL;
}

void jobs_stay(struct jobs *jobs, const struct job_id *id, uint32_t attempt)
{
	struct leaving *leaving = leaving_of(jobs, id, attempt);
	struct job *job = jobs_find(jobs, id);
	uint64_t gpus;

	if (leaving == NULL)
		return;
	gpus = leaving->gpus;
	drop_leaving(jobs, leaving);
	if (job != NULL && job->state == JOB_RUNNING && !job->elsewhere && job->attempt == attempt)
		jobs_hold_gpus(jobs, job, gpus);
}

void jobs_forget_leaving(struct jobs *jobs)
{
	struct leaving *leaving;

	while ((leaving = TAILQ_FIRST(&jobs->leaving)) != NULL)
		drop_leaving(jobs, leaving);
}

uint64_t jobs_position(const struct jobs *jobs, const struct job *job)
{
	if (job->state != JOB_QUEUED)
		return 0;
	return fair_ahead(&jobs->fair, &job->fair) + 1;
}

size_t jobs_waiting(const struct jobs *jobs)
{
	return (size_t)fair_waiting(&jobs->fair);
}

void jobs_set_gpus(struct jobs *jobs, const struct gpu_list *list)
{
	struct leaving *leaving;
	struct job *job;

	jobs->gpus = (struct gpu_use){ .n = list->n };
	for (size_t i = 0; i < jobs->n_lines; i++) {
		const struct task *task = jobs->lines[i].task;

		if (task != NULL)
			jobs->lines[i].gpus = gpu_want_of(task->gpus, task->gpus_shared, list);
	}
	TAILQ_FOREACH (job, &jobs->running, running)
		job->gpus = 0;
	TAILQ_FOREACH (leaving, &jobs->leaving, next)
		leaving->gpus = 0;
}

void jobs_hold_gpus(struct jobs *jobs, struct job *job, uint64_t gpus)
{
	give_gpus(jobs, job->line, job->gpus);
	job->gpus = gpus;
	take_gpus(jobs, job->line, gpus);
}

static struct job *first_of(const struct jobs *jobs, size_t line)
{
	struct fair_job *first = fair_first(&jobs->fair, line);

	return first == NULL ? NULL : CONTAINER_OF(first, struct job, fair);
}

struct job *jobs_next(
	struct jobs *jobs, int slots, const struct admission_need *all, uint64_t *ret_gpus)
{
	struct admission_budget budget = { slots, jobs->used_slots, *all, jobs->used, &jobs->gpus };
	size_t i;

	for (i = 0; i < jobs->n_lines; i++) {
		const struct line *line = &jobs->lines[i];
		const struct job *first = first_of(jobs, i);

		jobs->heads[i] = (struct admission_line){
			.running = line->running,
			.concurrency = line->task == NULL ? INT_MAX : line->task->concurrency,
			.gpus = line->gpus,
		};
		if (first != NULL && !line->paused && !jobs->paused) {
			jobs->heads[i].first = &first->fair;
			jobs->heads[i].need = first->need;
		}
	}
	i = admission_next(&budget, jobs->heads, jobs->n_lines, ret_gpus);
	return i == jobs->n_lines ? NULL : first_of(jobs, i);
}
