/* SPDX-License-Identifier: MIT */
/*
 * The gateway's way to the queue: asks one question at a time for each of its
 * callers, keeps what waits for an answer, and connects again, with growing
 * pauses, where the queue went away. Meanwhile every question is answered with
 * "not there" at once. One thread, a libevent loop.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "wire/msg.h"

struct upstream;

/*
 * The answer to one question; `msg` is released after the call, blobs taken out of it
 * are the callee's. NULL: the queue is away, or went away before it answered.
 */
typedef void upstream_reply(void *arg, struct msg *msg);

/* `idle` is called once all messages that were there have been passed on: time to write answers. */
int upstream_new(struct event_base *base, const struct config *config, void (*idle)(void *arg),
	void *arg, struct upstream **ret, struct err *err);
/* What still waits gets no answer. NULL is fine. */
void upstream_free(struct upstream *up);

bool upstream_is_up(const struct upstream *up);

/*
 * Sends a question of one of the types that have a token, which this fills in.
 * Its blobs stay the caller's. 0, then exactly one call of `reply`, later, unless
 * upstream_forget() comes first; or -errno and no call.
 */
int upstream_ask(struct upstream *up, struct msg *msg, upstream_reply *reply, void *arg,
	uint64_t *ret_token, struct err *err);

/* The asker has left: no call any more. */
void upstream_forget(struct upstream *up, uint64_t token);

/* Questions that wait for an answer. */
size_t upstream_pending(const struct upstream *up);
