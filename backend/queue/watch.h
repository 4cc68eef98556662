/* SPDX-License-Identifier: MIT */
/*
 * Those who watch a job. A watcher says what it knows of the job (WATCH), and is told once, as
 * soon as that is not so any more: with JOB for a move, for another place in the queue, and
 * for the end; with PROGRESS, by way of the driver that runs it, for output. Then it asks
 * again. So nobody is told more than he takes, and a job that nobody watches costs nothing.
 *
 * An attempt is told of when it is committed: its number never stands for two of them.
 */
#pragma once

#include "common/err.h"
#include "common/job_id.h"
#include "waiters.h"
#include "wire/msg.h"

struct queue;

int watch_init(struct queue *q, struct err *err);
void watch_ask(struct queue *q, uint64_t gate, const struct msg_watch *ask);
/* From the driver: to whom it belongs. May take descriptors out of the message. */
void watch_progress(struct queue *q, struct msg *msg);
/* The job is in another state, or another attempt: within the open turn, or without one. */
void watch_moved(struct queue *q, const struct job_id *id);
/* Somebody's token counts no more: he is told so at once, if he watches. */
void watch_revoked(struct queue *q);
/* The driver is connected anew, and knows of no watchers. */
void watch_again(struct queue *q);
void watch_timed_out(struct queue *q, const struct answer *answer);
