/* SPDX-License-Identifier: MIT */
/*
 * What other machines do with the jobs of a store that all of them use. Does nothing where
 * the store is this process's alone.
 *
 * Each transaction leaves a numbered row that names the jobs it moved. Every store_poll_ms,
 * or as soon as somebody says "look now" (knock.h), the rows above the last number
 * are read, and the jobs they name are made in memory (jobs.h) what their rows say.
 * Whose lease another machine did not renew loses its jobs here as well as there: the
 * first to write it wins.
 */
#pragma once

#include "common/err.h"
#include "jobs.h"

struct queue;

int follow_init(struct queue *q, struct err *err);
void follow_done(struct queue *q);
/* Begins to look. */
void follow_begin(struct queue *q);
/* What is moved from now on is seen: before all jobs are read. */
int follow_from_now(struct queue *q, struct err *err);
/* Looks now, or very soon where it has just looked. */
void follow_look(struct queue *q);

/* An open job of another machine, read by other ways: one may wait for its end from now on. */
void follow_know(struct queue *q, const struct store_job *row);
/* A claim came too late: another machine has that job, or is about to. */
void follow_taken(struct queue *q, struct job *job);
/* Those who wait for jobs that are not open any more are told so. */
void follow_wake_ended(struct queue *q);
/* The store was away: nobody could renew a lease. */
void follow_grace(struct queue *q);

/* The clock that the machines have in common. */
int follow_resume_age(struct queue *q, struct err *err);
/* Within an open transaction. */
int follow_keep_age(struct queue *q, struct err *err);
