/* SPDX-License-Identifier: MIT */
/*
 * The spares that wait for a step, and what the keeper answers about them.
 */
#pragma once

#include "spare.h"

/* Any spare in that state, NULL: none. */
struct spare *pool_find(enum spare_state state);
/* NULL: it is none of ours, or used already. */
struct spare *pool_numbered(unsigned int number);
/* Forks up to `count` more and has them put into cgroups. */
void pool_prepare(size_t count);
/* Does without cgroups of the job's own from now on; for that reason. */
void pool_fall_back(const char *why);
/* An answer about limits that were asked for has come. */
void pool_limited(void);
/* Takes the keeper's answers that are there. */
void pool_read(void);
