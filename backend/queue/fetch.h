/* SPDX-License-Identifier: MIT */
/*
 * Bytes of a job that are in the database (spool.h), brought here by the worker.
 *
 *	r = fetch_start(q, &id, seq, attempt, want, done, &answer, &err);
 *	...	done(q, fetch), later, from the loop
 *	r = fetch_take(fetch, JOB_BLOB_OUT, &blob, &err);
 */
#pragma once

#include "store/store.h"
#include "waiters.h"
#include "wire/blob.h"

struct queue;
struct fetch;

typedef void fetch_fn(struct queue *q, struct fetch *fetch);

struct fetch {
	struct queue *queue;
	struct job_id id;
	uint32_t attempt;
	struct answer answer;                    /* as it was given */
	unsigned want;                           /* bits 1 << enum job_blob */
	struct store_blob stored[JOB_BLOB_MAX_]; /* owned */
	struct blob got[JOB_BLOB_MAX_];          /* owned */
	fetch_fn *done;
	int r; /* of all of it */
	struct err err;
};

/* `answer` may be NULL. Nothing is called on a failure, nor when the queue ends meanwhile. */
int fetch_start(struct queue *q, const struct job_id *id, uint64_t seq, uint32_t attempt,
	unsigned want, fetch_fn *done, const struct answer *answer, struct err *err);
/* Takes over what there is of that kind. */
int fetch_take(struct fetch *fetch, enum job_blob kind, struct blob *ret, struct err *err);
