/* SPDX-License-Identifier: MIT */
#include "engine_count.h"

#include <string.h>

static const struct {
	const char *name, *method, *path, *end;
} operations[ENGINE_OP_MAX_] = {
#define X(id, name, method, path, end) [ENGINE_OP_##id] = { name, method, path, end },
	ENGINE_OPERATIONS(X)
#undef X
};

/* Does the path, without its query, end so? */
static bool ends_with(const char *path, const char *end)
{
	size_t n = strcspn(path, "?"), n_end = strlen(end);

	return n >= n_end && strncmp(path + n - n_end, end, n_end) == 0;
}

enum engine_operation engine_operation_of(const char *method, const char *path)
{
	for (int i = 0; i < (int)ENGINE_OP_OTHER; i++) {
		if (strcmp(method, operations[i].method) == 0 &&
			strncmp(path, operations[i].path, strlen(operations[i].path)) == 0 &&
			ends_with(path, operations[i].end))
			return (enum engine_operation)i;
	}
	return ENGINE_OP_OTHER;
}

void engine_count(struct engine_counts *counts, enum engine_operation operation,
	enum engine_fault fault, int64_t took_us)
{
	counts->calls[operation][fault]++;
	prom_observe_us(&counts->took[operation], took_us);
}

void engine_counts_write(const struct engine_counts *counts, FILE *f)
{
	static const char *const results[ENGINE_FAULTS] = {
		[ENGINE_FINE] = "ok",
		[ENGINE_REFUSED] = "refused",
		[ENGINE_GARBLED] = "garbled",
		[ENGINE_LATE] = "late",
		[ENGINE_AWAY] = "away",
	};
	char labels[100];

	prom_head(f, "engine_calls_total", "counter",
		"Calls of the container engine, by operation and how they ended.");
	for (int op = 0; op < (int)ENGINE_OP_MAX_; op++) {
		for (int fault = 0; fault < (int)ENGINE_FAULTS; fault++) {
			(void)snprintf(labels, sizeof(labels), "operation=\"%s\",result=\"%s\"",
				operations[op].name, results[fault]);
			prom_line(
				f, "engine_calls_total", labels, (double)counts->calls[op][fault]);
		}
	}
	prom_head(f, "engine_call_seconds", "histogram", "How long calls of the engine took.");
	for (int op = 0; op < (int)ENGINE_OP_MAX_; op++) {
		(void)snprintf(labels, sizeof(labels), "operation=\"%s\"", operations[op].name);
		prom_histogram(f, "engine_call_seconds", labels, &counts->took[op]);
	}
}
