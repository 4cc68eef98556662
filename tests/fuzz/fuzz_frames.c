/* SPDX-License-Identifier: MIT */
/* The agent's frames as the driver reads them, in pieces of a size that the input says. */
#include "driver/frames.h"
#include "fuzz.h"

static int bulk(enum frame_type type, const uint8_t *data, size_t n, void *arg)
{
	unsigned *sum = arg;

	for (size_t i = 0; i < n; i++)
		*sum = *sum * 31 + data[i] + (unsigned)type;
	return 0;
}

static int whole(enum frame_type type, const uint8_t *payload, size_t n, void *arg)
{
	MUST(n <= FRAME_PAYLOAD_MAX);
	return bulk(type, payload, n, arg);
}

static int feed(const uint8_t *data, size_t n, size_t piece, unsigned *ret_sum)
{
	static const struct frames_ops ops = { .bulk = bulk, .frame = whole };
	struct frames frames = { 0 };
	struct err err;
	int r = 0;

	*ret_sum = 0;
	for (size_t at = 0; r == 0 && at < n; at += piece)
		r = frames_feed(
			&frames, data + at, n - at < piece ? n - at : piece, &ops, ret_sum, &err);
	frames_done(&frames);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	unsigned one, many;
	int r;

	if (n < 2)
		return 0;
	r = feed(data + 1, n - 1, n, &one);
	MUST(feed(data + 1, n - 1, data[0] % 40 + 1U, &many) == r);
	MUST(r < 0 || one == many);
	return 0;
}
