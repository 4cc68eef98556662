/* SPDX-License-Identifier: MIT */
/*
 * Who did what, beyond handing in jobs and fetching results: an entry in the store and a line in
 * the log for each.
 *
 *	r = audit_note(q, &who, "pause", task, "", &err);      within the turn that does it
 *	r = audit_job(q, &who, "cancel", seq, &id, attempt, &err);
 */
#pragma once

#include <stdint.h>

#include "caller.h"
#include "common/err.h"
#include "common/job_id.h"

struct msg_client_ask;

/*
 * Opens the turn, or joins the open one. what: one word; object: what it was done to, a client, a
 * task, or ""; detail: more words, or "". A failure spoils the turn.
 */
int audit_note(struct queue *q, const struct caller *who, const char *what, const char *object,
	const char *detail, struct err *err);
/* The same of a job, and in its own log: after its move in the same turn. */
int audit_job(struct queue *q, const struct caller *who, const char *what, uint64_t seq,
	const struct job_id *id, uint32_t attempt, struct err *err);
/* Answers with a page of entries, newest first. */
void audit_reply(struct queue *q, uint64_t gate, const struct msg_client_ask *ask);
