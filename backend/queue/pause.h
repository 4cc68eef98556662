/* SPDX-License-Identifier: MIT */
/*
 * Pausing: of a task, or of the whole queue, no job starts; those that run go on, and new
 * ones may come and wait. Kept in the store, so that it outlives this process, and holds for
 * all machines that share one.
 */
#pragma once

#include <stdint.h>

#include "wire/blob.h"
#include "wire/msg.h"

struct queue;

/* Makes the tasks in memory what the store says. */
int pause_load(struct queue *q, struct err *err);
/* PAUSE: answered with DONE. */
void pause_set(struct queue *q, uint64_t gate, const struct msg_pause *ask);
/* Names of paused tasks (strings of pack.h, to the end), for MSG_JOBS. */
int pause_list(const struct queue *q, struct blob *ret, struct err *err);
