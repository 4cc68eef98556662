/* SPDX-License-Identifier: MIT */
/* What the gateway counts, as Prometheus text. */
#pragma once

#include <stdbool.h>

#include "document/json_text.h"
#include "route.h"

struct metrics;

/* NULL without memory. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

/* One request is over. `route`: NULL for the classic face and what was refused; status 0: no answer
 * was given. */
void metrics_count(
	struct metrics *metrics, const struct route *route, bool classic, unsigned status);

/* Adds its lines. */
void metrics_write(const struct metrics *metrics, struct json_text *t);
