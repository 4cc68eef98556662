/* SPDX-License-Identifier: MIT */
/*
 * What is kept ready for one task, and how much of it there should be. At
 * container level that follows the jobs: so many boxes as came in about the
 * time that making one takes, between the task's `warm` and `warm_max`. At
 * sandbox level boxes are slots, used again and again: so many as jobs of the
 * task ran at one time lately. Only decisions; the pool makes and removes.
 */
#pragma once

#include "box.h"

TAILQ_HEAD(box_list, box);

struct shelf {
	const struct task *task;
	struct image *image;
	struct limits limits;  /* that its boxes are prepared for */
	bool sandbox;          /* its boxes are slots */
	bool proven;           /* a slot has become ready: this host allows them */
	struct box_list ready; /* oldest first */
	/* of its own boxes: on the shelf, on the first way up, with a job, between two jobs */
	unsigned n_ready, n_coming, n_lent, n_back;
	unsigned n_busy;    /* boxes of the task with a job, those made for one job included */
	unsigned n_waiting; /* jobs that wait for one of its boxes */
	uint64_t n_hits, n_misses; /* jobs that got a warm one at once, and others */
	unsigned target; /* how many are kept: grows with the jobs, shrinks with idle boxes */
	unsigned slots;  /* sandbox level: the most */
	double heat;     /* jobs that came lately, fading */
	int64_t heat_us; /* when it was reckoned */
	int64_t backoff_us, not_before_us; /* refills after a failure */
};

/* The most of the task's limits and its build's. */
void shelf_task_limits(const struct task *task, struct limits *ret);

void shelf_init(struct shelf *shelf, const struct task *task, struct image *image);

/*
 * The most slots that a task can use on a machine that runs `jobs` at one time
 * in `memory_bytes` (0: not known): half of them may be between two jobs.
 */
unsigned shelf_slots(
	const struct task *task, const struct limits *limits, unsigned jobs, int64_t memory_bytes);

/* A job has come for it; before it is given a box, or counted as waiting. */
void shelf_heat(struct shelf *shelf, int64_t now_us);
/* Jobs come faster than one by one: it pays to make boxes while others wait. */
bool shelf_is_hot(const struct shelf *shelf);
/* A box more than `warm` that nobody took for long: the target comes down with it. */
bool shelf_has_idle(const struct shelf *shelf, int64_t now_us);

/* Boxes to make for jobs that wait now; and beyond them, to be ready for the next. */
unsigned shelf_lacks_now(const struct shelf *shelf, int64_t now_us);
unsigned shelf_lacks(const struct shelf *shelf);

/* May a job of these limits, whose files take so much, run in one of its boxes? */
bool shelf_fits(const struct shelf *shelf, const struct limits *limits, uint64_t files_bytes);

/* Making one failed: refills wait, longer each time. */
void shelf_back_off(struct shelf *shelf, int64_t now_us);
