/* SPDX-License-Identifier: MIT */
/*
 * Results go when their time is over: finished plus retention on the service's
 * own clock, so never a waiting or running job. A few at a time, so that nobody
 * waits behind it; the files go after the rows, in the worker.
 */
#pragma once

#include <stdint.h>

#include "common/err.h"

struct queue;

#define RETENTION_STEP 64 /* jobs removed in one turn */

int retention_init(struct queue *q, struct err *err);
/* A job ended that expires then. */
void retention_expect(struct queue *q, int64_t expires_age_ms);
/* Looks into the store for the next one. */
void retention_schedule(struct queue *q);
