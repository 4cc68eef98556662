/* SPDX-License-Identifier: MIT */
/*
 * What a crash left in the engine, or what it made and kept while it said that it had not:
 * containers with our instance's label that nobody of this process owns. They are removed; no one
 * else's are touched.
 *
 * One that was made a moment ago and not started may be in the middle of a
 * start that the dead process asked for: an engine that removes it then lists
 * it for ever. It is left until it runs or is older.
 */
#pragma once

#include "common/strv.h"
#include "engine.h"
#include "instance.h"

struct reconcile;

/* Is the container of this name one of the process's own? */
typedef bool (*reconcile_owns_fn)(const char *name, void *arg);
/* All are gone but `young` ones, for which to come again; or `why` says what failed. */
typedef void (*reconcile_done_fn)(unsigned removed, unsigned young, const char *why, void *arg);

struct reconcile_whose {
	const char *instance;
	reconcile_owns_fn owns;
	void *arg; /* of owns() */
};

/*
 * What the engine lists (/containers/json): the ids of those to be removed are added to `orphans`,
 * on failure too.
 */
int reconcile_read(const struct engine_reply *reply, const struct reconcile_whose *whose,
	struct strv *orphans, unsigned *ret_young, struct err *err);

int reconcile_start(struct engine *engine, const char *instance, reconcile_owns_fn owns,
	reconcile_done_fn done, void *arg, struct err *err);
