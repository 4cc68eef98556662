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

#include "engine.h"
#include "instance.h"

struct reconcile;

/* Is the container of this name one of the process's own? */
typedef bool (*reconcile_owns_fn)(const char *name, void *arg);
/* All are gone but `young` ones, for which to come again; or `why` says what failed. */
typedef void (*reconcile_done_fn)(unsigned removed, unsigned young, const char *why, void *arg);

int reconcile_start(struct engine *engine, const char *instance, reconcile_owns_fn owns,
	reconcile_done_fn done, void *arg, struct err *err);
