/* SPDX-License-Identifier: MIT */
/*
 * Something done to all jobs of a kind: cancelled, purged, handed in again. In steps of a few
 * milliseconds, between which others have their turn, each step in a turn of its own; what comes
 * while it goes on is not met. The store's rows say which jobs there are; a
 * label is looked up in the record of the request.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

#include "wire/msg.h"

struct queue;

/* SWEEP: answered with DONE, once all of it is stored. */
void sweep_begin(struct queue *q, uint64_t gate, const struct msg_sweep *ask);
/* JOB_PURGE: answered with DONE. */
void sweep_one(struct queue *q, uint64_t gate, const struct msg_job_purge *ask);
/* At the end of the process. */
void sweep_done(struct queue *q);
