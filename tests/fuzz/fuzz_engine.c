/* SPDX-License-Identifier: MIT */
/* What the engine answers, and how it is addressed. */
#include "driver/engine.h"
#include "driver/host.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = fuzz_text(data, n);
	struct engine_reply reply = { .status = 200, .body = text, .len = n };
	struct engine_where where;
	struct host host;
	struct err err;
	json_t *json = engine_json(&reply, JSON_OBJECT, &err);

	if (json != NULL && host_parse(json, &host, &err) == 0)
		MUST(host.cpus > 0 && host.memory_bytes > 0 &&
			strnlen(host.version, sizeof(host.version)) < sizeof(host.version));
	json_decref(json);
	if (engine_where_parse(text, &where, &err) == 0)
		engine_where_done(&where);
	free(text);
	return 0;
}
