/* SPDX-License-Identifier: MIT */
/* Web application manifests: the members that are addresses, wherever they stand. */
#include <string.h>

#include "json.h"
#include "scan.h"

static void string(void *data, const struct json_string *string)
{
	static const char *const members[] = { "src", "url", "start_url", "action" };
	struct scan *scan = data;

	if (string->is_key || string->depth == 0)
		return;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		bool worker = string->depth > 1 &&
			      strcmp(string->keys[string->depth - 2], "serviceworker") == 0;

		if (strcmp(string->keys[string->depth - 1], members[i]) == 0)
			(void)scan_ref(
				scan, &string->value, scan->dir, worker ? REF_SERVICE : REF_PLAIN);
	}
}

void web_manifest_scan(struct scan *scan, const struct text *text)
{
	if (!json_each_string(text, string, scan))
		file_note(scan->file, 0, "not JSON; copied as it is");
}
