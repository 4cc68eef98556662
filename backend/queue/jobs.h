/* SPDX-License-Identifier: MIT */
/*
 * The jobs that are not done, in memory: an index over the store's rows, never
 * more than they say, and built from them at every start. It knows each waiting
 * job's place and what the running ones take of the machine.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "admission.h"
#include "clients.h"
#include "common/config.h"
#include "common/hash.h"
#include "fair.h"
#include "store/store.h"

#define JOBS_CLASS_LEAD_MS                                                    \
	60000 /* so much earlier did a job come for each step of its priority \
	       */

struct job {
	struct job_id id;
	uint64_t seq;
	struct client_state *client; /* never NULL */
	size_t line;                 /* of jobs->lines */
	enum job_state state;        /* queued or running */
	uint32_t attempt, failures, priority;
	int64_t queued_unix_ms, retention_s;
	uint64_t bytes;              /* of what it came with */
	char trace[TRACE_CHARS + 1]; /* "": none */
	struct admission_need need;
	uint64_t gpus;   /* while running: those it has */
	uint64_t driver; /* while running: the instance that holds the lease */
	int64_t lease_until_age_ms;
	int64_t claimed_age_ms;
	bool started;   /* while running: its driver said so */
	bool unlisted;  /* its driver came back and did not name it: no renewal */
	bool announced; /* its ending is told somebody outside */
	bool elsewhere; /* another machine runs it: it takes nothing of this one */
	uint8_t *cases; /* owned, while running: cases.h; NULL: none */
	size_t cases_len;
	struct fair_job fair;     /* its place while queued */
	TAILQ_ENTRY(job) running; /* while running, here or elsewhere */
	UT_hash_handle hh;
};

/* A cancelled job whose container may still be there: it takes its part of the machine. */
struct leaving {
	TAILQ_ENTRY(leaving) next;
	struct job_id id;
	uint32_t attempt;
	size_t line;
	struct admission_need need;
	uint64_t gpus;
};

struct line {
	const struct task *task; /* NULL: jobs that name their own image */
	size_t waiting;
	int running;
	int64_t gpu_cost;   /* of a job, as fair_add() takes it */
	bool paused;        /* none of it starts */
	double mean_ms;     /* that a job of it takes, 0: not known */
	bool image_missing; /* as the driver said last */
	struct gpu_want gpus;
};

TAILQ_HEAD(running_jobs, job);
TAILQ_HEAD(leaving_jobs, leaving);

struct jobs {
	const struct config *config;
	struct clients clients;
	struct job *by_id; /* hash; owns them */
	struct fair fair;
	int64_t last_came_ms;               /* the latest of those that wait */
	struct admission_need waiting_need; /* of all that wait together */
	double mean_ms;                     /* that any job takes, 0: not known */
	bool paused;                        /* none starts */
	struct running_jobs running;
	size_t n_running;
	uint64_t open_bytes;           /* what all of them came with */
	struct running_jobs elsewhere; /* of machines that share the store */
	size_t n_elsewhere;
	struct leaving_jobs leaving;
	struct line *lines;           /* owned; one for each task, then one without */
	struct admission_line *heads; /* owned; room for jobs_next() */
	size_t n_lines;
	int used_slots;
	struct admission_need used;
	struct gpu_use gpus;
};

int jobs_init(struct jobs *jobs, const struct config *config, struct err *err);
void jobs_done(struct jobs *jobs);

/* False: the configuration has no such task (any more). "" is the line of own images. */
bool jobs_line(const struct jobs *jobs, const char *task, size_t *ret_line);
const char *jobs_task_name(const struct jobs *jobs, const struct job *job);

/* What a row says. NULL when there is no memory; its task must be known. */
struct job *jobs_add(struct jobs *jobs, const struct store_job *row);
struct job *jobs_find(const struct jobs *jobs, const struct job_id *id);
/* queued -> running, with attempt + 1. */
void jobs_run(struct jobs *jobs, struct job *job, uint64_t driver, int64_t lease_until_age_ms,
	uint64_t gpus);
/* The same, on another machine, as its row says. */
void jobs_run_elsewhere(struct jobs *jobs, struct job *job, const struct store_job *row);
/* running -> queued, at its old place. */
void jobs_requeue(struct jobs *jobs, struct job *job);
/* It is done. */
void jobs_remove(struct jobs *jobs, struct job *job);
/* Running, done for its client, and yet to be stopped. -ENOMEM: removed without that. */
void jobs_leave(struct jobs *jobs, struct job *job);
/* Its container is gone. False: there is no such one. */
bool jobs_left(struct jobs *jobs, const struct job_id *id, uint32_t attempt);
/* Its cancelling came to nothing: where it runs on, it has what it had. */
void jobs_stay(struct jobs *jobs, const struct job_id *id, uint32_t attempt);
void jobs_forget_leaving(struct jobs *jobs);

/* Its bounds are others now. */
void jobs_client_changed(struct jobs *jobs, struct client_state *client);

/* Jobs ahead plus one, in the order in which they would be served now; 0 for a running one. */
uint64_t jobs_position(const struct jobs *jobs, const struct job *job);
size_t jobs_waiting(const struct jobs *jobs);
/* The one that starts now, NULL: none. `slots` and `all` are the machine's. */
struct job *jobs_next(
	struct jobs *jobs, int slots, const struct admission_need *all, uint64_t *ret_gpus);

/* The machine's GPUs; nobody has any from now on. */
void jobs_set_gpus(struct jobs *jobs, const struct gpu_list *list);
/* What its driver says a running job has. */
void jobs_hold_gpus(struct jobs *jobs, struct job *job, uint64_t gpus);
