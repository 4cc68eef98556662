/* SPDX-License-Identifier: MIT */
/*
 * Cases of jobs that run, as far as they have ended: what their driver said last (CASES), in
 * memory only. They are shown until the job's own result is there, or it runs anew.
 */
#pragma once

#include "wire/msg.h"

struct queue;

/* From the driver: takes the place of what it said before. */
void cases_take(struct queue *q, const struct msg_cases *said);
/* Into the answer about a running job, where there are any. 0 or -ENOMEM. */
int cases_show(struct queue *q, struct msg_job *msg, struct err *err);
