/* SPDX-License-Identifier: MIT */
/*
 * The last hour in numbers: a ring of samples, one every HISTORY_STEP_S. In memory alone:
 * a start begins with an empty one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "wire/sample.h"

#define HISTORY_STEP_S 10
#define HISTORY_MAX    (60 * 60 / HISTORY_STEP_S)

struct event;
struct queue;

struct history {
	struct event *event; /* owned */
	size_t n, first;     /* of ring */
	struct sample ring[HISTORY_MAX];
};

/* The oldest one goes where there are too many. */
void history_add(struct history *history, const struct sample *sample);
/* The i-th from the oldest on, i < history->n. */
const struct sample *history_at(const struct history *history, size_t i);

int history_init(struct queue *q, struct err *err);
void history_done(struct queue *q);
/* How things are now. */
struct sample history_now(const struct queue *q);
/* Answers MSG_HISTORY_GET: the ring, and the present at its end. */
void history_reply(struct queue *q, uint64_t gate, uint64_t token);
