/* SPDX-License-Identifier: MIT */
/*
 * The service's own clock: milliseconds that the machine has been up with this
 * store. Retention and leases count in it, so that no jump of the wall clock,
 * in either direction, expires a result early, all at once, or never.
 *
 * Within a boot it follows CLOCK_BOOTTIME exactly, restarts of the queue
 * included: the store keeps (age, boottime, boot id) of some earlier moment.
 * After another boot it goes on from the last age that was kept: the time that
 * the machine was off does not count, because nobody could collect anything
 * then, and nothing tells it apart from a wall clock that was set. A stamp from
 * a longer life than the kept age (a crash of the machine loses what was not
 * kept yet) lies in the future by at most AGE_KEEP_MS, and expires that much later.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

#define AGE_KEEP_MS   (5 * 60 * 1000) /* the age is kept at least that often */
#define AGE_TEXT      120
#define BOOT_ID_CHARS 36

/* Where the store has it. Of a database one of the two counts, the other is "" or "0". */
#define AGE_ALONE  "age"
#define AGE_SHARED "shared_age"

struct age {
	int64_t base_ms; /* age = boottime + base */
	char boot_id[BOOT_ID_CHARS + 1];
	bool new_boot; /* another boot than the kept one's: leases are void */
};

/* From what was kept ("" for a new store) and the present moment. -EINVAL: not what age_keep()
 * writes. */
int age_resume(const char *kept, const char *boot_id, int64_t boottime_ms, struct age *ret,
	struct err *err);
/* The same with the running system's boot id and clock. */
int age_start(const char *kept, struct age *ret, struct err *err);
/* What to keep for the next start. */
void age_keep(const struct age *age, int64_t boottime_ms, char ret[static AGE_TEXT]);

int64_t age_boottime_ms(void);
int64_t age_now(const struct age *age);
