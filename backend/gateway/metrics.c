/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CLASSES 6 /* of status codes; 0: no answer */

/* Rows: each route, then the classic face, then what was refused before it had a route. */
struct metrics {
	size_t n_routes;
	uint64_t counts[][CLASSES];
};

struct metrics *metrics_new(void)
{
	size_t n = 0;
	struct metrics *metrics;

	while (route_at(n) != NULL)
		n++;
	metrics = calloc(1, sizeof(*metrics) + (n + 2) * sizeof(metrics->counts[0]));
	if (metrics != NULL)
		metrics->n_routes = n;
	return metrics;
}

void metrics_free(struct metrics *metrics)
{
	free(metrics);
}

void metrics_count(
	struct metrics *metrics, const struct route *route, bool classic, unsigned status)
{
	size_t row = metrics->n_routes + 1;

	if (route != NULL)
		row = route_index(route);
	else if (classic)
		row = metrics->n_routes;
	metrics->counts[row][status / 100 < CLASSES ? status / 100 : 0]++;
}

static const char *method_text(enum method method)
{
	return method == METHOD_POST ? "POST" : method == METHOD_DELETE ? "DELETE" : "GET";
}

static void write_row(const struct metrics *metrics, struct json_text *t, size_t row)
{
	const struct route *route = row < metrics->n_routes ? route_at(row) : NULL;
	const char *name = row == metrics->n_routes ? "classic" : "other";
	char line[256];

	for (unsigned class = 0; class < CLASSES; class ++) {
		int n;

		if (metrics->counts[row][class] == 0)
			continue;
		n = snprintf(line, sizeof(line),
			"dockgate_http_requests_total{method=\"%s\",route=\"%s\",class=\"%s%s\"} "
			"%" PRIu64 "\n",
			route == NULL ? "" : method_text(route->method),
			route == NULL ? name : route->pattern,
			class == 0 ? "cut" : (const char[]){ (char)('0' + class), '\0' },
			class == 0 ? "" : "xx", metrics->counts[row][class]);
		jt_raw(t, line, (size_t)n);
	}
}

void metrics_write(const struct metrics *metrics, struct json_text *t)
{
	static const char head[] =
		"# HELP dockgate_http_requests_total Requests, by route and class of status code.\n"
		"# TYPE dockgate_http_requests_total counter\n";

	jt_raw(t, head, sizeof(head) - 1);
	for (size_t row = 0; row < metrics->n_routes + 2; row++)
		write_row(metrics, t, row);
}
