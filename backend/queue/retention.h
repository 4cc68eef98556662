/* SPDX-License-Identifier: MIT */
/*
 * Results go when their time is over: finished plus retention on the service's
 * own clock, so never a waiting or running job. Before that they go where they take more
 * bytes than a client, or all together, may keep (kept.h), the oldest first. A few at a
 * time, so that nobody waits behind it; the files go after the rows, in the worker.
 */
#pragma once

#include <stdint.h>

#include "common/err.h"
#include "metrics.h"
#include "store/store.h"

struct queue;

#define RETENTION_STEP 64 /* jobs removed in one turn at most */

int retention_init(struct queue *q, struct err *err);
/* A job ended that expires then. */
void retention_expect(struct queue *q, int64_t expires_age_ms);
/* There is more than may be kept. */
void retention_soon(struct queue *q);
/*
 * Removes jobs that are done, at most RETENTION_STEP of them, in the open turn or a new one;
 * their files, and what is kept, follow after the commit. A failure spoils the turn.
 */
int retention_remove(
	struct queue *q, const struct store_done *done, size_t n, enum gone why, struct err *err);
/* Looks into the store for the next one. */
void retention_schedule(struct queue *q);
/*
 * A done job goes now, in the open turn or a new one; its files after it. -ESTALE: it is not
 * done, or has gone. Another failure spoils the turn.
 */
int retention_delete(struct queue *q, uint64_t seq, struct err *err);
