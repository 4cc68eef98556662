/* SPDX-License-Identifier: MIT */
/*
 * What a transaction has written so far, so that it can be written once more when the
 * server rolled it back (a deadlock) or went away with it. Each statement must then do
 * what it did the first time.
 */
#pragma once

#include "mariadb_link.h"

#define REDO_BYTES_MAX (64 * 1024 * 1024) /* a transaction beyond it is not repeated */

struct redo_entry;

struct redo {
	struct redo_entry *entry; /* owned */
	size_t n, cap, bytes;
	bool incomplete; /* too large, or no memory: it cannot be repeated */
};

/* The values are copied. */
void redo_add(
	struct redo *redo, enum statement which, const struct cell *in, size_t n, uint64_t changed);
void redo_clear(struct redo *redo);
/*
 * All of it, in the transaction that is open. -EAGAIN: a statement found other rows than
 * the first time, or it cannot be repeated.
 */
int redo_run(const struct redo *redo, struct mariadb_link *link, struct err *err);
