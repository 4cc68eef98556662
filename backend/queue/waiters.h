/* SPDX-License-Identifier: MIT */
/*
 * Requests that wait for a job to end: long polls, and submits with a wait; and watchers, which
 * want to hear of every move of it (watch.h).
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "caller.h"
#include "common/err.h"
#include "common/hash.h"
#include "common/job_id.h"

/* What a request wants to be told, and by which way. */
struct answer {
	uint64_t gate; /* struct gate's number */
	uint64_t token;
	struct job_id id;
	uint32_t want;
	struct caller who;
	bool replayed;    /* of a submit: its job was there already */
	bool watch;       /* the rest is what a watcher knows of the job */
	uint8_t stage;    /* enum watch_stage */
	uint32_t attempt; /* 0: none yet */
	uint64_t position;
};

struct waiter;
struct waiters_of;

struct waiters {
	struct event_base *base;
	struct waiter *by_token;   /* hash; owns them */
	struct waiters_of *by_job; /* hash */
	size_t n_watches;
	/* The wait is over without an ending. The waiter is gone by then. */
	void (*timed_out)(const struct answer *answer, void *arg);
	void *arg;
};

void waiters_init(struct waiters *waiters, struct event_base *base,
	void (*timed_out)(const struct answer *answer, void *arg), void *arg);
void waiters_done(struct waiters *waiters);

/* -EEXIST: that gateway already waits under that token. */
int waiters_add(
	struct waiters *waiters, const struct answer *answer, uint32_t wait_ms, struct err *err);
/* Does anybody wait for that job? */
bool waiters_has(const struct waiters *waiters, const struct job_id *id);
/* The client has left. False: it was told already. */
bool waiters_forget(struct waiters *waiters, uint64_t gate, uint64_t token);
void waiters_forget_gate(struct waiters *waiters, uint64_t gate);
/* The job has ended: fn is called for each of its waiters, which are gone then. */
void waiters_wake(struct waiters *waiters, const struct job_id *id,
	void (*fn)(const struct answer *answer, void *arg), void *arg);
/* The same for all whose job `unless` is not true of. */
void waiters_wake_unless(struct waiters *waiters,
	bool (*unless)(const struct job_id *id, void *arg),
	void (*fn)(const struct answer *answer, void *arg), void *arg);
/* NULL: nobody waits there. Good until the waiters change. */
const struct answer *waiters_find(const struct waiters *waiters, uint64_t gate, uint64_t token);
/*
 * Those who watch that job, or (NULL) any, and of whom `which` is true: as waiters_wake(). fn
 * must add none.
 */
void waiters_wake_watches(struct waiters *waiters, const struct job_id *id,
	bool (*which)(const struct answer *answer, void *arg),
	void (*fn)(const struct answer *answer, void *arg), void *arg);
/* Does anybody watch that job? */
bool waiters_has_watch(const struct waiters *waiters, const struct job_id *id);
size_t waiters_count(const struct waiters *waiters);
