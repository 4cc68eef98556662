/* SPDX-License-Identifier: MIT */
/*
 * Containers kept ready, a shelf of them per task, and everyone's way to one.
 * A job that fits what a shelf's containers were prepared for takes a warm one;
 * else, or where none is there, one is made for it. Creation comes before
 * removal, waiting jobs before the shelves; both are bounded, since the engine
 * does not get faster by being asked more at once.
 */
#pragma once

#include "box.h"
#include "common/job_id.h"
#include "image.h"

#define POOL_BOXES_MAX 1024

struct pool;

struct pool_host {
	struct event_base *base;
	struct engine *engine;
	struct images *images;
	const struct config *config;
	const struct container_host *container;
	uid_t uid_base;                   /* two for each slot */
	const struct gpu_list *gpus;      /* the machine's */
	void (*changed)(void *arg);       /* counts of NODE have changed */
	void (*agent_missing)(void *arg); /* a container could not be started: look at the volume */
	void *arg;
};

/* One who waits for a container. The memory is the caller's. */
struct pool_ticket {
	TAILQ_ENTRY(pool_ticket) link;
	bool queued;
	struct box *coming; /* made for this ticket alone; NULL: the next of the shelf */
	const struct task *task;
	struct image *image;
	struct limits limits;
	const char *gpus;  /* those the job was given, the caller's; NULL: as the task says */
	uint64_t gpu_mask; /* the same by their places; 0 with NULL */
	char job[JOB_ID_CHARS + 1];
	uint32_t attempt;
	bool cold;
	void (*got)(struct box *box, void *arg);
	void (*failed)(const char *why, bool away, void *arg);
	void *arg;
};

/*
 * Is each job of it given GPUs of its own? Then no container is made before that is known, and
 * none while another container that has one of them is not gone for sure.
 */
bool pool_deals_gpus(const struct pool *pool, const struct task *task);

struct pool_counts {
	unsigned warm, busy;
};

int pool_new(const struct pool_host *host, struct pool **ret, struct err *err);
void pool_free(struct pool *pool);

void pool_set_uid_base(struct pool *pool, uid_t base);

/* The engine is there, agent and images are known: fill the shelves. Or it is away. */
void pool_enable(struct pool *pool, bool on);
/* An image has changed: warm containers of the old one go. */
void pool_images_changed(struct pool *pool);

/*
 * A warm container at once, or NULL and the ticket waits: got() or failed()
 * comes later from the loop. The container is READY: box_take() it.
 */
struct box *pool_ask(struct pool *pool, struct pool_ticket *ticket);
/* No longer needed. */
void pool_forget(struct pool *pool, struct pool_ticket *ticket);
/* A used container, to be removed. finished: its agent said that all is done. */
void pool_return(struct pool *pool, struct box *box, bool finished);

/* What a shelf's containers are prepared for: the most of the task's limits and its build's. */
void pool_task_limits(const struct task *task, struct limits *ret);

struct pool_counts pool_counts(const struct pool *pool, const struct task *task);
/* Containers whose removal failed so far: their capacity is not there. */
unsigned pool_stuck(const struct pool *pool);
unsigned pool_alive(const struct pool *pool);
/* One of ours by its name? */
bool pool_owns(const struct pool *pool, const char *name);
/* Remove everything; `empty` is called when nothing is left. */
void pool_drain(struct pool *pool, void (*empty)(void *arg), void *arg);
