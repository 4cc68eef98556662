/* SPDX-License-Identifier: MIT */
/*
 * Whose turn is it? A pure decision over the heads of the tasks' waiting lines.
 *
 * Strictly in the order of fair.h, with exceptions: a task that has as many running as its
 * own concurrency allows, or that is paused, is passed over, so that it does not hold up
 * the others; and so is a client that has as many running as it may. A job that the machine has no
 * room for is not passed over: all behind it wait, else a large one would wait for ever. A job that
 * asks for more than the whole machine starts when it has the machine to itself.
 *
 * GPUs are few and long in use: a job that waits for one is passed over by jobs
 * that want none, and by no other. One that asks for GPUs that the machine does
 * not have starts, to be told so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/gpu.h"
#include "fair.h"

struct admission_need {
	int64_t cpus; /* thousandths */
	int64_t memory_bytes;
};

struct admission_budget {
	int slots, used_slots;
	struct admission_need all, used;
	const struct gpu_use *gpus;
};

/* A task and the first job of its line. */
struct admission_line {
	int running, concurrency;
	const struct fair_job *first; /* NULL: none waits, or none may start */
	struct admission_need need;
	struct gpu_want gpus;
};

/* The line whose first job starts now, and the GPUs it gets; n: none. */
size_t admission_next(const struct admission_budget *budget, const struct admission_line *lines,
	size_t n, uint64_t *ret_gpus);
