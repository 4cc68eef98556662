/* SPDX-License-Identifier: MIT */
/*
 * How many containers the engine is asked to make at one time. Too few leave it
 * idle, too many slow it down, and where that turns differs from machine to
 * machine and from hour to hour. So it is looked for while it matters: as long
 * as that many are in the making all the time, the rate at which they get ready
 * is taken, the number goes a step on, and turns back where the rate has fallen.
 * A pure function of what it is told.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pace {
	unsigned now; /* at one time */
	unsigned least, most;
	int step;         /* 1 or -1 */
	unsigned settle;  /* of those that get ready: made at the pace of before */
	unsigned ready;   /* since the look began */
	int64_t since_us; /* begin of the look; 0: none */
	double rate;      /* of the last look, in containers a microsecond; 0: none */
};

/* least == most: it stays there. */
void pace_init(struct pace *pace, unsigned start, unsigned least, unsigned most);
/* A container got ready, or was given up; full: as many as may be were in the making, it included.
 */
void pace_ready(struct pace *pace, bool full, int64_t now_us);
