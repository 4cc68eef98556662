/* SPDX-License-Identifier: MIT */
/* What is in memory, from what is in the store: at a start, and after a failed turn. */
#pragma once

#include "common/err.h"

struct queue;

/*
 * At the start: the age, the open jobs with their leases, and a spool and rows that
 * agree. Jobs whose task the configuration has no more are ended.
 */
int rebuild_at_start(struct queue *q, struct err *err);
/* Writes the age into the open transaction. */
int rebuild_keep_age(struct queue *q, struct err *err);
/*
 * After a turn that failed. Gives the process up where the store cannot even be read; a
 * database of its own may be away for long: q->stale then, and nothing is done yet.
 */
void rebuild_after_failure(struct queue *q);
/* The rest of it, once the database answers. */
int rebuild_stale(struct queue *q, struct err *err);
