/* SPDX-License-Identifier: MIT */
/*
 * Endings that somebody outside is told of. What is due is in the store, from the transaction
 * of the job's ending on; here is when to look, and what the courier has at the moment.
 *
 *	due ──claim──▶ the courier tries ──2xx──▶ delivered
 *	 ▲                  │
 *	 └── back-off ◀── failed, busy, lost ──too late──▶ failed
 *
 * A claim is a time ahead, until which nobody else tries; it fences what is said of the
 * attempt. Several machines with one store claim from the same rows.
 *
 * A job stays while its ending is announced, at most callback_retry_s longer than otherwise.
 */
#pragma once

#include <event2/event.h>
#include <stdint.h>
#include <sys/queue.h>

#include "store/store.h"
#include "wire/msg.h"

struct queue;
struct gate;
struct flight;

TAILQ_HEAD(flights, flight);

struct outbox {
	struct event *timer;    /* owned; looks for what is due */
	int64_t due_age_ms;     /* when it fires; INT64_MAX: not at all */
	uint64_t gate;          /* the courier's number; 0: none is there */
	struct flights flights; /* what it has */
	size_t n_flights;
};

int outbox_init(struct queue *q, struct err *err);
void outbox_done(struct queue *q);

/* A courier has come, and with what it had: it is not the queue's before. */
void outbox_courier(struct queue *q, uint64_t gate);
void outbox_courier_left(struct queue *q, uint64_t gate);

/* A new job's, whose row this turn has made. Spoils the turn on failure. */
int outbox_keep(struct queue *q, const struct store_job *row, const char *url, struct err *err);
/* When a job goes that ends now. */
int64_t outbox_expiry(const struct queue *q, int64_t retention_s, bool announced);
/* An ending is due from then on. */
void outbox_expect(struct queue *q, int64_t age_ms);
void outbox_delivered(struct queue *q, const struct msg_delivered *said);
