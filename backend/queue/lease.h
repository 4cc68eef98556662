/* SPDX-License-Identifier: MIT */
/*
 * Who may hold a running job, and until when: pure decisions. Stamps are of the
 * service's own clock (age.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/verdict.h"

/* How long a driver that came back may take to report the endings of jobs that it no longer runs.
 */
#define LEASE_UNLISTED_MS 1000

/*
 * Where a lease that the store holds ends, seen at a start: not before one whole
 * lease after the store came back, so that an outage does not expire all at
 * once; at once where the machine has booted since, for its driver is gone.
 */
int64_t lease_resume(int64_t kept_until_ms, int64_t now_ms, int64_t lease_ms, bool new_boot);

bool lease_is_over(int64_t until_ms, int64_t now_ms);

enum lease_after {
	LEASE_AGAIN,   /* back to its place in the queue */
	LEASE_GIVE_UP, /* all attempts are used up */
};

/* After one more failed attempt; `failures` counts it. */
enum lease_after lease_after(uint32_t failures, int attempts);
