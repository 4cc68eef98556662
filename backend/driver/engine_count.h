/* SPDX-License-Identifier: MIT */
/* What the engine was asked, by operation: how often, how it ended, how long it took. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "common/prom.h"
#include "engine.h"

/* X(id, name, method, beginning of the path, its end or "" for any); the first that fits. */
#define ENGINE_OPERATIONS(X)                                                      \
	X(CONTAINER_CREATE, "container_create", "POST", "/containers/create", "") \
	X(CONTAINER_START, "container_start", "POST", "/containers/", "/start")   \
	X(CONTAINER_REMOVE, "container_remove", "DELETE", "/containers/", "")     \
	X(CONTAINER_LIST, "container_list", "GET", "/containers/json", "")        \
	X(CONTAINER_INSPECT, "container_inspect", "GET", "/containers/", "/json") \
	X(IMAGE_INSPECT, "image_inspect", "GET", "/images/", "")                  \
	X(PING, "ping", "GET", "/_ping", "")                                      \
	X(VERSION, "version", "GET", "/version", "")                              \
	X(INFO, "info", "GET", "/info", "")                                       \
	X(OTHER, "other", "", "", "")

enum engine_operation {
#define X(id, name, method, path, end) ENGINE_OP_##id,
	ENGINE_OPERATIONS(X)
#undef X
		ENGINE_OP_MAX_,
};

#define ENGINE_FAULTS (ENGINE_AWAY + 1)

struct engine_counts {
	uint64_t calls[ENGINE_OP_MAX_][ENGINE_FAULTS];
	struct prom_histogram took[ENGINE_OP_MAX_];
};

enum engine_operation engine_operation_of(const char *method, const char *path);
void engine_count(struct engine_counts *counts, enum engine_operation operation,
	enum engine_fault fault, int64_t took_us);
void engine_counts_write(const struct engine_counts *counts, FILE *f);
