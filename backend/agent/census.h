/* SPDX-License-Identifier: MIT */
/*
 * How many processes the container has and what they hold in memory, counted one by one in /proc:
 * for kernels that show no cgroup at all, as gVisor's.
 */
#pragma once

#include <stdint.h>

struct census {
	int64_t processes;
	int64_t resident_bytes; /* what is shared is counted for each */
};

/* Zeros where /proc cannot be read. */
struct census census_take(void);
