/* SPDX-License-Identifier: MIT */
/*
 * The jobs that run here, each from the queue's RUN to its ENDING or GIVEBACK.
 *
 *	RESOLVING ─► WAITING ─► FEEDING ─► STEPPING ─► COLLECTING ─► SETTLING ─► (told, forgotten)
 *	(image)      (container) (files)    │  ▲  │         │            ▲
 *	                             │      ▼  │  │         │            │
 *	                             │  CHECKING  │         │            │
 *	                             │  SAVING    │         │            │
 *	                             └──────┴─────┴─────────┴─► AUTOPSY ─┘
 *	                                              (the agent is gone, or silent: why?)
 *
 * From any of them a job can be stopped or given back. SETTLING waits for the
 * spool. The end of a job is its agent's DONE with the nonce, the engine's word
 * that the container ran out of memory, or, where the agent was silent beyond
 * our own wall clock, what came of telling it to end (job_autopsy.c).
 */
#pragma once

#include "gather.h"
#include "host.h"
#include "image.h"
#include "plan.h"
#include "pool.h"
#include "queue_link.h"
#include "wire/msg.h"
#include "wire/pack.h"

struct jobs;
struct builds;

struct jobs_host {
	struct event_base *base;
	const struct config *config;
	struct engine *engine;
	struct images *images;
	struct pool *pool;
	struct queue_link *link;
	const struct host *machine;  /* the engine's; zeroed until that was asked */
	const struct gpu_list *gpus; /* the machine's */
	struct builds *builds;       /* NULL: none can be kept */
	void (*changed)(void *arg);  /* one has ended: drains wait for that */
	void *arg;
};

int jobs_new(const struct jobs_host *host, struct jobs **ret, struct err *err);
void jobs_free(struct jobs *jobs);

/* Takes what it needs out of the message. A job that already runs is left alone. */
void jobs_accept(struct jobs *jobs, struct msg_run *run);
void jobs_stop(struct jobs *jobs, const struct msg_stop *stop);
/* The answer goes out when there is one; none for a job that is not here. */
void jobs_tap(struct jobs *jobs, const struct msg_tap *ask);
/* Input for a job that runs. Answered with INPUT_TAKEN, at the latest after half a second. */
void jobs_input(struct jobs *jobs, const struct msg_input *input);
void jobs_spool(struct jobs *jobs, struct msg_spool *spool);
void jobs_refused(struct jobs *jobs, const struct msg_refused *refused);
/* The queue is there again: what was asked of it must be asked anew. */
void jobs_queue_back(struct jobs *jobs);
size_t jobs_count(const struct jobs *jobs);
/* (raw 32 id, u32 attempt) of each, as in NODE's `running`. */
void jobs_pack(const struct jobs *jobs, struct packer *p);
/* Give back those that have not started, or all. New ones are refused from now on. */
void jobs_drain(struct jobs *jobs, bool all);
/* The engine is away: those without a container go back. */
void jobs_engine_away(struct jobs *jobs, const char *why);
