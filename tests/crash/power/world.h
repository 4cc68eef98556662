/* SPDX-License-Identifier: MIT */
/*
 * One machine whose power fails again and again: a disk for each of its lives, the ledger
 * beyond them, and the seed that everything follows from.
 */
#pragma once

#include <sys/types.h>

#include "dice.h"
#include "disk.h"
#include "ledger.h"
#include "survey.h"

struct world {
	char dir[64];
	unsigned life;
	uint64_t seed;
	unsigned lies; /* of its disk */
	struct dice dice;
	struct ledger *ledger; /* shared with the lives */
	char why[SURVEY_WHY];  /* what the last survey found wrong */
};

/* With an empty disk. */
void world_init(struct world *w, uint64_t seed);
void world_done(struct world *w);
/* The disk of this life; NUL-terminated. */
void world_disk(const struct world *w, char ret[static 100]);

/* Of this life alone. */
struct dice world_dice(const struct world *w);
/*
 * In the process of a life: its working directory is the disk's root from here on. cut_at: as
 * in disk_plan.
 */
void world_live(const struct world *w, uint64_t cut_at);
/* After it: false where it did not end by a power cut, or the survey found something. */
bool world_look(struct world *w, int status);

/* How many worlds: `few` on every build, `many` or a share of it in the long run. */
unsigned world_count(unsigned few, unsigned many);
/* Says what the run amounted to where somebody wants to know ($DOCKGATE_FIGURES). */
void world_figure(const char *name, unsigned n);
/* The first of their seeds. */
uint64_t world_first_seed(void);
