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

struct machine {
	char dir[64];
	unsigned life;
	uint64_t seed;
	unsigned lies; /* of its disk */
	struct dice dice;
	struct ledger *ledger; /* shared with the lives */
	char why[SURVEY_WHY];  /* what the last survey found wrong */
};

/* With an empty disk. */
void machine_init(struct machine *m, uint64_t seed);
void machine_done(struct machine *m);
/* The disk of this life; NUL-terminated. */
void machine_disk(const struct machine *m, char ret[static 100]);

/* Of this life alone. */
struct dice machine_dice(const struct machine *m);
/*
 * In the process of a life: its working directory is the disk's root from here on. cut_at: as
 * in disk_plan.
 */
void machine_live(const struct machine *m, uint64_t cut_at);
/* After it: false where it did not end by a power cut, or the survey found something. */
bool machine_look(struct machine *m, int status);

/* How many machines: `few` on every build, `many` or a share of it in the long run. */
unsigned machine_count(unsigned few, unsigned many);
/* Says what the run amounted to where somebody wants to know ($DOCKGATE_FIGURES). */
void machine_figure(const char *name, unsigned n);
/* The first of their seeds. */
uint64_t machine_first_seed(void);
