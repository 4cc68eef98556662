/* SPDX-License-Identifier: MIT */
/*
 * Messages that bring bytes or must not be lost, until the store has them:
 * SUBMIT, ENDING and GIVEBACK. Bytes behind descriptors are sealed by the worker
 * first (spool.h). A submit that cannot be stored is refused; an ending or a
 * job given back is kept and tried again until it is stored.
 */
#pragma once

#include <stdbool.h>

#include "caller.h"
#include "common/job_id.h"
#include "wire/msg.h"

struct queue;

/* All take the message's blobs. gate: the gateway's number. */
void intake_submit(struct queue *q, uint64_t gate, struct msg *msg);
/* The same for a client that is known. False: it was refused. */
bool intake_take(struct queue *q, uint64_t gate, struct msg *msg, const struct caller *who);
void intake_ending(struct queue *q, struct msg *msg);
void intake_giveback(struct queue *q, struct msg *msg);

/* Is what came of this attempt on its way into the store? */
bool intake_has(const struct queue *q, const struct job_id *id, uint32_t attempt);
/* The store is back. */
void intake_retry(struct queue *q);
/* At the end of the process. */
void intake_done(struct queue *q);
