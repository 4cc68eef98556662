/* SPDX-License-Identifier: MIT */
/*
 * Group commit: all that the messages of one turn of the event loop write goes
 * into one transaction. What tells anybody about it waits until it is committed.
 *
 *	r = turn_begin(q, &err);           opens it, or joins the open one
 *	r = store_...(q->store, ...);
 *	if (r < 0 && r != -ESTALE)
 *		turn_spoil(q, &err);       nothing of this turn will be kept
 *	turn_after(q, tell, arg);          tell(q, arg, committed) afterwards
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

#define TURN_WRITES_MAX 512  /* then it is committed though more messages are there */
#define TURN_RETRY_MS   1000 /* after a failure the store is tried again */

struct queue;
struct after;

typedef void turn_fn(struct queue *q, void *arg, bool committed);

STAILQ_HEAD(afters, after);

struct turn {
	struct event *flush; /* owned; active at the end of the loop's turn */
	struct afters afters;
	bool spoiled;
	bool flushing;
	unsigned writes;
	struct metrics metrics_before; /* what a failed turn counted did not happen */
};

int turn_init(struct queue *q, struct err *err);
void turn_done(struct queue *q);

/* -errno while the store is down or the turn is spoiled. */
int turn_begin(struct queue *q, struct err *err);
void turn_spoil(struct queue *q, const struct err *err);
/*
 * fn is called once the open turn is over; at once (committed) where none is
 * open. It releases arg. On -ENOMEM it is not called.
 */
int turn_after(struct queue *q, turn_fn *fn, void *arg, struct err *err);
/* A message has been dealt with: ends the open turn where it has grown large. */
void turn_message_end(struct queue *q);
/* Ends the open turn now. May build the jobs in memory anew: pointers to them are stale. */
void turn_flush(struct queue *q);
