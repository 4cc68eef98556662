/* SPDX-License-Identifier: MIT */
/*
 * Input for jobs that run: from a gateway to the driver, and the driver's word that it has it
 * back. Nothing of it is stored; what is not with a driver is not taken. A client may wait
 * with it until its job starts.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

#include "common/job_id.h"
#include "wire/msg.h"

struct queue;
struct typed_ask;

TAILQ_HEAD(typed_asks, typed_ask);

struct typed {
	struct typed_asks waiting; /* for their jobs to start; owned */
	size_t n;
};

void typed_init(struct queue *q);
void typed_done(struct queue *q);
/* May take the message's bytes. */
void typed_ask(struct queue *q, uint64_t gate, struct msg_job_input *ask);
void typed_taken(struct queue *q, struct msg *msg);
/* The job is in its container. */
void typed_started(struct queue *q, const struct job_id *id);
/* The client has left. */
void typed_forget(struct queue *q, uint64_t gate, uint64_t token);
void typed_forget_gate(struct queue *q, uint64_t gate);
