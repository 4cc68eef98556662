/* SPDX-License-Identifier: MIT */
/*
 * The courier's way to the queue: connects, connects again with growing pauses, and keeps
 * what came of an attempt until there is somebody to tell.
 */
#pragma once

#include <event2/event.h>

#include "common/config.h"
#include "wire/channel.h"

struct queue_line;

struct queue_line_ops {
	void (*message)(struct msg *msg, void *arg);
	/* The queue went away: what was asked is not answered any more. */
	void (*lost)(void *arg);
};

int queue_line_new(struct event_base *base, const struct config *config,
	const struct queue_line_ops *ops, void *arg, struct queue_line **ret, struct err *err);
/* NULL is fine. */
void queue_line_free(struct queue_line *line);
/* Begins to connect. */
void queue_line_connect(struct queue_line *line);
/* -ENOTCONN: nobody is there. The message stays the caller's. */
int queue_line_ask(struct queue_line *line, const struct msg *msg, struct err *err);
/* DELIVERED, now or when the queue is there again. */
void queue_line_tell(struct queue_line *line, const struct msg_delivered *delivered);
