/* SPDX-License-Identifier: MIT */
#include "bucket.h"

#define ONE         INT64_C(1000000)            /* a millisecond at a rate of 0.001 brings 1 */
#define FILL_MAX_MS (INT64_C(24) * 3600 * 1000) /* longer than that is as good as for ever */

void bucket_init(struct bucket *bucket, int burst, int64_t now_ms)
{
	*bucket = (struct bucket){ .filled = burst * ONE, .at_ms = now_ms };
}

static void fill(struct bucket *bucket, int64_t rate, int64_t all, int64_t now_ms)
{
	int64_t ms = now_ms - bucket->at_ms;

	if (ms <= 0)
		return;
	bucket->filled += (ms < FILL_MAX_MS ? ms : FILL_MAX_MS) * rate;
	if (bucket->filled > all)
		bucket->filled = all;
	bucket->at_ms = now_ms;
}

int64_t bucket_take(struct bucket *bucket, int64_t rate, int burst, int64_t now_ms)
{
	fill(bucket, rate, burst * ONE, now_ms);
	if (bucket->filled >= ONE) {
		bucket->filled -= ONE;
		return 0;
	}
	return (ONE - bucket->filled + rate - 1) / rate;
}
