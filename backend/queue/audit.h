/* SPDX-License-Identifier: MIT */
/*
 * Who did what, beyond handing in jobs and fetching results: an entry in the store and a line in
 * the log for each.
 *
 *	r = audit_note(q, &who, "pause", task, "", &err);      within the turn that does it
 */
#pragma once

#include "caller.h"
#include "common/err.h"

/*
 * Opens the turn, or joins the open one. what: one word; object: what it was done to, a client, a
 * task, or ""; detail: more words, or "". A failure spoils the turn.
 */
int audit_note(struct queue *q, const struct caller *who, const char *what, const char *object,
	const char *detail, struct err *err);
