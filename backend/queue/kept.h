/* SPDX-License-Identifier: MIT */
/*
 * What is kept of jobs that have ended: how many of each client, and their bytes; a number
 * for each, brought up to date as jobs end and go, and counted in the store at a start, after
 * a turn that failed, and where other machines write to it, too, before anything goes for a
 * bound: what another one removed in the last KEPT_COUNT_MS may be reckoned with as if there.
 *
 * Bytes of a job are those of its blobs and KEPT_ROW_BYTES for its rows.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "metrics.h"
#include "store/store.h"

#define KEPT_ROW_BYTES 1024
#define KEPT_COUNT_MS  1000

struct client_state;
struct queue;

struct kept {
	uint64_t jobs, bytes; /* of all clients */
	bool stale;           /* to be counted again */
	int64_t counted_age_ms;
};

/* Counts again where that is due. */
int kept_refresh(struct queue *q, struct err *err);
/* age_ms: when it ended, as its row has it: later, where that is still to be announced. */
void kept_add(struct queue *q, struct client_state *client, uint64_t blob_bytes, int64_t age_ms);
/* One of the jobs of the client of that name is older or younger now than it was. */
void kept_moved(struct queue *q, const char *name);
void kept_removed(struct queue *q, const struct store_done *done);

/* Is this client, or are all together, beyond what may be kept? Cheap. */
bool kept_is_over(const struct queue *q, const struct client_state *client);

/* Whose jobs go, the oldest first. */
struct kept_excess {
	struct client_state *client;
	enum gone why;
	uint64_t bytes;       /* so many at least */
	int64_t until_age_ms; /* none that ended later: then it is another client's turn */
};

/* False: nothing must go. The newest job of a client stays, whatever its size. */
bool kept_find_excess(struct queue *q, struct kept_excess *ret);

/* When the oldest one ended; INT64_MAX: there is none. */
int64_t kept_oldest_age_ms(struct queue *q);

/* May a job of that many bytes come? Those that wait and run are not removed for it. */
bool kept_has_room(const struct queue *q, uint64_t spec_bytes, uint64_t input_bytes);
