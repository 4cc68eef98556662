/* SPDX-License-Identifier: MIT */
/* A token bucket: so many at once, and from then on so many in a second. */
#pragma once

#include <stdint.h>

struct bucket {
	int64_t filled; /* in millionths of one, as of at_ms */
	int64_t at_ms;
};

/* Full. `burst`: what it holds, 1 at least. */
void bucket_init(struct bucket *bucket, int burst, int64_t now_ms);
/*
 * Takes one out: 0; or says in how many milliseconds there will be one. `rate`: thousandths of
 * one that come in a second, > 0. A clock that goes back fills nothing.
 */
int64_t bucket_take(struct bucket *bucket, int64_t rate, int burst, int64_t now_ms);
