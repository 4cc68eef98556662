/* SPDX-License-Identifier: MIT */
/*
 * Figures of a cgroup, read from descriptors that were opened once: the job's
 * own cgroup where it has one, else the container's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/frame.h"

enum figure {
	FIGURE_CPU_US,
	FIGURE_MEMORY_PEAK,
	FIGURE_MEMORY_NOW,
	FIGURE_OOM_KILLS,
	FIGURE_PIDS_NOW,
	FIGURE_PIDS_PEAK,
	FIGURE_PIDS_REFUSED,
	FIGURE_MAX_,
};

enum controller {
	CONTROLLER_MEMORY,
	CONTROLLER_PIDS,
	CONTROLLER_CPUACCT,
	CONTROLLER_CPU,
	CONTROLLER_MAX_,
};

struct meter {
	enum frame_cgroup kind; /* decides the files' formats: JOB_V1 or JOB_V2 */
	int fd[FIGURE_MAX_];    /* owned; -1: this kernel has no such file */
};

#define METER_NONE ((struct meter){ .fd = { -1, -1, -1, -1, -1, -1, -1 } })

/*
 * Opens what there is below the directories (v2: all the same one; -1: none). `job`: they are
 * one step's alone, so that figures from zero do.
 */
struct meter meter_open(enum frame_cgroup kind, const int dirs[CONTROLLER_MAX_], bool job);
/* The figure, -1 where it cannot be had. */
int64_t meter_read(const struct meter *meter, enum figure figure);
void meter_close(struct meter *meter);
