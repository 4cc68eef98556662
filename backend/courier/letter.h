/* SPDX-License-Identifier: MIT */
/*
 * The announcement of one job's ending: its body, {"type": "job.done", "timestamp": ...,
 * "data": the job as GET gives it}, and the headers that Standard Webhooks wants. The body is
 * read from front to back, and never whole in memory where the job printed much.
 */
#pragma once

#include "document/json_stream.h"
#include "seal.h"
#include "wire/msg.h"

#define LETTER_ID_MAX 64

struct letter {
	char id[LETTER_ID_MAX]; /* the same at each attempt */
	int64_t timestamp;      /* of this attempt, seconds */
	char signature[SEAL_TEXT_MAX];
	struct json_stream *body; /* owned */
};

/* The job must have ended and have its blobs. Reads them twice. */
int letter_write(
	const struct seal *seal, const struct msg_job *job, struct letter *ret, struct err *err);
void letter_done(struct letter *letter);
