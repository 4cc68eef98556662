/* SPDX-License-Identifier: MIT */
/* Answers to gateways. What a gateway does not take any more closes its connection. */
#pragma once

#include <stdbool.h>

#include "waiters.h"
#include "wire/msg.h"

struct queue;
struct job;
struct pending;

void reply_send(struct queue *q, uint64_t number, const struct msg *msg);
void reply_refused(struct queue *q, uint64_t gate, uint64_t token, enum refusal why,
	const char *detail, uint32_t retry_after_s);
/* JOB as it stands, or REFUSED; once the open turn is over where that has written something. */
void reply_job(struct queue *q, const struct answer *answer);
/* The same of a job whose ending was committed just now. */
void reply_ended(struct queue *q, const struct answer *answer, const struct pending *p);
/*
 * JOB as it stands once all that this turn has to do with it is committed; where the job is
 * not done and wait_ms is not 0, when it ends or that time is over. `write`: the answer
 * acknowledges something that this turn wrote: REFUSED where it was not committed.
 */
void reply_job_later(struct queue *q, const struct answer *answer, uint32_t wait_ms, bool write);
void reply_status(struct queue *q, uint64_t gate, uint64_t token);
/* drivers: its text, NULL or empty where there is none. */
void reply_metrics(struct queue *q, uint64_t gate, uint64_t token, const struct blob *drivers);
/* DONE */
void reply_count(struct queue *q, uint64_t gate, uint64_t token, uint64_t n, uint64_t refused);
/* One page, newest first. */
void reply_list(
	struct queue *q, uint64_t gate, const struct msg_job_list *ask, const struct caller *who);
/*
 * All of the queue; large ones in steps, one list after the other, between which others have their
 * turn.
 */
void reply_queue(
	struct queue *q, uint64_t gate, const struct msg_queue_get *ask, const struct caller *who);
/* Nobody wants the list that was asked for so. */
void reply_forget(struct queue *q, uint64_t gate, uint64_t token);
/* Drops the lists that are on their way. */
void reply_done(struct queue *q);
