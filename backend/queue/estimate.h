/* SPDX-License-Identifier: MIT */
/*
 * When a waiting job will start, as far as anybody can tell: from how long the last jobs of
 * each task took (a mean in which the newest counts for an eighth; not stored), what runs
 * now, and how many of those that wait have room at one time. A job waits for all that is
 * ahead of it, or for those of its task or its client that must end first, where those may
 * not run more at one time, whichever takes longer. It does not know of other machines, nor of
 * who will come before it.
 */
#pragma once

#include <stdint.h>

struct job;
struct queue;

/* What all waiting jobs have in common; good for one turn of the loop. */
struct estimate {
	int64_t now_unix_ms; /* 0: nothing can be said */
	double running_ms;   /* what is left of those that run */
	double each_ms;      /* what one of those that wait takes */
	double places;       /* how many run at one time, 1 or more */
	double free;         /* how many more may start now */
};

/* A job has run for so long. */
void estimate_learn(struct queue *q, const struct job *job, int64_t ms);

void estimate_init(struct queue *q, struct estimate *ret);
/* Unix time in milliseconds; 0: not known, or it does not wait. position: jobs_position(). */
int64_t estimate_start(
	struct queue *q, const struct estimate *estimate, const struct job *job, uint64_t position);
/* Both at once, for a single job. */
int64_t estimate_start_of(struct queue *q, const struct job *job, uint64_t position);
