/* SPDX-License-Identifier: MIT */
/* Records in the store and in messages: what a job is, what came of it, rows of lists. */
#include "fuzz.h"
#include "wire/listing.h"
#include "wire/pack.h"
#include "wire/result.h"
#include "wire/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct unpacker u = unpacker_of(data, n);
	struct listing_row row;
	struct result result;
	struct spec spec;
	struct err err;

	if (spec_unpack(data, n, 1 << 20, &spec, &err) == 0) {
		struct blob blob = BLOB_EMPTY;

		MUST(spec_pack(&spec, &blob, &err) == 0);
		blob_done(&blob);
		spec_done(&spec);
	}
	if (result_unpack(data, n, 1 << 20, 1 << 20, 1 << 20, &result, &err) == 0)
		result_done(&result);
	while (listing_unpack(&u, &row))
		;
	return 0;
}
