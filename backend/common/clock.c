/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <stdio.h>
#include <time.h>

int64_t clock_unix_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void clock_format(int64_t unix_ms, char ret[static CLOCK_TEXT])
{
	time_t s = (time_t)(unix_ms / 1000);
	char day[24] = "1970-01-01T00:00:00";
	struct tm tm;

	if (unix_ms >= 0 && gmtime_r(&s, &tm) != NULL)
		(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(ret, CLOCK_TEXT, "%s.%03dZ", day, (int)(unix_ms < 0 ? 0 : unix_ms % 1000));
}
