/* SPDX-License-Identifier: MIT */
#include "figures.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

int64_t figures_now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void figures_wait_until(int64_t us)
{
	struct timespec at = { .tv_sec = us / 1000000, .tv_nsec = (us % 1000000) * 1000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

void figures_add(struct figures *figures, int64_t us)
{
	if (figures->n == figures->room) {
		figures->room = figures->room == 0 ? 4096 : figures->room * 2;
		figures->us = realloc(figures->us, figures->room * sizeof(*figures->us));
		if (figures->us == NULL)
			err(1, "times");
	}
	if (us < 0)
		us = 0;
	figures->us[figures->n++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double percentile_ms(const struct figures *figures, unsigned per_mille)
{
	size_t rank;

	if (figures->n == 0)
		return 0;
	rank = (figures->n * per_mille + 999) / 1000;
	return figures->us[rank > 0 ? rank - 1 : 0] / 1e3;
}

static double cpu_s(int who)
{
	struct rusage usage;

	(void)getrusage(who, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void figures_print(struct figures *figures, int64_t elapsed_us, FILE *to)
{
	double s = elapsed_us > 0 ? (double)elapsed_us / 1e6 : 1e-6;

	if (figures->n > 0)
		qsort(figures->us, figures->n, sizeof(*figures->us), by_size);
	(void)fprintf(to,
		"{\"n\": %zu, \"errors\": %llu, \"elapsed_s\": %.3f, \"per_s\": %.1f, "
		"\"min_ms\": %.3f, \"p50_ms\": %.3f, \"p90_ms\": %.3f, \"p99_ms\": %.3f, "
		"\"max_ms\": %.3f, "
		"\"own_cpu_s\": %.3f}\n",
		figures->n, (unsigned long long)figures->errors, s, (double)figures->n / s,
		percentile_ms(figures, 0), percentile_ms(figures, 500), percentile_ms(figures, 900),
		percentile_ms(figures, 990), percentile_ms(figures, 1000),
		cpu_s(RUSAGE_SELF) + cpu_s(RUSAGE_CHILDREN));
	(void)fflush(to);
}

void figures_done(struct figures *figures)
{
	free(figures->us);
	*figures = (struct figures){ 0 };
}

long figures_number(const char *text, const char *what, long min, long max)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < min || value > max)
		errx(2, "%s: '%s' is not a number from %ld to %ld", what, text, min, max);
	return value;
}
