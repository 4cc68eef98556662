/* SPDX-License-Identifier: MIT */
/*
 * What was begun and what was acknowledged of each job, beyond every power cut; and what
 * its bytes must be. Lies in memory that the process under test shares.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/job_id.h"
#include "common/verdict.h"

#define LEDGER_MAX 512

enum fate { FATE_NONE, FATE_QUEUED, FATE_DONE, FATE_GONE };

struct ledger_job {
	struct job_id id;
	bool has_id;        /* it is told with the acknowledgement, or found on the disk */
	uint64_t tag;       /* of its input; never 0 */
	size_t input_bytes; /* at least CONTENT_MIN */
	/* The least and the most that may be found of it. */
	enum fate said, begun;
	uint32_t ended_attempt; /* that said FATE_DONE; 0: not known */
	bool found;
};

struct ledger {
	struct ledger_job job[LEDGER_MAX];
	size_t n;
};

/* NULL: there is none. */
struct ledger_job *ledger_find(struct ledger *ledger, const struct job_id *id);
struct ledger_job *ledger_find_tag(struct ledger *ledger, uint64_t tag);

/* Bytes that say whose they are: their tag, their number and a pattern made of both. */
#define CONTENT_MIN 16
void content_fill(uint8_t *data, size_t n, uint64_t tag);
bool content_is(const uint8_t *data, size_t n, uint64_t tag);
uint64_t content_tag(const uint8_t *data);

/* What comes of an attempt, whoever runs it. */
struct outcome {
	enum verdict verdict;
	uint64_t tag;
	size_t out_bytes; /* beyond BLOB_INLINE_MAX at times */
};
struct outcome outcome_of(const struct job_id *id, uint32_t attempt);
