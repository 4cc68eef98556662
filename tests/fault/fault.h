/* SPDX-License-Identifier: MIT */
/*
 * Makes one call of the C library fail: the n-th of those that a process makes while armed.
 *
 * inject.c stands before the C library in a test program, or preloaded in a role (preload.c), and
 * looks at a page that whoever steers it shares. Every call that can fail is a point; points are
 * counted in the order in which they are reached, and the one whose number is `n` fails with an
 * errno that its call knows. A call with several errnos that matter is a point in several rounds:
 * round 0 has all calls, round 1 those with a second errno.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_ROUNDS 3
#define FAULT_DEPTH  24

#define FAULT_FIRED  1U
#define FAULT_SPARED 2U /* it is inside a library that is known not to stand it */

/* Kinds of points, as bits of `kinds`. */
#define FAULT_MEMORY  1U
#define FAULT_SYSCALL 2U

struct fault_page {
	_Atomic uint32_t armed;
	uint32_t kinds, round;
	uint64_t n;             /* 1..; 0: none fails, all are counted */
	_Atomic uint64_t seen;  /* points reached since it was armed */
	_Atomic uint32_t fired; /* FAULT_* below; 0: the point was not reached */
	int32_t code;           /* what it failed with, as errno */
	char call[32];
	uint32_t depth;
	void *trace[FAULT_DEPTH]; /* who called it */
};

/* For programs that have inject.c linked in. */
extern struct fault_page *fault_page;
/* The calls of this thread are no points: it plays a part of the world outside. */
extern _Thread_local bool fault_spared;

/* What fails, and who called it, goes to standard error. */
extern bool fault_told;
/* Notes say where they were made, too: that takes a while. */
extern bool fault_traced;
/* From now on every allocation is noted until it is freed. */
void fault_track(bool on);
/* Allocations noted and not freed. */
size_t fault_live(void);
/* Where the first of them was made: at most FAULT_DEPTH addresses. */
size_t fault_live_trace(void **ret, size_t *ret_bytes);
