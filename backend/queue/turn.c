/* SPDX-License-Identifier: MIT */
#include "turn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "drive.h"
#include "knock.h"
#include "queue.h"
#include "rebuild.h"

struct after {
	STAILQ_ENTRY(after) next;
	turn_fn *fn;
	void *arg;
};

/* The loop's turn is over: hands over what may start, and commits what somebody waits for. */
static void on_end(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval hold = { .tv_usec = TURN_HOLD_MS * 1000 };
	struct queue *q = arg;

	(void)fd;
	(void)what;
	if (q->turn.open && !q->turn.spoiled && !q->stopping)
		drive_admit(q);
	if (q->turn.owed || q->turn.spoiled)
		turn_flush(q);
	else if (q->turn.open && !event_pending(q->turn.hold, EV_TIMEOUT, NULL))
		(void)event_add(q->turn.hold, &hold);
}

static void on_hold_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	turn_flush(arg);
}

int turn_init(struct queue *q, struct err *err)
{
	STAILQ_INIT(&q->turn.afters);
	pending_init(&q->turn.pending);
	q->turn.end = event_new(q->base, -1, 0, on_end, q);
	q->turn.hold = event_new(q->base, -1, 0, on_hold_over, q);
	return q->turn.end == NULL || q->turn.hold == NULL ? err_set(err, ENOMEM, "event") : 0;
}

void turn_done(struct queue *q)
{
	struct pendings pendings = pending_take(&q->turn.pending);

	pending_free_all(&pendings);
	if (q->turn.end != NULL)
		event_free(q->turn.end);
	if (q->turn.hold != NULL)
		event_free(q->turn.hold);
	q->turn.end = NULL;
	q->turn.hold = NULL;
}

int turn_join(struct queue *q, struct err *err)
{
	if (!q->store_up)
		return err_say(err, EIO, "%s", q->store_reason);
	if (q->turn.spoiled)
		return err_say(err, EIO, "the store refused an earlier write of this turn");
	if (!q->turn.open)
		q->turn.metrics_before = q->metrics;
	q->turn.open = true;
	q->turn.writes++;
	/* Behind all events that are active now: they join this turn. */
	event_active(q->turn.end, EV_TIMEOUT, 0);
	return 0;
}

void turn_owe(struct queue *q)
{
	if (q->turn.owed || (!q->turn.open && !q->turn.spoiled))
		return;
	q->turn.owed = true;
	event_active(q->turn.end, EV_TIMEOUT, 0);
}

/* The store's transaction is open and has all that was pending. */
static int write_pending(struct queue *q, struct err *err)
{
	int r = 0;

	if (!store_in_transaction(q->store))
		r = store_begin(q->store, err);
	if (r == 0)
		r = pending_write(&q->turn.pending, q->store, err);
	if (r < 0)
		turn_spoil(q, err);
	return r;
}

int turn_begin(struct queue *q, struct err *err)
{
	int r = turn_join(q, err);

	if (r == 0)
		r = write_pending(q, err);
	if (r == 0)
		turn_owe(q);
	return r;
}

static void store_down(struct queue *q, const struct err *err)
{
	const struct timeval retry = { .tv_sec = TURN_RETRY_MS / 1000 };

	if (q->store_up)
		log_error("store is down: %s", err->msg);
	q->store_up = false;
	(void)snprintf(q->store_reason, sizeof(q->store_reason), "%s", err->msg);
	(void)event_add(q->retry, &retry);
}

void turn_spoil(struct queue *q, const struct err *err)
{
	q->turn.spoiled = true;
	store_down(q, err);
	event_active(q->turn.end, EV_TIMEOUT, 0);
}

int turn_after(struct queue *q, turn_fn *fn, void *arg, struct err *err)
{
	struct after *after;

	if (!q->turn.open && !q->turn.spoiled) {
		fn(q, arg, true);
		return 0;
	}
	after = calloc(1, sizeof(*after));
	if (after == NULL)
		return err_set(err, ENOMEM, "turn");
	after->fn = fn;
	after->arg = arg;
	STAILQ_INSERT_TAIL(&q->turn.afters, after, next);
	return 0;
}

static bool commit(struct queue *q)
{
	struct err err;
	int r;

	if (!q->turn.spoiled && !q->stopping)
		drive_admit(q); /* the driver may begin while the disk syncs: nobody was told yet */
	if (!q->turn.spoiled && !STAILQ_EMPTY(&q->turn.pending.list))
		(void)write_pending(q, &err);
	if (!q->turn.spoiled && store_in_transaction(q->store)) {
		r = store_commit(q->store, &err);
		if (r == 0)
			return true;
		turn_spoil(q, &err);
	}
	if (!q->turn.spoiled)
		return true;
	store_rollback(q->store);
	q->metrics = q->turn.metrics_before;
	q->kept.stale = true;
	log_error("what this turn wrote was rolled back");
	return false;
}

static void run_checkpoint(void *arg)
{
	struct queue *q = arg;
	struct err err;

	if (store_checkpoint(q->store, &err) < 0)
		log_warning("%s", err.msg);
}

static void checkpoint_done(void *arg)
{
	struct queue *q = arg;
	struct err err;

	q->checkpointing = false;
	if (!store_in_transaction(q->store) && store_checkpoint_rest(q->store, &err) < 0)
		log_warning("%s", err.msg);
}

static void checkpoint(struct queue *q)
{
	struct err err;

	if (q->checkpointing || !store_wants_checkpoint(q->store))
		return;
	q->checkpointing = worker_post(q->worker, run_checkpoint, checkpoint_done, q, &err) == 0;
}

void turn_message_end(struct queue *q)
{
	if (q->turn.writes >= TURN_WRITES_MAX)
		turn_flush(q);
}

static void call_afters(struct queue *q, bool committed)
{
	struct afters afters = STAILQ_HEAD_INITIALIZER(afters);
	struct after *after;

	STAILQ_CONCAT(&afters, &q->turn.afters);
	while ((after = STAILQ_FIRST(&afters)) != NULL) {
		STAILQ_REMOVE_HEAD(&afters, next);
		after->fn(q, after->arg, committed);
		free(after);
	}
}

void turn_flush(struct queue *q)
{
	struct pendings written;
	bool committed;

	if (q->turn.flushing || (!q->turn.open && !q->turn.spoiled))
		return;
	q->turn.flushing = true;
	committed = commit(q);
	written = pending_take(&q->turn.pending);
	if (!committed)
		rebuild_after_failure(q);
	(void)event_del(q->turn.hold);
	q->turn.open = false;
	q->turn.owed = false;
	q->turn.spoiled = false;
	q->turn.writes = 0;
	q->turn.flushing = false;
	call_afters(q, committed);
	pending_free_all(&written);
	if (committed) {
		knock_say(q);
		checkpoint(q);
	}
}
