/* SPDX-License-Identifier: MIT */
/* Addresses and headers of a request: routes, escapes, ranges, cursors, origins. */
#include "common/config.h"
#include "fuzz.h"
#include "gateway/cursor.h"
#include "gateway/origin.h"
#include "gateway/ranges.h"
#include "gateway/route.h"

static struct config *config;

static void check_cursor(const char *text)
{
	char again[CURSOR_CHARS];
	struct cursor cursor;

	if (!cursor_parse(text, &cursor))
		return;
	cursor_format(&cursor, again);
	MUST(strcmp(text, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = fuzz_text(data, n), *decoded = malloc(n + 1);
	uint64_t first, len;
	struct err err;

	if (config == NULL)
		MUST(config_parse(
			     "server_names = { \"a.example\" } origins = { \"https://b.example\" }",
			     "fuzz", NULL, NULL, &config, &err) == 0);
	for (int i = 0; i < 5; i++)
		(void)route_find((enum method)(1 << i), text);
	if (route_decode(text, n, n % 2 == 0, decoded))
		MUST(strlen(decoded) <= n);
	if (range_parse(text, 1000, &first, &len) == RANGE_PART)
		MUST(first < 1000 && len > 0 && len <= 1000 - first);
	check_cursor(text);
	(void)origin_host_known(config, text);
	(void)origin_check(config, "a.example", text);
	free(decoded);
	free(text);
	return 0;
}
