/* SPDX-License-Identifier: MIT */
/*
 * One thread for what may take long: syncs, copies and hashes of spool files,
 * their removal, checkpoints. What is posted runs in that order; its `done` is
 * called later in the event loop's thread, in the same order.
 */
#pragma once

#include <event2/event.h>

#include "common/err.h"

struct worker;

typedef void worker_fn(void *arg);

int worker_start(struct event_base *base, struct worker **ret, struct err *err);
/*
 * `run` in the thread, then `done` (may be NULL) in the loop. -ENOMEM, or -ESHUTDOWN where the
 * worker is NULL, since it was stopped: neither will be called.
 */
int worker_post(struct worker *worker, worker_fn *run, worker_fn *done, void *arg, struct err *err);
/* Lets the thread finish all that was posted, calls what is `done`, and ends it. NULL is fine. */
void worker_stop(struct worker *worker);
