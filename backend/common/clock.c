/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <string.h>
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

/* `width` digits at `at`. By hand: every answer about a job has four stamps. */
static void put_digits(char *at, int value, int width)
{
	while (width-- > 0) {
		at[width] = (char)('0' + value % 10);
		value /= 10;
	}
}

void clock_format(int64_t unix_ms, char ret[static CLOCK_TEXT])
{
	time_t s = (time_t)(unix_ms / 1000);
	struct tm tm;

	memcpy(ret, "1970-01-01T00:00:00.000Z", sizeof("1970-01-01T00:00:00.000Z"));
	if (unix_ms < 0 || gmtime_r(&s, &tm) == NULL || tm.tm_year > 9999 - 1900)
		return;
	put_digits(ret, tm.tm_year + 1900, 4);
	put_digits(ret + 5, tm.tm_mon + 1, 2);
	put_digits(ret + 8, tm.tm_mday, 2);
	put_digits(ret + 11, tm.tm_hour, 2);
	put_digits(ret + 14, tm.tm_min, 2);
	put_digits(ret + 17, tm.tm_sec, 2);
	put_digits(ret + 20, (int)(unix_ms % 1000), 3);
}
