/* SPDX-License-Identifier: MIT */
/* The engine's stream of a container's two outputs. */
#include "driver/attach.h"
#include "fuzz.h"

static int take(enum demux_type type, const uint8_t *data, size_t n, void *arg)
{
	unsigned *sum = arg;

	for (size_t i = 0; i < n; i++)
		*sum = *sum * 31 + data[i] + (unsigned)type;
	return 0;
}

static int feed(const uint8_t *data, size_t n, size_t piece, unsigned *ret_sum)
{
	struct demux demux = { 0 };
	int r = 0;

	*ret_sum = 0;
	for (size_t at = 0; r == 0 && at < n; at += piece)
		r = demux_feed(&demux, data + at, n - at < piece ? n - at : piece, take, ret_sum);
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
