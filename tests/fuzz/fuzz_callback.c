/* SPDX-License-Identifier: MIT */
/* Where a callback goes to, and the trace that it belongs to. */
#include "common/callback.h"
#include "common/trace.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct strv nobody;
	char *text = fuzz_text(data, n), trace[TRACE_CHARS + 1];
	struct callback_target target;
	struct err err;

	if (callback_parse(text, &target, &err) == 0) {
		const struct sockaddr *address = (const struct sockaddr *)&target.address;

		MUST(target.host[0] != '\0' && target.port != 0);
		MUST(!target.is_address || callback_allowed(&nobody, target.host, address) ==
						   callback_is_public(address));
	}
	(void)callback_allow_ok(text);
	if (trace_parse(text, trace))
		MUST(strlen(trace) == TRACE_CHARS && trace_is_good(trace));
	free(text);
	return 0;
}
