/* SPDX-License-Identifier: MIT */
/* Counts since the start, and Prometheus' text of them. */
#pragma once

#include <stdint.h>

#include "common/verdict.h"
#include "wire/blob.h"

#define METRICS_BUCKETS 12

/* Why a result has gone. X(id, name) */
#define GONE(X)                     \
	X(EXPIRED, "expired")       \
	X(KEEP_BYTES, "keep_bytes") \
	X(MAX_BYTES, "max_bytes")   \
	X(PURGED, "purged")

enum gone {
#define X(id, name) GONE_##id,
	GONE(X)
#undef X
		GONE_MAX_,
};

const char *gone_name(enum gone why);

struct histogram {
	uint64_t count[METRICS_BUCKETS + 1]; /* the last one: above all bounds */
	double sum_s;
};

struct metrics {
	uint64_t submitted, refused, unauthorized, requeued, lost, stale;
	uint64_t removed[GONE_MAX_];
	uint64_t done[VERDICT_MAX_];
	struct histogram wait, run;
	uint64_t spool_bytes; /* written into the spool */
	uint64_t spool_files; /* of them, still there */
};

struct queue;

void metrics_observe(struct histogram *histogram, int64_t ms);
/* Mean of what was observed, in milliseconds; 0 for nothing. */
int64_t metrics_mean_ms(const struct histogram *histogram);
int metrics_text(struct queue *q, struct blob *ret, struct err *err);
