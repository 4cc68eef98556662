/* SPDX-License-Identifier: MIT */
/*
 * What was found in large pieces of files that do not change, such as outputs of ended jobs:
 * whoever asks for one again and again does not have it read again and again. Some thousands of
 * them, the last ones: more than a job has pieces; one thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MEASURED_MIN (64 * 1024) /* bytes: what is smaller is read as fast */

struct measured {
	bool utf8;
	uint64_t chars; /* as it stands in JSON */
};

/* False where it is not known of the file as it is now. */
bool measured_find(int fd, uint64_t offset, uint64_t len, struct measured *ret);
/* Of a file that nobody has written to since it was looked at. */
void measured_keep(int fd, uint64_t offset, uint64_t len, const struct measured *what);
