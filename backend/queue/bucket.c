/* SPDX-License-Identifier: MIT */
#include "bucket.h"

#define ONE         INT64_C(1000)
#define SECOND_MS   INT64_C(1000)
#define FILL_MAX_MS (INT64_C(24) * 3600 * SECOND_MS) /* longer than that is as good as for ever */

void bucket_init(struct bucket *bucket, int burst, int64_t now_ms)
{
	*bucket = (struct bucket){ .filled = burst * ONE, .at_ms = now_ms };
}

/* What has come since, whole thousandths: the rest of the time counts the next time. */
static void fill(struct bucket *bucket, int64_t rate, int64_t all, int64_t now_ms)
{
	int64_t ms = now_ms - bucket->at_ms, come;

	if (ms < 0)
		ms = 0;
	if (ms >= FILL_MAX_MS) {
		bucket->filled = all;
		bucket->at_ms = now_ms;
		return;
	}
	come = ms * rate / SECOND_MS;
	if (bucket->filled + come >= all) {
		bucket->filled = all;
		bucket->at_ms = now_ms;
		return;
	}
	bucket->filled += come;
	bucket->at_ms += come * SECOND_MS / rate;
	if (now_ms < bucket->at_ms)
		bucket->at_ms = now_ms;
}

int64_t bucket_take(struct bucket *bucket, int64_t rate, int burst, int64_t now_ms)
{
	int64_t missing;

	fill(bucket, rate, burst * ONE, now_ms);
	if (bucket->filled >= ONE) {
		bucket->filled -= ONE;
		return 0;
	}
	missing = ONE - bucket->filled;
	return (missing * SECOND_MS + rate - 1) / rate;
}
