/* SPDX-License-Identifier: MIT */
/*
 * Group commit: what messages write goes into one transaction, which is synced once. What
 * tells anybody about it waits until it is committed.
 *
 *	r = turn_join(q, &err);            a move of a job will be written (pending.h)
 *	turn_after(q, tell, arg);          tell(q, arg, committed) afterwards
 *	turn_owe(q);                       somebody waits for that
 *
 * A turn in which somebody is owed an answer ends with the turn of the event loop. One that
 * nobody waits for goes on for TURN_HOLD_MS, so that a job whose client waits for its ending
 * is stored once, with its ending, where it is that short. Nothing was acknowledged until
 * then: a crash may take it. The driver gets its jobs at the end of the loop's turn in any
 * case: it may begin while the disk syncs.
 *
 * What is no move of a job is written at once:
 *
 *	r = turn_begin(q, &err);           opens the transaction, or joins the open one
 *	r = store_...(q->store, ...);
 *	if (r < 0 && r != -ESTALE)
 *		turn_spoil(q, &err);       nothing of this turn will be kept
 *
 * A turn that fails is rolled back, and what is in memory is built anew from
 * the store, as at a start.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/err.h"
#include "metrics.h"
#include "pending.h"

#define TURN_WRITES_MAX 512  /* then it is committed though more messages are there */
#define TURN_HOLD_MS    10   /* that nobody waits for */
#define TURN_RETRY_MS   1000 /* after a failure the store is tried again */

struct queue;
struct after;

typedef void turn_fn(struct queue *q, void *arg, bool committed);

STAILQ_HEAD(afters, after);

struct turn {
	struct event *end;  /* owned; active at the end of the loop's turn */
	struct event *hold; /* owned; fires where nobody waits for the turn */
	struct afters afters;
	struct pending_set pending;
	bool open; /* something is to be committed, or may be */
	bool owed; /* somebody waits for it */
	bool spoiled;
	bool flushing;
	unsigned writes;
	struct metrics metrics_before; /* what a failed turn counted did not happen */
};

int turn_init(struct queue *q, struct err *err);
void turn_done(struct queue *q);

/* -errno while the store is down or the turn is spoiled. */
int turn_join(struct queue *q, struct err *err);
/* The same, and the store's transaction is open, with all that is pending written to it. */
int turn_begin(struct queue *q, struct err *err);
/* The turn ends with the loop's. */
void turn_owe(struct queue *q);
void turn_spoil(struct queue *q, const struct err *err);
/*
 * fn is called once the open turn is over; at once (committed) where none is open. It
 * releases arg. On -ENOMEM it is not called. Nobody's wait for it ends the turn.
 */
int turn_after(struct queue *q, turn_fn *fn, void *arg, struct err *err);
/* A message has been dealt with: ends the open turn where it has grown large. */
void turn_message_end(struct queue *q);
/* Ends the open turn now. May build the jobs in memory anew: pointers to them are stale. */
void turn_flush(struct queue *q);
