/* SPDX-License-Identifier: MIT */
/*
 * GET /v1/jobs/ID/events: a job as Server-Sent Events, from its start or from the event that
 * the client had last, to its end. A reader has a place in the stream and nothing else: what
 * it does not take stays where it is, in the job's files.
 */
#pragma once

#include "exchange.h"

struct reader;

void events_begin(struct exchange *ex);
void events_get(struct exchange *ex);

/* The service is being stopped: the stream ends, and its client comes back to the next one. */
void events_stop(struct reader *reader);
/* The exchange is gone. */
void events_forget(struct reader *reader);
