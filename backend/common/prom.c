/* SPDX-License-Identifier: MIT */
#include "prom.h"

#include <inttypes.h>

static const double bounds_s[PROM_BUCKETS] = { 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25,
	1, 5, 20, 60, 600, 3600 };

void prom_observe_us(struct prom_histogram *histogram, int64_t us)
{
	double s = us < 0 ? 0 : (double)us / 1e6;
	size_t i = 0;

	while (i < PROM_BUCKETS && s > bounds_s[i])
		i++;
	histogram->count[i]++;
	histogram->sum_s += s;
}

uint64_t prom_observed(const struct prom_histogram *histogram)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= PROM_BUCKETS; i++)
		n += histogram->count[i];
	return n;
}

int64_t prom_mean_ms(const struct prom_histogram *histogram)
{
	uint64_t n = prom_observed(histogram);

	return n == 0 ? 0 : (int64_t)(histogram->sum_s * 1000 / (double)n);
}

void prom_head(FILE *f, const char *name, const char *type, const char *help)
{
	(void)fprintf(f, "# HELP dockgate_%s %s\n# TYPE dockgate_%s %s\n", name, help, name, type);
}

void prom_line(FILE *f, const char *name, const char *labels, double value)
{
	if (labels[0] == '\0')
		(void)fprintf(f, "dockgate_%s %.15g\n", name, value);
	else
		(void)fprintf(f, "dockgate_%s{%s} %.15g\n", name, labels, value);
}

void prom_value(FILE *f, const char *name, const char *type, const char *help, double value)
{
	prom_head(f, name, type, help);
	prom_line(f, name, "", value);
}

void prom_histogram(
	FILE *f, const char *name, const char *labels, const struct prom_histogram *histogram)
{
	const char *comma = labels[0] == '\0' ? "" : ",";
	const char *open = labels[0] == '\0' ? "" : "{", *close = labels[0] == '\0' ? "" : "}";
	uint64_t n = 0;

	for (size_t i = 0; i < PROM_BUCKETS; i++) {
		n += histogram->count[i];
		(void)fprintf(f, "dockgate_%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", name, labels,
			comma, bounds_s[i], n);
	}
	n += histogram->count[PROM_BUCKETS];
	(void)fprintf(f,
		"dockgate_%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n"
		"dockgate_%s_sum%s%s%s %.15g\ndockgate_%s_count%s%s%s %" PRIu64 "\n",
		name, labels, comma, n, name, open, labels, close, histogram->sum_s, name, open,
		labels, close, n);
}
