/* SPDX-License-Identifier: MIT */
/* Random numbers that come again with their seed. */
#pragma once

#include <stdint.h>

struct dice {
	uint64_t state; /* the seed, at first */
};

static inline uint64_t dice_next(struct dice *dice)
{
	uint64_t x = dice->state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* 0 for 0. */
static inline uint32_t dice_below(struct dice *dice, uint32_t n)
{
	return n == 0 ? 0 : (uint32_t)(dice_next(dice) % n);
}
