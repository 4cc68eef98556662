/* SPDX-License-Identifier: MIT */
/*
 * Containers kept ready, a shelf of them per task, and everyone's way to one.
 * A job that fits what a shelf's containers were prepared for takes a warm one,
 * or waits for one where none is there. One that does not fit gets a container
 * of its own, at container level whatever its task's level is. Creation comes
 * before removal, waiting jobs before the shelves; both are bounded, since the
 * engine does not get faster by being asked more at once.
 */
#pragma once

#include "box.h"
#include "common/job_id.h"
#include "image.h"

#define POOL_BOXES_MAX    1024
#define POOL_UIDS_PER_BOX 8 /* the agent's first, then the job's; the others are theirs to use */

struct pool;

/* Where a box of the pool is (box->place). */
enum pool_place {
	PLACE_NOWHERE,
	PLACE_COMING, /* on its first way up */
	PLACE_SHELF,
	PLACE_LENT, /* a job has it */
	PLACE_BACK, /* a slot between two jobs */
	PLACE_DOOMED,
	PLACE_REMOVING,
};

struct pool_host {
	struct event_base *base;
	struct engine *engine;
	struct images *images;
	const struct config *config;
	const struct container_host *container;
	const struct gpu_list *gpus;      /* the machine's */
	void (*changed)(void *arg);       /* counts of NODE have changed */
	void (*agent_missing)(void *arg); /* a container could not be started: look at the volume */
	/* Once for each task with slots: they work (why NULL), or why it gets containers instead.
	 */
	void (*sandbox_known)(const struct task *task, const char *why, void *arg);
	void *arg;
};

/* What the engine's machine can do. */
struct pool_machine {
	uid_t uid_base; /* eight for each container */
	unsigned jobs;  /* that run at one time */
	/* Creations that the engine is asked for at one time: to begin with, and where to look for
	 * its best. */
	unsigned at_once, at_once_least, at_once_most;
	int64_t memory_bytes; /* that jobs share; 0: not known */
};

/* One who waits for a container. The memory is the caller's. */
struct pool_ticket {
	TAILQ_ENTRY(pool_ticket) link;
	bool queued;
	struct box *coming; /* made for this ticket alone; NULL: the next of the shelf */
	const struct task *task;
	struct image *image;
	struct limits limits;
	uint64_t files_bytes; /* that the job brings, in whole pages */
	const char *gpus;     /* those the job was given, the caller's; NULL: as the task says */
	uint64_t gpu_mask;    /* the same by their places; 0 with NULL */
	char job[JOB_ID_CHARS + 1];
	uint32_t attempt;
	bool cold;
	void (*got)(struct box *box, void *arg);
	void (*failed)(const char *why, enum engine_tried tried, void *arg);
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

/* Before the first pool_enable(), and whenever it is another. */
void pool_set_machine(struct pool *pool, const struct pool_machine *machine);

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
/* A used container, to be removed; or a slot, for the next job. finished: its agent said that all
 * is done; a slot of which that is not known is removed, too. */
void pool_return(struct pool *pool, struct box *box, bool finished);
/* A slot whose job of that nonce is to be killed, where that can be told its agent. */
void pool_kill(struct pool *pool, struct box *box, const uint8_t nonce[FRAME_NONCE_BYTES]);

/* Since the start: jobs that got a warm container at once, and those that did not. */
struct pool_takes {
	uint64_t hits, misses;
};

/* task NULL: of images that requests named. */
struct pool_takes pool_takes(const struct pool *pool, const struct task *task);
struct pool_counts pool_counts(const struct pool *pool, const struct task *task);
/* Containers whose removal failed so far: their capacity is not there. */
unsigned pool_stuck(const struct pool *pool);
unsigned pool_alive(const struct pool *pool);
/* Is there a box of that name? What the engine made or kept while it said otherwise has none. */
bool pool_owns(const struct pool *pool, const char *name);
/* Remove everything; `empty` is called when nothing is left. */
void pool_drain(struct pool *pool, void (*empty)(void *arg), void *arg);
