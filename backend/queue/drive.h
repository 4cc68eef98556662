/* SPDX-License-Identifier: MIT */
/*
 * The driver: its connection, the jobs it gets, what it says of them, and the
 * leases it holds.
 *
 * One at a time. HELLO names its process; the first NODE names what it runs,
 * endings that it has not got acknowledged included: rows of another process are
 * queued again at once, rows of the same one that it does not name soon after,
 * and what it runs without holding a lease it is told to stop. Only then does
 * it get jobs. While it is connected its leases are renewed; without it they run out.
 */
#pragma once

#include <stdbool.h>

#include "admission.h"
#include "common/err.h"
#include "common/job_id.h"

struct job;
struct msg;
struct queue;

int drive_init(struct queue *q, struct err *err);
/* Takes fd, a connection whose peer's user was checked. */
void drive_accept(struct queue *q, int fd);
void drive_reap(struct queue *q);
void drive_done(struct queue *q);

/* What all jobs together may take: the configuration's word, else the machine's size. */
struct admission_need drive_budget(const struct queue *q, int *ret_slots);
/* Is it there, with its engine? */
bool drive_is_ready(const struct queue *q);
/* What all jobs together may take: the configuration's word, else the machine's size. */
struct admission_need drive_budget(const struct queue *q, int *ret_slots);
/* Is there a job that could start now? */
bool drive_can_admit(struct queue *q);
/* Within a turn: hands over all that may start. */
void drive_admit(struct queue *q);
/*
 * A queued job's hand-over was not committed, because the turn failed or the process before
 * this one died; the driver has the job nevertheless, and keeps it.
 */
void drive_claim_again(struct queue *q, struct job *job);
/* No new job for it for a moment. */
void drive_hold(struct queue *q, int ms);

/* A TAP of a job that it runs. */
void drive_tap(struct queue *q, const struct msg *msg);
/* False: there is none to ask. */
bool drive_ask_metrics(struct queue *q);
/* What it said found no memory here: it says it again, over a new connection. */
void drive_begin_anew(struct queue *q, const struct err *why);
void drive_ack(struct queue *q, const struct job_id *id, uint32_t attempt);
/* Has it that job from this queue? */
bool drive_runs(const struct queue *q, const struct job *job);
/* INPUT for a job that it runs. False: it does not take any now. */
bool drive_input(struct queue *q, const struct msg *msg);
/* After the open turn. lease_lost: without a word; else end it as cancelled. */
void drive_stop_later(struct queue *q, const struct job_id *id, uint32_t attempt, bool lease_lost);
