/* SPDX-License-Identifier: MIT */
/*
 * Is a program's output what was expected? Streaming on both sides: neither is
 * ever held whole.
 *
 *	compare_init(&c, COMPARE_LINES, read_expected, arg, expected_len);
 *	compare_feed(&c, data, n);  as it comes
 *	same = compare_end(&c);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"

#define COMPARE_CHUNK 16384

/* All n bytes at the offset, 0; negative where they cannot be read (then nothing matches). */
typedef int (*compare_read_fn)(void *arg, uint64_t offset, void *ret, size_t n);

struct compare_run {
	enum compare how;
	compare_read_fn read;
	void *arg;
	uint64_t len, offset; /* of what is expected: in all, and read so far */
	size_t at, have;      /* within chunk */
	bool differs;
	bool in_token;      /* COMPARE_TOKENS: the output is within one */
	bool space_differs; /* COMPARE_LINES: blanks differ; counts if text follows on the line */
	uint8_t chunk[COMPARE_CHUNK];
};

void compare_init(
	struct compare_run *run, enum compare how, compare_read_fn read, void *arg, uint64_t len);
void compare_feed(struct compare_run *run, const uint8_t *data, size_t n);
/* The output is over. */
bool compare_end(struct compare_run *run);
