/* SPDX-License-Identifier: MIT */
/*
 * The moves of a job (common/job_state.h), each in the turn (turn.h), in memory, and in
 * the log. They join the turn, and spoil it where the store fails. -ESTALE: the row
 * says otherwise; nothing was changed.
 */
#pragma once

#include "jobs.h"

struct queue;

/* What is written of an ending. */
struct move_ending {
	enum verdict verdict;
	const char *error, *image; /* may be NULL */
	enum isolation isolation;
	int64_t finished_unix_ms;       /* 0: now */
	const struct store_blob *blobs; /* may be NULL; there until the turn is over */
};

/* A new job; row->seq is filled in, and the bytes of the blobs may be taken over. `callback`: where
 * its ending is announced. Both may be NULL. */
int move_insert(struct queue *q, struct store_job *row, struct store_blob *blobs,
	struct store_key *key, const char *callback, struct err *err);
/* queued -> running, held by the connected driver. */
int move_run(struct queue *q, struct job *job, uint64_t gpus, struct err *err);
/* The driver has begun. */
int move_started(struct queue *q, struct job *job, int64_t at_unix_ms, const char *image,
	enum isolation isolation, struct err *err);
/* running -> queued. `failed`: it counts as an attempt. */
int move_requeue(
	struct queue *q, struct job *job, bool failed, const char *reason, struct err *err);
/*
 * -> done; the job is gone from memory, and its waiters are told after the commit.
 * `leaving`: its container is yet to be stopped.
 */
int move_end(struct queue *q, struct job *job, const struct move_ending *ending, bool leaving,
	struct err *err);
/*
 * One more failed attempt of a running job: queued again, or, where all are used
 * up, done with that verdict (lost or engine_error) and reason.
 */
int move_fail(struct queue *q, struct job *job, enum verdict verdict, const char *reason,
	struct err *err);
