/* SPDX-License-Identifier: MIT */
/*
 * The released site on disk. It is built in a directory beside DST, which takes DST's place when
 * all of it is there; an error, a signal, or an end before that leaves DST as it was and removes
 * what was built.
 */
#pragma once

#include "site.h"

struct output {
	char *dst;   /* owned; real path */
	char *stage; /* owned; NULL: nothing built */
	bool exists; /* DST did, when the work began */
	mode_t mode; /* of DST */
};

/* Refuses a DST that is no directory, or that lies in SRC or around it. Touches nothing. */
int output_check(struct output *output, const struct site *site, const char *dst, struct err *err);
/* Builds the stage. */
int output_build(struct output *output, const struct site *site, struct err *err);
/* Swaps the stage in. What was there is removed, or, with `backup`, kept as DST~. */
int output_swap(struct output *output, bool backup, struct err *err);
/* Removes what is left of a stage. */
void output_done(struct output *output);

/* The path lies in the directory (both real). */
bool path_is_in(const char *path, const char *dir);
/* From now on, INT, TERM and HUP end the work at the next file. */
void output_watch_signals(void);
/* -EINTR if there was one, or 0. */
int output_check_signals(struct err *err);
