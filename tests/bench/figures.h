/* SPDX-License-Identifier: MIT */
/* Times of many repetitions and what the benchmark says of them. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct figures {
	uint32_t *us; /* owned; one for each repetition, sorted by figures_print() */
	size_t n, room;
	uint64_t errors;
};

/* Microseconds of CLOCK_MONOTONIC. */
int64_t figures_now_us(void);

/* Sleeps until that time of figures_now_us(); not at all where it has passed. */
void figures_wait_until(int64_t us);

/* Ends the program where there is no memory: a benchmark has nothing to save. */
void figures_add(struct figures *figures, int64_t us);

/*
 * One line of JSON: n, errors, rate per second of elapsed_us, percentiles in
 * milliseconds (the nearest rank: always a time that was seen), and the cpu
 * time that this program and those that it has waited for have used.
 */
void figures_print(struct figures *figures, int64_t elapsed_us, FILE *to);

void figures_done(struct figures *figures);

/* A whole decimal number from min to max in `text`, or the program ends, naming `what`. */
long figures_number(const char *text, const char *what, long min, long max);
