/* SPDX-License-Identifier: MIT */
/* A finished job's request, handed in once more for the client that made it: a new job. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "caller.h"
#include "common/err.h"
#include "wire/msg.h"

struct fetch;
struct queue;
struct store_job;

/*
 * As if it came from `gate` with `token`; of the answer `want`. `fetch`: its bytes, brought here
 * before; NULL: what is at hand, else -EINPROGRESS. *ret_taken: it was not refused, which is
 * answered already.
 */
int again_submit(struct queue *q, uint64_t gate, uint64_t token, uint32_t want,
	const struct store_job *row, struct fetch *fetch, const struct caller *who, bool *ret_taken,
	struct err *err);
/* JOB_RETRY: answered with JOB. */
void again_ask(struct queue *q, uint64_t gate, const struct msg_job_retry *ask);
