/* SPDX-License-Identifier: MIT */
/*
 * Which of the machine's processors are whose: a job that gets one of them whole stays on it, so
 * that its threads, however many, leave the others to others. Pure; owned by who keeps the jobs.
 */
#pragma once

#include <stdint.h>

#include "wire/frame.h"

#define PROCESSORS_MAX 1024

struct processors {
	uint16_t taken[PROCESSORS_MAX]; /* thousandths of each, at most 1000 */
};

/* A job's; zeroed: none, it runs on any. */
struct place {
	uint8_t n;
	uint16_t share; /* thousandths, of each */
	uint16_t processors[FRAME_PLACE_MAX];
};

/*
 * For a job that may use `cpus` thousandths, of the first `n` processors: those that have just
 * enough left. Empty where that many have not, or it may use as many as there are.
 */
void processors_take(struct processors *all, int64_t n, int64_t cpus, struct place *ret);
/* They are others' again; *place is empty then. */
void processors_give(struct processors *all, struct place *place);
