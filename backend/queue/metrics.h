/* SPDX-License-Identifier: MIT */
/* Counts since the start, and Prometheus' text of them. */
#pragma once

#include <stdint.h>

#include "common/prom.h"
#include "common/verdict.h"
#include "wire/blob.h"

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

struct metrics {
	uint64_t submitted, refused, unauthorized, requeued, lost, stale;
	uint64_t removed[GONE_MAX_];
	uint64_t delivered, undelivered, untaken; /* callbacks; attempts that nobody took */
	uint64_t done[VERDICT_MAX_];
	struct prom_histogram wait, run;
	uint64_t spool_bytes; /* written into the spool */
	uint64_t spool_files; /* of them, still there */
};

struct queue;

/* drivers: its part, NULL for none. */
int metrics_text(struct queue *q, const struct blob *drivers, struct blob *ret, struct err *err);
