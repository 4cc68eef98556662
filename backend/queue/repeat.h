/* SPDX-License-Identifier: MIT */
/*
 * Submits that may be repeated: a client's key belongs to one job for as long as that is kept.
 * Two that come at one time, on whichever machines, make one job: the key's row decides.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "store/store.h"
#include "wire/msg.h"

struct caller;
struct queue;

/*
 * The key is taken: answers with its job, or refuses where that was another request. False:
 * it is free, or there is none, and nothing was said.
 */
bool repeat_answer(
	struct queue *q, uint64_t gate, const struct msg_submit *submit, const struct caller *who);
/* The key of a submit, for a job that is not there yet. */
struct store_key repeat_key(const struct msg_submit *submit, const char *client);
/*
 * Gives the key to a job that this turn has inserted. -EEXIST: another machine was faster,
 * and the job is withdrawn. Another failure spoils the turn.
 */
int repeat_keep(struct queue *q, const struct store_key *key, struct err *err);
