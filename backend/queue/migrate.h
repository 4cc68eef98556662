/* SPDX-License-Identifier: MIT */
/*
 * All jobs of one store into the other, while no queue runs: rows, bytes and the log of moves.
 *
 * The store they come to says that it is unfinished until all is there and was compared; a queue
 * refuses to start on it, and the next migration begins anew. The one they come from says
 * that its jobs were moved, and is emptied last. Whatever is cut off leaves one store with
 * all of them, and says what to do.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/err.h"

struct store;

struct migrate_counts {
	uint64_t jobs, files, bytes; /* bytes: those of all blobs */
};

/*
 * To the database of the configuration, or from it to SQLite. In the state directory, as the
 * user who starts the queue. -EBUSY: a queue runs. -EEXIST: there are jobs already.
 */
int migrate_run(
	const struct config *config, bool to_database, struct migrate_counts *ret, struct err *err);

/* At the start of a queue: -EPROTO where a migration says that this is not its store. */
int migrate_check(struct store *store, struct err *err);
/* The queue's for as long as the process lives. -EBUSY: another has the state directory. */
int migrate_lock(struct err *err);
