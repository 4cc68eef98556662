/* SPDX-License-Identifier: MIT */
/*
 * Prometheus' text format: what is counted, and the lines that say so. Names get "dockgate_"
 * in front; labels are as they stand between the braces, "" for none.
 *
 *	prom_head(f, "engine_call_seconds", "histogram", "How long the engine took.");
 *	prom_histogram(f, "engine_call_seconds", "operation=\"create\"", &histogram);
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#define PROM_BUCKETS 14

/* Of durations, from half a millisecond to an hour. */
struct prom_histogram {
	uint64_t count[PROM_BUCKETS + 1]; /* the last one: above all bounds */
	double sum_s;
};

/* Below 0 is taken for 0. */
void prom_observe_us(struct prom_histogram *histogram, int64_t us);
uint64_t prom_observed(const struct prom_histogram *histogram);
/* Mean of what was observed; 0 for nothing. */
int64_t prom_mean_ms(const struct prom_histogram *histogram);

/* What must stand once before the lines of a name. */
void prom_head(FILE *f, const char *name, const char *type, const char *help);
void prom_line(FILE *f, const char *name, const char *labels, double value);
/* Both, for a metric of one line. */
void prom_value(FILE *f, const char *name, const char *type, const char *help, double value);
void prom_histogram(
	FILE *f, const char *name, const char *labels, const struct prom_histogram *histogram);
