/* SPDX-License-Identifier: MIT */
/* What steers the queue: pausing, and what is done to many jobs at once. */
#pragma once

#include "exchange.h"

/* POST /v1/queue/pause and /v1/queue/resume */
void control_pause_begin(struct exchange *ex);
void control_pause(struct exchange *ex);
void control_resume(struct exchange *ex);
/* DELETE /v1/jobs: cancels, or with purge=1 removes, all that are as said */
void control_delete(struct exchange *ex);
/* POST /v1/jobs/retry */
void control_retry_many(struct exchange *ex);
/* POST /v1/jobs/{id}/retry */
void control_retry(struct exchange *ex);
/* DELETE /v1/jobs/{id}?purge=1. False: purge is not given, and nothing was done. */
bool control_purge(struct exchange *ex);

/*
 * What a body, or an exchange's query parameters, ask for; each message was given msg_init().
 * -EINVAL is the client's mistake, said in `err`.
 */
int control_parse_pause(const void *body, size_t n, struct msg_pause *ret, struct err *err);
int control_read_delete(const struct exchange *ex, struct msg_sweep *ret, struct err *err);
int control_read_retry(const struct exchange *ex, struct msg_sweep *ret, struct err *err);

/* Members `paused` and `paused_tasks` of the queue's document. */
int control_write_paused(struct json_text *t, const struct msg_jobs *jobs, struct err *err);
